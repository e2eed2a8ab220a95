//! Manifests from streams: standard input, process substitutions. They have no
//! place, so they are read to their end and compared with what git knows of the
//! foreign overlays; kubectl gets the same bytes afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::committed::{self, Committed};
use super::foreign;
use super::resolve::Resolution;
use crate::judge::{Content, Equal, Local, Nature, Stdin, Stream, Territory, Trouble};
use crate::manifest::{self, Object};
use crate::policy::Policy;

/// More than this is not read into memory; the API server takes 3 MiB per object.
const MAX_BYTES: u64 = 16 << 20;

/// Which stream a path ends in: `/dev/stdin`, `/dev/fd/63` and `/proc/self/fd/0`
/// are descriptors that kubectl inherits; everything else stays where it is.
pub(super) fn stream(resolution: Resolution) -> Stream {
    let through = resolution
        .links
        .iter()
        // A descriptor counts when it is the end of the path, not on the way.
        .filter(|link| link.read_link().is_ok_and(|to| to == resolution.real))
        .find_map(|link| own_descriptor(link));
    match own_descriptor(&resolution.real).or(through) {
        Some(descriptor) => Stream::Descriptor(descriptor),
        None => Stream::At(Local {
            readings: vec![resolution.real],
            links: resolution.links,
            nature: Nature::File,
        }),
    }
}

/// `N` of `/proc/OWN/fd/N` or `/proc/OWN/task/THREAD/fd/N`.
fn own_descriptor(path: &Path) -> Option<u32> {
    let names: Vec<_> = path.iter().map(|name| name.to_str().unwrap_or_default()).collect();
    let own = std::process::id().to_string();
    match names.as_slice() {
        ["/", "proc", process, "fd", number] | ["/", "proc", process, "task", _, "fd", number]
            if *process == own =>
        {
            number.parse().ok()
        }
        _ => None,
    }
}

/// Streams that were read, to be judged once and handed on once, whatever the
/// number of readings of a command line.
#[derive(Debug, Default)]
pub struct Captured {
    reads: Reads,
    streams: BTreeMap<u32, Capture>,
}

/// Which streams may be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reads {
    /// None: what is refused anyway is refused before anybody types manifests.
    #[default]
    Nothing,
    /// Those that are no terminal: only a verdict is wanted.
    Pipes,
    /// All.
    Everything,
}

/// One stream.
#[derive(Debug)]
pub struct Capture {
    /// What was read.
    pub bytes: Vec<u8>,
    /// What was not, when it was too much.
    pub rest: Option<File>,
    content: Content,
}

impl Captured {
    /// Reads from now on.
    pub fn read(&mut self, reads: Reads) {
        self.reads = reads;
    }

    /// All of what came from `descriptor`; `None` when it was not read, or not to its
    /// end.
    #[must_use]
    pub fn whole(&self, descriptor: u32) -> Option<&[u8]> {
        let capture = self.streams.get(&descriptor)?;
        capture.rest.is_none().then_some(capture.bytes.as_slice())
    }

    /// The descriptors that were read.
    pub fn descriptors(&self) -> impl Iterator<Item = u32> {
        self.streams.keys().copied()
    }

    /// What was read, by descriptor.
    pub fn into_streams(self) -> impl Iterator<Item = (u32, Capture)> {
        self.streams.into_iter()
    }
}

/// Foreign overlays on the disk, whose documents could be what is piped in; when
/// there are none, what is in the streams.
pub(super) fn facts(
    descriptors: &BTreeSet<u32>,
    policy: &Policy,
    territory: &Territory,
    captured: &mut Captured,
) -> Stdin {
    let found = foreign::below(Path::new("/"), policy, territory);
    let unsearched = found.unsearched.map(|top| Trouble {
        subject: crate::text::shown(&top),
        problem: "is too large to be searched for foreign overlays".to_owned(),
        remedy: "name fewer and smaller `checkouts` in the configuration".to_owned(),
    });
    let mut stdin = Stdin { foreign_on_disk: found.overlays, unsearched, ..Stdin::default() };
    if !stdin.foreign_on_disk.is_empty() || stdin.unsearched.is_some() {
        return stdin;
    }
    for descriptor in descriptors {
        let may_read = match captured.reads {
            Reads::Nothing => false,
            Reads::Pipes => !is_terminal(*descriptor),
            Reads::Everything => true,
        };
        if may_read {
            let capture = captured.streams.entry(*descriptor);
            let capture = capture.or_insert_with(|| capture_of(*descriptor, policy, territory));
            stdin.contents.insert(*descriptor, capture.content.clone());
        } else {
            stdin.unread = true;
        }
    }
    stdin
}

fn is_terminal(descriptor: u32) -> bool {
    if descriptor == 0 {
        return std::io::stdin().is_terminal();
    }
    let target = Path::new("/proc/self/fd").join(descriptor.to_string()).read_link();
    target.is_ok_and(|path| path.starts_with("/dev/pts") || path.starts_with("/dev/tty"))
}

