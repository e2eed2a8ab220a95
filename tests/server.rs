//! Asking the API server who it is, over TLS, with what can be in the way.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use kubectl_envguard::env::Env;
use kubectl_envguard::server::{Cause, Error, Server as Answer, TIMEOUT, ask};

use crate::support::{Instance, RealServer, Server, kubeconfig, kubectls, read};

/// No test waits this long: it is where an answer must not be missed on a busy
/// machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough to start a program, short enough to wait for in vain.
const SHORT: Duration = Duration::from_secs(1);

fn no_variables() -> Env {
    Env::from_pairs([("HOME", "/nonexistent")])
}

#[track_caller]
fn fails(answer: Result<Answer, Error>, cause: Cause, words: &[&str]) {
    let error = answer.unwrap_err();
    assert_eq!(error.cause, cause, "{error:?}");
    for word in words {
        let found = error.message.contains(word) || error.remedy.contains(word);
        assert!(found, "{word:?} is not in {error:?}");
    }
}

/// The stand-in's kubeconfig with a program that gets the credentials.
fn with_program(server: &Server, instance: &Instance, script: &str, lines: &str) -> PathBuf {
    instance.program("bin/get-token", script);
    let user = format!(
        "exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: {}
      args: [eks, get-token]
      env: [{{name: AWS_PROFILE, value: admin}}]
{lines}",
        instance.path("bin/get-token").display()
    );
    let text = read(&server.kubeconfig());
    let token = text.lines().find(|line| line.contains("token:")).unwrap();
    instance.write("exec-kubeconfig", &text.replace(token.trim(), &user))
}

fn token_of(server: &Server) -> String {
    let text = read(&server.kubeconfig());
    let value: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    value["users"][0]["user"]["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_says_its_version_and_who_it_is() {
    let (one, other) = (Server::start("develop-eks"), Server::start("prod-eks"));
    let [mine, again, others] = [&one, &one, &other]
        .map(|server| ask(&server.kubeconfig(), &no_variables(), PATIENCE).unwrap());
    assert!(mine.version.starts_with("v1.33."), "{mine:?}");
    assert_eq!((mine.release.major, mine.release.minor), (1, 33));
    assert_eq!(mine, again);
    assert_ne!(mine.uid.unwrap(), others.uid.unwrap());
    let requests = one.requests().join("\n");
    assert!(requests.contains("GET /version 200"), "{requests}");
    assert!(requests.contains("GET /api/v1/namespaces/kube-system 200"), "{requests}");
}

#[test]
fn the_uid_is_the_one_that_kubectl_sees() {
    let server = Server::start("develop-eks");
    let Some(kubectl) = kubectls().into_iter().next() else { return };
    let seen = std::process::Command::new(&kubectl.path)
        .args(["get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}", "--kubeconfig"])
        .arg(server.kubeconfig())
        .env_clear()
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    let found = ask(&server.kubeconfig(), &no_variables(), PATIENCE).unwrap();
    assert_eq!(found.uid.unwrap(), String::from_utf8(seen.stdout).unwrap());
}

#[test]
fn a_real_server_is_asked_in_the_same_way() {
    let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
        crate::support::left_out(
            "KUBEBUILDER_ASSETS names no etcd and kube-apiserver: ENVGUARD_ENVTEST=1 tests/run --install",
        );
        return;
    };
    let Some(kubectl) = kubectls().into_iter().last() else { return };
    let real = RealServer::start(&assets);
    let instance = Instance::new();
    real.pin(&instance, &kubectl);
    let found = ask(&instance.path("kubeconfig"), &no_variables(), PATIENCE).unwrap();
    assert!(found.version.starts_with("v1."), "{found:?}");
    let seen = instance.kubectl(&["get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}"]);
    assert_eq!(found.uid.unwrap(), seen.exits(0).stdout);
    let text = read(&instance.path("kubeconfig")).replace("0123456789abcdef", "wrong");
    let wrong = instance.write("wrong", &text);
    fails(ask(&wrong, &no_variables(), PATIENCE), Cause::Refused, &["401"]);
}

#[test]
fn a_program_gets_the_credentials_as_for_kubectl() {
    let (server, instance) = (Server::start("develop-eks"), Instance::new());
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2 $AWS_PROFILE\" = 'eks get-token admin' ] || exit 3
case $KUBERNETES_EXEC_INFO in *interactive*false*) ;; *) exit 4 ;; esac
read -r line && exit 5
echo '{{\"apiVersion\": \"client.authentication.k8s.io/v1beta1\", \"kind\": \"ExecCredential\",
\"status\": {{\"token\": \"{}\"}}}}'\n",
        token_of(&server)
    );
    for lines in ["", "      interactiveMode: IfAvailable\n", "      provideClusterInfo: true\n"] {
        let kubeconfig = with_program(&server, &instance, &script, lines);
        ask(&kubeconfig, &no_variables(), PATIENCE).unwrap().uid.unwrap();
    }
    let kubeconfig = with_program(&server, &instance, &script, "      interactiveMode: Always\n");
    fails(ask(&kubeconfig, &no_variables(), PATIENCE), Cause::Credentials, &["terminal"]);
}

