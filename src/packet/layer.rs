use std::fmt;
use std::net::IpAddr;

use etherparse::{
    ArpPacketSlice, Ethernet2HeaderSlice, IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice, SingleVlanHeaderSlice, TcpHeaderSlice, UdpHeaderSlice,
};

use super::{Cooked, EspHeader, IcmpHeader, VxlanHeader};

/// One layer of a packet, and where it lies. Offsets count octets from the start of what was given to
/// [`super::Layers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<'a> {
    /// The header, read.
    pub layer: Layer<'a>,
    /// Where the header begins.
    pub start: usize,
    /// Where the header ends and the body begins.
    pub body: usize,
    /// Where the body ends, as the layer's own length says, or where the capture ends if that is sooner.
    pub end: usize,
    /// How many octets of the body the layer's length promises and the capture does not hold.
    pub missing: usize,
}

/// A header. The views are etherparse's where it has one; their accessors read the fields in host byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer<'a> {
    /// Ethernet II (or the start of IEEE 802.3; then the EtherType is a length).
    Ethernet(Ethernet2HeaderSlice<'a>),
    /// Linux cooked capture, version 1 or 2.
    Cooked(Cooked<'a>),
    /// The 4-octet address family of BSD loopback captures, in host byte order.
    Loopback(u32),
    /// An IEEE 802.1Q or 802.1ad tag.
    Vlan(SingleVlanHeaderSlice<'a>),
    /// ARP.
    Arp(ArpPacketSlice<'a>),
    /// IPv4 with its options.
    Ipv4(Ipv4HeaderSlice<'a>),
    /// The fixed IPv6 header.
    Ipv6(Ipv6HeaderSlice<'a>),
    /// An IPv6 extension header: hop-by-hop options (0), routing (43), destination options (60), mobility (135), …
    Ipv6Extension(u8, Ipv6RawExtHeaderSlice<'a>),
    /// The IPv6 fragment header.
    Ipv6Fragment(Ipv6FragmentHeaderSlice<'a>),
    /// The Authentication Header (RFC 4302).
    Ah(IpAuthHeaderSlice<'a>),
    /// ESP (RFC 4303); the body is everything after SPI and sequence number, ICV included.
    Esp(EspHeader),
    /// ICMP.
    Icmpv4(IcmpHeader<'a>),
    /// ICMPv6.
    Icmpv6(IcmpHeader<'a>),
    /// UDP.
    Udp(UdpHeaderSlice<'a>),
    /// TCP with its options.
    Tcp(TcpHeaderSlice<'a>),
    /// The single octet 0xff on UDP port 4500 that keeps a NAT's mapping alive (RFC 3948 section 2.3).
    NatKeepalive,
    /// Four zero octets on UDP port 4500: what follows is IKE, not ESP (RFC 3948 section 2.2).
    NonEspMarker,
    /// VXLAN (RFC 7348).
    Vxlan(VxlanHeader),
    /// Octets that are not read further; the header is empty and the body is all of them.
    Data(Data),
}

/// What octets are that are not read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// What TCP, UDP or ICMP carries.
    Payload,
    /// IKE, after a non-ESP marker.
    Ike,
    /// A fragment of an IP packet that is not its first.
    Fragment,
    /// An EtherType that is not read here, or the length of an IEEE 802.3 frame.
    EtherType(u16),
    /// An IP protocol that is not read here.
    Protocol(u8),
    /// An address family of a loopback capture that is not read here.
    Family(u32),
}

/// Where reading stopped before the end, and why; it reads as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{header} at octet {offset}: {reason}")]
pub struct Stop {
    /// The header that could not be read (`IPv4 header`).
    pub header: &'static str,
    /// Where it begins.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The capture ends inside it: the packet was longer on the wire (a snap length).
    #[error("{need} octets are needed, the capture was cut after {have}")]
    Cut {
        /// Octets of the header.
        need: usize,
        /// Octets that the capture holds of it.
        have: usize,
    },
    /// The packet itself ends inside it.
    #[error("{need} octets are needed, the packet ends after {have}")]
    Short {
        /// Octets of the header.
        need: usize,
        /// Octets that are left in the packet.
        have: usize,
    },
    /// The version field is another.
    #[error("expected version {expected}, found {found}")]
    Version {
        /// What the layer below announced.
        expected: u8,
        /// What the first four bits say.
        found: u8,
    },
    /// A length field says less than the header itself takes.
    #[error("its length field says {found} octets, the least it can be is {least}")]
    Length {
        /// The field, in octets.
        found: usize,
        /// The least that it can be, in octets.
        least: usize,
    },
}

impl Located<'_> {
    /// Whether the capture holds less than the layer's length promises.
    pub fn is_cut(&self) -> bool {
        self.missing > 0
    }
}

impl Layer<'_> {
    /// Source and destination of an IPv4 or IPv6 header.
    pub fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match self {
            Self::Ipv4(ip) => Some((ip.source_addr().into(), ip.destination_addr().into())),
            Self::Ipv6(ip) => Some((ip.source_addr().into(), ip.destination_addr().into())),
            _ => None,
        }
    }

    /// Source and destination port of a UDP or TCP header.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self {
            Self::Udp(udp) => Some((udp.source_port(), udp.destination_port())),
            Self::Tcp(tcp) => Some((tcp.source_port(), tcp.destination_port())),
            _ => None,
        }
    }

    /// Whether this is an IP header (or IPv6 fragment header) of a fragment: not the whole packet, first part or later.
    pub fn is_fragment(&self) -> bool {
        match self {
            Self::Ipv4(ip) => ip.is_fragmenting_payload(),
            Self::Ipv6Fragment(fragment) => fragment.is_fragmenting_payload(),
            _ => false,
        }
    }
}

impl fmt::Display for Layer<'_> {
    /// The layer's name, as the field says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ethernet(_) => "Ethernet",
            Self::Cooked(Cooked { ifindex: None, .. }) => "Linux cooked capture v1",
            Self::Cooked(_) => "Linux cooked capture v2",
            Self::Loopback(_) => "Loopback",
            Self::Vlan(_) => "802.1Q VLAN",
            Self::Arp(_) => "ARP",
            Self::Ipv4(_) => "IPv4",
            Self::Ipv6(_) => "IPv6",
            Self::Ipv6Extension(0, _) => "IPv6 hop-by-hop options",
            Self::Ipv6Extension(43, _) => "IPv6 routing header",
            Self::Ipv6Extension(60, _) => "IPv6 destination options",
            Self::Ipv6Extension(..) => "IPv6 extension header",
            Self::Ipv6Fragment(_) => "IPv6 fragment header",
            Self::Ah(_) => "AH",
            Self::Esp(_) => "ESP",
            Self::Icmpv4(_) => "ICMP",
            Self::Icmpv6(_) => "ICMPv6",
            Self::Udp(_) => "UDP",
            Self::Tcp(_) => "TCP",
            Self::NatKeepalive => "NAT-T keepalive",
            Self::NonEspMarker => "non-ESP marker",
            Self::Vxlan(_) => "VXLAN",
            Self::Data(Data::Ike) => "IKE",
            Self::Data(Data::Fragment) => "IP fragment",
            Self::Data(_) => "Data",
        })
    }
}
