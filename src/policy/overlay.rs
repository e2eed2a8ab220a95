//! Which directories of a checkout are overlay roots, and where their children
//! stand.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::pattern::{BadPattern, Pattern};

/// One `checkouts` entry of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutRule {
    /// Where the working trees are: absolute, `~` expanded, each component a
    /// pattern.
    pub path: String,
    /// The directories whose children are environments.
    pub overlay_roots: Vec<RootPattern>,
    /// Children that may be named and applied.
    pub allow: Vec<Pattern>,
    /// Children that may be referenced, not named.
    pub shared: Vec<Pattern>,
    /// Children that never belong here; `None` when not configured.
    pub foreign: Option<Vec<Pattern>>,
    /// Branches that may be applied from; `None` when not configured.
    pub branches: Option<Vec<Pattern>>,
}

/// Where a child directory of an overlay root stands, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// May be named and applied.
    Allowed,
    /// May be referenced, not named.
    Shared,
    /// Another environment's.
    Foreign,
    /// Neither: may be referenced.
    Unknown,
}

impl CheckoutRule {
    /// Where a child called `name` stands. `root_has_allowed` tells whether its
    /// overlay root has an allowed child: without a `foreign` list only then are
    /// the other children foreign.
    #[must_use]
    pub fn standing(&self, name: &OsStr, root_has_allowed: bool) -> Standing {
        let listed = |patterns: &[Pattern]| matches_any(patterns, name);
        if self.foreign.as_deref().is_some_and(listed) {
            // Listed twice is a configuration error where it can be seen in
            // advance; where it cannot, the refusal wins.
            Standing::Foreign
        } else if listed(&self.allow) {
            Standing::Allowed
        } else if listed(&self.shared) {
            Standing::Shared
        } else if self.foreign.is_none() && root_has_allowed {
            Standing::Foreign
        } else {
            Standing::Unknown
        }
    }

    /// Whether `name` matches `allow`.
    #[must_use]
    pub fn allows(&self, name: &OsStr) -> bool {
        matches_any(&self.allow, name)
    }

    /// Whether there may be an overlay root somewhere below `relative`.
    #[must_use]
    pub fn leads_below(&self, relative: &Path) -> bool {
        self.overlay_roots.iter().any(|root| root.leads_below(relative))
    }

    /// Whether the directory at `relative` (to the checkout) is an overlay root.
    #[must_use]
    pub fn is_root(&self, relative: &Path) -> bool {
        self.overlay_roots.iter().any(|root| root.matches(relative))
    }
}

fn matches_any(patterns: &[Pattern], name: &OsStr) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name.as_bytes()))
}

/// A pattern for directories relative to a checkout: components are name
/// patterns, `**` stands for any number of directories, `.` for the top.
#[derive(Clone, PartialEq, Eq)]
pub struct RootPattern {
    source: String,
    segments: Vec<Segment>,
}

#[derive(Clone, PartialEq, Eq)]
enum Segment {
    AnyDepth,
    Name(Pattern),
}

impl RootPattern {
    /// Compiles `source`.
    ///
    /// # Errors
    /// A sentence that says what is wrong: absolute, `..`, or a bad pattern.
    pub fn new(source: &str) -> Result<Self, String> {
        if source.is_empty() {
            return Err("is empty; use `.` for the top of the checkout".into());
        }
        if source.starts_with('/') || source.starts_with('~') {
            return Err("must be relative to the checkout".into());
        }
        let mut segments = Vec::new();
        for name in source.split('/').filter(|name| !name.is_empty() && *name != ".") {
            segments.push(match name {
                ".." => return Err("must not contain `..`".into()),
                "**" => Segment::AnyDepth,
                name => Segment::Name(
                    Pattern::new(name.as_bytes()).map_err(|BadPattern| BadPattern.to_string())?,
                ),
            });
        }
        Ok(Self { source: source.to_owned(), segments })
    }

    /// Whether the directory `relative` is such a root.
    #[must_use]
    pub fn matches(&self, relative: &Path) -> bool {
        // The last names differ most.
        if let Some(Segment::Name(last)) = self.segments.last()
            && !names_of(relative).next_back().is_some_and(|name| last.matches(name.as_bytes()))
        {
            return false;
        }
        match self.literal_depth() {
            Some(depth) => self.names_that_fit(relative) == Some(depth),
            None => segments_match(&self.segments, &names_of(relative).collect::<Vec<_>>()),
        }
    }

    /// Whether there may be such a root somewhere below `relative`.
    #[must_use]
    pub fn leads_below(&self, relative: &Path) -> bool {
        match self.literal_depth() {
            Some(depth) => self.names_that_fit(relative).is_some_and(|fit| fit < depth),
            None => leads_to_match(&self.segments, &names_of(relative).collect::<Vec<_>>()),
        }
    }

    /// How deep every such root lies; `None` with `**`. Nearly all patterns lie at one
    /// depth, and tens of thousands of directories are asked about: these answers need
    /// no memory.
    fn literal_depth(&self) -> Option<usize> {
        let is_fixed = self.segments.iter().all(|segment| matches!(segment, Segment::Name(_)));
        is_fixed.then_some(self.segments.len())
    }

