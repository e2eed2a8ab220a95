//! The files that git knows of a checkout: in HEAD, in the index and in the upstream
//! branch, also where they are not on the disk.
//!
//! It asks the git command, not libgit2: the shim must stay light, and git reads
//! every repository (split index, SHA-256, partial clones) that an operator has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use super::territory;
use crate::git;
use crate::judge::{Checkout, Place, Root, Territory, Trouble, place};
use crate::policy::{CheckoutRule, Policy};
use crate::text::{quoted, shown};

/// Files larger than this are not compared; a manifest of this size cannot be
/// applied either.
pub(super) const MAX_BLOB: u64 = 16 << 20;

/// What is going to be committed.
const INDEX: &str = "the index";

/// Files of one checkout, by the hash of their content.
#[derive(Debug, Default)]
pub(super) struct Committed {
    top: PathBuf,
    /// Contents of foreign overlays, with where they stand.
    pub(super) foreign: BTreeMap<String, Origin>,
    /// Contents of everything else; the same content may be in both.
    pub(super) other: BTreeSet<String>,
}

/// Where a content stands.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// The file, as if it were on the disk.
    pub(super) path: PathBuf,
    /// `HEAD`, `the index`, `upstream`.
    pub(super) revision: &'static str,
}

/// What was found out about a file's content.
pub(super) enum Content<'c> {
    /// All of it.
    Bytes(&'c [u8]),
    /// Larger than [`MAX_BLOB`].
    TooLarge,
}

/// A file in one revision.
struct Entry {
    id: String,
    path: PathBuf,
    revision: &'static str,
}

impl Committed {
    /// What git knows of `checkout`; nothing where there is no git. That a file of
    /// `changed` has been added to the index says nothing about its content.
    ///
    /// # Errors
    /// Why git does not answer, with what would help.
    pub(super) fn of(
        checkout: &Checkout,
        policy: &Policy,
        territory: &Territory,
        changed: &BTreeSet<PathBuf>,
    ) -> Result<Self, Trouble> {
        let top = checkout.top.clone();
        if checkout.git_dir.is_none() {
            return Ok(Self { top, ..Self::default() });
        }
        let repository = Repository { top: &top };
        let entries = repository.entries()?;
        let rule = &policy.checkouts[checkout.rule];
        let listed = listed_territory(checkout, rule, &entries, policy, territory);
        let mut found = Self { top: top.clone(), ..Self::default() };
        let mut known: HashMap<PathBuf, bool> = HashMap::new();
        for Entry { id, path, revision } in entries {
            let dir = path.parent().unwrap_or(Path::new(""));
            // A plain file in an overlay root is as foreign as the root itself.
            let is_foreign = known.get(dir).copied().unwrap_or_else(|| {
                let here = place(&top.join(dir), policy, &listed);
                let is_foreign = matches!(here, Place::Foreign(_));
                known.insert(dir.to_path_buf(), is_foreign);
                is_foreign
            });
            if is_foreign {
                let path = top.join(path);
                found.foreign.entry(id).or_insert(Origin { path, revision });
            } else if revision != INDEX || !changed.contains(&top.join(path)) {
                found.other.insert(id);
            }
        }
        Ok(found)
    }

    /// Shows each of `ids` to `see`.
    ///
    /// # Errors
    /// Why git does not answer.
    pub(super) fn read<'i>(
        &self,
        ids: impl Iterator<Item = &'i str>,
        see: impl FnMut(&str, &Content<'_>),
    ) -> Result<(), Trouble> {
        let mut wanted = String::new();
        for id in ids {
            wanted.push_str(id);
            wanted.push('\n');
        }
        if wanted.is_empty() { Ok(()) } else { Repository { top: &self.top }.blobs(&wanted, see) }
    }
}

