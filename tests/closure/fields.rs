//! The fields of a kustomization, plugins and charts.

use super::row::{OVERLAY, Row, kustomization, row};
use crate::support::config_map;

const K: &str = "overlays/develop/kustomization.yaml";
const A: &str = "overlays/develop/a.yaml";
const PK: &str = "overlays/prod/kustomization.yaml";
const P: &str = "overlays/prod/p.yaml";
const BK: &str = "base/kustomization.yaml";
const B: &str = "base/b.yaml";
const D: &str = "overlays/develop/d.txt";

const TARGET: &str = "target: {kind: ConfigMap}";

fn with_data(row: Row) -> Row {
    row.file("m/overlays/develop/d.txt", "A=1\n")
        .file("m/overlays/develop/patch.yaml", &config_map("a"))
        .file("m/overlays/develop/6902.yaml", "[{op: add, path: /data/x, value: y}]\n")
        .file("m/overlays/develop/list.yaml", "[]\n")
        .file("m/overlays/develop/empty.yaml", "{}\n")
        .file("m/overlays/develop/schema.json", "{\"definitions\": {}}\n")
}

const PATCH: &str = "overlays/develop/patch.yaml";
const JSON: &str = "overlays/develop/6902.yaml";
const LIST: &str = "overlays/develop/list.yaml";
const EMPTY: &str = "overlays/develop/empty.yaml";
const SCHEMA: &str = "overlays/develop/schema.json";