#[test]
fn a_program_that_fails_is_named_with_what_it_said() {
    let (server, instance) = (Server::start("develop-eks"), Instance::new());
    for (script, words) in [
        ("#!/bin/sh\necho first >&2; echo token expired >&2; exit 3\n", "token expired"),
        ("#!/bin/sh\necho nothing useful\n", "no credential"),
        ("#!/nonexistent/interpreter\n", "cannot be run"),
    ] {
        let kubeconfig = with_program(&server, &instance, script, "");
        let answer = ask(&kubeconfig, &no_variables(), PATIENCE);
        // What can be pasted runs the program as the kubeconfig does.
        let pasted = "AWS_PROFILE=admin ";
        fails(answer, Cause::Credentials, &["get-token", words, pasted]);
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn a_program_that_hangs_is_ended() {
    let (server, instance) = (Server::start("develop-eks"), Instance::new());
    let pid = instance.path("pid");
    let script = format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", pid.display());
    let kubeconfig = with_program(&server, &instance, &script, "");
    fails(ask(&kubeconfig, &no_variables(), SHORT), Cause::Credentials, &["get-token", "within"]);
    let process = PathBuf::from(format!("/proc/{}", read(&pid).trim()));
    let begun = std::time::Instant::now();
    while process.exists() {
        assert!(begun.elapsed() < PATIENCE, "{} still runs", process.display());
        std::thread::yield_now();
    }
}

#[test]
fn what_answers_must_be_the_pinned_server() {
    let (server, other, instance) =
        (Server::start("develop-eks"), Server::start("prod-eks"), Instance::new());
    let text = read(&server.kubeconfig());
    let certificate = |text: &str| {
        let value: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
        let data = &value["clusters"][0]["cluster"]["certificate-authority-data"];
        data.as_str().unwrap().to_owned()
    };
    let theirs = certificate(&read(&other.kubeconfig()));
    let wrong = instance.write("wrong-ca", &text.replace(&certificate(&text), &theirs));
    fails(ask(&wrong, &no_variables(), PATIENCE), Cause::Unreachable, &["not trusted", "wrong-ca"]);
    assert_eq!(server.requests(), [""; 0]);

    let wrong = instance.write("wrong-token", &text.replace(&token_of(&server), "other"));
    fails(ask(&wrong, &no_variables(), PATIENCE), Cause::Refused, &["401"]);
}

/// A port where nobody listens, and one where nobody answers.
#[test]
fn silence_ends_after_the_time_that_was_given() {
    let instance = Instance::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = |listener: &TcpListener| format!("https://{}", listener.local_addr().unwrap());
    let silent =
        instance.write("silent", &kubeconfig("c", &url(&listener), &readable_certificate()));
    fails(ask(&silent, &no_variables(), SHORT), Cause::Unreachable, &["did not answer within 1 s"]);
    drop(listener);
    fails(ask(&silent, &no_variables(), PATIENCE), Cause::Unreachable, &["refused", "curl"]);
}

/// A certificate that rustls can read; the scratch instance's is three words.
fn readable_certificate() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
    crate::support::pem("CERTIFICATE", certificate.der())
}

#[test]
fn something_that_is_no_api_server_is_said() {
    let instance = Instance::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: URL}}]\nusers: [{name: u, user: {}}]\n";
    let file = instance.write("plain", &text.replace("URL", &url));
    std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        drop(stream.read(&mut [0; 4096]));
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>";
        drop(stream.write_all(page.as_bytes()));
    });
    fails(ask(&file, &no_variables(), PATIENCE), Cause::Strange, &["not as an API server"]);
    let missing = instance.path("missing");
    fails(ask(&missing, &no_variables(), TIMEOUT), Cause::Kubeconfig, &["does not exist"]);
}

/// A proxy that connects once, and says to what.
fn proxy_once() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut client = listener.accept().unwrap().0;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let request = String::from_utf8(request).unwrap();
        let to = request.split(' ').nth(1).unwrap().to_owned();
        let mut server = TcpStream::connect(&to).unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
        drop(std::io::copy(&mut client, &mut server));
        request
    });
    (url, thread)
}

#[test]
fn a_proxy_is_used_as_kubectl_uses_it() {
    let (server, instance) = (Server::start("develop-eks"), Instance::new());
    let address = server.url().replace("https://", "");
    // In the kubeconfig, whatever the environment says.
    let (proxy, thread) = proxy_once();
    let text = read(&server.kubeconfig());
    let line = text.lines().find(|line| line.contains("server:")).unwrap();
    let indent = &line[..line.len() - line.trim_start().len()].replace('-', " ");
    let proxied = text.replace(line, &format!("{line}\n{indent}proxy-url: {proxy}"));
    let file = instance.write("proxied", &proxied);
    let env = Env::from_pairs([("NO_PROXY", "*"), ("HTTPS_PROXY", "http://127.0.0.1:1")]);
    ask(&file, &env, PATIENCE).unwrap();
    let request = thread.join().unwrap();
    assert!(request.starts_with(&format!("CONNECT {address} ")), "{request}");
    // A server on this machine is never reached through the environment's.
    ask(&server.kubeconfig(), &env, PATIENCE).unwrap();
    // Any other server is: nobody listens there.
    let away = text.replace(&address, "api.example.test");
    let file = instance.write("away", &away);
    let env = Env::from_pairs([("HTTPS_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", ".test:1,")]);
    fails(ask(&file, &env, PATIENCE), Cause::Unreachable, &["api.example.test", "refused"]);
}
