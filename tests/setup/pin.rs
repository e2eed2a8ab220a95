//! The pinned kubeconfig, the cluster behind it, and the machine.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_yaml::Value;

use super::ground::Ground;
use crate::clones::metadata::{Metadata, Service};
use crate::support::{Output, Server, certificate, envguard, kubectls, read};

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn kubeconfig(ground: &Ground) -> Value {
    serde_yaml::from_str(&read(&ground.path("etc/kubeconfig"))).unwrap()
}

/// A kubeconfig of two clusters, as `aws eks update-kubeconfig` leaves it.
fn two_clusters(ground: &Ground) {
    let arn = |name: &str| format!("arn:aws:eks:ap-northeast-1:111122223333:cluster/{name}");
    let (develop, prod) = (arn("develop-eks"), arn("prod-eks"));
    ground.instance.program("home/bin/aws", "#!/bin/sh\nexit 1\n");
    ground.instance.write("home/.kube/ca.pem", certificate());
    let text = format!(
        "apiVersion: v1
kind: Config
preferences: {{}}
current-context: {prod}
contexts:
- {{name: '{develop}', context: {{cluster: '{develop}', user: '{develop}', namespace: web}}}}
- {{name: '{prod}', context: {{cluster: '{prod}', user: '{prod}'}}}}
clusters:
- {{name: '{develop}', cluster: {{server: 'https://127.0.0.1:1', certificate-authority: ca.pem, tls-server-name: a.test}}}}
- {{name: '{prod}', cluster: {{server: 'https://127.0.0.1:2', certificate-authority: ca.pem}}}}
users:
- name: {develop}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args: [--region, ap-northeast-1, eks, get-token, --cluster-name, develop-eks]
      command: ../bin/aws
      env: [{{name: AWS_PROFILE, value: admin}}]
      installHint: install aws
      interactiveMode: IfAvailable
- name: {prod}
  user: {{token: secret-of-prod}}
"
    );
    ground.instance.write("home/.kube/config", &text);
}

#[test]
fn a_running_cluster_is_recorded_and_reached() {
    let ground = Ground::with_server().usual();
    let output = ground.setup(&["--yes"]).exits(0);
    assert!(output.stdout.contains("answers, v1.33."), "{output}");
    let mut status = ground.command(&envguard());
    status.arg("--config").arg(ground.config()).args(["status", "-o", "json"]);
    let status: Value = serde_yaml::from_str(&Output::of(&mut status).stdout).unwrap();
    let skew = status["checks"].as_sequence().unwrap().iter().find(|row| row["name"] == "skew");
    let skew = serde_json::to_string(skew.unwrap()).unwrap();
    assert!(!skew.contains("the server's version is not known"), "{skew}");
    let server = ground.server.as_ref().unwrap();
    let Some(kubectl) = kubectls().into_iter().next_back() else { return };
    let mut plain = ground.command(&kubectl.path);
    plain.args(["get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}", "--kubeconfig"]);
    let uid = Output::of(plain.arg(server.kubeconfig())).exits(0).stdout;
    assert_eq!(ground.written()["cluster"]["uid"], uid.as_str());
    // The real kubectl gets there with what was written.
    let mut plain = ground.command(&kubectl.path);
    plain.env("KUBECONFIG", ground.path("etc/kubeconfig"));
    Output::of(plain.args(["apply", "-k", "overlays/develop"])).exits(0);
    // Another cluster at the same address.
    let text = read(&ground.config()).replace(&uid, "00000000-0000-0000-0000-000000000000");
    ground.instance.write("etc/config.yaml", &text);
    let output = ground.setup(&["--yes"]).exits(1);
    assert!(output.stderr.contains("the cluster was rebuilt"), "{output}");
    assert!(output.stderr.contains("setup --repin"), "{output}");
    assert_eq!(read(&ground.config()), text);
    // There is no other kubeconfig any more: it is asked through the pinned one.
    std::fs::remove_file(ground.path("home/.kube/config")).unwrap();
    ground
        .instance
        .write("etc/config.yaml", &format!("{text}audit: {}\n", ground.path("log").display()));
    let output = repin(&ground, "develop").exits(0);
    assert!(output.stdout.contains(&format!("! now        {uid}")), "{output}");
    assert_eq!(ground.written()["cluster"]["uid"], uid.as_str());
    // A UID that could not be had is not the old cluster's.
    let moved = read(&ground.path("etc/kubeconfig")).replace(&server.url(), "https://127.0.0.1:1");
    std::fs::remove_file(ground.path("etc/kubeconfig")).unwrap();
    ground.instance.write("etc/kubeconfig", &moved);
    repin(&ground, "develop").exits(0);
    assert!(ground.written()["cluster"].get("uid").is_none());
}

