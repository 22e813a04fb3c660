use super::count::Count;
use super::role::Role;
use super::shows::ItemKind;
use crate::words::{FluentValue, Words};

/// Why a command does not meet a check, in a form that any language can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// It ran at another place than the step is about.
    Elsewhere {
        /// Where it ran.
        ran: Role,
        /// Where it counts.
        wanted: Vec<Role>,
    },
    /// It was another command.
    OtherCommand {
        /// The words that were expected.
        wanted: String,
    },
    /// It still runs.
    StillRunning,
    /// It has ended, and should run in the background.
    Ended,
    /// It ended with another status.
    Status {
        /// The status it ended with.
        got: i32,
        /// The one expected.
        wanted: i32,
    },
    /// Its output lacks something.
    OutputLacks {
        /// The pattern that was not found.
        pattern: String,
    },
    /// Its output has what it should not have.
    OutputHas {
        /// The text found.
        text: String,
    },
    /// It lists another number of things than expected.
    ItemCount {
        /// Of what.
        kind: ItemKind,
        /// How many it lists.
        got: usize,
        /// How many were expected.
        wanted: Count,
    },
    /// It lists nothing that fits.
    ItemLacks {
        /// Of what.
        kind: ItemKind,
        /// The fields and values that no item has.
        pattern: String,
    },
    /// It lists states without their keys.
    KeysHidden,
    /// Another number of packets was seen.
    Packets {
        /// Which packets.
        what: PacketCount,
        /// How many were seen.
        got: usize,
        /// How many were expected.
        wanted: Count,
    },
    /// A device did not show ESP.
    DeviceLacks {
        /// The device.
        device: String,
    },
    /// A capture file could not be read.
    NoFile {
        /// Where.
        at: Role,
        /// Its path.
        path: String,
        /// Why not.
        why: String,
    },
    /// The guide could not do what it was asked.
    GuideFailed {
        /// The command.
        command: String,
    },
    /// It was about another packet.
    OtherPacket,
    /// The world is not in the state that the step leads to.
    World {
        /// Where one can see that.
        at: Role,
        /// With which command.
        run: String,
        /// What is wrong in its output.
        why: Box<Miss>,
    },
    /// The lab could not be asked.
    Lab {
        /// What it said.
        why: String,
    },
    /// The check needs a value that the lab does not know yet, which an earlier step brings.
    NotYet {
        /// The variable.
        variable: String,
    },
}

/// Which packets a check counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketCount {
    /// ESP packets.
    Esp,
    /// Readable packets between the pods.
    Clear,
    /// Readable packets between the pods that left the node.
    Leaked,
    /// ESP packets that were decrypted.
    Decrypted,
    /// ESP packets whose ICV did not fit.
    Refused,
    /// ESP packets without a state.
    NoSa,
    /// Sightings of one ESP packet.
    Copies,
}

impl Miss {
    /// The miss as a sentence for the learner.
    pub fn say(&self, words: &Words) -> String {
        let number = |number: usize| FluentValue::from(number as u64);
        match self {
            Self::Elsewhere { ran, wanted } => {
                let wanted: Vec<&str> = wanted.iter().map(|role| role.name()).collect();
                words.say("miss-elsewhere", &[("ran", ran.name().into()), ("wanted", wanted.join(", ").into())])
            }
            Self::OtherCommand { wanted } if wanted.is_empty() => words.say("miss-other-line", &[]),
            Self::OtherCommand { wanted } => words.say("miss-other-command", &[("wanted", wanted.as_str().into())]),
            Self::StillRunning => words.say("miss-still-running", &[]),
            Self::Ended => words.say("miss-ended", &[]),
            Self::Status { got, wanted } => {
                words.say("miss-status", &[("got", got.to_string().into()), ("wanted", wanted.to_string().into())])
            }
            Self::OutputLacks { pattern } => words.say("miss-output-lacks", &[("pattern", pattern.as_str().into())]),
            Self::OutputHas { text } => words.say("miss-output-has", &[("text", text.as_str().into())]),
            Self::ItemCount { kind, got: 0, .. } => words.say("miss-no-items", &[("kind", kind.key().into())]),
            Self::ItemCount { kind, got, wanted } => words.say(
                "miss-item-count",
                &[("kind", kind.key().into()), ("got", number(*got)), ("wanted", wanted.to_string().into())],
            ),
            Self::ItemLacks { kind, pattern } => {
                words.say("miss-item-lacks", &[("kind", kind.key().into()), ("pattern", pattern.as_str().into())])
            }
            Self::KeysHidden => words.say("miss-keys-hidden", &[]),
            Self::Packets { what, got, wanted } => words.say(
                "miss-packets",
                &[("what", what.key().into()), ("got", number(*got)), ("wanted", wanted.to_string().into())],
            ),
            Self::DeviceLacks { device } => words.say("miss-device", &[("device", device.as_str().into())]),
            Self::NoFile { at, path, why } => words.say(
                "miss-no-file",
                &[("at", at.name().into()), ("path", path.as_str().into()), ("why", why.as_str().into())],
            ),
            Self::GuideFailed { command } => words.say("miss-guide", &[("command", command.as_str().into())]),
            Self::OtherPacket => words.say("miss-other-packet", &[]),
            Self::World { at, run, why } => words.say(
                "miss-world",
                &[("at", at.name().into()), ("run", run.as_str().into()), ("why", why.say(words).into())],
            ),
            Self::Lab { why } => words.say("miss-lab", &[("why", why.as_str().into())]),
            Self::NotYet { variable } => words.say("miss-not-yet", &[("variable", variable.as_str().into())]),
        }
    }
}

impl PacketCount {
    fn key(self) -> &'static str {
        match self {
            Self::Esp => "esp",
            Self::Clear => "clear",
            Self::Leaked => "leaked",
            Self::Decrypted => "decrypted",
            Self::Refused => "refused",
            Self::NoSa => "no-sa",
            Self::Copies => "copies",
        }
    }
}
