//! The embedded lab: a machine, a kind cluster and Cilium in one process. Packets, ciphers, marks and lookups are real
//! bytes through the model in [`crate::datapath`]; clock, processes, files and the Kubernetes control plane are simulated.

mod clock;
mod files;
mod job;
mod kube;
mod lab;
pub mod net;
mod plain;
mod process;
mod shell;
mod tools;
#[cfg(test)]
mod transcripts;
mod watch;
mod world;

use std::time::Duration;

pub use clock::Pace;
pub use files::{FileError, Files, Node, absolute};
pub use lab::Sim;
pub use process::{Call, Io, Line, OnSignal, Process, Signal, Step};
pub use world::{DAWN, Outside, World};

/// How long, in virtual time, a command that never ends by itself runs in the foreground without a terminal.
pub const PATIENCE: Duration = Duration::from_secs(10);