#[test]
fn a_seal_is_recorded_and_hides_no_change() {
    let ground = Ground::new().usual();
    two_clusters(&ground);
    let arn = "arn:aws:eks:ap-northeast-1:111122223333:cluster/develop-eks";
    ground.setup(&["--yes", "--context", arn]).exits(0);
    let seal = ground.written()["cluster"]["seal"].as_str().unwrap().to_owned();
    ground.passes("overlays/develop");
    // Either side changes, the seal stays: the kubeconfig is read in full again.
    let (config, pinned) = (read(&ground.config()), read(&ground.path("etc/kubeconfig")));
    let other = |text: &str| text.replace("https://127.0.0.1:1", "https://127.0.0.1:2");
    for (file, text) in [("etc/config.yaml", &config), ("etc/kubeconfig", &pinned)] {
        rewrite(&ground, file, &other(text));
        ground.refuses("overlays/develop", "cluster-drift");
        rewrite(&ground, file, text);
        ground.passes("overlays/develop");
    }
    // A comment changes no cluster.
    rewrite(&ground, "etc/kubeconfig", &format!("# for develop\n{pinned}"));
    ground.passes("overlays/develop");
    // Set up again, it is recorded anew, or as it was when nothing has changed.
    ground.setup(&["--yes", "--context", arn]).exits(0);
    assert_eq!(ground.written()["cluster"]["seal"], seal.as_str());
    // A password stands in the kubeconfig: whoever reads the seal could try some.
    let prod = arn.replace("develop", "prod");
    let ground = Ground::new().usual();
    two_clusters(&ground);
    ground.setup(&["--yes", "--context", &prod]).exits(0);
    assert!(ground.written()["cluster"].get("seal").is_none());
}

/// In the place of a file that its owner may not write to either.
fn rewrite(ground: &Ground, file: &str, text: &str) {
    std::fs::remove_file(ground.path(file)).unwrap();
    ground.instance.write(file, text);
}

#[test]
fn one_context_is_taken_with_everything_it_needs_and_nothing_else() {
    let ground = Ground::new().usual();
    two_clusters(&ground);
    let output = ground.setup(&["--yes"]).exits(1);
    assert!(output.stderr.contains("2 contexts"), "{output}");
    assert!(output.stderr.contains("--context NAME"), "{output}");
    let arn = "arn:aws:eks:ap-northeast-1:111122223333:cluster/develop-eks";
    ground.setup(&["--yes", "--context", arn]).exits(0);
    let text = read(&ground.path("etc/kubeconfig"));
    assert!(!text.contains("prod"), "{text}");
    let found = kubeconfig(&ground);
    let exec = &found["users"][0]["user"]["exec"];
    let aws = ground.path("home/bin/aws");
    assert_eq!(exec["command"], aws.to_str().unwrap());
    assert_eq!(exec["installHint"], "install aws");
    assert_eq!(exec["interactiveMode"], "IfAvailable");
    assert_eq!(found["contexts"][0]["context"]["namespace"], "web");
    let cluster = &ground.written()["cluster"];
    assert_eq!(cluster["name"], "develop-eks");
    assert_eq!(cluster["exec"]["command"], aws.to_str().unwrap());
    assert_eq!(cluster["exec"]["env"]["AWS_PROFILE"], "admin");
    assert_eq!(cluster["tlsServerName"], "a.test");
    ground.passes("overlays/develop");
    // kubectl's own minified form differs in the program's path alone.
    if let Some(kubectl) = kubectls().into_iter().next_back() {
        let mut command = ground.command(&kubectl.path);
        command.args(["config", "view", "--minify", "--flatten", "--raw", "--context", arn]);
        let view = Output::of(&mut command).exits(0).stdout;
        let mut theirs: Value = serde_yaml::from_str(&view).unwrap();
        theirs["users"][0]["user"]["exec"]["command"] = aws.to_str().unwrap().into();
        let mut ours = found.clone();
        for value in [&mut theirs, &mut ours] {
            let mapping = value.as_mapping_mut().unwrap();
            mapping.remove("preferences");
            let exec = value["users"][0]["user"]["exec"].as_mapping_mut().unwrap();
            exec.remove("provideClusterInfo"); // kubectl writes the default out
        }
        assert_eq!(ours, theirs);
    }
}

