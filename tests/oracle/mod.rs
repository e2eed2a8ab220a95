//! The oracle: what the kernel saw real kubectl do, without the guard and with it.
//!
//! `tests/ordinary.txt` has the lines of every day. Each is run twice, and the
//! guard must make no difference. `tests/refused.txt` has the lines that must not
//! get through, each with the reason: what kubectl alone opens, or that it calls
//! the other server. With the guard it does neither.
//!
//! `tests/run oracle` runs every row with every kubectl at hand and prints the
//! table; `cargo test` takes two versions for each row, in turn. That the oracle
//! finds what there is to be found is tested in `self_test`.
//!
//! `ENVGUARD_ORACLE` names the versions (`all`, `1.20,1.36`), and
//! `ENVGUARD_ORACLE_ROWS` a text: only rows that contain it are run.

mod levels;
pub(crate) mod observe;
pub(crate) mod rows;
mod self_test;
pub(crate) mod trace;
mod verify;
pub(crate) mod world;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Mutex;

use crate::support::{Kubectl, kubectls, skip};
use rows::{Because, Expected, Forbidden, Ordinary, Row};
use verify::{Finding, Kind};
use world::{Originals, World};

const ORDINARY: &str = include_str!("../ordinary.txt");
const FORBIDDEN: &str = include_str!("../refused.txt");

/// One row of either table.
enum Either<'r> {
    Ordinary(&'r Ordinary),
    Forbidden(&'r Forbidden),
}

impl Either<'_> {
    fn row(&self) -> &Row {
        match self {
            Self::Ordinary(ordinary) => &ordinary.row,
            Self::Forbidden(forbidden) => &forbidden.row,
        }
    }

    fn verify(&self, world: &World<'_>, kubectl: &Kubectl) -> Vec<Finding> {
        match self {
            Self::Ordinary(row) => verify::ordinary(world, kubectl, row),
            Self::Forbidden(row) => verify::forbidden(world, kubectl, row),
        }
    }

    /// An ordinary line is only a line where kubectl knows it; a forbidden one
    /// is refused everywhere, and that it was needed is true where it says so.
    fn is_for(&self, kubectl: &Kubectl) -> bool {
        match self {
            Self::Ordinary(ordinary) => ordinary.row.minors.contains(&kubectl.minor()),
            Self::Forbidden(_) => true,
        }
    }
}

/// Counted for one version.
#[derive(Debug, Default, Clone)]
struct Count {
    ordinary: usize,
    answered: usize,
    wrong: usize,
    forbidden: usize,
    leaks: usize,
    untrue: usize,
}

impl Count {
    fn add(&mut self, row: &Either<'_>, findings: &[Finding]) {
        match row {
            Either::Ordinary(row) if row.expected[0] == Expected::Refused => self.answered += 1,
            Either::Ordinary(_) => self.ordinary += 1,
            Either::Forbidden(_) => self.forbidden += 1,
        }
        let has = |kind: Kind| usize::from(findings.iter().any(|finding| finding.kind == kind));
        self.leaks += has(Kind::Leak);
        self.wrong += has(Kind::Wrong);
        self.untrue += has(Kind::Untrue);
    }
}

/// Does `work` for each job on as many threads as there are cores. A run that was
/// asked for by a person says how far it is.
pub(crate) fn side_by_side<J: Send>(
    jobs: Vec<J>,
    originals: &Originals,
    work: impl Fn(&World<'_>, J) + Sync,
) {
    let total = jobs.len();
    let is_asked_for = std::env::var_os("ENVGUARD_ORACLE").is_some();
    let jobs = Mutex::new(jobs.into_iter());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for number in 0..cores {
            let (jobs, work) = (&jobs, &work);
            scope.spawn(move || {
                let world = originals.world(&format!("w{number}"));
                loop {
                    // The lock is not held while the job is done.
                    let (job, left) = {
                        let mut jobs = jobs.lock().unwrap();
                        (jobs.next(), jobs.len())
                    };
                    let Some(job) = job else { break };
                    if is_asked_for && left % 100 == 0 {
                        eprintln!("{} of {total}", total - left);
                    }
                    work(&world, job);
                }
            });
        }
    });
}

/// Which of `kubectls` a row is run with: those that were asked for, else the
/// newest and, in turn, one of the others.
pub(crate) fn chosen(kubectls: &[Kubectl], number: usize) -> Vec<&Kubectl> {
    match std::env::var("ENVGUARD_ORACLE") {
        Ok(versions) => kubectls
            .iter()
            .filter(|kubectl| {
                versions == "all" || versions.split(',').any(|version| version == kubectl.version)
            })
            .collect(),
        Err(_) => {
            let Some((newest, others)) = kubectls.split_last() else { return Vec::new() };
            vec![&others[number % others.len()], newest]
        }
    }
}

