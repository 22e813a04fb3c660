//! Frames as text that two labs must have in common: ESP is opened, and only ids, the ping's clock and what depends on
//! them is left out. Every other octet is there.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Cursor;

use esplain::capture::Reader;
use esplain::esp::{Algorithms, Sa, Secret, Spi};
use esplain::packet::{LinkType, checksum};

/// The lab's key, and the other one that scenarios use; and the ICV lengths.
const KEYS: [&[u8]; 2] = [b"learn-ya-gir-t-es-e1", b"learn-ya-gir-t-es-e2"];
const ICV_BITS: [u32; 3] = [128, 96, 64];

const ICMP: u8 = 1;
const IP_IN_IP: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// Ports from here on are chosen by the kernel.
const EPHEMERAL: u16 = 32768;
const ESP: u8 = 50;

/// One line for each frame of a capture, and one more for each ESP packet that came in fragments and is whole now.
pub(crate) fn lines(capture: &[u8]) -> String {
    let mut reader = match Reader::new(Cursor::new(capture.to_vec())) {
        Ok(reader) => reader,
        Err(error) => return format!("{error}\n"),
    };
    let mut opener = Opener::new();
    let mut text = String::new();
    loop {
        match reader.next_record() {
            Ok(Some(record)) => text += &opener.frame(record.frame.link, record.frame.octets),
            Ok(None) => return text,
            Err(error) => return format!("{text}{error}\n"),
        }
    }
}

struct Opener {
    sas: Vec<Sa>,
    /// Payloads of ESP packets in fragments: by where they were seen, addresses and id.
    fragments: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The ports that the kernel chose, in the order they were seen.
    ports: Vec<u16>,
    /// The first sequence number of each direction of a connection, by its addresses and ports.
    begins: BTreeMap<Vec<u8>, u32>,
    /// The clock that each direction last sent in its timestamps.
    clocks: BTreeMap<Vec<u8>, u32>,
}

impl Opener {
    fn new() -> Self {
        let sa = |(key, icv_bits): (&[u8], u32)| {
            let key = Secret::new(key.to_vec());
            Sa::new(Spi(3), false, &Algorithms::Aead { name: "rfc4106(gcm(aes))".to_owned(), key, icv_bits })
                .expect("the lab's algorithm")
        };
        let sas = KEYS.iter().flat_map(|key| ICV_BITS.iter().map(move |bits| sa((key, *bits)))).collect();
        Self { sas, fragments: BTreeMap::new(), ports: Vec::new(), begins: BTreeMap::new(), clocks: BTreeMap::new() }
    }

    fn frame(&mut self, link: LinkType, octets: &[u8]) -> String {
        let length = match link {
            LinkType::LinuxSll2 => 20,
            LinkType::LinuxSll => 16,
            _ => 14,
        };
        let Some((header, rest)) = octets.split_at_checked(length) else { return format!("cut {}\n", hex(octets)) };
        let ethertype = if link == LinkType::LinuxSll2 { &header[..2] } else { &header[length - 2..] };
        let body = match ethertype {
            [8, 0] => self.ipv4(rest, header, true),
            [0x86, 0xdd] => ipv6(rest),
            _ => hex(rest),
        };
        format!("{} {body}\n", hex(header))
    }

    /// An IPv4 packet. `whole` is false for what an ICMP error quotes: its end is missing.
    fn ipv4(&mut self, octets: &[u8], seen: &[u8], whole: bool) -> String {
        let length = octets.first().map_or(0, |first| usize::from(first & 15) * 4);
        let Some((header, rest)) = octets.split_at_checked(length).filter(|_| length >= 20) else {
            return format!("cut {}", hex(octets));
        };
        let right = checksum(header) == 0;
        let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff;
        let mut steady = header.to_vec();
        let id = if steady[4..6] == [0, 0] { "id 0" } else { "id N" };
        steady[4..6].fill(0);
        steady[10..12].fill(0);
        without_times(&mut steady[20..]);
        let mut text = format!("ip[{} {id}{}]", hex(&steady), if right { "" } else { " bad checksum" });
        let (payload, trailer) = rest.split_at_checked(total.saturating_sub(length)).unwrap_or((rest, &[]));
        if whole && payload.len() + length != total {
            let _ = write!(text, " cut at {}", payload.len());
        }
        let body = match (header[9], fragment) {
            (ESP, 0) if whole => self.esp(payload, seen),
            (ESP, 0) => quoted_esp(payload),
            (ESP, _) => self.esp_fragment(payload, header, seen, fragment),
            (ICMP, 0) => self.icmp(payload, seen, whole),
            // The first piece of a longer message: its checksum is of the whole.
            (ICMP, 0x2000) => self.icmp(payload, seen, false),
            (IP_IN_IP, 0) => self.ipv4(payload, seen, whole),
            (TCP, 0) if whole => self.tcp(header, payload),
            (UDP, 0) => self.udp(header, payload),
            _ => hex(payload),
        };
        let _ = write!(text, " {body}");
        if !trailer.is_empty() {
            let _ = write!(text, " trailer {}", hex(trailer));
        }
        text
    }

