//! What `-f`, `-k` and `kubectl kustomize` name, in every spelling kubectl takes
//! (`facts` a and b: seen with kubectl 1.20–1.36 under strace).

use super::*;

fn targets(line: &[&str]) -> Vec<String> {
    request(line)
        .targets
        .iter()
        .map(|target| match target {
            Target::Manifests(FileSource::Stdin) => "stdin".to_owned(),
            Target::Manifests(FileSource::Url(url)) => format!("url {url}"),
            Target::Manifests(FileSource::Path(path)) => format!("f {}", path.display()),
            Target::Kustomization(dir) => format!("k {}", dir.display()),
        })
        .collect()
}

fn rows(rows: &[(&[&str], &[&str])]) {
    for (line, expected) in rows {
        assert_eq!(targets(line), *expected, "{line:?}");
    }
}

#[test]
fn values_attached_separate_and_in_rows_of_letters() {
    rows(&[
        (&["apply", "-k", "overlays/prod"], &["k overlays/prod"]),
        (&["apply", "-koverlays/prod"], &["k overlays/prod"]),
        (&["apply", "-k=overlays/prod"], &["k overlays/prod"]),
        (&["apply", "--kustomize", "x"], &["k x"]),
        (&["apply", "--kustomize=x"], &["k x"]),
        (&["apply", "--kustomize=x=y"], &["k x=y"]),
        (&["apply", "-f", "x"], &["f x"]),
        (&["apply", "-fx"], &["f x"]),
        (&["apply", "-f=x"], &["f x"]),
        (&["apply", "-f==x"], &["f =x"]),
        (&["apply", "--filename", "x"], &["f x"]),
        (&["apply", "--filename=x"], &["f x"]),
        (&["apply", "--filename==x"], &["f =x"]),
        (&["apply", "-Rf", "x"], &["f x"]),
        (&["apply", "-RfX"], &["f X"]),
        (&["apply", "-Rf=X"], &["f X"]),
        (&["apply", "-R=true", "-f", "X"], &["f X"]),
        (&["apply", "-R=false", "-f", "X"], &["f X"]),
        // One `=` is dropped only when something follows.
        (&["apply", "-f="], &["f ="]),
        (&["apply", "-k="], &["k ="]),
        // No long flag has one dash.
        (&["apply", "-filename=x"], &["f ilename=x"]),
        (&["apply", "-kustomize=x"], &["k ustomize=x"]),
        // What follows a letter with a value is the value.
        (&["apply", "-oyamlf", "-f", "x"], &["f x"]),
        (&["apply", "-kf", "x"], &["k f"]),
        (&["apply", "-fk", "x"], &["f k"]),
        (&["exec", "-itf", "x", "--", "sh"], &["f x"]),
        (&["exec", "-itfx", "--", "sh"], &["f x"]),
        // Words for Go's test programs are left out, also behind other letters.
        (&["apply", "-test.v", "-f", "x"], &["f x"]),
        (&["apply", "-Rtest.v", "-f", "x"], &["f x"]),
    ]);
}

#[test]
fn a_value_is_the_next_word_whatever_it_looks_like() {
    rows(&[
        (&["apply", "-n", "-k", "-k", "x"], &["k x"]),
        (&["apply", "-n", "--help", "-f", "x"], &["f x"]),
        (&["apply", "-f", "-k", "-k", "x"], &["f -k", "k x"]),
        (&["apply", "-k", "--", "-f", "x"], &["f x", "k --"]),
        (&["apply", "-n", "--", "-f", "x"], &["f x"]),
        (&["apply", "-f", "--help"], &["f --help"]),
        (&["apply", "--filename", "-"], &["stdin"]),
        (&["get", "pods", "-l", "-f"], &[]),
        (&["apply", "--kustomize", "", "-f", "x"], &["f x"]),
        // Flags with a value of their own leave the next word alone.
        (&["apply", "--dry-run", "-f", "x"], &["f x"]),
        (&["apply", "--validate", "-f", "x"], &["f x"]),
        (&["delete", "--cascade", "-f", "x"], &["f x"]),
        (&["apply", "--server-side", "-f", "x"], &["f x"]),
        (&["apply", "--warnings-as-errors", "-f", "x"], &["f x"]),
        // Others take it.
        (&["apply", "--field-manager", "-f", "x"], &[]),
        (&["apply", "--v", "-f", "-f", "x"], &["f x"]),
        (&["apply", "-v", "9", "-f", "x"], &["f x"]),
        (&["apply", "-v=9", "-f", "x"], &["f x"]),
        (&["apply", "-v9f", "-f", "x"], &["f x"]),
        (&["apply", "--vmodule", "-f", "-f", "x"], &["f x"]),
        (&["apply", "--profile", "cpu", "-f", "x"], &["f x"]),
        (&["apply", "--cache-dir", "-f", "-f", "x"], &["f x"]),
    ]);
}

