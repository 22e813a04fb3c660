//! What a learner is told when a node, or a line on it, is lost: what happened, how to go on, and that nothing is forgotten.

use super::engine::Failure;
use super::node::Node;
use crate::trouble::Trouble;
use crate::words::Said;

/// The node runs and the engine answers, but neither knows of a line any more.
pub(super) fn lost(node: &str, line: &str, failure: &Failure) -> Trouble {
    let mut trouble = Trouble::unusable(Said::of("kind-lost", &[("line", &line), ("node", &node)]));
    if let Failure::Engine(error) = failure {
        trouble = trouble.because(error);
    }
    trouble.hint(Said::of("kind-lost-hint", &[]))
}

/// A node does not run: it was stopped, perhaps while a line ran there.
pub(super) fn stopped(node: &Node, line: Option<&str>) -> Trouble {
    let what = match line {
        Some(line) => Said::of("kind-stopped-while", &[("node", &node.short()), ("line", &line)]),
        None => Said::of("kind-stopped", &[("node", &node.short())]),
    };
    Trouble::unusable(what).hint(Said::of("kind-stopped-hint", &[("node", &node.name)]))
}

/// A node is no longer there.
pub(super) fn gone(name: &str, line: Option<&str>) -> Trouble {
    let what = match line {
        Some(line) => Said::of("kind-gone-while", &[("node", &name), ("line", &line)]),
        None => Said::of("kind-gone", &[("node", &name)]),
    };
    Trouble::unusable(what).hint(Said::of("kind-gone-hint", &[]))
}