    fn esp(&mut self, packet: &[u8], seen: &[u8]) -> String {
        let opened = self.sas.iter().enumerate().find_map(|(at, sa)| {
            let mut clear = packet.to_vec();
            let opened = sa.open(&mut clear, 0).ok()?;
            Some((at, clear, opened))
        });
        let Some((at, clear, opened)) = opened else { return format!("{} not opened", quoted_esp(packet)) };
        let range = |range: &std::ops::Range<usize>| clear.get(range.clone()).unwrap_or_default().to_vec();
        let (payload, padding) = (range(&opened.payload), range(&opened.padding));
        let inner = if opened.next_header == IP_IN_IP { self.ipv4(&payload, seen, true) } else { hex(&payload) };
        format!(
            "{} key {} icv {} octets {{ {inner} }} padding [{}] next header {}",
            quoted_esp(packet),
            at / ICV_BITS.len(),
            opened.icv.len(),
            hex(&padding),
            opened.next_header
        )
    }

    fn esp_fragment(&mut self, payload: &[u8], header: &[u8], seen: &[u8], fragment: u16) -> String {
        let key = [seen, &header[4..6], &header[12..20]].concat();
        let offset = usize::from(fragment & 0x1fff) * 8;
        let held = self.fragments.entry(key.clone()).or_default();
        held.resize(held.len().max(offset + payload.len()), 0);
        held[offset..offset + payload.len()].copy_from_slice(payload);
        let mut text = format!("piece of {} octets of ESP", payload.len());
        if fragment & 0x2000 == 0 {
            let whole = self.fragments.remove(&key).unwrap_or_default();
            let _ = write!(text, ", whole: {}", self.esp(&whole, seen));
        }
        text
    }

    /// A TCP segment. Random by nature, and so left out: ports that the kernel chose, initial sequence numbers (what
    /// follows is given as the distance from them), and the clock and its offset in the timestamps (whether it went on,
    /// and whether it echoes what the other side last sent, is given). The checksum, which depends on them, is judged.
    fn tcp(&mut self, ip: &[u8], segment: &[u8]) -> String {
        let Some((header, rest)) = segment.split_first_chunk::<20>() else {
            return format!("tcp cut {}", hex(segment));
        };
        let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, ..] = *header;
        let (source, destination) = ([s0, s1], [d0, d1]);
        let own = [&ip[12..20], &source, &destination].concat();
        let other = [&ip[16..20], &ip[12..16], &destination, &source].concat();
        let (seq, ack) = (u32::from_be_bytes([q0, q1, q2, q3]), u32::from_be_bytes([a0, a1, a2, a3]));
        // A reset for a port where nobody listens begins at 0 and not at a random number.
        let begin = *self.begins.entry(own.clone()).or_insert(if flags & 6 == 4 { 0 } else { seq });
        let answered = self.begins.get(&other).copied().unwrap_or(0);
        let (mut options, data) = rest.split_at((usize::from(offset >> 4) * 4).saturating_sub(20).min(rest.len()));
        let mut text = format!(
            "tcp[{} > {} seq +{} ack +{} offset and flags {} window and urgent {} {}]",
            self.port(source),
            self.port(destination),
            seq.wrapping_sub(begin),
            if flags & 16 == 0 { ack } else { ack.wrapping_sub(answered) },
            hex(&[offset, flags]),
            hex(&[&header[14..16], &header[18..20]].concat()),
            sum(ip, TCP, segment, &header[16..18]),
        );
        while let [kind, more @ ..] = options {
            if let ([8, 10, stamps @ ..], true) = (options, options.len() >= 10) {
                let stamp =
                    |at: usize| stamps[at..at + 4].iter().fold(0_u32, |sum, octet| sum << 8 | u32::from(*octet));
                let (value, echo) = (stamp(0), stamp(4));
                let before = self.clocks.insert(own.clone(), value);
                let goes_on = before.is_none_or(|before| value.wrapping_sub(before) < 1 << 31);
                let latest = self.clocks.get(&other).copied().unwrap_or(0);
                let _ = write!(
                    text,
                    " clock {} echo {}",
                    if goes_on { "on" } else { "back" },
                    match echo {
                        0 => "0",
                        echo if echo == latest => "latest",
                        _ => "older",
                    }
                );
                options = &options[10..];
                continue;
            }
            let length = if *kind < 2 { 1 } else { usize::from(*more.first().unwrap_or(&1)).max(1) };
            let (option, after) = options.split_at(length.min(options.len()));
            let _ = write!(text, " option {}", hex(option));
            options = after;
        }
        format!("{text} {}", hex(data))
    }

    fn udp(&mut self, ip: &[u8], datagram: &[u8]) -> String {
        let Some((&[s0, s1, d0, d1, l0, l1, c0, c1], data)) = datagram.split_first_chunk::<8>() else {
            return format!("udp cut {}", hex(datagram));
        };
        let (source, destination) = (self.port([s0, s1]), self.port([d0, d1]));
        let sum = sum(ip, UDP, datagram, &[c0, c1]);
        format!("udp[{source} > {destination} length {} {sum}] {}", hex(&[l0, l1]), hex(data))
    }

    fn port(&mut self, octets: [u8; 2]) -> String {
        let port = u16::from_be_bytes(octets);
        if port < EPHEMERAL {
            return port.to_string();
        }
        let at = self.ports.iter().position(|known| *known == port).unwrap_or_else(|| {
            self.ports.push(port);
            self.ports.len() - 1
        });
        format!("chosen {at}")
    }

    fn icmp(&mut self, message: &[u8], seen: &[u8], whole: bool) -> String {
        let Some((header, rest)) = message.split_at_checked(8) else { return format!("icmp cut {}", hex(message)) };
        let right = if !whole || checksum(message) == 0 { "" } else { " bad checksum" };
        let mut steady = header.to_vec();
        steady[2..4].fill(0);
        match header[0] {
            0 | 8 => {
                steady[4..6].fill(0);
                // ping's clock, in pings that have room for it.
                let clock = if rest.len() >= 16 { 16 } else { 0 };
                format!("icmp[{}{right}] {} {}", hex(&steady), "..".repeat(clock), hex(&rest[clock..]))
            }
            3 | 5 | 11 | 12 => format!("icmp[{}{right}] quotes ({})", hex(&steady), self.ipv4(rest, seen, false)),
            _ => format!("icmp[{}{right}] {}", hex(&steady), hex(rest)),
        }
    }
}