#[test]
fn underscores_are_dashes_in_long_flags() {
    rows(&[
        (&["apply", "--server_side", "-f", "x"], &["f x"]),
        (&["apply", "--dry_run", "-f", "x"], &["f x"]),
        (&["apply", "--field_manager", "-f", "-f", "x"], &["f x"]),
        (&["kustomize", "--load_restrictor", "LoadRestrictionsNone", "x"], &["k x"]),
        (&["--request_timeout", "1s", "apply", "-f", "x"], &["f x"]),
    ]);
}

#[test]
fn flags_may_stand_before_the_command() {
    rows(&[
        (&["-k", "x", "apply"], &["k x"]),
        (&["-k=x", "apply"], &["k x"]),
        (&["-kx", "apply"], &["k x"]),
        (&["-f", "x", "apply"], &["f x"]),
        (&["-Rf=x", "apply"], &["f x"]),
        (&["-RfX", "apply"], &["f X"]),
        (&["--filename", "x", "apply"], &["f x"]),
        (&["--filename=x", "apply"], &["f x"]),
        (&["-n", "apply", "apply", "-k", "x"], &["k x"]),
        (&["rollout", "-f", "x", "restart"], &["f x"]),
        (&["-f", "x", "rollout", "restart"], &["f x"]),
        (&["set", "-f", "x", "image", "c=i"], &["f x"]),
        (&["auth", "-k=x", "reconcile"], &["k x"]),
        (&["apply", "-f", "x", "view-last-applied"], &["f x"]),
        (&["", "apply", "-f", "x"], &["f x"]),
    ]);
}

#[test]
fn flags_and_words_interleave_until_two_dashes() {
    rows(&[
        (&["delete", "pod", "-f", "x", "y"], &["f x"]),
        (&["delete", "-f", "x", "--", "-f", "y"], &["f x"]),
        (&["apply", "--", "-k", "x"], &[]),
        (&["--", "apply", "-k", "x"], &[]),
        (&["exec", "pod", "--", "cat", "-f", "x"], &[]),
        (&["delete", "-", "-f", "x"], &["f x"]),
    ]);
}

#[test]
fn the_last_directory_counts_and_every_file() {
    rows(&[
        (&["apply", "-k", "a", "-k", "b"], &["k b"]),
        (&["apply", "-k", "a", "--kustomize=b"], &["k b"]),
        (&["apply", "-k", "a", "-k", ""], &[]),
        (&["apply", "-k", "a,b"], &["k a,b"]),
        (&["apply", "-f", "a", "--filename", "b", "-fc"], &["f a", "f b", "f c"]),
        (&["apply", "-f", ""], &[]),
        (&["apply", "-f", "", "-f", "x"], &["f x"]),
    ]);
}

#[test]
fn a_file_value_is_a_list() {
    rows(&[
        (&["apply", "-f", "a,b", "-f", "\"c,d\""], &["f a", "f b", "f c,d"]),
        (&["apply", "-f", "a,"], &["f a", "f "]),
        (&["apply", "-f", "\"a\"\"b\""], &["f a\"b"]),
        (&["apply", "-f", " x"], &["f  x"]),
        (&["apply", "-f", "a.yaml\nb.yaml"], &["f a.yaml"]),
        (&["apply", "-f", "\"a\nb\""], &["f a\nb"]),
        (&["apply", "-f", "-,x"], &["stdin", "f x"]),
    ]);
    for quotes in ["a\"b", "\"a", "\n"] {
        assert_eq!(
            request(&["apply", "-f", quotes]).malformed,
            [("-f", quotes.into())],
            "{quotes:?}"
        );
    }
}

