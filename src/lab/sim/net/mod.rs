//! The network of the simulated lab: the cluster's model with its packets under way, and the programs that show and
//! use it (`ip`, `ping`, `tcpdump`, …).

use super::process::{Call, Process};
use crate::packet::Timestamp;

/// The cluster's network and what is under way in it.
#[derive(Debug, Clone, Default)]
pub struct Net {}

impl Net {
    /// When the next thing happens by itself (a packet arrives, a timer of the kernel fires), if anything does.
    pub fn next_event(&self) -> Option<Timestamp> {
        None
    }

    /// Lets happen what is due at `now`.
    pub fn run_until(&mut self, now: Timestamp) {
        let _ = now;
    }
}

/// The network program of that name (`ip`, `ping`, `tcpdump`, `route`, `ifconfig`, `sysctl`, …) as called, or `None` when
/// it is none of them.
pub fn program(call: &Call) -> Option<Box<dyn Process>> {
    let _ = call;
    None
}

/// The text of a file under `/proc` or `/sys` that the network stack of `network` writes (`/proc/net/xfrm_stat`,
/// `/proc/net/dev`, `/proc/sys/net/ipv4/ip_forward`), or `None` when it has no such file.
pub fn proc_file(net: &Net, network: &str, path: &str) -> Option<Vec<u8>> {
    let _ = (net, network, path);
    None
}