/// The kubeconfig that `aws` wrote still says `aws` where the pinned one has its path.
#[test]
fn the_pinned_context_is_found_again_where_it_came_from() {
    let ground = Ground::new().usual();
    two_clusters(&ground);
    let usual = ground.path("home/.kube/config");
    let text = read(&usual).replace("command: ../bin/aws", "command: aws");
    std::fs::write(&usual, text).unwrap();
    let setup = |words: &[&str]| {
        let mut command = ground.command(&envguard());
        let path = format!("{}:/usr/bin:/bin", ground.path("home/bin").display());
        command.env("PATH", path).arg("--config").arg(ground.config()).arg("setup").args(words);
        Output::of(&mut command)
    };
    let arn = "arn:aws:eks:ap-northeast-1:111122223333:cluster/develop-eks";
    setup(&["--yes", "--context", arn]).exits(0);
    let pinned = read(&ground.path("etc/kubeconfig"));
    // It is the same cluster for `status`, too; the other one is not.
    let mut status = ground.command(&envguard());
    status.arg("--config").arg(ground.config()).args(["status", "-o", "json"]);
    let rows: Value = serde_yaml::from_str(&Output::of(&mut status).stdout).unwrap();
    let mut rows = rows["checks"].as_sequence().unwrap().iter();
    let row = rows.find(|row| row["name"] == "other-contexts").unwrap();
    let what = row["what"].as_str().unwrap();
    assert!(what.contains("prod-eks") && !what.contains("develop-eks"), "{what}");
    // Whatever happened to the pinned file, the line that setup gives restores it.
    for broken in [pinned.replace("127.0.0.1:1", "127.0.0.1:3"), ":".to_owned()] {
        std::fs::remove_file(ground.path("etc/kubeconfig")).unwrap();
        ground.instance.write("etc/kubeconfig", &broken);
        setup(&["--yes", "--from", usual.to_str().unwrap()]).exits(0);
        assert_eq!(read(&ground.path("etc/kubeconfig")), pinned);
    }
    let other = arn.replace("develop", "prod");
    let output = setup(&["--yes", "--from", usual.to_str().unwrap(), "--context", &other]).exits(1);
    assert!(output.stderr.contains("another cluster"), "{output}");
    assert!(output.stderr.contains("--context NAME"), "{output}");
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_replaced_by_a_flag() {
    let ground = Ground::new().usual();
    for text in ["a: [", "", "\0", "contexts: x"] {
        std::fs::write(ground.path("home/.kube/config"), text).unwrap();
        let output = ground.setup(&["--yes"]).exits(1);
        let helps = ["--from FILE", "--from ~/.kube/config"];
        assert!(helps.iter().any(|line| output.stderr.contains(line)), "{text:?}: {output}");
        assert!(!output.stderr.contains("cluster.kubeconfig"), "{output}");
    }
    let mut homeless = ground.command(&envguard());
    homeless.env_remove("HOME").arg("--config").arg(ground.config()).args(["setup", "--yes"]);
    Output::of(&mut homeless).exits(1).says("there is no home directory").says("--from FILE");
}

#[test]
fn a_server_that_is_not_trusted_is_told_without_the_copy_that_was_asked_with() {
    let ground = Ground::with_server().usual();
    let other = Server::start("other");
    let ca = |text: &str| {
        let line = text.lines().find(|line| line.contains("certificate-authority-data:"));
        line.unwrap().to_owned()
    };
    let file = ground.path("home/.kube/config");
    let text = read(&file);
    std::fs::write(&file, text.replace(&ca(&text), &ca(&read(&other.kubeconfig())))).unwrap();
    let output = ground.setup(&["--yes"]).exits(0);
    let text = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("the CA in the kubeconfig did not sign"), "{output}");
    assert!(!text.contains("envguard-setup-"), "{output}");
}

