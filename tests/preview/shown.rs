//! What is shown of the objects that would change, and what is not.

use std::path::PathBuf;

use super::{Night, answers, asks, new_version, shell};
use crate::support::{Instance, RealServer, Terminal, kubectls, left_out};

#[test]
fn one_line_for_each_object_that_would_change() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, true);
        night.new_version();
        let before = night.server.changes();
        let mut terminal = night.login();
        let shown = asks(&mut terminal, "kubectl apply -k overlays/production");
        shown.contains("PRODUCTION (develop-eks)");
        shown.contains("asking develop-eks what would change ...");
        shown.contains("3 objects would change:");
        shown.contains(
            "    apps/Deployment web/api  image v41\u{2192}v42, replicas 3\u{2192}6, and 1 more",
        );
        shown.contains("    Secret web/db  data.password changed");
        shown.contains(
            "    ConfigMap web/settings  data.app.properties changed, data.level info\u{2192}debug",
        );
        shown.contains("  Argo CD will revert this: apps/Deployment web/api (shop)");
        shown.lacks("S3CRET");
        assert_eq!(night.server.changes(), before, "kubectl {}", kubectl.version);
        // What was shown is gone when the name is wrong, and happens when it is right.
        let (shown, code) = answers(&mut terminal, "develop");
        shown.contains("refused (not-confirmed)");
        assert_eq!((code, night.server.changes()), (77, before));
        asks(&mut terminal, "kubectl apply -k overlays/production");
        let (shown, code) = answers(&mut terminal, "production");
        shown.contains("deployment.apps/api configured");
        assert_eq!(code, 0);
        // On the ticket, and without a look.
        terminal.run("kubectl apply -k overlays/production").contains("unchanged").lacks("asking");
    }
}

#[test]
fn the_whole_text_is_shown_to_who_wants_it() {
    let Some(night) = Night::newest(true) else { return };
    night.new_version();
    let mut terminal = night.login();
    let shown = asks(&mut terminal, "kubectl envguard --full apply -k overlays/production");
    shown.contains("      -        image: registry.example/shop/api:v41");
    shown.contains("      +        image: registry.example/shop/api:v42");
    shown.contains("      -  replicas: 3").contains("      +  replicas: 6");
    shown.contains("      -  password: '***'").contains("      +  password: '*** (changed)'");
    shown.contains("           host=db").lacks("S3CRET").lacks("resourceVersion");
    let (shown, code) = answers(&mut terminal, "production");
    shown.contains("deployment.apps/api configured");
    assert_eq!(code, 0);
}

#[test]
fn what_would_be_new_or_cannot_be_shown_is_said() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, false);
        let mut terminal = night.login();
        let shown = asks(&mut terminal, "kubectl apply -k overlays/production");
        shown.contains("3 objects would be new:");
        shown.contains("    Secret web/db  is new").lacks("S3CRET");
        answers(&mut terminal, "");
        let text = "apiVersion: example.test/v1\nkind: Nothing\nmetadata: {name: x}\n";
        night.instance.write("m/overlays/production/odd.yaml", text);
        night.instance.commit();
        let shown = asks(&mut terminal, "kubectl apply -f overlays/production/odd.yaml");
        shown.contains("  cannot be shown: ").contains("no matches for kind \"Nothing\"");
        let (shown, code) = answers(&mut terminal, "production");
        shown.contains("no matches for kind");
        assert_eq!(code, 1, "it ran all the same");
    }
}

#[test]
fn what_would_go_is_listed_every_time() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, true);
        let before = night.server.changes();
        let mut terminal = night.login();
        for line in ["kubectl delete deploy api -n web", "kubectl delete deploy --all -n web"] {
            let shown = asks(&mut terminal, line);
            shown.contains("1 object would go:").contains("    apps/Deployment web/api  goes");
            shown.contains("Argo CD will revert this: apps/Deployment web/api (shop)");
            assert_eq!(answers(&mut terminal, "no").1, 77);
        }
        let shown = asks(&mut terminal, "kubectl delete -k overlays/production");
        shown.contains("3 objects would go:").contains("    Secret web/db  goes");
        assert_eq!(night.server.changes(), before);
        let (shown, code) = answers(&mut terminal, "production");
        shown.contains("deleted");
        assert_eq!(code, 0);
        let shown = asks(&mut terminal, "kubectl delete -k overlays/production");
        shown.contains("cannot be shown: ").contains("not found");
        answers(&mut terminal, "no");
    }
}

