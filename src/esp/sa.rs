use std::fmt;
use std::ops::Range;

use super::suite::{HEADER_LEN, Suite};
use super::{Algorithms, Spi, Unusable};

/// A security association, compiled: its key schedules are made once and packets pass through them.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---------------------------------------------------------------+ 0
/// |                              SPI                              |
/// +---------------------------------------------------------------+ 4
/// |                 sequence number (its low half)                |
/// +---------------------------------------------------------------+ 8
/// |          IV: 8 octets (GCM), 16 (CBC), none (cipher_null)     |
/// +---------------------------------------------------------------+ 8 + IV
/// |  payload: the inner packet (tunnel) or upper layer (transport)|
/// |               +-----------------------------------------------+  \
/// |               |         padding 1, 2, 3, … (0-255)            |   trailer,
/// +---------------+-------------------------------+---------------+   encrypted
/// |                               |  pad length   |  next header  |  /
/// +---------------------------------------------------------------+ len - ICV
/// |                 ICV: 8, 12, 16, … octets                      |
/// +---------------------------------------------------------------+ len
/// ```
///
/// RFC 4303 section 2; with AES-GCM, RFC 4106. Everything on the wire is in network byte order.
#[derive(Clone)]
pub struct Sa {
    spi: Spi,
    esn: bool,
    names: Vec<String>,
    suite: Suite,
}

/// Where things are in a packet that was opened; ranges count from the SPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The sequence number: 32 bits from the wire, with ESN the assumed high half in front.
    pub seq: u64,
    /// The IV.
    pub iv: Range<usize>,
    /// The payload, now in clear: a whole IP packet in tunnel mode, what follows the IP header in transport mode.
    pub payload: Range<usize>,
    /// The padding; its length is the trailer's pad length.
    pub padding: Range<usize>,
    /// The trailer's next header (an IP protocol number): 4 is IPv4, 41 is IPv6, 59 a dummy packet.
    pub next_header: u8,
    /// The integrity check value.
    pub icv: Range<usize>,
    /// The first octet of the padding that is not the 1, 2, 3, … of RFC 4303 section 2.4. Linux does not look, and a
    /// packet whose ICV is right is whole; so this is said, and nothing is refused for it.
    pub odd_padding: Option<OddPadding>,
}

/// One octet of padding that is not what RFC 4303 section 2.4 prescribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OddPadding {
    /// Where, in octets from the SPI.
    pub offset: usize,
    /// The octet that stands there.
    pub found: u8,
    /// The octet that should.
    pub expected: u8,
}

/// Why a packet was not opened. Nothing of it is in clear, except in [`OpenError::PadLength`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Fewer octets than header, IV, one block of ciphertext and ICV take.
    #[error("an ESP packet of {have} octets, expected at least {need} (header, IV, trailer, ICV)")]
    TooShort {
        /// The least there must be.
        need: usize,
        /// The octets there are.
        have: usize,
    },
    /// The ciphertext is not a multiple of the padding's alignment.
    #[error("{found} octets of ciphertext at offset {offset}, expected a multiple of {multiple}")]
    Unaligned {
        /// Where the ciphertext starts, from the SPI.
        offset: usize,
        /// Its length.
        found: usize,
        /// What its length must be a multiple of.
        multiple: usize,
    },
    /// The ICV is not that of this packet under this key: another key, or a packet that changed on its way
    /// (`XfrmInStateProtoError`).
    #[error("the ICV of SPI {spi}, sequence number {seq}, is wrong ({icv_len} octets at offset {offset})")]
    BadIcv {
        /// The packet's SPI.
        spi: Spi,
        /// Its sequence number, as on the wire.
        seq: u32,
        /// Where the ICV starts, from the SPI.
        offset: usize,
        /// Octets of the ICV.
        icv_len: usize,
    },
    /// The ICV is right, but the trailer asks for more padding than there is payload.
    #[error("a pad length of {pad_len} at offset {offset}, expected at most {room}")]
    PadLength {
        /// Where the pad length stands, from the SPI.
        offset: usize,
        /// The pad length.
        pad_len: u8,
        /// The octets before it.
        room: usize,
    },
}

