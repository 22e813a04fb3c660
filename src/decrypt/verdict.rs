use std::net::IpAddr;
use std::ops::Range;

use super::keyring::Trial;
use super::search::{End, Found};
use super::{Entry, Keyring, Malformed, Outcome, Outer, Step};
use crate::esp::{OpenError, Opened, Spi};
use crate::packet::{EspHeader, Frame, FrameView, Layers, Reason, Stop};

/// Room that is used again for each packet, so that looking at a packet allocates nothing once it has grown.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    pub(super) octets: Vec<u8>,
    /// The ESP packet inside another that is being opened, as it was.
    sealed: Vec<u8>,
    pub(super) esp: Vec<EspPlace>,
    path: Vec<Step>,
}

/// What was found in one frame, and how it went.
#[derive(Debug, Clone)]
pub struct Verdict<'a> {
    /// How it ended. It is `Decrypted` as soon as one layer of ESP is open.
    pub outcome: Outcome<'a>,
    /// Why ESP inside the layer that is open was not opened in its turn.
    pub deeper: Option<Outcome<'a>>,
    /// The IP header around the outermost ESP; without ESP, the outermost IP header.
    pub outer: Option<Outer>,
    /// What is directly inside the innermost ESP that is open.
    pub inner: Option<Inner<'a>>,
    /// Octets of the frame before the outermost IP header.
    pub(super) link_len: usize,
    scratch: &'a Scratch,
    keyring: &'a Keyring,
}

/// The payload of the innermost ESP that is open, in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inner<'a> {
    /// What it is: 4 IPv4, 41 IPv6 (tunnel mode), else the protocol that IP carries (transport mode), 59 nothing.
    pub next_header: u8,
    /// Its octets, without padding.
    pub octets: &'a [u8],
}

/// One layer of ESP: what its clear part says, and what came of it.
#[derive(Debug, Clone, Copy)]
pub struct EspView<'a> {
    /// The SPI.
    pub spi: Spi,
    /// The sequence number: that of the wire, or the whole 64 bits when an SA with ESN opened it.
    pub seq: u64,
    /// Source of the IP header around it.
    pub src: IpAddr,
    /// Destination of the IP header around it.
    pub dst: IpAddr,
    /// Where the SPI stands: in the frame for the outermost layer, in the payload of the layer around it for others.
    pub offset: usize,
    /// The packet from the SPI on, as far as captured; when the SA opened it, the body is in clear.
    pub packet: &'a [u8],
    /// The place of things in `packet`, when it was opened.
    pub opened: Option<&'a Opened>,
    /// The state whose SA opened it.
    pub entry: Option<&'a Entry>,
}

/// How many layers of ESP are opened, one inside the other.
const DEPTH_LIMIT: usize = 8;

#[derive(Debug, Clone)]
pub(super) struct EspPlace {
    header: EspHeader,
    src: IpAddr,
    dst: IpAddr,
    pub(super) offset: usize,
    /// Where the IP header around it begins in the scratch octets.
    ip: usize,
    /// Where the packet lies in the scratch octets.
    pub(super) packet: Range<usize>,
    pub(super) opened: Option<(usize, Opened)>,
}

