//! What the log shows of lines of every kind.

use super::*;

/// Words are separated by blanks; what stands behind `|` is one word.
fn read(line: &str) -> Vec<&str> {
    let (words, last) = line.split_once('|').map_or((line, None), |(it, last)| (it, Some(last)));
    words.split(' ').chain(last).collect()
}

#[track_caller]
fn is_logged(line: &str, expected: &str) {
    let found = logged(&read(line)).join(" ");
    assert_eq!(found, expected, "{line}");
    assert!(!found.contains("S3CRET"), "{found}");
}

#[test]
fn secrets_of_kubectl() {
    for (line, expected) in [
        ("get pods --token S3CRET -n web", "get pods --token *** -n web"),
        ("get pods --token=S3CRET", "get pods --token=***"),
        ("get pods --token= S3CRET", "get pods --token=*** ***"),
        ("get pods --token = S3CRET", "get pods --token *** ***"),
        ("--password S3CRET get pods", "--password *** get pods"),
        ("--password --S3CRET get pods", "--password *** get pods"),
        ("get pods --pasword=S3CRET", "get pods --pasword=***"),
        ("get pods --pasword S3CRET", "get pods --pasword ***"),
        ("get pods --passwordS3CRET", "get pods --password***"),
        ("get pods --tokenS3CRET=S3CRET", "get pods --token***=***"),
        ("get pods --S3CRET", "get pods --***"),
        ("apply --novel=S3CRET -k overlays/prod", "apply --novel=*** -k overlays/prod"),
        ("apply --novel S3CRET -k overlays/prod", "apply --novel *** -k overlays/prod"),
        ("get pods -pS3CRET -zS3CRET -z S3CRET", "get pods -p*** -z*** -z ***"),
        ("get pods --pasword= S3CRET", "get pods --pasword=*** ***"),
        ("get pods -token S3CRET", "get pods -t*** ***"),
        ("get pods -password S3CRET web", "get pods -p*** *** web"),
        ("get pods -passwd S3CRET", "get pods -p*** ***"),
        ("get pods -user S3CRET", "get pods -u*** ***"),
        ("get pods -token -n web", "get pods -t*** -n web"),
        ("get pods -token=S3CRET web", "get pods -t*** web"),
        ("get pods -token= S3CRET", "get pods -t*** ***"),
        ("get pods -wtoken S3CRET", "get pods -wt*** ***"),
        ("logs web -password S3CRET", "logs web -pa*** ***"),
        ("exec web -token S3CRET -- sh", "exec web -to*** *** -- sh"),
        ("patch deploy x -password S3CRET", "patch deploy x -p*** ***"),
        ("get -n token pods", "get -n token pods"),
        ("get pods --all-namespaces=S3CRET", "get pods --all-namespaces=***"),
        (
            "create secret generic x --from-literal=a=S3CRET",
            "create secret generic x --from-literal=a=***",
        ),
        (
            "create secret generic x --from-literal a=S3CRET",
            "create secret generic x --from-literal a=***",
        ),
        (
            "create secret generic x --from-literal a S3CRET",
            "create secret generic *** --from-literal *** ***",
        ),
        (
            "create secret generic --from-literal=a=S3CRET S3CRET x",
            "create secret generic --from-literal=a=*** *** ***",
        ),
        (
            "create secret generic --from-literal=a=S3CRET x",
            "create secret generic --from-literal=a=*** x",
        ),
        (
            "create secret generic x --from_literal=S3CRET",
            "create secret generic x --from_literal=***",
        ),
        (
            "create secret generic x --from-literal=UzNDUkVU==",
            "create secret generic x --from-literal=***",
        ),
        ("create secret generic x S3CRET=", "create secret generic *** ***"),
        ("create cm x token:S3CRET", "create cm *** ***"),
        (
            "create secret docker-registry r --docker-username=u --docker-password=S3CRET",
            "create secret docker-registry r --docker-username=u --docker-password=***",
        ),
        (
            "create priorityclass x --value=1 --description=S3CRET",
            "create priorityclass x --value=1 --description=***",
        ),
        (
            "run x --image=i --env=A=S3CRET --env B=S3CRET --labels=a=S3CRET",
            "run x --image=i --env=A=*** --env B=*** --labels=a=***",
        ),
        ("run x --annotations=a=S3CRET", "run x --annotations=a=***"),
        ("run x --image=i --env DB S3CRET", "run x --image=i --env *** ***"),
        ("run x --image=i --env=DB S3CRET a", "run x --image=i --env=*** *** ***"),
        ("run x --image=i --env DB -- sh", "run x --image=i --env *** -- sh"),
        ("set env deploy/x A=S3CRET B-", "set env deploy/x A=*** B-"),
        ("set env deploy/x A=two S3CRET", "set env deploy/x A=*** ***"),
        ("set env deploy/x PASSWORD S3CRET", "set env deploy/x *** ***"),
        ("set env deploy x A_2 S3CRET a-", "set env deploy x *** *** ***"),
        ("set env deploy/x PASSWORD -n web S3CRET", "set env deploy/x *** -n web ***"),
        ("set env deploy/x PASSWORD = S3CRET", "set env deploy/x *** *** ***"),
        (
            "set env deploy/x -eA=S3CRET -e=B=S3CRET -e C=S3CRET",
            "set env deploy/x -eA=*** -e=B=*** -e C=***",
        ),
        ("label secret x a=S3CRET", "label secret x a=***"),
        (
            "label secret x app.kubernetes.io/name=S3CRET --overwrite",
            "label secret x app.kubernetes.io/name=*** --overwrite",
        ),
        ("annotate deploy web note=S3CRET", "annotate deploy web note=***"),
        ("annotate deploy web|note=an S3CRET", "annotate deploy web note=***"),
        ("taint node n a=S3CRET:NoExecute", "taint node n a=***:NoExecute"),
        ("get pods app=S3CRET", "get pods app=***"),
        ("config set users.admin.token S3CRET", "config set users.admin.token ***"),
        ("config set users.admin.x S3CRET", "config set users.admin.x ***"),
        ("config set contexts.a.namespace web", "config set contexts.a.namespace web"),
        ("config set contexts.a.namespace web S3CRET", "config set contexts.a.namespace *** ***"),
        (
            "config set-credentials u --exec-arg=--token --exec-arg=S3CRET",
            "config set-credentials u --exec-arg=*** --exec-arg=***",
        ),
        (
            "config set-credentials u --auth-provider-arg=client-secret=S3CRET",
            "config set-credentials u --auth-provider-arg=client-secret=***",
        ),
        (
            "config set-credentials u --exec-env=A=S3CRET",
            "config set-credentials u --exec-env=A=***",
        ),
        (
            "config set-cluster c --proxy-url=http://u:S3CRET@h",
            "config set-cluster c --proxy-url=http://***@h",
        ),
        ("kustomize x -e S3CRET", "kustomize x -e ***"),
        (
            "apply -f https://raw.test/x.yaml?token=S3CRET",
            "apply -f https://raw.test/x.yaml?token=***",
        ),
        ("apply -f https://raw.test/x.yaml?x=S3CRET", "apply -f https://raw.test/x.yaml?x=***"),
        (
            "get --raw /x?limit=5&access_token=S3CRET&x=S3CRET",
            "get --raw /x?limit=5&access_token=***&x=***",
        ),
        ("get pods -l token=S3CRET", "get pods -l token=***"),
        ("get pods -o eyJhbGciOi.eyJzdWIi.S3CRET", "get pods -o ***"),
    ] {
        is_logged(line, expected);
    }
}

