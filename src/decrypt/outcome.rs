use std::fmt;
use std::net::IpAddr;

use crate::esp::{OpenError, Spi, Unusable};
use crate::packet::Stop;

/// How the search for ESP in a frame, and the opening of it, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<'k> {
    /// An ICV was right and the packet is open.
    Decrypted,
    /// No ESP in it; the path says what else of interest (a NAT-T keepalive, IKE, a fragment).
    Clear,
    /// No state has its destination and SPI (`XfrmInNoStates`).
    NoSa {
        /// The outer source.
        src: IpAddr,
        /// The outer destination.
        dst: IpAddr,
        /// The SPI.
        spi: Spi,
    },
    /// None of the states for it has the right key, or it changed on its way (`XfrmInStateProtoError`).
    BadIcv {
        /// The outer source.
        src: IpAddr,
        /// The outer destination.
        dst: IpAddr,
        /// The SPI.
        spi: Spi,
        /// The sequence number on the wire.
        seq: u32,
        /// How many SAs were tried.
        tried: usize,
    },
    /// A state fits, but its algorithm or its hidden key cannot be used.
    Unsupported(&'k Unusable),
    /// ESP in a fragment of an IP packet: its ICV is over the whole, which must be put together first.
    Fragment,
    /// ESP in ESP deeper than is looked.
    TooDeep {
        /// How many layers of ESP are opened.
        limit: usize,
    },
    /// The capture's snap length cut it, so that its ICV cannot be checked.
    Truncated {
        /// Octets of the layer that was cut: from the SPI, for ESP.
        need: usize,
        /// Octets of it that were captured.
        have: usize,
    },
    /// Octets that are not what they should be.
    Malformed(Malformed),
}

/// What is wrong with the octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A header outside of ESP.
    #[error(transparent)]
    Header(#[from] Stop),
    /// ESP itself: too short, uneven, or with a pad length beyond the payload.
    #[error(transparent)]
    Esp(#[from] OpenError),
}

impl Outcome<'_> {
    /// The status of the JSON form: `decrypted`, `clear`, `no-sa`, `bad-icv`, `unsupported`, `truncated`, `malformed`.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Decrypted => "decrypted",
            Self::Clear => "clear",
            Self::NoSa { .. } => "no-sa",
            Self::BadIcv { .. } => "bad-icv",
            Self::Unsupported(_) | Self::Fragment | Self::TooDeep { .. } => "unsupported",
            Self::Truncated { .. } => "truncated",
            Self::Malformed(_) => "malformed",
        }
    }

    /// The counter of `/proc/net/xfrm_stat` that a receiving kernel would count this under, where there is one.
    pub fn xfrm_stat(&self) -> Option<&'static str> {
        match self {
            Self::NoSa { .. } => Some("XfrmInNoStates"),
            Self::BadIcv { .. } => Some("XfrmInStateProtoError"),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome<'_> {
    /// One sentence without a full stop, with what was expected and found.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decrypted => f.write_str("decrypted, the ICV is right"),
            Self::Clear => f.write_str("no ESP in it"),
            Self::NoSa { dst, spi, .. } => write!(f, "no SA for SPI {spi} to {dst}"),
            Self::BadIcv { spi, seq, tried: 1, .. } => {
                write!(f, "the ICV of SPI {spi}, sequence number {seq}, is not right under the key of its SA")
            }
            Self::BadIcv { spi, seq, tried, .. } => {
                write!(f, "the ICV of SPI {spi}, sequence number {seq}, is not right under any of {tried} SAs")
            }
            Self::Unsupported(error) => error.fmt(f),
            Self::Fragment => f.write_str("ESP in a fragment, which opens only when the packet is whole again"),
            Self::TooDeep { limit } => write!(f, "ESP in ESP more than {limit} deep"),
            Self::Truncated { need, have } => {
                write!(f, "the capture was cut: {need} octets are needed, {have} are there")
            }
            Self::Malformed(error) => error.fmt(f),
        }
    }
}
