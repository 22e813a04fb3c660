//! Captures of a real kernel's ESP, held against what an independent decoder made of them.
//!
//! The captures are not part of the repository: they are looked for in `$ESPLAIN_SHARED/captures` and then in
//! `../shared/captures`. Without them every test here prints `skipped:` and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use esplain::capture::Reader;
use esplain::decrypt::{Keyring, Scratch, Sightings, Verdict};
use esplain::esp::{Secret, SeqIv, Spi};
use esplain::packet::{Frame, IcmpHeader, Layer, Located};
use esplain::xfrm::{Algorithm, AlgorithmKind, Encap, EncapType, Key, Mode, State, parse_states};
use serde::Deserialize;

use super::shared::captures;

/// `case.json`: the SAs of both nodes.
#[derive(Deserialize)]
struct Case {
    sas: Vec<CaseSa>,
}

#[derive(Deserialize)]
struct CaseSa {
    src: String,
    dst: String,
    mode: String,
    esn: bool,
    encap: Option<serde_json::Value>,
    spi: String,
    aead: Option<CaseAlgorithm>,
    auth: Option<CaseAlgorithm>,
    enc: Option<CaseAlgorithm>,
}

#[derive(Deserialize)]
struct CaseAlgorithm {
    alg: String,
    #[serde(alias = "key_and_salt")]
    key: String,
    #[serde(default)]
    icv_bits: u32,
}

/// `*.expected.json`: one record for each ESP packet.
#[derive(Deserialize)]
struct Expected {
    ref_decode: Vec<Record>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    frame: usize,
    path: String,
    outer: String,
    spi: String,
    seq: u64,
    truncated: bool,
    icv_ok: bool,
    sa: Option<String>,
    mode: Option<String>,
    pad_len: Option<usize>,
    next_header: Option<u8>,
    inner: Option<String>,
    summary: Option<String>,
}

#[test]
fn every_reference_decode_is_reproduced_with_the_right_keys() {
    let mut records = 0;
    for_every_capture(|case, capture, expected| {
        let found = decode(capture, &Keyring::new(&states_of(case, |_| {})));
        records += found.len();
        assert_eq!(found.len(), expected.len(), "{}", capture.display());
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "{}", capture.display());
        }
    });
    println!("{records} packets were compared");
}

#[test]
fn nothing_opens_with_a_key_or_salt_that_differs_in_one_bit() {
    for at in [0, 15, 19] {
        for_every_capture(|case, capture, expected| {
            let wrong = states_of(case, |key| {
                let at = at.min(key.len() - 1);
                key[at] ^= 1;
            });
            let found = decode(capture, &Keyring::new(&wrong));
            let closed: Vec<Record> = expected
                .iter()
                .cloned()
                .map(|record| Record {
                    icv_ok: false,
                    sa: None,
                    mode: None,
                    pad_len: None,
                    next_header: None,
                    inner: None,
                    summary: None,
                    ..record
                })
                .collect();
            assert_eq!(found, closed, "{}", capture.display());
        });
    }
}

#[test]
fn sealing_again_gives_the_kernels_own_octets_and_ivs() {
    let (mut sealed, mut ivs) = (0, 0);
    for_every_capture(|case, capture, _| {
        let keyring = Keyring::new(&states_of(case, |_| {}));
        let mut scratch = Scratch::default();
        let mut randoms = BTreeMap::new();
        for frame in &frames(capture) {
            let verdict = keyring.decrypt_frame(frame, &mut scratch);
            let Some(inner) = verdict.inner else { continue };
            let esp = verdict.esp().next().unwrap();
            let sa = esp.entry.unwrap().sa.as_ref().unwrap();
            let mut packet = Vec::new();
            sa.seal(esp.seq, esp.iv().unwrap(), inner.next_header, inner.octets, &mut packet).unwrap();
            assert_eq!(packet, frame.octets[esp.offset..esp.offset + packet.len()], "{}", capture.display());
            sealed += 1;

            // One random value for an SA makes the IVs of all its packets; the first packet shows it.
            let key = (esp.src, esp.dst, esp.spi);
            if esp.seq == 1 {
                randoms.insert(key, random_of_first_iv(esp.iv().unwrap(), &esp.entry.unwrap().state));
            }
            if let Some(random) = randoms.get(&key) {
                assert_eq!(sa.linux_iv(*random, esp.seq), esp.iv().unwrap(), "{}", capture.display());
                ivs += 1;
            }
        }
    });
    println!("{sealed} packets were sealed again, with {ivs} IVs");
    assert_eq!(sealed, ivs);
}

