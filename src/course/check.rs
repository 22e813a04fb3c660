use super::count::Count;
use super::role::Role;
use super::seen::PacketPattern;
use super::shows::Shows;
use super::template::Template;

/// One thing that a step wants to see happen. All that it asks must hold for the same command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name within the step.
    pub id: String,
    /// Where the command must have run; empty when that does not matter.
    pub at: Vec<Role>,
    /// The words that what ran must begin with.
    pub ran: Vec<String>,
    /// The exit status.
    pub status: Option<WantedStatus>,
    /// Regular expressions that are each found in the output.
    pub output: Vec<Template>,
    /// Regular expressions of which none is found in the output.
    pub not_output: Vec<Template>,
    /// What the output lists.
    pub shows: Shows,
    /// Packets seen while it ran.
    pub captured: Option<Captured>,
    /// A capture file that holds certain packets.
    pub file: Option<CaptureFile>,
    /// It was this line to the guide.
    pub guide: Option<GuideCheck>,
    /// The state that the world is in.
    pub probes: Vec<Probe>,
}

/// How a command must have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedStatus {
    /// With this exit status.
    Ended(i32),
    /// Not yet: it runs in the background.
    Running,
}

/// Packets that must have been seen on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The node.
    pub at: Role,
    /// What they must be.
    pub holds: Holds,
}

/// A capture file and what must be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureFile {
    /// The place it is at.
    pub at: Role,
    /// Its path there, as a learner in that place's home would write it.
    pub path: Template,
    /// What must be in it.
    pub holds: Holds,
}

/// What a capture must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holds {
    /// ESP packets, each sighting counted.
    pub esp: Option<Count>,
    /// Packets between the two pods that could be read as they were.
    pub clear: Option<Count>,
    /// Packets between the two pods that left the node through `eth0` as they were.
    pub leaked: Option<Count>,
    /// ESP packets that opened with the states of the node.
    pub decrypted: Option<Count>,
    /// Devices of which each showed ESP.
    pub devices: Vec<Template>,
    /// Sightings of the ESP packet that was seen most often.
    pub copies: Option<Count>,
}

/// A line to the guide and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuideCheck {
    /// The command's name without the colon.
    pub command: String,
    /// Packets that were decrypted.
    pub decrypted: Option<Count>,
    /// Packets whose ICV did not fit.
    pub refused: Option<Count>,
    /// Packets for which there was no state.
    pub no_sa: Option<Count>,
    /// A packet that it was about.
    pub packet: Option<PacketPattern>,
}

/// A quiet command that shows what state the world is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Where it runs.
    pub at: Role,
    /// The line.
    pub run: Template,
    /// The exit status.
    pub status: Option<i32>,
    /// Regular expressions that are each found in its output.
    pub output: Vec<Template>,
    /// Regular expressions of which none is found.
    pub not_output: Vec<Template>,
    /// What its output lists.
    pub shows: Shows,
}

impl Check {
    /// Whether any command would do.
    pub(super) fn asks_nothing(&self) -> bool {
        self.ran.is_empty()
            && self.status.is_none()
            && self.output.is_empty()
            && self.not_output.is_empty()
            && self.shows.0.is_empty()
            && self.captured.is_none()
            && self.file.is_none()
            && self.guide.is_none()
            && self.probes.is_empty()
    }
}