/// Each field in its spellings.
pub(super) fn fields() -> Vec<Row> {
    let k = |what, text: &str| with_data(kustomization(what, text));
    let patches = |field: &str, value: &str| format!("resources: [a.yaml]\n{field}: {value}\n");
    vec![
        k("resources: a directory", "resources: [../../base]").opens(&[K, BK, B]).old_opens(&[K]),
        k("bases", "bases: [../../base]").opens(&[K, BK, B]),
        k("bases: another environment", "bases: [../prod]").opens(&[K, PK, P]).refused("reference-foreign"),
        k("resources: another environment", "resources: [../prod]")
            .opens(&[K, PK, P])
            .old_opens(&[K])
            .refused("reference-foreign"),
        // Outside the root: an error for kubectl.
        k("resources: a file of another environment", "resources: [../prod/p.yaml]")
            .opens(&[K])
            .refused("reference-foreign"),
        k("resources: a file outside the root", "resources: [../../base/b.yaml]").opens(&[K]),
        k("resources: a link out of the root", "resources: [l.yaml]")
            .link("m/overlays/develop/l.yaml", "../prod/p.yaml")
            .opens(&[K])
            .refused("reference-foreign"),
        k("resources: a link to a directory", "resources: [l]")
            .link("m/overlays/develop/l", "../prod")
            .opens(&[K, PK, P])
            .old_opens(&[K])
            .refused("reference-foreign"),
        k("resources: absolute in the root", "resources: [SCRATCH/m/overlays/develop/a.yaml]")
            .opens(&[K, A])
            .old_opens(&[K]),
        k("resources: an absolute directory", "resources: [SCRATCH/m/base]").opens(&[K]),
        k("resources: no pattern", "resources: ['*.yaml']").opens(&[K]),
        k("resources: empty", "resources: ['']").opens(&[K]),
        k("resources: null", "resources:\nnamePrefix: x").opens(&[K]),
        k("the directory above", "resources: [..]").opens(&[K]),
        k("itself", "resources: [.]").opens(&[K]),
        k("a component is read before it is rejected", "components: [../prod]")
            .opens(&[K, PK])
            .old_opens(&[K])
            .refused("reference-foreign"),
        k("components", "components: [../../base]")
            .file("m/base/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [b.yaml]\n")
            .opens(&[K, BK, B])
            .old_opens(&[K]),
        k("crds", "resources: [a.yaml]\ncrds: [empty.yaml]").opens(&[K, A, EMPTY]),
        k("configurations", "resources: [a.yaml]\nconfigurations: [empty.yaml]").opens(&[K, A, EMPTY]),
        k("openapi", "resources: [a.yaml]\nopenapi: {path: schema.json}").opens(&[K, SCHEMA, A]).old_opens(&[K]),
        k("openapi: keys of a map are exact", "resources: [a.yaml]\nopenapi: {Path: schema.json}")
            .opens(&[K, A])
            .old_opens(&[K]),
        k("openapi of a base", "resources: [../../base]")
            .file("m/base/kustomization.yaml", "openapi: {path: s.json}\nresources: [b.yaml]")
            .file("m/base/s.json", "{\"definitions\": {}}")
            .opens(&[K, BK, "base/s.json", B])
            .old_opens(&[K]),
        k("openapi of a base, absolute: in or below the root", "resources: [../../base]")
            .file("m/base/kustomization.yaml", "openapi: {path: /s.json}\nresources: [b.yaml]")
            .file("m/base/s.json", "{\"definitions\": {}}")
            .opens(&[K, BK])
            .old_opens(&[K])
            .refused("reference-outside"),
        k("patches", &patches("patches", &format!("[{{path: patch.yaml, {TARGET}}}]")))
            .opens(&[K, A, PATCH])
            .old_opens(&[K]),
        k("patches: nested spellings", &patches("patches", &format!("[{{PATH: patch.yaml, {TARGET}}}]")))
            .opens(&[K, A, PATCH])
            .old_opens(&[K]),
        k("patches: files, in kubectl 1.20", &patches("patches", "[patch.yaml]"))
            .opens(&[K])
            .old_opens(&[K, A, PATCH]),
        k("patches: inline", &patches("patches", &format!("[{{patch: 'kind: ../prod', {TARGET}}}]")))
            .opens(&[K, A])
            .old_opens(&[K]),
        k("patchesJson6902", &patches("patchesJson6902", "[{path: 6902.yaml, target: {version: v1, kind: ConfigMap, name: a}}]"))
            .opens(&[K, A, JSON]),
        k("patchesStrategicMerge", &patches("patchesStrategicMerge", "[patch.yaml]")).opens(&[K, A, PATCH]),
        k("patchesStrategicMerge: inline", &patches("patchesStrategicMerge", "['{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}']"))
            .opens(&[K, A]),
        k("patchesStrategicMerge: a path that looks like YAML", &patches("patchesStrategicMerge", "['x: y']"))
            .file("m/overlays/develop/x: y", &config_map("a"))
            .opens(&[K, A, "overlays/develop/x: y"]),
        k("replacements", &patches("replacements", "[{path: list.yaml}]")).opens(&[K, A, LIST]).old_opens(&[K]),
        k("replacements: a single object", &patches("replacements", "{path: list.yaml}")).opens(&[K]),
        k("files", "configMapGenerator: [{name: x, files: [d.txt]}]").opens(&[K, D]),
        k("files with a key", "configMapGenerator: [{name: x, files: [k=d.txt]}]").opens(&[K, D]),
        k("files with two =", "configMapGenerator: [{name: x, files: [a=b=d.txt]}]").opens(&[K]),
        k("files: = and a path", "configMapGenerator: [{name: x, files: ['=d.txt']}]").opens(&[K]),
        k("files: a directory", "configMapGenerator: [{name: x, files: [.]}]").opens(&[K]),
        k("envs", "configMapGenerator: [{name: x, envs: [d.txt]}]").opens(&[K, D]).old_opens(&[K]),
        k("env", "configMapGenerator: [{name: x, env: d.txt}]").opens(&[K, D]),
        k("secretGenerator", "secretGenerator: [{name: x, Files: [d.txt]}]").opens(&[K, D]),
        k("literals", "configMapGenerator: [{name: x, literals: [a=d.txt]}]").opens(&[K]),
        // Spellings of the names.
        k("upper case", "RESOURCES: [a.yaml]").opens(&[K, A]),
        k("long s", "re\u{17f}ource\u{17f}: [a.yaml]").opens(&[K, A]),
        k("kelvin sign", "\u{212a}ind: Kustomization\nresources: [a.yaml]").opens(&[K, A]),
        k("two spellings", "resources: [a.yaml]\nResources: [../../base]")
            .opens(&[K, A])
            .refused("input-unreadable"),
        k("a field twice", "resources: [a.yaml]\nresources: [../../base]")
            .opens(&[K, BK, B])
            .old_opens(&[K])
            .refused("input-unreadable"),
        k("an unknown field", "resource: [a.yaml]").opens(&[K]).refused("input-unreadable"),
        k("a base reached twice", "bases: [one, two]")
            .file("m/overlays/develop/one/kustomization.yaml", "bases: [../../../base]\nnamePrefix: x")
            .file("m/overlays/develop/two/kustomization.yaml", "bases: [../../../base]\nnamePrefix: y")
            .opens(&[K, "overlays/develop/one/kustomization.yaml", "overlays/develop/two/kustomization.yaml", BK, B]),
        k("a cycle", "bases: [../../base]")
            .file("m/base/kustomization.yaml", "bases: [../overlays/develop]")
            .opens(&[K, BK]),
        // What kubectl fetches.
        k("http", "resources: [a.yaml, 'https://127.0.0.1:1/x.yaml']").opens(&[K, A]).refused("reference-remote"),
        k("http in upper case", "resources: [a.yaml, 'HTTPS://127.0.0.1:1/x.yaml']").opens(&[K, A]).refused("reference-remote"),
        k("a file that looks like an address", "resources: ['http://%zz/a.yaml']")
            .file("m/overlays/develop/http:/%zz/a.yaml", &config_map("x"))
            .opens(&[K, "overlays/develop/http:/%zz/a.yaml"])
            .refused("reference-remote"),
        k("git", "bases: ['git@127.0.0.1:a/b']").opens(&[K]).refused("reference-remote"),
        k("git, although there is such a directory", "bases: ['u@h:a/b']")
            .file("m/overlays/develop/u@h:a/b/kustomization.yaml", "")
            .opens(&[K])
            .old_opens(&[K, "overlays/develop/u@h:a/b/kustomization.yaml"])
            .refused("reference-remote"),
        k("a directory that looks like git", "bases: ['u@h:a']")
            .file("m/overlays/develop/u@h:a/kustomization.yaml", "namePrefix: x")
            .opens(&[K, "overlays/develop/u@h:a/kustomization.yaml"]),
        k("a repository that is left is a path", "bases: ['u@h/c//../../../prod']")
            .opens(&[K, PK, P])
            .refused("reference-foreign"),
        k("a file repository", "bases: ['file://SCRATCH/m']").opens(&[K]).refused("reference-remote"),
        // kubectl 1.20 rewrites the text before it reads it.
        k("a name that kubectl 1.20 rewrites", "bases: ['imageTags:']")
            .file("m/overlays/develop/images:/kustomization.yaml", "resources: [i.yaml]")
            .file("m/overlays/develop/images:/i.yaml", &config_map("i"))
            .opens(&[K])
            .old_opens(&[K, "overlays/develop/images:/kustomization.yaml", "overlays/develop/images:/i.yaml"])
            .refused("input-unreadable"),
    ]
}

