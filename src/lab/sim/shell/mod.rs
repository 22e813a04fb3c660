//! The shell of the simulated lab: runs the lines that [`crate::command`] reads, as a process like any other.

mod builtin;
mod child;
mod expand;
mod run;

pub(super) use run::{Session, Shell, unreadable};
