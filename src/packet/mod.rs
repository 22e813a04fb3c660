//! Packets: link types, layers, broken bytes read as far as they go, tcpdump's one line, the layered tree.
//!
//! Knows neither keys nor files.

mod frame;
mod link;

pub use frame::{Frame, Timestamp};
pub use link::LinkType;
