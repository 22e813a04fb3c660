use etherparse::{IpNumber, Ipv4Header, Ipv6Header};

use super::Verdict;
use crate::packet::{FrameView, LinkType};

/// Next headers that are a whole IP packet (tunnel mode), and the one that stands for nothing (RFC 4303 section 2.6).
const IPV4: u8 = 4;
const IPV6: u8 = 41;
const NO_NEXT_HEADER: u8 = 59;

impl Verdict<'_> {
    /// Appends what is inside the innermost ESP as a whole IP packet and says whether there was one.
    ///
    /// In tunnel mode that is the payload. In transport mode it is the payload behind the IP header around ESP, with
    /// protocol, length and checksum as they would be without ESP (IPv6 extension headers are left out).
    pub fn plain_packet(&self, out: &mut Vec<u8>) -> bool {
        let Some(inner) = self.inner else { return false };
        match inner.next_header {
            IPV4 | IPV6 => {}
            NO_NEXT_HEADER => return false,
            protocol => {
                let header = self.header_around().and_then(|header| without_esp(header, protocol, inner.octets.len()));
                let Some(header) = header else { return false };
                out.extend_from_slice(&header);
            }
        }
        out.extend_from_slice(inner.octets);
        true
    }

    /// Appends the frame as it would have been captured without ESP: the link header of `frame`, which the
    /// verdict is about, with the packet that was inside.
    ///
    /// Returns the link type that it now has (which is [`LinkType::Raw`] where the captured one says the IP version), or
    /// `None` when nothing was opened.
    pub fn plain_frame(&self, frame: &FrameView<'_>, out: &mut Vec<u8>) -> Option<LinkType> {
        let start = out.len();
        out.extend_from_slice(frame.octets.get(..self.link_len)?);
        let packet_start = out.len();
        if !self.plain_packet(out) {
            out.truncate(start);
            return None;
        }
        let v6 = out.get(packet_start).is_some_and(|octet| octet >> 4 == 6);
        let header = out.get_mut(start..packet_start)?;
        match frame.link {
            LinkType::Ipv4 | LinkType::Ipv6 => return Some(LinkType::Raw),
            LinkType::Raw => {}
            LinkType::Null | LinkType::Loop => set_family(header, v6),
            // The EtherType is at the end, be it of Ethernet, SLL or a VLAN tag; only SLL2 has its own in front.
            LinkType::LinuxSll2 if header.len() == 20 => set_ether_type(header.first_chunk_mut(), v6),
            LinkType::Ethernet | LinkType::LinuxSll | LinkType::LinuxSll2 => {
                set_ether_type(header.last_chunk_mut(), v6);
            }
        }
        Some(frame.link)
    }
}

fn set_ether_type(field: Option<&mut [u8; 2]>, v6: bool) {
    if let Some(field) = field {
        *field = if v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
    }
}

/// Changes the address family where the IP version changed; 24 is an AF_INET6 that every reader knows.
fn set_family(header: &mut [u8], v6: bool) {
    let Some(octets) = header.first_chunk_mut::<4>() else { return };
    let little = octets[0] != 0;
    let family = octets.iter().copied().max().unwrap_or_default();
    if v6 != (family != 2) {
        let family: u32 = if v6 { 24 } else { 2 };
        *octets = if little { family.to_le_bytes() } else { family.to_be_bytes() };
    }
}

