//! The kernel lab: nodes and pods are network namespaces of this Linux kernel, with its own XFRM, and `ip`, `ping` and
//! `tcpdump` are this machine's own. Cilium's BPF programs are stood in for by tc.
//!
//! What the namespaces are made of is the embedded lab's model (`datapath::Cluster`), which the simulated machine's
//! tools change: `plan` says a stack as commands, `mirror` tells the differences to `build`. Everything lives in namespaces
//! that end with this process, however it ends (`holder`, `inside`).

mod build;
mod files;
mod groups;
mod holder;
pub mod inside;
mod job;
mod lab;
mod mirror;
mod needs;
mod plan;
mod terminal;
mod watch;

pub use lab::Kernel;
pub use needs::{Need, Needed, needs};
