use etherparse::err::ip_auth;
use etherparse::{
    ArpPacketSlice, Ethernet2HeaderSlice, IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice, SingleVlanHeaderSlice, TcpHeaderSlice, UdpHeaderSlice, err,
};

use super::layer::{Data, Layer, Located, Reason, Stop};
use super::{Cooked, EspHeader, IcmpHeader, LinkType, VxlanHeader};

/// The UDP port of ESP and IKE behind NAT (RFC 3948).
pub const NAT_T_PORT: u16 = 4500;
/// The UDP ports of VXLAN: IANA's, and the one that Linux began with and Cilium uses.
pub const VXLAN_PORTS: [u16; 2] = [4789, 8472];

/// Walks the layers of a packet, outermost first, without allocating.
///
/// Each item is a header that was read, with its place; an item `Err` says where reading stopped and why, and is the
/// last. It never panics, whatever the octets. Packets inside VXLAN and inside IP-in-IP are walked into; a packet
/// quoted in an ICMP error is not (it is the body of that layer).
#[derive(Debug, Clone)]
pub struct Layers<'a> {
    octets: &'a [u8],
    /// What comes next, or `None` at the end.
    next: Option<Next>,
    /// Where the next header begins.
    at: usize,
    /// Where the layer reached ends: captured, and inside every length of the layers around it.
    end: usize,
    /// Where it would end by its own length alone; more than `end` when octets are missing.
    promised: usize,
    /// Where it ended on the wire, inside every length of the layers around it; more than `end` when a snap length cut it.
    wire: usize,
}

/// All layers of a packet at once, for whoever wants to look back and forth.
#[derive(Debug, Clone)]
pub struct Dissection<'a> {
    /// What was dissected.
    pub octets: &'a [u8],
    /// The layers that could be read, outermost first.
    pub layers: Vec<Located<'a>>,
    /// Why there are not more of them, if something was cut or broken.
    pub stop: Option<Stop>,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Ethernet,
    CookedV1,
    CookedV2,
    Loopback(LinkType),
    /// Any but those of IP.
    EtherType(u16),
    /// An IP packet, of the version that was announced, if one was.
    Ip(Option<u8>),
    /// Any but those of IP and ESP.
    Protocol(u8),
    Esp,
    /// What UDP port 4500 carries.
    NatT,
    Vxlan,
    Data(Data),
}

impl<'a> Layers<'a> {
    /// The layers of a captured frame. `original_len` is its length on the wire.
    pub fn of_frame(link: LinkType, octets: &'a [u8], original_len: u32) -> Self {
        let wire = octets.len().max(original_len as usize);
        Self { promised: wire, wire, ..Self::begin(octets, Next::of_link(link)) }
    }

    /// The layers of a bare IPv4 or IPv6 packet.
    pub fn of_ip(octets: &'a [u8]) -> Self {
        Self::begin(octets, Next::Ip(None))
    }

    /// The layers of what an IP packet with this protocol number (or ESP with this next header) carries.
    pub fn of_protocol(protocol: u8, octets: &'a [u8]) -> Self {
        Self::begin(octets, Next::of_protocol(protocol))
    }

    /// Right after a UDP header: reads its payload as that of port 4500, because somebody who knows says that these ports
    /// carry ESP too.
    pub fn expect_nat_t(&mut self) {
        if self.next.is_some() {
            self.next = Some(Next::NatT);
        }
    }

    fn begin(octets: &'a [u8], next: Next) -> Self {
        let end = octets.len();
        Self { octets, next: Some(next), at: 0, end, promised: end, wire: end }
    }

