use super::Secret;
use super::suite::Suite;

/// The algorithms of an SA as its owner names them; the names are the kernel's, as `ip xfrm state` prints them
/// (Linux `net/xfrm/xfrm_algo.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Algorithms {
    /// `aead NAME KEY ICV-BITS`: encryption and integrity in one.
    Aead {
        /// `rfc4106(gcm(aes))`.
        name: String,
        /// The AES key and then the 4-octet salt (RFC 4106 section 8.1).
        key: Secret,
        /// Length of the ICV in bits: 64, 96 or 128.
        icv_bits: u32,
    },
    /// `auth NAME KEY` or `auth-trunc NAME KEY BITS`, and `enc NAME KEY`: encrypt, then MAC.
    Separate {
        /// Integrity.
        auth: Integrity,
        /// Confidentiality.
        enc: Encryption,
    },
}

/// The integrity half of [`Algorithms::Separate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integrity {
    /// `hmac(sha1)`, `hmac(sha256)`, `hmac(sha384)` or `hmac(sha512)`.
    pub name: String,
    /// The HMAC key, of any length.
    pub key: Secret,
    /// The length to which the ICV is cut, in bits (`auth-trunc`); `None` takes the kernel's default, which for
    /// `hmac(sha256)` is 96 and not the 128 of RFC 4868.
    pub truncated_bits: Option<u32>,
}

/// The confidentiality half of [`Algorithms::Separate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// `cbc(aes)` or `ecb(cipher_null)`.
    pub name: String,
    /// The key; empty for `ecb(cipher_null)`.
    pub key: Secret,
}

/// Why an SA cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// An algorithm that is not read here.
    #[error("unsupported algorithm {name}")]
    Unsupported {
        /// The algorithm, as the state names it.
        name: String,
    },
    /// The key is hidden (`ip xfrm state list nokeys`) or was never given.
    #[error("no key for {name}")]
    NoKey {
        /// The algorithm whose key is missing.
        name: String,
    },
    /// A key of a length that the algorithm does not have.
    #[error("{name} has a key of {octets} octets, expected {expected}")]
    KeyLength {
        /// The algorithm.
        name: String,
        /// The octets there are.
        octets: usize,
        /// The lengths there may be, as words.
        expected: &'static str,
    },
    /// An ICV of a length that the algorithm does not have.
    #[error("{name} has an ICV of {bits} bits, expected {expected}")]
    IcvLength {
        /// The algorithm.
        name: String,
        /// The bits asked for.
        bits: u32,
        /// The lengths there may be, as words.
        expected: &'static str,
    },
}

impl Algorithms {
    /// The names as `ip xfrm state` has them: `rfc4106(gcm(aes))`, or `hmac(sha256)` and `cbc(aes)`.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Aead { name, .. } => vec![name],
            Self::Separate { auth, enc } => vec![&auth.name, &enc.name],
        }
    }

    /// Compiles the key schedules, once for the life of an SA.
    pub(super) fn compile(&self) -> Result<Suite, Unusable> {
        match self {
            Self::Aead { name, key, icv_bits } => Suite::aead(name, key, *icv_bits),
            Self::Separate { auth, enc } => Suite::encrypt_then_mac(auth, enc),
        }
    }
}
