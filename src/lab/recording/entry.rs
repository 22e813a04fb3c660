//! What a recording is made of, and how that is written.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::lab::{Place, PlaceKind, Stream};
use crate::packet::{Frame, LinkType, Timestamp};

/// The version that is written, and the newest that is read.
pub const VERSION: u32 = 1;
/// The word by which a recording is known.
pub(super) const FORMAT: &str = "esplain recording";

/// The first line of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Always `esplain recording`.
    pub format: String,
    /// The version of what follows.
    pub version: u32,
    /// The esplain that wrote it.
    pub esplain: String,
    /// The lab it was made on, as `--lab` names it.
    pub lab: String,
    /// The course that was walked.
    pub course: String,
    /// When it began: RFC 3339, UTC.
    pub begun: String,
    /// Which keys are in it.
    pub keys: Keys,
}

/// Which keys are in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keys {
    /// Substitutes that were drawn for this recording; the packets are sealed with them.
    Substitutes,
    /// The lab's own (`--with-keys`).
    Real,
}

/// A later line of a recording: what happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Milliseconds since the recording began.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
}

/// Something that went through the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Entry {
    /// The walk came to a step.
    Mark {
        /// The step.
        name: String,
    },
    /// A line began to run. It leads to a new state of the lab, to which all that follows belongs.
    Ran {
        /// Names it in later lines.
        job: u64,
        /// Where it was typed.
        place: String,
        /// The line.
        line: String,
        /// Nobody saw it: it brought the fault of a lesson about.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unseen: bool,
    },
    /// A line wrote something.
    Said {
        /// Which line.
        job: u64,
        /// Whether to standard error.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        error: bool,
        /// The octets.
        text: Octets,
    },
    /// A line ended.
    Ended {
        /// Which line.
        job: u64,
        /// Its exit status.
        status: i32,
    },
    /// A line was told to end, by Ctrl-C or `kill`. This leads to a new state.
    Stopped {
        /// Which line.
        job: u64,
    },
    /// Something was typed into a line that ran. This leads to a new state.
    Typed {
        /// Which line.
        job: u64,
        /// The octets.
        text: Octets,
    },
    /// A question of the guide's, and its answer: the listings and probes that explanations and checks stand on.
    Asked {
        /// Where.
        place: String,
        /// The line.
        line: String,
        /// Standard output.
        output: Octets,
        /// Standard error.
        #[serde(default, skip_serializing_if = "Octets::is_empty")]
        errors: Octets,
        /// The exit status.
        status: i32,
    },
    /// A file that the guide read.
    File {
        /// Where.
        place: String,
        /// Its path, as it was asked for.
        path: String,
        /// What was in it.
        content: Octets,
    },
    /// The places that there are now.
    Places {
        /// All of them.
        places: Vec<PlaceEntry>,
    },
    /// The values that lessons speak through, as they are now.
    Facts {
        /// All of them.
        facts: BTreeMap<String, String>,
    },
    /// Packets that the guide captured.
    Frames {
        /// Where.
        place: String,
        /// On which device, as for `tcpdump -i`.
        device: String,
        /// Under which BPF expression.
        filter: String,
        /// The packets.
        frames: Vec<FrameEntry>,
    },
    /// The lab's state was kept under a name.
    Saved {
        /// The name.
        name: String,
    },
    /// The lab was set back to the state of that name.
    Restored {
        /// The name.
        name: String,
    },
    /// An event of the walk, as the event log has it.
    Event {
        /// The event.
        event: serde_json::Value,
    },
}

/// Octets: a JSON string where they are UTF-8, else `{"base64": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Octets(pub Vec<u8>);

impl Octets {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Spelled<'a> {
    #[serde(borrow)]
    Text(std::borrow::Cow<'a, str>),
    Encoded {
        base64: String,
    },
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Spelled::Encoded { base64: STANDARD.encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Spelled::deserialize(deserializer)? {
            Spelled::Text(text) => Ok(Self(text.into_owned().into_bytes())),
            Spelled::Encoded { base64 } => STANDARD.decode(base64).map(Self).map_err(de::Error::custom),
        }
    }
}

/// A place, as a recording writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceEntry {
    name: String,
    aliases: Vec<String>,
    kind: KindEntry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    addresses: Vec<IpAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KindEntry {
    Machine,
    Node,
    Pod,
}

impl From<&Place> for PlaceEntry {
    fn from(place: &Place) -> Self {
        let kind = match place.kind {
            PlaceKind::Machine => KindEntry::Machine,
            PlaceKind::Node => KindEntry::Node,
            PlaceKind::Pod => KindEntry::Pod,
        };
        let Place { name, aliases, kind: _, node, addresses } = place.clone();
        Self { name, aliases, kind, node, addresses }
    }
}

impl From<PlaceEntry> for Place {
    fn from(entry: PlaceEntry) -> Self {
        let kind = match entry.kind {
            KindEntry::Machine => PlaceKind::Machine,
            KindEntry::Node => PlaceKind::Node,
            KindEntry::Pod => PlaceKind::Pod,
        };
        let PlaceEntry { name, aliases, kind: _, node, addresses } = entry;
        Self { name, aliases, kind, node, addresses }
    }
}

/// A packet, as a recording writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameEntry {
    /// Nanoseconds since 1970-01-01 UTC.
    time: u64,
    /// The LINKTYPE_ number.
    link: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// The captured octets in base64.
    octets: String,
    /// The length on the wire, in octets.
    length: u32,
}

impl From<&Frame> for FrameEntry {
    fn from(frame: &Frame) -> Self {
        Self {
            time: frame.time.0,
            link: frame.link.number(),
            device: frame.device.clone(),
            octets: STANDARD.encode(&frame.octets),
            length: frame.original_len,
        }
    }
}

impl FrameEntry {
    /// The packet; `None` when it cannot be one.
    pub(super) fn frame(&self) -> Option<Frame> {
        Some(Frame {
            time: Timestamp(self.time),
            link: LinkType::from_number(self.link)?,
            device: self.device.clone(),
            octets: STANDARD.decode(&self.octets).ok()?,
            original_len: self.length,
        })
    }
}

/// The stream that `Said` names.
pub(super) fn stream(error: bool) -> Stream {
    if error { Stream::Err } else { Stream::Out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_text_where_they_can_be_and_come_back_as_they_were() {
        for octets in [&b""[..], b"ip x s\n\x1b[1m\0", "密钥".as_bytes(), b"\xff\xfe{\"", b"{\"base64\":\"AA==\"}"] {
            let entry = Moment { at: 7, entry: Entry::Said { job: 1, error: true, text: Octets(octets.to_vec()) } };
            let line = serde_json::to_string(&entry).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Moment>(&line).unwrap(), entry, "{line}");
        }
        let line = serde_json::to_string(&Octets(b"plain".to_vec())).unwrap();
        assert_eq!(line, "\"plain\"");
    }
}