#[test]
fn keepalives_and_ike_are_told_from_esp_on_port_4500() {
    let mut steps = BTreeMap::new();
    for_every_capture(|case, capture, _| {
        if !case.ends_with("gw-natt-gcm") || !capture.ends_with("gwa-any.pcap") {
            return;
        }
        let keyring = Keyring::new(&states_of(case, |_| {}));
        let mut scratch = Scratch::default();
        for frame in &frames(capture) {
            let verdict = keyring.decrypt_frame(frame, &mut scratch);
            if let Some(step) = verdict.path().last() {
                *steps.entry((step.to_string(), verdict.outcome.status())).or_insert(0) += 1;
            }
        }
    });
    if captures().is_some() {
        let expected = [(("esp", "decrypted"), 6), (("ike", "clear"), 1), (("nat-keepalive", "clear"), 1)];
        assert_eq!(steps, expected.map(|((step, status), count)| ((step.to_owned(), status), count)).into());
    }
}

#[test]
fn the_ip_text_of_the_capturing_node_opens_what_it_captured() {
    let mut closed = BTreeMap::new();
    for_every_capture(|case, capture, expected| {
        let name = capture.file_name().and_then(|name| name.to_str()).unwrap();
        let node = name.split('-').next().unwrap();
        for listing in ["ip-x-s", "ip-s-x-s"] {
            let states = states_in(&case.join(format!("{node}.{listing}.txt")));
            let found = decode(capture, &Keyring::new(&states));
            if found.iter().any(|record| !record.icv_ok && !record.truncated) {
                let case = case.file_name().and_then(|name| name.to_str()).unwrap();
                closed.insert(format!("{case}/{name}"), statuses(capture, &Keyring::new(&states)));
            } else {
                assert_eq!(without_sa(&found), without_sa(expected), "{} with {listing}", capture.display());
            }
        }
    });
    if captures().is_some() {
        // The faults of these two cases are at worker2, so its own keys do not open what it received.
        let expected = [("fail-no-in-state/worker2-any.pcap", "no-sa"), ("fail-wrong-key/worker2-any.pcap", "bad-icv")];
        assert_eq!(closed, expected.map(|(capture, status)| (capture.to_owned(), vec![status; 3])).into());
    }
}

#[test]
fn the_ip_texts_of_both_nodes_together_open_everything() {
    for_every_capture(|case, capture, expected| {
        let texts = entries(case).into_iter().filter(|path| path.to_str().unwrap().ends_with(".ip-x-s.txt"));
        let states: Vec<State> = texts.flat_map(|path| states_in(&path)).collect();
        let found = decode(capture, &Keyring::new(&states));
        assert_eq!(without_sa(&found), without_sa(expected), "{}", capture.display());
    });
}

#[test]
fn the_three_copies_on_a_node_and_its_clear_forms_are_recognised_as_one_packet() {
    let mut copies = Vec::new();
    for_every_capture(|case, capture, _| {
        if !case.ends_with("cilium-ping-gcm128-icv128") || !capture.ends_with("worker-any.pcap") {
            return;
        }
        let keyring = Keyring::new(&states_of(case, |_| {}));
        let (mut scratch, mut sightings) = (Scratch::default(), Sightings::new(64));
        for (number, frame) in (1..).zip(&frames(capture)) {
            let verdict = keyring.decrypt_frame(frame, &mut scratch);
            let esp = verdict.esp().next().map(|esp| (esp.src.to_string(), esp.seq));
            let seen = sightings.see(number, None, &frame.octets, &verdict);
            copies.extend(esp.zip(seen).map(|((src, seq), seen)| (src, seq, seen.copy, seen.other_form.len())));
        }
    });
    if captures().is_some() {
        // Of each request three copies, after the clear one on the pod's device; of each reply one, before its clear ones.
        let mut expected = Vec::new();
        for seq in 1..=3 {
            expected.extend((1..=3).map(|copy| ("10.0.0.66".to_owned(), seq, copy, 1)));
            expected.push(("10.0.1.236".to_owned(), seq, 1, 0));
        }
        assert_eq!(copies, expected);
    }
}