/// The overlay roots as the revisions have them, and as they are on the disk: an
/// allowed child in either makes the other children foreign.
fn listed_territory(
    checkout: &Checkout,
    rule: &CheckoutRule,
    entries: &[Entry],
    policy: &Policy,
    territory: &Territory,
) -> Territory {
    let mut roots: BTreeMap<PathBuf, Root> = BTreeMap::new();
    let mut seen: BTreeSet<&Path> = BTreeSet::new();
    for entry in entries {
        let dirs = entry.path.ancestors().skip(1);
        // From the inside outwards: what was seen before was seen with all above.
        for dir in dirs.take_while(|dir| seen.insert(dir)) {
            let Some(parent) = dir.parent().filter(|parent| rule.is_root(parent)) else { continue };
            let root = roots.entry(checkout.top.join(parent)).or_default();
            let name = dir.file_name().unwrap_or_default();
            if rule.allows(name) {
                root.allowed.push(name.to_os_string());
            }
        }
    }
    let mut listed = Territory {
        checkouts: territory.checkouts.clone(),
        roots: BTreeMap::new(),
        ..Territory::default()
    };
    for (root, found) in roots {
        if found.allowed.is_empty() {
            territory::visit(&mut listed, policy, &root);
        } else {
            listed.roots.insert(root, found);
        }
    }
    listed
}

struct Repository<'t> {
    top: &'t Path,
}

impl Repository<'_> {
    fn entries(&self) -> Result<Vec<Entry>, Trouble> {
        let mut entries = Vec::new();
        let mut trees: Vec<String> = Vec::new();
        for (revision, tree) in self.trees()? {
            if !trees.contains(&tree) {
                let listing = self.answer(&["ls-tree", "-r", "-z", &tree])?;
                entries.extend(tree_entries(&listing, revision));
                trees.push(tree);
            }
        }
        let listing = self.answer(&["ls-files", "--stage", "-z"])?;
        entries.extend(index_entries(&listing));
        Ok(entries)
    }

    /// The trees of HEAD and of the upstream branch, as far as there are any.
    fn trees(&self) -> Result<Vec<(&'static str, String)>, Trouble> {
        let branches =
            self.answer(&["for-each-ref", "--format=%(HEAD)%(upstream)", "refs/heads"])?;
        let upstream = branches
            .split(|byte| *byte == b'\n')
            .find_map(|line| Some(String::from_utf8_lossy(line.strip_prefix(b"*")?).into_owned()));
        let mut wanted = vec![("HEAD", "HEAD^{tree}".to_owned())];
        if let Some(upstream) = upstream.filter(|name| !name.is_empty()) {
            wanted.push(("upstream", format!("{upstream}^{{tree}}")));
        }
        let lines: String = wanted.iter().map(|(_, name)| format!("{name}\n")).collect();
        let format = "--batch-check=%(objectname) %(objecttype)";
        let answer = self.fed(&["cat-file", format], &lines)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        // A branch without a commit, an upstream that was never fetched: `missing`.
        let trees = wanted.iter().zip(answer.lines()).filter_map(|((revision, _), line)| {
            Some((*revision, line.strip_suffix(" tree")?.to_owned()))
        });
        Ok(trees.collect())
    }

    fn answer(&self, words: &[&str]) -> Result<Vec<u8>, Trouble> {
        let output = git::command(self.top).args(words).output();
        self.succeeded(output.map_err(|error| self.not_run(&error))?)
    }

    fn fed(&self, words: &[&str], input: &str) -> Result<Vec<u8>, Trouble> {
        let child = self.started(words)?;
        let output = with_input(child, input, Child::wait_with_output);
        self.succeeded(output.map_err(|error| self.not_run(&error))?)
    }

    fn started(&self, words: &[&str]) -> Result<Child, Trouble> {
        let mut command = git::command(self.top);
        command.args(words).stdin(Stdio::piped());
        command.spawn().map_err(|error| self.not_run(&error))
    }

    fn blobs(&self, wanted: &str, mut see: impl FnMut(&str, &Content<'_>)) -> Result<(), Trouble> {
        let child = self.started(&["cat-file", "--batch", "--buffer"])?;
        let ended = with_input(child, wanted, |mut child| {
            let complete = match child.stdout.take() {
                Some(stdout) => contents(BufReader::new(stdout), &mut see)?,
                None => false,
            };
            Ok((child.wait_with_output()?, complete))
        });
        let (output, complete) = ended.map_err(|error| self.not_run(&error))?;
        self.succeeded(output)?;
        if complete {
            return Ok(());
        }
        let fetch = format!("git -C {} fetch --refetch", quoted(self.top));
        Err(self.trouble("does not have all its objects", fetch))
    }

    fn succeeded(&self, output: Output) -> Result<Vec<u8>, Trouble> {
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if said.contains("safe.directory") {
            let remedy = format!("git config --system --add safe.directory {}", quoted(self.top));
            return Err(self.trouble("belongs to somebody else, so git does not read it", remedy));
        }
        let first = said.lines().find(|line| !line.is_empty()).unwrap_or("no message");
        let problem = format!("cannot be read by git: {first}");
        Err(self.trouble(&problem, format!("git -C {} status", quoted(self.top))))
    }

    fn not_run(&self, error: &std::io::Error) -> Trouble {
        let problem = format!("cannot be read, because git cannot be run: {error}");
        self.trouble(&problem, "install git, or put it on PATH: command -v git".to_owned())
    }

    fn trouble(&self, problem: &str, remedy: String) -> Trouble {
        Trouble { subject: shown(self.top), problem: problem.to_owned(), remedy }
    }
}

