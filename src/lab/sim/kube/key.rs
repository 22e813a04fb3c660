use crate::datapath::IpsecKey;
use crate::esp::Secret;
use crate::profile::Profile;
use crate::xfrm::{Algorithm, AlgorithmKind, Key};

/// What became of the text of the secret's `keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loaded {
    /// A key that the kernel takes.
    Key(IpsecKey),
    /// The agent reads it, and the kernel refuses the states made of it (EINVAL): the agent goes on without.
    Refused(IpsecKey),
    /// The agent cannot read it and ends.
    Fatal(String),
}

/// Reads a key as Cilium v1.13's agent does (pkg/datapath/linux/ipsec/ipsec_linux.go, `loadIPSecKeys`): of several lines the
/// last one counts, `id aead-algo key icv-bits` or `id auth-algo key enc-algo key`, the id may be missing.
/// Since 1.16 a `+` behind the id asks for a key of each pair of nodes' own, which this lab does not derive.
pub(super) fn load(text: &[u8], profile: Profile) -> Loaded {
    let text = String::from_utf8_lossy(text);
    let mut last = Loaded::Fatal("missing IPSec key or invalid format".to_owned());
    for line in text.lines() {
        match line_key(line, profile) {
            Ok(key) if kernel_takes(&key) => last = Loaded::Key(key),
            Ok(key) => last = Loaded::Refused(key),
            Err(error) => return Loaded::Fatal(error),
        }
    }
    last
}

fn line_key(line: &str, profile: Profile) -> Result<IpsecKey, String> {
    let mut fields: Vec<&str> = line.split(' ').collect();
    if fields.len() < 3 {
        return Err("missing IPSec key or invalid format".to_owned());
    }
    let number = |field: &&str| match profile {
        Profile::Tutorial => field.parse::<i64>().ok(),
        Profile::Current => field.trim_end_matches('+').parse::<i64>().ok(),
    };
    let id = match fields.first().and_then(number) {
        Some(id) => {
            fields.remove(0);
            id
        }
        None => 1,
    };
    if id > 15 {
        return Err(format!("encryption key space exhausted. ID must be nonzero and less than 16. Attempted \"{id}\""));
    }
    if id == 0 {
        return Err("zero is not a valid key ID. ID must be nonzero and less than 16. Attempted \"0\"".to_owned());
    }
    let id = u8::try_from(id).map_err(|_| format!("encryption key space exhausted. Attempted \"{id}\""))?;
    if fields.len() > 5 {
        return Err("invalid format: too many fields in the IPsec secret".to_owned());
    }
    if let [name, key, bits] = fields.as_slice() {
        if !name.starts_with("rfc") {
            return Err(format!("invalid AEAD algorithm \"{name}\""));
        }
        let octets = decode(key).ok_or_else(|| format!("unable to decode AEAD key string \"{key}\""))?;
        let icv_bits: u32 = bits.parse().map_err(|_| "ICV length is invalid or missing".to_owned())?;
        if ![96, 128, 256].contains(&icv_bits) {
            return Err("only ICV lengths 96, 128, and 256 are accepted".to_owned());
        }
        return Ok(IpsecKey { id, algorithms: vec![algorithm(AlgorithmKind::Aead { icv_bits }, name, octets)] });
    }
    let [auth, auth_key, enc, enc_key, ..] = fields.as_slice() else {
        return Err("missing IPSec key or invalid format".to_owned());
    };
    let auth_octets =
        decode(auth_key).ok_or_else(|| format!("unable to decode authentication key string \"{auth_key}\""))?;
    let enc_octets = decode(enc_key).ok_or_else(|| format!("unable to decode encryption key string \"{enc_key}\""))?;
    let algorithms =
        vec![algorithm(AlgorithmKind::Auth, auth, auth_octets), algorithm(AlgorithmKind::Enc, enc, enc_octets)];
    Ok(IpsecKey { id, algorithms })
}

fn algorithm(kind: AlgorithmKind, name: &str, octets: Vec<u8>) -> Algorithm {
    Algorithm { kind, name: name.to_owned(), key: Key::Known(Secret::new(octets)) }
}

/// Hex with an optional `0x`.
fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

/// Whether the kernel makes a state of it: AES-GCM with a salt of 4 octets behind a key of 16, 24 or 32, an ICV it has.
fn kernel_takes(key: &IpsecKey) -> bool {
    let len = |algorithm: &Algorithm| algorithm.key.known().map_or(0, Secret::len);
    key.algorithms.iter().all(|algorithm| match algorithm.kind {
        AlgorithmKind::Aead { icv_bits } => {
            algorithm.name == "rfc4106(gcm(aes))"
                && [20, 28, 36].contains(&len(algorithm))
                && [64, 96, 128].contains(&icv_bits)
        }
        AlgorithmKind::Enc => algorithm.name == "cbc(aes)" && [16, 24, 32].contains(&len(algorithm)),
        _ => algorithm.name.starts_with("hmac(") && len(algorithm) > 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fatal(text: &str) -> String {
        match load(text.as_bytes(), Profile::Tutorial) {
            Loaded::Fatal(error) => error,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_key_of_the_tutorial_is_taken() {
        let text = format!("3 rfc4106(gcm(aes)) {} 128", "ab".repeat(20));
        let Loaded::Key(key) = load(text.as_bytes(), Profile::Tutorial) else { panic!("not taken") };
        assert_eq!((key.id, key.algorithms.len(), key.algorithms[0].key.known().map_or(0, Secret::len)), (3, 1, 20));
    }

    #[test]
    fn what_the_agent_cannot_read_ends_it_with_its_own_words() {
        let key = "ab".repeat(20);
        assert_eq!(fatal(""), "missing IPSec key or invalid format");
        assert_eq!(fatal("3 rfc4106(gcm(aes))"), "missing IPSec key or invalid format");
        assert!(fatal(&format!("16 rfc4106(gcm(aes)) {key} 128")).starts_with("encryption key space exhausted."));
        assert!(fatal(&format!("0 rfc4106(gcm(aes)) {key} 128")).starts_with("zero is not a valid key ID."));
        assert_eq!(fatal(&format!("3 gcm(aes) {key} 128")), "invalid AEAD algorithm \"gcm(aes)\"");
        assert_eq!(fatal("3 rfc4106(gcm(aes)) abc 128"), "unable to decode AEAD key string \"abc\"");
        assert_eq!(fatal(&format!("3 rfc4106(gcm(aes)) {key} 64")), "only ICV lengths 96, 128, and 256 are accepted");
    }

    #[test]
    fn what_the_kernel_refuses_the_agent_still_reads() {
        for text in [
            format!("3 rfc4106(gcm(aes)) {} 128", "ab".repeat(16)),
            format!("3 rfc4106(gcm(aes)) {} 256", "ab".repeat(20)),
        ] {
            assert!(matches!(load(text.as_bytes(), Profile::Tutorial), Loaded::Refused(_)), "{text}");
        }
    }

    #[test]
    fn a_plus_behind_the_id_is_read_by_todays_agents_alone() {
        let text = format!("3+ rfc4106(gcm(aes)) {} 128", "ab".repeat(20));
        assert!(matches!(load(text.as_bytes(), Profile::Current), Loaded::Key(IpsecKey { id: 3, .. })));
        assert!(!matches!(load(text.as_bytes(), Profile::Tutorial), Loaded::Key(_)));
    }
}