    /// What is there of the octets from the place reached to the end that the lengths set.
    fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..self.end).unwrap_or_default()
    }

    /// A header of `len` octets was read: goes past it, with the rest of the layer as its body.
    fn passed(&mut self, layer: Layer<'a>, len: usize, next: Option<Next>) -> Located<'a> {
        let start = self.at;
        self.at = (start + len).min(self.end);
        // Empty bodies hold no further layer, except where a missing header is worth saying.
        self.next = next.filter(|next| !(matches!(next, Next::Data(_)) && self.at >= self.promised));
        Located { layer, start, body: self.at, end: self.end, missing: self.promised - self.end }
    }

    /// Lets the layer that begins here end after `len` octets; what lies behind is padding.
    fn bound(&mut self, len: usize) {
        self.promised = self.at + len;
        self.end = self.end.min(self.promised);
        self.wire = self.wire.min(self.promised);
    }

    fn stopped(&self, header: &'static str, reason: Reason) -> Stop {
        Stop { header, offset: self.at, reason }
    }

    /// The stop for a header of `need` octets that are not all there.
    fn short(&self, header: &'static str, need: usize) -> Stop {
        let have = self.rest().len();
        let reason = if self.end < self.wire { Reason::Cut { need, have } } else { Reason::Short { need, have } };
        self.stopped(header, reason)
    }

    fn len_error(&self, header: &'static str, error: &err::LenError) -> Stop {
        self.short(header, error.required_len)
    }

    fn loopback(&mut self, link: LinkType) -> Result<Located<'a>, Stop> {
        let Some(octets) = self.rest().first_chunk().copied() else {
            return Err(self.short("loopback header", 4));
        };
        let family = loopback_family(link, octets);
        let next = match family {
            2 => Next::of_ether_type(0x0800),
            // AF_INET6 of Linux, BSD/OS and NetBSD, FreeBSD, Darwin.
            10 | 24 | 28 | 30 => Next::of_ether_type(0x86dd),
            other => Next::Data(Data::Family(other)),
        };
        Ok(self.passed(Layer::Loopback(family), 4, Some(next)))
    }

    fn ethernet(&mut self) -> Result<Located<'a>, Stop> {
        let header =
            Ethernet2HeaderSlice::from_slice(self.rest()).map_err(|error| self.len_error("Ethernet header", &error))?;
        let next = Next::of_ether_type(header.ether_type().0);
        Ok(self.passed(Layer::Ethernet(header), 14, Some(next)))
    }

    fn cooked(&mut self, cooked: Option<Cooked<'a>>, len: usize) -> Result<Located<'a>, Stop> {
        let Some(cooked) = cooked else { return Err(self.short("Linux cooked header", len)) };
        Ok(self.passed(Layer::Cooked(cooked), len, Some(Next::of_ether_type(cooked.protocol))))
    }

    fn ether_type(&mut self, ether_type: u16) -> Result<Located<'a>, Stop> {
        match ether_type {
            0x0806 => {
                let arp =
                    ArpPacketSlice::from_slice(self.rest()).map_err(|error| self.len_error("ARP packet", &error))?;
                let len = arp.slice().len();
                Ok(self.passed(Layer::Arp(arp), len, None))
            }
            0x8100 | 0x88a8 | 0x9100 => {
                let tag = SingleVlanHeaderSlice::from_slice(self.rest())
                    .map_err(|error| self.len_error("VLAN tag", &error))?;
                let next = Next::of_ether_type(tag.ether_type().0);
                Ok(self.passed(Layer::Vlan(tag), 4, Some(next)))
            }
            other => Ok(self.data(Data::EtherType(other))),
        }
    }

    fn ip(&mut self, expected: Option<u8>) -> Result<Located<'a>, Stop> {
        let found = self.rest().first().map(|first| first >> 4);
        let header = if expected == Some(6) { "IPv6 header" } else { "IPv4 header" };
        match (expected, found) {
            (_, None) => Err(self.short(header, if expected == Some(6) { 40 } else { 20 })),
            (Some(expected), Some(found)) if expected != found => {
                Err(self.stopped(header, Reason::Version { expected, found }))
            }
            (_, Some(4)) => self.ipv4(),
            (_, Some(6)) => self.ipv6(),
            (_, Some(found)) => Err(self.stopped("IP header", Reason::Version { expected: 4, found })),
        }
    }

    fn ipv4(&mut self) -> Result<Located<'a>, Stop> {
        use err::ipv4::{HeaderError, HeaderSliceError};
        const HEADER: &str = "IPv4 header";
        let header = Ipv4HeaderSlice::from_slice(self.rest()).map_err(|error| match error {
            HeaderSliceError::Len(error) => self.len_error(HEADER, &error),
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
                self.stopped(HEADER, Reason::Version { expected: 4, found: version_number })
            }
            HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { ihl }) => {
                self.stopped(HEADER, Reason::Length { found: usize::from(ihl) * 4, least: 20 })
            }
        })?;
        let header_len = header.slice().len();
        match usize::from(header.total_len()) {
            // Segmentation offload leaves 0 there: the packet is as long as what was captured.
            0 => {}
            found if found < header_len => {
                return Err(self.stopped(HEADER, Reason::Length { found, least: header_len }));
            }
            total_len => self.bound(total_len),
        }
        let next = if header.fragments_offset().value() > 0 {
            Next::Data(Data::Fragment)
        } else {
            Next::of_protocol(header.protocol().0)
        };
        Ok(self.passed(Layer::Ipv4(header), header_len, Some(next)))
    }

    fn ipv6(&mut self) -> Result<Located<'a>, Stop> {
        use err::ipv6::{HeaderError, HeaderSliceError};
        const HEADER: &str = "IPv6 header";
        let header = Ipv6HeaderSlice::from_slice(self.rest()).map_err(|error| match error {
            HeaderSliceError::Len(error) => self.len_error(HEADER, &error),
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
                self.stopped(HEADER, Reason::Version { expected: 6, found: version_number })
            }
        })?;
        // Zero means a jumbo payload or segmentation offload: the packet is as long as what was captured.
        if header.payload_length() > 0 {
            self.bound(40 + usize::from(header.payload_length()));
        }
        Ok(self.passed(Layer::Ipv6(header), 40, Some(Next::of_protocol(header.next_header().0))))
    }

    fn protocol(&mut self, protocol: u8) -> Result<Located<'a>, Stop> {
        match protocol {
            0 | 43 | 60 | 135 | 139 | 140 => {
                let header = Ipv6RawExtHeaderSlice::from_slice(self.rest())
                    .map_err(|error| self.len_error("IPv6 extension header", &error))?;
                let next = Next::of_protocol(header.next_header().0);
                let len = header.slice().len();
                Ok(self.passed(Layer::Ipv6Extension(protocol, header), len, Some(next)))
            }
            44 => {
                let header = Ipv6FragmentHeaderSlice::from_slice(self.rest())
                    .map_err(|error| self.len_error("IPv6 fragment header", &error))?;
                let next = if header.fragment_offset().value() > 0 {
                    Next::Data(Data::Fragment)
                } else {
                    Next::of_protocol(header.next_header().0)
                };
                Ok(self.passed(Layer::Ipv6Fragment(header), 8, Some(next)))
            }
            51 => self.ah(),
            1 | 58 => {
                let Some(icmp) = IcmpHeader::read(self.rest()) else {
                    return Err(
                        self.short(if protocol == 1 { "ICMP header" } else { "ICMPv6 header" }, IcmpHeader::LEN)
                    );
                };
                let layer = if protocol == 1 { Layer::Icmpv4(icmp) } else { Layer::Icmpv6(icmp) };
                Ok(self.passed(layer, IcmpHeader::LEN, Some(Next::Data(Data::Payload))))
            }
            17 => self.udp(),
            6 => self.tcp(),
            other => Ok(self.data(Data::Protocol(other))),
        }
    }

    fn esp(&mut self) -> Result<Located<'a>, Stop> {
        let Some(esp) = EspHeader::read(self.rest()) else { return Err(self.short("ESP header", EspHeader::LEN)) };
        Ok(self.passed(Layer::Esp(esp), EspHeader::LEN, None))
    }

    fn ah(&mut self) -> Result<Located<'a>, Stop> {
        const HEADER: &str = "AH header";
        let header = IpAuthHeaderSlice::from_slice(self.rest()).map_err(|error| match error {
            ip_auth::HeaderSliceError::Len(error) => self.len_error(HEADER, &error),
            ip_auth::HeaderSliceError::Content(ip_auth::HeaderError::ZeroPayloadLen) => {
                self.stopped(HEADER, Reason::Length { found: 8, least: 12 })
            }
        })?;
        let next = Next::of_protocol(header.next_header().0);
        let len = header.slice().len();
        Ok(self.passed(Layer::Ah(header), len, Some(next)))
    }

    fn udp(&mut self) -> Result<Located<'a>, Stop> {
        const HEADER: &str = "UDP header";
        let header = UdpHeaderSlice::from_slice(self.rest()).map_err(|error| self.len_error(HEADER, &error))?;
        match usize::from(header.length()) {
            0 => {}
            found if found < 8 => return Err(self.stopped(HEADER, Reason::Length { found, least: 8 })),
            // A first fragment holds less than the datagram's length says; that is not a cut.
            length if self.at + length < self.promised => self.bound(length),
            _ => {}
        }
        let next = if header.source_port() == NAT_T_PORT || header.destination_port() == NAT_T_PORT {
            Next::NatT
        } else if VXLAN_PORTS.contains(&header.destination_port()) {
            Next::Vxlan
        } else {
            Next::Data(Data::Payload)
        };
        let next = Some(next).filter(|_| self.at + 8 < self.promised);
        Ok(self.passed(Layer::Udp(header), 8, next))
    }

    fn tcp(&mut self) -> Result<Located<'a>, Stop> {
        use err::tcp::{HeaderError, HeaderSliceError};
        const HEADER: &str = "TCP header";
        let header = TcpHeaderSlice::from_slice(self.rest()).map_err(|error| match error {
            HeaderSliceError::Len(error) => self.len_error(HEADER, &error),
            HeaderSliceError::Content(HeaderError::DataOffsetTooSmall { data_offset }) => {
                self.stopped(HEADER, Reason::Length { found: usize::from(data_offset) * 4, least: 20 })
            }
        })?;
        let len = header.slice().len();
        Ok(self.passed(Layer::Tcp(header), len, Some(Next::Data(Data::Payload))))
    }

    fn nat_t(&mut self) -> Result<Located<'a>, Stop> {
        match self.rest() {
            [0xff] if self.promised == self.at + 1 => Ok(self.passed(Layer::NatKeepalive, 1, None)),
            [0, 0, 0, 0, ..] => Ok(self.passed(Layer::NonEspMarker, 4, Some(Next::Data(Data::Ike)))),
            _ => self.esp(),
        }
    }

    fn vxlan(&mut self) -> Result<Located<'a>, Stop> {
        let Some(vxlan) = VxlanHeader::read(self.rest()) else {
            return Err(self.short("VXLAN header", VxlanHeader::LEN));
        };
        // Without a valid VNI it is not VXLAN but something else on that port.
        if vxlan.flags & 0x08 == 0 {
            return Ok(self.data(Data::Payload));
        }
        Ok(self.passed(Layer::Vxlan(vxlan), VxlanHeader::LEN, Some(Next::Ethernet)))
    }

    fn data(&mut self, data: Data) -> Located<'a> {
        self.passed(Layer::Data(data), 0, None)
    }
}

