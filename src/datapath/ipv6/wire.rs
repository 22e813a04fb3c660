//! IPv6, ICMPv6, NDP and MLD as octets: what the model reads and builds (RFC 8200, 4443, 4861, 3810).

use std::net::Ipv6Addr;

use etherparse::{IpNumber, Ipv6FlowLabel, Ipv6Header};

use crate::datapath::{Mac, ipv4};

/// Octets of an IPv6 header.
pub(super) const HEADER_LEN: usize = 40;

/// Numbers of the "next header" field.
pub(super) mod next {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const NONE: u8 = 59;
    pub(crate) const DESTINATION: u8 = 60;
}

/// ICMPv6 types, and the codes of those that the model sends.
pub mod icmp6 {
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 1;
    /// Packet too big.
    pub const TOO_BIG: u8 = 2;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 3;
    /// Parameter problem.
    pub const PARAMETER: u8 = 4;
    /// Echo request.
    pub const ECHO: u8 = 128;
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 129;
    /// Router solicitation.
    pub const ROUTER_SOLICITATION: u8 = 133;
    /// Neighbour solicitation.
    pub const NEIGHBOUR_SOLICITATION: u8 = 135;
    /// Neighbour advertisement.
    pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
    /// Multicast listener report, version 2.
    pub const REPORT: u8 = 143;
    /// Code of [`UNREACHABLE`]: no route.
    pub const NO_ROUTE: u8 = 0;
    /// Code of [`UNREACHABLE`]: administratively prohibited.
    pub const PROHIBITED: u8 = 1;
    /// Code of [`UNREACHABLE`]: beyond the scope of the source address.
    pub const BEYOND_SCOPE: u8 = 2;
    /// Code of [`UNREACHABLE`]: nobody answers for the address.
    pub const ADDRESS: u8 = 3;
    /// Code of [`UNREACHABLE`]: port.
    pub const PORT: u8 = 4;
    /// Code of [`PARAMETER`]: a next header that nobody knows.
    pub const UNKNOWN_HEADER: u8 = 1;
}

/// Options of neighbour discovery (RFC 4861 section 4.6, RFC 3971 section 5.3.2).
mod option {
    pub(super) const SOURCE_MAC: u8 = 1;
    pub(super) const TARGET_MAC: u8 = 2;
    pub(super) const NONCE: u8 = 14;
}

/// Everybody on the link (RFC 4291 section 2.7.1).
pub(super) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers on the link.
pub(super) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// All routers that understand MLDv2 (RFC 3810 section 5.2.14).
pub(super) const ALL_REPORTS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// The solicited-node group of an address: its last 24 bits (RFC 4291 section 2.7.1).
pub(super) fn solicited(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b] = address.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a & 0xff, b)
}

/// The header of a packet, or `None` for octets that are no whole IPv6 packet.
pub(super) fn header(octets: &[u8]) -> Option<Ipv6Header> {
    let (header, rest) = Ipv6Header::from_slice(octets).ok()?;
    (usize::from(header.payload_length) <= rest.len()).then_some(header)
}

/// A header between two addresses, with nothing else set.
pub(super) fn between(source: Ipv6Addr, destination: Ipv6Addr, next_header: u8, hop_limit: u8) -> Ipv6Header {
    Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: 0,
        next_header: IpNumber(next_header),
        hop_limit,
        source: source.octets(),
        destination: destination.octets(),
    }
}

/// A packet: the header with its length set, then the payload.
pub(super) fn packet(header: &Ipv6Header, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6Header { payload_length: payload.len() as u16, ..header.clone() };
    let mut octets = header.to_bytes().to_vec();
    octets.extend_from_slice(payload);
    octets
}

/// Changes the header of a packet in place.
pub(super) fn rewrite(octets: &mut [u8], change: impl FnOnce(&mut Ipv6Header)) {
    let Ok((mut header, _)) = Ipv6Header::from_slice(octets) else { return };
    change(&mut header);
    if let Some(place) = octets.get_mut(..HEADER_LEN) {
        place.copy_from_slice(&header.to_bytes());
    }
}

/// The checksum over a message and the addresses (RFC 8200 section 8.1); 0 for a message that holds the right one.
pub(super) fn checksum(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, message: &[u8]) -> u16 {
    let length = (message.len() as u32).to_be_bytes();
    let pseudo = [&source.octets()[..], &destination.octets(), &length, &[0, 0, 0, protocol], message];
    ipv4::checksum(&pseudo.concat())
}

