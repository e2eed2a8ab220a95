use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::plan::{Opening, Plan, as_judged};
use super::{Ground, Missing, mounts};
use crate::judge::{Checkout, Facts, Local, Nature, Reached, Role, Root, Whereabouts, samples};
use crate::policy::Policy;

/// The checkout `/srv/m` with `overlays/{base,develop,prod}`, of which `readings`
/// were reached.
fn facts(readings: &[(&str, Nature)]) -> Facts {
    let mut facts = Facts::default();
    facts.territory.checkouts = vec![Checkout { rule: 0, top: "/srv/m".into(), git_dir: None }];
    facts.territory.git_dirs = BTreeSet::from([PathBuf::from("/srv/m/.git")]);
    let root = Root { allowed: vec![OsString::from("develop")], ..Root::default() };
    facts.territory.roots.insert("/srv/m/overlays".into(), root);
    facts.reached = readings
        .iter()
        .map(|(path, nature)| Reached {
            spelled: path.into(),
            role: Role::Target { kustomization: None },
            whereabouts: Whereabouts::Local(Local {
                readings: vec![path.into()],
                links: Vec::new(),
                nature: *nature,
            }),
        })
        .collect();
    facts
}

/// The overlays have no roots below them.
fn policy() -> Policy {
    let mut policy = samples::policy("develop");
    policy.checkouts[0].overlay_roots.truncate(2);
    policy
}

fn ground() -> Ground {
    Ground {
        home: Some("/home/ann".into()),
        temp: "/tmp".into(),
        mounts: mounts::parse(b"1 0 8:1 / / rw - ext4 /dev/sda rw\n"),
        ..Ground::default()
    }
}

fn plan<'p>(policy: &'p Policy, facts: Facts, ground: &Ground) -> Result<Plan<'p>, Missing> {
    Plan::new(policy, &[], &[facts], ground, &as_judged)
}

fn openings(facts: Facts) -> Vec<Opening> {
    let policy = policy();
    plan(&policy, facts, &ground()).unwrap().openings
}

fn whole(path: &str) -> Opening {
    Opening::Whole(path.into())
}

fn git_dir() -> Opening {
    Opening::Below("/srv/m/.git".into())
}

#[test]
fn directories_of_the_closure_are_opened_once() {
    use Nature::{Directory, File};
    let found = openings(facts(&[
        ("/srv/m/overlays/develop", Directory),
        ("/srv/m/overlays/develop/kustomization.yaml", File),
        ("/srv/m/overlays/develop/sub/x.yaml", File),
        ("/srv/m/base", Directory),
        ("/srv/m/base/missing.yaml", Nature::Missing),
    ]));
    assert_eq!(found, [whole("/srv/m/base"), whole("/srv/m/overlays/develop"), git_dir()]);
}

#[test]
fn what_contains_overlays_is_opened_file_by_file() {
    let found = openings(facts(&[
        ("/srv/m", Nature::Directory),
        ("/srv/m/kustomization.yaml", Nature::File),
        ("/srv/m/overlays/README.md", Nature::File),
        ("/srv/m/apps/web/kustomization.yaml", Nature::File),
    ]));
    let file = |path: &str| Opening::File(path.into());
    assert_eq!(
        found,
        [
            file("/srv/m/apps/web/kustomization.yaml"),
            file("/srv/m/kustomization.yaml"),
            // It is a plain file only as far as anybody has looked.
            git_dir(),
        ]
    );
}

#[test]
fn foreign_overlays_are_opened_by_break_glass_alone() {
    let policy = policy();
    let named = || facts(&[("/srv/m/overlays/prod", Nature::Directory)]);
    assert_eq!(openings(named()), [git_dir()]);
    let lifted = Plan::new(&policy, &[], &[named()], &ground(), &|_| true).unwrap();
    // What was named, and nothing besides.
    assert_eq!(lifted.openings, [whole("/srv/m/overlays/prod"), git_dir()]);
}

#[test]
fn what_lies_beside_is_wanted_and_needs_no_opening() {
    let policy = policy();
    let beside = facts(&[("/srv/data/x.yaml", Nature::File)]);
    let plan = plan(&policy, beside, &ground()).unwrap();
    assert_eq!(plan.openings, [git_dir()]);
    assert!(plan.wanted.contains(Path::new("/srv/data/x.yaml")));
}

#[test]
fn what_every_program_needs_is_wanted_wherever_the_checkout_lies() {
    let policy = policy();
    let mut facts = facts(&[]);
    facts.territory.checkouts[0].top = "/dev/shm/m".into();
    let plan = plan(&policy, facts, &ground()).unwrap();
    for place in ["/usr", "/etc", "/proc", "/dev/null", "/dev/tty"] {
        assert!(plan.wanted.contains(Path::new(place)), "{place}");
    }
}

#[test]
fn a_temporary_directory_around_the_checkout_is_moved() {
    let policy = policy();
    let candidates = ["/srv/m/cache/envguard/tmp", "/srv", "/home/ann/.cache/envguard/tmp"];
    let mut ground = Ground { temp: "/srv".into(), ..ground() };
    let missing = plan(&policy, facts(&[]), &ground).unwrap_err();
    assert_eq!(missing, Missing::Scratch { temp: "/srv".into() });
    ground.scratch = candidates.map(PathBuf::from).into();
    let moved = plan(&policy, facts(&[]), &ground).unwrap().scratch;
    assert_eq!(moved.as_deref(), Some(Path::new(candidates[2])));
}

#[test]
fn a_checkout_around_the_system_is_not_closed() {
    let policy = policy();
    for (top, dir) in [("/", "/bin"), ("/usr", "/usr"), ("/var", "/var/lib")] {
        let mut facts = facts(&[]);
        facts.territory.checkouts[0].top = top.into();
        let missing = plan(&policy, facts, &ground()).unwrap_err();
        assert_eq!(missing, Missing::HoldsSystem { top: top.into(), dir });
    }
}
