//! Makes up command lines: a command, what it needs, flags in every spelling at
//! every place, and what people mistype.

use super::alphabet::{
    DATA, FORMATS, KUBECONFIGS, KUSTOMIZATIONS, MANIFESTS, NAMES, OUTPUTS, RECIPES, SERVERS,
    STRAYS, UNKNOWN, WORDS,
};
use super::line::Line;
use super::table::{Arity, Command, Flag, Menu};
use crate::trees::dice::Dice;

/// Commands that run until they are stopped: rarely, because they cost the time.
const ENDLESS: [&str; 2] = ["proxy", "port-forward"];

const WATCHES: [&str; 2] = ["watch", "watch-only"];

const TARGETS: [&str; 2] = ["filename", "kustomize"];

/// Flags that name something the guard cares about.
const NAMING: [&str; 24] = [
    "filename",
    "kustomize",
    "recursive",
    "from-file",
    "from-env-file",
    "cert",
    "key",
    "patch-file",
    "custom",
    "output-directory",
    "load-restrictor",
    "template",
    "output",
    "raw",
    "dry-run",
    "local",
    "validate",
    "www",
    "unix-socket",
    "certificate-authority",
    "client-certificate",
    "embed-certs",
    "env",
    "edit",
];

/// Global flags that lead elsewhere.
const LEADING: [&str; 12] = [
    "context",
    "cluster",
    "server",
    "kubeconfig",
    "user",
    "token",
    "as",
    "insecure-skip-tls-verify",
    "certificate-authority",
    "client-key",
    "cache-dir",
    "namespace",
];

/// Flags whose values are no words.
const NUMBERS: [&str; 22] = [
    "chunk-size",
    "concurrency",
    "cpu-percent",
    "current-replicas",
    "grace-period",
    "heapster-port",
    "hostport",
    "limit-bytes",
    "log-file-max-size",
    "max",
    "max-log-requests",
    "min",
    "port",
    "replicas",
    "retries",
    "revision",
    "skip-wait-for-delete-timeout",
    "stderrthreshold",
    "tail",
    "target-port",
    "to-revision",
    "value",
];

const TIMES: [&str; 7] = [
    "duration",
    "keepalive",
    "log-flush-frequency",
    "pod-running-timeout",
    "request-timeout",
    "since",
    "timeout",
];

const PAIRS: [&str; 9] = [
    "annotations",
    "auth-provider-arg",
    "env",
    "exec-env",
    "from-literal",
    "labels",
    "limits",
    "requests",
    "set-image",
];

/// A line for the kubectl of `menu`.
pub(super) fn line(dice: &mut Dice, menu: &Menu) -> Line {
    let command = command(dice, menu);
    let flags = flags(dice, menu, command);
    let has_target = flags.iter().any(|flag| TARGETS.contains(&flag.long));
    let mut units: Vec<Vec<String>> =
        flags.into_iter().map(|flag| spelled(dice, menu, command, flag)).collect();
    if units.len() > 1 && dice.once_in(12) {
        units.push(units[0].clone()); // the same once more
    }
    let mut words = named(dice, command);
    let head = words.len();
    words.extend(needs(dice, command, has_target));
    for unit in units {
        let place = match dice.roll(10) {
            0 => 0,
            1 => dice.roll(head + 1),
            2 => dice.roll(words.len() + 1),
            _ => end(&words),
        };
        words.splice(place..place, unit);
    }
    noise(dice, &mut words);
    let variables = match dice.roll(30) {
        0 => vec![("KUBECONFIG", "$HOME/prod.kubeconfig")],
        1 => vec![("KUBECONFIG", "$TOP/kubeconfig:$HOME/prod.kubeconfig")],
        2 => vec![("KUBECONFIG", "$HOME/prod.kubeconfig:$TOP/kubeconfig")],
        3 => vec![("KUBECONFIG", "")],
        4 => vec![("KUBERNETES_MASTER", "$OTHER")],
        _ => Vec::new(),
    };
    Line { variables, words }
}

/// Before `--`, where flags still count.
fn end(words: &[String]) -> usize {
    words.iter().position(|word| word == "--").unwrap_or(words.len())
}

fn command(dice: &mut Dice, menu: &Menu) -> &'static Command {
    let reads_files = |command: &&'static Command| command.flag_of_its_own("filename");
    loop {
        let command = if dice.once_in(25) && !menu.strangers.is_empty() {
            dice.one_of(&menu.strangers)
        } else if dice.once_in(2) {
            let all: Vec<&Command> = menu.commands.iter().copied().filter(reads_files).collect();
            dice.one_of(&all)
        } else {
            dice.one_of(&menu.commands)
        };
        if !ENDLESS.contains(&command.path) || dice.once_in(8) {
            return command;
        }
    }
}