impl Keyring {
    /// Looks for ESP in a captured frame and opens what it can.
    pub fn decrypt<'a>(&'a self, frame: &FrameView<'_>, scratch: &'a mut Scratch) -> Verdict<'a> {
        let layers = Layers::of_frame(frame.link, frame.octets, frame.original_len);
        self.judge(layers, frame.octets, scratch)
    }

    /// As [`decrypt`](Self::decrypt), for a frame that owns its octets.
    pub fn decrypt_frame<'a>(&'a self, frame: &Frame, scratch: &'a mut Scratch) -> Verdict<'a> {
        self.decrypt(&frame.view(), scratch)
    }

    /// As [`decrypt`](Self::decrypt), for a bare IPv4 or IPv6 packet.
    pub fn decrypt_ip<'a>(&'a self, packet: &[u8], scratch: &'a mut Scratch) -> Verdict<'a> {
        self.judge(Layers::of_ip(packet), packet, scratch)
    }

    fn judge<'a>(&'a self, layers: Layers<'_>, octets: &[u8], scratch: &'a mut Scratch) -> Verdict<'a> {
        scratch.octets.clear();
        scratch.esp.clear();
        scratch.path.clear();
        let found = self.search(layers, &mut scratch.path);
        let outer = found.outer;
        let (outcome, deeper) = match self.unwrap_outermost(&found, octets, scratch) {
            Ok(()) => {
                let deeper = loop {
                    match self.unwrap_next(scratch) {
                        Some(Ok(())) => {}
                        Some(Err(outcome)) => break Some(outcome),
                        None => break None,
                    }
                };
                (Outcome::Decrypted, deeper)
            }
            Err(outcome) => (outcome, None),
        };
        let scratch: &'a Scratch = scratch;
        let innermost = scratch.esp.iter().rev().find_map(|place| place.opened.as_ref().map(|opened| (place, opened)));
        let inner = innermost.and_then(|(place, (_, opened))| {
            let octets = scratch.octets.get(place.packet.clone())?.get(opened.payload.clone())?;
            Some(Inner { next_header: opened.next_header, octets })
        });
        Verdict { outcome, deeper, outer, inner, link_len: found.link_len, scratch, keyring: self }
    }

    /// Opens the outermost ESP of a frame: copies it to the scratch octets, where it is opened in place.
    fn unwrap_outermost(&self, found: &Found, frame: &[u8], scratch: &mut Scratch) -> Result<(), Outcome<'_>> {
        match found.end {
            End::Clear => Err(Outcome::Clear),
            End::EspFragment => Err(Outcome::Fragment),
            End::Stopped(Stop { reason: Reason::Cut { need, have }, .. }) => Err(Outcome::Truncated { need, have }),
            End::Stopped(stop) => Err(Outcome::Malformed(Malformed::Header(stop))),
            End::Esp { header, start, end, missing, fragment } => {
                let Some(Outer { src, dst, start: ip, .. }) = found.outer else { return Err(Outcome::Clear) };
                scratch.octets.extend_from_slice(frame.get(ip..end).unwrap_or_default());
                let packet = start - ip..end - ip;
                let place = EspPlace { header, src, dst, offset: start, ip: 0, packet, opened: None };
                let sealed = frame.get(start..end).unwrap_or_default();
                self.unwrap(place, sealed, missing, fragment, scratch)
            }
        }
    }

    /// Opens ESP inside the payload that was opened last, if there is any.
    fn unwrap_next(&self, scratch: &mut Scratch) -> Option<Result<(), Outcome<'_>>> {
        let around = scratch.esp.last()?;
        let (_, opened) = around.opened.as_ref()?;
        let (mut src, mut dst, mut ip) = (around.src, around.dst, around.ip);
        let payload_start = around.packet.start + opened.payload.start;
        let payload = scratch.octets.get(payload_start..around.packet.start + opened.payload.end)?;
        let steps = scratch.path.len();
        let found = self.search(Layers::of_protocol(opened.next_header, payload), &mut scratch.path);
        let End::Esp { header, start, end, missing, fragment } = found.end else {
            // The path is the way to ESP; what else the payload holds is seen by looking at it.
            scratch.path.truncate(steps);
            return None;
        };
        if scratch.esp.len() >= DEPTH_LIMIT {
            return Some(Err(Outcome::TooDeep { limit: DEPTH_LIMIT }));
        }
        // In transport mode the addresses stay those around the outer ESP.
        if let Some(outer) = found.outer {
            (src, dst, ip) = (outer.src, outer.dst, payload_start + outer.start);
        }
        let packet = payload_start + start..payload_start + end;
        let mut sealed = std::mem::take(&mut scratch.sealed);
        sealed.clear();
        sealed.extend_from_slice(scratch.octets.get(packet.clone()).unwrap_or_default());
        let place = EspPlace { header, src, dst, offset: start, ip, packet, opened: None };
        let result = self.unwrap(place, &sealed, missing, fragment, scratch);
        scratch.sealed = sealed;
        Some(result)
    }

    /// Opens the ESP packet at `place` of the scratch octets, which is `sealed` now, and notes it, opened or not.
    fn unwrap(
        &self,
        mut place: EspPlace,
        sealed: &[u8],
        missing: usize,
        fragment: bool,
        scratch: &mut Scratch,
    ) -> Result<(), Outcome<'_>> {
        let (EspHeader { spi, seq }, src, dst) = (place.header, place.src, place.dst);
        let have = place.packet.len();
        let packet = scratch.octets.get_mut(place.packet.clone()).unwrap_or_default();
        let result = if fragment {
            Err(Outcome::Fragment)
        } else if missing > 0 {
            Err(Outcome::Truncated { need: have + missing, have })
        } else {
            match self.open(src, dst, spi, sealed, packet) {
                Trial::Opened(entry, opened) => {
                    place.opened = Some((entry, opened));
                    Ok(())
                }
                Trial::NoSa => Err(Outcome::NoSa { src, dst, spi }),
                Trial::Unusable(error) => Err(Outcome::Unsupported(error)),
                Trial::Failed(OpenError::BadIcv { .. }, tried) => Err(Outcome::BadIcv { src, dst, spi, seq, tried }),
                Trial::Failed(error, _) => Err(Outcome::Malformed(Malformed::Esp(error))),
            }
        };
        scratch.esp.push(place);
        result
    }
}

