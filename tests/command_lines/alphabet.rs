//! What the generated lines are about: a few places of each kind, clusters, and the
//! words without which commands stop at once.

use crate::oracle::rows::Given;

/// One that the cluster has.
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: \"registry.example.test/web:1.4.2\"}]}
";

/// What is in the instance besides the oracle's own things; paths are relative to
/// the checkout.
pub(super) fn given() -> Vec<Given> {
    let file = |path: &str, content: &str| Given::File {
        path: path.to_owned(),
        content: content.to_owned(),
    };
    let map = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: b}}\n")
    };
    let link =
        |path: &str, target: &str| Given::Link { path: path.to_owned(), target: target.to_owned() };
    let mut given = vec![
        file("overlays/develop/parts/notes.txt", "notes\n"),
        file("overlays/develop/name.tpl", "{.metadata.name}"),
        file("overlays/prod/name.tpl", "{.metadata.name}"),
        file("overlays/develop/patch.json", "{\"metadata\": {\"labels\": {\"x\": \"y\"}}}"),
        file("overlays/prod/patch.json", "{\"metadata\": {\"labels\": {\"x\": \"y\"}}}"),
        file("overlays/develop/settings.yaml", &map("settings")),
        file("overlays/develop/web.yaml", DEPLOYMENT),
        // A promotion through a link, and links that are harmless.
        link("overlays/develop/parts/linked.yaml", "../../prod/extra.yaml"),
        link("overlays/develop/own.yaml", "extra.yaml"),
        link("overlays/current", "develop"),
        link("overlays/live", "prod"),
        link("$TOP/same.kubeconfig", "kubeconfig"),
    ];
    for (path, name) in [
        ("overlays/develop/pod.yaml", "pod"),
        ("overlays/develop/a,b.yaml", "comma"),
        ("overlays/develop/a\"b.yaml", "quote"),
        ("overlays/develop/parts/one.yaml", "one"),
        ("overlays/develop/parts/.two.json", "two"),
        ("overlays/develop/parts/deeper/three.yml", "three"),
        ("-k", "dash-k"),
        ("--help", "dash-dash-help"),
        ("ilename=overlays", "no-long-flag"),
    ] {
        given.push(file(path, &map(name)));
    }
    given
}

/// Manifests, and what could be taken for some.
pub(super) const MANIFESTS: [&str; 37] = [
    "overlays/develop/extra.yaml",
    "overlays/develop/settings.yaml",
    "overlays/develop/web.yaml",
    "./overlays/develop/own.yaml",
    "overlays/develop/settings.yaml,overlays/develop/web.yaml",
    "overlays/develop/parts",
    "overlays/develop/parts/",
    "overlays/develop/parts/one.yaml",
    "$TOP/m/overlays/develop/pod.yaml",
    "$TOP/addons/pod.yaml",
    "$TOP/addons",
    "overlays/prod/extra.yaml",
    "overlays/prod/extra.yaml",
    "overlays/develop/../prod/extra.yaml",
    "overlays/develop/parts/linked.yaml",
    "overlays/live/extra.yaml",
    "overlays/current/extra.yaml",
    "overlays/prod",
    "overlays",
    "base",
    "base/service.yaml",
    "overlays/develop",
    "overlays/develop/missing.yaml",
    "nowhere",
    "overlays/develop/a,b.yaml",
    "\"overlays/develop/a,b.yaml\"",
    "overlays/develop/a\"b.yaml",
    "\"overlays/develop/a\"\"b.yaml\"",
    "overlays/develop/extra.yaml,overlays/prod/extra.yaml",
    "overlays/develop/extra.yaml\noverlays/prod/extra.yaml",
    "overlays/*/extra.yaml",
    "overlays/develop/*.yaml",
    "overlays/[p]rod/ext??.yaml",
    "-",
    "$URL/manifest.yaml",
    "HTTP://127.0.0.1/manifest.yaml",
    "-k",
];

