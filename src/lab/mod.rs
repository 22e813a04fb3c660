//! Labs: where the learner's commands run. `sim` (in process), `kernel` (this kernel's namespaces), `kind` (a real
//! cluster's nodes), `recording` (a walk on any of them, played again).
//!
//! Knows nothing about lessons.

mod direct;
mod job;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod kind;
mod line;
pub mod machine_files;
mod place;
mod predict;
pub mod recording;
pub mod sim;
mod told;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

pub(crate) use direct::as_line;
pub use job::{Input, JobEvent, JobId, Stream, TerminalSize, Typing};
pub use place::{Place, PlaceKind};
pub use predict::{cannot_rebuild, node_texts, predict};

use crate::datapath::Trace;
use crate::packet::Frame;
use crate::trouble::Trouble;

/// A cluster to run commands on, whatever it is made of.
///
/// Calls do not block longer than the `wait` they are given. Jobs and captures are named by ids so that one lab can
/// serve several at a time from one thread.
pub trait Lab {
    /// Which lab this is.
    fn kind(&self) -> LabKind;

    /// Places to run commands at, as they are now (nodes appear with `kind create cluster`, pods with the CNI).
    fn places(&mut self) -> Result<Vec<Place>, Trouble>;

    /// The values that lessons speak through: `worker`, `pod_a_ip`, `cilium_host_b`, `spi`, … as they are now.
    fn facts(&mut self) -> Result<BTreeMap<String, String>, Trouble>;

    /// Starts a line in a shell at `place`. `terminal` is the size of the learner's terminal, `None` when there is none.
    fn start(&mut self, place: &str, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble>;

    /// As [`start`](Self::start), for a question of the guide's own: the line only looks, and nobody sees it run. A lab that
    /// records or plays tells the two apart.
    fn ask(&mut self, place: &str, line: &str) -> Result<JobId, Trouble> {
        self.start(place, line, None)
    }

    /// As [`start`](Self::start), for a fault of a lesson's: the line does something, and nobody is to see it. A lab that
    /// records notes that.
    fn break_quietly(&mut self, place: &str, line: &str) -> Result<JobId, Trouble> {
        self.start(place, line, None)
    }

    /// Says where the walk is now, by a name that means nothing to the lab: a recording finds the place again by it.
    fn mark(&mut self, name: &str) {
        let _ = name;
    }

    /// Whether a line at a place would run on the learner's own machine: then it is shown and asked for first, and
    /// [`Lab::permit`] lets it run.
    fn asks_first(&mut self, place: &str, line: &str) -> Result<bool, Trouble> {
        let _ = (place, line);
        Ok(false)
    }

    /// Lets a line run on the learner's own machine, once or from now on.
    fn permit(&mut self, line: &str, permit: Permit) {
        let _ = (line, permit);
    }

    /// The next event of a job, waiting for it at most `wait`; `JobEvent::Idle` when nothing came.
    fn poll(&mut self, job: JobId, wait: Duration) -> Result<JobEvent, Trouble>;

    /// Something for a job: keys, Ctrl-C, end of input, a new terminal size. A job that has ended ignores it.
    fn send(&mut self, job: JobId, input: Input) -> Result<(), Trouble>;

    /// How a job takes what is typed now.
    fn typing(&mut self, job: JobId) -> Typing {
        let _ = job;
        Typing::Later
    }

    /// What was typed for a job with a terminal of its own, and not read before it ended: it belongs to the next prompt.
    /// Asked once, after [`JobEvent::Exited`].
    fn unread(&mut self, job: JobId) -> Vec<u8> {
        let _ = job;
        Vec::new()
    }

    /// Nobody watches the lines that follow, until this is called with `false`: a lab with a clock of its own need not let
    /// anybody wait.
    fn hurry(&mut self, hurried: bool) {
        let _ = hurried;
    }

    /// Starts a capture at a node or pod (`device` as for `tcpdump -i`, `filter` a BPF expression). When this returns,
    /// the capture is ready: no packet sent later is missed.
    fn capture(&mut self, place: &str, device: &str, filter: &str) -> Result<CaptureId, Trouble>;

    /// Starts the same capture at several places, as [`capture`](Self::capture) one after the other does; a lab whose places
    /// are slow to begin has them begin at the same time.
    fn captures(&mut self, places: &[&str], device: &str, filter: &str) -> Vec<Result<CaptureId, Trouble>> {
        places.iter().map(|place| self.capture(place, device, filter)).collect()
    }

    /// The frames captured since the last call. Those that passed before this call and are still under way from the kernel
    /// are waited for, at most `wait`.
    fn frames(&mut self, capture: CaptureId, wait: Duration) -> Result<Vec<Frame>, Trouble>;

    /// How many frames the kernel has dropped of a capture for want of buffer space (libpcap `ps_drop`), as of the last
    /// call of [`Lab::frames`] with a wait; `None` where no kernel captures.
    fn dropped(&mut self, capture: CaptureId) -> Option<u64> {
        let _ = capture;
        None
    }

    /// Stops a capture and gives what was still under way, and the kernel's own count of drops.
    fn stop_capture(&mut self, capture: CaptureId) -> Result<CaptureEnd, Trouble>;

    /// A file of a place, for decrypting a capture that the learner wrote there.
    fn read_file(&mut self, place: &str, path: &str) -> Result<Vec<u8>, Trouble>;

    /// Follows one ICMP echo request with `size` octets of data from a place to an address, hop by hop, and leaves no
    /// trace of it in the lab. A lab that has no model of itself is asked for the text of its nodes' tools, and the
    /// model is built from that.
    fn trace(&mut self, from: &str, to: Ipv4Addr, size: u16) -> Result<Trace, Trouble> {
        predict(self, from, to, size)
    }

    /// Keeps the lab's whole state under `name`, for a step's reset. A lab that cannot says so with a `Trouble`.
    fn save(&mut self, name: &str) -> Result<(), Trouble>;

    /// Brings back the state kept under `name`.
    fn restore(&mut self, name: &str) -> Result<(), Trouble>;
}

/// The kinds of labs, as `--lab` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LabKind {
    /// In process: real bytes and real ciphers, everything else simulated.
    Sim,
    /// Network namespaces on this Linux kernel.
    Kernel,
    /// A real kind cluster.
    Kind,
    /// A walk recorded from another lab.
    Recording,
}

impl LabKind {
    /// Whether what runs in it runs on something that is not inside this process.
    pub fn is_real(self) -> bool {
        matches!(self, Self::Kernel | Self::Kind)
    }

    /// Whether a reset takes back what was done on the machine. A real cluster that was made stays made.
    pub fn unmakes(self) -> bool {
        self != Self::Kind
    }

    /// The word that `--lab` takes for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Kernel => "kernel",
            Self::Kind => "kind",
            Self::Recording => "recording",
        }
    }
}

/// How long a permission lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// For the next time.
    Once,
    /// As long as the lab.
    Always,
}

/// Names a capture of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaptureId(pub u64);

/// How a capture ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptureEnd {
    /// Frames captured since the last call of [`Lab::frames`].
    pub frames: Vec<Frame>,
    /// Frames the kernel dropped for want of buffer space (libpcap `ps_drop`).
    pub dropped: u64,
}
