//! What must hold for a row, and what does not.

use std::path::{Path, PathBuf};

use super::observe::{self, Seen, comparable, difference};
use super::rows::{Because, Expected, Forbidden, Ordinary, Row};
use super::world::{Tree, World, host_of};
use crate::support::{Kubectl, Server};

/// The worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// kubectl opened another environment's file or called another cluster.
    Leak,
    /// An ordinary line did not run as without the guard.
    Wrong,
    /// The row says something that is not so.
    Untrue,
}

/// Something that does not hold.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// One row with one kubectl in one world.
struct Case<'c> {
    world: &'c World<'c>,
    kubectl: &'c Kubectl,
    row: &'c Row,
    findings: Vec<Finding>,
}

impl Case<'_> {
    fn run(&self, server: &Server, guarded: bool) -> Seen {
        observe::run(self.world, server, &self.kubectl.path, guarded, &self.row.line)
    }

    fn find(&mut self, kind: Kind, what: impl AsRef<str>) {
        let Row { place, line, .. } = self.row;
        let (version, what) = (&self.kubectl.version, what.as_ref());
        let text = format!("{place} with kubectl {version}: {what}\n    {line}");
        self.findings.push(Finding { kind, text });
    }
}

/// Without the guard and with it: the same files, server, requests, exit code and
/// output.
pub(super) fn ordinary(world: &World<'_>, kubectl: &Kubectl, row: &Ordinary) -> Vec<Finding> {
    let mut case = Case { world, kubectl, row: &row.row, findings: Vec::new() };
    if row.expected[0] == Expected::Refused {
        refused_with_sentence(&mut case, &row.sentence);
        return case.findings;
    }
    let server = world.with_new_cluster(Tree::Tidy, &kubectl.path, &row.row.given);
    let off = case.run(&server, false);
    drop(server);
    let server = world.with_new_cluster(Tree::Tidy, &kubectl.path, &row.row.given);
    let on = case.run(&server, true);
    if on.refusal().is_some() {
        case.find(Kind::Wrong, format!("refused: {}", on.output));
        return case.findings;
    }
    if on.trace.kubectls != off.trace.kubectls || off.trace.kubectls == 0 {
        let (off, on) = (off.trace.kubectls, on.trace.kubectls);
        case.find(Kind::Wrong, format!("kubectl ran {off} times without the guard, {on} with it"));
    }
    if off.output.code != on.output.code {
        case.find(Kind::Wrong, format!("exit code {:?}, and {}", off.output.code, on.output));
    }
    if off.output.stdout != on.output.stdout
        && comparable(&off.output.stdout) != comparable(&on.output.stdout)
    {
        case.find(Kind::Wrong, format!("other output: {}\nand {}", off.output, on.output));
    }
    if off.files(world) != on.files(world) {
        case.find(
            Kind::Wrong,
            format!("files: {}", difference(&off.files(world), &on.files(world))),
        );
    }
    if off.requests != on.requests {
        case.find(Kind::Wrong, format!("requests: {}", difference(&off.requests, &on.requests)));
    }
    leaks(&mut case, &on, &host_of(&server.url()), None);
    let exits = row.row.exits.unwrap_or(0);
    if off.output.code != Some(exits) {
        case.find(Kind::Untrue, format!("does not exit {exits} without the guard: {}", off.output));
    }
    case.findings
}

fn refused_with_sentence(case: &mut Case<'_>, sentence: &[String]) {
    case.world.reset(Tree::Tidy, &case.kubectl.path, &case.row.given, "normal");
    let on = case.run(&case.world.cluster, true);
    let top = case.world.top().to_str().unwrap();
    let said = on.output.stderr.replace(top, "$TOP");
    let first = said.lines().next().unwrap_or_default();
    if sentence.first().is_none_or(|sentence| sentence != first) {
        case.find(Kind::Untrue, format!("the operator sees another sentence: {said}"));
    }
    for line in sentence {
        if !said.contains(line.as_str()) {
            case.find(Kind::Untrue, format!("the operator does not see {line:?}: {said}"));
        }
    }
    not_started(case, &on, "refused");
}

/// Without the guard the row's reason shows, with it nothing happens.
pub(super) fn forbidden(world: &World<'_>, kubectl: &Kubectl, row: &Forbidden) -> Vec<Finding> {
    let mut case = Case { world, kubectl, row: &row.row, findings: Vec::new() };
    let tree = if row.row.tidied { Tree::Tidy } else { Tree::Cloned };
    let server = world.with_new_cluster(tree, &kubectl.path, &row.row.given);
    if row.because != Because::Policy {
        let off = case.run(&server, false);
        reason_shows(&mut case, &off, &row.because);
        world.again(tree, &kubectl.path, &row.row.given, &server);
    }
    let on = case.run(&server, true);
    let named = match &row.because {
        Because::Opens(path) => Some(world.given_path(path.to_str().unwrap())),
        _ => None,
    };
    leaks(&mut case, &on, &host_of(&server.url()), named.as_deref());
    if let Some(code) = &row.code {
        not_started(&mut case, &on, code);
    }
    case.findings
}

fn reason_shows(case: &mut Case<'_>, off: &Seen, because: &Because) {
    let shows = match because {
        Because::Opens(path) => {
            let path = case.world.given_path(path.to_str().unwrap());
            off.trace.opened.contains_key(&path)
        }
        Because::Contacts => off.trace.contacted.contains_key(&case.world.other()),
        Because::Policy => return,
    };
    let should = case.row.minors.contains(&case.kubectl.minor());
    if shows != should {
        let opened = off.files(case.world);
        let contacted: Vec<_> = off.trace.contacted.keys().collect();
        let verb = if should { "does not do" } else { "does" };
        case.find(
            Kind::Untrue,
            format!(
                "kubectl alone {verb} what the row says ({because:?}): it opens {opened:?}, contacts {contacted:?}: {}",
                off.output
            ),
        );
    }
}

/// What kubectl did although the guard stood before it.
fn leaks(case: &mut Case<'_>, on: &Seen, pinned: &str, named: Option<&Path>) {
    let foreign: Vec<PathBuf> =
        ["m/overlays/prod", "m/overlays/staging", "m/apps/api/overlays/prod", "m/.git/envguard"]
            .iter()
            .map(|place| case.world.path(place))
            .collect();
    for (path, line) in &on.trace.opened {
        let is_foreign = foreign.iter().any(|place| path.starts_with(place));
        if is_foreign || named == Some(path) {
            case.find(Kind::Leak, format!("opened {}\n    {line}", path.display()));
        }
    }
    for (peer, line) in &on.trace.contacted {
        if peer != pinned {
            case.find(Kind::Leak, format!("contacted {peer}\n    {line}"));
        }
    }
}

fn not_started(case: &mut Case<'_>, on: &Seen, code: &str) {
    if on.trace.kubectls > 0 {
        case.find(Kind::Leak, format!("kubectl was started: {}", on.output));
    }
    if let Some(peer) = on.trace.contacted_by_any.first() {
        case.find(Kind::Leak, format!("{peer} was contacted"));
    }
    let exits = case.row.exits.unwrap_or(77);
    if on.output.code != Some(exits) {
        case.find(Kind::Untrue, format!("does not exit {exits}: {}", on.output));
    }
    if code != "refused" && on.refusal() != Some(code) {
        case.find(Kind::Untrue, format!("is not refused as {code}: {}", on.output));
    }
}
