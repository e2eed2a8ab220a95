//! The questions, on a real terminal.

use super::ground::Ground;
use crate::support::{Terminal, envguard, read};

fn start(ground: &Ground, words: &[&str]) -> Terminal {
    let mut command = ground.command(&envguard());
    command.arg("--config").arg(ground.config()).arg("setup").args(words);
    Terminal::start(&command)
}

/// Answers each question once it was asked.
#[track_caller]
fn answers(terminal: &mut Terminal, dialogue: &[(&str, &str)]) {
    let mut mark = 0;
    for (question, answer) in dialogue {
        terminal.until(mark, question, |shown| {
            shown.contains(question) && shown.trim_end_matches(['\r', '\n']).ends_with(": ")
        });
        mark = terminal.raw.len();
        terminal.types(&format!("{answer}\n"));
    }
}

const QUESTIONS: [&str; 9] = [
    "Environment of this instance [develop]",
    "Level (normal, caution or critical) [normal]",
    "Checkouts of manifests",
    "Directories whose children are environments",
    "Overlays that may be applied here [develop]",
    "Overlays of other environments [prod]",
    "Directories that overlays may refer to",
    "Whom to ask",
    "Write this? (yes/no) [yes]",
];

#[test]
fn every_question_has_an_answer_already() {
    let ground = Ground::new().usual();
    let mut terminal = start(&ground, &[]);
    let intro = "Enter takes the answer in [brackets]. Nothing is written before you agree.";
    terminal.until(0, intro, |shown| shown.contains(intro));
    answers(&mut terminal, &QUESTIONS.map(|question| (question, "")));
    let (shown, code) = terminal.ends();
    assert_eq!(code, Some(0), "{}", shown.0);
    shown.contains("1 of 1 allowed may be applied").contains("Next: kubectl envguard status");
    let asked = read(&ground.config());
    std::fs::remove_dir_all(ground.path("etc")).unwrap();
    ground.setup(&["--yes"]).exits(0);
    assert_eq!(read(&ground.config()), asked, "the defaults are what --yes takes");
    // Once it is set up there is nothing to ask but what may change.
    let mut terminal = start(&ground, &[]);
    let asked_again: Vec<&str> = QUESTIONS
        .iter()
        .copied()
        .filter(|question| !question.starts_with("Checkouts") && !question.starts_with("Write"))
        .collect();
    answers(&mut terminal, &asked_again.iter().map(|question| (*question, "")).collect::<Vec<_>>());
    let (shown, code) = terminal.ends();
    shown.contains("nothing to change");
    assert_eq!(code, Some(0));
}

#[test]
fn answers_are_taken() {
    let ground = Ground::new().usual();
    ground.kustomization("overlays/green", &[]);
    let mut terminal = start(&ground, &[]);
    answers(
        &mut terminal,
        &[
            (QUESTIONS[0], ""),
            (QUESTIONS[1], "caution"),
            (QUESTIONS[2], ""),
            (QUESTIONS[3], ""),
            (QUESTIONS[4], ""),
            (QUESTIONS[5], "prod green"),
            (QUESTIONS[6], "common"),
            (QUESTIONS[7], "#sre-oncall"),
            (QUESTIONS[8], "perhaps"),
            ("yes or no", "y"),
        ],
    );
    let (shown, code) = terminal.ends();
    assert_eq!(code, Some(0), "{}", shown.0);
    assert_eq!(ground.list("foreign"), ["prod", "green"]);
    assert_eq!(ground.list("shared"), ["common"]);
    assert_eq!(ground.written()["level"], "caution");
    assert_eq!(ground.written()["banner"]["contact"], "#sre-oncall");
    ground.refuses("overlays/green", "target-foreign");
}

#[test]
fn no_means_no() {
    let ground = Ground::new().usual();
    let mut terminal = start(&ground, &[]);
    let mut dialogue = QUESTIONS.map(|question| (question, ""));
    dialogue[8].1 = "no";
    answers(&mut terminal, &dialogue);
    let (shown, code) = terminal.ends();
    shown.contains("nothing was written");
    assert_eq!(code, Some(1));
    assert!(!ground.path("etc").exists());
    // The end of input is no answer.
    let mut terminal = start(&ground, &[]);
    terminal.shows(QUESTIONS[0]);
    terminal.types("\u{4}");
    let (shown, code) = terminal.ends();
    shown.contains("nothing was written: the answers ended");
    assert_eq!(code, Some(1));
}

