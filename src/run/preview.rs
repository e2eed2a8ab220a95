//! The look at what would change, before the question: kubectl is asked in the same
//! sandbox, with the same streams, by a child that cannot change anything.

use std::ffi::{OsStr, OsString};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Judged, enclosure};
use crate::confirm::Screen;
use crate::env::Env;
use crate::exec::{self, Change, Stream};
use crate::gather::Captured;
use crate::judge::{self, Facts, Reached};
use crate::kubectl::{self, Class, Request};
use crate::policy::{Policy, SandboxRule};
use crate::preview::child::{self, Silence};
use crate::preview::{self, Input, Plan, Preview, rendered};
use crate::sandbox::{Missing, Outlook};
use crate::text::{brief, shown};

/// A slow server does not keep the question from coming.
const LIMIT: Duration = Duration::from_secs(60);

/// Objects of a stream that are named.
const NAMED: usize = 20;

/// Somebody typed Ctrl-C while it was looked.
pub(super) struct Interrupted;

/// What is looked at, and for whom.
pub(super) struct Glimpse<'g> {
    pub(super) judged: &'g Judged<'g>,
    /// The flag that the guard adds to the command.
    pub(super) namespace: Option<&'g OsStr>,
    /// Whether the whole text is wanted.
    pub(super) full: bool,
}

impl Glimpse<'_> {
    /// Shows what would change, and what speaks for a second thought.
    pub(super) fn show(
        &self,
        policy: &Policy,
        env: &Env,
        screen: &mut dyn Screen,
    ) -> Result<(), Interrupted> {
        let look = screen.look();
        for line in from_streams(&self.judged.captured) {
            screen.show(&format!("{}\n", look.shown(&line)));
        }
        let preview = self.preview(policy, env, screen)?;
        let look = screen.look();
        screen.show(&rendered(&preview, look, self.full));
        for line in judge::copied(&self.judged.copies(policy)) {
            screen.show(&format!("  {}\n", look.shown(&line)));
        }
        Ok(())
    }

    fn preview(
        &self,
        policy: &Policy,
        env: &Env,
        screen: &mut dyn Screen,
    ) -> Result<Preview, Interrupted> {
        let plan = self.plan();
        if !matches!(plan, Plan::Ask(_)) {
            let mut nothing = |_: &[OsString], _: Input<'_>| Err(String::new());
            return Ok(preview::look(&plan, false, &mut nothing));
        }
        let asking = format!("asking {} what would change", shown(&policy.pin.name));
        let mut wait =
            Wait { screen, asking, start: Instant::now(), told: None, interrupted: false };
        let found = self.inside(policy, env, &plan, &mut wait);
        if wait.interrupted {
            wait.screen.show("\n");
            return Err(Interrupted);
        }
        wait.screen.progress("");
        Ok(found
            .unwrap_or_else(|trouble| Preview { troubles: vec![trouble], ..Preview::default() }))
    }

    /// Whether there is more to see than the command line.
    pub(super) fn shows_something(&self) -> bool {
        self.plan() != Plan::Plain
    }

    /// The plan, when it is one that changes nothing however it is read, and there
    /// is all that it takes.
    fn plan(&self) -> Plan {
        let plans: Vec<Plan> =
            self.judged.requests.iter().map(|request| Plan::new(request, self.namespace)).collect();
        let Some((plan, others)) = plans.split_first() else { return Plan::Plain };
        if others.iter().any(|other| other != plan) {
            return Plan::Unknown("versions of kubectl read this line differently");
        }
        if !plan.commands().into_iter().all(only_reads) {
            return Plan::Unknown("the command has flags that envguard does not know");
        }
        if plan.commands().is_empty() || self.has_streams() {
            plan.clone()
        } else {
            Plan::Unknown("manifests that stream in are read only when it runs")
        }
    }

    /// Whether what streams in has been read to its end, so that it can be read again.
    fn has_streams(&self) -> bool {
        let streams = self.judged.facts.iter().flat_map(|facts: &Facts| &facts.reached);
        let mut streams = streams.filter_map(Reached::manifest_stream);
        streams.all(|stream| match stream {
            judge::Stream::Descriptor(number) => self.judged.captured.whole(*number).is_some(),
            judge::Stream::At(_) => false,
        })
    }

    /// Looks from a thread that has entered the sandbox: what it starts is inside,
    /// this process is not.
    fn inside(
        &self,
        policy: &Policy,
        env: &Env,
        plan: &Plan,
        wait: &mut Wait<'_>,
    ) -> Result<Preview, String> {
        let program =
            super::real_kubectl(Some(policy), env).map_err(|missing| missing.to_string())?;
        let Judged { requests, facts, verdict, .. } = self.judged;
        let outlook = enclosure::foresee(policy, requests, facts, env, &mut verdict.clone());
        let mut changes = exec::changes(Some(policy), env, exec::depth(env));
        changes.extend(preview::environment());
        let start = wait.start;
        let look = || -> Result<Preview, String> {
            changes.extend(enter(outlook, policy)?);
            Ok(preview::look(plan, self.full, &mut |words, input| {
                let streams = self.streams(input).map_err(|error| error.to_string())?;
                let mut command = exec::command(&program, words, &changes, streams)
                    .map_err(|error| error.to_string())?;
                if !self.gives_standard_input(input) {
                    command.stdin(Stdio::null());
                }
                let answer = child::answer(&mut command, start, LIMIT, &mut || wait.goes_on());
                wait.interrupted |= answer == Err(Silence::Interrupted);
                answer.map_err(|silence| silence.to_string())
            }))
        };
        std::thread::scope(|scope| scope.spawn(look).join())
            .unwrap_or_else(|_| Err("envguard failed".to_owned()))
    }

    fn gives_standard_input(&self, input: Input<'_>) -> bool {
        matches!(input, Input::Bytes(_)) || self.judged.captured.whole(0).is_some()
    }

    fn streams(&self, input: Input<'_>) -> std::io::Result<Vec<Stream>> {
        if let Input::Bytes(bytes) = input {
            return Ok(vec![Stream::sealed(0, bytes, None)?]);
        }
        let captured = &self.judged.captured;
        let whole = captured.descriptors().filter_map(|one| Some((one, captured.whole(one)?)));
        whole.map(|(descriptor, bytes)| Stream::sealed(descriptor, bytes, None)).collect()
    }
}