fn is_wanted(row: &Row) -> bool {
    std::env::var("ENVGUARD_ORACLE_ROWS")
        .is_ok_and(|text| !row.line.contains(&text) && !row.place.contains(&text))
        .eq(&false)
}

fn table(counts: &BTreeMap<u32, Count>) -> String {
    let mut text = String::from(
        "kubectl   ordinary lines run   refused wrongly   answered with a sentence   forbidden lines run   leaks\n",
    );
    for (minor, count) in counts {
        let Count { ordinary, wrong, answered, forbidden, leaks, .. } = count;
        writeln!(
            text,
            "{:<9} {ordinary:>18} {wrong:>17} {answered:>26} {forbidden:>21} {leaks:>7}",
            format!("1.{minor}")
        )
        .unwrap();
    }
    text
}

pub(crate) fn has_strace() -> bool {
    let found = Path::new("/usr/bin/strace").exists();
    if !found {
        skip("strace shows what kubectl opens and whom it calls");
    }
    found
}

fn fail_with(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n\n{}", findings.len(), findings.join("\n\n"));
}

#[test]
fn the_tables_hold() {
    if !has_strace() {
        return;
    }
    let kubectls = kubectls();
    let (ordinary, forbidden) = (rows::ordinary(ORDINARY), rows::forbidden(FORBIDDEN));
    let all: Vec<Either<'_>> = ordinary
        .iter()
        .map(Either::Ordinary)
        .chain(forbidden.iter().map(Either::Forbidden))
        .filter(|row| is_wanted(row.row()))
        .collect();
    let jobs: Vec<(&Either<'_>, &Kubectl)> = all
        .iter()
        .enumerate()
        .flat_map(|(number, row)| chosen(&kubectls, number).into_iter().map(move |k| (row, k)))
        .filter(|(row, kubectl)| row.is_for(kubectl))
        .collect();
    let counts = Mutex::new(BTreeMap::<u32, Count>::new());
    let problems = Mutex::new(Vec::new());
    side_by_side(jobs, &Originals::new(), |world, (row, kubectl)| {
        let findings = row.verify(world, kubectl);
        counts.lock().unwrap().entry(kubectl.minor()).or_default().add(row, &findings);
        problems.lock().unwrap().extend(findings.into_iter().map(|finding| finding.text));
    });
    use std::io::Write;
    let table = table(&counts.into_inner().unwrap());
    std::io::stdout().write_all(format!("\n{table}\n").as_bytes()).unwrap();
    fail_with(&problems.into_inner().unwrap());
}

#[test]
fn every_ordinary_line_has_its_verdict_at_every_level() {
    let rows = rows::ordinary(ORDINARY);
    let wanted: Vec<&Ordinary> = rows.iter().filter(|row| is_wanted(&row.row)).collect();
    let problems = Mutex::new(Vec::new());
    side_by_side(wanted, &Originals::new(), |world, row| {
        let findings = levels::verify(world, row);
        problems.lock().unwrap().extend(findings.into_iter().map(|finding| finding.text));
    });
    fail_with(&problems.into_inner().unwrap());
}

#[test]
fn the_tables_are_large_and_rest_on_evidence() {
    let (ordinary, forbidden) = (rows::ordinary(ORDINARY), rows::forbidden(FORBIDDEN));
    assert!(ordinary.len() >= 150, "{} ordinary lines", ordinary.len());
    assert!(forbidden.len() >= 250, "{} forbidden lines", forbidden.len());
    let policy = forbidden.iter().filter(|row| row.because == Because::Policy).count();
    assert!(policy * 10 <= forbidden.len() * 3, "{policy} of {} by policy", forbidden.len());
    let refused = ordinary.iter().filter(|row| row.expected.contains(&Expected::Refused));
    for row in refused {
        assert!(!row.sentence.is_empty(), "{}: no sentence", row.row.place);
    }
    no_row_stands_twice(ordinary.iter().map(|row| &row.row));
    no_row_stands_twice(forbidden.iter().map(|row| &row.row));
}

fn no_row_stands_twice<'r>(rows: impl Iterator<Item = &'r Row>) {
    let mut seen = std::collections::BTreeSet::new();
    for row in rows {
        let whole = format!("{} {:?} {}", row.line, row.given, row.tidied);
        assert!(seen.insert(whole), "{}: stands here twice", row.place);
    }
}
