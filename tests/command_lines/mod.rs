//! Generated command lines: how the guard reads them, and what the real kubectl
//! opened and whom it called, as the kernel saw it.
//!
//! `ENVGUARD_LINES` says how many lines for each version, `ENVGUARD_SEED` repeats a
//! failure, `ENVGUARD_ORACLE` names the versions (`all`, `1.20,1.36`).

mod alphabet;
mod compose;
mod findings;
mod ground;
mod line;
mod self_test;
mod table;
mod web;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;

use crate::oracle::world::Originals;
use crate::oracle::{chosen, has_strace, side_by_side};
use crate::support::{Kubectl, kubectls, print};
use crate::trees::dice::Dice;
use findings::{disagreements, minimised, strictness};
use ground::{Ground, Tried};
use table::Menu;
use web::Web;

const ROWS: &str = include_str!("rows.txt");

/// Where the lines begin unless it is said otherwise: a gate must give the same answer
/// twice. Looking for new ones is done with `ENVGUARD_SEED` and `ENVGUARD_LINES`.
const SEED: u64 = 20_261_125;

/// For each version, in the suite; enough to notice when something breaks.
const LINES: u64 = 70;

/// So many lines are tried in one instance.
const CHUNK: u64 = 20;

/// Counted for one version.
#[derive(Debug, Default)]
struct Count {
    lines: usize,
    /// kubectl opened a file of the instance or called the cluster.
    telling: usize,
    succeeded: usize,
    would_run: usize,
    disagreements: usize,
    /// Why lines are refused that kubectl alone succeeds with, and does no harm:
    /// how many, and one of them.
    strict: BTreeMap<String, (usize, String)>,
}

impl Count {
    fn add(&mut self, line: &str, tried: &Tried, disagrees: bool) {
        self.lines += 1;
        let calls = !tried.seen.trace.contacted.is_empty();
        self.telling += usize::from(calls || !tried.files.is_empty());
        self.succeeded += usize::from(tried.succeeded());
        self.would_run += usize::from(tried.own.runs());
        self.disagreements += usize::from(disagrees);
        if let Some(strictness) = strictness(tried, line) {
            let (count, example) = self.strict.entry(strictness.class).or_default();
            *count += 1;
            if example.is_empty() || line.len() < example.len() {
                line.clone_into(example);
            }
        }
    }

    fn text(&self, version: &str) -> String {
        let Self { lines, telling, succeeded, would_run, disagreements, strict } = self;
        let refused: usize = strict.values().map(|(count, _)| count).sum();
        let mut text = format!(
            "kubectl {version}: {lines} lines, of which {telling} open or call something, \
             {succeeded} succeed, {would_run} would run; {disagreements} disagreements; \
             {refused} refused although kubectl does no harm:\n"
        );
        for (class, (count, example)) in strict {
            writeln!(text, "{count:>6}  {class}: {example}").unwrap();
        }
        text
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Which seeds are tried with which kubectl.
struct Job<'k> {
    kubectl: &'k Kubectl,
    seeds: std::ops::Range<u64>,
}

#[test]
fn what_kubectl_does_is_what_the_guard_reads() {
    let kubectls = kubectls();
    if !has_strace() || kubectls.is_empty() {
        return;
    }
    let lines = number("ENVGUARD_LINES").unwrap_or(LINES);
    let first = number("ENVGUARD_SEED").unwrap_or(SEED);
    let seeds = first..first + lines;
    let jobs: Vec<Job<'_>> = seeds
        .step_by(CHUNK as usize)
        .flat_map(|seed| {
            let seeds = seed..(seed + CHUNK).min(first + lines);
            chosen(&kubectls, first as usize)
                .into_iter()
                .map(move |kubectl| Job { kubectl, seeds: seeds.clone() })
        })
        .collect();
    let counts = Mutex::new(BTreeMap::<u32, Count>::new());
    let problems = Mutex::new(Vec::new());
    let web = Web::start();
    side_by_side(jobs, &Originals::new(), |world, Job { kubectl, seeds }| {
        let mut ground = Ground::new(world, kubectl, &web);
        let menu = Menu::of(&kubectl.version);
        for seed in seeds {
            let line = compose::line(&mut Dice::new(seed), &menu);
            let (tried, found) = disagreements(&mut ground, &line.text());
            let disagrees = !found.is_empty();
            counts.lock().unwrap().entry(kubectl.minor()).or_default().add(
                &line.text(),
                &tried,
                disagrees,
            );
            if disagrees {
                let smallest = minimised(&mut ground, &line);
                let (_, about) = disagreements(&mut ground, &smallest.text());
                problems.lock().unwrap().push(format!(
                    "seed {seed}, kubectl {}: {}\n    {}\n    was: {}",
                    kubectl.version,
                    about.join("\n  "),
                    smallest.text(),
                    line.text()
                ));
            }
        }
    });
    let counts = counts.into_inner().unwrap();
    let mut report = format!("\nseeds {first}..{}\n", first + lines);
    for (minor, count) in &counts {
        report.push_str(&count.text(&format!("1.{minor}")));
    }
    print(&report);
    let problems = problems.into_inner().unwrap();
    assert!(
        problems.is_empty(),
        "{} lines, of which the last one is\n\n{}",
        problems.len(),
        problems.join("\n\n")
    );
    // One seed alone, which repeats a failure, tells nothing of the others.
    for count in counts.values().filter(|_| lines >= LINES) {
        assert!(count.telling * 3 > count.lines, "too few of the lines do anything");
        assert!(count.would_run * 5 > count.lines, "too few of the lines would run");
    }
}

#[test]
fn the_rows_hold() {
    let kubectls = kubectls();
    if !has_strace() || kubectls.is_empty() {
        return;
    }
    let rows: Vec<(usize, &str)> = ROWS
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .collect();
    // The second version differs from chunk to chunk.
    let jobs: Vec<_> = rows
        .chunks(CHUNK as usize)
        .enumerate()
        .flat_map(|(number, rows)| {
            chosen(&kubectls, number).into_iter().map(move |kubectl| (kubectl, rows))
        })
        .collect();
    let problems = Mutex::new(Vec::new());
    let web = Web::start();
    side_by_side(jobs, &Originals::new(), |world, (kubectl, rows)| {
        let mut ground = Ground::new(world, kubectl, &web);
        for (index, row) in rows {
            let place = format!("rows.txt:{} with kubectl {}", index + 1, kubectl.version);
            let (expected, line) = row.split_once(" | ").expect(&place);
            let (tried, mut found) = disagreements(&mut ground, line);
            let verdict = tried.own.reasons.first().map_or("run", |(code, _)| code.as_str());
            if verdict != expected {
                found.push(format!("the verdict is {verdict}, not {expected}"));
            }
            if !found.is_empty() {
                let found = found.join("\n  ");
                problems.lock().unwrap().push(format!("{place}: {found}\n    {line}"));
            }
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}
