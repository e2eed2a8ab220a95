//! Which kubectl commands tell what another one would do. None of them changes
//! anything: whoever runs them checks that once more with the guard's own grammar.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::kubectl::{Class, Given, Request, dry_run_prints};

/// How it is found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// The command line says it all.
    Plain,
    /// It cannot be known, in a phrase.
    Unknown(&'static str),
    /// These commands are asked, one after the other.
    Ask(Vec<Step>),
}

/// One thing that kubectl is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `kubectl diff`
    Diff(Vec<OsString>),
    /// A server dry run that prints objects, compared with what is there.
    DryRun {
        /// The dry run.
        dry: Vec<OsString>,
        /// Reads the objects from standard input and prints them as they are.
        live: Vec<OsString>,
    },
    /// A server dry run that names what goes, and a look at those objects.
    Going {
        /// The dry run.
        dry: Vec<OsString>,
        /// Prints the same objects.
        live: Vec<OsString>,
    },
    /// The objects that a command without a dry run works on.
    Named {
        /// Prints them.
        live: Vec<OsString>,
        /// What happens to each, in a word.
        fate: &'static str,
    },
    /// `scale`: the objects, and how many replicas they get.
    Scale {
        /// Prints them.
        live: Vec<OsString>,
        /// The new number.
        replicas: i64,
    },
    /// A server dry run that prints a line for each thing it would do; of those the
    /// ones with this word.
    Lines {
        /// The dry run.
        dry: Vec<OsString>,
        /// Empty for all.
        with: &'static str,
    },
}

/// Flags that choose objects, for commands and for `get` alike.
const CHOOSING: [&str; 7] = [
    "filename",
    "kustomize",
    "recursive",
    "selector",
    "field-selector",
    "all-namespaces",
    "ignore-not-found",
];

/// Flags of `apply` that change what `diff` says, besides those.
const OF_DIFF: [&str; 3] = ["server-side", "field-manager", "force-conflicts"];

/// Global flags that bear on the answer, besides cluster and identity.
const GLOBAL: [&str; 4] = ["namespace", "cache-dir", "request-timeout", "disable-compression"];

/// Flags that a dry run for us must not have: they print otherwise, wait, open
/// something, or change how the dry run is one.
const LEFT_OUT: [&str; 21] = [
    "allow-missing-template-keys",
    "attach",
    "dry-run",
    "force",
    "interactive",
    "leave-stdin-open",
    "now",
    "output",
    "pod-running-timeout",
    "profile",
    "profile-output",
    "quiet",
    "rm",
    "show-managed-fields",
    "stdin",
    "template",
    "timeout",
    "tty",
    "v",
    "wait",
    "warnings-as-errors",
];

impl Plan {
    /// For `request`; `namespace` is the flag that the guard adds by itself.
    #[must_use]
    pub fn new(request: &Request, namespace: Option<&OsStr>) -> Self {
        let words = Words { request, namespace };
        let invocation = &request.invocation;
        match request.class {
            Some(Class::Plugin) => return Self::Unknown("nobody knows what a plugin does"),
            Some(Class::Mutate | Class::Destroy) => {}
            _ => return Self::Plain,
        }
        if request.is_looked_up() {
            return Self::Unknown("this command is newer than envguard");
        }
        if invocation.is_raw() {
            return Self::Plain;
        }
        let command = invocation.command();
        if command.contains("edit") || invocation.is_set("edit") {
            return Self::Unknown("an editor opens first");
        }
        let reads_words = matches!(command, "set env")
            && (invocation.positionals.iter().any(|word| word == "-")
                || invocation.last("env").is_some_and(|value| value == "-"));
        if reads_words {
            return Self::Unknown("the variables come from standard input when it runs");
        }
        match command {
            "apply" => {
                let mut steps = Vec::new();
                if invocation.is_set("prune") {
                    let dry = words.dry_run(&[]);
                    steps.push(Step::Lines { dry, with: " pruned" });
                }
                steps.push(Step::Diff(words.choosing(&["diff"], &OF_DIFF, false)));
                Self::Ask(steps)
            }
            "delete" => {
                let dry = words.dry_run(&["--output=name", "--wait=false"]);
                Self::Ask(vec![Step::Going { dry, live: words.get() }])
            }
            "replace" if invocation.is_set("force") => {
                let fate = "goes, and comes back as in the file";
                Self::Ask(vec![Step::Named { live: words.get(), fate }])
            }
            "scale" => match invocation.last("replicas").and_then(number) {
                Some(replicas) => Self::Ask(vec![Step::Scale { live: words.get(), replicas }]),
                None => Self::Plain,
            },
            "rollout restart" => words.named("restarts"),
            "rollout pause" => words.named("pauses"),
            "rollout resume" => words.named("goes on"),
            "rollout undo" => words.named("goes back to an earlier revision"),
            "certificate approve" | "certificate deny" => {
                let fate = if command.ends_with("deny") { "is denied" } else { "is approved" };
                let live = words.choosing(&["get", "--output=json"], &[], true);
                Self::Ask(vec![Step::Named { live, fate }])
            }
            "drain" | "cordon" | "uncordon" => {
                Self::Ask(vec![Step::Lines { dry: words.dry_run(&[]), with: "" }])
            }
            "create token" => Self::Plain,
            _ if dry_run_prints(command) => {
                let dry = words.dry_run(&["--output=json"]);
                let mut live = words.globals();
                live.extend(
                    ["get", "--ignore-not-found", "--output=json", "--filename=-"].map(Into::into),
                );
                Self::Ask(vec![Step::DryRun { dry, live }])
            }
            _ => Self::Unknown("nothing is known of this command"),
        }
    }

