//! The three rules for paths, patterns, and directories of manifests.

use super::row::{Row, row};
use crate::support::config_map;

const K: &str = "overlays/develop/kustomization.yaml";
const A: &str = "overlays/develop/a.yaml";
const PK: &str = "overlays/prod/kustomization.yaml";
const P: &str = "overlays/prod/p.yaml";

/// `-k`: first lexically, then links; relative to `$PWD` when that is true.
pub(super) fn lexical() -> Vec<Row> {
    let deep = |what, words: &[&str]| {
        // m/link leads to m/x/y/develop, beside which there is another prod.
        row(what, words)
            .link("m/link", "x/y/develop")
            .link("m/x/y/develop", "../../overlays/develop")
            .file("m/x/prod/kustomization.yaml", "resources: [x.yaml]\n")
            .file("m/x/prod/x.yaml", &config_map("x"))
    };
    let kustomize = |dir: &'static str| ["kustomize", dir];
    vec![
        row("plain", &kustomize("overlays/develop")).opens(&[K, A]),
        row("slashes and dots", &kustomize(".//overlays/./develop//")).opens(&[K, A]),
        row("`..` of what does not exist", &kustomize("none/../overlays/develop")).opens(&[K, A]),
        row("`..` behind a file", &kustomize("base/b.yaml/../../overlays/develop")).opens(&[K, A]),
        row("`..` into another overlay", &kustomize("overlays/develop/../prod"))
            .opens(&[PK, P])
            .refused("target-foreign"),
        row("absolute", &kustomize("SCRATCH/m/overlays/develop")).opens(&[K, A]),
        row("the directory above by its name", &kustomize("../m/overlays/develop")).opens(&[K, A]),
        row("a link", &kustomize("here")).link("m/here", "overlays/develop").opens(&[K, A]),
        row("a link to another overlay", &kustomize("here"))
            .link("m/here", "overlays/prod")
            .opens(&[PK, P])
            .refused("target-foreign"),
        row("a link that is called like another overlay", &kustomize("overlays/staging"))
            .link("m/overlays/staging", "develop")
            .opens(&[K, A])
            .refused("target-foreign"),
        deep("`..` behind a link is lexical", &kustomize("link/../base"))
            .opens(&["base/kustomization.yaml", "base/b.yaml"]),
        // Lexically overlays/prod, and for the kernel x/prod.
        row("both readings count", &kustomize("overlays/l/../prod"))
            .link("m/overlays/l", "../x/y")
            .file("m/x/y/f", "")
            .file("m/x/prod/kustomization.yaml", "resources: [x.yaml]\n")
            .file("m/x/prod/x.yaml", &config_map("x"))
            .opens(&[PK, P])
            .refused("target-foreign"),
        // Lexically base, and for the kernel overlays/prod.
        row("the kernel's reading counts too", &kustomize("l/../prod"))
            .link("m/l", "overlays/develop")
            .file("m/prod/kustomization.yaml", "resources: [q.yaml]\n")
            .file("m/prod/q.yaml", &config_map("q"))
            .opens(&["prod/kustomization.yaml", "prod/q.yaml"])
            .refused("target-foreign"),
        row("in a link, by $PWD", &kustomize("../base"))
            .link("m/here", "overlays/develop")
            .from("m/here", true)
            .opens(&["base/kustomization.yaml", "base/b.yaml"]),
        row("in a link, by the kernel", &kustomize("../prod"))
            .link("m/here", "overlays/develop")
            .from("m/here", false)
            .opens(&[PK, P])
            .refused("target-foreign"),
        row("an overlay root that is a link", &kustomize("overlays/prod"))
            .moved("m/overlays", "elsewhere/o")
            .link("m/overlays", "../elsewhere/o")
            .opens(&["../elsewhere/o/prod/kustomization.yaml", "../elsewhere/o/prod/p.yaml"])
            .refused("target-foreign"),
        row("an allowed overlay behind a link", &kustomize("overlays/develop"))
            .moved("m/overlays", "m/o")
            .link("m/overlays", "o")
            .opens(&["o/develop/kustomization.yaml", "o/develop/a.yaml"]),
        row("a foreign overlay behind a link", &kustomize("overlays/prod"))
            .moved("m/overlays", "m/o")
            .link("m/overlays", "o")
            .opens(&["o/prod/kustomization.yaml", "o/prod/p.yaml"])
            .refused("target-foreign"),
        row("the working directory", &kustomize("."))
            .from("m/overlays/develop", true)
            .opens(&[K, A]),
        row("nothing there", &kustomize("overlays/none")).refused("target-foreign"),
        row("a file", &kustomize("overlays/develop/a.yaml")),
        row("no pattern", &kustomize("overlays/dev*")).refused("target-foreign"),
        row("-k", &["label", "--local", "-o", "name", "x=y", "-k", "overlays/develop"])
            .opens(&[K, A]),
        row("-k of several", &["label", "--local", "x=y", "-k", "base", "-k", "overlays/develop"])
            .opens(&[K, A]),
        row("two directories are an error", &["kustomize", "overlays/develop", "overlays/prod"]),
    ]
}

