//! The kind lab: the nodes are the containers of a kind cluster, reached through the Docker Engine's API wherever the
//! engine is; `ip`, `ping`, `tcpdump` and the kernel's XFRM are the nodes' own, and so is Cilium.
//!
//! `endpoint` finds the engine and `engine` speaks to it, where that is behind `ssh://` through a `tunnel` (`destination`
//! reads the address, `refusal` says why there is no way); `exec` is a command that the engine runs in a node, `keeper`
//! what a lab keeps there to end commands with; `job` and `watch` are lines and captures made of these. `members` are the
//! containers as such, and `ledger` says which of them a lab had made. `survey` asks the nodes what lessons speak through; `host` is the machine that they run on.
//! Nothing of a lab stays in a node when the lab goes, however it goes.
//!
//! **Invariant.** The lab runs nothing on the learner's own machine by itself, but `ssh` to an engine behind it: see [`Machine`].

#[cfg(unix)]
mod destination;
mod endpoint;
mod engine;
mod exec;
mod host;
mod job;
mod keeper;
mod lab;
mod ledger;
mod loss;
mod machine;
mod members;
mod node;
#[cfg(unix)]
mod own;
mod pod;
#[cfg(unix)]
mod refusal;
mod snapshot;
mod survey;
#[cfg(unix)]
mod tunnel;
mod watch;

pub use endpoint::{Certificates, Endpoint, Origin};
pub use host::Host;
pub use lab::{CLUSTER, Kind};
pub use machine::Machine;
#[cfg(unix)]
pub use own::OwnMachine;