#[test]
fn a_mistyped_name_is_said_before_it_is_agreed_to() {
    let ground = Ground::new().usual();
    let mut terminal = start(&ground, &[]);
    let mut dialogue = QUESTIONS.map(|question| (question, ""));
    dialogue[4].1 = "devleop";
    dialogue[8].1 = "no";
    answers(&mut terminal, &dialogue);
    let (shown, code) = terminal.ends();
    assert_eq!(code, Some(1), "{}", shown.0);
    let text = shown.0.split_whitespace().collect::<Vec<_>>().join(" ");
    let note = text.find("no overlay is called devleop").expect("it is said");
    assert!(note < text.find(QUESTIONS[8]).expect("it is asked"), "{text}");
    assert!(!ground.path("etc").exists());
}

#[test]
fn one_of_several_contexts_is_chosen() {
    let ground = Ground::new().usual();
    let text = read(&ground.path("home/.kube/config"));
    let name = text.lines().find_map(|line| line.strip_prefix("current-context: ")).unwrap();
    let more = text.replace(
        "contexts:\n",
        &format!("contexts:\n- name: other\n  context: {{cluster: {name}, user: {name}}}\n"),
    );
    ground.instance.write("home/.kube/config", &more);
    let question = format!("by number or name [{name}]");
    for (answer, chosen) in [("", name), ("1", "other"), ("other", "other")] {
        std::fs::remove_dir_all(ground.path("etc")).unwrap_or_default();
        let mut terminal = start(&ground, &["--environment", "develop"]);
        let mut dialogue = vec![(question.as_str(), "7"), ("none of them", answer)];
        dialogue.extend(QUESTIONS.map(|question| (question, "")));
        answers(&mut terminal, &dialogue);
        let (shown, code) = terminal.ends();
        assert_eq!(code, Some(0), "{}", shown.0);
        let written = read(&ground.path("etc/kubeconfig"));
        assert!(written.contains(&format!("current-context: {chosen}\n")), "{written}");
    }
}

#[test]
fn overlays_that_are_not_found_are_asked_for() {
    let ground = Ground::new();
    for overlay in ["one", "two"] {
        ground.kustomization(&format!("things/{overlay}"), &[]);
    }
    ground.commit();
    let mut terminal = start(&ground, &[]);
    answers(
        &mut terminal,
        &[
            (QUESTIONS[0], ""),
            (QUESTIONS[1], ""),
            (QUESTIONS[2], ""),
            ("Directories whose children are environments", "things"),
            ("Overlays that may be applied here", "one"),
            ("Directories whose children are environments [things]", ""),
            ("Overlays that may be applied here [one]", ""),
            ("Overlays of other environments", "two"),
            (QUESTIONS[6], ""),
            (QUESTIONS[7], ""),
            (QUESTIONS[8], ""),
        ],
    );
    let (shown, code) = terminal.ends();
    assert_eq!(code, Some(0), "{}", shown.0);
    ground.passes("things/one");
    ground.refuses("things/two", "target-foreign");
}

