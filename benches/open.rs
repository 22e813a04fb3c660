//! What one packet costs: the cipher alone (the limit), the SA, and a whole frame through the keyring.
//!
//! `cargo bench --bench open` prints thousands of packets a second, each the best of several runs in one process, so
//! that the ratios hold on a shared machine.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a measurement, which prints and which may fail loudly"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes_gcm::aead::{AeadInOut, Nonce, Tag};
use aes_gcm::{Aes128Gcm, KeyInit};
use esplain::decrypt::{Keyring, Scratch};
use esplain::esp::{Algorithms, Encryption, Integrity, Sa, Secret, Spi};
use esplain::packet::{FrameView, LinkType, Timestamp};
use esplain::xfrm::{Algorithm, AlgorithmKind, Key, State};

const RUNS: usize = 7;
const RUN: Duration = Duration::from_millis(150);
const SRC: [u8; 4] = [10, 0, 0, 66];
const DST: [u8; 4] = [10, 0, 1, 236];

fn main() {
    println!("{:<34}{:>10}{:>10}{:>10}   kpps", "octets of the inner packet", 84, 576, 1400);
    let gcm = sa(&Algorithms::Aead { name: "rfc4106(gcm(aes))".into(), key: secret(20), icv_bits: 128 });
    let cbc = sa(&Algorithms::Separate {
        auth: Integrity { name: "hmac(sha256)".into(), key: secret(32), truncated_bits: Some(128) },
        enc: Encryption { name: "cbc(aes)".into(), key: secret(16) },
    });
    row("aes-gcm alone (the limit)", cipher_alone);
    row("Sa::open, AES-128-GCM", |inner| open(&gcm, inner));
    row("Sa::seal, AES-128-GCM", |inner| seal(&gcm, inner));
    row("Sa::open, AES-128-CBC + SHA-256", |inner| open(&cbc, inner));
    let states: Vec<State> = (0..3).map(|node| state([10, 0, node, 236])).collect();
    let keyring = Keyring::new(&states);
    row("Keyring::decrypt, Ethernet", |inner| {
        decrypt(&keyring, &gcm, LinkType::Ethernet, &[&[2; 12][..], &[8, 0]].concat(), inner)
    });
    row("Keyring::decrypt, LINUX_SLL2", |inner| {
        decrypt(&keyring, &gcm, LinkType::LinuxSll2, &[&[8, 0][..], &[0; 18]].concat(), inner)
    });
    row("Keyring::decrypt, no SA for it", |inner| {
        decrypt(&Keyring::default(), &gcm, LinkType::Ethernet, &[&[2; 12][..], &[8, 0]].concat(), inner)
    });
}

fn row(name: &str, measure: impl Fn(&[u8]) -> f64) {
    let cells: Vec<String> =
        [84, 576, 1400].iter().map(|&len| format!("{:>10.0}", measure(&inner_packet(len)))).collect();
    println!("{name:<34}{}", cells.concat());
}

/// Thousands of calls a second, in the best of several runs after one that is thrown away.
fn kpps(mut call: impl FnMut()) -> f64 {
    let mut best = 0.0_f64;
    for run in 0..=RUNS {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while start.elapsed() < RUN {
            (0..256).for_each(|_| call());
            calls += 256;
        }
        if run > 0 {
            best = best.max(f64::from(calls) / start.elapsed().as_secs_f64() / 1000.0);
        }
    }
    best
}

fn cipher_alone(inner: &[u8]) -> f64 {
    let cipher = Aes128Gcm::new_from_slice(&[7; 16]).unwrap();
    let nonce = Nonce::<Aes128Gcm>::default();
    let sealed: Vec<u8> = [inner, &[1, 2, 2, 4]].concat();
    let mut body = sealed.clone();
    let tag: Tag<Aes128Gcm> = cipher.encrypt_inout_detached(&nonce, &[0; 8], body.as_mut_slice().into()).unwrap();
    let mut work = body.clone();
    kpps(|| {
        work.copy_from_slice(&body);
        cipher.decrypt_inout_detached(&nonce, &[0; 8], work.as_mut_slice().into(), &tag).unwrap();
        black_box(&work);
    })
}

fn open(sa: &Sa, inner: &[u8]) -> f64 {
    let packet = sealed(sa, inner);
    let mut work = packet.clone();
    kpps(|| {
        work.copy_from_slice(&packet);
        black_box(sa.open(&mut work, 0).unwrap());
    })
}

fn seal(sa: &Sa, inner: &[u8]) -> f64 {
    let iv = vec![3; sa.iv_len()];
    let mut out = Vec::new();
    kpps(|| {
        out.clear();
        sa.seal(1, &iv, 4, inner, &mut out).unwrap();
        black_box(&out);
    })
}

fn decrypt(keyring: &Keyring, sa: &Sa, link: LinkType, header: &[u8], inner: &[u8]) -> f64 {
    let esp = sealed(sa, inner);
    let len = u16::try_from(20 + esp.len()).unwrap().to_be_bytes();
    let ip = [&[0x45, 0][..], &len, &[0, 0, 0x40, 0, 63, 50, 0, 0], &SRC, &DST].concat();
    let octets = [header, &ip, &esp].concat();
    let frame = FrameView { time: Timestamp(0), link, device: None, octets: &octets, original_len: 0 };
    let mut scratch = Scratch::default();
    kpps(|| {
        let verdict = keyring.decrypt(&frame, &mut scratch);
        black_box((verdict.outcome.status(), verdict.inner));
    })
}

fn sealed(sa: &Sa, inner: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    sa.seal(1, &vec![3; sa.iv_len()], 4, inner, &mut packet).unwrap();
    packet
}

fn inner_packet(len: usize) -> Vec<u8> {
    [&[0x45][..], &vec![0x5a; len - 1]].concat()
}

fn sa(algorithms: &Algorithms) -> Sa {
    Sa::new(Spi(3), false, algorithms).unwrap()
}

fn state(dst: [u8; 4]) -> State {
    let key = Key::Known(secret(20));
    let aead = Algorithm { kind: AlgorithmKind::Aead { icv_bits: 128 }, name: "rfc4106(gcm(aes))".into(), key };
    State { algorithms: vec![aead], ..State::esp_tunnel(SRC.into(), dst.into(), Spi(3)) }
}

fn secret(len: usize) -> Secret {
    Secret::new(vec![7; len])
}
