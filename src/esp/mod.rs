//! ESP (RFC 4303) with AES-GCM (RFC 4106) and AES-CBC + HMAC: the bytes, and nothing but the bytes.
//!
//! This room opens and seals packets and knows the anti-replay window. It knows no socket, no clock, no terminal,
//! no YAML, and not where a key comes from.

mod algorithm;
mod disguise;
mod dumped;
mod iv;
mod replay_window;
mod sa;
mod secret;
mod spi;
mod suite;
#[cfg(test)]
mod vectors;

pub use algorithm::{Algorithms, Encryption, Integrity, Unusable};
pub use disguise::Disguise;
pub use dumped::dumped_packets;
pub use iv::SeqIv;
pub use replay_window::{Replay, ReplayWindow};
pub use sa::{OddPadding, OpenError, Opened, Sa, SealError};
pub use secret::Secret;
pub use spi::Spi;