    /// Every command that would be asked.
    #[must_use]
    pub fn commands(&self) -> Vec<&[OsString]> {
        let Self::Ask(steps) = self else { return Vec::new() };
        steps
            .iter()
            .flat_map(|step| match step {
                Step::Diff(words)
                | Step::Named { live: words, .. }
                | Step::Scale { live: words, .. }
                | Step::Lines { dry: words, .. } => vec![words.as_slice()],
                Step::DryRun { dry, live } | Step::Going { dry, live } => {
                    vec![dry.as_slice(), live.as_slice()]
                }
            })
            .collect()
    }
}

fn number(text: &OsStr) -> Option<i64> {
    text.to_str()?.parse().ok()
}

/// Command lines made of the parts of another one.
struct Words<'r> {
    request: &'r Request,
    namespace: Option<&'r OsStr>,
}

impl Words<'_> {
    /// Namespace, cluster and identity, as they stand.
    fn globals(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> =
            self.namespace.map(OsStr::to_os_string).into_iter().collect();
        let request = self.request;
        for chosen in request.overrides.iter().chain(&request.identities) {
            words.push(long(chosen.flag, Some(&chosen.value)));
        }
        words.extend(self.flags(&GLOBAL));
        words
    }

    fn flags<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = OsString> + 'a {
        let flags = self.request.invocation.flags.iter();
        flags.filter(|given| names.contains(&given.flag.long)).map(spelled)
    }

    /// `command` on the same objects.
    fn choosing(&self, command: &[&str], more: &[&str], positionals: bool) -> Vec<OsString> {
        let mut words = self.globals();
        words.extend(command.iter().map(Into::into));
        let invocation = &self.request.invocation;
        // Of repeated flags with one value the last counts, as before: all are kept.
        words.extend(self.flags(&CHOOSING));
        words.extend(self.flags(more));
        if positionals {
            let kind = invocation.command().starts_with("certificate")
                && !invocation.positionals.is_empty();
            words.extend(kind.then(|| "certificatesigningrequests".into()));
            self.positionals(&mut words);
        }
        words
    }

    /// The objects, printed.
    fn get(&self) -> Vec<OsString> {
        self.choosing(&["get", "--output=json", "--ignore-not-found"], &[], true)
    }

    fn named(&self, fate: &'static str) -> Plan {
        Plan::Ask(vec![Step::Named { live: self.get(), fate }])
    }

    /// The command itself, as a server dry run.
    fn dry_run(&self, more: &[&str]) -> Vec<OsString> {
        let invocation = &self.request.invocation;
        let mut words: Vec<OsString> =
            self.namespace.map(OsStr::to_os_string).into_iter().collect();
        words.extend(invocation.command().split(' ').map(Into::into));
        let kept = invocation.flags.iter().filter(|given| !LEFT_OUT.contains(&given.flag.long));
        words.extend(kept.map(spelled));
        words.push("--dry-run=server".into());
        words.extend(more.iter().map(Into::into));
        self.positionals(&mut words);
        words
    }

    /// The words that are no flags. kubectl counts those before `--` where it wants
    /// one name, and takes those behind it for the command in a container.
    fn positionals(&self, words: &mut Vec<OsString>) {
        let invocation = &self.request.invocation;
        let (name, rest) = invocation.positionals.split_at(invocation.positionals.len().min(1));
        let is_flag = |word: &OsString| word.as_bytes().starts_with(b"-");
        let command = invocation.command();
        if (command == "run" || command.starts_with("create ")) && !name.iter().any(is_flag) {
            words.extend(name.iter().cloned());
            words.extend((!rest.is_empty()).then(|| "--".into()));
            words.extend(rest.iter().cloned());
            return;
        }
        words.extend(invocation.positionals.iter().any(is_flag).then(|| "--".into()));
        words.extend(invocation.positionals.iter().cloned());
    }
}

fn spelled(given: &Given) -> OsString {
    long(given.flag.long, given.value.as_deref())
}