#[test]
fn a_bare_program_is_found_on_the_path() {
    let ground = Ground::new().usual();
    two_clusters(&ground);
    let file = ground.path("home/.kube/config");
    ground.instance.write("home/.kube/config", &read(&file).replace("../bin/aws", "get-token"));
    ground.instance.program("bin/get-token", "#!/bin/sh\nexit 1\n");
    ground
        .setup(&[
            "--yes",
            "--context",
            "arn:aws:eks:ap-northeast-1:111122223333:cluster/develop-eks",
        ])
        .exits(0);
    let program = ground.path("bin/get-token");
    assert_eq!(
        kubeconfig(&ground)["users"][0]["user"]["exec"]["command"],
        program.to_str().unwrap()
    );
    // What was written by hand with the bare name is the same cluster.
    let written = read(&ground.config());
    for file in ["etc/config.yaml", "etc/kubeconfig"] {
        let text = read(&ground.path(file)).replace(program.to_str().unwrap(), "get-token");
        std::fs::remove_file(ground.path(file)).unwrap();
        ground.instance.write(file, &text);
    }
    ground.setup(&["--yes"]).exits(0);
    assert_eq!(read(&ground.config()), written);
    ground.passes("overlays/develop");
}

#[test]
fn secrets_decide_who_may_read_it() {
    if !is_root() {
        return crate::support::skip("root writes for everybody: not root");
    }
    let ground = Ground::new().usual();
    let file = ground.path("home/.kube/config");
    let token = read(&file);
    let written = ground.path("etc/kubeconfig");
    for (user, expected) in [
        ("{token: secret}", 0o640),
        ("{}", 0o444),
        ("{client-certificate: c.pem, client-key: k.pem}", 0o640),
        ("{tokenFile: /run/token}", 0o640),
        (
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never}}",
            0o444,
        ),
        (
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never, env: [{value: \"x-top\\n-secret\", name: AWS_SECRET_ACCESS_KEY}]}}",
            0o640,
        ),
    ] {
        std::fs::remove_dir_all(ground.path("etc")).unwrap_or_default();
        ground.instance.write("home/.kube/config", &token.replace("{token: secret}", user));
        let output = ground.setup(&["--yes"]).exits(0);
        assert_eq!(mode(&written), expected, "{user}: {output}");
        let line = format!("chgrp GROUP {}", written.display());
        let said = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(said.contains(&line), expected == 0o640, "{user}: {output}");
        assert!(!output.stdout.contains("token: secret"), "{output}");
        // Everybody reads the pin, and everybody may look over a shoulder.
        for text in [&output.stdout, &read(&ground.config())] {
            assert!(!text.contains("-secret") && !text.contains("x-top"), "{user}: {text}");
        }
        ground.passes("overlays/develop");
    }
    // Another secret is another identity, and the refusal shows neither.
    std::fs::remove_dir_all(ground.path("etc")).unwrap();
    let exec = |value: &str| {
        let user = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never, env: [{{name: B_TOKEN, value: {value}}}]}}}}"
        );
        token.replace("{token: secret}", &user)
    };
    ground.instance.write("home/.kube/config", &exec("hunter2"));
    ground.setup(&["--yes"]).exits(0);
    ground.instance.mode("etc/kubeconfig", 0o644);
    ground.instance.write("etc/kubeconfig", &exec("hunter3"));
    let output = ground.check("-k", "overlays/develop").exits(77);
    assert!(output.stdout.contains("(cluster-drift)"), "{output}");
    assert!(!output.stdout.contains("hunter"), "{output}");
    // Key files are named by their place.
    ground.instance.write(
        "home/.kube/config",
        &token.replace("{token: secret}", "{client-certificate: c.pem, client-key: k.pem}"),
    );
    std::fs::remove_dir_all(ground.path("etc")).unwrap();
    ground.setup(&["--yes"]).exits(0);
    let key = ground.path("home/.kube/k.pem");
    assert_eq!(kubeconfig(&ground)["users"][0]["user"]["client-key"], key.to_str().unwrap());
    ground.instance.write("plain", &token.replace("{token: secret}", "{}"));
    // The operators' group keeps what it was given, and a wrong mode is mended.
    std::os::unix::fs::chown(&written, None, Some(65534)).unwrap();
    ground.instance.mode("etc/kubeconfig", 0o666);
    let output = ground.setup(&["--yes"]).exits(0);
    assert!(output.stdout.contains("mode 0640"), "{output}");
    assert_eq!(mode(&written), 0o640);
    let group = || std::os::unix::fs::MetadataExt::gid(&written.metadata().unwrap());
    assert_eq!(group(), 65534);
    // Others stay out also when there is no secret in it any more.
    ground.setup(&["--yes", "--from", ground.path("plain").to_str().unwrap()]).exits(0);
    assert_eq!((mode(&written), group()), (0o440, 65534));
}