impl<'a> Iterator for Layers<'a> {
    type Item = Result<Located<'a>, Stop>;

    #[expect(clippy::inline_always, reason = "an item is large: where it is made in place, it is never moved")]
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.next.take()? {
            Next::Ethernet => self.ethernet(),
            Next::CookedV1 => self.cooked(Cooked::read_v1(self.rest()), Cooked::V1_LEN),
            Next::CookedV2 => self.cooked(Cooked::read_v2(self.rest()), Cooked::V2_LEN),
            Next::Loopback(link) => self.loopback(link),
            Next::EtherType(ether_type) => self.ether_type(ether_type),
            Next::Ip(version) => self.ip(version),
            Next::Protocol(protocol) => self.protocol(protocol),
            Next::Esp => self.esp(),
            Next::NatT => self.nat_t(),
            Next::Vxlan => self.vxlan(),
            Next::Data(data) => Ok(self.data(data)),
        })
    }
}

impl Next {
    fn of_link(link: LinkType) -> Self {
        match link {
            LinkType::Ethernet => Self::Ethernet,
            LinkType::LinuxSll => Self::CookedV1,
            LinkType::LinuxSll2 => Self::CookedV2,
            LinkType::Null | LinkType::Loop => Self::Loopback(link),
            LinkType::Raw => Self::Ip(None),
            LinkType::Ipv4 => Self::Ip(Some(4)),
            LinkType::Ipv6 => Self::Ip(Some(6)),
        }
    }

