//! Finds ESP in a frame wherever it hides (VLAN, UDP 4500, VXLAN, ESP in ESP), picks the SA, opens it, and says how
//! that went. The one place where `packet`, `xfrm` and `esp` meet.
//!
//! Pure: frames and SAs come in as values, verdicts go out as values.

mod keyring;
mod outcome;
mod plain;
mod reseal;
mod search;
mod sightings;
mod tree;
mod verdict;

pub use keyring::{Entry, Keyring};
pub use outcome::{Malformed, Outcome};
pub use search::{Outer, Step};
pub use sightings::{Identity, Seen, Sighting, Sightings};
pub use verdict::{EspView, Inner, Scratch, Verdict};
