//! Asks the questions of a plan and understands the answers.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde_json::Value;

use super::change::{Change, Fate};
use super::object::{self, Identity};
use super::plan::{Plan, Step};
use super::unified;

/// What kubectl finds on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'i> {
    /// What the command that is asked about would find.
    AsJudged,
    /// These bytes.
    Bytes(&'i [u8]),
}

/// What kubectl said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub err: Vec<u8>,
}

/// What a command would do, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// Objects and what happens to them.
    pub changes: Vec<Change>,
    /// What kubectl says of it in its own words.
    pub lines: Vec<String>,
    /// Why not everything is known.
    pub troubles: Vec<String>,
    /// Whether there is anything to be known.
    pub is_plain: bool,
}

/// Runs one kubectl command; the error is a phrase.
pub type Kubectl<'k> = dyn FnMut(&[OsString], Input<'_>) -> Result<Answer, String> + 'k;

/// Carries out `plan`. `texts`: whether somebody wants to read both versions of each object.
pub fn look(plan: &Plan, texts: bool, kubectl: &mut Kubectl<'_>) -> Preview {
    let mut preview = Preview::default();
    let steps = match plan {
        Plan::Plain => return Preview { is_plain: true, ..preview },
        Plan::Unknown(why) => {
            preview.troubles.push((*why).to_owned());
            return preview;
        }
        Plan::Ask(steps) => steps,
    };
    for step in steps {
        let mut looking = Looking { texts, kubectl, preview: &mut preview };
        if let Err(trouble) = looking.step(step) {
            preview.troubles.push(trouble);
            break;
        }
    }
    preview
}

struct Looking<'l> {
    texts: bool,
    kubectl: &'l mut Kubectl<'l>,
    preview: &'l mut Preview,
}

impl Looking<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Diff(words) => self.diff(words),
            Step::DryRun { dry, live } => self.dry_run(dry, live),
            Step::Going { dry, live } => self.going(dry, live),
            Step::Named { live, fate } => {
                let objects = self.objects(live, Input::AsJudged)?;
                let named = objects.iter().filter_map(|one| Change::of(one, Fate::Other(fate)));
                self.preview.changes.extend(named);
                Ok(())
            }
            Step::Scale { live, replicas } => {
                for live in self.objects(live, Input::AsJudged)? {
                    let mut next = live.clone();
                    next["spec"]["replicas"] = (*replicas).into();
                    self.compare(Some(live), Some(next));
                }
                Ok(())
            }
            Step::Lines { dry, with } => {
                let answer = successful((self.kubectl)(dry, Input::AsJudged)?)?;
                let text = String::from_utf8_lossy(&answer);
                let lines = text.lines().filter(|line| line.contains(with));
                let lines = lines.map(|line| line.replace(" (server dry run)", ""));
                self.preview.lines.extend(lines.filter(|line| !line.trim().is_empty()));
                Ok(())
            }
        }
    }

    fn objects(&mut self, words: &[OsString], input: Input<'_>) -> Result<Vec<Value>, String> {
        object::from_json(&successful((self.kubectl)(words, input)?)?)
    }

    fn compare(&mut self, live: Option<Value>, next: Option<Value>) {
        self.preview.changes.extend(Change::between(live, next, self.texts));
    }

    /// `kubectl diff` ends with 1 when there are differences.
    fn diff(&mut self, words: &[OsString]) -> Result<(), String> {
        let answer = (self.kubectl)(words, Input::AsJudged)?;
        let differs = answer.code == Some(1) && answer.out.starts_with(b"diff ")
            || answer.code == Some(1) && answer.out.starts_with(b"--- ");
        let out = if differs { answer.out } else { successful(answer)? };
        for (live, next) in unified::pairs(&String::from_utf8_lossy(&out)) {
            let (live, next) = (object::from_yaml(&live)?, object::from_yaml(&next)?);
            self.compare(live, next);
        }
        Ok(())
    }

    fn dry_run(&mut self, dry: &[OsString], live: &[OsString]) -> Result<(), String> {
        let out = successful((self.kubectl)(dry, Input::AsJudged)?)?;
        let next = object::from_json(&out)?;
        // An object that is not there yet may have no name to ask for.
        let found = self.objects(live, Input::Bytes(&out)).unwrap_or_default();
        let mut found: BTreeMap<Identity, Value> =
            found.into_iter().filter_map(|one| Some((Identity::of(&one)?, one))).collect();
        for next in next {
            let live = Identity::of(&next).and_then(|identity| found.remove(&identity));
            self.compare(live, Some(next));
        }
        Ok(())
    }

    /// The dry run says what goes; what is printed says more of each, when it is the
    /// same number of objects.
    fn going(&mut self, dry: &[OsString], live: &[OsString]) -> Result<(), String> {
        let answer = (self.kubectl)(dry, Input::AsJudged)?;
        let text = String::from_utf8_lossy(&answer.out);
        let names: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        let objects = if names.is_empty() {
            Vec::new()
        } else {
            self.objects(live, Input::AsJudged).unwrap_or_default()
        };
        if objects.len() == names.len() {
            let going = objects.iter().filter_map(|object| Change::of(object, Fate::Goes));
            self.preview.changes.extend(going);
        } else {
            self.preview.lines.extend(names.into_iter().map(|name| format!("{name} goes")));
        }
        successful(answer).map(drop)
    }
}

