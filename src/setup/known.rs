//! What this run has looked up already: nobody is asked twice and no tree is walked
//! twice, however often an answer is corrected.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::layout::Tree;
use super::tree;
use crate::judge::Machine;
use crate::server;

/// What the server said, or why it did not.
type Said = Result<server::Server, server::Error>;

/// What was learned, each of it once.
#[derive(Debug, Default)]
pub struct Known {
    machine: OnceCell<Machine>,
    server: OnceCell<Said>,
    trees: RefCell<HashMap<PathBuf, Rc<Tree>>>,
}

impl Known {
    /// Which machine this is.
    pub(super) fn machine(&self, ask: impl FnOnce() -> Machine) -> &Machine {
        self.machine.get_or_init(ask)
    }

    /// Who the API server is.
    pub(super) fn server(&self, ask: impl FnOnce() -> Said) -> &Said {
        self.server.get_or_init(ask)
    }

    /// The directories of the working tree at `top`.
    pub(super) fn tree(&self, top: &Path) -> Rc<Tree> {
        if let Some(known) = self.trees.borrow().get(top) {
            return Rc::clone(known);
        }
        let tree = Rc::new(tree::tree(top));
        self.trees.borrow_mut().insert(top.to_path_buf(), Rc::clone(&tree));
        tree
    }
}
