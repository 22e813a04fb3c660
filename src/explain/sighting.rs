use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::datapath::rebuild::Assumed;
use crate::datapath::{Comparison, Ends, Reason, Sighting, echo_of};
use crate::decrypt::{Keyring, Scratch};
use crate::packet::{Cooked, Frame, LinkType, PacketType};
use crate::words::Words;

/// The IP protocol of ESP.
const ESP: u8 = 50;

/// A captured frame as a prediction is compared with it; `None` for what is not IPv4. `devices` names ifindexes, for
/// frames that say no more.
pub fn sighting(
    frame: &Frame,
    place: &str,
    devices: &BTreeMap<u32, String>,
    keys: &Keyring,
    scratch: &mut Scratch,
) -> Option<Sighting> {
    let cooked = match frame.link {
        LinkType::LinuxSll => Cooked::read_v1(&frame.octets),
        LinkType::LinuxSll2 => Cooked::read_v2(&frame.octets),
        _ => None,
    };
    let named = || cooked.and_then(|cooked| devices.get(&cooked.ifindex?).cloned());
    let device = frame.device.clone().or_else(named);
    let verdict = keys.decrypt_frame(frame, scratch);
    let found = verdict.outer?;
    let (IpAddr::V4(src), IpAddr::V4(dst)) = (found.src, found.dst) else { return None };
    let spi = verdict.esp().next().map(|esp| esp.spi);
    // ESP in ESP that is not opened to its bottom is not opened.
    let is_esp = |packet: &&[u8]| packet.get(9) == Some(&ESP);
    let inside = verdict.inner.as_ref().map(|inner| inner.octets).filter(|packet| !is_esp(packet));
    let protocol = match (spi, inside) {
        (None, _) => Some(found.proto),
        // The protocol field of the IPv4 header inside.
        (Some(_), inside) => inside.and_then(|packet| packet.get(9).copied()),
    };
    let packet = if spi.is_some() { inside } else { frame.octets.get(found.start..found.end) };
    Some(Sighting {
        place: place.to_owned(),
        device,
        kind: cooked.map(|cooked| cooked.packet_type),
        outer: Ends { src, dst, ttl: found.ttl },
        spi,
        inner: inside.and_then(Ends::of),
        protocol,
        echo: packet.and_then(echo_of),
    })
}

/// How many pings a capture holds: the echo messages between two ends that it has, each counted once; at least one.
pub fn pings(captured: &[Sighting], ends: Ends) -> usize {
    let mut echoes: Vec<(u16, u16)> = captured
        .iter()
        .filter(|own| {
            let of = own.inner.unwrap_or(own.outer);
            (of.src, of.dst) == (ends.src, ends.dst)
        })
        .filter_map(|own| own.echo)
        .collect();
    echoes.sort_unstable();
    echoes.dedup();
    echoes.len().max(1)
}

/// A comparison in words: one line when it is equal, else a line for it and one for each difference. `name` shortens the
/// name of a place.
pub fn comparison_lines(comparison: &Comparison, words: &Words, name: impl Fn(&str) -> String) -> Vec<String> {
    let count = [("seen", comparison.seen.into()), ("predicted", comparison.predicted.into())];
    if comparison.is_equal() {
        return vec![words.say("predict-equal", &count)];
    }
    let mut lines = vec![words.say("predict-differs", &count)];
    let entry = |id: &str, sighting: &Sighting, times: usize| {
        words.say(id, &[("what", sighting_words(sighting, words, &name).into()), ("times", times.into())])
    };
    for missing in &comparison.missing {
        lines.push(entry("predict-missing", &missing.sighting, missing.times));
        if let Some(reason) = &missing.reason {
            lines.push(reason_words(reason, &name(&missing.sighting.place), words));
        }
    }
    lines.extend(comparison.extra.iter().map(|(sighting, times)| entry("predict-extra", sighting, *times)));
    lines
}

