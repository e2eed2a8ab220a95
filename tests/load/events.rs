//! A watcher in front of whose eyes very much happens.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::{done, size, status};
use crate::keeper::ground::Ground;
use crate::keeper::watcher::{Watcher, bring, gone, most_queued, overfill};
use crate::support::awaited;

/// A file comes, gets another mode and another name, and goes. What is written to it is no
/// event that counts.
const EVENTS_OF_A_FILE: usize = 5;

/// What a watcher may use more after the first tenth, in KiB: what malloc keeps for the
/// threads of a look differs from look to look.
const MOST_MORE: usize = 2 << 10;

/// What a watcher holds when it has seen everything.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    rss: usize,
    descriptors: usize,
    watches: usize,
}

/// The kernel's queues of a process.
struct Queues {
    pid: u32,
    queues: Vec<OwnedFd>,
}

impl Queues {
    fn of(watcher: &Watcher) -> Self {
        let pid = watcher.child.id();
        let process = Pid::from_child(&watcher.child);
        let process = pidfd_open(process, PidfdFlags::empty()).unwrap();
        let queues: Vec<OwnedFd> = inotify(pid)
            .map(|number| pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).unwrap())
            .collect();
        assert!(!queues.is_empty(), "it watches nothing");
        Self { pid, queues }
    }

    /// Waits until it has fetched every event.
    #[track_caller]
    fn are_empty(&self) {
        awaited("an empty queue", || {
            self.queues.iter().all(|queue| rustix::io::ioctl_fionread(queue).unwrap() == 0)
        });
    }

    /// What the watcher holds when it looks no more.
    #[track_caller]
    fn held(&self, threads: usize) -> Held {
        self.are_empty();
        awaited("rest", || status(self.pid, "Threads") == Some(threads));
        let descriptors = super::entries(Path::new(&format!("/proc/{}/fd", self.pid)));
        Held { rss: status(self.pid, "VmRSS").unwrap(), descriptors, watches: watches(self.pid) }
    }
}

/// The numbers of a process's inotify descriptors.
fn inotify(pid: u32) -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let is_one = |path: &Path| path.read_link().is_ok_and(|to| to.ends_with("anon_inode:inotify"));
    entries
        .map(|entry| entry.path())
        .filter(move |path| is_one(path))
        .map(|path| path.file_name().unwrap().to_str().unwrap().parse().unwrap())
}

fn watches(pid: u32) -> usize {
    let count = |number: i32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap();
        text.lines().filter(|line| line.starts_with("inotify ")).count()
    };
    inotify(pid).map(count).sum()
}

/// `count` events in an overlay root.
fn happen(root: &Path, count: usize) {
    use std::os::unix::fs::PermissionsExt;
    for number in 0..count / EVENTS_OF_A_FILE {
        let file = root.join(format!("notes-{}", number % 7));
        let renamed = file.with_extension("old");
        std::fs::write(&file, "remember\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(&file, &renamed).unwrap();
        std::fs::remove_file(&renamed).unwrap();
    }
}

#[test]
fn a_watcher_grows_with_nothing_that_happens() {
    let events = size(1_000_000, 20_000);
    let ground = Ground::new();
    let watcher = Watcher::start(&ground);
    let pid = watcher.child.id();
    let threads = status(pid, "Threads").unwrap();
    let queues = Queues::of(&watcher);
    // Fewer at once than the kernel keeps: each is really fetched.
    let at_once = most_queued() / 4;
    let root = ground.top().join("overlays");
    let prod = root.join("prod");
    let mut tenths: Vec<Held> = Vec::new();
    for tenth in 0..10 {
        let mut left = events / 10;
        while left > 0 {
            let now = left.min(at_once);
            happen(&root, now);
            // A root that comes is watched, one that goes is not any more.
            let app = ground.top().join(format!("apps/new-{}", left % 3));
            bring(&ground, &app.join("overlays/develop"));
            queues.are_empty();
            std::fs::remove_dir_all(&app).unwrap();
            left -= now;
        }
        if tenth == 4 {
            watcher.signal("STOP");
            overfill(&ground);
            bring(&ground, &prod);
            watcher.signal("CONT");
        } else {
            bring(&ground, &prod);
        }
        awaited("the foreign overlay to go", || gone(&prod));
        if let Some(first) = tenths.first() {
            awaited("watches of what is there", || watches(pid) == first.watches);
        }
        tenths.push(queues.held(threads));
        done(
            &format!(
                "watcher after {} events: KiB, descriptors, watches",
                (tenth + 1) * events / 10
            ),
            format!("{:?}", tenths.last().unwrap()),
        );
    }
    let (first, later) = tenths.split_first().unwrap();
    for held in later {
        assert!(held.rss <= first.rss + MOST_MORE, "{tenths:#?}");
        assert_eq!((held.descriptors, held.watches), (first.descriptors, first.watches));
    }
    assert_eq!(ground.ids().len(), 10, "each time one was put aside");
    ground.is_tidy();
}
