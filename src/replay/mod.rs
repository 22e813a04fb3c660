//! Scripted runs of courses and scripts, and their reports.
//!
//! A replay proves a course: each step fails before its solution and passes after it, other ways count and wrong ones do
//! not, a reset restores the lab, right answers are accepted and wrong ones refused with their explanations, hints open one
//! after the other.

mod dead;
mod feed;
mod junit;
mod prove;
mod questions;
mod report;
mod reset;
mod runner;
mod script;
mod spoken;
mod tap;
mod tape;
mod world;

pub use dead::{Dead, dead_annotations};
pub use junit::junit;
pub use prove::{Plan, replay};
pub use report::{Claim, Failure, Finding, Proof, Report};
pub use script::{Script, replay_script};
pub use tap::tap;
pub use tape::{Keys, Scene, cast, transcript};
pub use world::{LabWorld, capture_packets, device_names, keyring, quietly, set_up, under_way, unseen};