/// Two checkouts, of which the second one's name has a blank in it and nothing in it is
/// named after an environment.
#[test]
fn each_of_several_checkouts_is_corrected_by_itself() {
    let ground = Ground::new().usual();
    for overlay in ["one's", "two 2", "shared things"] {
        ground.kustomization(&format!("../other m/the things/{overlay}"), &[]);
    }
    let [first, second] = [ground.path("m"), ground.path("other m")];
    let mut git = ground.command("/usr/bin/git".as_ref());
    crate::support::Output::of(git.args(["init", "--quiet"]).arg(&second)).exits(0);
    let checkouts = format!("{} '{}'", first.display(), second.display());
    let mut terminal = start(&ground, &["--environment", "develop"]);
    answers(
        &mut terminal,
        &[
            (QUESTIONS[0], ""),
            (QUESTIONS[1], ""),
            (QUESTIONS[2], &checkouts),
            // What is missing in the second one is asked of it alone.
            (QUESTIONS[3], "'the things'"),
            ("Overlays that may be applied here", "\"one's\" '"),
            ("a quote is not closed", "\"one's\""),
            ("One to correct, by number (empty: none)", "3"),
            ("none of them", "2"),
            ("Directories whose children are environments ['the things']", ""),
            ("Overlays that may be applied here [\"one's\"]", ""),
            ("Overlays of other environments", "'two 2'"),
            ("Directories that overlays may refer to", "'shared things'"),
            ("One to correct", "1"),
            (QUESTIONS[3], ""),
            (QUESTIONS[4], ""),
            (QUESTIONS[5], ""),
            (QUESTIONS[6], "common"),
            ("One to correct", ""),
            (QUESTIONS[7], ""),
            (QUESTIONS[8], ""),
        ],
    );
    let (shown, code) = terminal.ends();
    assert_eq!(code, Some(0), "{}", shown.0);
    let written = ground.written();
    let [one, other] = [&written["checkouts"][0], &written["checkouts"][1]];
    assert_eq!(one["path"], first.to_str().unwrap());
    assert_eq!((&one["allow"][0], &one["foreign"][0]), (&"develop".into(), &"prod".into()));
    assert_eq!(one["shared"][0], "common");
    assert_eq!(other["path"], second.to_str().unwrap());
    assert_eq!((&other["allow"][0], &other["foreign"][0]), (&"one's".into(), &"two 2".into()));
    assert_eq!(
        (&other["overlayRoots"][0], &other["shared"][0]),
        (&"the things".into(), &"shared things".into())
    );
    ground.passes("overlays/develop");
    ground.passes("../other m/the things/one's");
    ground.refuses("../other m/the things/two 2", "target-foreign");
}

#[test]
fn a_list_can_be_emptied() {
    let ground = Ground::new().usual();
    ground.kustomization("overlays/common", &[]);
    ground.setup(&["--yes"]).exits(0);
    assert_eq!(ground.list("shared"), ["common"]);
    let mut terminal = start(&ground, &[]);
    let mut dialogue: Vec<(&str, &str)> =
        [0, 1, 3, 4, 5, 6, 7, 8].map(|at| (QUESTIONS[at], "")).into();
    dialogue[5].1 = "-";
    answers(&mut terminal, &dialogue);
    let (shown, code) = terminal.ends();
    assert_eq!(code, Some(0), "{}", shown.0);
    assert_eq!(ground.list("shared"), [""; 0]);
}

#[test]
fn another_cluster_wants_the_name_typed() {
    let ground = Ground::new().usual();
    ground.setup(&["--yes"]).exits(0);
    let text = format!("{}audit: {}\n", read(&ground.config()), ground.path("log").display());
    ground.instance.write("etc/config.yaml", &text);
    ground.instance.mode("etc/kubeconfig", 0o644);
    let rebuilt = read(&ground.path("etc/kubeconfig")).replace("127.0.0.1:1", "127.0.0.1:3");
    ground.instance.write("etc/kubeconfig", &rebuilt);
    let question = "type the environment's name to run it [develop]";
    for (answer, expected) in [("yes", 1), ("develop", 0)] {
        let mut terminal = start(&ground, &["--repin"]);
        answers(&mut terminal, &[(question, answer)]);
        let (shown, code) = terminal.ends();
        assert_eq!(code, Some(expected), "{}", shown.0);
        shown.contains("! now        https://127.0.0.1:3");
        assert_eq!(read(&ground.config()) == text, expected == 1);
    }
    ground.passes("overlays/develop");
}

#[test]
fn without_a_terminal_it_says_how() {
    let ground = Ground::new().usual();
    let mut command = ground.command("/usr/bin/setsid".as_ref());
    command.arg(envguard()).arg("--config").arg(ground.config()).arg("setup");
    let output = crate::support::Output::of(&mut command).exits(1);
    assert!(output.stderr.contains("no terminal"), "{output}");
    assert!(output.stderr.contains("setup --yes"), "{output}");
}