#[test]
fn commands_without_a_diff_are_shown_too() {
    for kubectl in kubectls() {
        let night = Night::new(&kubectl, true);
        let before = night.server.changes();
        let mut terminal = night.login();
        for (line, expected) in [
            ("scale deploy api -n web --replicas=5", "api  replicas 3\u{2192}5"),
            ("scale deploy api -n web --replicas=0", "api  replicas 3\u{2192}0"),
            ("set image deploy/api -n web api=registry.example/shop/api:v9", "image v41\u{2192}v9"),
            ("set env deploy/api -n web A=b", "+api env[A]"),
            ("label deploy api -n web team=shop", "+labels.team shop"),
            ("annotate cm settings -n web a=b", "+annotations.a b"),
            ("patch deploy api -n web -p '{\"spec\":{\"replicas\":9}}'", "replicas 3\u{2192}9"),
            ("rollout restart deploy/api -n web", "apps/Deployment web/api  restarts"),
            ("create cm fresh -n web --from-literal=a=b", "ConfigMap web/fresh  is new"),
            ("expose deploy api -n web --port=80", "Service web/api  is new"),
        ] {
            let shown = asks(&mut terminal, &format!("kubectl {line}"));
            shown.contains(expected).lacks("S3CRET");
            assert_eq!(answers(&mut terminal, "no").1, 77, "{line}");
        }
        assert_eq!(night.server.changes(), before, "kubectl {}", kubectl.version);
    }
}

#[test]
fn a_thousand_objects_are_counted() {
    let Some(night) = Night::newest(false) else { return };
    let objects: String = (0..1_000)
        .map(|n| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: n{n}, namespace: web}}\n---\n"
            )
        })
        .collect();
    night.instance.write("m/overlays/production/many.yaml", &objects);
    night.instance.commit();
    let mut terminal = night.login();
    let shown = asks(&mut terminal, "kubectl apply -f overlays/production/many.yaml");
    shown.contains("1000 objects would be new:").contains("    and 980 more; all of them: ");
    assert_eq!(shown.count("is new"), 20);
    answers(&mut terminal, "no");
}

#[test]
fn what_takes_away_without_a_delete_is_listed_too() {
    let Some(night) = Night::newest(true) else { return };
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {conditions: []}\n";
    night.instance.write("elsewhere/node.yaml", node);
    let create = ["--confirm", "production", "create", "-f", "../elsewhere/node.yaml"];
    let text = night.instance.config_text();
    let place = night.instance.path("elsewhere");
    night.instance.write("config.yaml", &format!("{text}alsoAllow: [{}]\n", place.display()));
    night.instance.envguard(&create).exits(0);
    let old = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: old, namespace: web, labels: {set: a}}\n";
    night.instance.write("elsewhere/old.yaml", old);
    let apply = ["--confirm", "production", "apply", "-f", "../elsewhere/old.yaml"];
    night.instance.envguard(&apply).exits(0);
    night.instance.write("elsewhere/old.yaml", &old.replace("name: old", "name: kept"));
    let before = night.server.changes();
    let mut terminal = night.login();
    for (line, expected) in [
        (
            "replace --force -f overlays/production/settings.yaml",
            "web/settings  goes, and comes back as in the file",
        ),
        ("taint node n1 a=b:NoExecute", "Node n1  +taints"),
        ("cordon n1", "    node/n1 cordoned"),
        ("drain n1", "    node/n1 cordoned"),
        (
            "apply --prune -n web -l set=a --prune-allowlist core/v1/ConfigMap -f ../elsewhere/old.yaml",
            "    configmap/old pruned",
        ),
    ] {
        let shown = asks(&mut terminal, &format!("kubectl {line}"));
        shown.contains(expected).lacks("S3CRET").lacks("cannot be shown");
        assert_eq!(answers(&mut terminal, "no").1, 77, "{line}");
    }
    assert_eq!(night.server.changes(), before);
}

/// Each of these texts and arguments is in two versions of the overlay.
#[test]
fn no_value_is_seen_that_is_called_like_a_secret() {
    let Some(night) = Night::newest(true) else { return };
    let text = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: web}
data:
  a: "Server=db;Password=S3CRET1"
  b: "//r/:_authToken=S3CRET1"
  c: "Server=db1"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: texts, namespace: web}
