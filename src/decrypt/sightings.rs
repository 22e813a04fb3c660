use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::Verdict;

/// Recognises one packet when it is captured several times.
///
/// A capture on all devices of a Cilium node shows one ESP packet three times (`cilium_host`, `cilium_net`, `eth0`), and
/// the packet inside it in clear as well: at the pod's device before it is sealed, and on `eth0` again after the kernel
/// opened it, which looks like a leak and is none (cilium/cilium#19274). Two ESP frames are one packet when destination,
/// SPI, sequence number and ICV are the same; two clear packets are one when nothing but TTL and header checksum differs.
///
/// It remembers the latest packets only, so its size is bounded.
#[derive(Debug, Clone)]
pub struct Sightings {
    /// ESP packets by what they are on the wire.
    sealed: Memory,
    /// ESP packets by what was found inside.
    sealed_by_content: Memory,
    /// Packets in clear.
    plain: Memory,
}

/// One place where a packet was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The frame's number, as the caller counts.
    pub frame: u64,
    /// The device.
    pub device: Option<Arc<str>>,
}

/// What is known of a packet at one more sighting of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting<'s> {
    /// Which copy this is: 1 for the first sighting.
    pub copy: u64,
    /// The sightings of the same packet in the same form, this one last (of very many copies the first ones are kept).
    pub same: &'s [Seen],
    /// The sightings so far of the other form: for ESP that is open, the packet inside it in clear; for a packet in clear,
    /// the ESP packets that it was found in.
    pub other_form: &'s [Seen],
}

impl Sightings {
    /// Remembers as many packets as `capacity`, of each form.
    pub fn new(capacity: usize) -> Self {
        let memory = Memory::new(capacity);
        Self { sealed: memory.clone(), sealed_by_content: memory.clone(), plain: memory }
    }

    /// Takes note of a frame and says where its packet was seen before; `None` for what is not IP.
    ///
    /// `octets` is the frame that the verdict is about.
    pub fn see(
        &mut self,
        frame: u64,
        device: Option<&str>,
        octets: &[u8],
        verdict: &Verdict<'_>,
    ) -> Option<Sighting<'_>> {
        self.note(frame, device, Identity::of(octets, verdict)?)
    }

    /// As [`see`](Self::see), for a packet that was identified before (on another thread, say).
    pub fn note(&mut self, frame: u64, device: Option<&str>, identity: Identity) -> Option<Sighting<'_>> {
        let seen = Seen { frame, device: device.map(Arc::from) };
        let Some(sealed) = identity.sealed else {
            let id = identity.content?;
            let (copy, same) = self.plain.add(id, seen);
            return Some(Sighting { copy, same, other_form: self.sealed_by_content.recall(id) });
        };
        let other_form = match identity.content {
            Some(id) => {
                self.sealed_by_content.add(id, seen.clone());
                self.plain.recall(id)
            }
            None => &[],
        };
        let (copy, same) = self.sealed.add(sealed, seen);
        Some(Sighting { copy, same, other_form })
    }
}

/// What makes a packet the same at its next sighting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Of the ESP packet; `None` for a packet in clear.
    sealed: Option<u64>,
    /// Of the packet inside ESP, if it is open; of the packet itself, if it is in clear.
    content: Option<u64>,
}

impl Identity {
    /// Identifies the packet of a frame, which `verdict` is about; `None` for what is not IP.
    pub fn of(octets: &[u8], verdict: &Verdict<'_>) -> Option<Self> {
        let Some(sealed) = Self::of_sealed(verdict) else {
            let outer = verdict.outer?;
            let content = plain_id(octets.get(outer.start..outer.end)?)?;
            return Some(Self { sealed: None, content: Some(content) });
        };
        Some(Self { content: verdict.inner.and_then(|inner| plain_id(inner.octets)), ..sealed })
    }

    /// Identifies an ESP packet by what it is on the wire alone, for whoever does not ask where its content was seen in
    /// clear; `None` for any other.
    pub fn of_sealed(verdict: &Verdict<'_>) -> Option<Self> {
        let esp = verdict.esp().next()?;
        // The end of the packet is its ICV (or, of a cut one, whatever was captured last).
        let mark = esp.packet.last_chunk::<8>();
        Some(Self { sealed: Some(hash(&(esp.dst, esp.spi, esp.seq as u32, mark))), content: None })
    }
}

