//! A capture file that lies at a place of the lab.

use std::collections::BTreeMap;
use std::io::Cursor;

use crate::capture::Reader;
use crate::lab::Lab;
use crate::packet::{Cooked, Frame, LinkType};
use crate::trouble::Trouble;

use super::observe::quietly;

/// The frames of a capture, as far as it could be read.
pub(super) struct CaptureFile {
    /// The frames, each with its device where the place could still say which it was.
    pub(super) frames: Vec<Frame>,
    /// Why reading stopped before the end, if it did.
    pub(super) torn: Option<String>,
}

/// More frames than this are not read into the shell; `esplain decrypt` is for such files.
const MOST: usize = 100_000;

/// Reads a capture file of a place.
pub(super) fn read(lab: &mut dyn Lab, place: &str, path: &str) -> Result<CaptureFile, Trouble> {
    let octets = lab.read_file(place, path)?;
    let broken = |error: &crate::capture::CaptureError| {
        Trouble::unusable(format!("{path} on {place} is no capture that can be read"))
            .because(error)
            .hint("write one with `tcpdump -w`, as pcap or pcapng")
    };
    let mut reader = Reader::new(Cursor::new(octets)).map_err(|error| broken(&error))?;
    let mut file = CaptureFile { frames: Vec::new(), torn: None };
    while file.frames.len() < MOST {
        match reader.next_record() {
            Ok(Some(record)) => file.frames.push(record.frame.to_frame()),
            Ok(None) => break,
            Err(error) if file.frames.is_empty() => return Err(broken(&error)),
            Err(error) => {
                file.torn = Some(error.to_string());
                break;
            }
        }
    }
    name_devices(&mut file.frames, lab, place);
    Ok(file)
}

/// Gives frames that know only an ifindex (LINUX_SLL2) the name that the place gives it.
fn name_devices(frames: &mut [Frame], lab: &mut dyn Lab, place: &str) {
    let index = |frame: &Frame| match frame.link {
        LinkType::LinuxSll2 if frame.device.is_none() => Cooked::read_v2(&frame.octets)?.ifindex,
        _ => None,
    };
    if !frames.iter().any(|frame| index(frame).is_some()) {
        return;
    }
    let names = quietly(lab, place, "ip -o link").map(|outcome| devices(&outcome.output)).unwrap_or_default();
    for frame in frames {
        if let Some(name) = index(frame).and_then(|index| names.get(&index)) {
            frame.device = Some(name.clone());
        }
    }
}

/// The devices of `ip -o link`: `3: cilium_host@cilium_net: <BROADCAST…`.
fn devices(text: &str) -> BTreeMap<u32, String> {
    text.lines()
        .filter_map(|line| {
            let (index, rest) = line.split_once(": ")?;
            let (name, _) = rest.split_once(':')?;
            let name = name.split('@').next()?;
            Some((index.trim().parse().ok()?, name.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_without_their_peers() {
        let text = "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\\    link/loopback\n\
                    3: cilium_host@cilium_net: <BROADCAST,NOARP,UP,LOWER_UP> mtu 1500\n12: eth0@if13: <UP> mtu 1500\n";
        let names: Vec<(u32, String)> = devices(text).into_iter().collect();
        assert_eq!(names, [(1, "lo".into()), (3, "cilium_host".into()), (12, "eth0".into())]);
        assert!(devices("bash: ip: command not found").is_empty());
    }
}
