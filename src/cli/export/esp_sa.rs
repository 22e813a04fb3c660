//! Rows of Wireshark's `esp_sa` table (epan/dissectors/packet-ipsec.c, `esp_uat_flds`).

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::str::FromStr;

use crate::esp::Secret;
use crate::xfrm::{Algorithm, AlgorithmKind, Replay, State, StateFlags};

/// A version of Wireshark and its tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u32,
    minor: u32,
    /// The third number, where it was said.
    patch: Option<u32>,
}

impl Version {
    /// The oldest whose words for the algorithms these are; before it, AES-GCM had one name for all lengths of the ICV.
    pub(super) const OLDEST: Self = Self { major: 3, minor: 4, patch: None };
    /// What is written for when nobody says a version: a row without the columns for ESN is taken by every one.
    pub(super) const USUAL: Self = Self { major: 4, minor: 0, patch: None };

    /// Whether its rows end with two columns for extended sequence numbers: since 4.4, where their ICV can be checked.
    pub(super) fn knows_esn(self) -> bool {
        (self.major, self.minor) >= (4, 4)
    }
}

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let numbers: Option<Vec<u32>> = text.split('.').map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some([major, minor]) => Ok(Self { major: *major, minor: *minor, patch: None }),
            Some([major, minor, patch]) => Ok(Self { major: *major, minor: *minor, patch: Some(*patch) }),
            _ => Err(NotAVersion(text.to_owned())),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

/// A text that is no version.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a version of Wireshark such as 4.0 or 4.4.2")]
pub(super) struct NotAVersion(String);

/// Why a state has no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoRow {
    /// Wireshark has no word for the algorithm, or not with this length of ICV.
    #[error("Wireshark has no word for {0}")]
    Unknown(String),
    /// The listing hides the key.
    #[error("the key of {0} is not in the listing")]
    NoKey(String),
}

/// The row of a state, without a line end.
pub(super) fn row(state: &State, version: Version) -> Result<String, NoRow> {
    let (encryption, authentication) = match state.aead() {
        Some(aead) => (Column::aead(aead)?, Column::null()),
        None => (
            state.enc().map_or_else(|| Ok(Column::null()), Column::encryption)?,
            state.auth().map_or_else(|| Ok(Column::null()), Column::authentication)?,
        ),
    };
    let protocol = if state.dst.is_ipv4() { "IPv4" } else { "IPv6" };
    let (src, dst, spi) = (address(state.src), address(state.dst), state.spi.0);
    let mut row = format!("\"{protocol}\",\"{src}\",\"{dst}\",\"0x{spi:08x}\",{encryption},{authentication}");
    if version.knows_esn() {
        let (length, high) =
            if state.flags.has(StateFlags::ESN) { ("64-bit", high_half(state)) } else { ("32-bit", 0) };
        // Writing to a string does not fail.
        let _ = write!(row, ",\"{length}\",\"{high:x}\"");
    }
    Ok(row)
}

/// Wireshark's `*` for the address that takes every packet.
fn address(address: IpAddr) -> String {
    if address.is_unspecified() { "*".to_owned() } else { address.to_string() }
}

/// The upper half of an extended sequence number, as far as the state has got.
fn high_half(state: &State) -> u64 {
    state.replay.as_ref().map_or(0, |replay: &Replay| replay.sent().max(replay.received()) >> 32)
}

/// An algorithm in Wireshark's words, and its key: two columns.
struct Column<'s> {
    word: String,
    key: Option<&'s Secret>,
}

impl<'s> Column<'s> {
    fn null() -> Self {
        Self { word: "NULL".to_owned(), key: None }
    }

    fn of(word: impl Into<String>, algorithm: &'s Algorithm) -> Result<Self, NoRow> {
        let key = algorithm.key.known().filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| NoRow::NoKey(algorithm.name.clone()))?;
        Ok(Self { word: word.into(), key: Some(key) })
    }

    fn aead(algorithm: &'s Algorithm) -> Result<Self, NoRow> {
        match (algorithm.name.as_str(), algorithm.kind) {
            ("rfc4106(gcm(aes))", AlgorithmKind::Aead { icv_bits: bits @ (64 | 96 | 128) }) => {
                Self::of(format!("AES-GCM with {} octet ICV [RFC4106]", bits / 8), algorithm)
            }
            (name, kind) => Err(NoRow::Unknown(with_bits(name, kind))),
        }
    }

    fn encryption(algorithm: &'s Algorithm) -> Result<Self, NoRow> {
        let word = match algorithm.name.as_str() {
            "ecb(cipher_null)" => return Ok(Self::null()),
            "cbc(aes)" => "AES-CBC [RFC3602]",
            "rfc3686(ctr(aes))" => "AES-CTR [RFC3686]",
            "cbc(des3_ede)" => "TripleDES-CBC [RFC2451]",
            "cbc(des)" => "DES-CBC [RFC2405]",
            "cbc(cast5)" => "CAST5-CBC [RFC2144]",
            "cbc(blowfish)" => "BLOWFISH-CBC [RFC2451]",
            "cbc(twofish)" => "TWOFISH-CBC",
            name => return Err(NoRow::Unknown(name.to_owned())),
        };
        Self::of(word, algorithm)
    }

    /// The lengths without a number in the listing are the kernel's own (`icv_truncbits`, net/xfrm/xfrm_algo.c).
    fn authentication(algorithm: &'s Algorithm) -> Result<Self, NoRow> {
        let name = algorithm.name.as_str();
        let bits = match (name, algorithm.kind.trailing_bits()) {
            ("digest_null", _) => return Ok(Self::null()),
            (_, Some(bits)) => bits,
            ("hmac(sha384)", None) => 192,
            ("hmac(sha512)", None) => 256,
            (_, None) => 96,
        };
        let word = match (name, bits) {
            ("hmac(sha1)", 96) => "HMAC-SHA-1-96 [RFC2404]",
            ("hmac(sha256)", 96) => "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]",
            ("hmac(sha256)", 128) => "HMAC-SHA-256-128 [RFC4868]",
            ("hmac(sha384)", 192) => "HMAC-SHA-384-192 [RFC4868]",
            ("hmac(sha512)", 256) => "HMAC-SHA-512-256 [RFC4868]",
            ("hmac(md5)", 96) => "HMAC-MD5-96 [RFC2403]",
            ("hmac(rmd160)", 96) => "MAC-RIPEMD-160-96 [RFC2857]",
            // Decrypted all the same; only the ICV goes unchecked.
            (_, 64 | 96 | 128 | 192 | 256) => {
                return Ok(Self { word: format!("ANY {bits} bit authentication [no checking]"), key: None });
            }
            _ => return Err(NoRow::Unknown(with_bits(name, algorithm.kind))),
        };
        Self::of(word, algorithm)
    }
}