/// How many sightings of one packet are kept; more are counted only.
const KEPT: usize = 16;

/// The latest packets of one form, and where each was seen.
///
/// A ring, so that what is forgotten is what came first and its room is used again: a long capture allocates nothing. It is
/// searched along chains, as LZ77 (RFC 1951 section 4) finds what it has seen: nothing needs to be taken out of these, since
/// a number that is too old ends a chain.
#[derive(Debug, Clone)]
struct Memory {
    capacity: usize,
    /// How many packets were remembered in all; they are numbered from 1.
    latest: u64,
    /// A ring: the first packet is at the beginning, until a later one takes its place.
    packets: Vec<Remembered>,
    /// By the last bits of an identity, the number of the latest packet whose identity ends with them; 0 for none.
    chains: Vec<u64>,
}

#[derive(Debug, Clone, Default)]
struct Remembered {
    id: u64,
    /// The number of the packet before it on its chain.
    before: u64,
    count: u64,
    seen: Vec<Seen>,
}

impl Memory {
    fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { capacity, latest: 0, packets: Vec::new(), chains: vec![0; capacity.next_power_of_two() * 2] }
    }

    fn add(&mut self, id: u64, seen: Seen) -> (u64, &[Seen]) {
        let place = self.place_of(id).unwrap_or_else(|| self.room_for(id));
        let Some(packet) = self.packets.get_mut(place) else { return (0, &[]) };
        packet.count += 1;
        packet.seen.truncate(KEPT - 1);
        packet.seen.push(seen);
        (packet.count, &packet.seen)
    }

    /// Makes room for a packet that was not seen yet, and says where.
    fn room_for(&mut self, id: u64) -> usize {
        if self.packets.len() < self.capacity {
            self.packets.push(Remembered::default());
        }
        let (chain, place) = (self.chain(id), self.place(self.latest));
        self.latest += 1;
        if let (Some(packet), Some(head)) = (self.packets.get_mut(place), self.chains.get_mut(chain)) {
            (packet.id, packet.before, packet.count) = (id, *head, 0);
            packet.seen.clear();
            *head = self.latest;
        }
        place
    }

    fn place_of(&self, id: u64) -> Option<usize> {
        let mut number = *self.chains.get(self.chain(id))?;
        while number > 0 && self.latest - number < self.capacity as u64 {
            let place = self.place(number - 1);
            let packet = self.packets.get(place)?;
            if packet.id == id {
                return Some(place);
            }
            number = packet.before;
        }
        None
    }

    fn recall(&self, id: u64) -> &[Seen] {
        let packet = self.place_of(id).and_then(|place| self.packets.get(place));
        packet.map(|packet| packet.seen.as_slice()).unwrap_or_default()
    }

    fn chain(&self, id: u64) -> usize {
        id as usize & (self.chains.len() - 1)
    }

    /// The place of the packet behind so many.
    fn place(&self, behind: u64) -> usize {
        (behind % self.capacity as u64) as usize
    }
}

/// What stays the same of an IP packet from hop to hop.
fn plain_id(packet: &[u8]) -> Option<u64> {
    match packet.first()? >> 4 {
        // Without TTL (octet 8) and header checksum (octets 10 and 11).
        4 => Some(hash(&(packet.get(..8)?, packet.get(9)?, packet.get(12..)?))),
        // Without hop limit (octet 7).
        6 => Some(hash(&(packet.get(..7)?, packet.get(8..)?))),
        _ => None,
    }
}

