//! What was judged is swapped for something foreign before it is read.
//!
//! kubectl is a script that swaps and then becomes the real kubectl: between the
//! verdict and the reading, every time. With the sandbox the kernel refuses and
//! envguard says so; without it the foreign objects come out, which is why there
//! is a sandbox.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{APPLY, denied_by_the_kernel, inside_command, said, wrapped};
use crate::support::{Instance, Kubectl, Output, Server, kubectls};

/// A swap, by a shell script in the checkout, and the line that reads it.
struct Swap {
    name: &'static str,
    words: &'static [&'static str],
    script: &'static str,
}

const SWAPS: &[Swap] = &[
    Swap {
        name: "a file becomes a link",
        words: &["kustomize", "overlays/develop"],
        script: "ln -sf ../overlays/prod/extra.yaml base/cm.yaml",
    },
    Swap {
        name: "the kustomization becomes a link",
        words: &["kustomize", "overlays/develop"],
        script: "ln -sf ../prod/kustomization.yaml overlays/develop/kustomization.yaml",
    },
    Swap {
        name: "the target becomes a link",
        words: &["kustomize", "overlays/develop"],
        script: "mv overlays/develop aside; ln -s prod overlays/develop",
    },
    Swap {
        name: "a base becomes a link",
        words: &["kustomize", "overlays/develop"],
        script: "rm -r base; ln -s overlays/prod/leaf base",
    },
    Swap {
        name: "another directory takes the place of the target",
        words: &["kustomize", "overlays/develop"],
        script: "mv overlays/develop aside; mv overlays/prod overlays/develop",
    },
    Swap {
        name: "the overlay root becomes a link",
        words: &["kustomize", "overlays/develop"],
        script: "mv overlays aside; ln -s hidden overlays",
    },
    Swap {
        name: "a link on the way leads elsewhere",
        words: &["kustomize", "current"],
        script: "ln -sfn overlays/prod current",
    },
    Swap {
        name: "a manifest becomes a link",
        words: &["create", "--dry-run=client", "-o", "yaml", "-f", "overlays/develop/extra.yaml"],
        script: "ln -sf ../prod/extra.yaml overlays/develop/extra.yaml",
    },
    Swap {
        name: "a directory of manifests becomes another one",
        words: &["create", "--dry-run=client", "-o", "yaml", "-f", "overlays/develop/plain/"],
        script: "mv overlays/develop/plain aside; mv overlays/prod/plain overlays/develop/plain",
    },
    Swap {
        name: "a link to a directory of manifests leads elsewhere",
        words: &["create", "--dry-run=client", "-o", "yaml", "-f", "plain/"],
        script: "ln -sfn overlays/prod/plain plain",
    },
];

/// Marked objects: `this-is-prod` comes out of the foreign overlay only.
fn instance() -> Instance {
    let instance = Instance::new();
    let map = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: x}}\n")
    };
    for overlay in ["develop", "prod"] {
        let name = format!("this-is-{overlay}");
        instance.write(&format!("m/overlays/{overlay}/extra.yaml"), &map(&name));
        instance.write(&format!("m/overlays/{overlay}/plain/x.yaml"), &map(&name));
        instance.write(&format!("m/overlays/{overlay}/leaf/x.yaml"), &map(&name));
        let leaf = format!("m/overlays/{overlay}/leaf/kustomization.yaml");
        instance.write(&leaf, "resources: [x.yaml]\n");
        let kustomization = "resources: [../../base, extra.yaml]\n";
        instance.write(&format!("m/overlays/{overlay}/kustomization.yaml"), kustomization);
    }
    instance.write("m/hidden/develop/extra.yaml", &map("this-is-prod"));
    instance.write("m/hidden/develop/kustomization.yaml", "resources: [extra.yaml]\n");
    instance.link("overlays/develop", "m/current");
    instance.link("overlays/develop/plain", "m/plain");
    instance
}