#[test]
fn a_context_that_cannot_be_pinned_is_refused() {
    let ground = Ground::new().usual();
    let text = read(&ground.path("home/.kube/config"));
    let certificate =
        text.lines().find(|line| line.contains("certificate-authority-data")).unwrap();
    for (from, to, problem) in [
        (certificate, "", "names no CA certificate"),
        (certificate, "    insecure-skip-tls-verify: true", "names no CA certificate"),
        ("server: ", "insecure-skip-tls-verify: true\n    server: ", "does not check"),
        ("{token: secret}", "{token: secret, as: admin}", "acts as somebody else (admin)"),
        ("server: https://127.0.0.1:1", "server: ''", "names no server"),
        ("current-context:", "current-context: [", "config"),
    ] {
        ground.instance.write("home/.kube/config", &text.replace(from, to));
        let output = ground.setup(&["--yes"]).exits(1);
        assert!(output.stderr.contains(problem), "{problem}: {output}");
        assert!(!ground.path("etc").exists(), "{problem}");
    }
    std::fs::remove_file(ground.path("home/.kube/config")).unwrap();
    let output = ground.setup(&["--yes"]).exits(1);
    assert!(output.stderr.contains("no context was found"), "{output}");
}

/// The audit lines of this ground, in their order.
fn audit(ground: &Ground) -> Vec<Value> {
    let uid = rustix::process::geteuid().as_raw();
    let file = ground.path(&format!("log/audit-{uid}.jsonl"));
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| serde_yaml::from_str(line).unwrap()).collect()
}

#[test]
fn another_cluster_is_pinned_only_by_name() {
    let ground = Ground::new().usual();
    ground.setup(&["--yes"]).exits(0);
    let text = format!("{}audit: {}\n", read(&ground.config()), ground.path("log").display());
    ground.instance.write("etc/config.yaml", &text);
    let output = ground.setup(&["--repin", "--yes"]).exits(0);
    assert!(output.stdout.contains("nothing to change"), "{output}");
    // The cluster was rebuilt: the pinned file was written anew by another tool.
    let pinned = ground.path("etc/kubeconfig");
    let rebuilt = read(&pinned).replace("127.0.0.1:1", "127.0.0.1:3");
    ground.instance.mode("etc/kubeconfig", 0o644);
    ground.instance.write("etc/kubeconfig", &rebuilt);
    ground.refuses("overlays/develop", "cluster-drift");
    let output = ground.setup(&["--yes"]).exits(1);
    assert!(output.stderr.contains("no longer leads to the pinned cluster"), "{output}");
    assert_eq!(read(&ground.config()), text);
    // Without a terminal the name is given in advance, and it must be the right one.
    for words in [&["--yes"][..], &[]] {
        let mut all = vec!["--repin"];
        all.extend(words);
        let output = ground.setup(&all).exits(1);
        assert!(output.stderr.contains("nothing was written"), "{output}");
        assert_eq!(read(&ground.config()), text);
    }
    assert_eq!(repin(&ground, "prod").code, Some(1));
    assert_eq!(read(&ground.config()), text);
    let output = repin(&ground, "develop").exits(0);
    let shown: Vec<&str> = output.stdout.lines().filter(|line| line.starts_with("! ")).collect();
    assert_eq!(shown, ["! server     https://127.0.0.1:1", "! now        https://127.0.0.1:3"]);
    ground.passes("overlays/develop");
    let events: Vec<String> = audit(&ground)
        .iter()
        .map(|line| {
            let word = |at: usize| line["argv"][at].as_str().unwrap();
            format!("{} {} {}", line["event"].as_str().unwrap(), word(2), word(3))
        })
        .collect();
    let line = |event: &str| format!("{event} --repin https://127.0.0.1:3");
    let pair = |answer: &str| [line("judged"), line(answer)];
    let expected: Vec<String> = ["declined", "declined", "declined", "confirmed"]
        .iter()
        .flat_map(|word| pair(word))
        .collect();
    assert_eq!(events, expected);
}

