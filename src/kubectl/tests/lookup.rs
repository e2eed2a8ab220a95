//! What the installed kubectl's own help adds to the table.

use super::*;

fn page(lines: &str) -> Page {
    Page::restore(lines).unwrap()
}

/// A kubectl whose `apply` has new flags, and which has new commands.
fn learned() -> Learned {
    let mut learned = Learned::default();
    learned.add("", Some(&page("sub renew\nsub apply\n")));
    learned.add("apply", Some(&page("flag novel - bool\nflag fresh z value\nflag prune - bool\n")));
    learned.add("rollout", Some(&page("sub forward\nsub undo\n")));
    learned.add("rollout forward", Some(&page("flag filename f value\n")));
    learned.add("renew", Some(&page("flag filename f value\nflag user - value\n")));
    learned
}

fn requests(line: &[&str]) -> Vec<Request> {
    let words = words(line);
    let found = readings_with(&words, &learned()).unwrap();
    found.into_iter().map(|reading| Request::new(&words, reading)).collect()
}

#[test]
fn a_boolean_leaves_the_next_word_alone() {
    for line in [
        &["apply", "--novel", "-k", "x"][..],
        &["apply", "-k", "x", "--novel=true"],
        &["apply", "-k", "x", "--no_such=1", "--novel"][..3],
    ] {
        let found = requests(line);
        assert_eq!(found.len(), 1, "{line:?}");
        assert_eq!(found[0].targets, [Target::Kustomization("x".into())], "{line:?}");
    }
}

#[test]
fn every_other_flag_has_two_readings() {
    let mut targets: Vec<_> =
        requests(&["apply", "--fresh", "-k", "x"]).into_iter().map(|found| found.targets).collect();
    targets.sort_by_key(Vec::len);
    assert_eq!(targets, [vec![], vec![Target::Kustomization("x".into())]]);
    // Attached there is no doubt.
    assert_eq!(requests(&["apply", "--fresh=a", "-k", "x"]).len(), 1);
    assert_eq!(requests(&["apply", "-z=a", "-k", "x"]).len(), 1);
    // `-zka`: the value of -z, or -z and -k with its value.
    let found = requests(&["apply", "-zka"]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|found| found.targets == [Target::Kustomization("a".into())]));
}

#[test]
fn values_of_unknown_meaning_may_be_files() {
    let unlisted = |line: &[&str]| -> Vec<OsString> {
        let found = requests(line).into_iter().flat_map(|found| found.unlisted);
        found.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    assert_eq!(unlisted(&["apply", "--fresh=a", "-k", "x", "--field-manager=b"]), ["a"]);
    assert_eq!(unlisted(&["renew", "a", "-f", "b", "--", "c"]), ["a", "b", "c"]);
    assert_eq!(unlisted(&["apply", "-k", "x"]), [""; 0]);
}

#[test]
fn the_worst_is_assumed_of_a_new_command() {
    for line in
        [&["renew", "x"][..], &["rollout", "forward", "x"], &["rollout", "-f", "x", "forward"]]
    {
        let found = requests(line);
        assert_eq!(found[0].class, Some(Class::Destroy), "{line:?}");
        assert!(found[0].is_looked_up(), "{line:?}");
    }
    assert_eq!(requests(&["renew", "-f", "x"])[0].targets.len(), 1);
    assert_eq!(requests(&["renew", "--help"])[0].class, Some(Class::PassThrough));
    // What it means by --user is unknown, so it counts.
    assert_eq!(requests(&["renew", "--user", "x"])[0].identities.len(), 1);
    // A command of the table keeps its class.
    assert_eq!(requests(&["rollout", "undo", "x"])[0].class, Some(Class::Destroy));
    assert_eq!(requests(&["apply", "--novel", "-k", "x"])[0].class, Some(Class::Mutate));
}

#[test]
fn help_that_contradicts_the_table_adds_a_reading() {
    let words = words(&["apply", "--prune", "-k", "x"]);
    let mut learned = Learned::default();
    learned.add("apply", Some(&page("flag prune - value\nflag validate - value\n")));
    assert_eq!(readings_with(&words, &learned).unwrap().len(), 2);
    // `--validate` is no boolean in the table either: nothing new.
    let words = super::words(&["apply", "--validate", "-k", "x"]);
    assert_eq!(readings_with(&words, &learned).unwrap().len(), 1);
}

#[test]
fn one_page_after_the_other_is_asked_for_and_none_twice() {
    for (line, expected) in [
        // What the table understands is never asked about.
        (&["apply", "-k", "x"][..], &[][..]),
        (&["get", "pods", "-o", "wide"], &[]),
        (&["create", "token", "x"], &[]),
        (&["create", "thing"], &[]),
        (&["auth", "whoami"], &[]),
        (&["events"], &[]),
        (&["completion", "tcsh"], &[]),
        (&["__complete", "--bogus", ""], &[]),
        // What kubectl cannot parse either.
        (&["apply", "-f"], &[]),
        (&["apply", "---f"], &[]),
        (&["apply", "--novel", "-k", "x"], &["apply"]),
        (&["-n", "x", "apply", "--novel"], &["apply"]),
        (&["apply", "view-last-applied", "--novel"], &["apply view-last-applied"]),
        (&["create", "thing", "--novel"], &["create"]),
        (&["rollout", "forward", "x"], &["rollout", "rollout forward"]),
        (&["rollout", "backward", "x"], &["rollout"]),
        (&["renew", "-f", "x"], &["", "renew"]),
        (&["neat", "-f", "x"], &[""]),
        (&["-n", "x", "renew", "-f", "x"], &["", "renew"]),
        (&["--bogus", "apply"], &[""]),
    ] {
        let words = words(line);
        let mut asked = Vec::new();
        let mut known = Learned::default();
        loop {
            let found = readings_with(&words, &known);
            let Some(path) = unexplained(&words, &found, &known) else { break };
            asked.push(path);
            let answer = match path {
                "" => Some(page("sub renew\n")),
                "rollout" => Some(page("sub forward\n")),
                "renew" | "rollout forward" => Some(page("flag filename f value\n")),
                _ => None,
            };
            known.add(path, answer.as_ref());
        }
        assert_eq!(asked, expected, "{line:?}");
    }
}