fn capture_of(descriptor: u32, policy: &Policy, territory: &Territory) -> Capture {
    let mut bytes = Vec::new();
    // Opened anew a pipe is the same pipe; a socket cannot be opened, by kubectl
    // neither, except as standard input.
    let opened = match descriptor {
        0 => rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 3)
            .map(File::from)
            .map_err(std::io::Error::from),
        _ => File::open(format!("/proc/self/fd/{descriptor}")),
    };
    let read = opened.and_then(|mut file| {
        (&mut file).take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(file)
    });
    let is_complete = bytes.len() as u64 <= MAX_BYTES;
    let sha256 = (read.is_ok() && is_complete).then(|| hex(&Sha256::digest(&bytes)));
    let mut content = Content { sha256, ..Content::default() };
    let compared = match &read {
        Err(error) => Err(stream_trouble(&format!("cannot be read: {error}"))),
        Ok(_) if !is_complete => Err(stream_trouble("more than 16 MiB")),
        Ok(_) => equal(&bytes, policy, territory),
    };
    match compared {
        Ok(equal) => content.equal = equal,
        Err(trouble) => content.incomparable = Some(trouble),
    }
    Capture { bytes, rest: read.ok().filter(|_| !is_complete), content }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Something about the stream itself, for which a file is the remedy.
fn stream_trouble(problem: &str) -> Trouble {
    Trouble { subject: String::new(), problem: problem.to_owned(), remedy: String::new() }
}

/// The objects of `bytes` that a foreign overlay holds and nothing else does.
///
/// Nearly half of the files in real repositories have a twin in another environment,
/// so what also stands in an allowed overlay, in a shared directory or anywhere else
/// in the same revisions says nothing about where a stream came from.
fn equal(bytes: &[u8], policy: &Policy, territory: &Territory) -> Result<Vec<Equal>, Trouble> {
    let mut checkouts = Vec::new();
    for checkout in &territory.checkouts {
        checkouts.push(Committed::of(checkout, policy, territory, &BTreeSet::new())?);
    }
    let other: BTreeSet<String> =
        checkouts.iter().flat_map(|committed| committed.other.iter().cloned()).collect();
    for committed in &mut checkouts {
        committed.foreign.retain(|id, _| !other.contains(id));
    }
    if checkouts.iter().all(|committed| committed.foreign.is_empty()) {
        return Ok(Vec::new());
    }
    let objects =
        manifest::objects(bytes).map_err(|unreadable| stream_trouble(&unreadable.to_string()))?;
    let mut found = BTreeMap::new();
    let wanted = Wanted::new(objects.iter());
    for committed in &checkouts {
        wanted.search_foreign(committed, &mut found)?;
    }
    if !found.is_empty() {
        let suspects: Vec<&Object> = found.keys().copied().collect();
        let wanted = Wanted::new(suspects.into_iter());
        for committed in &checkouts {
            wanted.excuse(committed, &mut found)?;
        }
    }
    Ok(found.into_values().collect())
}

/// Objects that are looked for in files.
struct Wanted<'o> {
    objects: BTreeSet<&'o Object>,
    /// One of these stands in every file that holds one of the objects; `None` when
    /// an object has no name.
    tokens: Option<BTreeSet<&'o str>>,
}

impl<'o> Wanted<'o> {
    fn new(objects: impl Iterator<Item = &'o Object>) -> Self {
        let objects: BTreeSet<&Object> = objects.collect();
        let tokens = objects.iter().map(|object| object.token()).collect();
        Self { objects, tokens }
    }

    /// Those of the objects that `bytes` holds.
    fn in_file(&self, bytes: &[u8]) -> Vec<&'o Object> {
        if self.tokens.as_ref().is_some_and(|tokens| !manifest::may_hold(bytes, tokens)) {
            return Vec::new();
        }
        let held = manifest::readable_objects(bytes);
        held.iter().filter_map(|object| self.objects.get(object).copied()).collect()
    }

    fn search_foreign(
        &self,
        committed: &Committed,
        found: &mut BTreeMap<&'o Object, Equal>,
    ) -> Result<(), Trouble> {
        let mut trouble = None;
        committed.read(committed.foreign.keys().map(String::as_str), |id, content| {
            let Some(origin) = committed.foreign.get(id) else { return };
            match content {
                committed::Content::Bytes(bytes) => {
                    for object in self.in_file(bytes) {
                        found.entry(object).or_insert_with(|| Equal {
                            object: object.label(),
                            path: origin.path.clone(),
                            revision: origin.revision,
                        });
                    }
                }
                committed::Content::TooLarge if is_manifest(&origin.path) => {
                    trouble.get_or_insert_with(|| Trouble {
                        subject: crate::text::shown(&origin.path),
                        problem: "is too large to be compared".to_owned(),
                        remedy: String::new(),
                    });
                }
                committed::Content::TooLarge => {}
            }
        })?;
        trouble.map_or(Ok(()), Err)
    }

    /// Takes out what also stands in no foreign overlay.
    fn excuse(
        &self,
        committed: &Committed,
        found: &mut BTreeMap<&'o Object, Equal>,
    ) -> Result<(), Trouble> {
        committed.read(committed.other.iter().map(String::as_str), |_, content| {
            if let committed::Content::Bytes(bytes) = content {
                for object in self.in_file(bytes) {
                    found.remove(object);
                }
            }
        })
    }
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}