/// Its name or an alias; sometimes cut short or in capitals, which is another word.
fn named(dice: &mut Dice, command: &Command) -> Vec<String> {
    let mut words: Vec<String> = command.path.split(' ').map(str::to_owned).collect();
    let Some(last) = words.last_mut() else { return words };
    if !command.aliases.is_empty() && dice.once_in(3) {
        dice.one_of(command.aliases).clone_into(last);
    }
    match dice.roll(120) {
        0 => drop(last.pop()),
        1 => *last = last.to_uppercase(),
        2 => words = vec!["look".to_owned(), "pods".to_owned()],
        3 => words.insert(0, "create".to_owned()),
        4 => words.truncate(1),
        _ => {}
    }
    words
}

fn needs(dice: &mut Dice, command: &Command, has_target: bool) -> Vec<String> {
    let recipe = RECIPES.iter().find(|(path, ..)| *path == command.path);
    let mut words = Vec::new();
    if command.path == "cp" {
        let (local, remote) = (dice.one_of(&DATA), "web-7c9a-1:/tmp/x");
        words.extend(if dice.once_in(2) {
            [local, remote]
        } else {
            [remote, dice.one_of(&OUTPUTS)]
        });
    } else if command.path == "kustomize" && !dice.once_in(8) {
        words.push(dice.one_of(&KUSTOMIZATIONS));
    } else if let Some((_, name, rest)) = recipe {
        // A name beside -f is a mistake, and kubectl says so.
        if (!has_target || dice.once_in(8)) && !dice.once_in(15) {
            words.extend(*name);
        }
        if !dice.once_in(15) {
            words.extend(*rest);
        }
    }
    words.into_iter().map(str::to_owned).collect()
}