/// Clears the clocks of a time stamp option (RFC 791 section 3.1), if it is the header's first.
fn without_times(options: &mut [u8]) {
    let Some(&[68, _, pointer, flags]) = options.first_chunk::<4>() else { return };
    let Some(stamps) = options.get_mut(4..usize::from(pointer).saturating_sub(1)) else { return };
    let (size, address) = if flags.is_multiple_of(16) { (4, 0) } else { (8, 4) };
    stamps.chunks_mut(size).filter_map(|stamp| stamp.get_mut(address..)).for_each(|time| time.fill(0));
}

/// An IPv6 packet without its flow label, a hash with a random seed; of an echo without id and clock.
fn ipv6(octets: &[u8]) -> String {
    let Some((header, rest)) = octets.split_at_checked(40) else { return format!("cut {}", hex(octets)) };
    let (mut header, mut rest) = (header.to_vec(), rest.to_vec());
    header[1] &= 0xf0;
    header[2..4].fill(0);
    if header[6] == 58 && matches!(rest.first(), Some(128 | 129)) && rest.len() >= 8 {
        rest[2..6].fill(0);
        if rest.len() >= 24 {
            rest[8..24].fill(0);
        }
    }
    // An error quotes a packet with a flow label, an id and a clock; the checksum is over them.
    if header[6] == 58 && matches!(rest.first(), Some(1..=4)) && rest.len() >= 48 {
        let quoted = ipv6(&rest.split_off(8));
        rest[2..4].fill(0);
        return format!("ip6[{}] {} about {quoted}", hex(&header), hex(&rest));
    }
    // The nonce of a host that asks whether its address is taken.
    if header[6] == 58 && rest.first() == Some(&135) && rest.get(24) == Some(&14) && rest.len() == 32 {
        rest[2..4].fill(0);
        rest[26..].fill(0);
    }
    // The id of fragments, and what the first one has of an echo.
    if header[6] == 44 && rest.len() >= 8 {
        rest[4..8].fill(0);
        if rest[2..4] == [0, 1] && rest.len() >= 32 {
            rest[10..14].fill(0);
            rest[16..32].fill(0);
        }
    }
    format!("ip6[{}] {}", hex(&header), hex(&rest))
}

/// What a checksum of TCP or UDP is: right, left to the device (the sum of the pseudo-header alone), or wrong.
fn sum(ip: &[u8], protocol: u8, whole: &[u8], field: &[u8]) -> String {
    let [a, b] = u16::try_from(whole.len()).unwrap_or(0).to_be_bytes();
    let pseudo = [&ip[12..20], &[0, protocol, a, b]].concat();
    if field == (!checksum(&pseudo)).to_be_bytes() {
        return "sum left to the device".to_owned();
    }
    let padding: &[u8] = if pseudo.len() % 2 == 0 { &[] } else { &[0] };
    match checksum(&[&pseudo, padding, whole].concat()) {
        0 | 0xffff => "sum right".to_owned(),
        _ => format!("sum wrong {}", hex(field)),
    }
}

/// SPI, sequence number and length of what cannot or need not be opened.
fn quoted_esp(packet: &[u8]) -> String {
    format!("esp[{} {} octets]", hex(packet.get(..8).unwrap_or(packet)), packet.len())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}