/// Why a packet was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// An IV of a length that the algorithm does not take.
    #[error("an IV of {have} octets, expected {need}")]
    IvLength {
        /// The length of the algorithm's IV.
        need: usize,
        /// The length of the one given.
        have: usize,
    },
    /// The sequence number does not fit: without ESN an SA ends at 2^32-1 (`XfrmOutStateSeqError`).
    #[error("the sequence numbers of this SA are used up: {seq:#x}, expected 1 to 0xffffffff")]
    SeqExhausted {
        /// The number that was asked for.
        seq: u64,
    },
    /// More octets than the cipher takes.
    #[error("a payload of {len} octets is too long")]
    TooLong {
        /// The payload's length.
        len: usize,
    },
}

impl Sa {
    /// Compiles an SA. `esn` is the flag of that name: 64-bit sequence numbers, of which the low half travels.
    pub fn new(spi: Spi, esn: bool, algorithms: &Algorithms) -> Result<Self, Unusable> {
        let names = algorithms.names().into_iter().map(str::to_owned).collect();
        Ok(Self { spi, esn, names, suite: algorithms.compile()? })
    }

    /// The SPI that `seal` writes.
    pub fn spi(&self) -> Spi {
        self.spi
    }

    /// Whether the sequence numbers are extended to 64 bits.
    pub fn esn(&self) -> bool {
        self.esn
    }

    /// Octets of the IV on the wire.
    pub fn iv_len(&self) -> usize {
        self.suite.iv_len()
    }

    /// Octets of the ICV on the wire.
    pub fn icv_len(&self) -> usize {
        self.suite.icv_len()
    }

    /// The IV that Linux would put on the packet with this sequence number, from the random value that it draws when the SA
    /// is made: [`SeqIv`](super::SeqIv) with the first 8 octets for AES-GCM, `echainiv` for AES-CBC, none for the null
    /// cipher.
    pub fn linux_iv(&self, random: [u8; 16], seq: u64) -> Vec<u8> {
        self.suite.linux_iv(random, seq)
    }

    /// Octets from SPI to ICV that a payload of `payload_len` octets becomes.
    ///
    /// For AES-GCM with a 16-octet ICV: 8 (header) + 8 (IV) + payload and 2 (trailer) up to a multiple of 4 + 16.
    pub fn sealed_len(&self, payload_len: usize) -> usize {
        HEADER_LEN + self.iv_len() + (payload_len + 2).next_multiple_of(self.suite.alignment()) + self.icv_len()
    }

    /// The longest payload whose sealed form takes at most `room` octets, or `None` if not even an empty one fits.
    ///
    /// Linux computes the same for the route's MTU (`xfrm_state_mtu`, net/xfrm/xfrm_state.c).
    pub fn longest_payload(&self, room: usize) -> Option<usize> {
        let alignment = self.suite.alignment();
        let body = room.checked_sub(HEADER_LEN + self.iv_len() + self.icv_len())?;
        (body / alignment * alignment).checked_sub(2)
    }

