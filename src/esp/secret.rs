use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Key material (for `rfc4106(gcm(aes))`: the AES key and then the 4-octet salt), wiped when dropped.
///
/// `Debug` and `Display` show the length and a short fingerprint, never a byte of the key; [`Secret::reveal`] is the
/// one way to the octets, and its callers are the places that may show or use a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the octets over.
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets themselves.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Length in octets.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key at all (`ip xfrm state list nokeys`).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first four octets of the SHA-256 of the key, in hex: enough to see that two nodes hold the same key.
    pub fn fingerprint(&self) -> String {
        let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(&*self.0).into();
        format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bits, fingerprint {}", self.len() * 8, self.fingerprint())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_display_shows_a_byte_of_the_key() {
        let secret = Secret::new(vec![0xab; 20]);
        assert_eq!(secret.to_string(), "160 bits, fingerprint 4844a34d");
        assert!(!format!("{secret:?}{secret}").contains("abab"));
    }
}