/// What was printed, or the last line that was said against it.
fn successful(answer: Answer) -> Result<Vec<u8>, String> {
    if answer.code == Some(0) {
        return Ok(answer.out);
    }
    let said = String::from_utf8_lossy(&answer.err);
    let line = said.lines().map(str::trim).find(is_telling);
    let line = line.map_or("kubectl failed without a word", |line| {
        line.strip_prefix("error: ").or_else(|| line.strip_prefix("Error: ")).unwrap_or(line)
    });
    Err(line.to_owned())
}

/// Warnings and the log of the client library say something else.
fn is_telling(line: &&str) -> bool {
    let is_log = line.len() > 5
        && line.starts_with(['E', 'W', 'I'])
        && line[1..5].bytes().all(|byte| byte.is_ascii_digit());
    !line.is_empty() && !line.starts_with("Warning:") && !is_log
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(plan: &Plan, answers: &mut dyn FnMut(&str, Input<'_>) -> Answer) -> Preview {
        look(plan, false, &mut |words, input| Ok(answers(words[0].to_str().unwrap(), input)))
    }

    fn said(code: i32, out: &str, err: &str) -> Answer {
        Answer { code: Some(code), out: out.into(), err: err.into() }
    }

    #[test]
    fn a_failure_is_told_in_kubectls_words() {
        let plan = Plan::Ask(vec![Step::Diff(vec!["diff".into()])]);
        let err =
            "Warning: old\nW1126 14:10:02.956096 1 x.go:71] old\nerror: no matches for kind\n";
        let found = run(&plan, &mut |_, _| said(1, "", err));
        assert_eq!(found.troubles, ["no matches for kind"]);
        assert!(found.changes.is_empty() && !found.is_plain);
        let found = run(&plan, &mut |_, _| said(0, "", ""));
        assert!(found.troubles.is_empty() && found.changes.is_empty());
    }

    #[test]
    fn names_that_the_dry_run_gives_count_when_the_objects_do_not_agree() {
        let plan =
            Plan::Ask(vec![Step::Going { dry: vec!["delete".into()], live: vec!["get".into()] }]);
        let one = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"n"}}"#;
        for (objects, changes, lines) in [(one, 1, 0), ("{", 0, 1), ("", 0, 1)] {
            let found = run(&plan, &mut |word, _| match word {
                "delete" => said(0, "pod/a\n", ""),
                _ => said(0, objects, ""),
            });
            assert_eq!((found.changes.len(), found.lines.len()), (changes, lines), "{objects}");
        }
        let found = run(&plan, &mut |_, _| said(1, "pod/a\n", "Error from server (NotFound): x"));
        assert_eq!(found.lines, ["pod/a goes"]);
        assert_eq!(found.troubles, ["Error from server (NotFound): x"]);
    }
}
