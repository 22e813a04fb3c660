use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Reply;
use crate::course::{Opening, Seen};
use crate::decrypt::{Keyring, Outcome, Scratch, Sightings};
use crate::esp::{Secret, Spi};
use crate::packet::Frame;
use crate::render::{Line, Role};
use crate::replay::quietly;
use crate::shell::capture_file::{self, CaptureFile};
use crate::shell::live;
use crate::shell::session::Session;
use crate::trouble::Trouble;
use crate::xfrm::{Algorithm, AlgorithmKind, Key, State, parse_states};

/// Entries shown; the summary counts all.
const SHOWN: usize = 100;
/// Octets of a key for `rfc4106(gcm(aes))`: AES-128, 192 or 256, and a salt of 4.
const KEY_LENGTHS: [usize; 3] = [20, 28, 36];
/// The ICV length in bits where no state says one: that of Cilium's own example.
const USUAL_ICV_BITS: u32 = 128;

/// With which keys.
enum With<'a> {
    /// Those of the node.
    Node,
    /// Those of a listing of `ip xfrm state`, in a file of the place.
    Listing(&'a str),
    /// This one, for every SA of the capture.
    Key(Secret),
    /// None.
    Nothing,
}

/// `:decrypt FILE [--sa FILE | --key HEX | --no-key]`: a capture of the place, opened.
pub(super) fn decrypt(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    let (path, with) = arguments(session, rest)?;
    let place = session.place.clone();
    let file = capture_file::read(&mut *session.lab, &place, path)?;
    let (keys, source) = keyring(session, &place, &file, &with)?;
    session.console.line(Line::of(source, Role::Quiet));
    let seen = show(session, &place, &file, &keys);
    summary(session, &seen);
    if let Some(why) = &file.torn {
        session.tell("ui-decrypt-torn", &[("why", why.clone().into())]);
    }
    Ok(Reply { packets: seen, ..Reply::ON })
}

fn arguments<'a>(session: &Session, rest: &'a str) -> Result<(&'a str, With<'a>), Trouble> {
    let usage = || Trouble::usage(session.say("ui-decrypt-usage", &[])).hint(session.say("ui-decrypt-example", &[]));
    let words: Vec<&str> = rest.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
    let (mut path, mut with) = (None, With::Node);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word {
            "--key" => with = With::Key(secret(session, words.next().ok_or_else(usage)?)?),
            "--sa" => with = With::Listing(words.next().ok_or_else(usage)?),
            "--no-key" | "--nokey" | "--no-keys" => with = With::Nothing,
            option if option.starts_with('-') => return Err(usage()),
            file if path.is_none() => path = Some(file),
            key => with = With::Key(secret(session, key)?),
        }
    }
    Ok((path.ok_or_else(usage)?, with))
}

/// A key as `ip xfrm state` writes it, with or without `0x`.
fn secret(session: &Session, text: &str) -> Result<Secret, Trouble> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let octets: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
            _ => None,
        })
        .collect();
    // The text itself is not repeated: it may be a key with a slip of the finger in it.
    let Some(octets) = octets else { return Err(Trouble::usage(session.say("ui-key-not-hex", &[]))) };
    if !KEY_LENGTHS.contains(&octets.len()) {
        return Err(Trouble::usage(session.say("ui-key-length", &[("octets", octets.len().into())]))
            .hint(session.say("ui-key-hint", &[])));
    }
    Ok(Secret::new(octets))
}