/// What `-k` may name.
pub(super) const KUSTOMIZATIONS: [&str; 13] = [
    "overlays/develop",
    "overlays/develop",
    "overlays/develop/",
    "apps/api/overlays/develop",
    "overlays/current",
    "overlays/prod",
    "overlays/live",
    "overlays/develop/../prod",
    "base",
    "overlays/develop,overlays/prod",
    "nowhere",
    "-f",
    "",
];

/// Data, templates, certificates.
pub(super) const DATA: [&str; 18] = [
    "overlays/develop/settings.properties",
    "overlays/develop/settings.env",
    "overlays/develop/name.tpl",
    "overlays/develop/patch.json",
    "overlays/develop/parts",
    "$TOP/certs/web.crt",
    "$TOP/certs/web.key",
    "base/service.yaml",
    "overlays/develop/a,b.yaml",
    "\"overlays/develop/a,b.yaml\"",
    "overlays/prod/settings.properties",
    "overlays/prod/settings.env",
    "overlays/prod/name.tpl",
    "overlays/prod",
    "overlays/develop/../prod/patch.json",
    "overlays/live/settings.env",
    "missing",
    "--help",
];

/// Where something may be written.
pub(super) const OUTPUTS: [&str; 7] = [
    "$TOP/out",
    "$TOP/out/new",
    "overlays/develop/out.yaml",
    "overlays/prod/out.yaml",
    "overlays/prod",
    "overlays/live/out.yaml",
    "-",
];

pub(super) const KUBECONFIGS: [&str; 7] = [
    "$TOP/kubeconfig",
    "$TOP/same.kubeconfig",
    "$HOME/prod.kubeconfig",
    "$HOME/../home/prod.kubeconfig",
    "missing",
    "overlays/prod/extra.yaml",
    "",
];

/// Names of contexts, clusters and users.
pub(super) const NAMES: [&str; 5] = ["develop-eks", "prod-eks", "prod-eks", "nobody", ""];

pub(super) const SERVERS: [&str; 4] = ["$PIN", "$OTHER", "$OTHER", ""];

/// `-o`, but for `kustomize`.
pub(super) const FORMATS: [&str; 12] = [
    "yaml",
    "json",
    "name",
    "wide",
    "jsonpath={.metadata.name}",
    "jsonpath-file=overlays/develop/name.tpl",
    "go-template-file=overlays/prod/name.tpl",
    "custom-columns-file=overlays/prod/name.tpl",
    "go-template-file",
    "templatefile",
    "jsonpath-file",
    "-f",
];

/// Values of flags that mean nothing to the guard, some of them with looks.
pub(super) const WORDS: [&str; 14] = [
    "web",
    "x",
    "1",
    "1s",
    "a=b",
    "app=web",
    "true",
    "-k",
    "-f",
    "--",
    "--help",
    "--context=prod-eks",
    "-Rf",
    "get",
];

/// Stray words.
pub(super) const STRAYS: [&str; 12] = [
    "x",
    "false",
    "client",
    "overlays/prod",
    "overlays/prod/extra.yaml",
    "get",
    "apply",
    "prod-eks",
    "-",
    "",
    "pods",
    "delete",
];

/// What no kubectl knows, or what looks as if.
pub(super) const UNKNOWN: [&str; 14] = [
    "--filenam=overlays/prod/extra.yaml",
    "-filename=overlays",
    "--Filename=overlays/prod/extra.yaml",
    "--kustomise",
    "--nothing",
    "--no-such=flag",
    "-Z",
    "-ZR",
    "---f",
    "--=x",
    "-=f",
    "-test.v",
    "--kube_rc=x",
    "--FILENAME",
];

