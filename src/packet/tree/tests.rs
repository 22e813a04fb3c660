use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::*;
use crate::packet::{Frame, Timestamp};

fn ping() -> Vec<u8> {
    let mut octets = Vec::new();
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([10, 0, 0, 144], [10, 0, 1, 165], 63)
        .icmpv4_echo_request(1059, 1)
        .write(&mut octets, b"um-ipsec")
        .expect("a Vec takes everything");
    octets
}

fn frame(octets: Vec<u8>, original_len: u32) -> Frame {
    Frame { time: Timestamp(0), link: LinkType::Ethernet, device: None, octets, original_len }
}

#[test]
fn a_ping_is_shown_field_by_field() {
    let tree = Tree::of_frame(&frame(ping(), 50).view());
    let text = tree.to_string();
    assert_eq!(
        text,
        "\
Ethernet II: 02:00:00:00:00:01 > 02:00:00:00:00:02
  Destination: 02:00:00:00:00:02
  Source: 02:00:00:00:00:01
  Type: IPv4 (0x0800)
Internet Protocol Version 4: 10.0.0.144 > 10.0.1.165
  Version: 4
  Header Length: 20 octets (5)
  Differentiated Services Field: 0x00 (DSCP: 0, ECN: Not-ECT)
  Total Length: 36
  Identification: 0x0000 (0)
  Flags: 0x2
    Reserved bit: not set
    Don't fragment: set
    More fragments: not set
  Fragment Offset: 0
  Time to Live: 63
  Protocol: ICMP (1)
  Header Checksum: 0x25a5 [correct]
  Source Address: 10.0.0.144
  Destination Address: 10.0.1.165
Internet Control Message Protocol: Echo (ping) request
  Type: 8 (Echo (ping) request)
  Code: 0
  Checksum: 0x7b2e [correct]
  Identifier: 1059 (0x0423)
  Sequence Number: 1 (0x0001)
Data: 8 octets
  Octets: 756d2d6970736563
"
    );
}

#[test]
fn every_field_says_which_octets_it_is() {
    let octets = ping();
    let tree = Tree::of_frame(&frame(octets.clone(), 50).view());
    for (id, expected) in [
        ("eth.src", &octets[6..12]),
        ("ip.ttl", &[63][..]),
        ("ip.dst", &[10, 0, 1, 165]),
        ("icmp.ident", &[4, 0x23]),
        ("data", b"um-ipsec"),
    ] {
        let node = tree.find(id).expect(id);
        assert_eq!(&octets[node.range.clone()], expected, "{id}");
    }
}

#[test]
fn a_packet_that_was_cut_shows_the_fields_that_are_there() {
    let mut octets = ping();
    octets.truncate(14 + 13);
    let tree = Tree::of_frame(&frame(octets, 50).view());
    assert_eq!(tree.find("ip.ttl").map(|node| node.value.as_str()), Some("63"));
    assert_eq!(tree.find("ip.src"), None);
    assert_eq!(
        tree.stop.map(|stop| stop.to_string()).as_deref(),
        Some("IPv4 header at octet 14: 20 octets are needed, the capture was cut after 13")
    );
}

#[test]
fn a_wrong_checksum_is_told_with_the_right_one() {
    let mut octets = ping();
    octets[14 + 11] ^= 1;
    octets[14 + 20 + 3] ^= 1;
    let tree = Tree::of_frame(&frame(octets, 50).view());
    let value = |id| tree.find(id).map(|node| node.value.as_str());
    assert_eq!(value("ip.checksum"), Some("0x25a4 [incorrect, should be 0x25a5]"));
    assert_eq!(value("icmp.checksum"), Some("0x7b2f [incorrect, should be 0x7b2e]"));
}

#[test]
fn esp_is_shown_as_far_as_it_is_clear() {
    let mut octets = vec![0, 0, 0, 3, 0, 0, 0, 9];
    octets.extend([0xab; 40]);
    let tree = Tree::of_protocol(50, &octets);
    assert_eq!(
        tree.to_string(),
        format!(
            "\
Encapsulating Security Payload: SPI 0x00000003, seq 9
  ESP SPI: 0x00000003 (3)
  ESP Sequence: 9
  Encrypted: 40 octets (IV, ciphertext and ICV)
    Octets: {}…
",
            "ab".repeat(32)
        )
    );
}

#[test]
fn the_packet_that_an_icmp_error_quotes_is_shown_in_its_place() {
    let quoted = &ping()[14..14 + 28];
    let mut octets = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 144], 64)
        .icmpv4_raw(3, 4, [0, 0, 0x05, 0x8f])
        .write(&mut octets, quoted)
        .expect("a Vec takes everything");
    let tree = Tree::of_ip(&octets);
    assert_eq!(tree.find("icmp.mtu").map(|node| node.value.as_str()), Some("1423"));
    let inner = tree.find("icmp.quoted").and_then(|node| node.children.first()).expect("a quoted packet");
    assert_eq!((inner.id, inner.value.as_str()), ("ip", "10.0.0.144 > 10.0.1.165"));
    assert_eq!(&octets[inner.range.clone()], &quoted[..20]);
}

proptest! {
    #[test]
    fn arbitrary_octets_never_panic_and_every_range_lies_inside(
        link in prop::sample::select(vec![
            LinkType::Null, LinkType::Ethernet, LinkType::Raw, LinkType::LinuxSll, LinkType::LinuxSll2,
        ]),
        octets in prop::collection::vec(any::<u8>(), 0..200),
        protocol in prop::sample::select(vec![0_u8, 1, 4, 6, 17, 41, 43, 44, 50, 51, 58]),
    ) {
        let len = octets.len();
        let framed = Frame { link, ..frame(octets.clone(), 300) };
        for tree in [Tree::of_frame(&framed.view()), Tree::of_protocol(protocol, &octets)] {
            for (_, node) in tree.walk() {
                prop_assert!(node.range.start <= node.range.end && node.range.end <= len, "{:?}", node);
            }
            let _ = tree.to_string();
        }
    }

    #[test]
    fn a_ping_cut_anywhere_or_with_any_octet_changed_never_panics(at in 0..50_usize, value: u8, cut in 0..51_usize) {
        let mut octets = ping();
        if let Some(octet) = octets.get_mut(at) {
            *octet = value;
        }
        octets.truncate(cut);
        let tree = Tree::of_frame(&frame(octets, 50).view());
        for (_, node) in tree.walk() {
            prop_assert!(node.range.end <= cut);
        }
    }
}
