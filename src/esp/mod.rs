//! ESP (RFC 4303) with AES-GCM (RFC 4106) and AES-CBC + HMAC: the bytes, and nothing but the bytes.
//!
//! This room opens and seals packets and knows the anti-replay window. It knows no socket, no clock, no terminal,
//! no YAML, and not where a key comes from.

mod secret;
mod spi;

pub use secret::Secret;
pub use spi::Spi;