impl<'a> Verdict<'a> {
    /// How ESP was found, from the link header on: `vlan 7 / udp 4500 / esp`.
    pub fn path(&self) -> &'a [Step] {
        &self.scratch.path
    }

    /// The layers of ESP, outermost first; the last may not be open.
    pub fn esp(&self) -> impl DoubleEndedIterator<Item = EspView<'a>> + ExactSizeIterator {
        let (scratch, keyring) = (self.scratch, self.keyring);
        scratch.esp.iter().map(move |place| {
            let opened = place.opened.as_ref();
            EspView {
                spi: place.header.spi,
                seq: opened.map_or(place.header.seq.into(), |(_, opened)| opened.seq),
                src: place.src,
                dst: place.dst,
                offset: place.offset,
                packet: scratch.octets.get(place.packet.clone()).unwrap_or_default(),
                opened: opened.map(|(_, opened)| opened),
                entry: opened.and_then(|(entry, _)| keyring.entries().get(*entry)),
            }
        })
    }
}

impl Verdict<'_> {
    /// The octets from the IP header around the innermost ESP that is open.
    pub(super) fn header_around(&self) -> Option<&[u8]> {
        let place = self.scratch.esp.iter().rev().find(|place| place.opened.is_some())?;
        self.scratch.octets.get(place.ip..)
    }
}

impl<'a> EspView<'a> {
    /// The IV, when the packet was opened.
    pub fn iv(&self) -> Option<&'a [u8]> {
        self.packet.get(self.opened?.iv.clone())
    }

    /// The ICV, when the packet was opened.
    pub fn icv(&self) -> Option<&'a [u8]> {
        self.packet.get(self.opened?.icv.clone())
    }
}

