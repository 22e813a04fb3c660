use std::net::Ipv4Addr;

use super::{Filter, IfIndex};
use crate::xfrm::{Mark, Prefix};

/// A program at a tc hook of a device (`tc filter show dev lxc_a ingress`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The device.
    pub device: IfIndex,
    /// Ingress or egress.
    pub point: HookPoint,
    /// What it does.
    pub program: Program,
}

/// The two places of a clsact qdisc. A tap sees what comes in before ingress and what goes out after egress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookPoint {
    /// What the device receives.
    Ingress,
    /// What the device sends.
    Egress,
}

/// The programs. They are data, so that one engine serves Cilium's cluster and the same path built without BPF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// One of Cilium's.
    Cilium(CiliumProgram),
    /// tc filters that edit the packet, asked in order.
    Tc(Vec<Filter>),
}

impl Program {
    /// The name `tc filter show` and Cilium's sources give it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cilium(program) => program.name(),
            Self::Tc(_) => "tc skbedit",
        }
    }
}

/// Cilium 1.13's BPF programs on a node with IPsec and native routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CiliumProgram {
    /// bpf_lxc.c `from-container`, ingress of a pod's `lxc`: what a pod sends.
    FromContainer,
    /// bpf_host.c `from-host`, egress of `cilium_host`.
    FromHost,
    /// bpf_host.c `to-host`, ingress of `cilium_net` and `cilium_host`.
    ToHost,
    /// bpf_network.c `from-network`, ingress of `eth0`.
    FromNetwork,
}

impl CiliumProgram {
    /// The section's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::FromContainer => "bpf_lxc from-container",
            Self::FromHost => "bpf_host from-host",
            Self::ToHost => "bpf_host to-host",
            Self::FromNetwork => "bpf_network from-network",
        }
    }
}

/// What Cilium's BPF maps on one node say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CiliumMaps {
    /// The node's current key id, 1 to 15 (`encrypt_state` map).
    pub key_id: u8,
    /// Who is behind an address, the longest prefix first (`ipcache` map).
    pub ipcache: Vec<(Prefix, Peer)>,
    /// The pods of this node (`lxc` map).
    pub endpoints: Vec<Endpoint>,
    /// The host's own addresses (the host endpoint in the same map).
    pub host: Vec<Ipv4Addr>,
}

impl CiliumMaps {
    /// Who is behind an address.
    pub fn peer(&self, address: Ipv4Addr) -> Option<&Peer> {
        self.ipcache
            .iter()
            .filter(|(prefix, _)| prefix.contains(address.into()))
            .max_by_key(|(prefix, _)| prefix.len)
            .map(|(_, peer)| peer)
    }

    /// The local pod that has an address.
    pub fn endpoint(&self, address: Ipv4Addr) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.address == address)
    }

    /// Puts an ipcache entry in the place of the one with the same prefix.
    pub fn learn(&mut self, prefix: Prefix, peer: Peer) {
        self.forget(prefix);
        self.ipcache.push((prefix, peer));
    }

    /// Removes an ipcache entry.
    pub fn forget(&mut self, prefix: Prefix) {
        self.ipcache.retain(|(known, _)| *known != prefix);
    }
}

/// One entry of the ipcache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer {
    /// The security identity.
    pub identity: u32,
    /// The node behind which it lives, where that is another one.
    pub tunnel_endpoint: Option<Ipv4Addr>,
    /// The key id that this node has announced; 0 for "do not encrypt".
    pub key_id: u8,
}

/// One pod of this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its device on the host.
    pub device: IfIndex,
    /// The Ethernet address of its own end.
    pub mac: super::Mac,
    /// The Ethernet address of the host's end.
    pub node_mac: super::Mac,
    /// Its security identity.
    pub identity: u32,
}

/// What a program did to a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAction {
    /// Set the mark.
    SetMark(u32),
    /// Made the frame one for this host (PACKET_HOST).
    ForHost,
    /// Found the destination in the ipcache: behind this node, with this key.
    Ipcache {
        /// The node.
        tunnel_endpoint: Option<Ipv4Addr>,
        /// The key id that both ends have.
        key_id: u8,
        /// The identity of who is behind the address.
        identity: u32,
    },
    /// Routed at layer 3: TTL decremented, Ethernet addresses set.
    Routed {
        /// The TTL after.
        ttl: u8,
    },
    /// Recognised ESP that is to be decrypted here.
    Decrypt,
    /// Recognised a packet that was decrypted here.
    Decrypted,
    /// Answered an ARP request itself.
    AnsweredArp,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookVerdict {
    /// TC_ACT_OK: goes on.
    Pass,
    /// To the egress of another device.
    Redirect(IfIndex),
    /// TC_ACT_SHOT, with Cilium's words for the reason.
    Drop(&'static str),
}

/// Marks of Cilium 1.13 (bpf/lib/common.h).
pub mod mark {
    use super::Mark;

    /// The bits that say what a mark means.
    pub const MAGIC_MASK: u32 = 0x0f00;
    /// To be decrypted, or decrypted.
    pub const DECRYPT: u32 = 0x0d00;
    /// To be encrypted, or encrypted.
    pub const ENCRYPT: u32 = 0x0e00;
    /// The mark carries the sender's identity.
    pub const IDENTITY: u32 = 0x0f00;
    /// The mark an IN state takes.
    pub const IN: Mark = Mark { value: DECRYPT, mask: MAGIC_MASK };

    /// The mark of a pod's packet that is to be encrypted with a key: identity, key id, magic.
    pub fn encrypt(identity: u32, key_id: u8) -> u32 {
        (identity & 0xffff) << 16 | u32::from(key_id) << 12 | ENCRYPT | identity >> 16 & 0xff
    }

    /// The mark of a pod's packet in clear.
    pub fn identity(identity: u32) -> u32 {
        (identity & 0xffff) << 16 | IDENTITY | identity >> 16 & 0xff
    }

    /// The mark of an OUT state and policy with a key: `0x3e00/0xff00` for key 3.
    pub fn out(key_id: u8) -> Mark {
        Mark { value: u32::from(key_id) << 12 | ENCRYPT, mask: 0xff00 }
    }
}

/// The key that both ends have: the older of two neighbouring ids, where 1 follows 15; 0, no key, wins (bpf/lib/encrypt.h,
/// `get_min_encrypt_key`).
pub fn common_key(own: u8, peer: u8) -> u8 {
    match (own, peer) {
        (0, _) | (_, 0) => 0,
        (1, 15) | (15, 1) => 15,
        _ => own.min(peer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_pods_packet_carries_identity_and_key() {
        assert_eq!(mark::encrypt(25669, 3), 0x6445_3e00);
        assert_eq!(mark::encrypt(0x01_6445, 3), 0x6445_3e01);
        assert_eq!(mark::out(3).to_string(), "0x3e00/0xff00");
    }

    #[test]
    fn during_a_rotation_both_ends_use_the_older_key() {
        assert_eq!(common_key(3, 4), 3);
        assert_eq!(common_key(4, 3), 3);
        assert_eq!(common_key(1, 15), 15);
        assert_eq!(common_key(4, 4), 4);
    }
}
