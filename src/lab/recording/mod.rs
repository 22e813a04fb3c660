//! Recordings: a walk on any lab written to one file, and a lab that plays it again without network, root or chance.
//!
//! [`Recorder`] stands around a lab and writes down what goes through [`Lab`](super::Lab): lines with their output and its
//! timing, packets, the guide's own questions with their answers, files that it read, places and values. [`Playback`] is
//! a lab that gives all of this back.
//!
//! # The file
//!
//! gzip of JSON lines: `zcat walk.esplain | jq .` shows it. The first line is a [`Head`], each later one a [`Moment`]. The
//! file is only ever added to, whole lines at a time, so a recording whose session was killed is good up to there. A
//! reader of version 1 ignores fields that it does not know; what it could not understand raises the version.
//!
//! Each `ran`, `stopped` and `typed` leads the lab from one state to the next; all other entries belong to the state they
//! come in. `restored` goes back to the state in which `saved` was said under that name, and what follows is a branch.
//!
//! # Keys
//!
//! Unless it is told otherwise, a recorder puts a substitute in the place of every key ([`crate::esp::Disguise`]) and
//! seals the packets again with it: what was printed and what was captured still fit, and nothing of the key is left. A
//! packet that cannot be opened stays as it is.

mod entry;
mod file;
mod playback;
mod recorder;
mod spelling;
mod tape;
mod veil;
mod walk;

pub use entry::{Entry, FrameEntry, Head, Keys, Moment, Octets, PlaceEntry, VERSION};
pub use playback::Playback;
pub use recorder::{Notebook, Recorder};
pub use walk::{Walk, WalkedLine};