/// Generators, transformers and validators.
pub(super) fn plugins() -> Vec<Row> {
    let k = |what, text: &str| with_data(kustomization(what, text));
    let generator = "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: g}\n";
    let patch = "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\ntarget: {kind: ConfigMap}\n";
    let transform = |text: &str| format!("resources: [a.yaml]\ntransformers: [t.yaml]\n#{text}");
    const T: &str = "overlays/develop/t.yaml";
    let t = |what, config: String| {
        k(what, &transform("")).file("m/overlays/develop/t.yaml", &config).old_opens(&[K])
    };
    let head = |kind: &str| {
        format!(
            "apiVersion: builtin\nkind: {kind}\nmetadata: {{name: t}}\ntarget: {{version: v1, kind: ConfigMap, name: a}}\n"
        )
    };
    vec![
        k("a generator in a file", "generators: [g.yaml]")
            .file("m/overlays/develop/g.yaml", &format!("{generator}files: [d.txt]"))
            .opens(&[K, "overlays/develop/g.yaml", D])
            .old_opens(&[K]),
        k("a generator inline", "generators:\n- |-\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: g}\n  Files: [d.txt]")
            .opens(&[K, D])
            .old_opens(&[K]),
        k("a generator in a directory: its paths are the user's", "generators: [../../base]")
            .file("m/base/b.yaml", &format!("{generator}files: [d.txt]"))
            .file("m/base/d.txt", "not this one")
            .opens(&[K, BK, B, D])
            .old_opens(&[K]),
        k("a generator in a directory below a directory", "generators: [../../base]")
            .file("m/base/kustomization.yaml", "resources: [sub]")
            .file("m/base/sub/kustomization.yaml", "resources: [g.yaml]\nnamePrefix: x")
            .file("m/base/sub/g.yaml", &format!("{generator}envs: [d.txt]"))
            .opens(&[K, BK, "base/sub/kustomization.yaml", "base/sub/g.yaml", D])
            .old_opens(&[K]),
        k("a generator that is changed on the way", "generators: [../../base]")
            .file("m/base/kustomization.yaml", "resources: [b.yaml]\npatches: [{target: {kind: ConfigMapGenerator}, patch: '- {op: add, path: /files/0, value: d.txt}'}]")
            .file("m/base/b.yaml", &format!("{generator}files: [a.yaml]"))
            .opens(&[K, BK, B, A, D])
            .old_opens(&[K])
            .refused("input-unreadable"),
        k("a list of generators", "generators: [g.yaml]")
            .file("m/overlays/develop/g.yaml", "apiVersion: v1\nkind: AnyList\nitems:\n- {apiVersion: builtin, kind: SecretGenerator, metadata: {name: s}, files: [k=d.txt]}")
            .opens(&[K, "overlays/develop/g.yaml", D])
            .old_opens(&[K]),
        k("a generator out of the root", "generators: [g.yaml]")
            .file("m/overlays/develop/g.yaml", &format!("{generator}files: [../prod/p.yaml]"))
            .opens(&[K, "overlays/develop/g.yaml"])
            .old_opens(&[K])
            .refused("reference-foreign"),
        // The root is above the overlays: what lies in another one is in the root.
        row("a generator that reaches down", &["kustomize", "."])
            .file("m/kustomization.yaml", "generators: [base/g.yaml]")
            .file("m/base/g.yaml", &format!("{generator}files: [overlays/prod/p.yaml]"))
            .opens(&["kustomization.yaml", "base/g.yaml", P])
            .old_opens(&["kustomization.yaml"])
            .refused("reference-foreign"),
        row("the same, inline and disguised", &["kustomize", "."])
            .file("m/kustomization.yaml", "generators:\n- '{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: g}, FILE\u{17f}: [\"k=\\u006fverlays/prod/p.yaml\"]}'")
            .opens(&["kustomization.yaml", P])
            .old_opens(&["kustomization.yaml"])
            .refused("reference-foreign"),
        t("PatchTransformer", format!("{patch}path: patch.yaml")).opens(&[K, A, T, PATCH]),
        t("PatchJson6902Transformer", format!("{}path: 6902.yaml", head("PatchJson6902Transformer"))).opens(&[K, A, T, JSON]),
        t("PatchStrategicMergeTransformer", format!("{}paths: [patch.yaml]", head("PatchStrategicMergeTransformer"))).opens(&[K, A, T, PATCH]),
        t("ReplacementTransformer", format!("{}replacements: [{{path: list.yaml}}]", head("ReplacementTransformer"))).opens(&[K, A, T, LIST]),
        t("ValueAddTransformer", "apiVersion: builtin\nkind: ValueAddTransformer\nmetadata: {name: t}\nvalue: x\ntargetFilePath: list.yaml\n".to_owned())
            .opens(&[K, A, T, LIST]),
        t("several documents", format!("{patch}patch: '- {{op: add, path: /data/x, value: y}}'\n--- # next\n{}path: patch.yaml", patch.replace("name: t", "name: u")))
            .opens(&[K, A, T, PATCH]),
        t("a plugin that is not builtin", "apiVersion: x/v1\nkind: Foo\nmetadata: {name: f}\npath: d.txt\n".to_owned()).opens(&[K, A, T]),
        t("a tag that hides a path", format!("{patch}path: !!binary cGF0Y2gueWFtbA==")).opens(&[K, A, T, PATCH]).refused("input-unreadable"),
        k("a validator", "resources: [a.yaml]\nvalidators: [t.yaml]")
            .file("m/overlays/develop/t.yaml", &format!("{patch}path: patch.yaml"))
            .opens(&[K, A, T, PATCH])
            .old_opens(&[K]),
        k("a transformer that cannot be read", "resources: [a.yaml]\ntransformers: [t.yaml]")
            .file("m/overlays/develop/t.yaml", "a: [")
            .opens(&[K, A, T])
            .old_opens(&[K])
            .refused("input-unreadable"),
    ]
}