impl<'a> Inner<'a> {
    /// The layers of what is inside.
    pub fn layers(&self) -> Layers<'a> {
        Layers::of_protocol(self.next_header, self.octets)
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, PacketBuilder};
    use proptest::prelude::*;

    use super::*;
    use crate::esp::Secret;
    use crate::packet::{LinkType, Timestamp, VXLAN_PORTS};
    use crate::xfrm::{Algorithm, AlgorithmKind, Encap, EncapType, Hidden, Key, Replay, State, StateFlags};

    const A: [u8; 4] = [10, 0, 0, 66];
    const B: [u8; 4] = [10, 0, 1, 236];
    const POD_A: [u8; 4] = [10, 0, 0, 144];
    const POD_B: [u8; 4] = [10, 0, 1, 165];

    fn gcm(fill: u8) -> Algorithm {
        let key = Key::Known(Secret::new(vec![fill; 20]));
        Algorithm { kind: AlgorithmKind::Aead { icv_bits: 128 }, name: "rfc4106(gcm(aes))".into(), key }
    }

    fn state(src: [u8; 4], dst: [u8; 4], spi: u32, fill: u8) -> State {
        State { algorithms: vec![gcm(fill)], ..State::esp_tunnel(src.into(), dst.into(), Spi(spi)) }
    }

    fn seal(state: &State, seq: u64, next_header: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        state.compile().unwrap().seal(seq, &seq.to_be_bytes(), next_header, payload, &mut packet).unwrap();
        packet
    }

    fn ipv4(src: [u8; 4], dst: [u8; 4], proto: u8, payload: &[u8]) -> Vec<u8> {
        let header = Ipv4Header::new(payload.len() as u16, 64, IpNumber(proto), src, dst).unwrap();
        [&header.to_bytes()[..], payload].concat()
    }

    fn udp(src: [u8; 4], dst: [u8; 4], ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
        let mut octets = Vec::new();
        PacketBuilder::ipv4(src, dst, 64).udp(ports.0, ports.1).write(&mut octets, payload).unwrap();
        octets
    }

    fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
        [&[2; 12][..], &ether_type.to_be_bytes(), payload].concat()
    }

    fn vxlan(vni: u32, payload: &[u8]) -> Vec<u8> {
        [&[8, 0, 0, 0][..], &(vni << 8).to_be_bytes(), &ethernet(0x0800, payload)].concat()
    }

    fn ping() -> Vec<u8> {
        let mut octets = Vec::new();
        PacketBuilder::ipv4(POD_A, POD_B, 63).icmpv4_echo_request(33, 1).write(&mut octets, &[0x5a; 56]).unwrap();
        octets
    }

    /// The ping, sealed by A's state towards B, in an IPv4 packet.
    fn esp_packet() -> Vec<u8> {
        ipv4(A, B, 50, &seal(&state(A, B, 3, 1), 1, 4, &ping()))
    }

    fn keys() -> Keyring {
        Keyring::new(&[state(A, B, 3, 1)])
    }

    fn view(link: LinkType, octets: &[u8], original_len: u32) -> FrameView<'_> {
        FrameView { time: Timestamp(0), link, device: None, octets, original_len }
    }

    /// Status, path and inner packet of a bare IP packet.
    fn look(keyring: &Keyring, packet: &[u8]) -> (String, String, Vec<u8>) {
        summary(&keyring.decrypt_ip(packet, &mut Scratch::default()))
    }

    fn summary(verdict: &Verdict<'_>) -> (String, String, Vec<u8>) {
        let status = verdict.outcome.status().to_owned();
        let path = verdict.path().iter().map(Step::to_string).collect::<Vec<_>>().join(" / ");
        (status, path, verdict.inner.map(|inner| inner.octets.to_vec()).unwrap_or_default())
    }

    fn opens_to(packet: &[u8], keyring: &Keyring, path: &str, inner: &[u8]) {
        assert_eq!(look(keyring, packet), ("decrypted".into(), path.into(), inner.to_vec()));
    }

    #[test]
    fn a_tunnelled_ping_opens_and_every_field_is_there() {
        let keyring = keys();
        let mut scratch = Scratch::default();
        let frame = ethernet(0x0800, &esp_packet());
        let verdict = keyring.decrypt(&view(LinkType::Ethernet, &frame, frame.len() as u32), &mut scratch);
        assert_eq!(verdict.outcome, Outcome::Decrypted);
        let outer = Outer { src: A.into(), dst: B.into(), ttl: 64, proto: 50, start: 14, end: 154 };
        assert_eq!(verdict.outer, Some(outer));
        assert_eq!(verdict.inner, Some(Inner { next_header: 4, octets: &ping() }));
        let esp = verdict.esp().next().unwrap();
        assert_eq!((esp.spi, esp.seq, esp.offset, verdict.esp().len()), (Spi(3), 1, 34, 1));
        assert_eq!((esp.iv().unwrap(), esp.icv().unwrap()), (&1_u64.to_be_bytes()[..], &frame[frame.len() - 16..]));
        assert_eq!(esp.entry.unwrap().state.dst, IpAddr::from(B));
        assert_eq!(esp.opened.unwrap().padding.len(), 2);
    }

    #[test]
    fn esp_is_found_wherever_it_hides() {
        let (esp, keyring) = (esp_packet(), keys());
        let sealed = &esp[20..];
        opens_to(&udp(A, B, (4500, 4500), sealed), &keyring, "udp 4500 / esp", &ping());
        opens_to(&udp(A, B, (61000, 4500), sealed), &keyring, "udp 4500 / esp", &ping());
        opens_to(&ipv4([1; 4], [2; 4], 4, &esp), &keyring, "ipip / esp", &ping());
        for port in VXLAN_PORTS {
            let packet = udp([1; 4], [2; 4], (40000, port), &vxlan(5, &esp));
            opens_to(&packet, &keyring, &format!("udp {port} / vxlan 5 / esp"), &ping());
        }
        let tagged = ethernet(0x88a8, &[&[0, 7, 0x81, 0, 0, 9, 8, 0][..], &esp].concat());
        let mut scratch = Scratch::default();
        let verdict = keyring.decrypt(&view(LinkType::Ethernet, &tagged, 0), &mut scratch);
        assert_eq!(summary(&verdict), ("decrypted".into(), "vlan 7 / vlan 9 / esp".into(), ping()));
    }

    #[test]
    fn esp_is_found_behind_ipv6_extension_headers() {
        let [a, b] = ["fd00::42", "fd00::1:ec"].map(|address| address.parse::<std::net::Ipv6Addr>().unwrap());
        let mut state = state(A, B, 3, 1);
        (state.src, state.dst) = (a.into(), b.into());
        let sealed = seal(&state, 9, 4, &ping());
        let extensions: [&[u8]; 3] =
            [&[], &[50, 0, 1, 4, 0, 0, 0, 0], &[60, 0, 1, 4, 0, 0, 0, 0, 50, 0, 1, 4, 0, 0, 0, 0]];
        for (extension, first) in extensions.into_iter().zip([50, 60, 0]) {
            let payload = [extension, &sealed].concat();
            let header = Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: payload.len() as u16,
                next_header: IpNumber(first),
                hop_limit: 63,
                source: a.octets(),
                destination: b.octets(),
            };
            let packet = [&header.to_bytes()[..], &payload].concat();
            let keyring = Keyring::new([&state]);
            let mut scratch = Scratch::default();
            let verdict = keyring.decrypt_ip(&packet, &mut scratch);
            assert_eq!(summary(&verdict), ("decrypted".into(), "esp".into(), ping()));
            assert_eq!(verdict.outer.map(|outer| (outer.ttl, outer.proto)), Some((63, 50)));
        }
    }

    #[test]
    fn keepalive_and_ike_are_clear_and_said() {
        let keyring = keys();
        for (payload, path) in
            [(&[0xff][..], "udp 4500 / nat-keepalive"), (&[0, 0, 0, 0, 1, 2, 3, 4][..], "udp 4500 / ike")]
        {
            let packet = udp(A, B, (4500, 4500), payload);
            assert_eq!(look(&keyring, &packet), ("clear".into(), path.into(), vec![]));
        }
        assert_eq!(look(&keyring, &ping()), ("clear".into(), String::new(), vec![]));
    }

    #[test]
    fn another_udp_port_carries_esp_when_a_state_says_so() {
        let mut natted = state(A, B, 3, 1);
        let packet = udp(A, B, (4501, 9999), &seal(&natted, 1, 4, &ping()));
        assert_eq!(look(&Keyring::new([&natted]), &packet).0, "clear");
        natted.encap = Some(Encap { kind: EncapType::EspInUdp, sport: 4501, dport: 4501, addr: A.into() });
        opens_to(&packet, &Keyring::new([&natted]), "udp 4501 / esp", &ping());
    }

    #[test]
    fn transport_mode_gives_what_ip_carries() {
        let state = state(A, B, 3, 1);
        let segment = &ping()[20..];
        let mut scratch = Scratch::default();
        let keyring = keys();
        let verdict = keyring.decrypt_ip(&ipv4(A, B, 50, &seal(&state, 1, 1, segment)), &mut scratch);
        assert_eq!(verdict.inner, Some(Inner { next_header: 1, octets: segment }));
    }

    #[test]
    fn esp_in_esp_is_opened_down_to_a_limit_and_vxlan_in_esp_is_seen() {
        let keyring = Keyring::new(&[state(A, B, 3, 1), state(POD_A, POD_B, 7, 2)]);
        let within = ipv4(POD_A, POD_B, 50, &seal(&state(POD_A, POD_B, 7, 2), 5, 4, &ping()));
        let packet = ipv4(A, B, 50, &seal(&state(A, B, 3, 1), 1, 4, &within));
        opens_to(&packet, &keyring, "esp / esp", &ping());

        // Without the inner SA the outer layer is open all the same.
        let mut scratch = Scratch::default();
        let outer_only = keys();
        let verdict = outer_only.decrypt_ip(&packet, &mut scratch);
        assert_eq!((verdict.outcome.status(), verdict.esp().len()), ("decrypted", 2));
        assert_eq!(verdict.inner.map(|inner| inner.octets), Some(&within[..]));
        let missing = Outcome::NoSa { src: POD_A.into(), dst: POD_B.into(), spi: Spi(7) };
        assert_eq!(verdict.deeper, Some(missing));

        let mut nested = ping();
        for seq in 0..10 {
            nested = ipv4(A, B, 50, &seal(&state(A, B, 3, 1), seq, 4, &nested));
        }
        let mut scratch = Scratch::default();
        let keyring = keys();
        let verdict = keyring.decrypt_ip(&nested, &mut scratch);
        assert_eq!((&verdict.deeper, verdict.esp().len()), (&Some(Outcome::TooDeep { limit: 8 }), 8));

        let tunnelled = udp(A, B, (40000, 8472), &vxlan(5, &ping()));
        let packet = ipv4(A, B, 50, &seal(&state(A, B, 3, 1), 1, 4, &tunnelled));
        opens_to(&packet, &keyring, "esp", &tunnelled);
    }

    #[test]
    fn a_transport_esp_around_another_keeps_the_addresses() {
        let keyring = Keyring::new(&[state(A, B, 3, 1), state(A, B, 7, 2)]);
        let within = seal(&state(A, B, 7, 2), 5, 4, &ping());
        let packet = ipv4(A, B, 50, &seal(&state(A, B, 3, 1), 1, 50, &within));
        opens_to(&packet, &keyring, "esp / esp", &ping());
    }

    #[test]
    fn the_reason_is_said_when_it_stays_closed() {
        let packet = esp_packet();
        let unsupported = Algorithm { name: "rfc7539esp(chacha20,poly1305)".into(), ..gcm(1) };
        let hidden = Algorithm { key: Key::Hidden(Hidden::ByIproute2), ..gcm(1) };
        let with = |algorithm| State { algorithms: vec![algorithm], ..state(A, B, 3, 1) };
        for (states, status, words) in [
            (vec![], "no-sa", "no SA for SPI 0x00000003 to 10.0.1.236"),
            (vec![state(A, B, 4, 1)], "no-sa", "no SA for SPI 0x00000003 to 10.0.1.236"),
            (vec![state(B, A, 3, 1)], "no-sa", "no SA for SPI 0x00000003 to 10.0.1.236"),
            (
                vec![state(A, B, 3, 2)],
                "bad-icv",
                "the ICV of SPI 0x00000003, sequence number 1, is not right under the key of its SA",
            ),
            (
                vec![state(A, B, 3, 2), state([0; 4], B, 3, 3)],
                "bad-icv",
                "the ICV of SPI 0x00000003, sequence number 1, is not right under any of 2 SAs",
            ),
            (vec![with(unsupported)], "unsupported", "unsupported algorithm rfc7539esp(chacha20,poly1305)"),
            (vec![with(hidden)], "unsupported", "no key for rfc4106(gcm(aes))"),
        ] {
            let mut scratch = Scratch::default();
            let keyring = Keyring::new(&states);
            let verdict = keyring.decrypt_ip(&packet, &mut scratch);
            assert_eq!((verdict.outcome.status(), verdict.outcome.to_string().as_str()), (status, words));
            let esp = verdict.esp().next().unwrap();
            assert_eq!((esp.spi, esp.seq, esp.opened, verdict.inner), (Spi(3), 1, None, None));
            assert_eq!(esp.packet, &packet[20..]);
        }
    }

    #[test]
    fn the_right_key_among_several_for_one_spi_is_found_by_the_icv() {
        let keyring = Keyring::new(&[state([0; 4], B, 3, 9), state([9; 4], B, 3, 1), state(A, B, 3, 8)]);
        let mut scratch = Scratch::default();
        let packet = esp_packet();
        let verdict = keyring.decrypt_ip(&packet, &mut scratch);
        assert_eq!(verdict.esp().next().unwrap().entry.unwrap().state.src, IpAddr::from([9; 4]));
    }

    #[test]
    fn a_wildcard_source_takes_every_sender_and_a_mark_decides_where_it_is_known() {
        let mark = |value| Some(crate::xfrm::Mark { value, mask: 0xf00 });
        let any = State { mark: mark(0xd00), ..state([0; 4], B, 3, 1) };
        let exact = State { mark: mark(0xe00), ..state(A, B, 3, 1) };
        let keyring = Keyring::new(&[any, exact.clone(), exact]);
        assert_eq!(keyring.entries().len(), 2);
        let found =
            |mark| -> Vec<usize> { keyring.lookup(A.into(), B.into(), Spi(3), mark).map(|(at, _)| at).collect() };
        assert_eq!((found(None), found(Some(0xd00)), found(Some(0x3e00))), (vec![1, 0], vec![0], vec![1]));
        assert_eq!(keyring.spis_to(B.into()), [Spi(3)]);
    }

    #[test]
    fn a_cut_packet_says_what_is_there_and_what_is_needed() {
        let keyring = keys();
        let packet = esp_packet();
        let mut scratch = Scratch::default();
        let verdict = keyring.decrypt(&view(LinkType::Raw, &packet[..100], 140), &mut scratch);
        assert_eq!(verdict.outcome, Outcome::Truncated { need: 120, have: 80 });
        assert_eq!(verdict.esp().next().unwrap().spi, Spi(3));
        let verdict = keyring.decrypt(&view(LinkType::Raw, &packet[..25], 140), &mut scratch);
        assert_eq!((verdict.outcome, verdict.scratch.esp.len()), (Outcome::Truncated { need: 8, have: 5 }, 0));
    }

    #[test]
    fn fragments_are_said_to_be_fragments() {
        let keyring = keys();
        for (flags, path) in [([0x20, 0], "esp"), ([0, 8], "fragment")] {
            let mut packet = esp_packet();
            packet[6..8].copy_from_slice(&flags);
            assert_eq!(look(&keyring, &packet), ("unsupported".into(), path.into(), vec![]));
        }
        let address = [0xfd; 16];
        for (offset, path) in [(0x0001_u16, "esp"), (0x0010, "fragment")] {
            let fragment = [&[50, 0][..], &offset.to_be_bytes(), &[0, 0, 0, 1], &esp_packet()[20..]].concat();
            let header = Ipv6Header {
                payload_length: fragment.len() as u16,
                next_header: IpNumber(44),
                source: address,
                destination: address,
                ..Ipv6Header::default()
            };
            let packet = [&header.to_bytes()[..], &fragment].concat();
            assert_eq!(look(&keyring, &packet), ("unsupported".into(), path.into(), vec![]));
        }
        let mut packet = ping();
        packet[6..8].copy_from_slice(&[0, 8]);
        assert_eq!(look(&keyring, &packet), ("clear".into(), "fragment".into(), vec![]));
    }

    #[test]
    fn broken_headers_and_broken_esp_are_malformed() {
        let keyring = keys();
        let words = |packet: &[u8]| {
            let mut scratch = Scratch::default();
            let verdict = keyring.decrypt_ip(packet, &mut scratch);
            (verdict.outcome.status(), verdict.outcome.to_string())
        };
        let mut packet = esp_packet();
        packet[0] = 0x44;
        let (status, text) = words(&packet);
        assert_eq!((status, text.contains("IPv4 header at octet 0")), ("malformed", true));
        let short = ipv4(A, B, 50, &seal(&state(A, B, 3, 1), 1, 4, &[])[..30]);
        let text = "an ESP packet of 30 octets, expected at least 36 (header, IV, trailer, ICV)";
        assert_eq!(words(&short), ("malformed", text.into()));
    }

    #[test]
    fn an_extended_sequence_number_is_completed_from_where_the_state_stands() {
        let mut esn = state(A, B, 3, 1);
        esn.flags = StateFlags::ESN;
        for (seq, stands) in
            [(7_u64, 0_u64), (0x3_0000_0001, 0x2_ffff_fff0), (0x2_ffff_ffff, 0x3_0000_0010), (5, 0x1_0000_0000)]
        {
            esn.replay = Some(Replay::Esn {
                seq: (0, 0),
                oseq: ((stands >> 32) as u32, stands as u32),
                window: 32,
                bitmap: vec![0],
            });
            let packet = ipv4(A, B, 50, &seal(&esn, seq, 4, &ping()));
            let keyring = Keyring::new([&esn]);
            let mut scratch = Scratch::default();
            let verdict = keyring.decrypt_ip(&packet, &mut scratch);
            assert_eq!(verdict.esp().next().map(|esp| esp.seq), Some(seq), "{stands:#x}");
        }
    }

    #[test]
    fn used_scratch_leaves_no_trace() {
        let keyring = keys();
        let mut scratch = Scratch::default();
        let packet = esp_packet();
        for _ in 0..3 {
            assert_eq!(summary(&keyring.decrypt_ip(&packet, &mut scratch)).2, ping());
            assert_eq!(summary(&keyring.decrypt_ip(&ping(), &mut scratch)), ("clear".into(), String::new(), vec![]));
        }
    }

    proptest! {
        #[test]
        fn a_changed_octet_of_esp_never_opens(at in 20..140_usize, change in 1..=255_u8) {
            let mut packet = esp_packet();
            packet[at] ^= change;
            let (status, _, inner) = look(&keys(), &packet);
            prop_assert!(["bad-icv", "no-sa"].contains(&status.as_str()), "{}", status);
            prop_assert!(inner.is_empty());
        }

        #[test]
        fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300), original_len in 0..400_u32) {
            let keyring = keys();
            let mut scratch = Scratch::default();
            for link in [LinkType::Ethernet, LinkType::LinuxSll2, LinkType::Raw] {
                let verdict = keyring.decrypt(&view(link, &octets, original_len), &mut scratch);
                prop_assert_ne!(verdict.outcome.status(), "decrypted");
            }
        }

        #[test]
        fn what_is_inside_may_be_anything(next_header: u8, payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let packet = ipv4(A, B, 50, &seal(&state(A, B, 3, 1), 1, next_header, &payload));
            let keyring = keys();
            let mut scratch = Scratch::default();
            let verdict = keyring.decrypt_ip(&packet, &mut scratch);
            prop_assert_eq!(verdict.outcome.status(), "decrypted");
            let inner = verdict.inner.unwrap();
            prop_assert_eq!((inner.next_header, inner.octets), (next_header, &payload[..]));
            prop_assert!(inner.layers().count() < 60);
        }
    }
}