/// The swap's line through the shim; kubectl swaps, then becomes `kubectl`.
fn swapped(instance: &Instance, swap: &Swap, kubectl: &Kubectl) -> Output {
    let script = format!("{}; exec {} \"$@\"", swap.script, kubectl.path.display());
    Output::of(&mut inside_command(instance, swap.words, &script))
}

fn two_kubectls() -> Vec<Kubectl> {
    let all = kubectls();
    // 1.20's `kubectl kustomize` is an old kustomize; the newest and one between.
    let middle = all.len() / 2;
    all.iter().skip(middle).take(1).chain(all.last()).cloned().collect()
}

#[test]
fn with_the_sandbox_the_kernel_refuses_and_the_operator_is_told() {
    let server = Server::start("develop-eks");
    for kubectl in two_kubectls() {
        for swap in SWAPS {
            let instance = instance();
            instance.reaches(&server);
            let output = swapped(&instance, swap, &kubectl);
            let case = format!("{} ({}): {output}", swap.name, kubectl.version);
            assert!(!output.stdout.contains("this-is-prod"), "{case}");
            assert_ne!(output.code, Some(0), "{case}");
            assert!(output.stderr.contains("envguard: kernel (sandbox-denied): "), "{case}");
            assert!(output.stderr.contains("kubectl envguard why sandbox-denied"), "{case}");
        }
    }
}

#[test]
fn without_the_sandbox_the_foreign_objects_come_out() {
    let server = Server::start("develop-eks");
    for kubectl in two_kubectls() {
        for swap in SWAPS {
            let instance = instance();
            instance.reaches(&server);
            let instance = instance.rules("policy: {sandbox: off}");
            let output = swapped(&instance, swap, &kubectl);
            let case = format!("{} ({}): {output}", swap.name, kubectl.version);
            // kustomize itself refuses a file outside its root.
            let guarded_by_kustomize = swap.script.contains("base/cm.yaml")
                || swap.script.contains("prod/kustomization.yaml");
            assert_eq!(output.stdout.contains("this-is-prod"), !guarded_by_kustomize, "{case}");
            assert!(!said(&output).contains("envguard"), "{case}");
        }
    }
}

#[test]
fn an_ordinary_change_while_kubectl_runs_is_none_of_the_kernels_business() {
    for kubectl in two_kubectls() {
        for script in [
            "sed -i s/this-is-develop/edited/ overlays/develop/extra.yaml",
            "cd overlays/develop; cp extra.yaml new; mv new extra.yaml; cd ../..",
            ": > overlays/develop/unrelated.yaml",
        ] {
            let words = &["kustomize", "overlays/develop"];
            let output = swapped(&instance(), &Swap { name: "", words, script }, &kubectl);
            assert_eq!((output.code, said(&output).as_str()), (Some(0), ""), "{script}: {output}");
        }
    }
}

#[test]
fn what_vanishes_is_kubectls_own_message() {
    for kubectl in two_kubectls() {
        let words = &["kustomize", "overlays/develop"];
        let swap = Swap { name: "", words, script: "rm -r base" };
        let output = swapped(&instance(), &swap, &kubectl);
        assert!(!said(&output).contains("envguard"), "{output}");
        assert_ne!(output.code, Some(0), "{output}");
    }
}

/// Stops the guard at a system call, swaps, and lets it go on.
fn swapped_before_exec(instance: &Instance, stop_at: &str, script: &str) -> Output {
    let command = inside_command(instance, APPLY, "echo ran");
    let expression = format!("inject={stop_at}:signal=STOP:when=1");
    let trace = instance.path("trace");
    let file = trace.display().to_string();
    let words = ["-f", "-o", &file, "-e", &format!("trace={stop_at}"), "-e", &expression, "--"];
    let mut child = wrapped(&command, "strace", &words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let guard = stopped(&trace, &mut child);
    let swap = Command::new("sh").args(["-euc", script]).current_dir(instance.checkout()).status();
    assert!(swap.unwrap().success());
    let resumed = Command::new("kill").args(["-CONT", &guard]).status();
    assert!(resumed.unwrap().success());
    child.wait_with_output().unwrap().into()
}

/// How long the guard may take until it stops.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until strace has written that the guard stopped; returns its process id.
fn stopped(trace: &Path, strace: &mut std::process::Child) -> String {
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(trace).unwrap_or_default();
        let line = text.lines().find(|line| line.ends_with("--- stopped by SIGSTOP ---"));
        if let Some(pid) = line.and_then(|line| line.split_whitespace().next()) {
            return pid.to_owned();
        }
        assert!(strace.try_wait().unwrap().is_none(), "the guard ended: {text}");
        assert!(begun.elapsed() < DEADLINE, "the guard did not stop: {text}");
        std::thread::yield_now();
    }
}