    /// How many names `relative` has, if each matches the segment in its place.
    fn names_that_fit(&self, relative: &Path) -> Option<usize> {
        let mut segments = self.segments.iter();
        let mut fit = 0;
        for name in names_of(relative) {
            match segments.next() {
                Some(Segment::Name(pattern)) if pattern.matches(name.as_bytes()) => fit += 1,
                _ => return None,
            }
        }
        Some(fit)
    }
}

fn names_of(relative: &Path) -> impl DoubleEndedIterator<Item = &OsStr> {
    let names = relative.as_os_str().as_bytes().split(|byte| *byte == b'/');
    names.filter(|name| !matches!(*name, b"" | b"." | b"..")).map(OsStr::from_bytes)
}

/// Whether more names below `names` could make a match: the segments that are
/// reachable after each name are kept as a set.
fn leads_to_match(segments: &[Segment], names: &[&OsStr]) -> bool {
    let mut reachable = vec![false; segments.len() + 1];
    reachable[0] = true;
    skip_any_depth(segments, &mut reachable);
    for name in names {
        let mut next = vec![false; segments.len() + 1];
        for (at, segment) in segments.iter().enumerate().filter(|(at, _)| reachable[*at]) {
            match segment {
                Segment::AnyDepth => next[at] = true,
                Segment::Name(pattern) if pattern.matches(name.as_bytes()) => next[at + 1] = true,
                Segment::Name(_) => {}
            }
        }
        skip_any_depth(segments, &mut next);
        reachable = next;
    }
    reachable[..segments.len()].contains(&true)
}

/// `**` may stand for no directory at all.
fn skip_any_depth(segments: &[Segment], reachable: &mut [bool]) {
    for (at, segment) in segments.iter().enumerate() {
        if reachable[at] && matches!(segment, Segment::AnyDepth) {
            reachable[at + 1] = true;
        }
    }
}

/// Linear in |segments| × |names| like the name patterns: the last `**` takes one
/// more directory after each mismatch.
fn segments_match(segments: &[Segment], names: &[&OsStr]) -> bool {
    let (mut segment, mut name) = (0, 0);
    let mut any_depth: Option<(usize, usize)> = None;
    loop {
        match (segments.get(segment), names.get(name)) {
            (None, None) => return true,
            (Some(Segment::AnyDepth), _) => {
                any_depth = Some((segment + 1, name));
                segment += 1;
                continue;
            }
            (Some(Segment::Name(pattern)), Some(found)) if pattern.matches(found.as_bytes()) => {
                segment += 1;
                name += 1;
                continue;
            }
            _ => {}
        }
        match any_depth {
            Some((resume, from)) if from < names.len() => {
                any_depth = Some((resume, from + 1));
                (segment, name) = (resume, from + 1);
            }
            _ => return false,
        }
    }
}

impl fmt::Display for RootPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for RootPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_match_whole_directories() {
        for (pattern, dir, expected) in [
            ("overlays", "overlays", true),
            ("overlays/", "overlays", true),
            ("./overlays", "overlays", true),
            ("overlays", "apps/overlays", false),
            ("overlays", "overlays/prod", false),
            ("apps/*/overlays", "apps/web/overlays", true),
            ("apps/*/overlays", "apps/web/x/overlays", false),
            ("components/*", "components/db", true),
            ("components/*", "components", false),
            ("**/overlays", "overlays", true),
            ("**/overlays", "a/b/c/overlays", true),
            ("**/overlays", "a/b/c/overlaysX", false),
            ("apps/**/env", "apps/a/b/env", true),
            (".", "", true),
            (".", "overlays", false),
        ] {
            let root = RootPattern::new(pattern).unwrap();
            assert_eq!(root.matches(Path::new(dir)), expected, "{pattern} ~ {dir}");
        }
    }

    #[test]
    fn roots_stay_inside_the_checkout() {
        for pattern in ["", "/overlays", "~/x", "../overlays", "a/../../b", "a/[b"] {
            assert!(RootPattern::new(pattern).is_err(), "{pattern}");
        }
    }

    fn rule(foreign: Option<&[&str]>) -> CheckoutRule {
        let patterns = |names: &[&str]| {
            names.iter().map(|name| Pattern::new(name.as_bytes()).unwrap()).collect()
        };
        CheckoutRule {
            path: "/srv/m".into(),
            overlay_roots: vec![RootPattern::new("overlays").unwrap()],
            allow: patterns(&["develop", "dev-*"]),
            shared: patterns(&["base", "_*"]),
            foreign: foreign.map(patterns),
            branches: None,
        }
    }

    #[test]
    fn children_stand_as_the_words_say() {
        use Standing::{Allowed, Foreign, Shared, Unknown};
        for (foreign, has_allowed, name, expected) in [
            (None, true, "develop", Allowed),
            (None, true, "dev-eu", Allowed),
            (None, true, "base", Shared),
            (None, true, "_lib", Shared),
            (None, true, "prod", Foreign),
            (None, false, "prod", Unknown),
            (Some(&["prod"][..]), false, "prod", Foreign),
            (Some(&["prod"][..]), true, "docs", Unknown),
            (Some(&["dev-prod"][..]), true, "dev-prod", Foreign), // listed twice
        ] {
            let found = rule(foreign).standing(OsStr::new(name), has_allowed);
            assert_eq!(found, expected, "{name} with foreign {foreign:?}");
        }
    }
}
