//! A capture file that lies at a place of the lab.

use std::io::Cursor;

use crate::capture::Reader;
use crate::lab::Lab;
use crate::packet::{Cooked, Frame, LinkType};
use crate::replay::device_names;
use crate::trouble::Trouble;
use crate::words::Said;

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
        Trouble::unusable(Said::of("trouble-no-capture-file-at", &[("path", &path), ("place", &place)]))
            .because(error)
            .hint(Said::of("trouble-write-capture", &[]))
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
    let names = device_names(lab, place).unwrap_or_default();
    for frame in frames {
        if let Some(name) = index(frame).and_then(|index| names.get(&index)) {
            frame.device = Some(name.clone());
        }
    }
}
