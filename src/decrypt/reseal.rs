//! Packets under other keys.

use std::ops::Range;

use super::{Keyring, Scratch};
use crate::packet::{Frame, FrameView};

impl Keyring {
    /// Opens the ESP of a frame and seals it again with the SAs of `others`, which holds the same states in the same order
    /// with other keys. Headers, sequence numbers and IVs stay, also the checksum of a UDP header around ESP; whatever
    /// cannot be opened stays as it is. Gives where in the frame the ESP packet is that was sealed again, the outermost one.
    pub fn reseal(&self, others: &Self, frame: &mut Frame, scratch: &mut Scratch) -> Option<Range<usize>> {
        let view = FrameView {
            time: frame.time,
            link: frame.link,
            device: None,
            octets: &frame.octets,
            original_len: frame.original_len,
        };
        self.decrypt(&view, scratch);
        let outermost = scratch.esp.first()?;
        let start = outermost.offset.checked_sub(outermost.packet.start)?;
        let place = outermost.offset..outermost.offset + outermost.packet.len();
        // From the inside out: what an outer layer covers is sealed before it.
        let mut resealed = false;
        for place in scratch.esp.iter().rev() {
            let Some((entry, opened)) = &place.opened else { continue };
            let Some(Ok(sa)) = others.entries().get(*entry).map(|entry| &entry.sa) else { return None };
            let packet = scratch.octets.get_mut(place.packet.clone())?;
            if sa.seal_in_place(packet, (opened.seq >> 32) as u32).is_err() {
                return None;
            }
            resealed = true;
        }
        let to = frame.octets.get_mut(start..start + scratch.octets.len()).filter(|_| resealed)?;
        to.copy_from_slice(&scratch.octets);
        Some(place)
    }

    /// Whether a frame holds ESP that none of the SAs opens.
    pub fn lacks(&self, frame: &Frame, scratch: &mut Scratch) -> bool {
        self.decrypt_frame(frame, scratch);
        scratch.esp.iter().any(|place| place.opened.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::esp::{Secret, Spi};
    use crate::packet::{LinkType, Timestamp};
    use crate::xfrm::{Algorithm, AlgorithmKind, Key, State};

    fn state(spi: u32, fill: u8) -> State {
        let key = Key::Known(Secret::new(vec![fill; 20]));
        let aead = Algorithm { kind: AlgorithmKind::Aead { icv_bits: 128 }, name: "rfc4106(gcm(aes))".into(), key };
        State { algorithms: vec![aead], ..State::esp_tunnel([10, 0, 0, 66].into(), [10, 0, 1, 236].into(), Spi(spi)) }
    }

    fn ipv4(payload: &[u8]) -> Vec<u8> {
        let header = etherparse::Ipv4Header::new(
            payload.len() as u16,
            64,
            etherparse::IpNumber(50),
            [10, 0, 0, 66],
            [10, 0, 1, 236],
        );
        [&header.unwrap().to_bytes()[..], payload].concat()
    }

    fn sealed(state: &State, next_header: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        state.compile().unwrap().seal(9, &[5; 8], next_header, payload, &mut packet).unwrap();
        packet
    }

    #[test]
    fn a_packet_under_another_key_holds_the_same_and_nothing_opens_it_with_the_old_one() {
        let old = [state(3, 1), state(4, 2)];
        let new = [state(3, 0x51), state(4, 0x52)];
        let (old_keys, new_keys) = (Keyring::new(&old), Keyring::new(&new));
        let mut scratch = Scratch::default();
        // ESP in ESP, with the padding of an Ethernet frame behind.
        let inner = ipv4(&sealed(&old[1], 59, b"what is inside"));
        let packet = ipv4(&sealed(&old[0], 4, &inner));
        let octets = [&[2; 12][..], &[8, 0], &packet, &[0; 6]].concat();
        let len = octets.len() as u32;
        let mut frame = Frame {
            time: Timestamp(0),
            link: LinkType::Ethernet,
            device: None,
            octets: octets.clone(),
            original_len: len,
        };
        let place = old_keys.reseal(&new_keys, &mut frame, &mut scratch).expect("it was sealed again");
        assert_eq!(place, 34..octets.len() - 6);
        assert_eq!((frame.octets.len(), &frame.octets[..46]), (octets.len(), &octets[..46]));
        assert_eq!(old_keys.decrypt_frame(&frame, &mut scratch).outcome.status(), "bad-icv");
        let verdict = new_keys.decrypt_frame(&frame, &mut scratch);
        assert_eq!(verdict.inner.unwrap().octets, b"what is inside");
        assert_eq!(verdict.esp().len(), 2);
        // Another key, a cut frame, no ESP: all stay as they are.
        for (keys, cut) in [(Keyring::new(&new), 0), (Keyring::new(&old), 20)] {
            let mut octets = octets.clone();
            octets.truncate(octets.len() - cut - 6);
            let mut frame = Frame { octets: octets.clone(), ..frame.clone() };
            assert_eq!(keys.reseal(&new_keys, &mut frame, &mut scratch), None);
            assert_eq!(frame.octets, octets);
            assert!(keys.lacks(&frame, &mut scratch));
        }
    }
}
