#!/usr/bin/env python3
"""Write kubectl's commands and flags, as real kubectl binaries know them, into a Rust table.

    generate.py [--output FILE] [--check] [--thorough] KUBECTL...

To add a kubectl version: run the script with the path of that one binary. Versions already in
FILE whose binary is not given are kept as they stand there, so FILE itself is the only record;
a binary of a minor version that FILE knows replaces that version. Give kubectl itself, not a
vendor's dispatcher that would start another one. With `--check` nothing is written: the exit code
is 1 when FILE (comments aside) is not what the binaries say. Needs no network, server or
kubeconfig, and no command is ever carried out: every probe ends in a flag that does not exist.

Commands, aliases and visible flags come from `--help`. Everything else is asked of the parser:

* `CMD --flag --stop-one --stop-two` fails at the first flag it does not know. It names `flag`
  (does not exist), `stop-one` (takes no word) or `stop-two` (took `--stop-one` as its value; for
  a number "invalid argument" comes instead, with the same meaning).
* `CMD --flag=maybe` is an "invalid argument" for a boolean, not for an optional value.
* One process confirms all visible flags of a command: `--takes-value -0` and
  `--takes-none --context -0`. Whenever a guess is wrong, `-0` is parsed as a flag and the
  flags are asked one by one. Guesses come from the defaults in the help and earlier answers.
* Old help texts do not list local flags that shadow a global one; the usage line names them.

Hidden and deprecated flags are not in the help, and a process can deny only one name, so not every
name is asked of every command: a command is asked for the flags that it has in another version
(what is hidden now was listed once, or will be) and for its HIDDEN_FLAGS. `--thorough` asks every
command for every name that any command has and for every letter; it takes about ten minutes per
version on two cores. Use it when a version is added, and put what it finds into HIDDEN_FLAGS.
Flags behind a feature gate count as known: ENVIRONMENT opens the gates. Look for new ones with
`strings KUBECTL | grep KUBECTL_`.
"""

import argparse
import re
import string
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ENVIRONMENT = {
    "HOME": "/nonexistent",
    "PATH": "/nonexistent",  # no plugins
    "KUBECONFIG": "/dev/null",
    "KUBERC": "off",
    "KUBECTL_APPLYSET": "true",  # feature gates that add flags
    "KUBECTL_DEBUG_CUSTOM_PROFILE": "true",
    "KUBECTL_INTERACTIVE_DELETE": "true",
    "KUBECTL_KUBERC": "true",
    "GOGC": "off",  # the processes are short: halves their time
    "GOMAXPROCS": "1",
}
HIDDEN_COMMANDS = {
    "": "__complete __completeNoDesc alpha convert help options",
    "alpha": "auth debug diff events kuberc",
    "completion": "bash fish powershell zsh",
}
HIDDEN_FLAGS = {  # of a command whose help shows them in no version
    "autoscale": "generator",
    "create configmap": "generator",
    "create deployment": "generator",
    "create namespace": "generator",
    "create poddisruptionbudget": "generator",
    "create secret docker-registry": "generator",
    "create secret generic": "generator",
    "create secret tls": "generator",
    "create serviceaccount": "generator",
    "drain": "delete-local-data",
    "expose": "container-port",
    "get": "use-openapi-print-columns",
    "kustomize": "enable-managedby-label reorder",
    "run": "generator replicas schedule service-generator service-overrides",
    "top node": "heapster-namespace heapster-port heapster-scheme heapster-service",
}
GLOBAL = "(global)"  # pseudo command that holds the global flags
GLOBAL_HOST = "api-versions"  # a command without flags of its own, to probe global flags with
BOOL, OPTIONAL, REQUIRED = "bor"  # how the table spells the arities
NO_LETTER = " "
WIDTH = 100


class Entry:
    """A command of the merged table: versions of the command and of (long, short, arity)."""

    def __init__(self):
        self.aliases, self.versions, self.flags = set(), set(), {}

    def add(self, version, aliases, flags):
        self.aliases |= set(aliases)
        self.versions.add(version)
        for flag in flags:
            self.flags.setdefault(flag, set()).add(version)

    def forget(self, version):
        self.versions.discard(version)
        for versions in self.flags.values():
            versions.discard(version)
        self.flags = {flag: versions for flag, versions in self.flags.items() if versions}