fn repin(ground: &Ground, name: &str) -> Output {
    let mut command = ground.command(&crate::support::envguard());
    command.arg("--config").arg(ground.config()).args(["--confirm", name, "setup", "--repin"]);
    Output::of(&mut command)
}

#[test]
fn a_schema_that_is_not_known_is_left_alone() {
    let ground = Ground::new().usual();
    ground.setup(&["--yes"]).exits(0);
    let output = ground.setup(&["--migrate"]).exits(0);
    assert!(output.stdout.contains("nothing to change, it is envguard/v1alpha1"), "{output}");
    let text = read(&ground.config()).replace("envguard/v1alpha1", "envguard/v9");
    ground.instance.write("etc/config.yaml", &text);
    for words in [&["--migrate"][..], &["--yes"]] {
        let output = ground.setup(words).exits(1);
        assert!(
            output.stderr.contains("written for envguard/v9, which this version does not know"),
            "{output}"
        );
        assert!(output.stderr.contains("newer envguard"), "{output}");
        assert_eq!(read(&ground.config()), text);
    }
}

#[test]
fn the_machine_is_recorded_and_its_tag_believed() {
    let ground = Ground::new().usual();
    let tagged = |tag: &str| Service { tag: Some(tag.to_owned()), ..Service::default() };
    let service = Metadata::start(tagged("production"));
    let address = format!("http://{}", service.address);
    let setup = |words: &[&str]| {
        let mut all = vec!["--yes", "--metadata", &address];
        all.extend(words);
        ground.setup(&all)
    };
    // The tag goes before a guess, and stands against a wish.
    let output = setup(&["--environment", "develop"]).exits(1);
    assert!(output.stderr.contains("says production, not develop"), "{output}");
    drop(service.asked());
    let output = setup(&["--dry-run"]).exits(0);
    assert!(output.stdout.contains("environment  production (level critical)"), "{output}");
    let tokens = service.asked().into_iter().filter(|request| request.starts_with("PUT")).count();
    assert_eq!(tokens, 1, "it is asked once");
    let instance = Some(("111122223333", "i-0123456789abcdef0"));
    service.becomes(Service { instance, ..Service::default() });
    setup(&[]).exits(0);
    assert_eq!(ground.written()["instance"]["account"], "111122223333");
    assert_eq!(ground.written()["instance"]["id"], "i-0123456789abcdef0");
    // A copy is another machine until it is set up.
    let instance = Some(("111122223333", "i-0123456789abcdef1"));
    service.becomes(Service { instance, ..Service::default() });
    let output = setup(&[]).exits(0);
    assert!(output.stdout.contains("-   id: i-0123456789abcdef0"), "{output}");
    assert_eq!(ground.written()["instance"]["id"], "i-0123456789abcdef1");
    // What is not known now is not forgotten.
    service.becomes(Service { refuses_tokens: Some(403), ..Service::default() });
    let output = setup(&[]).exits(0);
    assert!(output.stdout.contains("nothing to change"), "{output}");
    assert!(output.stdout.contains("was not recorded"), "{output}");
}