/// Runs `work` while another thread writes: git answers before it has read all.
fn with_input<T>(
    mut child: Child,
    input: &str,
    work: impl FnOnce(Child) -> std::io::Result<T>,
) -> std::io::Result<T> {
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // A git that ends early says why by itself.
                stdin.write_all(input.as_bytes()).unwrap_or_default();
            }
        });
        work(child)
    })
}

/// `ID blob SIZE`, the content and a line break, once for each; false when an object
/// is missing.
fn contents(
    mut answer: impl BufRead,
    see: &mut impl FnMut(&str, &Content<'_>),
) -> std::io::Result<bool> {
    let mut complete = true;
    let mut line = String::new();
    let mut bytes = Vec::new();
    loop {
        line.clear();
        if answer.read_line(&mut line)? == 0 {
            return Ok(complete);
        }
        let mut words = line.split_whitespace();
        let (Some(id), Some("blob"), Some(size)) = (words.next(), words.next(), words.next())
        else {
            complete = false;
            continue;
        };
        let Ok(size) = size.parse::<u64>() else { return Ok(false) };
        let mut content = answer.by_ref().take(size + 1);
        if size > MAX_BLOB {
            std::io::copy(&mut content, &mut std::io::sink())?;
            see(id, &Content::TooLarge);
            continue;
        }
        bytes.clear();
        content.read_to_end(&mut bytes)?;
        bytes.pop();
        see(id, &Content::Bytes(&bytes));
    }
}

/// `MODE blob ID<TAB>PATH`
fn tree_entries(listing: &[u8], revision: &'static str) -> Vec<Entry> {
    entries(listing, revision, 2)
}

/// `MODE ID STAGE<TAB>PATH`
fn index_entries(listing: &[u8]) -> Vec<Entry> {
    entries(listing, INDEX, 1)
}

/// Regular files only: a link's content is a path, a submodule has none.
fn entries(listing: &[u8], revision: &'static str, id_at: usize) -> Vec<Entry> {
    let records = listing.split(|byte| *byte == 0);
    let entry = |record: &[u8]| {
        let tab = record.iter().position(|byte| *byte == b'\t')?;
        let fields = std::str::from_utf8(&record[..tab]).ok()?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let is_file = fields.first().is_some_and(|mode| mode.starts_with("100"));
        is_file.then(|| Entry {
            id: fields.get(id_at).copied().unwrap_or_default().to_owned(),
            path: PathBuf::from(OsStr::from_bytes(&record[tab + 1..])),
            revision,
        })
    };
    records.filter_map(entry).collect()
}