data:
  json: '{"clientSecret":"S3CRET1"}'
  texts: |
    bindpw=S3CRET1
    password S3CRET1
    <password>S3CRET1</password>
    passphrase:
      S3CRET1
    LOG_LEVEL=debug
    port=80801
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker, namespace: web}
spec:
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec:
      containers:
      - name: worker
        image: registry.example/shop/worker:v1
        args: ["--db-password", "S3CRET1", "--v=1"]
      - name: shell
        image: registry.example/shop/shell:v1
        command: ["sh", "-c", "curl -u admin:S3CRET1 http://h/x1; mysql -pS3CRET1"]
      - name: db
        image: registry.example/shop/db:v1
        args: ["-uroot", "-pS3CRET1"]
"#;
    let apply = ["--confirm", "production", "apply", "-f", "overlays/production/texts.yaml"];
    night.instance.write("m/overlays/production/texts.yaml", text);
    night.instance.commit();
    night.instance.envguard(&apply).exits(0);
    let next = text.replace("S3CRET1", "S3CRET2").replace(":v1", ":v2").replace("db1", "db2");
    let next = next.replace("80801", "80802").replace("--v=1", "--v=2").replace("h/x1", "h/x2");
    night.instance.write("m/overlays/production/texts.yaml", &next);
    night.instance.commit();
    let mut terminal = night.login();
    let line = "apply -f overlays/production/texts.yaml";
    let shown = asks(&mut terminal, &format!("kubectl envguard --full {line}"));
    shown.lacks("S3CRET");
    for seen in [
        "  c: Server=db2",
        "+    port=80802",
        "worker:v2",
        "--db-password",
        "- --v=2",
        "http://h/x2",
        "LOG_LEVEL=debug",
    ] {
        shown.contains(seen);
    }
    answers(&mut terminal, "no");
    let output = night.instance.envguard(&apply).exits(0);
    assert!(!output.stderr.contains("S3CRET"), "{output}");
    let told = "data.a changed, data.b changed, data.c Server=db1->Server=db2";
    assert!(output.stderr.contains(told), "{output}");
}

#[test]
fn a_real_api_server_is_asked_what_would_change() {
    let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
        return left_out("KUBEBUILDER_ASSETS names no etcd and kube-apiserver");
    };
    let Some(kubectl) = kubectls().pop() else { return };
    let real = RealServer::start(&assets);
    let instance = Instance::production_behind(|instance| real.pin(instance, &kubectl));
    let confirmed = |words: &[&str]| {
        let words: Vec<&str> = ["--confirm", "production"].iter().chain(words).copied().collect();
        instance.envguard(&words)
    };
    confirmed(&["create", "namespace", "web"]).exits(0);
    confirmed(&["apply", "-k", "overlays/production"]).exits(0);
    new_version(&instance);
    let live = || {
        instance.kubectl(&["get", "deploy,secret,cm", "-n", "web", "-o", "yaml"]).exits(0).stdout
    };
    let before = live();
    let mut terminal = Terminal::start(&shell(&instance));
    terminal.first_prompt();
    let shown = asks(&mut terminal, "kubectl apply -k overlays/production");
    shown.contains("3 objects would change:");
    shown.contains("    apps/Deployment web/api  image v41\u{2192}v42, replicas 3\u{2192}6");
    shown.contains("    Secret web/db  data.password changed");
    shown.contains("data.level info\u{2192}debug").lacks("S3CRET");
    // A wrong name: nothing ran.
    assert_eq!(answers(&mut terminal, "develop").1, 77);
    assert_eq!(live(), before);
    asks(&mut terminal, "kubectl apply -k overlays/production");
    let (shown, code) = answers(&mut terminal, "production");
    shown.contains("deployment.apps/api configured");
    assert_eq!(code, 0);
    assert_ne!(live(), before);
    for (line, expected) in [
        // The ticket is for what changes; what takes something away asks each time.
        ("scale deploy/api -n web --replicas=0", "replicas 6\u{2192}0"),
        ("delete cm settings -n web", "ConfigMap web/settings"),
        ("set image deploy/api -n web api=x:v43", "image "),
    ] {
        if line.starts_with("set image") {
            terminal.run("kubectl envguard lock");
        }
        let shown = asks(&mut terminal, &format!("kubectl {line}"));
        shown.contains(expected).lacks("cannot be shown");
        assert_eq!(answers(&mut terminal, "no").1, 77, "{line}");
    }
    assert!(live().contains("name: settings"));
}
