//! What a learner is told when a node, or a line on it, is lost: what happened, how to go on, and that nothing is forgotten.

use super::engine::Failure;
use super::node::Node;
use crate::trouble::Trouble;

/// The node runs and the engine answers, but neither knows of a line any more.
pub(super) fn lost(node: &str, line: &str, failure: &Failure) -> Trouble {
    let mut trouble = Trouble::unusable(format!("the Docker Engine has lost `{line}`, which ran on {node}"));
    if let Failure::Engine(error) = failure {
        trouble = trouble.because(error);
    }
    trouble
        .hint("the engine was started anew, or the way to it was cut for a moment, most likely; type the line again: what you have done in the course is kept")
}

/// A node does not run: it was stopped, perhaps while a line ran there.
pub(super) fn stopped(node: &Node, line: Option<&str>) -> Trouble {
    let what = match line {
        Some(line) => format!("{} stopped while `{line}` ran there", node.short()),
        None => format!("{} is stopped", node.short()),
    };
    Trouble::unusable(what)
        .hint(format!("`docker start {}` starts it again; what you have done in the course is kept", node.name))
}

/// A node is no longer there.
pub(super) fn gone(name: &str, line: Option<&str>) -> Trouble {
    let what = match line {
        Some(line) => format!("{name} was removed while `{line}` ran there"),
        None => format!("{name} is no longer there"),
    };
    Trouble::unusable(what).hint("`kind create cluster --config kind-config.yaml` makes the cluster anew; what you have done in the course is kept")
}