/// `worker cilium_net P ESP 10.0.0.66 > 10.0.1.236 TTL 64 SPI 0x00000003`, and what is inside.
fn sighting_words(sighting: &Sighting, words: &Words, name: &impl Fn(&str) -> String) -> String {
    let ends = |ends: Ends| format!("{} > {} TTL {}", ends.src, ends.dst, ends.ttl);
    let kind = match sighting.kind {
        Some(PacketType::Host) => "In",
        Some(PacketType::Outgoing) => "Out",
        Some(PacketType::OtherHost) => "P",
        Some(PacketType::Broadcast) => "B",
        Some(PacketType::Multicast) => "M",
        Some(PacketType::Unknown(_)) | None => "",
    };
    let device = sighting.device.as_deref().unwrap_or_default();
    let place: Vec<String> = [name(&sighting.place), device.to_owned(), kind.to_owned()]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    let packet = match (sighting.spi, sighting.inner) {
        (None, _) => words.say("predict-clear", &[("ends", ends(sighting.outer).into())]),
        (Some(spi), None) => format!("ESP {} SPI {spi}", ends(sighting.outer)),
        (Some(spi), Some(inner)) => words.say(
            "predict-esp",
            &[("ends", ends(sighting.outer).into()), ("spi", spi.to_string().into()), ("inner", ends(inner).into())],
        ),
    };
    format!("{}: {packet}", place.join(" "))
}

fn reason_words(reason: &Reason, place: &str, words: &Words) -> String {
    let (id, device) = match reason {
        Reason::Sender => ("sender", ""),
        Reason::Encryption => ("encryption", ""),
        Reason::Decryption => ("decryption", ""),
        Reason::PolicyCheck => ("policy", ""),
        Reason::Forwarding(device) => ("forwarding", device.as_str()),
        Reason::Network => ("network", ""),
        Reason::InClear => ("clear", ""),
        Reason::OtherKey(_) => ("key", ""),
    };
    let spi = match reason {
        Reason::OtherKey(spi) => spi.to_string(),
        _ => String::new(),
    };
    words.say(
        "predict-reason",
        &[("reason", id.into()), ("place", place.into()), ("device", device.into()), ("spi", spi.into())],
    )
}

/// What was assumed for a prediction, in words.
pub fn assumed_words(assumed: &Assumed, words: &Words, name: impl Fn(&str) -> String) -> String {
    match assumed {
        Assumed::Sysctls { place } => words.say("predict-assumed-sysctls", &[("place", name(place).into())]),
        Assumed::Programs { place } => words.say("predict-assumed-programs", &[("place", name(place).into())]),
        Assumed::Passes { place, device, program } => words.say(
            "predict-assumed-passes",
            &[("place", name(place).into()), ("device", device.as_str().into()), ("program", program.as_str().into())],
        ),
        Assumed::Keys => words.say("predict-assumed-keys", &[]),
        Assumed::Identity => words.say("predict-assumed-identity", &[]),
        Assumed::KeyId { place, key } => {
            words.say("predict-assumed-key-id", &[("place", name(place).into()), ("key", u32::from(*key).into())])
        }
        Assumed::Pod { address, place, device } => words.say(
            "predict-assumed-pod",
            &[
                ("address", address.to_string().into()),
                ("place", name(place).into()),
                ("device", device.as_str().into()),
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn every_reason_and_assumption_has_words_in_every_language() {
        let place = || "worker".to_owned();
        let reasons = [
            Reason::Sender,
            Reason::Encryption,
            Reason::Decryption,
            Reason::PolicyCheck,
            Reason::Forwarding("cilium_net".to_owned()),
            Reason::Network,
            Reason::InClear,
            Reason::OtherKey(crate::esp::Spi(4)),
        ];
        let assumed = [
            Assumed::Sysctls { place: place() },
            Assumed::Programs { place: place() },
            Assumed::Passes { place: place(), device: "eth0".to_owned(), program: "mine.o".to_owned() },
            Assumed::Keys,
            Assumed::Identity,
            Assumed::KeyId { place: place(), key: 3 },
            Assumed::Pod { address: [10, 0, 0, 9].into(), place: place(), device: "lxc_a".to_owned() },
        ];
        for language in Language::ALL {
            let words = Words::new(language);
            let mut said: Vec<String> = reasons.iter().map(|reason| reason_words(reason, "worker", &words)).collect();
            said.extend(assumed.iter().map(|assumed| assumed_words(assumed, &words, str::to_owned)));
            for (at, text) in said.iter().enumerate() {
                assert!(text.chars().count() > 8 && !text.contains("predict-"), "{language}: {text}");
                assert!(!said[..at].contains(text), "{language}: said twice: {text}");
            }
        }
    }
}