#[test]
fn what_changes_before_kubectl_starts_is_refused_before_it_starts() {
    // The rules exist, nothing is restricted yet.
    for script in [
        "mv overlays/develop aside; ln -s prod overlays/develop",
        "mv overlays/develop aside; mv overlays/prod overlays/develop",
        "ln -sf ../overlays/prod/extra.yaml base/cm.yaml",
    ] {
        let output = swapped_before_exec(&instance(), "landlock_restrict_self", script);
        denied_by_the_kernel(&output);
    }
}

#[test]
fn what_changes_before_the_rules_are_made_is_refused_too() {
    // The verdict has been given, nothing has been granted.
    for script in [
        "mv overlays/develop aside; ln -s prod overlays/develop",
        "ln -sf ../overlays/prod/extra.yaml base/cm.yaml",
        "mv overlays aside; ln -s aside overlays",
    ] {
        let output = swapped_before_exec(&instance(), "landlock_create_ruleset", script);
        denied_by_the_kernel(&output);
    }
}

#[test]
fn the_witness_leaves_kubectl_alone() {
    let instance = instance();
    // It is a child of what became kubectl, in another session, without terminal,
    // standard input and output; and kubectl is the process that was started.
    let script = "
        read -r children < /proc/$$/task/$$/children
        for child in $children; do
          name=$(tr '\\0' ' ' < /proc/$child/cmdline)
          case $name in envguard-witness*)
            # It leaves session and directory after it was started; not for ever.
            for attempt in $(seq 5000); do
              [ \"$(cut -d' ' -f6 /proc/$child/stat) $(readlink /proc/$child/cwd)\" = \"$child /\" ] && break
            done
            echo witness tty $(cut -d' ' -f7 /proc/$child/stat)
            readlink /proc/$child/fd/1 /proc/$child/cwd ;;
          esac
        done
        echo pid $$
        kill -TERM $$";
    let mut command = inside_command(&instance, APPLY, script);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(output.status.signal(), Some(15));
    let output = Output::from(output);
    let expected = format!("witness tty 0\n/dev/null\n/\npid {pid}\n");
    assert_eq!(output.stdout, expected, "{output}");
    // Standard error has ended, and the witness had it: it is gone.
    assert_eq!(said(&output), "");
}

#[test]
fn plain_commands_have_no_sandbox_and_no_witness() {
    let instance = instance();
    let script = "read -r children < /proc/$$/task/$$/children; echo children: $children
        cat overlays/prod/extra.yaml";
    let output = Output::of(&mut inside_command(&instance, &["get", "pods"], script)).exits(0);
    assert!(output.stdout.contains("this-is-prod"), "{output}");
    assert!(output.stdout.starts_with("children:\n"), "{output}");
    let trace = instance.path("trace").display().to_string();
    let command = inside_command(&instance, &["get", "pods"], "true");
    let filter = "trace=landlock_create_ruleset,landlock_restrict_self,prctl,clone,clone3,vfork";
    let mut command = wrapped(&command, "strace", &["-o", &trace, "-e", filter, "--"]);
    Output::of(&mut command).exits(0);
    let traced = crate::support::read(&instance.path("trace"));
    assert!(!traced.contains("landlock") && !traced.contains("clone"), "{traced}");
}