/// `-f`: the kernel's rule for a file, patterns, and a mixture for directories.
pub(super) fn manifests() -> Vec<Row> {
    let label = |path: &'static str| ["label", "--local", "-o", "name", "x=y", "-f", path];
    let deep = |path: &'static str| ["label", "--local", "-o", "name", "x=y", "-R", "-f", path];
    let files = |row: Row| {
        row.without("m/overlays/develop/kustomization.yaml")
            .file("m/overlays/develop/b.yml", &config_map("b"))
            .file(
                "m/overlays/develop/c.json",
                "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c\"}}",
            )
            .file("m/overlays/develop/.d.yaml", &config_map("d"))
            .file("m/overlays/develop/e.YAML", &config_map("e"))
            .file("m/overlays/develop/f.txt", &config_map("f"))
            .file("m/overlays/develop/sub/g.yaml", &config_map("g"))
            .link("m/overlays/develop/h.yaml", "f.txt")
            .link("m/overlays/develop/i.txt", "a.yaml")
            .link("m/overlays/develop/j", "sub")
    };
    const ALL: [&str; 5] = [
        A,
        "overlays/develop/b.yml",
        "overlays/develop/c.json",
        "overlays/develop/.d.yaml",
        "overlays/develop/f.txt",
    ];
    const G: &str = "overlays/develop/sub/g.yaml";
    let with_g = [ALL.as_slice(), &[G]].concat();
    vec![
        row("a file", &label("overlays/develop/a.yaml")).opens(&[A]),
        row("any extension when it is named", &label("overlays/develop/f"))
            .file("m/overlays/develop/f", &config_map("f"))
            .opens(&["overlays/develop/f"]),
        row("`..` behind a link is the kernel's", &label("l/../prod/p.yaml"))
            .link("m/l", "overlays/develop")
            .opens(&[P])
            .refused("target-foreign"),
        row("`..` of what does not exist", &label("none/../overlays/develop/a.yaml")),
        files(row("a directory", &label("overlays/develop"))).opens(&ALL),
        files(row("all of it", &deep("overlays/develop"))).opens(&with_g),
        files(row("all above it", &deep("overlays")))
            .without("m/overlays/prod/kustomization.yaml")
            .opens(&[&with_g[..], &[P]].concat())
            .refused("target-foreign"),
        row("a directory with a kustomization", &label("overlays/develop"))
            .opens(&[K, A])
            .refused("kustomize-as-files"),
        row("the kustomization itself", &label("overlays/develop/kustomization.yaml"))
            .opens(&[K])
            .refused("kustomize-as-files"),
        row("a link to a file", &label("overlays/develop/l"))
            .link("m/overlays/develop/l", "a.yaml")
            .opens(&[A]),
        row("a link to a file of another environment", &label("overlays/develop/l"))
            .link("m/overlays/develop/l", "../prod/p.yaml")
            .opens(&[P])
            .refused("target-foreign"),
        row("a link in a directory", &label("overlays/develop"))
            .without("m/overlays/develop/kustomization.yaml")
            .link("m/overlays/develop/l.yaml", "../prod/p.yaml")
            .opens(&[A, P])
            .refused("target-foreign"),
        row("a link to a directory in a directory", &deep("overlays/develop"))
            .without("m/overlays/develop/kustomization.yaml")
            .link("m/overlays/develop/l", "../prod")
            .opens(&[A]),
        row("a link to a directory", &label("l"))
            .link("m/l", "overlays/prod")
            .refused("target-foreign"),
        row("a link to a directory, with a slash", &label("l/"))
            .link("m/l", "overlays/prod")
            .opens(&[PK, P])
            .refused("target-foreign"),
        // The names come from x, the contents from overlays.
        row("names from one directory, contents from another", &label("up/../develop"))
            .link("m/up", "x/y")
            .file("m/x/y/f", "")
            .file("m/x/develop/p.yaml", &config_map("x"))
            .file("m/develop/p.yaml", &config_map("y"))
            .opens(&["develop/p.yaml"]),
        row(
            "names from one directory, contents of another environment",
            &label("overlays/up/../prod"),
        )
        .link("m/overlays/up", "../x/y")
        .file("m/x/y/f", "")
        .file("m/x/prod/p.yaml", &config_map("x"))
        .opens(&[P])
        .refused("target-foreign"),
        row("a pattern", &label("overlays/develop/*.yaml"))
            .opens(&[K, A])
            .old_opens(&[])
            .refused("kustomize-as-files"),
        row("a pattern of directories", &label("over*/[d]evelop"))
            .without("m/overlays/develop/kustomization.yaml")
            .opens(&[A])
            .old_opens(&[]),
        row("[^x] is a negation", &label("overlays/[^d]*/p.yaml"))
            .opens(&[P])
            .old_opens(&[])
            .refused("target-foreign"),
        row("[!x] is none", &label("overlays/[!p]*/p.yaml"))
            .opens(&[P])
            .old_opens(&[])
            .refused("target-foreign"),
        row("an escape", &label("overlays/\\prod/p.yaml"))
            .opens(&[P])
            .old_opens(&[])
            .refused("target-foreign"),
        row("** is *", &label("**/prod/p.yaml"))
            .opens(&[P])
            .old_opens(&[])
            .refused("target-foreign"),
        row("* matches dot files", &label("overlays/develop/*d.yaml"))
            .file("m/overlays/develop/.d.yaml", &config_map("d"))
            .opens(&["overlays/develop/.d.yaml"])
            .old_opens(&[]),
        row("a pattern that exists is a name", &label("overlays/develop/[a].yaml"))
            .file("m/overlays/develop/[a].yaml", &config_map("x"))
            .opens(&["overlays/develop/[a].yaml"]),
        row("a malformed pattern", &label("base/[b.yaml")),
        row("a slash at the end matches nothing", &label("bas*/")),
        row("braces are a name", &label("overlays/{prod,x}/p.yaml")).refused("target-foreign"),
        // The names come from where the link leads, the paths from here.
        row("a pattern behind a link", &label("l/../*.yaml"))
            .link("m/l", "overlays/prod")
            .file("m/overlays/b.yaml", &config_map("x"))
            .file("m/b.yaml", &config_map("y"))
            .opens(&["b.yaml"])
            .old_opens(&[]),
        row("case counts", &label("Overlays/prod/p.yaml")),
        row("no address", &label("HTTP://x/y.yaml")),
        row("a list", &label("overlays/develop/a.yaml,overlays/prod/p.yaml"))
            .opens(&[A, P])
            .refused("target-foreign"),
        row("a quoted comma", &label("\"overlays/develop/a,b.yaml\""))
            .file("m/overlays/develop/a,b.yaml", &config_map("x"))
            .opens(&["overlays/develop/a,b.yaml"]),
        row("a file called -", &label("./-")).file("m/-", &config_map("x")).opens(&["-"]),
        row("a dangling link in a directory", &label("overlays/develop"))
            .without("m/overlays/develop/kustomization.yaml")
            .link("m/overlays/develop/l.yaml", "none")
            .opens(&[A]),
        row("a loop in a directory", &label("overlays/develop"))
            .without("m/overlays/develop/kustomization.yaml")
            .link("m/overlays/develop/l.yaml", "l.yaml")
            .opens(&[A])
            .refused("input-unreadable"),
    ]
}
