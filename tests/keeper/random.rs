//! Random checkouts: whatever they look like, `tidy` touches nothing but foreign
//! overlays, and loses nothing in these.
//!
//! `ENVGUARD_TEST_SEED` repeats a failure.

use std::collections::BTreeSet;

use super::ground::{Fact, Ground, hash, inventory};

/// A small generator of numbers: the same seed gives the same tree everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn one_of<'o>(&mut self, options: &[&'o str]) -> &'o str {
        options[self.roll(options.len())]
    }
}

const NAMES: [&str; 9] =
    ["develop", "prod", "staging", "base", "overlays", "apps", "web", "qa", "x y"];

/// Whether a path lies in a foreign overlay, said in another way than the keeper
/// does: by the words of the rule below. `roots` are `overlays` directories that
/// have a `develop`.
fn is_foreign(path: &str, all: &BTreeSet<String>) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    (0..parts.len().saturating_sub(2)).any(|at| {
        let root = parts[..=at].join("/");
        let has_develop = all.iter().any(|file| file.starts_with(&format!("{root}/develop/")));
        parts[at] == "overlays" && has_develop && !["develop", "base"].contains(&parts[at + 1])
    })
}

fn plant(dice: &mut Dice, ground: &Ground) {
    for _ in 0..25 {
        let depth = 1 + dice.roll(5);
        let dirs: Vec<&str> = (0..depth).map(|_| dice.one_of(&NAMES)).collect();
        let path = format!("{}/f{}.yaml", dirs.join("/"), dice.roll(3));
        // Where a file stands already there can be no directory.
        if ground.top().join(&path).parent().unwrap().ancestors().all(|dir| !dir.is_file()) {
            ground.write(&path, &format!("a: {}\n", dice.roll(1000)));
        }
    }
    ground.git(&["add", "--all"]);
    ground.git(&["commit", "--quiet", "--allow-empty", "--message=random"]);
    let files: Vec<Vec<u8>> = inventory(&ground.top()).into_keys().collect();
    for name in files {
        let name = String::from_utf8(name).unwrap();
        // Those must stay kustomizations: one that is none stops tidy.
        if name.ends_with("kustomization.yaml") {
            continue;
        }
        match dice.roll(8) {
            0 => drop(ground.write(&name, "changed: true\n")),
            1 => drop(ground.write(&format!("{name}.own"), "own\n")),
            2 => drop(ground.write(&format!("{name}.secret"), "ignored\n")),
            3 => {
                ground.write(&name, "staged: true\n");
                ground.git(&["add", &name]);
            }
            4 => std::fs::remove_file(ground.top().join(&name)).unwrap(),
            _ => {}
        }
    }
}

#[test]
fn random_checkouts_keep_everything_that_is_not_foreign() {
    let seeds: Vec<u64> = match std::env::var("ENVGUARD_TEST_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=12).collect(),
    };
    for seed in seeds {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let ground = Ground::new();
        ground.roots("[\"**/overlays\"]");
        plant(&mut dice, &ground);
        let tracked = ground.git(&["ls-tree", "-r", "--name-only", "-z", "HEAD"]);
        let index = ground.git(&["ls-files", "-z"]);
        let before = inventory(&ground.top());
        let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        // A root has what disk, index or HEAD have.
        let all: BTreeSet<String> = before
            .keys()
            .map(|bytes| name(bytes))
            .chain(tracked.split('\0').chain(index.split('\0')).map(str::to_owned))
            .collect();
        ground.tidy().exits(0);
        let after = inventory(&ground.top());
        for (path, fact) in &before {
            let path_name = name(path);
            let stays = after.get(path);
            if is_foreign(&path_name, &all) {
                assert_eq!(stays, None, "seed {seed}: {path_name} is still there");
            } else {
                assert_eq!(stays, Some(fact), "seed {seed}: {path_name} was touched");
            }
        }
        assert_eq!(after.keys().filter(|path| !before.contains_key(*path)).count(), 0, "{seed}");
        // Everything foreign is git's, or in quarantine.
        let quarantine = inventory(&ground.top().join(".git/envguard/quarantine"));
        let kept: BTreeSet<&Fact> = quarantine.values().collect();
        for (path, fact) in before.iter().filter(|(path, _)| is_foreign(&name(path), &all)) {
            let blob = ground.try_git(&["show", &format!("HEAD:{}", name(path))]);
            let is_gits = blob.code == Some(0) && hash(blob.stdout.as_bytes()) == fact.0;
            assert!(kept.contains(fact) || is_gits, "seed {seed}: {} is lost", name(path));
        }
        let status = ground.git(&["status", "--porcelain", "-z"]);
        let foreign = status
            .split('\0')
            .filter(|line| line.len() > 3 && is_foreign(&line[3..], &all))
            .collect::<Vec<_>>();
        assert_eq!(foreign, [""; 0], "seed {seed}");
    }
}
