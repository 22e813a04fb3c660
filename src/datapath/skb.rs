use super::buffer::Buffer;
use super::{IfIndex, Mac, ipv4};
use crate::packet::{PacketType, Timestamp};
use crate::xfrm;

/// EtherTypes that the model sends.
pub(super) mod ethertype {
    /// IPv4.
    pub(crate) const IPV4: u16 = 0x0800;
    /// IPv6.
    pub(crate) const IPV6: u16 = 0x86dd;
    /// ARP.
    pub(crate) const ARP: u16 = 0x0806;
}

/// Names the way of one packet through the cluster, from the socket that sent it to the one that got it. An answer has
/// a journey of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Journey(pub u64);

/// A packet inside a stack, with what the kernel's `struct sk_buff` knows beside its octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skb {
    /// Which packet this is.
    pub journey: Journey,
    /// What `octets` is (`ethertype`).
    pub ethertype: u16,
    /// The network layer: the IP header first.
    pub octets: Vec<u8>,
    /// The Ethernet header, while there is one.
    pub ethernet: Option<Ethernet>,
    /// The mark (`skb->mark`), host byte order.
    pub mark: u32,
    /// For whom the frame is, as seen from its last device.
    pub kind: PacketType,
    /// The device it came in by; `None` for a packet of this host.
    pub received_on: Option<IfIndex>,
    /// The states that decrypted it here, the first one first (`struct sec_path`).
    pub secpath: Vec<xfrm::State>,
    /// Its sender lets the network fragment it although DF is set (`skb->ignore_df`).
    pub ignore_df: bool,
    /// The memory it lies in.
    pub(super) buffer: Buffer,
    /// The checksum of its TCP or UDP holds the sum of the pseudo-header alone: the device is to finish it
    /// (`CHECKSUM_PARTIAL`). Devices that join stacks of one machine never do, so captures show it like that.
    pub partial: bool,
    /// The data of each TCP segment that it stands for, in octets, where it is more than one (`gso_size`).
    pub gso_size: Option<u16>,
    /// When it was received. A decrypted packet keeps the time of the ESP packet that held it.
    pub stamp: Option<Timestamp>,
}

/// The addresses of an Ethernet header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ethernet {
    /// To whom.
    pub destination: Mac,
    /// From whom.
    pub source: Mac,
}

/// What `eth_type_trans` (net/ethernet/eth.c) makes of a destination at a device that has the address `own`.
pub(super) fn received_as(destination: Mac, own: Mac) -> PacketType {
    if destination == own {
        PacketType::Host
    } else if destination == Mac::BROADCAST {
        PacketType::Broadcast
    } else if destination.is_group() {
        PacketType::Multicast
    } else {
        PacketType::OtherHost
    }
}

impl Skb {
    /// An IPv4 packet of this host.
    pub fn ipv4(journey: Journey, octets: Vec<u8>) -> Self {
        Self {
            journey,
            ethertype: ethertype::IPV4,
            buffer: Buffer::of_packet(octets.len()),
            octets,
            ethernet: None,
            mark: 0,
            kind: PacketType::Host,
            received_on: None,
            secpath: Vec::new(),
            ignore_df: false,
            partial: false,
            gso_size: None,
            stamp: None,
        }
    }

    /// The length of the longest packet that it becomes on a wire, in octets.
    pub(super) fn longest(&self) -> usize {
        let Some(size) = self.gso_size else { return self.octets.len() };
        let headers = ipv4::header(&self.octets).map_or(0, |header| {
            let offset = self.octets.get(header.header_len() + 12).copied().unwrap_or(0);
            header.header_len() + usize::from(offset >> 4) * 4
        });
        (headers + usize::from(size)).min(self.octets.len())
    }

    /// Does what the device was to do: puts the checksum in (`skb_checksum_help`).
    pub(super) fn finish_checksum(&mut self) {
        if !std::mem::take(&mut self.partial) {
            return;
        }
        let Some(header) = ipv4::header(&self.octets) else { return };
        let begin = header.header_len();
        let at = begin + if header.protocol.0 == ipv4::protocol::TCP { 16 } else { 6 };
        let sum = match ipv4::checksum(self.octets.get(begin..).unwrap_or_default()) {
            // A UDP checksum of 0 would mean none; in ones' complement this is the same number.
            0 => 0xffff,
            sum => sum,
        };
        if let Some(place) = self.octets.get_mut(at..at + 2) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
    }

    /// What is left of the kernel's notes when a packet goes through a veth pair (`skb_scrub_packet`,
    /// net/core/skbuff.c): the secpath goes always, the mark only where the pair joins two stacks.
    pub fn scrub(&mut self, other_stack: bool) {
        self.kind = PacketType::Host;
        self.received_on = None;
        self.ignore_df = false;
        self.secpath.clear();
        self.stamp = None;
        if other_stack {
            self.mark = 0;
        }
    }
}
