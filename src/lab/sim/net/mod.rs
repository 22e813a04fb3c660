//! The network of the simulated lab: the cluster's model with its packets under way, and the programs that show and
//! use it (`ip`, `ping`, `tcpdump`, …).

#[cfg(test)]
mod bench;
mod bridge;
mod elsewhere;
mod esp_secret;
mod ip;
mod legacy;
mod nc;
mod nc_options;
mod nstat;
mod options;
mod ping;
mod ping_options;
mod ping_route;
mod ping_text;
mod proc;
mod ss;
mod tc;
mod tcpdump;
mod tcpdump_options;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;

use elsewhere::elsewhere;

use super::process::{Call, Process};
use crate::datapath::{Cluster, Stack, StackId};
use crate::packet::Timestamp;

/// The cluster's network and what is under way in it.
#[derive(Debug, Clone)]
pub struct Net {
    /// The stacks, cables and packets. A place's stack has the place's full name.
    pub cluster: Cluster,
    /// The stack of the machine.
    pub machine: StackId,
}

impl Net {
    /// The machine's network, before there is a cluster.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        let mut cluster = Cluster::new(seed, now);
        let machine = cluster.add_machine("machine");
        cluster.let_links_talk();
        Self { cluster, machine }
    }

    /// When the next thing happens by itself (a packet arrives, a timer of the kernel fires), if anything does.
    pub fn next_event(&self) -> Option<Timestamp> {
        self.cluster.next_event()
    }

    /// Lets happen what is due at `now`.
    pub fn run_until(&mut self, now: Timestamp) {
        self.cluster.run_until(now);
    }

    /// The stack of a place.
    fn stack_of(&self, network: &str) -> Option<(StackId, &Stack)> {
        let id = self.cluster.find(network)?;
        Some((id, self.cluster.stack(id)?))
    }

    /// The address of a name, as Docker's resolver knows the nodes and `/etc/hosts` the host itself.
    fn resolve(&self, network: &str, name: &str) -> Option<Ipv4Addr> {
        if let Some(address) = old_address(name) {
            return Some(address);
        }
        if name == "localhost" {
            return Some(Ipv4Addr::LOCALHOST);
        }
        let is_node = self.cluster.nodes.iter().any(|node| node.name == network);
        self.cluster.nodes.iter().find(|node| is_node && node.name == name).map(|node| node.address)
    }
}

/// An address as `inet_aton(3)` reads it: the last number fills the octets that are left (`10.1` is 10.0.0.1).
fn old_address(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let (last, octets) = parts.split_last()?;
    let octets: Vec<u8> = octets.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let last: u32 = last.parse().ok()?;
    let room = 32_u32.checked_sub(8 * octets.len() as u32).filter(|room| *room >= 8)?;
    if last.checked_shr(room).unwrap_or(0) != 0 {
        return None;
    }
    let high = (0_u32..).zip(&octets).fold(0, |sum, (at, octet)| sum | u32::from(*octet) << (24 - 8 * at));
    Some(Ipv4Addr::from(high | last))
}

/// The network program of that name (`ip`, `ping`, `tcpdump`, `route`, `ifconfig`, `sysctl`, …) as called, or `None` when
/// it is none of them.
pub fn program(call: &Call) -> Option<Box<dyn Process>> {
    match call.name() {
        "ip" => Some(Box::new(ip::Ip::new(call))),
        "ping" => Some(Box::new(ping::Ping::new(call))),
        "tcpdump" => Some(Box::new(tcpdump::Tcpdump::new(call))),
        "bridge" => Some(Box::new(bridge::Bridge::new(call))),
        "nstat" => Some(Box::new(nstat::Nstat::new(call))),
        "ss" => Some(Box::new(ss::Ss::new(call))),
        "tc" => Some(Box::new(tc::Tc::new(call))),
        "nc" | "netcat" => Some(Box::new(nc::Nc::new(call))),
        "sysctl" => Some(Box::new(proc::Sysctl::new(call))),
        "route" | "ifconfig" | "arp" | "netstat" => Some(Box::new(legacy::Legacy::new(call))),
        _ => None,
    }
}

/// The text of a file under `/proc` or `/sys` that the network stack of `network` writes (`/proc/net/xfrm_stat`,
/// `/proc/net/dev`, `/proc/sys/net/ipv4/ip_forward`), or `None` when it has no such file.
pub fn proc_file(net: &Net, network: &str, path: &str) -> Option<Vec<u8>> {
    let (_, stack) = net.stack_of(network)?;
    proc::file(stack, path).map(String::into_bytes)
}
