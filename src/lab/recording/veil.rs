//! What takes the keys out of a recording.

use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;

use crate::capture::Reader;
use crate::decrypt::{Keyring, Scratch};
use crate::esp::{Disguise, Secret, dumped_packets};
use crate::packet::{Frame, LinkType, Timestamp};
use crate::xfrm::parse_states;

/// Puts substitutes in the place of keys, in text and in packets.
pub(super) struct Veil {
    disguise: Disguise,
    /// The lab's states, and the same with substitutes, in the same order.
    real: Keyring,
    veiled: Keyring,
    scratch: Scratch,
}

impl Veil {
    pub(super) fn new(secret: Secret) -> Self {
        Self {
            disguise: Disguise::new(secret),
            real: Keyring::default(),
            veiled: Keyring::default(),
            scratch: Scratch::default(),
        }
    }

    /// A text without its keys; the states that it lists are remembered for the packets. Packets that it dumps are shown
    /// as they are sealed again.
    pub(super) fn text(&mut self, text: &mut [u8]) {
        for packet in dumped_packets(text) {
            self.learn_dump(&packet);
        }
        let listed = contains(text, b"proto esp").then(|| String::from_utf8_lossy(text).into_owned());
        if !self.disguise.apply(text) {
            return;
        }
        if let Some(real) = listed {
            let (real, veiled) = (parse_states(&real).items, parse_states(&String::from_utf8_lossy(text)).items);
            if real.len() == veiled.len() {
                for (real, veiled) in real.iter().zip(&veiled) {
                    // Both or neither: the rings name the same state by the same number.
                    let before = self.real.entries().len();
                    self.real.add(real);
                    if self.real.entries().len() > before {
                        self.veiled.add(veiled);
                    }
                }
            }
        }
    }

    /// A line or a value without its keys.
    pub(super) fn words(&mut self, words: &str) -> String {
        let mut octets = words.as_bytes().to_vec();
        self.text(&mut octets);
        String::from_utf8_lossy(&octets).into_owned()
    }

    /// Whether a packet could not be opened with any key seen so far.
    pub(super) fn lacks(&mut self, frame: &Frame) -> bool {
        self.real.lacks(frame, &mut self.scratch)
    }

    /// Takes note of how a packet is sealed again, so that it is known wherever it is shown.
    pub(super) fn learn(&mut self, frame: &Frame) -> bool {
        self.reseal(&mut frame.clone())
    }

    /// The same for a packet in a dump, which does not say with which link layer it begins.
    fn learn_dump(&mut self, octets: &[u8]) -> bool {
        DUMPED.iter().any(|(link, _)| self.learn(&framed(octets, *link)))
    }

    /// Whether a text dumps a packet that none of the keys seen so far opens.
    pub(super) fn lacks_in(&mut self, text: &[u8]) -> bool {
        dumped_packets(text).iter().any(|packet| {
            let sealed = DUMPED.iter().any(|(link, _)| self.lacks(&framed(packet, *link)));
            sealed && !self.learn_dump(packet)
        })
    }

    fn reseal(&mut self, frame: &mut Frame) -> bool {
        let before = frame.octets.clone();
        let Some(place) = self.real.reseal(&self.veiled, frame, &mut self.scratch) else { return false };
        if let (Some(before), Some(after)) = (before.get(place.clone()), frame.octets.get(place)) {
            self.disguise.know_resealed(before, after);
        }
        true
    }

    /// Seals a packet again with the substitutes; one of which too little was captured to be opened is known from elsewhere.
    pub(super) fn frame(&mut self, frame: &mut Frame) {
        self.reseal(frame);
        // An inner packet in clear may carry a key, too: `kubectl get secret` over the wire.
        // What changes here leaves checksums behind, which is better than a key.
        self.disguise.apply(&mut frame.octets);
    }

    /// A file without its keys; the packets of a capture are sealed again.
    pub(super) fn file(&mut self, content: Vec<u8>) -> Vec<u8> {
        let mut content = unpacked(content);
        let Ok(mut reader) = Reader::new(Cursor::new(content.clone())) else {
            self.text(&mut content);
            return content;
        };
        let mut from = 0;
        // A capture that is still being written ends anywhere.
        while let Ok(Some(record)) = reader.next_record() {
            let mut frame = record.frame.to_frame();
            let Some(at) = find(&content, &frame.octets, from) else { break };
            self.frame(&mut frame);
            if let Some(to) = content.get_mut(at..at + frame.octets.len()) {
                to.copy_from_slice(&frame.octets);
            }
            from = at + frame.octets.len();
        }
        self.disguise.apply(&mut content);
        content
    }
}

/// The link layers with which a dump may begin, and their octets.
const DUMPED: [(LinkType, usize); 4] =
    [(LinkType::Raw, 0), (LinkType::Ethernet, 14), (LinkType::LinuxSll2, 20), (LinkType::LinuxSll, 16)];

fn framed(octets: &[u8], link: LinkType) -> Frame {
    let original_len = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    Frame { time: Timestamp(0), link, device: None, octets: octets.to_vec(), original_len }
}

/// Whether a text ends within the dump of a packet: its IPv4 header announces more.
pub(super) fn ends_within_a_dump(text: &[u8]) -> bool {
    if !text.trim_ascii_end().rsplit(|octet| *octet == b'\n').next().is_some_and(|line| line.starts_with(b"\t0x")) {
        return false;
    }
    let packets = dumped_packets(text);
    let Some(packet) = packets.last() else { return false };
    DUMPED.iter().any(|(_, header)| match packet.get(*header..) {
        Some([0x45, _, high, low, rest @ ..]) => rest.len() + 4 < usize::from(u16::from_be_bytes([*high, *low])),
        _ => false,
    })
}

/// A file whose content can be looked into.
fn unpacked(content: Vec<u8>) -> Vec<u8> {
    if !content.starts_with(&[0x1f, 0x8b]) {
        return content;
    }
    let mut octets = Vec::new();
    // A tail that was torn off is no reason to keep what is packed.
    let _ = MultiGzDecoder::new(&content[..]).take(MOST).read_to_end(&mut octets);
    octets
}

/// Octets that a packed file is unpacked to.
const MOST: u64 = 256 << 20;

fn contains(text: &[u8], part: &[u8]) -> bool {
    find(text, part, 0).is_some()
}

fn find(text: &[u8], part: &[u8], from: usize) -> Option<usize> {
    if part.is_empty() {
        return Some(from);
    }
    let rest = text.get(from..)?;
    rest.windows(part.len()).position(|window| window == part).map(|at| from + at)
}
