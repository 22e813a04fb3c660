//! IPv4, ICMP and ARP as octets: what the model reads, rewrites and builds.

use std::net::Ipv4Addr;

pub use etherparse::Ipv4Header;
use etherparse::checksum::Sum16BitWords;

use super::Mac;

/// Protocol numbers that the model handles itself.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IPv4 in IP, and ESP's next header in tunnel mode.
    pub const IPIP: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ESP.
    pub const ESP: u8 = 50;
}

/// Octets of an IPv4 header without options.
pub const HEADER_LEN: usize = 20;

/// The header of a packet, or `None` for octets that are no whole IPv4 packet.
pub fn header(octets: &[u8]) -> Option<Ipv4Header> {
    let (header, rest) = Ipv4Header::from_slice(octets).ok()?;
    (usize::from(header.total_len) <= header.header_len() + rest.len()
        && usize::from(header.total_len) >= header.header_len())
    .then_some(header)
}

/// Whether the header's checksum is right.
pub fn checksum_is_right(header: &Ipv4Header) -> bool {
    header.calc_header_checksum() == header.header_checksum
}

/// The source address.
pub fn source(header: &Ipv4Header) -> Ipv4Addr {
    Ipv4Addr::from(header.source)
}

/// The destination address.
pub fn destination(header: &Ipv4Header) -> Ipv4Addr {
    Ipv4Addr::from(header.destination)
}

/// The TOS octet: DSCP and ECN.
pub fn tos(header: &Ipv4Header) -> u8 {
    header.dscp.value() << 2 | header.ecn.value()
}

/// Sets DSCP and ECN.
pub fn set_tos(header: &mut Ipv4Header, tos: u8) {
    header.dscp = etherparse::IpDscp::try_new(tos >> 2).unwrap_or_default();
    header.ecn = etherparse::IpEcn::try_new(tos & 3).unwrap_or_default();
}

/// What follows the header, as far as the header says the packet goes.
pub fn payload(octets: &[u8]) -> &[u8] {
    header(octets).and_then(|header| octets.get(header.header_len()..usize::from(header.total_len))).unwrap_or_default()
}

/// Changes the header of a packet in place and mends its checksum; the header keeps its length.
pub fn rewrite(octets: &mut [u8], change: impl FnOnce(&mut Ipv4Header)) {
    let Some(mut header) = header(octets) else { return };
    change(&mut header);
    header.header_checksum = header.calc_header_checksum();
    let written = header.to_bytes();
    if let Some(place) = octets.get_mut(..written.len()) {
        place.copy_from_slice(&written);
    }
}

/// A packet: the header with its length and checksum set, then the payload.
pub fn packet(mut header: Ipv4Header, payload: &[u8]) -> Vec<u8> {
    header.total_len = (header.header_len() + payload.len()) as u16;
    header.header_checksum = header.calc_header_checksum();
    let mut octets = header.to_bytes().to_vec();
    octets.extend_from_slice(payload);
    octets
}

/// A header between two addresses, with nothing else set.
pub fn between(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, ttl: u8) -> Ipv4Header {
    Ipv4Header {
        time_to_live: ttl,
        protocol: protocol.into(),
        source: source.octets(),
        destination: destination.octets(),
        ..Ipv4Header::default()
    }
}

/// The Internet checksum (RFC 1071) over octets whose checksum field is zero.
pub fn checksum(octets: &[u8]) -> u16 {
    Sum16BitWords::new().add_slice(octets).ones_complement().to_be()
}

/// An ICMP message: type, code, four octets of the rest of the header, and the body.
pub fn icmp(kind: u8, code: u8, rest: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend_from_slice(&rest);
    message.extend_from_slice(body);
    let sum = checksum(&message).to_be_bytes();
    message.splice(2..4, sum);
    message
}

/// ICMP types and codes by their RFC 792 and RFC 1812 names.
pub mod icmp {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 3;
    /// Echo request.
    pub const ECHO: u8 = 8;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;
    /// Code of [`UNREACHABLE`]: network.
    pub const NET: u8 = 0;
    /// Code of [`UNREACHABLE`]: host.
    pub const HOST: u8 = 1;
    /// Code of [`UNREACHABLE`]: protocol.
    pub const PROTOCOL: u8 = 2;
    /// Code of [`UNREACHABLE`]: port.
    pub const PORT: u8 = 3;
    /// Code of [`UNREACHABLE`]: fragmentation needed and DF set.
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    /// Code of [`UNREACHABLE`]: communication administratively prohibited.
    pub const PROHIBITED: u8 = 13;
}

/// An ARP packet (RFC 826) for IPv4 over Ethernet, 28 octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// Whether it is a reply.
    pub reply: bool,
    /// Who sends it.
    pub sender: (Mac, Ipv4Addr),
    /// Whom it is about; in a request the Ethernet address is zero.
    pub target: (Mac, Ipv4Addr),
}

impl Arp {
    /// Reads one; `None` for anything but a request or reply for IPv4 over Ethernet.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let (fixed, rest) = octets.split_first_chunk::<8>()?;
        let reply = match fixed {
            [0, 1, 8, 0, 6, 4, 0, 1] => false,
            [0, 1, 8, 0, 6, 4, 0, 2] => true,
            _ => return None,
        };
        let (sender_mac, rest) = rest.split_first_chunk::<6>()?;
        let (sender, rest) = rest.split_first_chunk::<4>()?;
        let (target_mac, rest) = rest.split_first_chunk::<6>()?;
        let target = rest.first_chunk::<4>()?;
        Some(Self { reply, sender: (Mac(*sender_mac), (*sender).into()), target: (Mac(*target_mac), (*target).into()) })
    }

    /// Its octets.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = vec![0, 1, 8, 0, 6, 4, 0, if self.reply { 2 } else { 1 }];
        for (mac, address) in [self.sender, self.target] {
            octets.extend_from_slice(&mac.0);
            octets.extend_from_slice(&address.octets());
        }
        octets
    }
}