class Kubectl:
    """One binary. `commands` maps a path to its aliases, `visible` a path to the flags in its help
    as {long: (short, default)}, `flags` a path to all its flags as [(long, short, arity)]."""

    def __init__(self, binary, pool):
        self.binary, self.pool = str(Path(binary).absolute()), pool
        self.commands, self.visible, self.flags, self.guesses, self.booleans = {}, {}, {}, {}, {}
        text = self.run("version", "--client")
        found = re.search(r"v(\d+)\.(\d+)\.(\d+)", text)
        if not found:
            sys.exit(f"{binary}: no version in: {text}")
        self.release = ".".join(found.groups())
        self.version = ".".join(found.groups()[:2])

    def run(self, *words):
        done = subprocess.run([self.binary, *words], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.stdout.decode("utf-8", "replace")

    def walk(self, known):
        """Fill `commands` and `visible`; `known` are paths that other versions have."""
        self.visible[GLOBAL] = flags_in(self.run("options"))
        paths = [""]
        while paths:
            helps = self.pool.map(lambda path: self.run(*path.split(), "--help"), paths)
            children = []
            for path, text in zip(paths, helps):
                aliases = re.search(r"^Aliases:\n(.*)$", text, re.M)
                names = aliases.group(1).split(", ") if aliases else []
                self.commands[path] = [name for name in names if name != path.split()[-1]]
                self.visible[path] = flags_in(text)
                usage = re.search(r"^Usage:\n(.*)$", text, re.M)
                for long in re.findall(r"--([a-z-]+)", usage.group(1) if usage else ""):
                    if long in self.visible[GLOBAL] and path:
                        self.visible[path].setdefault(long, self.shadowing(path, long))
                listed = set(commands_in(text))
                names = listed.union(self.unlisted(path, known, listed))
                children += sorted(f"{path} {name}".strip() for name in names)
            paths = children

    def unlisted(self, path, known, listed):
        """Subcommands of `path` that its help does not list."""
        names = set(HIDDEN_COMMANDS.get(path, "").split())
        names |= {other.split()[-1] for other in known if other and parent(other) == path}
        for name in names - listed:
            if path:  # an unknown subcommand gets its parent's help
                text = self.run(*path.split(), name, "--help")
                if re.search(rf"^Usage:\n  kubectl {path} {name}\b", text, re.M):
                    yield name
            elif f'unknown command "{name}"' not in self.run(name, "--stop-one"):
                yield name

    def shadowing(self, path, long):
        """(short, default) of a local flag that the help lacks; it may hide the global letter."""
        short, default = self.visible[GLOBAL][long]
        letter = short != NO_LETTER and self.knows_letter(path, short)
        return (short if letter else NO_LETTER), default

    def ask(self, path, long):
        """The arity of one flag, or None when the command does not know it."""
        words = (GLOBAL_HOST if path == GLOBAL else path).split()
        text = self.run(*words, f"--{long}", "--stop-one", "--stop-two")
        unknown = re.search(r"unknown flag: --([\w-]+)", text)
        if unknown and unknown.group(1) == long:
            return None
        if unknown and unknown.group(1) == "stop-one":
            boolean = "invalid argument" in self.run(*words, f"--{long}=maybe", "--stop-one")
            return BOOL if boolean else OPTIONAL
        # kubectl looks for --kuberc before anything is parsed, and always takes the next word
        if unknown or "invalid argument" in text or long == "kuberc":
            return REQUIRED
        sys.exit(f"kubectl {self.version} {path} --{long}: cannot understand the answer: {text}")

    def knows_letter(self, path, letter):
        text = self.run(*path.split(), f"-{letter}", "--stop-one", "--stop-two")
        return f"unknown shorthand flag: '{letter}'" not in text

    def confirm(self, path):
        """{long: arity} of the visible flags: all guesses in one process, else one by one."""
        guesses = {}
        for long, (_, default) in self.visible[path].items():
            boolean = default in ("false", "true")
            if boolean and (long, default) not in self.booleans:
                self.booleans[long, default] = self.ask(path, long)
            guess = self.booleans.get((long, default), REQUIRED)
            guesses[long] = self.guesses.get((long, default), guess)
        asked = [long for long in guesses if long != "kuberc"]
        if not guesses or (len(asked) == len(guesses) and self.all_right(path, guesses)):
            return guesses
        arities = {}
        for long, (_, default) in self.visible[path].items():
            arities[long] = self.guesses[long, default] = self.ask(path, long)
            if arities[long] is None:
                sys.exit(f"kubectl {self.version} {path}: --{long} is in the help, but unknown")
        return arities

    def all_right(self, path, guesses):
        words = (GLOBAL_HOST if path == GLOBAL else path).split()
        proven = set()
        while True:
            probe = []
            for long, arity in guesses.items():
                if long not in proven:
                    probe += [f"--{long}", *([] if arity == REQUIRED else ["--context"]), "-0"]
            text = self.run(*words, *probe, "--stop-one")
            refused = re.search(r'invalid argument "-0" for "(?:-., )?--([\w-]+)" flag', text)
            if not refused or guesses.get(refused.group(1)) != REQUIRED:
                return "unknown flag: --stop-one" in text
            proven.add(refused.group(1))  # it took the word, but wants another type

    def scan(self, path, candidates, letters):
        """Fill `flags[path]`; `letters` are those that any command uses for a long name."""
        arities = self.confirm(path)
        shorts = {long: self.visible[path][long][0] for long in arities}
        for long in sorted(candidates - set(arities) - set(self.visible[GLOBAL]) - {"help"}):
            arity = None if path.startswith("__complete") else self.ask(path, long)
            if arity:
                arities[long] = arity
                free = letters.get(long, set()) - set(shorts.values())
                known = [letter for letter in sorted(free) if self.knows_letter(path, letter)]
                shorts[long] = known[0] if known else NO_LETTER
        self.flags[path] = [(long, shorts[long], arity) for long, arity in arities.items()]

    def stray_letters(self, path):
        """Letters that the command knows and no flag of the table explains."""
        explained = {short for _, short, _ in self.flags[path] + self.flags[GLOBAL]} | {"h"}
        if path.startswith("__complete"):
            return []
        letters = [letter for letter in string.ascii_letters if letter not in explained]
        return [letter for letter in letters if self.knows_letter(path, letter)]


def parent(path):
    return path.rpartition(" ")[0]


def commands_in(text):
    for section in re.finditer(r"^[^\n]*\bCommands?(?: \(.*\))?:\n((?:  .*\n)+)", text, re.M):
        yield from re.findall(r"^  ([\w-]+)", section.group(1), re.M)


def flags_in(text):
    line = r"^ +(?:-(.), )?--([\w-]+)=('[^']*'|\[[^\]]*\]|[^\s:]*)"
    found = re.findall(line, text, re.M)
    return {long: (short or NO_LETTER, default) for short, long, default in found}


def scan(kubectls, table, pool, thorough):
    """Ask the binaries everything and put the answers into the table."""
    for _ in range(2):  # twice: a command may be hidden in one version and listed in another
        known = set(table).union(*(kubectl.commands for kubectl in kubectls))
        for kubectl in kubectls:
            if not kubectl.commands or known - set(kubectl.commands):
                kubectl.walk(known)
    names, letters = {}, {}  # command: long names, long name: letters, in any version
    seen = [(path, long, short) for path, entry in table.items() for long, short, _ in entry.flags]
    for kubectl in kubectls:
        for path, flags in kubectl.visible.items():
            seen += [(path, long, short) for long, (short, _) in flags.items()]
    for path, long, short in seen:
        names.setdefault(path, set()).add(long)
        letters.setdefault(long, set()).update({short} - {NO_LETTER})
    for path, hidden in HIDDEN_FLAGS.items():
        names.setdefault(path, set()).update(hidden.split())
    everything = set().union(*names.values())
    for kubectl in kubectls:
        def one(path):
            kubectl.scan(path, everything if thorough else names.get(path, set()), letters)
        one(GLOBAL)
        list(pool.map(one, sorted(kubectl.commands)))
        for path in sorted(kubectl.commands) if thorough else []:
            for letter in kubectl.stray_letters(path):
                print(f"kubectl {kubectl.version} {path}: -{letter} belongs to no known flag")
        for entry in table.values():
            entry.forget(kubectl.version)
        for path, flags in kubectl.flags.items():
            aliases = kubectl.commands.get(path, ())
            table.setdefault(path, Entry()).add(kubectl.version, aliases, flags)
        print(f"kubectl {kubectl.release}: {len(kubectl.commands)} commands", file=sys.stderr)


# --- the Rust file -----------------------------------------------------------------------------

HEADER = """\
// Generated by generate.py from these kubectl releases:
// {releases}.
// Do not edit: run the script again, with the binary of a kubectl to add.
"""
BODY = """
//! kubectl's commands and flags: in which versions they exist, and what follows a flag.
//!
//! `b` is a boolean, `o` a flag with an optional value (`--flag=value` only), `r` a flag that takes
//! the next word; ' ' means no letter. `FROM27` is 1.27 and later, `TO33` is up to 1.33. The flags
//! of a command are its local ones, also those that are hidden, deprecated, behind a feature gate
//! or shadow a global flag. `--help` is left out.

use super::entry::{Command, Flag, Versions};
use super::entry::{boolean as b, command as c, optional as o, required as r};
"""


def read_table(text):
    """The table and {version: release} that a Rust file holds."""
    table = {}
    if not text:
        return table, {}
    listed = re.search(r"VERSIONS: \[&str; \d+\] = \[(.*?)\];", text, re.S).group(1)
    versions = re.findall(r'"([\d.]+)"', listed)
    masks = dict(re.findall(r"const (\w+): Versions = Versions\(0b(\d+)\);", text))

    def decode(mask):
        bits = int(masks.get(mask) or re.sub(r"\D", "", mask.partition("0b")[2]), 2)
        return {version for i, version in enumerate(versions) if bits >> i & 1}

    def fill(entry, flags):
        flag = r"""([bor])\("([^"]+)", '(.)', (.+?)\)(?:,|$|\])"""
        for arity, long, short, mask in re.findall(flag, flags):
            entry.flags[long, short, arity] = decode(mask)

    globals_ = table[GLOBAL] = Entry()
    globals_.versions = set(versions)
    fill(globals_, re.sub(r"\s+", " ", re.search(r"GLOBAL_FLAGS.*?\n\];", text, re.S).group()))
    body = re.sub(r"\s+", " ", text[text.index("COMMANDS: &[Command]"):])
    command = r'c\("([^"]*)", &\[([^\]]*)\], (.+?), &\[(.*?)\]\),'
    for path, aliases, mask, flags in re.findall(command, body):
        entry = table[path] = Entry()
        entry.aliases, entry.versions = set(re.findall(r'"([^"]+)"', aliases)), decode(mask)
        fill(entry, flags)
    releases = re.findall(r"\d+\.\d+\.\d+", text.partition("\n\n")[0])
    return table, {release.rpartition(".")[0]: release for release in releases}


def write_table(table, releases):
    versions = sorted(releases, key=lambda version: [int(part) for part in version.split(".")])
    masks = {}

    def mask(known):
        bits = [i for i, version in enumerate(versions) if version in known]
        first, last = bits[0], bits[-1]
        value = sum(1 << i for i in bits)
        if len(bits) != last - first + 1:
            return f"Versions({value:#0{len(versions) + 2}b})"
        low, high = (versions[i].partition(".")[2] for i in (first, last))
        name = f"V{low}" if first == last else f"V{low}TO{high}"
        if len(bits) == len(versions):
            name = "ALL"
        elif first and last == len(versions) - 1 and first != last:
            name = f"FROM{low}"
        elif first == 0 and first != last:
            name = f"TO{high}"
        masks[value] = name
        return name

    def flags(entry):
        for (long, short, arity), known in sorted(entry.flags.items()):
            yield f"{arity}(\"{long}\", '{short}', {mask(known)})"

    def filled(items, indent):
        line = ""
        for item in items:
            if line and len(indent) + len(line) + len(item) + 2 > WIDTH:
                yield indent + line
                line = ""
            line += (" " if line else "") + item + ","
        yield indent + line

    lines = ["", "#[rustfmt::skip]", "pub(super) static GLOBAL_FLAGS: &[Flag] = &["]
    lines += [*filled(flags(table[GLOBAL]), "    "), "];"]
    lines += ["", "#[rustfmt::skip]", "pub(super) static COMMANDS: &[Command] = &["]
    for path in sorted(set(table) - {GLOBAL}):
        entry = table[path]
        aliases = ", ".join(f'"{alias}"' for alias in sorted(entry.aliases))
        head, items = f'    c("{path}", &[{aliases}], {mask(entry.versions)}, &[', list(flags(entry))
        whole = head + ", ".join(items) + "]),"
        lines += [whole] if len(whole) <= WIDTH else [head, *filled(items, " " * 8), "    ]),"]
    lines += ["];", ""]

    wide = [f'"{version}"' for version in versions]
    names = ["", "#[rustfmt::skip]", f"pub(super) static VERSIONS: [&str; {len(versions)}] = ["]
    names += [*filled(wide, "    "), "];", ""]
    for value, name in sorted(masks.items(), reverse=True):
        names.append(f"const {name}: Versions = Versions({value:#0{len(versions) + 2}b});")
    header = HEADER.format(releases=", ".join(releases[version] for version in versions))
    return header + BODY + "\n".join(names + lines)


def without_comments(text):
    return [line for line in text.splitlines() if not line.startswith("//")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, metavar="FILE", help="table.rs beside this script",
                        default=Path(__file__).with_name("table.rs"))
    parser.add_argument("--check", action="store_true", help="write nothing, 1 if FILE is outdated")
    parser.add_argument("--thorough", action="store_true", help="ask all for every name (slow)")
    parser.add_argument("kubectl", nargs="+", metavar="KUBECTL")
    options = parser.parse_args()
    before = options.output.read_text() if options.output.exists() else ""
    table, releases = read_table(before)
    with ThreadPoolExecutor(2) as pool:
        kubectls = [Kubectl(binary, pool) for binary in options.kubectl]
        scan(kubectls, table, pool, options.thorough)
    releases.update({kubectl.version: kubectl.release for kubectl in kubectls})
    table = {path: entry for path, entry in table.items() if entry.versions}
    text = write_table(table, releases)
    if not options.check:
        options.output.write_text(text)
    elif not before or without_comments(before) != without_comments(text):
        sys.exit(f"{options.output} is out of date: run generate.py again")


if __name__ == "__main__":
    main()
