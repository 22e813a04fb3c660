//! Any octets: as a frame, and as what is inside a packet that opens.
//!
//! `cargo +nightly fuzz run decrypt` (with cargo-fuzz installed).
#![no_main]

use esplain::decrypt::{Keyring, Scratch, Sightings, Verdict};
use esplain::esp::{Secret, Spi};
use esplain::packet::{FrameView, LinkType, Timestamp};
use esplain::xfrm::{Algorithm, AlgorithmKind, Key, State};
use libfuzzer_sys::fuzz_target;

const SRC: [u8; 4] = [10, 0, 0, 66];
const DST: [u8; 4] = [10, 0, 1, 236];

fuzz_target!(|data: &[u8]| {
    let [kind, extra, octets @ ..] = data else { return };
    let key = Key::Known(Secret::new(vec![7; 20]));
    let aead = Algorithm { kind: AlgorithmKind::Aead { icv_bits: 128 }, name: "rfc4106(gcm(aes))".into(), key };
    let state = State { algorithms: vec![aead], ..State::esp_tunnel(SRC.into(), DST.into(), Spi(3)) };
    let keyring = Keyring::new([&state]);
    let mut scratch = Scratch::default();
    let links = [0, 1, 101, 108, 113, 228, 229, 276].map(|number| LinkType::from_number(number).expect("it is read"));
    let link = links[usize::from(*kind) % links.len()];
    let wire = octets.len() as u32 + u32::from(*extra);
    let frame = FrameView { time: Timestamp(0), link, device: None, octets, original_len: wire };
    look(&frame, &keyring.decrypt(&frame, &mut scratch));

    // The same octets as the payload of a packet whose ICV is right; the first octet says what they are.
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 50, 0, 0];
    packet.extend(SRC.iter().chain(&DST));
    let sa = state.compile().expect("the key is whole");
    if sa.seal(1, &[3; 8], *kind, octets, &mut packet).is_ok() {
        let frame = FrameView { link: LinkType::Raw, octets: &packet, original_len: 0, ..frame };
        let verdict = keyring.decrypt(&frame, &mut scratch);
        assert_eq!(verdict.outcome.status(), "decrypted");
        look(&frame, &verdict);
    }
});

/// Reads all that a verdict has.
fn look(frame: &FrameView<'_>, verdict: &Verdict<'_>) {
    let _ = verdict.outcome.to_string();
    verdict.path().iter().for_each(|step| drop(step.to_string()));
    for esp in verdict.esp() {
        assert_eq!(esp.opened.is_some(), esp.iv().is_some() && esp.icv().is_some());
    }
    let mut out = Vec::new();
    let _ = verdict.plain_frame(frame, &mut out);
    if let Some(inner) = verdict.inner {
        inner.layers().for_each(drop);
    }
    let _ = Sightings::new(1).see(1, None, frame.octets, verdict);
}