    /// Opens a packet in place. `packet` starts at the SPI and ends with the ICV; on success the body is in clear. With a
    /// wrong ICV it is ciphertext or all zeros: who wants to try another SA keeps a copy. The SPI is not compared: the
    /// caller found this SA by it, or is trying.
    ///
    /// `seq_high` is the high half of the sequence number that the receiver infers
    /// ([`ReplayWindow::infer`](super::ReplayWindow::infer)); without ESN it is not used.
    pub fn open(&self, packet: &mut [u8], seq_high: u32) -> Result<Opened, OpenError> {
        let have = packet.len();
        let need = self.sealed_len(0);
        let header = packet.first_chunk::<HEADER_LEN>().filter(|_| have >= need);
        let Some(&[s0, s1, s2, s3, q0, q1, q2, q3]) = header else {
            return Err(OpenError::TooShort { need, have });
        };
        let (spi, seq) = (Spi(u32::from_be_bytes([s0, s1, s2, s3])), u32::from_be_bytes([q0, q1, q2, q3]));
        let body = HEADER_LEN + self.iv_len()..have - self.icv_len();
        let multiple = self.suite.alignment();
        if !body.len().is_multiple_of(multiple) {
            return Err(OpenError::Unaligned { offset: body.start, found: body.len(), multiple });
        }
        let seq_high = self.esn.then_some(seq_high);
        if !self.suite.open(packet, seq_high) {
            return Err(OpenError::BadIcv { spi, seq, offset: body.end, icv_len: self.icv_len() });
        }
        let plain = packet.get(..body.end).unwrap_or_default();
        let Some(&[pad_len, next_header]) = plain.last_chunk::<2>() else {
            return Err(OpenError::TooShort { need, have });
        };
        let trailer = body.end - 2;
        let room = trailer - body.start;
        let Some(payload_len) = room.checked_sub(usize::from(pad_len)) else {
            return Err(OpenError::PadLength { offset: trailer, pad_len, room });
        };
        let payload = body.start..body.start + payload_len;
        let padding = payload.end..trailer;
        let octets = plain.get(padding.clone()).unwrap_or_default();
        let odd_padding = (1..=u8::MAX)
            .zip(octets)
            .zip(padding.clone())
            .find(|&((expected, &found), _)| expected != found)
            .map(|((expected, &found), offset)| OddPadding { offset, found, expected });
        Ok(Opened {
            seq: u64::from(seq_high.unwrap_or_default()) << 32 | u64::from(seq),
            iv: HEADER_LEN..body.start,
            payload,
            padding,
            next_header,
            icv: body.end..have,
            odd_padding,
        })
    }

    /// Seals a payload and appends the packet, SPI to ICV, to `out`; on failure `out` is what it was.
    ///
    /// An IV must never be used twice under one key ([`SeqIv`](super::SeqIv) makes them as Linux does).
    pub fn seal(
        &self,
        seq: u64,
        iv: &[u8],
        next_header: u8,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        if iv.len() != self.iv_len() {
            return Err(SealError::IvLength { need: self.iv_len(), have: iv.len() });
        }
        let (high, low) = ((seq >> 32) as u32, seq as u32);
        if high != 0 && !self.esn {
            return Err(SealError::SeqExhausted { seq });
        }
        let body_len = (payload.len() + 2).next_multiple_of(self.suite.alignment());
        let pad_len = (body_len - payload.len() - 2) as u8;
        let start = out.len();
        out.reserve(self.sealed_len(payload.len()));
        out.extend_from_slice(&self.spi.0.to_be_bytes());
        out.extend_from_slice(&low.to_be_bytes());
        out.extend_from_slice(iv);
        out.extend_from_slice(payload);
        out.extend(1..=pad_len);
        out.extend_from_slice(&[pad_len, next_header]);
        out.resize(out.len() + self.icv_len(), 0);
        let packet = out.get_mut(start..).unwrap_or_default();
        if self.suite.seal(packet, self.esn.then_some(high)).is_none() {
            out.truncate(start);
            return Err(SealError::TooLong { len: payload.len() });
        }
        Ok(())
    }

    /// Seals in place a packet as [`open`](Self::open) leaves it: header, IV, body in clear with its trailer, and room for the
    /// ICV. `seq_high` is the high half of the sequence number, not used without ESN. On failure nothing of the packet is to
    /// be used.
    pub fn seal_in_place(&self, packet: &mut [u8], seq_high: u32) -> Result<(), SealError> {
        let len = packet.len();
        self.suite.seal(packet, self.esn.then_some(seq_high)).ok_or(SealError::TooLong { len })
    }
}

