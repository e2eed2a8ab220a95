//! Refusals because of what the checkout as a whole is like.

use std::ffi::OsString;
use std::path::Path;

use super::{instance, reason};
use crate::judge::facts::{Branch, Head, Tree, Trouble, Uncommitted};
use crate::judge::verdict::{Code, Reason};
use crate::mask;
use crate::pattern::Pattern;
use crate::policy::Policy;
use crate::text::{listed, quoted, shown};

/// Files that would be applied are not committed, such as `first`.
pub(in crate::judge) fn uncommitted(
    policy: &Policy,
    tree: &Tree,
    first: &Path,
    found: &Uncommitted,
) -> Reason {
    let mut what = match found.files.len() {
        1 => "a file that this command reads is not committed".to_owned(),
        count => format!("{count} files that this command reads are not committed"),
    };
    let mut remedy =
        format!("git -C {} status   # then commit what belongs there", quoted(&tree.top));
    if found.hidden.contains(first) {
        what.push_str(", and git was told not to look");
        remedy = format!("{}   # then git status shows it", look_again(first));
    }
    reason(
        Code::TreeUncommitted,
        what,
        shown(first),
        rule(policy, "what changes the cluster comes from a commit (policy.uncommitted)"),
        remedy,
    )
}

/// Takes both marks off, also in a submodule.
fn look_again(file: &Path) -> String {
    let dir = file.parent().unwrap_or(file);
    let name = file.file_name().unwrap_or_default();
    // Of two marks in one command, git takes off the first.
    let one =
        |mark: &str| format!("git -C {} update-index {mark} -- {}", quoted(dir), quoted(name));
    format!("{} && {}", one("--no-assume-unchanged"), one("--no-skip-worktree"))
}

/// Git does not say what is committed.
pub(in crate::judge) fn uncommitted_unknown(policy: &Policy, trouble: &Trouble) -> Reason {
    reason(
        Code::TreeUncommitted,
        format!("cannot tell what is committed: {}", trouble.problem),
        trouble.subject.clone(),
        rule(policy, "what changes the cluster comes from a commit (policy.uncommitted)"),
        trouble.remedy.clone(),
    )
}

/// The branch is not one of those that are listed.
pub(in crate::judge) fn branch_unlisted(
    policy: &Policy,
    tree: &Tree,
    branches: &[Pattern],
) -> Reason {
    let top = shown(&tree.top);
    let what = match &tree.head.branch {
        Branch::Named(name) => format!("{top} is on the branch {}", shown(name)),
        Branch::Detached => format!("{top} is on no branch"),
        Branch::Unknown => format!("cannot tell on which branch {top} is"),
    };
    let names: Vec<String> = branches.iter().map(ToString::to_string).collect();
    let literal = branches.iter().find_map(Pattern::literal);
    reason(
        Code::TreeBranch,
        what,
        top,
        rule(
            policy,
            &format!("this checkout is applied from {} (checkouts.branches)", listed(&names)),
        ),
        format!("git -C {} switch {}", quoted(&tree.top), literal.map_or("BRANCH".into(), quoted)),
    )
}

/// Another commit is checked out than the one that was judged.
#[must_use]
pub fn checkout_moved(words: &[OsString], tree: &Tree, now: &Head) -> Reason {
    reason(
        Code::CheckoutMoved,
        format!(
            "{} was at {} when it was judged, and is at {} now",
            shown(&tree.top),
            tree.head,
            now
        ),
        shown(&tree.top),
        "what was judged is what runs: somebody checked out, pulled or committed in between"
            .to_owned(),
        format!("{}   # judged anew", mask::line_to_paste(words)),
    )
}

fn rule(policy: &Policy, rule: &str) -> String {
    format!("{}, level {}: {rule}", instance(policy), policy.environment.level)
}
