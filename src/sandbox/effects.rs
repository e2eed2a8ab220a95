//! What a person notices of the sandbox, in words: for `status` and
//! `docs/sandbox.md`.

/// One thing that is different inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// When it is noticed, in a few words.
    pub when: &'static str,
    /// What happens, and what to do about it.
    pub what: &'static str,
}

/// All of them, the most frequent first.
pub static EFFECTS: [Effect; 8] = [
    Effect {
        when: "a plugin reads another environment's overlay",
        what: "permission denied, whatever the file's mode says; names can be listed",
    },
    Effect {
        when: "a file changes between the verdict and the reading",
        what: "kubectl cannot read what it leads to now, and envguard says sandbox-denied",
    },
    Effect {
        when: "something new appears directly in a directory that contains a checkout",
        what: "it can be written, but not read, until the command ends; inside its subdirectories everything is as usual",
    },
    Effect {
        when: "the temporary directory contains a checkout",
        what: "temporary files go to ~/.cache/envguard/tmp, else to the runtime directory",
    },
    Effect {
        when: "a home directory that contains a checkout has more than about 60 entries",
        what: "dot files, directories and what a variable or the command names stay readable before other files",
    },
    Effect {
        when: "a program under kubectl is setuid (sudo, ping on some systems)",
        what: "it runs as the caller; kubectl or a credential program that is setuid or comes from snap gets no sandbox",
    },
    Effect {
        when: "a program under kubectl mounts a file system (rootless containers)",
        what: "the kernel refuses; policy.sandbox: off lifts it",
    },
    Effect {
        when: "the kernel is older than 5.19",
        what: "programs under kubectl cannot move files from one directory to another; mv copies instead",
    },
];