impl fmt::Debug for Sa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sa")
            .field("spi", &self.spi)
            .field("esn", &self.esn)
            .field("algorithms", &self.names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::esp::{Encryption, Integrity, Secret};

    fn gcm(key_len: usize, icv_bits: u32) -> Algorithms {
        let key = Secret::new((0..key_len).map(|n| n as u8 ^ 0x5a).collect());
        Algorithms::Aead { name: "rfc4106(gcm(aes))".into(), key, icv_bits }
    }

    fn cbc(key_len: usize, hmac: &str, truncated_bits: Option<u32>) -> Algorithms {
        let key = |len: usize| Secret::new((0..len).map(|n| n as u8 ^ 0xc3).collect());
        let enc = if key_len == 0 { "ecb(cipher_null)" } else { "cbc(aes)" };
        Algorithms::Separate {
            auth: Integrity { name: hmac.into(), key: key(32), truncated_bits },
            enc: Encryption { name: enc.into(), key: key(key_len) },
        }
    }

    /// Every combination that is read here, with the ICV octets that it must have.
    fn every_suite() -> Vec<(Algorithms, usize)> {
        let mut suites = Vec::new();
        for key_len in [20, 28, 36] {
            suites.extend([64, 96, 128].map(|bits| (gcm(key_len, bits), bits as usize / 8)));
        }
        for key_len in [0, 16, 24, 32] {
            for (hmac, truncated, icv_len) in [
                ("hmac(sha1)", None, 12),
                ("hmac(sha1)", Some(160), 20),
                ("hmac(sha256)", None, 12),
                ("hmac(sha256)", Some(0), 12),
                ("hmac(sha256)", Some(128), 16),
                ("hmac(sha384)", None, 24),
                ("hmac(sha512)", None, 32),
                ("hmac(sha512)", Some(512), 64),
            ] {
                suites.push((cbc(key_len, hmac, truncated), icv_len));
            }
        }
        suites
    }

    fn sealed(sa: &Sa, seq: u64, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        sa.seal(seq, &vec![0xe1; sa.iv_len()], 4, payload, &mut packet).unwrap();
        packet
    }

    #[test]
    fn every_algorithm_opens_what_it_sealed_with_and_without_esn() {
        let payload: Vec<u8> = (0..84).collect();
        for (algorithms, icv_len) in every_suite() {
            for (esn, seq) in [(false, 7), (true, 0x3_0000_0007)] {
                let sa = Sa::new(Spi(3), esn, &algorithms).unwrap();
                assert_eq!(sa.icv_len(), icv_len, "{algorithms:?}");
                let mut packet = sealed(&sa, seq, &payload);
                assert_eq!(packet.len(), sa.sealed_len(payload.len()));
                let opened = sa.open(&mut packet, (seq >> 32) as u32).unwrap();
                assert_eq!((opened.seq, opened.next_header, opened.odd_padding), (seq, 4, None), "{algorithms:?}");
                assert_eq!(packet[opened.payload.clone()], payload);
                assert_eq!((opened.icv.end, opened.icv.len()), (packet.len(), icv_len));
            }
        }
    }

    #[test]
    fn every_flipped_octet_of_every_algorithm_is_refused_and_nothing_is_in_clear() {
        for (algorithms, icv_len) in every_suite() {
            let sa = Sa::new(Spi(3), false, &algorithms).unwrap();
            let packet = sealed(&sa, 1, b"a packet that nobody may change");
            for at in 0..packet.len() {
                let mut changed = packet.clone();
                changed[at] ^= 0x01;
                let before = changed.clone();
                let error = sa.open(&mut changed, 0).unwrap_err();
                let offset = packet.len() - icv_len;
                assert!(
                    matches!(error, OpenError::BadIcv { offset: found, icv_len: len, .. } if (found, len) == (offset, icv_len)),
                    "octet {at} of {algorithms:?}: {error}"
                );
                let body = HEADER_LEN + sa.iv_len()..offset;
                if changed[body.clone()].iter().any(|octet| *octet != 0) {
                    assert_eq!(changed[body.clone()], before[body.clone()], "octet {at} of {algorithms:?}");
                }
                changed[body.clone()].copy_from_slice(&before[body]);
                assert_eq!(changed, before, "octet {at} of {algorithms:?}");
            }
        }
    }

    #[test]
    fn the_wrong_high_half_of_an_extended_sequence_number_fails_the_icv() {
        for algorithms in [gcm(20, 128), cbc(16, "hmac(sha1)", None)] {
            let sa = Sa::new(Spi(3), true, &algorithms).unwrap();
            let mut packet = sealed(&sa, 0x1_0000_0001, b"payload");
            assert!(matches!(sa.open(&mut packet.clone(), 0), Err(OpenError::BadIcv { .. })));
            assert!(sa.open(&mut packet, 1).is_ok());
        }
    }

    #[test]
    fn a_ping_grows_to_the_size_that_tcpdump_shows() {
        // The table of Linux sizes: payload of `ping -s`, inner packet, ESP length, padding.
        let sa = Sa::new(Spi(3), false, &gcm(20, 128)).unwrap();
        for (inner, length, padding) in [(28, 64, 2), (84, 120, 2), (1028, 1064, 2), (1423, 1460, 3), (1446, 1480, 0)] {
            let mut packet = sealed(&sa, 1, &vec![0; inner]);
            assert_eq!(packet.len(), length);
            assert_eq!(sa.open(&mut packet, 0).unwrap().padding.len(), padding);
        }
        assert_eq!(sa.longest_payload(1480), Some(1446));
        assert_eq!(sa.longest_payload(33), None);
    }

    #[test]
    fn short_and_uneven_packets_are_refused_with_their_lengths() {
        let sa = Sa::new(Spi(3), false, &gcm(20, 128)).unwrap();
        assert_eq!(sa.open(&mut [0; 35], 0), Err(OpenError::TooShort { need: 36, have: 35 }));
        assert_eq!(sa.open(&mut [0; 37], 0), Err(OpenError::Unaligned { offset: 16, found: 5, multiple: 4 }));
        let sa = Sa::new(Spi(3), false, &cbc(16, "hmac(sha1)", None)).unwrap();
        assert_eq!(sa.open(&mut [], 0), Err(OpenError::TooShort { need: 52, have: 0 }));
        assert_eq!(sa.open(&mut [0; 60], 0), Err(OpenError::Unaligned { offset: 24, found: 24, multiple: 16 }));
    }

    #[test]
    fn a_pad_length_beyond_the_payload_is_named() {
        // With the null cipher a trailer can be written by hand and then be authenticated.
        let sa = Sa::new(Spi(3), false, &cbc(0, "hmac(sha1)", None)).unwrap();
        let mut packet = vec![0, 0, 0, 3, 0, 0, 0, 1, 9, 9, 3, 4];
        packet.resize(24, 0);
        sa.suite.seal(&mut packet, None).unwrap();
        assert_eq!(sa.open(&mut packet, 0), Err(OpenError::PadLength { offset: 10, pad_len: 3, room: 2 }));
    }

    #[test]
    fn padding_that_does_not_count_is_said_and_the_packet_still_opens() {
        let sa = Sa::new(Spi(3), false, &cbc(0, "hmac(sha1)", None)).unwrap();
        let mut packet = vec![0, 0, 0, 3, 0, 0, 0, 1, 1, 7, 2, 59];
        packet.resize(24, 0);
        sa.suite.seal(&mut packet, None).unwrap();
        let opened = sa.open(&mut packet, 0).unwrap();
        assert_eq!(opened.odd_padding, Some(OddPadding { offset: 9, found: 7, expected: 2 }));
        assert_eq!((opened.payload, opened.next_header), (8..8, 59));
    }

    #[test]
    fn unusable_algorithms_are_named() {
        let aead = |name: &str, len, icv_bits| Algorithms::Aead {
            name: name.into(),
            key: Secret::new(vec![1; len]),
            icv_bits,
        };
        for (algorithms, words) in [
            (aead("rfc4309(ccm(aes))", 19, 128), "unsupported algorithm rfc4309(ccm(aes))"),
            (aead("rfc4106(gcm(aes))", 0, 128), "no key for rfc4106(gcm(aes))"),
            (
                aead("rfc4106(gcm(aes))", 16, 128),
                "rfc4106(gcm(aes)) has a key of 16 octets, expected 20, 28 or 36 (an AES key of 16, 24 or 32 octets and a salt of 4)",
            ),
            (
                aead("rfc4106(gcm(aes))", 20, 256),
                "rfc4106(gcm(aes)) has an ICV of 256 bits, expected 64, 96 or 128 (RFC 4106 section 6)",
            ),
            (cbc(16, "digest_null", None), "unsupported algorithm digest_null"),
            (cbc(16, "hmac(md5)", None), "unsupported algorithm hmac(md5)"),
            (cbc(17, "hmac(sha1)", None), "cbc(aes) has a key of 17 octets, expected 16, 24 or 32"),
            (cbc(16, "hmac(sha1)", Some(256)), "hmac(sha1) has an ICV of 256 bits, expected 8 to 160"),
        ] {
            assert_eq!(Sa::new(Spi(3), false, &algorithms).unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn an_sa_without_esn_ends_at_32_bits() {
        let sa = Sa::new(Spi(3), false, &gcm(20, 128)).unwrap();
        let mut out = vec![0xaa];
        assert_eq!(sa.seal(1 << 32, &[0; 8], 4, &[], &mut out), Err(SealError::SeqExhausted { seq: 1 << 32 }));
        assert_eq!(sa.seal(1, &[0; 16], 4, &[], &mut out), Err(SealError::IvLength { need: 8, have: 16 }));
        assert_eq!(out, [0xaa]);
    }

    #[test]
    fn debug_shows_the_algorithms_and_no_key() {
        let sa = Sa::new(Spi(3), false, &gcm(20, 128)).unwrap();
        assert_eq!(format!("{sa:?}"), r#"Sa { spi: Spi(3), esn: false, algorithms: ["rfc4106(gcm(aes))"], .. }"#);
    }

    proptest! {
        #[test]
        fn seal_then_open_is_identity(
            which in 0..41_usize,
            esn: bool,
            spi: u32,
            seq: u64,
            next_header: u8,
            payload in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            let suites = every_suite();
            prop_assert_eq!(suites.len(), 41);
            let sa = Sa::new(Spi(spi), esn, &suites[which].0).unwrap();
            let seq = if esn { seq } else { seq & 0xffff_ffff };
            let mut packet = vec![0x77];
            sa.seal(seq, &vec![seq as u8; sa.iv_len()], next_header, &payload, &mut packet).unwrap();
            prop_assert_eq!(&packet[..5], &[&[0x77], &spi.to_be_bytes()[..]].concat());
            let opened = sa.open(&mut packet[1..], (seq >> 32) as u32).unwrap();
            prop_assert_eq!((opened.seq, opened.next_header, opened.odd_padding), (seq, next_header, None));
            prop_assert_eq!(&packet[1..][opened.payload], &payload[..]);
        }

        #[test]
        fn open_never_panics(
            which in 0..41_usize,
            esn: bool,
            high: u32,
            mut octets in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let sa = Sa::new(Spi(3), esn, &every_suite()[which].0).unwrap();
            prop_assert!(sa.open(&mut octets, high).is_err());
        }

        #[test]
        fn the_longest_payload_fits_and_one_more_octet_does_not(which in 0..41_usize, room in 0..3000_usize) {
            let sa = Sa::new(Spi(3), false, &every_suite()[which].0).unwrap();
            let longest = sa.longest_payload(room);
            prop_assert!(longest.is_none_or(|len| sa.sealed_len(len) <= room));
            prop_assert!(sa.sealed_len(longest.map_or(0, |len| len + 1)) > room);
        }
    }
}
