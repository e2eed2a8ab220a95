//! What `tests/tools.sh` has put in place: the real kubectl binaries, and programs
//! that live at the prompt.

use std::path::PathBuf;

/// One real kubectl.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    /// `1.NN`
    pub(crate) version: String,
    pub(crate) path: PathBuf,
}

impl Kubectl {
    /// Whether this kubectl is at least `1.minor`.
    pub(crate) fn is_at_least(&self, minor: u32) -> bool {
        self.minor() >= minor
    }

    /// `NN` of `1.NN`.
    pub(crate) fn minor(&self) -> u32 {
        self.version.strip_prefix("1.").unwrap().parse().unwrap()
    }
}

/// The directory that `tests/tools.sh` fills.
pub(crate) fn tools() -> PathBuf {
    std::env::var_os("ENVGUARD_TEST_TOOLS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools"),
        PathBuf::from,
    )
}

/// A neighbour at the prompt, by the name that `tests/tools.sh` gives it. Its absence
/// is a reason to skip.
pub(crate) fn neighbour(name: &str) -> Option<PathBuf> {
    let found = tools().join("neighbours").join(name);
    if found.exists() {
        return Some(found);
    }
    super::skip(&format!("{name} is needed: tests/run --install"));
    None
}

/// All of them, oldest first. Fewer than two is a reason to skip.
pub(crate) fn kubectls() -> Vec<Kubectl> {
    let mut found: Vec<Kubectl> = std::fs::read_dir(tools())
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix("kubectl-")?;
            version.strip_prefix("1.")?.parse::<u32>().ok()?;
            Some(Kubectl { version: version.to_owned(), path: entry.path() })
        })
        .collect();
    found.sort_by_key(Kubectl::minor);
    if found.len() < 2 {
        super::skip("two real kubectl versions are needed: tests/run --install");
        return Vec::new();
    }
    found
}
