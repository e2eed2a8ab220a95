//! Generated trees through the real kubectl: every file that it opens, as the
//! kernel saw it, is in our list of what it would open.
//!
//! `tests/run differential` tries many. `ENVGUARD_TREES` says how many trees,
//! `ENVGUARD_TREES_SEED` repeats a failure, `ENVGUARD_ORACLE` names the versions
//! (`all`, `1.20,1.36`), each of which then builds every tree.

pub(crate) mod dice;
mod plant;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use dice::Dice;

use crate::oracle::chosen;
use crate::support::{Field, Findings, Kubectl, Thing, Tree, kubectls, lacks, print};

/// In the suite; enough to notice when something breaks.
const TREES: u64 = 600;

/// Where the trees begin unless it is said otherwise: a gate must give the same
/// answer twice.
const SEED: u64 = 20_261_126;

/// So many trees that fail are made as small as they can be; the others are told as they are.
const MINIMISED: usize = 3;

/// The smallest tree that still fails: without each thing, then without each line.
fn minimised(field: &Field, tree: &Tree, kubectl: &Kubectl) -> Tree {
    let fails = |tree: &Tree| !agrees(field, &field.try_out(tree, kubectl));
    let mut tree = tree.clone();
    for path in tree.things.keys().cloned().collect::<Vec<_>>() {
        let mut smaller = tree.clone();
        smaller.things.remove(&path);
        if fails(&smaller) {
            tree = smaller;
        }
    }
    for path in tree.things.keys().cloned().collect::<Vec<_>>() {
        let mut line = 0;
        while let Some(Thing::File(text)) = tree.things.get(&path) {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            if line >= lines.len() || lines.len() > 60 {
                break;
            }
            let text = [&lines[..line], &lines[line + 1..]].concat().concat();
            let mut smaller = tree.clone();
            smaller.things.insert(path.clone(), Thing::File(text));
            if fails(&smaller) {
                tree = smaller;
            } else {
                line += 1;
            }
        }
    }
    tree
}

#[test]
fn every_file_that_kubectl_opens_is_listed() {
    if lacks("strace", "shows what kubectl opens") {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let trees = number("ENVGUARD_TREES").unwrap_or(TREES);
    let first = number("ENVGUARD_TREES_SEED").unwrap_or(SEED);
    let kubectls = kubectls();
    if kubectls.is_empty() {
        return;
    }
    let seeds = first..first + trees;
    let jobs: Vec<(u64, Vec<&Kubectl>)> = seeds
        .flat_map(|seed| {
            let (new, old): (Vec<_>, Vec<_>) = builders(&kubectls, seed)
                .into_iter()
                .partition(|kubectl| !has_old_kustomize(kubectl));
            [(seed, old), (seed, new)]
        })
        .filter(|(_, kubectls)| !kubectls.is_empty())
        .collect();
    let counts = Mutex::new(BTreeMap::<u32, Count>::new());
    let problems = Mutex::new(Vec::new());
    on_every_core(jobs, |field, (seed, kubectls)| {
        let old = kubectls.iter().any(|kubectl| has_old_kustomize(kubectl));
        let tree = plant::tree(&mut Dice::new(seed), old);
        let all = field.try_out_with_each(&tree, &kubectls);
        for (kubectl, findings) in kubectls.into_iter().zip(all) {
            if agrees(field, &findings) {
                counts.lock().unwrap().entry(kubectl.minor()).or_default().add(&findings);
                continue;
            }
            // Making the smallest tree takes hundreds of builds.
            let is_early = problems.lock().unwrap().len() < MINIMISED;
            let tree = if is_early { minimised(field, &tree, kubectl) } else { tree.clone() };
            problems.lock().unwrap().push(problem(field, seed, &tree, kubectl));
        }
    });
    let counts = counts.into_inner().unwrap();
    let mut report = format!("\nseeds {first}..{}\n", first + trees);
    for (minor, count) in &counts {
        writeln!(report, "kubectl 1.{minor}: {count:?}").unwrap();
    }
    print(&report);
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{} trees:\n\n{}", problems.len(), problems.join("\n\n"));
    let all = counts.values().fold(Count::default(), |all, count| all.with(count));
    assert!(all.opened > all.trees, "the generated trees are not worth building");
    assert!(all.succeeded * 10 > all.trees, "too few of the trees can be built");
    // Not opened although it is listed: see `Count::extra`.
    assert!(all.extra * 20 <= all.opened_by_successful, "the list is too long");
}

/// Every version that was asked for, or one of all in turn.
fn builders(kubectls: &[Kubectl], seed: u64) -> Vec<&Kubectl> {
    if std::env::var_os("ENVGUARD_ORACLE").is_some() {
        chosen(kubectls, seed as usize)
    } else {
        vec![&kubectls[seed as usize % kubectls.len()]]
    }
}

/// kubectl with kustomize 2, which knows fewer fields and flags.
fn has_old_kustomize(kubectl: &Kubectl) -> bool {
    !kubectl.is_at_least(21)
}

/// Whether the guard lists every file that was opened, and refuses what is foreign.
fn agrees(field: &Field, findings: &Findings) -> bool {
    findings.missed().is_empty() && findings.leaked(&foreign(field)).is_empty()
}

fn foreign(field: &Field) -> PathBuf {
    field.instance.path("m/overlays/prod")
}

fn problem(field: &Field, seed: u64, tree: &Tree, kubectl: &Kubectl) -> String {
    let findings = field.try_out(tree, kubectl);
    format!(
        "seed {seed}, kubectl {}: opened and not listed: {:?}; foreign and not refused: {:?}\n{}",
        kubectl.version,
        findings.missed(),
        findings.leaked(&foreign(field)),
        tree.text()
    )
}

/// Does `work` for each job, each thread in a field of its own.
fn on_every_core<J: Send>(jobs: Vec<J>, work: impl Fn(&Field, J) + Sync) {
    let jobs = Mutex::new(jobs.into_iter());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let field = Field::new();
                loop {
                    // The lock is not held while the job is done.
                    let job = jobs.lock().unwrap().next();
                    let Some(job) = job else { break };
                    work(&field, job);
                }
            });
        }
    });
}

#[derive(Debug, Default)]
struct Count {
    trees: usize,
    opened: usize,
    succeeded: usize,
    refused: usize,
    unreadable: usize,
    /// Files opened by builds that succeeded and that the guard allows.
    opened_by_successful: usize,
    /// Files that the guard lists for them and that kubectl did not open.
    extra: usize,
}

impl Count {
    fn add(&mut self, findings: &Findings) {
        self.trees += 1;
        self.opened += findings.opened.len();
        self.refused += usize::from(findings.refused());
        self.unreadable += usize::from(findings.answer.unreadable);
        if !findings.succeeded {
            return;
        }
        self.succeeded += 1;
        if findings.refused() {
            return;
        }
        self.opened_by_successful += findings.opened.len();
        let opened: BTreeSet<String> =
            findings.opened.iter().map(kubectl_envguard::text::shown).collect();
        self.extra += findings
            .answer
            .listed
            .iter()
            .filter(|path| Path::new(path).is_file() && !opened.contains(*path))
            .count();
    }

    fn with(&self, other: &Self) -> Self {
        Self {
            trees: self.trees + other.trees,
            opened: self.opened + other.opened,
            succeeded: self.succeeded + other.succeeded,
            refused: self.refused + other.refused,
            unreadable: self.unreadable + other.unreadable,
            opened_by_successful: self.opened_by_successful + other.opened_by_successful,
            extra: self.extra + other.extra,
        }
    }
}
