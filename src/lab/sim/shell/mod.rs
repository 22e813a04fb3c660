//! The shell of the simulated lab: runs the lines that [`crate::command`] reads, as a process like any other.

#![expect(clippy::single_match_else, reason = "the two arms of such a match weigh the same")]
#![expect(clippy::similar_names, reason = "`out` and `err`, `word` and `words` are what these things are called")]

mod builtin;
mod child;
mod command;
mod expand;
mod frame;
mod run;
mod session;

pub(super) use run::{Shell, unreadable};
pub(super) use session::Session;
