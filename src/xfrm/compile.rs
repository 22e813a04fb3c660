use super::{Algorithm, AlgorithmKind, Key, State, StateFlags};
use crate::esp::{Algorithms, Encryption, Integrity, Sa, Secret, Unusable};

impl State {
    /// Compiles the state's algorithms and keys into an SA that opens and seals; do it once for the life of a state.
    pub fn compile(&self) -> Result<Sa, Unusable> {
        Sa::new(self.spi, self.flags.has(StateFlags::ESN), &self.esp_algorithms()?)
    }

    fn esp_algorithms(&self) -> Result<Algorithms, Unusable> {
        if let Some(aead) = self.aead() {
            let AlgorithmKind::Aead { icv_bits } = aead.kind else { return Err(unsupported(&aead.name)) };
            return Ok(Algorithms::Aead { name: aead.name.clone(), key: key(aead)?, icv_bits });
        }
        // The kernel refuses an ESP state without encryption; a state that waits for its keys (`acquire`) has none.
        let Some(enc) = self.enc() else { return Err(Unusable::NoKey { name: self.proto.to_string() }) };
        // The kernel's name for no integrity.
        let Some(auth) = self.auth() else { return Err(unsupported("digest_null")) };
        let truncated_bits = match auth.kind {
            AlgorithmKind::AuthTrunc { bits } => Some(bits),
            _ => None,
        };
        Ok(Algorithms::Separate {
            auth: Integrity { name: auth.name.clone(), key: key(auth)?, truncated_bits },
            enc: Encryption { name: enc.name.clone(), key: key(enc)? },
        })
    }
}

fn key(algorithm: &Algorithm) -> Result<Secret, Unusable> {
    match &algorithm.key {
        Key::Known(secret) => Ok(secret.clone()),
        Key::Hidden(_) => Err(Unusable::NoKey { name: algorithm.name.clone() }),
    }
}

fn unsupported(name: &str) -> Unusable {
    Unusable::Unsupported { name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::esp::Spi;
    use crate::xfrm::Hidden;

    fn state(algorithms: Vec<Algorithm>) -> State {
        let any = [10, 0, 0, 66].into();
        State { algorithms, ..State::esp_tunnel(any, any, Spi(3)) }
    }

    fn algorithm(kind: AlgorithmKind, name: &str, octets: usize) -> Algorithm {
        Algorithm { kind, name: name.into(), key: Key::Known(Secret::new(vec![7; octets])) }
    }

    #[test]
    fn states_of_both_kinds_compile_with_their_icv() {
        let gcm = algorithm(AlgorithmKind::Aead { icv_bits: 96 }, "rfc4106(gcm(aes))", 20);
        assert_eq!(state(vec![gcm]).compile().unwrap().icv_len(), 12);

        let cbc = algorithm(AlgorithmKind::Enc, "cbc(aes)", 16);
        let cut = algorithm(AlgorithmKind::AuthTrunc { bits: 128 }, "hmac(sha256)", 32);
        assert_eq!(state(vec![cut, cbc.clone()]).compile().unwrap().icv_len(), 16);
        let usual = algorithm(AlgorithmKind::Auth, "hmac(sha256)", 32);
        assert_eq!(state(vec![usual, cbc]).compile().unwrap().icv_len(), 12);
    }

    #[test]
    fn a_state_that_cannot_open_says_which_algorithm_it_is() {
        let hidden = Algorithm {
            kind: AlgorithmKind::Aead { icv_bits: 128 },
            name: "rfc4106(gcm(aes))".into(),
            key: Key::Hidden(Hidden::ByIproute2),
        };
        let words = |algorithms| state(algorithms).compile().unwrap_err().to_string();
        assert_eq!(words(vec![hidden]), "no key for rfc4106(gcm(aes))");
        assert_eq!(words(vec![]), "no key for esp");
        let enc = algorithm(AlgorithmKind::Enc, "cbc(aes)", 16);
        assert_eq!(words(vec![enc.clone()]), "unsupported algorithm digest_null");
        let md5 = algorithm(AlgorithmKind::Auth, "hmac(md5)", 16);
        assert_eq!(words(vec![md5, enc]), "unsupported algorithm hmac(md5)");
    }
}