fn hash(value: &impl Hash) -> u64 {
    // Always the same seed: identities are compared across threads.
    foldhash::quality::FixedState::with_seed(0).hash_one(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decrypt::{Keyring, Scratch};
    use crate::esp::{Secret, Spi};
    use crate::packet::{FrameView, LinkType, Timestamp};
    use crate::xfrm::{Algorithm, AlgorithmKind, Key, State};

    const POD_PACKET: [u8; 20] = [0x45, 0, 0, 20, 7, 7, 0, 0, 64, 1, 0xaa, 0xbb, 10, 0, 0, 144, 10, 0, 1, 165];

    fn state() -> State {
        let key = Key::Known(Secret::new(vec![1; 20]));
        let aead = Algorithm { kind: AlgorithmKind::Aead { icv_bits: 128 }, name: "rfc4106(gcm(aes))".into(), key };
        let [src, dst] = [[10, 0, 0, 66].into(), [10, 0, 1, 236].into()];
        State { algorithms: vec![aead], ..State::esp_tunnel(src, dst, Spi(3)) }
    }

    fn with_ttl(packet: &[u8], ttl: u8) -> Vec<u8> {
        let mut packet = packet.to_vec();
        packet[8] = ttl;
        packet
    }

    fn esp(seq: u64) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 76, 0, 0, 0x40, 0, 64, 50, 0, 0, 10, 0, 0, 66, 10, 0, 1, 236];
        let inner = with_ttl(&POD_PACKET, 63);
        state().compile().unwrap().seal(seq, &[7; 8], 4, &inner, &mut packet).unwrap();
        packet[3] = packet.len() as u8;
        packet
    }

    /// Feeds the frames of a node's capture and notes copy number, frames of the same form, frames of the other form.
    fn feed(
        sightings: &mut Sightings,
        keyring: &Keyring,
        frames: &[(&str, Vec<u8>)],
    ) -> Vec<(u64, Vec<u64>, Vec<u64>)> {
        let mut scratch = Scratch::default();
        let frames_of = |seen: &[Seen]| seen.iter().map(|seen| seen.frame).collect();
        (1..)
            .zip(frames)
            .map(|(number, (device, octets))| {
                let (time, link) = (Timestamp(0), LinkType::Raw);
                let frame = FrameView { time, link, device: None, octets, original_len: 0 };
                let verdict = keyring.decrypt(&frame, &mut scratch);
                let sighting = sightings.see(number, Some(device), octets, &verdict).unwrap();
                (sighting.copy, frames_of(sighting.same), frames_of(sighting.other_form))
            })
            .collect()
    }

    #[test]
    fn the_copies_of_one_esp_packet_and_its_clear_forms_are_known_to_be_one() {
        let frames = [
            ("lxc1", POD_PACKET.to_vec()),
            ("cilium_host", esp(1)),
            ("cilium_net", esp(1)),
            ("eth0", with_ttl(&esp(1), 63)),
            ("eth0", with_ttl(&POD_PACKET, 63)),
            ("eth0", esp(2)),
        ];
        let keyring = Keyring::new([&state()]);
        assert_eq!(
            feed(&mut Sightings::new(8), &keyring, &frames),
            [
                (1, vec![1], vec![]),
                (1, vec![2], vec![1]),
                (2, vec![2, 3], vec![1]),
                (3, vec![2, 3, 4], vec![1]),
                (2, vec![1, 5], vec![2, 3, 4]),
                (1, vec![6], vec![1, 5]),
            ]
        );
    }

    #[test]
    fn copies_are_counted_without_the_key_too() {
        let frames = [("cilium_host", esp(1)), ("eth0", esp(1))];
        let counts = feed(&mut Sightings::new(8), &Keyring::default(), &frames);
        assert_eq!(counts, [(1, vec![1], vec![]), (2, vec![1, 2], vec![])]);
    }

    #[test]
    fn the_oldest_packets_are_forgotten_and_very_many_copies_only_counted() {
        let mut sightings = Sightings::new(2);
        let frames: Vec<_> = [1, 2, 3, 1].map(|seq| ("eth0", esp(seq))).into();
        let counts = feed(&mut sightings, &Keyring::default(), &frames);
        assert_eq!(counts[3].0, 1);
        assert_eq!(sightings.sealed.packets.len(), 2);
        let frames: Vec<_> = (0..100).map(|_| ("eth0", esp(9))).collect();
        let counts = feed(&mut sightings, &Keyring::default(), &frames);
        assert_eq!((counts[99].0, counts[99].1.len()), (100, KEPT));
    }
}
