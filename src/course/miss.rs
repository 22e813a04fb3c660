use super::count::Count;
use super::role::Role;
use super::shows::ItemKind;

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
    /// ESP packets that were decrypted.
    Decrypted,
    /// ESP packets whose ICV did not fit.
    Refused,
    /// ESP packets without a state.
    NoSa,
    /// Sightings of one ESP packet.
    Copies,
}