/// What helm would read.
pub(super) fn charts() -> Vec<Row> {
    let chart = |what, words: &[&str], text: &str| {
        row(what, words)
            .file(OVERLAY, text)
            .file("m/overlays/develop/charts/web/Chart.yaml", "name: web\n")
            .file("m/overlays/develop/charts/web/values.yaml", "a: 1\n")
            .file("m/overlays/develop/v.yaml", "a: 1\n")
            .old_opens(&[])
    };
    const HELM: [&str; 3] = ["kustomize", "--enable-helm", "overlays/develop"];
    const C: &str = "overlays/develop/charts/web/Chart.yaml";
    const V: &str = "overlays/develop/charts/web/values.yaml";
    vec![
        chart("a chart without --enable-helm", &["kustomize", "overlays/develop"], "helmCharts: [{name: web, valuesFile: v.yaml}]")
            .opens(&[K])
            .old_opens(&[K]),
        chart("a chart of another environment, without helm", &["kustomize", "overlays/develop"], "helmGlobals: {chartHome: ../prod}\nhelmCharts: [{name: web, valuesFile: v.yaml}]")
            .opens(&[K])
            .old_opens(&[K])
            .refused("reference-foreign"),
        chart("a chart", &HELM, "helmCharts: [{name: web}]").opens(&[K, C, V]),
        chart("alpha plugins switch helm on", &["kustomize", "--enable-alpha-plugins", "overlays/develop"], "helmCharts: [{name: web}]")
            .opens(&[K, C, V]),
        chart("values", &HELM, "helmCharts: [{name: web, valuesFile: v.yaml, additionalValuesFiles: [a.yaml]}]")
            .opens(&[K, A, "overlays/develop/v.yaml", C, V]),
        chart("a chart above", &HELM, "helmGlobals: {chartHome: ../../base/charts}\nhelmCharts: [{name: web, valuesFile: v.yaml}]")
            .file("m/base/charts/web/Chart.yaml", "name: web\n")
            .opens(&[K, "overlays/develop/v.yaml", "base/charts/web/Chart.yaml"]),
        chart("an absolute home", &HELM, "helmGlobals: {chartHome: SCRATCH/m/overlays/prod}\nhelmCharts: [{name: charts, valuesFile: v.yaml}]")
            .file("m/overlays/prod/charts/Chart.yaml", "name: web\n")
            .opens(&[K, "overlays/develop/v.yaml", "overlays/prod/charts/Chart.yaml"])
            .refused("reference-foreign"),
        chart("a name that leads out of it", &HELM, "helmCharts: [{name: ../../prod, valuesFile: v.yaml}]")
            .opens(&[K, "overlays/develop/v.yaml", PK, P])
            .refused("reference-foreign"),
        chart("a link in a chart", &HELM, "helmCharts: [{name: web}]")
            .link("m/overlays/develop/charts/web/more", "../../../prod")
            .opens(&[K, C, V, PK, P])
            .refused("reference-foreign"),
        chart("a version", &HELM, "helmCharts: [{name: web, repo: 'https://127.0.0.1:1', version: '1.0', valuesFile: v.yaml}]")
            .file("m/overlays/develop/charts/web-1.0/web/Chart.yaml", "name: web\n")
            .opens(&[K, "overlays/develop/v.yaml", "overlays/develop/charts/web-1.0/web/Chart.yaml"]),
        chart("a chart that is fetched", &HELM, "helmCharts: [{name: far, repo: 'https://127.0.0.1:1', valuesFile: v.yaml}]")
            .opens(&[K, "overlays/develop/v.yaml"])
            .refused("reference-remote"),
        chart("the deprecated list", &HELM, "helmChartInflationGenerator: [{chartName: web, values: v.yaml}]")
            .opens(&[K, "overlays/develop/v.yaml", C, V]),
        chart("a chart from a generator", &HELM, "generators: ['{apiVersion: builtin, kind: HelmChartInflationGenerator, metadata: {name: h}, name: web, valuesFile: v.yaml}']")
            .opens(&[K, "overlays/develop/v.yaml", C, V]),
    ]
}