/// Whether every kubectl takes `words` for a command that only reads.
fn only_reads(words: &[OsString]) -> bool {
    kubectl::readings(words).is_ok_and(|readings| {
        readings.into_iter().all(|reading| Request::new(words, reading).class == Some(Class::Read))
    })
}

/// Enters the sandbox with this thread; what has to change in the environment.
fn enter(outlook: Outlook<'_>, policy: &Policy) -> Result<Option<Change>, String> {
    let demanded = policy.sandbox == SandboxRule::Require;
    let missing = |missing: Missing| if demanded { Err(missing.to_string()) } else { Ok(None) };
    match outlook {
        Outlook::Ready(ready) => match ready.enter() {
            Ok(entered) => Ok(entered.temp.map(|dir| Change::Set("TMPDIR".into(), dir.into()))),
            Err(problem) => missing(problem),
        },
        Outlook::Missing(problem) => missing(problem),
        Outlook::Unused(_) => Ok(None),
    }
}

/// While kubectl works: a line that says so, and an ear for Ctrl-C.
struct Wait<'w> {
    screen: &'w mut dyn Screen,
    asking: String,
    start: Instant,
    /// The second that stands on the screen.
    told: Option<u64>,
    interrupted: bool,
}

impl Wait<'_> {
    fn goes_on(&mut self) -> bool {
        if self.interrupted || self.screen.is_interrupted() {
            return false;
        }
        let seconds = self.start.elapsed().as_secs();
        if self.told.replace(seconds) != Some(seconds) {
            self.screen.progress(&format!("  {} ... {seconds} s", self.asking));
        }
        true
    }
}

/// What was read from streams, by kind, name and namespace.
fn from_streams(captured: &Captured) -> Vec<String> {
    let mut lines = Vec::new();
    for descriptor in captured.descriptors() {
        let place = match descriptor {
            0 => "standard input".to_owned(),
            other => format!("/dev/fd/{other}"),
        };
        let Some(bytes) = captured.whole(descriptor) else {
            lines.push(format!("  {place}: more than can be shown"));
            continue;
        };
        let titles = crate::manifest::titles(bytes);
        let objects = if titles.len() == 1 { "object" } else { "objects" };
        lines.push(format!("  {place}: {} {objects}", titles.len()));
        lines.extend(titles.iter().take(NAMED).map(|title| format!("    {}", brief(title))));
        if titles.len() > NAMED {
            lines.push(format!("    and {} more", titles.len() - NAMED));
        }
    }
    lines
}
