//! What earlier lives of this disk have left behind: evidence for a person, where the
//! metadata service does not answer. It never decides.

use std::collections::BTreeSet;
use std::path::Path;

use crate::policy::instance_digits;

/// Instance ids that cloud-init and the Session Manager agent have seen on this disk.
/// A disk of one instance has one; an image made of it carries the older ones along.
#[must_use]
pub fn traces() -> BTreeSet<String> {
    below(Path::new("/"))
}

fn below(root: &Path) -> BTreeSet<String> {
    let data = root.join("var/lib/cloud/data");
    let named = ["instance-id", "previous-instance-id"]
        .map(|file| std::fs::read_to_string(data.join(file)).unwrap_or_default());
    let directories = ["var/lib/cloud/instances", "var/lib/amazon/ssm"]
        .map(|dir| std::fs::read_dir(root.join(dir)))
        .into_iter()
        .flatten()
        .flat_map(Iterator::flatten)
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    named.into_iter().chain(directories).filter_map(|name| instance_id(&name)).collect()
}

/// `i-` and hexadecimal digits; cloud-init writes `NONE` and names of other clouds.
fn instance_id(name: &str) -> Option<String> {
    let name = name.trim();
    instance_digits(name).filter(|digits| (8..=17).contains(&digits.len()))?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_instance_ids_are_traces() {
        let root = tempfile::tempdir().unwrap();
        assert!(below(root.path()).is_empty());
        let dir = |name: &str| std::fs::create_dir_all(root.path().join(name)).unwrap();
        dir("var/lib/cloud/data");
        let file = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
        file("var/lib/cloud/data/instance-id", "i-0123456789abcdef0\n");
        file("var/lib/cloud/data/previous-instance-id", "NONE\n");
        dir("var/lib/cloud/instances/i-0123456789abcdef0");
        dir("var/lib/amazon/ssm/i-0fedcba9876543210");
        dir("var/lib/amazon/ssm/i-xyz");
        dir("var/lib/amazon/ssm/localcommands");
        let found: Vec<String> = below(root.path()).into_iter().collect();
        assert_eq!(found, ["i-0123456789abcdef0", "i-0fedcba9876543210"]);
    }
}