/// The keys to try, and a sentence on where they are from.
fn keyring(
    session: &mut Session,
    place: &str,
    file: &CaptureFile,
    with: &With<'_>,
) -> Result<(Keyring, String), Trouble> {
    let listing = |session: &mut Session, text: &str, from: String| {
        let listing = parse_states(text);
        if listing.items.is_empty() {
            return Err(Trouble::unusable(session.say("ui-no-states", &[("from", from.into())]))
                .hint(session.say("ui-no-states-hint", &[])));
        }
        let said = session.say("ui-keys-from", &[("count", listing.items.len().into()), ("from", from.into())]);
        Ok((Keyring::new(&listing.items), said))
    };
    match with {
        With::Node => {
            let text = quietly(&mut *session.lab, place, "ip xfrm state")?.0;
            listing(session, &text, format!("`ip xfrm state` on {place}"))
        }
        With::Listing(path) => {
            let octets = session.lab.read_file(place, path)?;
            listing(session, &String::from_utf8_lossy(&octets), (*path).to_owned())
        }
        With::Key(secret) => {
            let icv_bits = quietly(&mut *session.lab, place, "ip xfrm state")
                .ok()
                .and_then(|(output, _, _)| parse_states(&output).items.first()?.aead()?.kind.trailing_bits());
            let states = states_for(&file.frames, secret, icv_bits.unwrap_or(USUAL_ICV_BITS));
            let said = session.say("ui-keys-given", &[("fingerprint", secret.fingerprint().into())]);
            Ok((Keyring::new(&states), said))
        }
        With::Nothing => Ok((Keyring::default(), session.say("ui-keys-none", &[]))),
    }
}

/// A state with this key for every SA that the frames name.
fn states_for(frames: &[Frame], secret: &Secret, icv_bits: u32) -> Vec<State> {
    let (none, mut scratch) = (Keyring::default(), Scratch::default());
    let mut sas: BTreeSet<(IpAddr, IpAddr, Spi)> = BTreeSet::new();
    for frame in frames {
        if let Outcome::NoSa { src, dst, spi } = none.decrypt_frame(frame, &mut scratch).outcome {
            sas.insert((src, dst, spi));
        }
    }
    sas.into_iter()
        .map(|(src, dst, spi)| State {
            algorithms: vec![Algorithm {
                kind: AlgorithmKind::Aead { icv_bits },
                name: "rfc4106(gcm(aes))".to_owned(),
                key: Key::Known(secret.clone()),
            }],
            ..State::esp_tunnel(src, dst, spi)
        })
        .collect()
}

/// Shows each frame, and gives what was seen of all.
fn show(session: &mut Session, place: &str, file: &CaptureFile, keys: &Keyring) -> Vec<Seen> {
    let look = session.console.look();
    let mut scratch = Scratch::default();
    let mut sightings = Sightings::new(4096);
    let mut all = Vec::new();
    for (at, frame) in file.frames.iter().enumerate() {
        let number = at + 1;
        let seen = Seen::of(frame, keys, &BTreeMap::new(), &mut scratch);
        if number <= SHOWN {
            let mut entry = live::entry(&session.words, number, place, frame, keys);
            let verdict = keys.decrypt_frame(frame, &mut scratch);
            let sighting = sightings.see(number as u64, seen.device.as_deref(), &frame.octets, &verdict);
            let first =
                sighting.filter(|sighting| sighting.copy > 1).and_then(|sighting| sighting.same.first().cloned());
            if let Some(first) = first {
                let id = if seen.esp.is_some() { "ui-live-again-esp" } else { "ui-live-again-clear" };
                entry.note = session.say(id, &[("first", first.frame.into())]);
            }
            session.console.lines(&entry.lines(&look));
        }
        all.push(seen);
    }
    if file.frames.len() > SHOWN {
        let more = file.frames.len() - SHOWN;
        session.tell("ui-decrypt-more", &[("more", more.into())]);
    }
    all
}

fn summary(session: &mut Session, seen: &[Seen]) {
    let count = |wanted: Opening| seen.iter().filter(|seen| seen.opening == wanted).count();
    session.tell(
        "ui-decrypt-summary",
        &[
            ("frames", seen.len().into()),
            ("opened", count(Opening::Opened).into()),
            ("clear", count(Opening::Clear).into()),
            ("refused", count(Opening::BadIcv).into()),
            ("missing", count(Opening::NoSa).into()),
            ("other", count(Opening::Unreadable).into()),
        ],
    );
}