    fn of_ether_type(ether_type: u16) -> Self {
        match ether_type {
            0x0800 => Self::Ip(Some(4)),
            0x86dd => Self::Ip(Some(6)),
            other => Self::EtherType(other),
        }
    }

    fn of_protocol(protocol: u8) -> Self {
        match protocol {
            4 => Self::Ip(Some(4)),
            41 => Self::Ip(Some(6)),
            50 => Self::Esp,
            other => Self::Protocol(other),
        }
    }
}

impl<'a> Dissection<'a> {
    /// Dissects a captured frame. `original_len` is its length on the wire.
    pub fn of_frame(link: LinkType, octets: &'a [u8], original_len: u32) -> Self {
        Self::of_layers(Layers::of_frame(link, octets, original_len))
    }

    /// Dissects a bare IPv4 or IPv6 packet.
    pub fn of_ip(octets: &'a [u8]) -> Self {
        Self::of_layers(Layers::of_ip(octets))
    }

    /// Collects a walk.
    pub fn of_layers(walk: Layers<'a>) -> Self {
        let octets = walk.octets;
        let mut layers = Vec::with_capacity(6);
        let mut stop = None;
        for item in walk {
            match item {
                Ok(located) => layers.push(located),
                Err(reason) => stop = Some(reason),
            }
        }
        Self { octets, layers, stop }
    }

