//! YAML: where kubectl's parser could see something else than ours.

use super::row::{Row, kustomization};
use crate::support::config_map;

const K: &str = "overlays/develop/kustomization.yaml";
const A: &str = "overlays/develop/a.yaml";
const B: &str = "overlays/develop/b.yaml";

/// `a.yaml` and `b.yaml` are there, and `x.yaml` of a Japanese and a hidden name.
fn k(what: &'static str, text: &str) -> Row {
    kustomization(what, text)
        .file("m/overlays/develop/b.yaml", &config_map("b"))
        .file("m/overlays/develop/yes", &config_map("yes"))
        .file("m/overlays/develop/0777", &config_map("mode"))
        .file("m/overlays/develop/2001-12-14", &config_map("date"))
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        k("JSON", "{\"resources\": [\"a.yaml\", \"\\u0062.yaml\"]}").opens(&[K, A, B]),
        k("JSON with tabs", "{\n\t\"resources\": [\n\t\t\"a.yaml\"\n\t]\n}").opens(&[K, A]),
        k("escapes", "\"\\x72esources\": [\"\\x61.yaml\"]").opens(&[K, A]),
        k("folded", "resources:\n- >-\n  a.yaml\n").opens(&[K, A]),
        k("folded over lines", "resources:\n- \"b.y\\\n  aml\"\n").opens(&[K, B]),
        k("literal", "resources:\n- |-\n  a.yaml\n").opens(&[K, A]),
        k("literal with its line end", "resources:\n- |\n  a.yaml\n").opens(&[K]),
        k("anchors", "metadata: {name: &n a.yaml}\nresources: [*n]").opens(&[K, A]).old_opens(&[K]),
        k("anchored lists", "resources: &r [a.yaml]\ncrds: []\nconfigurations: []\nnamePrefix: x").opens(&[K, A]),
        k("merge keys", "configMapGenerator:\n- &g {name: x, files: [a.yaml]}\n- {<<: *g, name: x1}\n- {<<: [*g], name: x2, files: [b.yaml]}")
            .opens(&[K, A, B]),
        // go-yaml v2 takes what is merged, v3 what stands there.
        k("a field before a merge key", "configMapGenerator:\n- &g {name: x, files: [a.yaml]}\n- {name: x1, files: [yes], <<: *g}")
            .opens(&[K, A])
            .refused("input-unreadable"),
        k("a merge key at the top", "<<: {resources: [a.yaml]}\n").opens(&[K, A]),
        k("yes is no text", "resources: [yes]").opens(&[K]),
        k("quoted yes", "resources: ['yes']").opens(&[K, "overlays/develop/yes"]),
        k("a number", "resources: [0777]").opens(&[K]),
        k("a quoted number", "resources: ['0777']").opens(&[K, "overlays/develop/0777"]),
        k("a date", "resources: [2001-12-14]").opens(&[K, "overlays/develop/2001-12-14"]),
        k("a tag of no importance", "resources: [!!str a.yaml]").opens(&[K, A]),
        k("a number made text", "resources: [!!str 0777]").opens(&[K, "overlays/develop/0777"]),
        k("binary", "resources: [!!binary YS55YW1s]").opens(&[K, A]).refused("input-unreadable"),
        k("binary in full", "resources: [!<tag:yaml.org,2002:binary> YS55YW1s]").opens(&[K, A]).refused("input-unreadable"),
        k("binary by a directive", "%TAG ! tag:yaml.org,2002:\n---\nresources: [!binary YS55YW1s]").opens(&[K, A]).refused("input-unreadable"),
        k("binary encoded", "resources: [!!%62inary YS55YW1s]").opens(&[K, A]).refused("input-unreadable"),
        k("a binary field", "!!binary cmVzb3VyY2Vz: [a.yaml]").opens(&[K, A]).refused("input-unreadable"),
        k("a local tag", "resources: !list [a.yaml]").opens(&[K, A]).refused("input-unreadable"),
        k("a tag that ends elsewhere", "resources: [!!s,a.yaml b.yaml]").opens(&[K, B]).refused("input-unreadable"),
        k("binary in quotes", "resources: [!!binary \"YS55YW1s\"]").opens(&[K, A]).refused("input-unreadable"),
        k("a tag with a bracket", "resources: [!!s] a.yaml]").opens(&[K, A]).refused("input-unreadable"),
        k("a tag that a quote ends", "resources: [!!str\"a.yaml\"]").opens(&[K]).refused("input-unreadable"),
        k("a tag that a brace ends", "commonAnnotations: {a: !x}\nresources: [a.yaml]").opens(&[K]).refused("input-unreadable"),
        k("exclamations in quotes", "commonAnnotations: {a: \"x !!!\", b: 'x !!!'}\nresources: [a.yaml]").opens(&[K, A]),
        k("exclamation marks", "# !!! DO NOT EDIT !!!\nresources: [a.yaml] # !important").opens(&[K, A]),
        k("a byte order mark", "\u{feff}resources: [a.yaml]\nnamePrefix: x\n").opens(&[K, A]),
        k("a byte order mark and another field", "\u{feff}namePrefix: x\nresources: [a.yaml]\n").opens(&[K, A]),
        k("a byte order mark in the middle", "resources: [a.yaml]\n\u{feff}crds: []\n").opens(&[K]).refused("input-unreadable"),
        k("CRLF", "resources:\r\n- a.yaml\r\n- b.yaml\r\n").opens(&[K, A, B]),
        k("CR", "resources:\r- a.yaml\r").opens(&[K, A]),
        k("next line", "namePrefix: x\u{85}resources: [a.yaml]").opens(&[K, A]),
        k("a line separator ends a comment", "# x\u{2028}resources: [a.yaml]").opens(&[K, A]),
        k("a paragraph separator", "# x\u{2029}resources: [a.yaml]").opens(&[K, A]),
        k("a tab", "resources:\t[a.yaml]").opens(&[K, A]),
        k("a tab at the beginning", "resources:\n\t- a.yaml").opens(&[K]).refused("input-unreadable"),
        k("complex keys", "? resources\n: - a.yaml\n").opens(&[K, A]),
        k("a list as a key", "? [resources]\n: [a.yaml]\n").opens(&[K]).refused("input-unreadable"),
        k("a key twice", "resources: [a.yaml]\n\"resources\": [b.yaml]").opens(&[K, B]).refused("input-unreadable"),
        k("a nested key twice", "configMapGenerator: [{name: x, files: [a.yaml], files: [b.yaml]}]")
            .opens(&[K, B])
            .refused("input-unreadable"),
        k("two nested spellings", "configMapGenerator: [{name: x, files: [a.yaml], Files: [b.yaml]}]").opens(&[K, A]),
        k("a colon in braces", "commonAnnotations: {b:}\nresources: [a.yaml]")
            .opens(&[K, A])
            .refused("input-unreadable"),
        k("a directive", "%YAML 1.1\n---\nresources: [a.yaml]").opens(&[K, A]),
        k("another version", "%YAML 1.2\n---\nresources: [a.yaml]").opens(&[K]),
        k("the end of a document", "resources: [a.yaml]\n...\nrubbish: [").opens(&[K, A]),
        k("less indented behind the first field", "  resources: [a.yaml]\nbases: [../prod]").opens(&[K, A]),
        k("an alias to itself", "resources: &r [*r]").opens(&[K]).refused("input-unreadable"),
        k("an unknown alias", "resources: [*r]").opens(&[K]).refused("input-unreadable"),
    ]
}
