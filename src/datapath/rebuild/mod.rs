//! A cluster's stacks out of what their nodes' own tools print: `ip addr`, `ip rule`, `ip route`, `ip xfrm`, `ip neigh`,
//! `sysctl`, `tc filter`.
//!
//! What the texts do not say is assumed as Cilium 1.13 has it, and every assumption is told ([`Assumed`]); without a text
//! that nothing can stand in for there is an error with the command that makes it.

mod cables;
mod cilium;
mod filter;
mod link;
mod neighbour;
mod stack;
mod sysctl;
mod texts;

use std::net::{IpAddr, Ipv4Addr};

pub use filter::{DeviceFilters, FoundFilter, parse_filters};
pub use link::{Link, LinkPeer, parse_links};
pub use neighbour::{NeighbourLine, parse_neighbours};
pub use sysctl::parse_sysctls;
pub use texts::{NodeTexts, Text, script};

use self::stack::Built;
use super::{Cluster, SendError, StackId, Trace};
use crate::listing::Unread;

/// A cluster that was rebuilt from texts.
#[derive(Debug, Clone)]
pub struct Rebuilt {
    /// It. Its stacks bear the names of the texts; the links between nodes are a stack without a name.
    pub cluster: Cluster,
    /// What the texts did not say.
    pub assumed: Vec<Assumed>,
    /// The lines that were not understood.
    pub unread: Vec<UnreadLine>,
    /// What was read of each stack's text, by its number.
    built: Vec<Built>,
}

/// Something that the texts did not say, and how it was taken to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Assumed {
    /// No sysctl values: forwarding on, `rp_filter` off, `accept_local` on at `cilium_host` and `cilium_net`.
    Sysctls {
        /// The node.
        place: String,
    },
    /// No `tc` text: Cilium 1.13's programs at their usual devices.
    Programs {
        /// The node.
        place: String,
    },
    /// A program that is not known: it lets everything pass as it is.
    Passes {
        /// The node.
        place: String,
        /// The device.
        device: String,
        /// What `tc` calls it.
        program: String,
    },
    /// The states' keys are hidden: all nodes have the same.
    Keys,
    /// Cilium's mark carries the sender's identity in its upper half, which no text tells: 256, the smallest of a pod.
    Identity,
    /// Several keys are installed: packets are sent with this one.
    KeyId {
        /// The node.
        place: String,
        /// The key.
        key: u8,
    },
    /// A pod without a text of its own, at this device of its node.
    Pod {
        /// Its address.
        address: Ipv4Addr,
        /// The node.
        place: String,
        /// The device.
        device: String,
    },
}

/// A line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadLine {
    /// The node.
    pub place: String,
    /// What the text is called.
    pub label: String,
    /// The line, and why.
    pub unread: Unread,
}

/// Why no cluster could be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotRebuild {
    /// There is no text of anybody.
    #[error("there is no text of any node")]
    NoTexts,
    /// A text is missing.
    #[error("the text of `{}` is missing for {place}", text.command())]
    Missing {
        /// The node.
        place: String,
        /// Which text.
        text: Text,
    },
    /// Nothing of a text was understood.
    #[error("{label} of {place} has no line of `{}`", text.command())]
    Nothing {
        /// The node.
        place: String,
        /// What the text is called.
        label: String,
        /// Which text.
        text: Text,
    },
    /// Two nodes have one address: texts of two moments.
    #[error("{first} and {second} both have the address {address}")]
    Twice {
        /// One node.
        first: String,
        /// The other.
        second: String,
        /// The address.
        address: IpAddr,
    },
}

impl Rebuilt {
    /// Rebuilds the stacks of nodes and pods, and lays the cables between them.
    pub fn from_texts(nodes: &[NodeTexts]) -> Result<Self, CannotRebuild> {
        if nodes.iter().all(NodeTexts::is_empty) {
            return Err(CannotRebuild::NoTexts);
        }
        let (mut assumed, mut unread) = (Vec::new(), Vec::new());
        let mut built = Vec::new();
        for node in nodes.iter().filter(|node| !node.is_empty()) {
            built.push(Built::of(node, &mut assumed, &mut unread)?);
        }
        stack::refuse_twins(&built)?;
        let mut rebuilt = Self { cluster: cables::join(&built), assumed, unread, built };
        rebuilt.programs();
        Ok(rebuilt.told_once())
    }

    /// The stack that has an address: a node, a pod, or a pod that is made now because its node's routes lead to it.
    pub fn find_address(&mut self, address: Ipv4Addr) -> Option<StackId> {
        let known = |cluster: &Cluster| {
            cluster.stacks.iter().position(|stack| stack.has_address(address.into()) && !address.is_loopback())
        };
        if known(&self.cluster).is_none() && self.make_pod(address) {
            self.programs();
            self.assumed.sort();
            self.assumed.dedup();
        }
        known(&self.cluster).map(StackId)
    }

    /// The stack of a name, and the address that others reach it by.
    pub fn find_name(&self, name: &str) -> Option<(StackId, Ipv4Addr)> {
        let id = self.cluster.find(name)?;
        let stack = self.cluster.stack(id)?;
        let own = stack.devices.iter().filter(|device| !device.is_loopback()).flat_map(|device| &device.addresses);
        let v4 = own.filter_map(|own| match own.address {
            IpAddr::V4(address) => Some((own.prefix_len, own.scope, address)),
            IpAddr::V6(_) => None,
        });
        // A node is reached by the address of its network, not by that of cilium_host.
        let best = v4.min_by_key(|(len, scope, _)| (*scope, *len == 32))?;
        Some((id, best.2))
    }

    /// Follows one ICMP echo request with `size` octets of data, as [`Cluster::trace_echo`] does, and tells what was assumed.
    pub fn trace(&mut self, from: StackId, to: Ipv4Addr, size: usize) -> Result<Trace, SendError> {
        self.find_address(to);
        let trace = self.cluster.trace_echo(from, to, size, 0)?;
        Ok(Trace { assumed: self.assumed.clone(), ..trace })
    }

    /// The names of the nodes and pods.
    pub fn names(&self) -> Vec<&str> {
        self.built.iter().map(|built| built.stack.name.as_str()).collect()
    }

    fn told_once(mut self) -> Self {
        self.assumed.sort();
        self.assumed.dedup();
        self
    }
}