#[test]
fn addresses_and_standard_input_are_told_from_files() {
    rows(&[
        (&["apply", "-f", "-"], &["stdin"]),
        (&["apply", "-f-"], &["stdin"]),
        (&["apply", "-f=-"], &["stdin"]),
        (&["apply", "-f", "./-"], &["f ./-"]),
        (&["apply", "-f", "https://h/x.yaml"], &["url https://h/x.yaml"]),
        (&["apply", "-f", "http://h/x.yaml"], &["url http://h/x.yaml"]),
        (&["apply", "-f", "HTTPS://h/x.yaml"], &["f HTTPS://h/x.yaml"]),
        (&["apply", "-f", "file:///x.yaml"], &["f file:///x.yaml"]),
    ]);
}

#[test]
fn raw_writes_read_one_file_as_it_stands() {
    rows(&[
        (&["create", "--raw", "/api", "-f", "x"], &["f x"]),
        (&["replace", "--raw=/api", "-f", "-"], &["stdin"]),
        (&["delete", "--raw", "/api", "-f", "x"], &["f x"]),
        (&["create", "--raw", "/api", "-f", "http://h/x"], &["f http://h/x"]),
        // The value is a list all the same: this opens `a,b`.
        (&["create", "--raw", "/api", "-f", "\"a,b\""], &["f a,b"]),
        (&["create", "--raw=", "-f", "http://h/x"], &["url http://h/x"]),
    ]);
}

#[test]
fn kustomize_takes_a_directory_or_none() {
    rows(&[
        (&["kustomize"], &["k ."]),
        (&["kustomize", "x"], &["k x"]),
        (&["kustomize", "--", "x"], &["k x"]),
        (&["kustomize", "-o", "out", "x"], &["k x"]),
        (&["kustomize", "-e", "A=1", "x"], &["k x"]),
        (&["kustomize", "--enable-helm", "x"], &["k x"]),
        (&["kustomize", "--mount", "a", "--network", "x"], &["k x"]),
        (&["-o", "out", "kustomize", "x"], &["k x"]),
    ]);
}

#[test]
fn what_looks_like_a_file_and_is_none() {
    rows(&[
        (&["logs", "-f", "pod"], &[]),
        (&["logs", "-fp", "pod"], &[]),
        (&["logs", "-f=false", "pod"], &[]),
        (&["run", "x", "--image=i", "sh", "-f", "prod.yaml"], &[]),
        (&["run", "x", "--image=i", "-k", "prod"], &[]),
        (&["apply", "-k", "x", "--help"], &[]),
        (&["apply", "-hk", "x"], &[]),
        (&["apply", "-hf", "x"], &[]),
        (&["apply", "-h", "-k", "x"], &[]),
        (&["apply", "-h=false", "-k", "x"], &["k x"]),
        (&["apply", "--help=false", "-k", "x"], &["k x"]),
        (&["delete", "-f", "x", "--help=false"], &["f x"]),
        (&["delete", "-f", "x", "--help", "--help=false"], &["f x"]),
        (&["help", "apply"], &[]),
        (&["--help", "apply"], &[]),
        (&["__complete", "apply", "-k", ""], &[]),
    ]);
}

#[test]
fn recursion_is_the_default_where_kubectl_has_it() {
    for (line, expected) in [
        (&["wait", "-f", "x", "--for=delete"][..], true),
        (&["set", "selector", "-f", "x", "a=b"], true),
        (&["wait", "-f", "x", "-R=false", "--for=delete"], false),
        (&["wait", "-f", "x", "--recursive=false", "--for=delete"], false),
        // `-R false` is `-R` and a word.
        (&["wait", "-f", "x", "-R", "false", "--for=delete"], true),
        (&["apply", "-f", "x"], false),
        (&["set", "image", "-f", "x", "c=i"], false),
        (&["apply", "-Rf", "x"], true),
        (&["apply", "-f", "x", "--recursive"], true),
        (&["apply", "-f", "x", "-R", "-R=false"], false),
    ] {
        assert_eq!(request(line).recursive, expected, "{line:?}");
    }
}