/// An ICMPv6 message: type, code, four octets of the rest of the header, and the body.
pub(super) fn message(
    (source, destination): (Ipv6Addr, Ipv6Addr),
    (kind, code): (u8, u8),
    rest: [u8; 4],
    body: &[u8],
) -> Vec<u8> {
    let mut octets = vec![kind, code, 0, 0];
    octets.extend_from_slice(&rest);
    octets.extend_from_slice(body);
    let sum = checksum(source, destination, next::ICMPV6, &octets).to_be_bytes();
    octets.splice(2..4, sum);
    octets
}

/// What follows the first eight octets of a neighbour solicitation or advertisement: the target, and an option with the
/// Ethernet address of who sends it.
pub(super) fn about(target: Ipv6Addr, advertises: bool, mac: Option<Mac>) -> Vec<u8> {
    let mut body = target.octets().to_vec();
    if let Some(mac) = mac {
        body.extend_from_slice(&[if advertises { option::TARGET_MAC } else { option::SOURCE_MAC }, 1]);
        body.extend_from_slice(&mac.0);
    }
    body
}

/// The body of the solicitation that asks whether an address is taken: a nonce tells it from one that a loop brought
/// back (RFC 7527).
pub(super) fn detection(target: Ipv6Addr, nonce: [u8; 6]) -> Vec<u8> {
    let mut body = about(target, false, None);
    body.extend_from_slice(&[option::NONCE, 1]);
    body.extend_from_slice(&nonce);
    body
}

/// The body of a router solicitation.
pub(super) fn router_solicitation(mac: Mac) -> Vec<u8> {
    let mut body = vec![option::SOURCE_MAC, 1];
    body.extend_from_slice(&mac.0);
    body
}

/// The target of a neighbour solicitation or advertisement, and the Ethernet address that it tells; `body` is what
/// follows the first eight octets.
pub(super) fn read_about(body: &[u8], advertises: bool) -> Option<(Ipv6Addr, Option<Mac>)> {
    let (target, mut options) = body.split_first_chunk::<16>()?;
    let wanted = if advertises { option::TARGET_MAC } else { option::SOURCE_MAC };
    let mut mac = None;
    while let Some(&[kind, length]) = options.first_chunk::<2>() {
        let (own, rest) = options.split_at_checked(usize::from(length) * 8).filter(|_| length > 0)?;
        if kind == wanted {
            mac = own.get(2..8).and_then(|octets| octets.first_chunk::<6>()).map(|octets| Mac(*octets));
        }
        options = rest;
    }
    Some((Ipv6Addr::from(*target), mac))
}

/// A report about groups (RFC 3810 section 5.2) behind the hop-by-hop header with the router alert: each group with
/// whether it was joined ("to exclude nothing") or left ("to include nothing").
pub(super) fn report(source: Ipv6Addr, groups: &[(Ipv6Addr, bool)]) -> Vec<u8> {
    let [a, b] = (groups.len() as u16).to_be_bytes();
    let mut body = Vec::new();
    for (group, joined) in groups {
        body.extend_from_slice(&[if *joined { 4 } else { 3 }, 0, 0, 0]);
        body.extend_from_slice(&group.octets());
    }
    let mut octets = vec![next::ICMPV6, 0, 5, 2, 0, 0, 1, 0];
    octets.extend(message((source, ALL_REPORTS), (icmp6::REPORT, 0), [0, 0, a, b], &body));
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_as_long_as_the_kernels_and_its_checksum_is_right() {
        let source = "fe80::5804:aff:fe00:90".parse().unwrap();
        let octets = report(source, &[("ff02::1:ff00:90".parse().unwrap(), true)]);
        assert_eq!(octets.len(), 36);
        assert_eq!(checksum(source, ALL_REPORTS, next::ICMPV6, &octets[8..]), 0);
    }

    #[test]
    fn damaged_options_tell_nothing() {
        let target: Ipv6Addr = "fd00::1".parse().unwrap();
        let whole = about(target, true, Some(Mac([2, 0, 0, 0, 0, 1])));
        assert_eq!(read_about(&whole, true), Some((target, Some(Mac([2, 0, 0, 0, 0, 1])))));
        assert_eq!(read_about(&whole, false), Some((target, None)));
        for damaged in [&whole[..15], &whole[..20], &[whole[..16].to_vec(), vec![2, 0]].concat()[..]] {
            assert_eq!(read_about(damaged, true), None, "{damaged:?}");
        }
    }
}
