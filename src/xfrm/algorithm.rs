use std::fmt;

use crate::esp::Secret;

/// One transformation of a state, as one line of `ip xfrm state` shows it: `aead rfc4106(gcm(aes)) 0x… 128`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithm {
    /// What it is for, with the length that belongs to it.
    pub kind: AlgorithmKind,
    /// The kernel crypto API's name: `rfc4106(gcm(aes))`, `cbc(aes)`, `hmac(sha256)`.
    pub name: String,
    /// Its key; for `rfc4106(gcm(aes))` the AES key and then the 4-octet salt (RFC 4106 section 8.1).
    pub key: Key,
}

/// What an algorithm is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlgorithmKind {
    /// Integrity, at the algorithm's usual truncation (96 bits for the older ones).
    Auth,
    /// Integrity, the ICV cut to this many bits.
    AuthTrunc {
        /// ICV length on the wire, in bits.
        bits: u32,
    },
    /// Encryption and integrity in one.
    Aead {
        /// ICV length on the wire, in bits: 64, 96 or 128 for AES-GCM.
        icv_bits: u32,
    },
    /// Encryption.
    Enc,
    /// Compression.
    Comp,
}

impl AlgorithmKind {
    /// iproute2's word: `auth`, `auth-trunc`, `aead`, `enc`, `comp`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthTrunc { .. } => "auth-trunc",
            Self::Aead { .. } => "aead",
            Self::Enc => "enc",
            Self::Comp => "comp",
        }
    }

    /// The number at the end of the line, in bits, where there is one.
    pub fn trailing_bits(self) -> Option<u32> {
        match self {
            Self::AuthTrunc { bits } | Self::Aead { icv_bits: bits } => Some(bits),
            Self::Auth | Self::Enc | Self::Comp => None,
        }
    }
}

/// A key as a listing shows it, or does not.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// The octets are there; none at all for an algorithm without a key (`enc ecb(cipher_null)`).
    Known(Secret),
    /// The listing hides it.
    Hidden(Hidden),
}

/// How a listing hides a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hidden {
    /// `ip xfrm state list nokeys` printed `<<Keys hidden>>`.
    ByIproute2,
    /// Somebody wrote `xxxx`, `<redacted>`, `***` or the like over it. What stood there is not kept: half a mask may
    /// still show half a key. Prints as `<redacted>`.
    ByHand,
}

impl Key {
    /// The octets, if the listing shows them.
    pub fn known(&self) -> Option<&Secret> {
        match self {
            Self::Known(secret) => Some(secret),
            Self::Hidden(_) => None,
        }
    }
}

impl fmt::Debug for Key {
    /// Shows a length and a fingerprint, never an octet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(secret) => secret.fmt(f),
            Self::Hidden(how) => how.fmt(f),
        }
    }
}