/// The IP header of `packet` for `len` octets of `protocol` behind it.
fn without_esp(packet: &[u8], protocol: u8, len: usize) -> Option<Vec<u8>> {
    if packet.first()? >> 4 == 6 {
        let (mut header, _) = Ipv6Header::from_slice(packet).ok()?;
        header.next_header = IpNumber(protocol);
        header.set_payload_length(len).ok()?;
        return Some(header.to_bytes().to_vec());
    }
    let (mut header, _) = Ipv4Header::from_slice(packet).ok()?;
    header.protocol = IpNumber(protocol);
    header.set_payload_len(len).ok()?;
    header.header_checksum = header.calc_header_checksum();
    Some(header.to_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;
    use crate::decrypt::{Keyring, Scratch};
    use crate::esp::{Secret, Spi};
    use crate::packet::{Dissection, Timestamp};
    use crate::xfrm::{Algorithm, AlgorithmKind, Key, State};

    const A: [u8; 4] = [10, 0, 0, 66];
    const B: [u8; 4] = [10, 0, 1, 236];

    fn state() -> State {
        let key = Key::Known(Secret::new(vec![1; 20]));
        let aead = Algorithm { kind: AlgorithmKind::Aead { icv_bits: 128 }, name: "rfc4106(gcm(aes))".into(), key };
        State { algorithms: vec![aead], ..State::esp_tunnel(A.into(), B.into(), Spi(3)) }
    }

    fn sealed(next_header: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        state().compile().unwrap().seal(1, &[7; 8], next_header, payload, &mut packet).unwrap();
        packet
    }

    fn in_ipv4(proto: u8, payload: &[u8]) -> Vec<u8> {
        let header = Ipv4Header::new(payload.len() as u16, 64, IpNumber(proto), A, B).unwrap();
        [&header.to_bytes()[..], payload].concat()
    }

    fn plain(link: LinkType, octets: &[u8]) -> (Option<LinkType>, Vec<u8>) {
        let (keyring, mut scratch, mut out) = (Keyring::new([&state()]), Scratch::default(), vec![]);
        let frame = FrameView { time: Timestamp(0), link, device: None, octets, original_len: 0 };
        let link = keyring.decrypt(&frame, &mut scratch).plain_frame(&frame, &mut out);
        (link, out)
    }

    fn ipv6_packet() -> Vec<u8> {
        let mut packet = Vec::new();
        PacketBuilder::ipv6([1; 16], [2; 16], 9).udp(1, 2).write(&mut packet, b"six").unwrap();
        packet
    }

    #[test]
    fn the_link_header_stays_and_names_the_inner_version() {
        let inner = ipv6_packet();
        let packet = in_ipv4(50, &sealed(IPV6, &inner));
        let sll2 = [&[8, 0][..], &[9; 18]].concat();
        for (link, header, expected) in [
            (LinkType::Ethernet, [&[2; 12][..], &[8, 0]].concat(), [&[2; 12][..], &[0x86, 0xdd]].concat()),
            (
                LinkType::Ethernet,
                [&[2; 12][..], &[0x81, 0, 0, 7, 8, 0]].concat(),
                [&[2; 12][..], &[0x81, 0, 0, 7, 0x86, 0xdd]].concat(),
            ),
            (LinkType::LinuxSll, [&[9; 14][..], &[8, 0]].concat(), [&[9; 14][..], &[0x86, 0xdd]].concat()),
            (LinkType::LinuxSll2, sll2, [&[0x86, 0xdd][..], &[9; 18]].concat()),
            (LinkType::Null, vec![2, 0, 0, 0], vec![24, 0, 0, 0]),
            (LinkType::Loop, vec![0, 0, 0, 2], vec![0, 0, 0, 24]),
            (LinkType::Raw, vec![], vec![]),
        ] {
            let frame = [&header[..], &packet].concat();
            assert_eq!(plain(link, &frame), (Some(link), [&expected[..], &inner].concat()));
        }
        assert_eq!(plain(LinkType::Ipv4, &packet), (Some(LinkType::Raw), inner));
    }

    #[test]
    fn what_is_around_esp_is_gone_vxlan_and_udp_too() {
        let inner = ipv6_packet();
        let mut natted = Vec::new();
        PacketBuilder::ipv4(A, B, 64).udp(4500, 4500).write(&mut natted, &sealed(IPV6, &inner)).unwrap();
        let ethernet = [&[2; 12][..], &[8, 0], &natted].concat();
        let mut tunnelled = Vec::new();
        let vxlan = [&[8, 0, 0, 0, 0, 0, 5, 0][..], &ethernet].concat();
        PacketBuilder::ipv4([1; 4], [2; 4], 64).udp(40000, 8472).write(&mut tunnelled, &vxlan).unwrap();
        assert_eq!(plain(LinkType::Raw, &tunnelled), (Some(LinkType::Raw), inner));
    }

    #[test]
    fn a_transport_packet_gets_its_ip_header_back_with_a_right_checksum() {
        let mut whole = Vec::new();
        PacketBuilder::ipv4(A, B, 64).tcp(1, 2, 3, 4).write(&mut whole, b"payload").unwrap();
        let frame = in_ipv4(50, &sealed(6, &whole[20..]));
        assert_eq!(plain(LinkType::Raw, &frame).1, whole);
        let (header, _) = Ipv4Header::from_slice(&whole).unwrap();
        assert_eq!(header.header_checksum, header.calc_header_checksum());
        assert_eq!(Dissection::of_ip(&whole).stop, None);
    }

    #[test]
    fn what_was_not_opened_gives_no_plain_frame() {
        let mut frame = in_ipv4(50, &sealed(IPV6, &ipv6_packet()));
        frame[40] ^= 1;
        assert_eq!(plain(LinkType::Raw, &frame), (None, vec![]));
        assert_eq!(plain(LinkType::Raw, &in_ipv4(50, &sealed(NO_NEXT_HEADER, b"dummy"))), (None, vec![]));
        assert_eq!(plain(LinkType::Raw, &ipv6_packet()), (None, vec![]));
    }
}