/// Calls `check` with every capture that has a reference: the case's folder, the capture, and the records.
fn for_every_capture(mut check: impl FnMut(&Path, &Path, &[Record])) {
    let Some(folder) = captures() else { return };
    let mut checked = 0;
    for case in entries(&folder).into_iter().filter(|path| path.is_dir()) {
        for reference in entries(&case) {
            let Some(stem) = reference.to_str().and_then(|path| path.strip_suffix(".expected.json")) else { continue };
            let expected: Expected = serde_json::from_str(&fs::read_to_string(&reference).unwrap()).unwrap();
            check(&case, Path::new(&format!("{stem}.pcap")), &expected.ref_decode);
            checked += 1;
        }
    }
    assert!(checked > 0, "no *.expected.json in {}", folder.display());
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The states of a case, their keys changed by `change`.
fn states_of(case: &Path, change: impl Fn(&mut Vec<u8>)) -> Vec<State> {
    let case: Case = serde_json::from_str(&fs::read_to_string(case.join("case.json")).unwrap()).unwrap();
    let algorithm = |kind, from: &CaseAlgorithm| {
        let mut key = octets(&from.key);
        change(&mut key);
        Algorithm { kind, name: from.alg.clone(), key: Key::Known(Secret::new(key)) }
    };
    case.sas
        .iter()
        .map(|sa| {
            assert_eq!((sa.mode.as_str(), sa.esn), ("tunnel", false), "the reader of case.json knows no other");
            let spi = u32::from_str_radix(sa.spi.trim_start_matches("0x"), 16).unwrap();
            let mut state = State::esp_tunnel(sa.src.parse().unwrap(), sa.dst.parse().unwrap(), Spi(spi));
            let bits = |algorithm: &CaseAlgorithm| algorithm.icv_bits;
            let aead = sa.aead.as_ref().map(|from| algorithm(AlgorithmKind::Aead { icv_bits: bits(from) }, from));
            let auth = sa.auth.as_ref().map(|from| algorithm(AlgorithmKind::AuthTrunc { bits: bits(from) }, from));
            let enc = sa.enc.as_ref().map(|from| algorithm(AlgorithmKind::Enc, from));
            state.algorithms.extend(aead.into_iter().chain(auth).chain(enc));
            if sa.encap.is_some() {
                let any = [0; 4].into();
                state.encap = Some(Encap { kind: EncapType::EspInUdp, sport: 4500, dport: 4500, addr: any });
            }
            state
        })
        .collect()
}

/// The random value behind the IV of packet number 1: for GCM the IV is that XOR 1, for CBC the AES encryption of it.
fn random_of_first_iv(iv: &[u8], state: &State) -> [u8; 16] {
    let mut random = [0; 16];
    if let Ok(iv) = iv.try_into() {
        random[..8].copy_from_slice(&SeqIv { random: iv }.iv(1));
    } else {
        let aes = Aes128::new_from_slice(state.enc().unwrap().key.known().unwrap().reveal()).unwrap();
        let mut block = Array::try_from(iv).unwrap();
        aes.decrypt_block(&mut block);
        random.copy_from_slice(&block);
        assert!(random[0] & random[8] & 1 == 1, "echainiv makes both words odd");
    }
    random
}

/// The states in the text of `ip xfrm state`, every line of which must be read.
fn states_in(path: &Path) -> Vec<State> {
    let listing = parse_states(&fs::read_to_string(path).unwrap());
    assert!(listing.unread.is_empty(), "{}: {:?}", path.display(), listing.unread);
    listing.items
}

/// The records without the SA: both ends have a state for it, and the reference names one of them.
fn without_sa(records: &[Record]) -> Vec<Record> {
    records.iter().cloned().map(|record| Record { sa: None, ..record }).collect()
}

/// The statuses of the ESP packets of a capture.
fn statuses(capture: &Path, keyring: &Keyring) -> Vec<&'static str> {
    let mut scratch = Scratch::default();
    frames(capture)
        .iter()
        .filter_map(|frame| {
            let verdict = keyring.decrypt_frame(frame, &mut scratch);
            verdict.esp().next().map(|_| verdict.outcome.status())
        })
        .collect()
}