/// Which file is the kustomization, and how much of it counts.
pub(super) fn loading() -> Vec<Row> {
    let bare = |what| row(what, &["kustomize", "overlays/develop"]).without(OVERLAY);
    const YML: &str = "m/overlays/develop/kustomization.yml";
    vec![
        bare("kustomization.yml").file(YML, "resources: [a.yaml]").opens(&["overlays/develop/kustomization.yml", A]),
        bare("Kustomization").file("m/overlays/develop/Kustomization", "resources: [a.yaml]").opens(&["overlays/develop/Kustomization", A]),
        bare("another case").file("m/overlays/develop/Kustomization.yaml", "resources: [a.yaml]"),
        bare("none"),
        row("two of them", &["kustomize", "overlays/develop"])
            .file(YML, "resources: [a.yaml]")
            .opens(&[K, "overlays/develop/kustomization.yml"])
            .refused("input-unreadable"),
        row("a directory is none", &["kustomize", "overlays/develop"])
            .file("m/overlays/develop/kustomization.yml/x", "")
            .opens(&[K, A]),
        bare("a link in the directory")
            .link(OVERLAY, "k.yaml")
            .file("m/overlays/develop/k.yaml", "resources: [a.yaml]")
            .opens(&["overlays/develop/k.yaml", A]),
        bare("a link out of the directory")
            .link(OVERLAY, "../../base/kustomization.yaml")
            .refused("input-unreadable"),
        bare("a link out of the directory beside another file")
            .link(OVERLAY, "../../base/kustomization.yaml")
            .file(YML, "resources: [a.yaml]")
            .opens(&["overlays/develop/kustomization.yml", A]),
        row("a link out of the directory, unrestricted", &["kustomize", "--load-restrictor=LoadRestrictionsNone", "overlays/develop"])
            .without(OVERLAY)
            .link(OVERLAY, "../prod/kustomization.yaml")
            .file("m/overlays/develop/p.yaml", &config_map("x"))
            .opens(&[PK, "overlays/develop/p.yaml"])
            .old_opens(&[])
            .refused("reference-foreign"),
        row("a file out of the root, unrestricted", &["kustomize", "--load-restrictor", "LoadRestrictionsNone", "overlays/develop"])
            .file(OVERLAY, "resources: [../../base/b.yaml]")
            .opens(&[K, B])
            .old_opens(&[]),
        row("an empty file", &["kustomize", "overlays/develop"]).file(OVERLAY, "").opens(&[K]),
        row("the first document", &["kustomize", "overlays/develop"])
            .file(OVERLAY, "resources: [a.yaml]\n---\nresources: [../prod]")
            .opens(&[K, A]),
        row("an empty first document", &["kustomize", "overlays/develop"])
            .file(OVERLAY, "---\n---\nresources: [../prod]")
            .opens(&[K]),
        row("a component as a target", &["kustomize", "overlays/develop"])
            .file(OVERLAY, "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [a.yaml]")
            .opens(&[K, A])
            .old_opens(&[K]),
    ]
}
