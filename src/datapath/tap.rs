use super::skb::Ethernet;
use super::{IfIndex, StackId};
use crate::packet::{Cooked, Frame, LinkType, PacketType, Timestamp};

/// Names a tap of a [`Cluster`](super::Cluster).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TapId(pub u64);

/// A place where frames are copied, as an AF_PACKET socket does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tap {
    /// In which stack.
    pub stack: StackId,
    /// At which device; `None` is `any`.
    pub device: Option<IfIndex>,
    /// What it saw since somebody last looked.
    pub seen: Vec<Sight>,
}

/// One frame at one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// When.
    pub time: Timestamp,
    /// The device.
    pub device: IfIndex,
    /// The device's name.
    pub name: String,
    /// Whether the device is a loopback (for the ARPHRD type).
    pub loopback: bool,
    /// For whom it was.
    pub kind: PacketType,
    /// The Ethernet addresses.
    pub ethernet: Ethernet,
    /// What the octets are.
    pub ethertype: u16,
    /// The network layer.
    pub octets: Vec<u8>,
}

/// ARPHRD_ETHER and ARPHRD_LOOPBACK of include/uapi/linux/if_arp.h.
const ARPHRD: [u16; 2] = [1, 772];

impl Sight {
    /// Whether libpcap leaves it out: what a loopback sends it also receives, and once is enough (libpcap 1.10,
    /// pcap-linux.c, linux_check_direction).
    pub fn is_left_out(&self) -> bool {
        self.loopback && self.kind == PacketType::Outgoing
    }

    /// The frame as `tcpdump -i any` gets it: LINUX_SLL2, 20 octets in network byte order before the packet
    /// (tcpdump.org, LINKTYPE_LINUX_SLL2). Only the sender's address is in it.
    pub fn cooked(&self) -> Frame {
        self.frame(LinkType::LinuxSll2, &self.cooked_header().to_v2())
    }

    /// The same with the older header, LINUX_SLL of 16 octets, which does not name the device.
    pub fn cooked_v1(&self) -> Frame {
        Frame { device: None, ..self.frame(LinkType::LinuxSll, &self.cooked_header().to_v1()) }
    }

    fn cooked_header(&self) -> Cooked<'_> {
        Cooked {
            packet_type: self.kind,
            ifindex: Some(self.device.0),
            hardware: ARPHRD[usize::from(self.loopback)],
            address_len: 6,
            address: &self.ethernet.source.0,
            protocol: self.ethertype,
        }
    }

    /// The frame as a capture on its device gets it: Ethernet.
    pub fn ethernet(&self) -> Frame {
        let mut octets = Vec::with_capacity(14);
        octets.extend_from_slice(&self.ethernet.destination.0);
        octets.extend_from_slice(&self.ethernet.source.0);
        octets.extend_from_slice(&self.ethertype.to_be_bytes());
        self.frame(LinkType::Ethernet, &octets)
    }

    fn frame(&self, link: LinkType, header: &[u8]) -> Frame {
        let octets = [header, &self.octets].concat();
        let original_len = octets.len() as u32;
        Frame { time: self.time, link, device: Some(self.name.clone()), octets, original_len }
    }
}
