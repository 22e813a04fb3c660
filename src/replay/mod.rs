//! Scripted runs of courses, and their reports.
//!
//! A replay proves a course: each step fails before its solution and passes after it, other ways count and wrong ones do
//! not, right answers are accepted and wrong ones refused with their explanations, hints open one after the other.

mod feed;
mod prove;
mod report;
mod runner;
mod script;
mod world;

pub use prove::{Plan, replay};
pub use report::{Claim, Failure, Finding, Proof, Report};
pub use world::{LabWorld, capture_packets, device_names, keyring, quietly, set_up};
