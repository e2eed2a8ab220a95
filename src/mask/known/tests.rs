//! What a line to paste hides, of lines of every kind.

fn masked(words: &[&str]) -> Vec<String> {
    super::masked(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
}

/// Splits at blanks; what should not be seen is written as `S3CRET`.
#[track_caller]
fn hides(line: &str, expected: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let found = masked(&words).join(" ");
    assert_eq!(found, expected, "{line}");
    assert!(!found.contains("S3CRET"), "{found}");
}

#[test]
fn secrets_of_kubectl_flags() {
    for (line, expected) in [
        ("get pods --token S3CRET", "get pods --token ***"),
        ("get pods --token=S3CRET", "get pods --token=***"),
        ("create x --docker_password=S3CRET", "create x --docker_password=***"),
        ("--password S3CRET get pods", "--password *** get pods"),
        ("get po --username u --password=S3CRET", "get po --username u --password=***"),
        (
            "create secret generic x --from-literal=a=S3CRET --from-literal b=S3CRET",
            "create secret generic x --from-literal=a=*** --from-literal b=***",
        ),
        ("create cm x --from_literal=a=S3CRET=x", "create cm x --from_literal=a=***"),
        (
            "create secret docker-registry r --docker-username=u --docker-password=S3CRET",
            "create secret docker-registry r --docker-username=u --docker-password=***",
        ),
        (
            "create cm x --from-literal password S3CRET -n web",
            "create cm x --from-literal *** *** -n web",
        ),
        ("create cm x --from-literal=a S3CRET web", "create cm x --from-literal=*** *** web"),
        (
            "create cm x --from-literal password --dry-run=client",
            "create cm x --from-literal *** --dry-run=client",
        ),
        ("run x --image=i --env DB_PASSWORD S3CRET", "run x --image=i --env DB_PASSWORD ***"),
        ("set env deploy/x PASSWORD S3CRET", "set env deploy/x PASSWORD ***"),
        ("config set --token -S3CRET", "config set --token ***"),
        ("run x --image=i --env=A=S3CRET", "run x --image=i --env=A=***"),
        ("run x --image=i --env A=S3CRET", "run x --image=i --env A=***"),
        ("set env deploy/x A=S3CRET B-", "set env deploy/x A=*** B-"),
        ("set env deploy/x -e A=S3CRET", "set env deploy/x -e A=***"),
        ("set env deploy/x -eA=S3CRET", "set env deploy/x -eA=***"),
        ("set env deploy/x -e=A=S3CRET", "set env deploy/x -e=A=***"),
        ("config set users.admin.token S3CRET", "config set users.admin.token ***"),
        ("config set-credentials u --token S3CRET", "config set-credentials u --token ***"),
        (
            "config set-credentials u --auth-provider-arg=client-secret=S3CRET",
            "config set-credentials u --auth-provider-arg=***",
        ),
        (
            "config set-credentials u --exec-env=AWS_SECRET_ACCESS_KEY=S3CRET",
            "config set-credentials u --exec-env=AWS_SECRET_ACCESS_KEY=***",
        ),
        (r#"patch secret x -p {"data":{"a":"S3CRET"}}"#, "patch secret x -p ***"),
        (r#"patch secrets/x --patch={"data":{"a":"S3CRET"}}"#, "patch secrets/x --patch=***"),
        (
            r#"patch deploy x -p {"spec":{"env":[{"name":"DB_PASSWORD","value":"S3CRET"}]}}"#,
            "patch deploy x -p ***",
        ),
        (r#"run x --overrides={"spec":{"password":"S3CRET"}}"#, "run x --overrides=***"),
        (r#"run x --overrides={"env":[{"name":"A","value":"S3CRET"}]}"#, "run x --overrides=***"),
        (
            r#"patch deploy x --type=json -p [{"path":"/spec/env/0/value","value":"S3CRET"}]"#,
            "patch deploy x --type=json -p ***",
        ),
        (r#"patch -f s.yaml -p {"data":{"a":"S3CRET"}}"#, "patch -f s.yaml -p ***"),
        (
            "create secret generic x --from-literal=S3CRET",
            "create secret generic x --from-literal=***",
        ),
        ("create cm x --from-literal password:S3CRET", "create cm x --from-literal ***"),
        ("annotate pod x db-pwd=S3CRET", "annotate pod x db-pwd=***"),
        (
            "apply -f https://raw.githubusercontent.com/o/r/main/x.yaml?token=S3CRET",
            "apply -f https://raw.githubusercontent.com/o/r/main/x.yaml?token=***",
        ),
        (
            "apply -f a.yaml,https://b.test/x.yaml?X-Amz-Date=1&X-Amz-Signature=S3CRET",
            "apply -f a.yaml,https://b.test/x.yaml?X-Amz-Date=***&X-Amz-Signature=***",
        ),
        (
            "apply -f https://a.test/x,https://me:S3CRET@b.test/y",
            "apply -f https://a.test/x,https://***@b.test/y",
        ),
        (
            "apply -f https://a.test/x?ref=v1,https://me:S3CRET@b.test/y?z=S3CRET",
            "apply -f https://a.test/x?ref=***",
        ),
        (
            "apply -f https://a.test/?to=https://b.test/S3CRET&sig=S3CRET",
            "apply -f https://a.test/?to=***&sig=***",
        ),
        ("apply -f https://a.test/?https://S3CRET@b.test", "apply -f https://a.test/?***"),
        ("get --raw /x?a=b&access_token=S3CRET", "get --raw /x?a=b&access_token=***"),
    ] {
        hides(line, expected);
    }
}

#[test]
fn secrets_of_other_programs() {
    for (line, expected) in [
        ("exec db -- mysql -uroot -pS3CRET", "exec db -- mysql -uroot -p***"),
        ("exec db -- env PGPASSWORD=S3CRET psql", "exec db -- env PGPASSWORD=*** psql"),
        ("exec x -- curl -H Authorization:S3CRET", "exec x -- curl -H ***"),
        ("exec x -- curl -H Cookie:s=S3CRET", "exec x -- curl -H Cookie:***"),
        ("exec x -- curl --header=X-Auth-Key:S3CRET", "exec x -- curl --header=X-Auth-Key:***"),
        ("exec x -- curl -u me:S3CRET http://h", "exec x -- curl -u me:*** http://h"),
        ("exec x -- curl -ume:S3CRET http://h", "exec x -- curl -ume:*** http://h"),
        ("exec x -- curl --user me:S3CRET", "exec x -- curl --user me:***"),
        ("exec x -- sshpass -p S3CRET ssh host", "exec x -- sshpass -p *** ssh host"),
        ("exec x -- redis-cli -a S3CRET get a", "exec x -- redis-cli -a *** get a"),
        ("exec x -- mongo --pass S3CRET", "exec x -- mongo --pass ***"),
        ("run x --image=i -- server --db-pass=S3CRET", "run x --image=i -- server --db-pass=***"),
        ("exec x -- grep -H word file", "exec x -- grep -H word file"),
        ("exec x -- ls -a /data", "exec x -- ls -a /data"),
    ] {
        hides(line, expected);
    }
    for (script, expected) in [
        ("mysql -uroot -pS3CRET web <dump.sql", "mysql -uroot -p*** web <dump.sql"),
        ("mysql -p\"S3CRET S3CRET\" web", "mysql -p*** web"),
        ("export DB_PW=S3CRET; run", "export DB_PW=*** run"),
        ("A=S3CRET ./serve", "A=***"),
        ("cd /srv && ls  -la", "cd /srv && ls  -la"),
        ("echo \"a b\" c", "echo \"a b\" c"),
        ("\"mysql -pS3CRET web\"", "\"mysql -p*** web\""),
        ("don't mysql -pS3CRET web", "don't mysql -p*** web"),
        ("bash -e 'mysql -pS3CRET'", "bash -e 'mysql -p***'"),
        (" a=\"b c", " a=***"),
        ("é\u{3000}mysql -pS3CRET", "é\u{3000}mysql -p***"),
        ("é\"a b\"", "é\"a b\""),
    ] {
        assert_eq!(masked(&["exec", "x", "--", "sh", "-c", script])[5], expected);
    }
    for (word, expected) in [
        ("Authorization: Bearer S3CRET", "***"),
        ("https://user:S3CRET@host.test/x?y", "https://***@host.test/x?y"),
        ("https://S3CRET@host.test", "https://***@host.test"),
        ("eyJhbGciOi.eyJzdWIi.S3CRET", "***"),
        ("--secret-key=S3CRET", "--secret-key=***"),
        ("DB_PASSWORD=S3CRET", "DB_PASSWORD=***"),
    ] {
        assert_eq!(masked(&["neat", word])[1], expected);
    }
}

/// `-p` is a password unless the program is known whose it is.
#[test]
fn the_p_of_a_program_is_hidden_unless_it_is_known_to_be_no_password() {
    for open in [
        "mkdir -p /data/db",
        "/bin/mkdir -p /data/db",
        "cd /srv && mkdir -p /data/db",
        "set -e; mkdir -pv /data/db",
        "set -e\nmkdir -p /data/db",
        "ps -p 1",
        "psql -p 5432 -U web",
        "redis-cli -p 6379",
    ] {
        assert_eq!(masked(&["exec", "x", "--", "sh", "-c", open])[5], open);
    }
    for (line, expected) in [
        ("exec x -- mkdir -p /data/db", "exec x -- mkdir -p /data/db"),
        ("exec x -- mysql -pS3CRET", "exec x -- mysql -p***"),
        ("exec x -- mysql -h cp -pS3CRET", "exec x -- mysql -h cp -p***"),
        ("exec x -- sshpass -p S3CRET mkdir -p x", "exec x -- sshpass -p *** mkdir -p ***"),
        ("exec x -- novel -p S3CRET", "exec x -- novel -p ***"),
        ("exec x -- env mkdir -p x", "exec x -- env mkdir -p ***"),
        // These words go to whatever the image starts.
        ("run x --image=mongo -- cp -p S3CRET", "run x --image=mongo -- cp -p ***"),
    ] {
        hides(line, expected);
    }
    for (script, expected) in [
        ("mkdir -p a && mysql -pS3CRET", "mkdir -p a && mysql -p***"),
        ("mkdir -p a; mysql -pS3CRET", "mkdir -p a; mysql -p***"),
        ("mkdir -p a\nmysqldump -pS3CRET", "mkdir -p a\nmysqldump -p***"),
        ("mkdir -p a\\\n b", "mkdir -p a\\\n b"),
        ("mkdir $(mysql -pS3CRET)", "mkdir $(mysql -p***"),
        ("mkdir `mysql -pS3CRET`", "mkdir `mysql -p***"),
        ("mkdir a;mysql -pS3CRET", "mkdir a;mysql -p***"),
        ("ps x|mariadb -p S3CRET", "ps x|mariadb -p ***"),
        ("mkdir -p a & mongo -p S3CRET", "mkdir -p a & mongo -p ***"),
        ("\"mkdir -p a\" mysql -pS3CRET", "\"mkdir -p a\" mysql -p***"),
    ] {
        assert_eq!(masked(&["exec", "x", "--", "sh", "-c", script])[5], expected);
    }
}

/// However quotes and blanks stand, it comes to an end, on the stack of any thread.
#[test]
fn scripts_in_scripts_come_to_an_end() {
    let deep: String = (0..60_000).map(|at| if at % 2 == 0 { '"' } else { '\'' }).collect();
    let back: String = deep.chars().rev().collect();
    for script in [format!("{deep} a {back}"), "\" ".repeat(50_000), "' \"".repeat(50_000)] {
        assert_eq!(masked(&["exec", "x", "--", "sh", "-c", &script]).len(), 6);
    }
}

proptest::proptest! {
    /// Whatever somebody passes to a shell in a container is one word before and after.
    #[test]
    fn any_script_is_one_word(script in "[\"' \\t\n=:/@apuHex\u{e9}\u{3000}-]{0,400}") {
        proptest::prop_assert_eq!(masked(&["exec", "x", "--", "sh", "-c", &script]).len(), 6);
    }
}

#[test]
fn ordinary_words_stay_readable() {
    for line in [
        "apply -k overlays/develop --dry-run=server -n web",
        "get secret web -o yaml",
        "get pods -l app=web,tier!=db --field-selector=status.phase=Running",
        "annotate deploy web note=hello",
        "exec web -- printenv DB_PASSWORD DB_HOST",
        "exec secret-store -c api -- sh",
        "label ns web team=payments",
        "set image deploy/web web=registry.test/web:v42",
        "patch deploy web -p {\"spec\":{\"replicas\":3}}",
        "patch ns web -p {\"metadata\":{\"labels\":{\"team\":\"payments\"}}}",
        "scale deploy/web --replicas=3",
        "create secret tls web --cert=web.crt --key=web.key",
        "port-forward svc/web 8080:80",
        "logs -f web -p",
        "logs -pf web",
        "proxy -p8001",
        "apply -f https://host.test/x.yaml",
        "apply -k https://host.test/o/r//x?ref=v1&timeout=9s",
        "apply -k ssh://git@host.test/o/r//x?ref=v1",
        "get --raw /api/v1/pods?labelSelector=app%3Dweb&limit=5",
        "create token builder --duration=10m",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(masked(&words).join(" "), line);
    }
}