/// What a command needs besides its target, and a target by name that the cluster
/// has: `(command, name, rest)`.
pub(super) const RECIPES: &[(&str, &[&str], &[&str])] = &[
    ("__complete", &[], &["get", "pods", ""]),
    ("annotate", &["configmap", "settings"], &["x=y"]),
    ("api-resources", &[], &[]),
    ("apply edit-last-applied", &["configmap/settings"], &[]),
    ("apply view-last-applied", &["configmap/settings"], &[]),
    ("attach", &["web-7c9a-1"], &[]),
    ("auth can-i", &[], &["get", "pods"]),
    ("autoscale", &["deployment", "web"], &["--max=3"]),
    ("certificate approve", &["web"], &[]),
    ("config get-contexts", &[], &[]),
    ("config rename-context", &[], &["prod-eks", "develop"]),
    ("config set", &[], &["contexts.develop-eks.namespace", "x"]),
    ("config set-cluster", &[], &["x"]),
    ("config set-context", &[], &["x"]),
    ("config set-credentials", &[], &["x"]),
    ("config unset", &[], &["contexts"]),
    ("config use-context", &[], &["prod-eks"]),
    ("config delete-context", &[], &["prod-eks"]),
    ("cordon", &["node-1"], &[]),
    ("create clusterrole", &["x"], &["--verb=get", "--resource=pods"]),
    ("create clusterrolebinding", &["x"], &["--clusterrole=view"]),
    ("create configmap", &["x"], &[]),
    ("create cronjob", &["x"], &["--image=i", "--schedule=0 0 * * *"]),
    ("create deployment", &["x"], &["--image=i"]),
    ("create ingress", &["x"], &["--rule=a/b=web:80"]),
    ("create job", &["x"], &["--image=i"]),
    ("create namespace", &["x"], &[]),
    ("create poddisruptionbudget", &["x"], &["--selector=app=web", "--min-available=1"]),
    ("create priorityclass", &["x"], &["--value=1"]),
    ("create quota", &["x"], &[]),
    ("create role", &["x"], &["--verb=get", "--resource=pods"]),
    ("create rolebinding", &["x"], &["--clusterrole=view"]),
    ("create secret docker-registry", &["x"], &[]),
    ("create secret generic", &["x"], &[]),
    ("create secret tls", &["x"], &[]),
    ("create service clusterip", &["x"], &["--tcp=80"]),
    ("create service externalname", &["x"], &["--external-name=a.example.test"]),
    ("create service loadbalancer", &["x"], &["--tcp=80"]),
    ("create service nodeport", &["x"], &["--tcp=80"]),
    ("create serviceaccount", &["x"], &[]),
    ("create token", &["default"], &[]),
    ("debug", &["web-7c9a-1"], &["--image=busybox"]),
    ("delete", &["pod", "crashed"], &[]),
    ("describe", &["pod", "web-7c9a-1"], &[]),
    ("drain", &["node-1"], &["--force"]),
    ("edit", &["configmap", "settings"], &[]),
    ("exec", &["web-7c9a-1"], &["--", "ls", "-f", "overlays/prod"]),
    ("explain", &[], &["pods"]),
    ("expose", &["deployment", "web"], &["--port=80", "--name=x"]),
    ("get", &["pods"], &[]),
    ("label", &["configmap", "settings"], &["x=y"]),
    ("logs", &["web-7c9a-1"], &[]),
    ("patch", &["configmap", "settings"], &["-p", "{\"metadata\": {\"labels\": {\"x\": \"y\"}}}"]),
    ("plugin list", &[], &[]),
    ("port-forward", &["web-7c9a-1"], &[":80"]),
    ("proxy", &[], &["--port=0"]),
    ("rollout history", &["deployment/web"], &[]),
    ("rollout pause", &["deployment/web"], &[]),
    ("rollout restart", &["deployment/web"], &[]),
    ("rollout resume", &["deployment/web"], &[]),
    ("rollout status", &["deployment/web"], &[]),
    ("rollout undo", &["deployment/web"], &[]),
    ("run", &["x"], &["--image=i"]),
    ("scale", &["deployment", "web"], &["--replicas=3"]),
    ("set env", &["deployment/web"], &["A=b"]),
    ("set image", &["deployment/web"], &["web=i"]),
    ("set resources", &["deployment/web"], &["--limits=cpu=1"]),
    ("set selector", &["service", "web"], &["app=web"]),
    ("set serviceaccount", &["deployment", "web"], &["default"]),
    ("set subject", &["rolebinding", "x"], &["--user=u"]),
    ("taint", &["nodes", "node-1"], &["a=b:NoSchedule"]),
    ("uncordon", &["node-1"], &[]),
    ("wait", &["pod/web-7c9a-1"], &["--for=condition=Ready", "--timeout=1s"]),
];
