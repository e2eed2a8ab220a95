//! What each level does unless the configuration says otherwise: one table, from
//! which the defaults are read and which `docs` and tests print.

use crate::level::Level;

/// What a row of the table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Commands that only read.
    Read,
    /// exec, attach, cp, port-forward, proxy, debug.
    Channel,
    /// Commands that change the cluster.
    Mutate,
    /// Commands that take something away.
    Destroy,
    /// Plugins.
    Plugin,
    /// `--as`, `--token`, `--user`, client certificates.
    Identity,
    /// Targets, references, inputs and outputs, local and remote.
    Files,
    /// Manifests from standard input.
    Stdin,
    /// Uncommitted files in the closure.
    Uncommitted,
    /// A branch that is not listed.
    Branch,
    /// Another commit since the verdict.
    Moved,
    /// kubectl and server too far apart.
    Skew,
    /// `-f` on a kustomization.
    KustomizeAsFiles,
    /// Cluster, kubeconfig, clone and configuration.
    Cluster,
    /// The audit line cannot be written.
    Audit,
    /// Flags and commands that nobody knows: they could name another cluster.
    Unknown,
    /// The kernel does not or cannot enforce the verdict where it should.
    Sandbox,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: it runs.
    Pass,
    /// A line on standard error, then it runs.
    Warn,
    /// The name is typed unless a ticket is valid.
    AskTicket,
    /// The name is typed every time.
    AskAlways,
    /// Read and compare; run when nothing foreign is found.
    Judge,
    /// As `Judge`, and the name is typed every time.
    JudgeAndAsk,
    /// Reading commands and dry runs pass, everything else is refused.
    RefuseUnlessReading,
    /// It does not run.
    Refuse,
}

/// One row: the answer at each level, and whether break glass lifts it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What it is about.
    pub topic: Topic,
    /// Answers for normal, caution and critical.
    pub answers: [Answer; 3],
    /// Whether `--break-glass` lifts it.
    pub lifted: bool,
}

const fn row(topic: Topic, answers: [Answer; 3], lifted: bool) -> Row {
    Row { topic, answers, lifted }
}

/// The table of defaults.
pub static DEFAULTS: [Row; 17] = {
    use Answer::{
        AskAlways, AskTicket, Judge, JudgeAndAsk, Pass, Refuse, RefuseUnlessReading, Warn,
    };
    [
        row(Topic::Read, [Pass, Pass, Pass], false),
        row(Topic::Channel, [Pass, Pass, AskTicket], true),
        row(Topic::Mutate, [Pass, Pass, AskTicket], true),
        row(Topic::Destroy, [Pass, AskTicket, AskAlways], false),
        row(Topic::Plugin, [Pass, Pass, AskTicket], true),
        row(Topic::Identity, [RefuseUnlessReading; 3], true),
        row(Topic::Files, [Refuse, Refuse, Refuse], true),
        row(Topic::Stdin, [Judge, Judge, JudgeAndAsk], true),
        row(Topic::Uncommitted, [Pass, Warn, Refuse], true),
        row(Topic::Branch, [Pass, Warn, Refuse], true),
        row(Topic::Moved, [Refuse, Refuse, Refuse], true),
        row(Topic::Skew, [Warn, Warn, Warn], true),
        row(Topic::KustomizeAsFiles, [Refuse, Refuse, Refuse], true),
        row(Topic::Cluster, [Refuse, Refuse, Refuse], false),
        row(Topic::Audit, [Warn, Warn, Refuse], true),
        row(Topic::Unknown, [Refuse, Refuse, Refuse], false),
        row(Topic::Sandbox, [Refuse, Refuse, Refuse], false),
    ]
};

/// What the table says about `topic` at `level`.
#[must_use]
pub fn default_answer(topic: Topic, level: Level) -> Answer {
    DEFAULTS
        .iter()
        .find(|row| row.topic == topic)
        .map_or(Answer::Refuse, |row| row.answers[level as usize])
}

/// Whether break glass lifts what the table says about `topic`.
#[must_use]
pub fn is_lifted(topic: Topic) -> bool {
    DEFAULTS.iter().any(|row| row.topic == topic && row.lifted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_one_row() {
        for row in &DEFAULTS {
            let same = DEFAULTS.iter().filter(|other| other.topic == row.topic).count();
            assert_eq!(same, 1, "{:?}", row.topic);
        }
    }

    #[test]
    fn stricter_levels_are_never_milder() {
        let weight = |answer: Answer| match answer {
            Answer::Pass => 0,
            Answer::Warn => 1,
            Answer::Judge => 2,
            Answer::AskTicket => 3,
            Answer::AskAlways | Answer::JudgeAndAsk => 4,
            Answer::RefuseUnlessReading => 5,
            Answer::Refuse => 6,
        };
        for row in &DEFAULTS {
            let weights = row.answers.map(weight);
            assert!(weights.is_sorted(), "{:?}: {:?}", row.topic, row.answers);
        }
    }

    #[test]
    fn what_guards_the_cluster_is_never_lifted() {
        let cluster = DEFAULTS.iter().find(|row| row.topic == Topic::Cluster).unwrap();
        assert!(!cluster.lifted);
        assert_eq!(cluster.answers, [Answer::Refuse; 3]);
    }
}