fn octets(digits: &str) -> Vec<u8> {
    let digits = digits.trim_start_matches("0x");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// What is made of every ESP packet of a capture, in the form of the reference.
fn decode(capture: &Path, keyring: &Keyring) -> Vec<Record> {
    let mut scratch = Scratch::default();
    let mut records = Vec::new();
    for (at, frame) in frames(capture).iter().enumerate() {
        let verdict = keyring.decrypt_frame(frame, &mut scratch);
        records.extend(record(at + 1, &verdict));
    }
    records
}

fn record(frame: usize, verdict: &Verdict<'_>) -> Option<Record> {
    let esp = verdict.esp().next()?;
    let outer = verdict.outer.unwrap();
    let path: Vec<String> = verdict.path().iter().map(|step| step.to_string().replace(' ', "")).collect();
    let state = esp.entry.map(|entry| &entry.state);
    Some(Record {
        frame,
        path: path.join("/"),
        outer: format!("{} > {}", outer.src, outer.dst),
        spi: esp.spi.to_string(),
        seq: esp.seq,
        truncated: verdict.outcome.status() == "truncated",
        icv_ok: verdict.outcome.status() == "decrypted",
        sa: state.map(|state| format!("{} > {}", state.src, state.dst)),
        mode: state.map(|state| if state.mode == Mode::Tunnel { "tunnel".into() } else { state.mode.to_string() }),
        pad_len: esp.opened.map(|opened| opened.padding.len()),
        next_header: verdict.inner.map(|inner| inner.next_header),
        inner: verdict.inner.map(|inner| {
            inner.octets.iter().fold(String::new(), |mut digits, octet| {
                write!(digits, "{octet:02x}").unwrap();
                digits
            })
        }),
        summary: verdict.inner.map(|inner| summary(inner.layers().map(Result::unwrap))),
    })
}

/// The reference's one line for the inner packet.
fn summary<'a>(layers: impl Iterator<Item = Located<'a>>) -> String {
    let mut line = String::new();
    let echo = |name: &str, icmp: IcmpHeader<'_>| {
        format!(" {name} type {} code {} id {} seq {}", icmp.kind(), icmp.code(), icmp.id(), icmp.seq())
    };
    for located in layers {
        match &located.layer {
            Layer::Ipv4(ip) => {
                write!(line, "{} > {} ttl {}", ip.source_addr(), ip.destination_addr(), ip.ttl()).unwrap();
            }
            Layer::Ipv6(ip) => {
                write!(line, "{} > {} ttl {}", ip.source_addr(), ip.destination_addr(), ip.hop_limit()).unwrap();
            }
            Layer::Icmpv4(icmp) => line += &echo("ICMP", *icmp),
            Layer::Icmpv6(icmp) => line += &echo("ICMPv6", *icmp),
            Layer::Tcp(tcp) => {
                let len = located.end - located.body;
                let flags = tcp.slice()[13];
                let (seq, ack) = (tcp.sequence_number(), tcp.acknowledgment_number());
                write!(line, " TCP {} > {}", tcp.source_port(), tcp.destination_port()).unwrap();
                write!(line, " flags {flags:#04x} seq {seq} ack {ack} len {len}").unwrap();
            }
            _ => {}
        }
    }
    line
}

/// The frames of a capture, all of which must be read.
fn frames(path: &Path) -> Vec<Frame> {
    let mut reader = Reader::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        frames.push(record.frame.to_frame());
    }
    assert_eq!(reader.skipped(), 0, "{}", path.display());
    frames
}