#[test]
fn of_objects_the_fields() {
    for (patch, expected) in [
        (r#"{"spec":{"replicas":3,"paused":true}}"#, r#"{"spec":{"paused":true,"replicas":3}}"#),
        (r#"{"data":{"a":"S3CRET"}}"#, r#"{"data":{"a":"***"}}"#),
        (r#"{"args":["--x","S3CRET",{"op":"S3CRET"}]}"#, r#"{"args":["***","***",{"op":"***"}]}"#),
        (r#"{"spec":{"password":12345}}"#, r#"{"spec":{"password":"***"}}"#),
        (r#"{"spec":{"token":{"a":[1]}}}"#, r#"{"spec":{"token":{"a":["***"]}}}"#),
        (
            r#"[{"op":"add","path":"/spec/paused","value":true}]"#,
            r#"[{"op":"add","path":"/spec/paused","value":true}]"#,
        ),
        (
            r#"[{"op":"add","path":"/data/a","value":"S3CRET"}]"#,
            r#"[{"op":"add","path":"/data/a","value":"***"}]"#,
        ),
        (r#"[{"value":{"path":"S3CRET"}}]"#, r#"[{"value":{"path":"***"}}]"#),
        (r#"["S3CRET"]"#, r#"["***"]"#),
        (r#""S3CRET""#, r#""***""#),
        ("spec: S3CRET", "***"),
        ("{a: S3CRET}", "***"),
        (&("[".repeat(9_000) + "\"S3CRET"), "***"),
    ] {
        for flag in ["-p", "--patch"] {
            let found = logged(&["patch", "deploy", "x", flag, patch]);
            assert_eq!(found[4], expected, "{patch}");
        }
        let found = logged(&["run", "x", &format!("--overrides={patch}")]);
        assert_eq!(found[2], format!("--overrides={expected}"));
    }
}

#[test]
fn of_programs_the_name_and_paths() {
    for (line, expected) in [
        ("exec db -- mysql -uroot -pS3CRET", "exec db -- mysql -u*** -p***"),
        ("exec db -n web -c a -- mysql -p S3CRET", "exec db -n web -c a -- mysql -p ***"),
        ("exec db -- env PGPASSWORD=S3CRET psql", "exec db -- env PGPASSWORD=*** ***"),
        ("exec db -- A=S3CRET", "exec db -- A=***"),
        ("exec v -- vault login S3CRET", "exec v -- vault *** ***"),
        (
            "exec v -- aws configure set aws_secret_access_key S3CRET",
            "exec v -- aws *** *** *** ***",
        ),
        (
            "exec v -- openssl rsa -in /k.pem -passin pass:S3CRET",
            "exec v -- openssl *** -in /k.pem -p*** ***",
        ),
        ("exec v -- redis-cli -a foobared auth foobared", "exec v -- redis-cli -a *** *** ***"),
        ("exec v -- curl -H Authorization:S3CRET http://h/S3CRET", "exec v -- curl -H *** ***"),
        (
            "exec v -- curl --user me:S3CRET --header=S3CRET",
            "exec v -- curl --user *** --header=***",
        ),
        (
            "exec v -- x --S3CRET --passwordS3CRET --no-color",
            "exec v -- x --*** --password*** --no-color",
        ),
        ("exec v -- sqlplus system/S3CRET@db", "exec v -- sqlplus ***"),
        ("exec v -- sh -c|echo S3CRET", "exec v -- sh -c ***"),
        ("exec v --|echo S3CRET", "exec v -- ***"),
        (
            "exec v -- /bin/cat ./a ../b ~/c /etc/hosts",
            "exec v -- /bin/cat ./a ../b ~/c /etc/hosts",
        ),
        ("exec v -- ls -la / -", "exec v -- ls -la / -"),
        ("exec v -- x -S3CRET -é -éS3CRET é=1 /a?t=S3CRET", "exec v -- x -S*** *** *** é=*** ***"),
        ("exec v -- -- --token S3CRET", "exec v -- -- --token ***"),
        ("exec v mysql S3CRET", "exec v mysql ***"),
        ("exec -f p.yaml -- echo S3CRET", "exec -f p.yaml -- echo ***"),
        (
            "run x --image=i -- server --db-pass=S3CRET S3CRET",
            "run x --image=i -- server --db-pass=*** ***",
        ),
        (
            "create job migrate --image=busybox -- rake db:migrate",
            "create job migrate --image=busybox -- rake ***",
        ),
        (
            "create deploy web --image=i -- server --db-pass=S3CRET S3CRET",
            "create deploy web --image=i -- server --db-pass=*** ***",
        ),
        (
            "create cronjob x --image=i --schedule=@daily -- /bin/sh -c S3CRET",
            "create cronjob x --image=i --schedule=@daily -- /bin/sh -c ***",
        ),
        ("create job x S3CRET --image=i -- sh", "create job *** *** --image=i -- sh"),
        ("create cm x -- S3CRET", "create cm *** -- ***"),
        (
            "debug pod/x -it --image=i --env=A=S3CRET -- echo S3CRET",
            "debug pod/x -it --image=i --env=A=*** -- echo ***",
        ),
    ] {
        is_logged(line, expected);
    }
}

#[test]
fn of_plugins_plain_words_and_paths() {
    for (line, expected) in [
        ("vault login S3CRET", "vault login ***"),
        ("vault login s.8hd7f6", "vault login ***"),
        ("vault login hunter2", "vault login ***"),
        (
            "oidc-login get-token --oidc-client-secret=S3CRET",
            "oidc-login get-token --oidc-client-secret=***",
        ),
        ("argo rollouts promote web -n web", "argo rollouts promote web -n web"),
        ("tree deploy/web-0 --color always", "tree deploy/web-0 --color ***"),
        ("neat -f overlays/develop/api.yaml", "neat -f overlays/develop/api.yaml"),
        ("neat -f api.yaml get S3CRET hunter", "neat -f api.yaml *** *** ***"),
        ("neat --filename=../x.yaml --x=S3CRET", "neat --filename=../x.yaml --x=***"),
        ("neat DB_PASSWORD=S3CRET A=S3CRET", "neat DB_PASSWORD=*** A=***"),
        ("--token=S3CRET neat hunter", "--token=*** *** ***"),
        ("S3CRET", "***"),
        ("view-secret web", "view-secret web"),
        ("view_secret2 web", "view_secret2 web"),
    ] {
        is_logged(line, expected);
    }
}

#[test]
fn ordinary_words_stay_readable() {
    for line in [
        "apply -k overlays/develop --dry-run=server -n web",
        "apply -Rf overlays/Develop/a.yaml,x --server-side --force-conflicts=true",
        "apply -f https://host.test/x.yaml",
        "apply -k https://host.test/o/r//x?ref=v1&timeout=9s",
        "apply -k ssh://git@host.test/o/r//x?ref=v1",
        "get secret web -o yaml",
        "get pods,svc,deploy/web -A -l app=web,tier!=db --field-selector=status.phase=Running",
        "get --raw /api/v1/pods?labelSelector=app%3Dweb&limit=5",
        "get HelmRelease Web_1 -o jsonpath={.status.phase}",
        "delete pod/web-0 svc/web --grace-period=0 --force --now",
        "delete clusterrole system:node:x",
        "label ns web team- --overwrite",
        "set env deploy 12 --list",
        "set env deploy/web DB_HOST- --from=cm/web",
        "set image deploy/web web=registry.test/web:v42@sha256:0123",
        "set resources deploy/web --limits=cpu=1,memory=1Gi",
        "scale deploy/web --replicas=3",
        "create secret tls web --cert=Web.crt --key=/etc/Web.key",
        "create cm web --from-file=a.yaml --from-env-file=x.env",
        "create token builder --duration=10m",
        "create rolebinding x --clusterrole=view --serviceaccount=web:ci",
        "create job x --from=cronjob/y",
        "port-forward svc/web 8080:80 :90",
        "logs -f web -p --tail=20 -c api",
        "logs -pf web",
        "proxy -p8001 -w /srv/www",
        "cp ./My+File.txt web/pod-0:/tmp/X",
        "rollout undo deploy/web --to-revision=3",
        "drain node-1.internal --ignore-daemonsets --delete-emptydir-data",
        "taint node n dedicated:NoExecute-",
        "auth can-i * * --as=system:serviceaccount:web:ci",
        "config use-context develop",
        "config set-context --current --namespace=web",
        "wait pod/web --for=condition=Ready --timeout=60s",
        "exec -it web-0 -c api -- sh",
        "exec web-0 -- cat /var/log/Web.log",
        "explain pods.spec.containers",
        "certificate approve csr-x",
        "get pods -- -web",
    ] {
        assert_eq!(logged(&read(line)).join(" "), line);
    }
    assert_eq!(logged(&["a\u{1b}[2Jb"]), ["***"]);
    assert_eq!(logged(&["get", "pods", "-n", "a\u{1b}[2J"])[3], "a\\u{1b}[2J");
    assert_eq!(logged::<&str>(&[]), [""; 0]);
}

proptest::proptest! {
    /// Wherever a word of capital letters and digits stands behind one of these, it is
    /// not seen.
    #[test]
    fn nothing_behind_an_unknown_flag_or_program_is_seen(
        before in "(exec x -- [a-z]{1,5}|run x --image=i -- [a-z]+|vault|create cm x --from-literal|get pods --novel|get pods -token|run x --image=i --env DB|set env deploy/x DB)",
        around in "[a-zA-Z0-9:=+]{0,3}",
        more in "( [-a-zA-Z0-9=/+:é]{0,5}){0,3}",
    ) {
        let line = format!("{before} S3CRET{around}{more}");
        let words: Vec<&str> = line.split(' ').collect();
        let found = logged(&words);
        proptest::prop_assert_eq!(found.len(), words.len());
        let value_of_pair = found.iter().any(|word| word.contains("S3CRET") && !word.ends_with("=***"));
        proptest::prop_assert!(!value_of_pair, "{:?}", found);
    }

    /// Any words are taken apart without a panic, one for one.
    #[test]
    fn any_words_are_logged_one_for_one(words in proptest::collection::vec("[-=a-zé/:n\"{}\\[\\]@?& ]{0,12}", 0..8)) {
        proptest::prop_assert_eq!(logged(&words).len(), words.len());
    }
}