fn flags(dice: &mut Dice, menu: &Menu, command: &'static Command) -> Vec<&'static Flag> {
    let own = menu.flags(command);
    let pick = |names: &[&str], from: &[&'static Flag]| -> Vec<&'static Flag> {
        from.iter().copied().filter(|flag| names.contains(&flag.long)).collect()
    };
    let (naming, leading) = (pick(&NAMING, &own), pick(&LEADING, &menu.globals));
    let mut flags = Vec::new();
    // One target is what most lines have.
    if let Some(target) = own.iter().copied().find(|flag| flag.long == "filename")
        && !dice.once_in(3)
    {
        let kustomize = own.iter().copied().find(|flag| flag.long == "kustomize");
        flags.push(kustomize.filter(|_| dice.once_in(3)).unwrap_or(target));
    }
    let more = [0, 1, 1, 1, 2, 2, 3, 4];
    for _ in 0..dice.one_of(&more) {
        let from = match dice.roll(12) {
            0..5 if !naming.is_empty() => &naming,
            5 => &leading,
            6 => &menu.globals,
            _ if !own.is_empty() => &own,
            _ => &menu.globals,
        };
        flags.push(dice.one_of(from));
    }
    if own.iter().any(|flag| flag.long == "dry-run") && dice.once_in(3) {
        flags.extend(own.iter().filter(|flag| flag.long == "dry-run"));
    }
    // A foreign flag of a command that has none of the name.
    if dice.once_in(30) {
        flags.extend(menu.flags(dice.one_of(&menu.commands)).first());
    }
    flags.retain(|flag| !WATCHES.contains(&flag.long) || dice.once_in(6));
    // Most people know that -k goes with nothing else.
    if flags.iter().any(|flag| flag.long == "kustomize") && !dice.once_in(5) {
        flags.retain(|flag| !["filename", "recursive"].contains(&flag.long));
    }
    flags
}

/// A flag with its value in one of the ways to write it.
fn spelled(dice: &mut Dice, menu: &Menu, command: &Command, flag: &Flag) -> Vec<String> {
    let long = match dice.roll(8) {
        0 => flag.long.replacen('-', "_", 1),
        1 => flag.long.replace('-', "_"),
        _ => flag.long.to_owned(),
    };
    let value = value(dice, command, flag);
    let short = Some(flag.short).filter(|short| *short != ' ' && !dice.once_in(3));
    if flag.arity != Arity::Required {
        return without_value(dice, flag, &long, short, &value);
    }
    let Some(short) = short else {
        return if dice.once_in(2) {
            vec![format!("--{long}={value}")]
        } else {
            vec![format!("--{long}"), value]
        };
    };
    // Letters without a value may stand before it in the same word.
    let row: Vec<char> = menu
        .flags(command)
        .iter()
        .filter(|other| other.arity != Arity::Required && other.short != ' ')
        .map(|other| other.short)
        .collect();
    let row = if !row.is_empty() && dice.once_in(4) {
        dice.one_of(&row).to_string()
    } else {
        String::new()
    };
    match dice.roll(3) {
        0 => vec![format!("-{row}{short}{value}")],
        1 => vec![format!("-{row}{short}={value}")],
        _ => vec![format!("-{row}{short}"), value],
    }
}

fn without_value(
    dice: &mut Dice,
    flag: &Flag,
    long: &str,
    short: Option<char>,
    value: &str,
) -> Vec<String> {
    let value = match flag.arity {
        Arity::Optional if !value.is_empty() => value,
        _ => dice.one_of(&["true", "true", "false", "false", "0", "F", "maybe"]),
    };
    match (short, dice.roll(4)) {
        (Some(short), 0) => vec![format!("-{short}={value}")],
        (Some(short), _) => vec![format!("-{short}")],
        (None, 0 | 1) => vec![format!("--{long}={value}")],
        // The next word is not its value, although it looks so.
        (None, 2) if dice.once_in(4) => vec![format!("--{long}"), value.to_owned()],
        (None, _) => vec![format!("--{long}")],
    }
}

fn value(dice: &mut Dice, command: &Command, flag: &Flag) -> String {
    let text = match flag.long {
        "filename" => likely(dice, &MANIFESTS),
        "kustomize" => likely(dice, &KUSTOMIZATIONS),
        "from-file" if dice.once_in(3) => {
            return format!("{}={}", dice.one_of(&["k", "k=k", "", ","]), likely(dice, &DATA));
        }
        "template" if dice.once_in(3) => "{{.metadata.name}}",
        "from-file"
        | "from-env-file"
        | "cert"
        | "key"
        | "patch-file"
        | "custom"
        | "template"
        | "certificate-authority"
        | "client-certificate"
        | "client-key"
        | "www" => dice.one_of(&DATA),
        "output" if command.path == "kustomize" => dice.one_of(&OUTPUTS),
        "output" => dice.one_of(&FORMATS),
        "output-directory" | "profile-output" | "cache-dir" | "log-file" | "log-dir"
        | "unix-socket" => dice.one_of(&OUTPUTS),
        "kubeconfig" => dice.one_of(&KUBECONFIGS),
        "kuberc" => dice.one_of(&["off", "missing", "overlays/prod/extra.yaml"]),
        "context" | "cluster" | "user" => dice.one_of(&NAMES),
        "server" => dice.one_of(&SERVERS),
        "dry-run" => dice
            .one_of(&["client", "client", "server", "server", "none", "true", "false", "odd", ""]),
        "cascade" => dice.one_of(&["background", "orphan", "true", "false"]),
        "validate" => dice.one_of(&["true", "false", "strict", "ignore", "warn"]),
        "profile" => dice.one_of(&["none", "cpu", "general", "heap"]),
        "load-restrictor" => dice.one_of(&["LoadRestrictionsNone", "LoadRestrictionsRootOnly"]),
        "raw" => dice.one_of(&["/api/v1/pods", "/api/v1/namespaces/default/configmaps", ""]),
        "v" => dice.one_of(&["1", "6"]),
        "selector" | "labels" if dice.once_in(2) => "app=web",
        "env" if dice.once_in(3) => "-",
        "patch" => "{\"metadata\": {\"labels\": {\"x\": \"y\"}}}",
        "image" => "i",
        "replicas" => dice.one_of(&["0", "1", "3"]),
        "for" => "condition=Ready",
        name if !dice.once_in(8) && NUMBERS.contains(&name) => "1",
        name if !dice.once_in(8) && TIMES.contains(&name) => "1s",
        name if !dice.once_in(8) && PAIRS.contains(&name) => "a=1",
        _ => dice.one_of(&WORDS),
    };
    text.to_owned()
}

/// One of `places`, of which the first ones may be used.
fn likely(dice: &mut Dice, places: &[&'static str]) -> &'static str {
    if dice.once_in(2) { dice.one_of(&places[..places.len() / 3]) } else { dice.one_of(places) }
}

fn noise(dice: &mut Dice, words: &mut Vec<String>) {
    let mut put = |dice: &mut Dice, text: &str| {
        let place = dice.roll(words.len() + 1);
        words.insert(place, text.to_owned());
    };
    match dice.roll(60) {
        0 | 1 => put(dice, "--"),
        2 | 3 => {
            let word = dice.one_of(&UNKNOWN);
            put(dice, word);
        }
        4..7 => {
            let word = dice.one_of(&STRAYS);
            put(dice, word);
        }
        7 => put(dice, "--help"),
        8 => put(dice, "-h"),
        9 => put(dice, "--help=false"),
        _ => {}
    }
}