fn with_bits(name: &str, kind: AlgorithmKind) -> String {
    kind.trailing_bits().map_or_else(|| name.to_owned(), |bits| format!("{name} with an ICV of {bits} bits"))
}

impl fmt::Display for Column<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\",\"", self.word)?;
        if let Some(key) = self.key {
            f.write_str("0x")?;
            key.reveal().iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xfrm::parse_states;

    fn rows(text: &str, version: &str) -> Vec<Result<String, NoRow>> {
        parse_states(text).items.iter().map(|state| row(state, version.parse().unwrap())).collect()
    }

    fn state(algorithms: &str) -> String {
        format!("src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n\t{algorithms}\n")
    }

    #[test]
    fn each_algorithm_is_said_in_wiresharks_words() {
        let front = "\"IPv4\",\"10.0.0.66\",\"10.0.1.236\",\"0x00000003\",";
        for (algorithms, columns) in [
            (
                "aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 64",
                "\"AES-GCM with 8 octet ICV [RFC4106]\",\"0x000102030405060708090a0b0c0d0e0f10111213\",\"NULL\",\"\"",
            ),
            (
                "auth-trunc hmac(sha512) 0x0102 256\n\tenc cbc(aes) 0x0304",
                "\"AES-CBC [RFC3602]\",\"0x0304\",\"HMAC-SHA-512-256 [RFC4868]\",\"0x0102\"",
            ),
            (
                "auth hmac(sha256) 0x0102\n\tenc ecb(cipher_null) ",
                "\"NULL\",\"\",\"HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]\",\"0x0102\"",
            ),
            (
                "auth-trunc hmac(sha256) 0x0102 192\n\tenc cbc(aes) 0x0304",
                "\"AES-CBC [RFC3602]\",\"0x0304\",\"ANY 192 bit authentication [no checking]\",\"\"",
            ),
        ] {
            assert_eq!(rows(&state(algorithms), "4.0"), [Ok(format!("{front}{columns}"))], "{algorithms}");
        }
    }

    #[test]
    fn what_wireshark_cannot_be_told_is_said() {
        for (algorithms, why) in [
            (
                "aead rfc7539esp(chacha20,poly1305) 0x0102 128",
                "Wireshark has no word for rfc7539esp(chacha20,poly1305) with an ICV of 128 bits",
            ),
            ("aead rfc4106(gcm(aes)) <<Keys hidden>> 128", "the key of rfc4106(gcm(aes)) is not in the listing"),
            (
                "auth-trunc hmac(sha256) 0x0102 100\n\tenc cbc(aes) 0x0304",
                "Wireshark has no word for hmac(sha256) with an ICV of 100 bits",
            ),
        ] {
            let said: Vec<String> =
                rows(&state(algorithms), "4.4").into_iter().map(|row| row.unwrap_err().to_string()).collect();
            assert_eq!(said, [why]);
        }
    }

    #[test]
    fn extended_sequence_numbers_have_columns_since_4_4() {
        let text = "src :: dst fd00::66\n\tproto esp spi 0x00000004 reqid 1 mode tunnel\n\treplay-window 0 flag esn\n\t\
                    aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128\n\tanti-replay esn context:\n\t \
                    seq-hi 0x1a, seq 0x5, oseq-hi 0x0, oseq 0x0\n\t replay_window 128, bitmap-length 4\n\t \
                    00000000 00000000 00000000 0000001f \n";
        for (version, end) in
            [("4.2.9", "\"NULL\",\"\""), ("4.4", ",\"64-bit\",\"1a\""), ("5.0.1", ",\"64-bit\",\"1a\"")]
        {
            let row = rows(text, version).remove(0).unwrap();
            assert!(row.starts_with("\"IPv6\",\"*\",\"fd00::66\"") && row.ends_with(end), "{version}: {row}");
        }
        assert!(
            rows(&state("aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128"), "4.4")[0]
                .as_ref()
                .unwrap()
                .ends_with(",\"32-bit\",\"0\"")
        );
    }
}
