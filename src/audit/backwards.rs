//! The lines of a file from its end: the last twenty of a gigabyte cost a block.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Small enough for many files at once, large enough for some dozens of lines.
const BLOCK: u64 = 16 << 10;

/// A line longer than this was not written by us.
const MAX_LINE: usize = 4 << 20;

/// Iterates over the lines of a file, last one first.
#[derive(Debug)]
pub(super) struct Backwards {
    file: File,
    /// Where what was read begins.
    start: u64,
    /// What was read and not handed out.
    pending: Vec<u8>,
    done: bool,
}

impl Backwards {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(std::io::Error::other("is not a regular file"));
        }
        Ok(Self { file, start: metadata.len(), pending: Vec::new(), done: false })
    }

    /// Puts the block before what was read in front of it.
    fn read_block(&mut self) -> std::io::Result<()> {
        let from = self.start.saturating_sub(BLOCK);
        let mut block = vec![0; (self.start - from) as usize];
        self.file.read_exact_at(&mut block, from)?;
        block.append(&mut self.pending);
        self.pending = block;
        self.start = from;
        Ok(())
    }
}

impl Iterator for Backwards {
    type Item = std::io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        // Where to go on looking for a line break: what was searched once is not
        // searched again.
        let mut searched = 0;
        while !self.done {
            let unsearched = &self.pending[..self.pending.len() - searched];
            if let Some(at) = unsearched.iter().rposition(|byte| *byte == b'\n') {
                let line = self.pending.split_off(at + 1);
                self.pending.truncate(at);
                if line.is_empty() {
                    searched = 0;
                    continue;
                }
                return Some(Ok(line));
            }
            if self.start == 0 {
                self.done = true;
                let first = std::mem::take(&mut self.pending);
                return (!first.is_empty()).then_some(Ok(first));
            }
            searched = self.pending.len();
            if searched > MAX_LINE {
                self.done = true;
                return Some(Err(std::io::Error::other("has a line that is too long")));
            }
            if let Err(error) = self.read_block() {
                self.done = true;
                return Some(Err(error));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(content: &[u8]) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        Backwards::open(file.path())
            .unwrap()
            .map(|line| String::from_utf8(line.unwrap()).unwrap())
            .collect()
    }

    #[test]
    fn last_line_first() {
        assert_eq!(lines(b""), Vec::<String>::new());
        assert_eq!(lines(b"\n\n"), Vec::<String>::new());
        assert_eq!(lines(b"a\nb\nc\n"), ["c", "b", "a"]);
        assert_eq!(lines(b"a\n\nb"), ["b", "a"]);
    }

    #[test]
    fn lines_across_blocks_are_whole() {
        let content: Vec<String> =
            (0..5_000).map(|n| format!("{n:05}{}", "x".repeat(n % 97))).collect();
        let mut found = lines((content.join("\n") + "\n").as_bytes());
        found.reverse();
        assert_eq!(found, content);
        let long = "y".repeat(3 * BLOCK as usize);
        assert_eq!(lines(format!("a\n{long}\nb\n").as_bytes()), ["b", &long, "a"]);
    }

    #[test]
    fn the_end_of_a_large_file_is_read_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 30).unwrap(); // sparse
        file.as_file().write_all_at(b"\nlast\n", 1 << 30).unwrap();
        let mut found = Backwards::open(file.path()).unwrap();
        assert_eq!(found.next().unwrap().unwrap(), b"last");
        assert!((1 << 30) - found.start < 2 * BLOCK);
    }
}