    /// The captured octets of a layer's body.
    pub fn body(&self, located: &Located<'_>) -> &'a [u8] {
        self.octets.get(located.body..located.end).unwrap_or_default()
    }
}

/// The address family of a loopback capture. `LinkType::Null` has it in the byte order of the capturing machine, which
/// the octets show: a family is a small number.
fn loopback_family(link: LinkType, octets: [u8; 4]) -> u32 {
    let big = u32::from_be_bytes(octets);
    if link == LinkType::Null && big > 0xffff { big.swap_bytes() } else { big }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    use super::*;
    use crate::esp::Spi;

    const LINKS: [LinkType; 8] = [
        LinkType::Null,
        LinkType::Ethernet,
        LinkType::Raw,
        LinkType::Loop,
        LinkType::LinuxSll,
        LinkType::Ipv4,
        LinkType::Ipv6,
        LinkType::LinuxSll2,
    ];

    /// An IPv4 packet with a UDP datagram on these ports.
    fn udp(ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
        let mut octets = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 66], [10, 0, 1, 236], 64)
            .udp(ports.0, ports.1)
            .write(&mut octets, payload)
            .expect("a Vec takes everything");
        octets
    }

    /// The names of the layers, and where it stopped.
    fn names(walk: Layers<'_>) -> String {
        walk.map(|item| item.map_or_else(|stop| format!("! {stop}"), |located| located.layer.to_string()))
            .collect::<Vec<_>>()
            .join(" / ")
    }

    fn esp() -> Vec<u8> {
        [&[0, 0, 0, 3, 0, 0, 0, 1][..], &[0xaa; 40]].concat()
    }

    #[test]
    fn esp_is_found_behind_vlan_tags_and_inside_udp_and_vxlan() {
        let plain = udp((4500, 4500), &esp());
        let tagged = [&[2; 12][..], &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 8, 0], &plain].concat();
        assert_eq!(
            names(Layers::of_frame(LinkType::Ethernet, &tagged, 0)),
            "Ethernet / 802.1Q VLAN / 802.1Q VLAN / IPv4 / UDP / ESP"
        );
        let vxlan = udp((41000, 8472), &[&[8, 0, 0, 0, 0, 0, 5, 0][..], &tagged].concat());
        assert_eq!(
            names(Layers::of_ip(&vxlan)),
            "IPv4 / UDP / VXLAN / Ethernet / 802.1Q VLAN / 802.1Q VLAN / IPv4 / UDP / ESP"
        );
    }

    #[test]
    fn keepalive_and_ike_on_port_4500_are_not_esp() {
        assert_eq!(names(Layers::of_ip(&udp((4500, 4500), &[0xff]))), "IPv4 / UDP / NAT-T keepalive");
        assert_eq!(names(Layers::of_ip(&udp((4500, 4500), &[0, 0, 0, 0, 1]))), "IPv4 / UDP / non-ESP marker / IKE");
        assert_eq!(
            names(Layers::of_ip(&udp((4500, 4500), &[0xff, 1]))),
            "IPv4 / UDP / ! ESP header at octet 28: 8 octets are needed, the packet ends after 2"
        );
    }

    #[test]
    fn every_layer_says_where_it_lies_and_padding_belongs_to_none() {
        let mut frame = [&[2; 12][..], &[8, 0], &udp((1, 2), b"abc")].concat();
        frame.extend([0; 15]);
        let dissection = Dissection::of_frame(LinkType::Ethernet, &frame, 60);
        let places: Vec<_> = dissection
            .layers
            .iter()
            .map(|located| (located.start, located.body, located.end, located.missing))
            .collect();
        assert_eq!(places, [(0, 14, 60, 0), (14, 34, 45, 0), (34, 42, 45, 0), (42, 42, 45, 0)]);
        assert_eq!(dissection.body(&dissection.layers[2]), b"abc");
    }

    #[test]
    fn a_snap_length_is_told_from_a_packet_that_ends_too_soon() {
        let mut packet = udp((1, 2), &[0; 100]);
        packet[9] = 50;
        let cut = Layers::of_frame(LinkType::Raw, &packet[..60], 128);
        let esp = cut.last().expect("there are layers").expect("the headers are whole");
        assert_eq!((esp.end - esp.body, esp.missing), (32, 68));

        assert_eq!(
            names(Layers::of_frame(LinkType::Raw, &packet[..26], 128)),
            "IPv4 / ! ESP header at octet 20: 8 octets are needed, the capture was cut after 6"
        );
        packet[2..4].copy_from_slice(&[0, 26]);
        assert_eq!(
            names(Layers::of_frame(LinkType::Raw, &packet, 128)),
            "IPv4 / ! ESP header at octet 20: 8 octets are needed, the packet ends after 6"
        );
    }

    #[test]
    fn an_inner_length_never_reaches_past_the_outer_packet() {
        let mut inner = udp((1, 2), b"x");
        inner[2..4].copy_from_slice(&[1, 0]);
        let mut outer = udp((0, 0), &inner[8..]);
        outer.splice(20.., inner);
        outer[2..4].copy_from_slice(&49_u16.to_be_bytes());
        outer[9] = 4;
        outer.extend([0xee; 60]);
        let ends: Vec<_> = Layers::of_ip(&outer).filter_map(Result::ok).map(|located| located.end).collect();
        assert_eq!(ends, [49, 49, 49, 49]);
    }

    #[test]
    fn a_later_fragment_is_not_read_as_a_header() {
        let mut packet = udp((4500, 4500), &esp());
        packet[6..8].copy_from_slice(&[0x20, 0x05]);
        assert_eq!(names(Layers::of_ip(&packet)), "IPv4 / IP fragment");
    }

    #[test]
    fn broken_headers_are_named_with_what_was_expected() {
        let mut packet = udp((1, 2), b"x");
        packet[0] = 0x44;
        assert_eq!(
            names(Layers::of_ip(&packet)),
            "! IPv4 header at octet 0: its length field says 16 octets, the least it can be is 20"
        );
        packet[0] = 0x95;
        assert_eq!(names(Layers::of_ip(&packet)), "! IP header at octet 0: expected version 4, found 9");
        assert_eq!(
            names(Layers::of_frame(LinkType::Ipv6, &packet, 0)),
            "! IPv6 header at octet 0: expected version 6, found 9"
        );
        assert_eq!(
            names(Layers::of_frame(LinkType::LinuxSll2, &[0; 4], 120)),
            "! Linux cooked header at octet 0: 20 octets are needed, the capture was cut after 4"
        );
    }

    #[test]
    fn the_address_family_of_a_loopback_capture_is_read_in_both_byte_orders() {
        for (link, family) in
            [(LinkType::Null, [2, 0, 0, 0]), (LinkType::Null, [0, 0, 0, 2]), (LinkType::Loop, [0, 0, 0, 2])]
        {
            let frame = [&family[..], &udp((1, 2), b"x")].concat();
            assert_eq!(names(Layers::of_frame(link, &frame, 0)), "Loopback / IPv4 / UDP / Data");
        }
    }

    #[test]
    fn the_body_of_esp_is_everything_behind_the_sequence_number() {
        let octets = esp();
        let located = Layers::of_protocol(50, &octets).next().expect("a layer").expect("a whole header");
        assert_eq!(located.layer, Layer::Esp(EspHeader { spi: Spi(3), seq: 1 }));
        assert_eq!((located.body, located.end), (8, 48));
    }

    proptest! {
        #[test]
        fn arbitrary_octets_never_panic_and_layers_lie_one_behind_the_other(
            link in 0..LINKS.len(),
            octets in prop::collection::vec(any::<u8>(), 0..200),
            original_len in 0..400_u32,
            protocol in prop::sample::select(vec![0_u8, 4, 6, 17, 41, 43, 44, 50, 51, 58, 60]),
        ) {
            for walk in [Layers::of_frame(LINKS[link], &octets, original_len), Layers::of_protocol(protocol, &octets)] {
                let mut at = 0;
                for item in walk {
                    let Ok(located) = item else { break };
                    prop_assert_eq!(located.start, at);
                    prop_assert!(located.start <= located.body && located.body <= located.end);
                    prop_assert!(located.end <= octets.len());
                    at = located.body;
                }
            }
        }

        #[test]
        fn a_packet_cut_anywhere_or_with_any_octet_changed_never_panics(
            at in 0..120_usize, value in any::<u8>(), cut in 0..140_usize,
        ) {
            let inner = udp((4500, 4500), &esp());
            let mut packet = udp((1, 4789), &[&[8, 0, 0, 0, 0, 0, 5, 0][..], &[2; 12], &[8, 0], &inner].concat());
            if let Some(octet) = packet.get_mut(at) {
                *octet = value;
            }
            packet.truncate(cut);
            prop_assert!(Layers::of_ip(&packet).count() < 20);
        }
    }
}