fn long(name: &str, value: Option<&OsStr>) -> OsString {
    let mut word = OsString::from("--");
    word.push(name);
    if let Some(value) = value {
        word.push("=");
        word.push(value);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl;

    fn request(line: &str) -> Request {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let reading = kubectl::readings(&words).unwrap().remove(0);
        Request::new(&words, reading)
    }

    fn asked(line: &str) -> Vec<String> {
        let plan = Plan::new(&request(line), None);
        let shown = |words: &[OsString]| {
            words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        plan.commands().into_iter().map(shown).collect()
    }

    #[test]
    fn each_command_is_asked_about_in_its_own_way() {
        for (line, expected) in [
            (
                "apply -k overlays/prod --wait -n web",
                &["--namespace=web diff --kustomize=overlays/prod"][..],
            ),
            (
                "apply -Rf a,b --server-side -l app=x",
                &["diff --recursive --filename=a,b --selector=app=x --server-side"],
            ),
            (
                "delete deploy api -n web --now -i",
                &[
                    "delete --namespace=web --dry-run=server --output=name --wait=false deploy api",
                    "--namespace=web get --output=json --ignore-not-found deploy api",
                ],
            ),
            ("scale deploy api --replicas=0", &["get --output=json --ignore-not-found deploy api"]),
            ("rollout restart deploy/api", &["get --output=json --ignore-not-found deploy/api"]),
            (
                "set image deploy/api api=v2 -o yaml",
                &[
                    "set image --dry-run=server --output=json deploy/api api=v2",
                    "get --ignore-not-found --output=json --filename=-",
                ],
            ),
            (
                "run x --image=i -it --rm",
                &[
                    "run --image=i --dry-run=server --output=json x",
                    "get --ignore-not-found --output=json --filename=-",
                ],
            ),
            (
                "drain n1 --ignore-daemonsets --force",
                &["drain --ignore-daemonsets --dry-run=server n1"],
            ),
            (
                "create deployment x --image=i -- sh -c y",
                &[
                    "create deployment --image=i --dry-run=server --output=json x -- sh -c y",
                    "get --ignore-not-found --output=json --filename=-",
                ],
            ),
            ("certificate approve a", &["get --output=json certificatesigningrequests a"]),
            (
                "replace --force -f x.yaml",
                &["get --output=json --ignore-not-found --filename=x.yaml"],
            ),
            (
                "apply --prune -l app=x -f d",
                &[
                    "apply --prune --selector=app=x --filename=d --dry-run=server",
                    "diff --selector=app=x --filename=d",
                ],
            ),
        ] {
            assert_eq!(asked(line), expected, "{line}");
        }
    }

    #[test]
    fn nothing_that_is_asked_changes_anything() {
        // The grammar that judges commands judges these, too.
        let commands = [
            "apply -f x",
            "apply --prune --all -f x",
            "apply --force -f x",
            "delete -f x --force --grace-period=0",
            "delete pods --all -A",
            "replace -f x",
            "replace --force -f x",
            "create -f x",
            "patch deploy x -p {}",
            "label pod x a=b --overwrite",
            "annotate pod x a-",
            "scale deploy x --replicas=3",
            "autoscale deploy x --max=3",
            "expose deploy x --port=80",
            "run x --image=i --attach",
            "set env deploy/x A=b",
            "set resources deploy/x --limits=cpu=1",
            "taint node n a=b:NoExecute",
            "drain n --delete-emptydir-data",
            "cordon n",
            "uncordon n",
            "rollout undo deploy/x",
            "rollout restart deploy/x",
            "auth reconcile -f x --remove-extra-permissions",
            "create configmap x --from-literal=a=b",
            "create secret generic x --from-file=y",
            "certificate approve a",
            "create --dry-run=none -f x",
            "delete pod x --dry-run=none",
        ];
        let mut asked = 0;
        for line in commands {
            let plan = Plan::new(&request(line), None);
            assert!(matches!(plan, Plan::Ask(_)), "{line}: {plan:?}");
            for words in plan.commands() {
                for reading in kubectl::readings(words).unwrap() {
                    let class = Request::new(words, reading).class;
                    assert_eq!(class, Some(Class::Read), "{line}: {words:?}");
                    asked += 1;
                }
            }
        }
        assert!(asked >= commands.len());
    }

    #[test]
    fn what_cannot_be_known_is_not_asked_for() {
        for (line, expected) in [
            ("exec pod -- ls", Plan::Plain),
            ("delete --raw /api/v1/x", Plan::Plain),
            ("edit deploy x", Plan::Unknown("an editor opens first")),
            ("create -f x --edit", Plan::Unknown("an editor opens first")),
            (
                "set env deploy/x -",
                Plan::Unknown("the variables come from standard input when it runs"),
            ),
        ] {
            assert_eq!(Plan::new(&request(line), None), expected, "{line}");
        }
    }
}
