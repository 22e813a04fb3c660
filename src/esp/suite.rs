//! The compiled algorithms of an SA: key schedules made once, and the octets that pass through them.

use std::sync::Arc;

use aes::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser, InnerIvInit,
    KeyInit, consts::U16,
};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::{
    AesGcm, TagSize,
    aead::{AeadInOut, consts::U8, consts::U12},
};
use hmac::{Hmac, Mac};
use ring::aead::{self, LessSafeKey, UnboundKey};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use super::iv::echain_block;
use super::{Encryption, Integrity, Secret, SeqIv, Unusable};

/// Octets of the ESP header: SPI and sequence number.
pub(super) const HEADER_LEN: usize = 8;

/// What an SA does to octets. The cipher objects are shared, so that an SA is cheap to clone.
#[derive(Clone)]
pub(super) enum Suite {
    /// RFC 4106: the nonce is salt and IV, the AAD is the header (with the high half of an ESN in its middle).
    Gcm { cipher: Arc<dyn Gcm>, salt: [u8; 4], icv_len: usize },
    /// RFC 4303 with separate algorithms: the ICV covers header, IV and ciphertext (and then the high half of an ESN).
    EncryptThenMac { cipher: Option<Arc<dyn Cbc>>, mac: Arc<dyn Authenticator>, icv_len: usize },
}

impl Suite {
    /// Compiles an AEAD of the kernel's name.
    pub(super) fn aead(name: &str, key: &Secret, icv_bits: u32) -> Result<Self, Unusable> {
        if name != "rfc4106(gcm(aes))" {
            return Err(Unusable::Unsupported { name: name.to_owned() });
        }
        if key.is_empty() {
            return Err(Unusable::NoKey { name: name.to_owned() });
        }
        let wrong_key = || Unusable::KeyLength {
            name: name.to_owned(),
            octets: key.len(),
            expected: "20, 28 or 36 (an AES key of 16, 24 or 32 octets and a salt of 4)",
        };
        let (aes_key, salt) = key.reveal().split_last_chunk::<4>().ok_or_else(wrong_key)?;
        let cipher = match icv_bits {
            64 => gcm::<U8>(aes_key),
            96 => gcm::<U12>(aes_key),
            128 => gcm_with_whole_icv(aes_key),
            _ => {
                return Err(Unusable::IcvLength {
                    name: name.to_owned(),
                    bits: icv_bits,
                    expected: "64, 96 or 128 (RFC 4106 section 6)",
                });
            }
        };
        Ok(Self::Gcm { cipher: cipher.ok_or_else(wrong_key)?, salt: *salt, icv_len: icv_bits as usize / 8 })
    }

    /// Compiles a cipher and a MAC of the kernel's names.
    pub(super) fn encrypt_then_mac(auth: &Integrity, enc: &Encryption) -> Result<Self, Unusable> {
        let cipher = match enc.name.as_str() {
            "ecb(cipher_null)" => None,
            "cbc(aes)" if enc.key.is_empty() => return Err(Unusable::NoKey { name: enc.name.clone() }),
            "cbc(aes)" => Some(cbc(enc.key.reveal()).ok_or_else(|| Unusable::KeyLength {
                name: enc.name.clone(),
                octets: enc.key.len(),
                expected: "16, 24 or 32",
            })?),
            _ => return Err(Unusable::Unsupported { name: enc.name.clone() }),
        };
        // The default lengths are those of `icv_truncbits` in net/xfrm/xfrm_algo.c.
        let key = auth.key.reveal();
        let (mac, default_bits, full_bits, lengths) = match auth.name.as_str() {
            "hmac(sha1)" => (hmac::<Hmac<Sha1>>(key), 96, 160, "8 to 160"),
            "hmac(sha256)" => (hmac::<Hmac<Sha256>>(key), 96, 256, "8 to 256"),
            "hmac(sha384)" => (hmac::<Hmac<Sha384>>(key), 192, 384, "8 to 384"),
            "hmac(sha512)" => (hmac::<Hmac<Sha512>>(key), 256, 512, "8 to 512"),
            // Without integrity nothing tells a right key from a wrong one, so `digest_null` is not read either.
            _ => return Err(Unusable::Unsupported { name: auth.name.clone() }),
        };
        if auth.key.is_empty() {
            return Err(Unusable::NoKey { name: auth.name.clone() });
        }
        // As in the kernel, a length of 0 stands for the default (`attach_auth_trunc` in net/xfrm/xfrm_user.c).
        let bits = auth.truncated_bits.filter(|&bits| bits != 0).unwrap_or(default_bits);
        if !(8..=full_bits).contains(&bits) {
            return Err(Unusable::IcvLength { name: auth.name.clone(), bits, expected: lengths });
        }
        Ok(Self::EncryptThenMac { cipher, mac, icv_len: bits as usize / 8 })
    }

    /// Octets of the IV on the wire.
    pub(super) fn iv_len(&self) -> usize {
        match self {
            Self::Gcm { .. } => 8,
            Self::EncryptThenMac { cipher: Some(_), .. } => 16,
            Self::EncryptThenMac { cipher: None, .. } => 0,
        }
    }

    /// The IV that Linux makes for a sequence number, from the random value of the SA.
    pub(super) fn linux_iv(&self, random: [u8; 16], seq: u64) -> Vec<u8> {
        match self {
            Self::Gcm { .. } => {
                random.first_chunk().map(|&random| SeqIv { random }.iv(seq).to_vec()).unwrap_or_default()
            }
            Self::EncryptThenMac { cipher: Some(cipher), .. } => {
                let mut block = [0; 16];
                cipher.encrypt(&echain_block(random, seq), &mut block);
                block.to_vec()
            }
            Self::EncryptThenMac { cipher: None, .. } => Vec::new(),
        }
    }

    /// Octets of the ICV on the wire.
    pub(super) fn icv_len(&self) -> usize {
        match self {
            Self::Gcm { icv_len, .. } | Self::EncryptThenMac { icv_len, .. } => *icv_len,
        }
    }

    /// The multiple to which payload and trailer are padded (Linux `esp_output`: `ALIGN(crypto_aead_blocksize(aead), 4)`).
    pub(super) fn alignment(&self) -> usize {
        match self {
            Self::EncryptThenMac { cipher: Some(_), .. } => 16,
            Self::Gcm { .. } | Self::EncryptThenMac { cipher: None, .. } => 4,
        }
    }

    /// Checks the ICV of `packet` (header to ICV) and decrypts its body in place; says whether the ICV was right. If not, the
    /// body is still ciphertext or all zeros.
    ///
    /// `seq_high` is the high half of an extended sequence number, for SAs with ESN. The caller has checked that the
    /// packet holds a header, an IV, a body of whole blocks and an ICV; anything else counts as a wrong ICV here.
    pub(super) fn open(&self, packet: &mut [u8], seq_high: Option<u32>) -> bool {
        let Some(body_end) = packet.len().checked_sub(self.icv_len()) else { return false };
        let Some((covered, icv)) = packet.split_at_mut_checked(body_end) else { return false };
        match self {
            Self::Gcm { cipher, salt, .. } => {
                let Some((header, rest)) = covered.split_first_chunk_mut::<HEADER_LEN>() else { return false };
                let Some((iv, body)) = rest.split_first_chunk_mut::<8>() else { return false };
                cipher.decrypt(&nonce(*salt, *iv), Aad::new(*header, seq_high).octets(), body, icv)
            }
            Self::EncryptThenMac { cipher, mac, .. } => {
                let mut expected = [0; MAX_MAC_LEN];
                mac.mac(covered, seq_high, &mut expected);
                if !bool::from(expected.get(..icv.len()).unwrap_or_default().ct_eq(icv)) {
                    return false;
                }
                let Some(cipher) = cipher else { return true };
                let Some((iv, body)) =
                    covered.get_mut(HEADER_LEN..).and_then(|rest| rest.split_first_chunk_mut::<16>())
                else {
                    return false;
                };
                cipher.decrypt(iv, body);
                true
            }
        }
    }

    /// Encrypts the body of `packet` (header, IV, plain body, room for the ICV) in place and writes the ICV.
    ///
    /// Returns `None` when the packet is too short for these, or too long for the cipher.
    pub(super) fn seal(&self, packet: &mut [u8], seq_high: Option<u32>) -> Option<()> {
        let body_end = packet.len().checked_sub(self.icv_len())?;
        let (covered, icv) = packet.split_at_mut_checked(body_end)?;
        match self {
            Self::Gcm { cipher, salt, .. } => {
                let (header, rest) = covered.split_first_chunk_mut::<HEADER_LEN>()?;
                let (iv, body) = rest.split_first_chunk_mut::<8>()?;
                let tag = cipher.encrypt(&nonce(*salt, *iv), Aad::new(*header, seq_high).octets(), body)?;
                icv.copy_from_slice(tag.get(..icv.len())?);
            }
            Self::EncryptThenMac { cipher, mac, .. } => {
                if let Some(cipher) = cipher {
                    let (iv, body) = covered.get_mut(HEADER_LEN..)?.split_first_chunk_mut::<16>()?;
                    cipher.encrypt(iv, body);
                }
                let mut tag = [0; MAX_MAC_LEN];
                mac.mac(covered, seq_high, &mut tag);
                icv.copy_from_slice(tag.get(..icv.len())?);
            }
        }
        Some(())
    }
}

/// The associated data of RFC 4106 section 5: SPI and sequence number, 8 octets, or 12 with an extended one.
struct Aad {
    octets: [u8; 12],
    len: usize,
}

impl Aad {
    fn new(header: [u8; HEADER_LEN], seq_high: Option<u32>) -> Self {
        let mut octets = [0; 12];
        let (spi, seq) = header.split_at(4);
        octets[..4].copy_from_slice(spi);
        if let Some(high) = seq_high {
            octets[4..8].copy_from_slice(&high.to_be_bytes());
            octets[8..].copy_from_slice(seq);
            Self { octets, len: 12 }
        } else {
            octets[4..8].copy_from_slice(seq);
            Self { octets, len: 8 }
        }
    }

    fn octets(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

/// The GCM nonce of RFC 4106 section 4: the salt, which never travels, and the IV, which does.
fn nonce(salt: [u8; 4], iv: [u8; 8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&salt);
    nonce[4..].copy_from_slice(&iv);
    nonce
}

/// AES-GCM of one key size and one ICV length.
pub(super) trait Gcm: Send + Sync {
    /// Verifies and decrypts in place; when the ICV is wrong, the body is still ciphertext or all zeros.
    fn decrypt(&self, nonce: &[u8; 12], aad: &[u8], body: &mut [u8], icv: &[u8]) -> bool;
    /// Encrypts in place and returns the ICV at the front of 16 octets.
    fn encrypt(&self, nonce: &[u8; 12], aad: &[u8], body: &mut [u8]) -> Option<[u8; 16]>;
}

impl<C, T> Gcm for AesGcm<C, U12, T>
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + Send + Sync,
    T: TagSize + Send + Sync,
{
    fn decrypt(&self, nonce: &[u8; 12], aad: &[u8], body: &mut [u8], icv: &[u8]) -> bool {
        let Ok(icv) = icv.try_into() else { return false };
        self.decrypt_inout_detached(&Array(*nonce), aad, body.into(), icv).is_ok()
    }

    fn encrypt(&self, nonce: &[u8; 12], aad: &[u8], body: &mut [u8]) -> Option<[u8; 16]> {
        let icv = self.encrypt_inout_detached(&Array(*nonce), aad, body.into()).ok()?;
        let mut octets = [0; 16];
        octets.get_mut(..icv.len())?.copy_from_slice(&icv);
        Some(octets)
    }
}

/// ring's AES-GCM, which passes through a packet once: several times as fast as `aes-gcm`, but for ICVs of 16 octets and
/// keys of 16 or 32 only.
impl Gcm for LessSafeKey {
    fn decrypt(&self, nonce: &[u8; 12], aad: &[u8], body: &mut [u8], icv: &[u8]) -> bool {
        let (nonce, aad) = (aead::Nonce::assume_unique_for_key(*nonce), aead::Aad::from(aad));
        let Ok(icv) = icv.try_into() else { return false };
        self.open_in_place_separate_tag(nonce, aad, icv, body, 0..).is_ok()
    }

    fn encrypt(&self, nonce: &[u8; 12], aad: &[u8], body: &mut [u8]) -> Option<[u8; 16]> {
        let (nonce, aad) = (aead::Nonce::assume_unique_for_key(*nonce), aead::Aad::from(aad));
        self.seal_in_place_separate_tag(nonce, aad, body).ok()?.as_ref().try_into().ok()
    }
}

/// AES-GCM with ICVs of 16 octets, the longest, for an AES key of any of the three lengths.
fn gcm_with_whole_icv(key: &[u8]) -> Option<Arc<dyn Gcm>> {
    let algorithm = match key.len() {
        16 => &aead::AES_128_GCM,
        32 => &aead::AES_256_GCM,
        _ => return gcm::<U16>(key),
    };
    Some(Arc::new(LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?)))
}

/// AES-GCM with ICVs of `T` octets for an AES key of any of the three lengths.
fn gcm<T: TagSize + Send + Sync + 'static>(key: &[u8]) -> Option<Arc<dyn Gcm>> {
    Some(match key.len() {
        16 => Arc::new(AesGcm::<Aes128, U12, T>::new_from_slice(key).ok()?),
        24 => Arc::new(AesGcm::<Aes192, U12, T>::new_from_slice(key).ok()?),
        32 => Arc::new(AesGcm::<Aes256, U12, T>::new_from_slice(key).ok()?),
        _ => return None,
    })
}

/// AES-CBC (RFC 3602) of one key size. A last block that is not whole stays as it is; callers pass whole blocks.
pub(super) trait Cbc: Send + Sync {
    fn decrypt(&self, iv: &[u8; 16], body: &mut [u8]);
    fn encrypt(&self, iv: &[u8; 16], body: &mut [u8]);
}

impl<C> Cbc for C
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt + Send + Sync,
{
    fn decrypt(&self, iv: &[u8; 16], body: &mut [u8]) {
        let (blocks, _) = Array::slice_as_chunks_mut(body);
        cbc::Decryptor::inner_iv_init(self, &Array(*iv)).decrypt_blocks(blocks);
    }

    fn encrypt(&self, iv: &[u8; 16], body: &mut [u8]) {
        let (blocks, _) = Array::slice_as_chunks_mut(body);
        cbc::Encryptor::inner_iv_init(self, &Array(*iv)).encrypt_blocks(blocks);
    }
}

fn cbc(key: &[u8]) -> Option<Arc<dyn Cbc>> {
    Some(match key.len() {
        16 => Arc::new(Aes128::new_from_slice(key).ok()?),
        24 => Arc::new(Aes192::new_from_slice(key).ok()?),
        32 => Arc::new(Aes256::new_from_slice(key).ok()?),
        _ => return None,
    })
}

/// Octets of the longest MAC, HMAC-SHA-512.
const MAX_MAC_LEN: usize = 64;

/// An HMAC with its key already absorbed.
pub(super) trait Authenticator: Send + Sync {
    /// The MAC of `covered` and, with ESN, of the high half of the sequence number after it (RFC 4303 section 2.2.1).
    fn mac(&self, covered: &[u8], seq_high: Option<u32>, out: &mut [u8; MAX_MAC_LEN]);
}

impl<M: Mac + Clone + Send + Sync> Authenticator for M {
    fn mac(&self, covered: &[u8], seq_high: Option<u32>, out: &mut [u8; MAX_MAC_LEN]) {
        let mut mac = self.clone();
        mac.update(covered);
        if let Some(high) = seq_high {
            mac.update(&high.to_be_bytes());
        }
        for (to, from) in out.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
    }
}

/// HMAC takes keys of any length (RFC 2104 section 3).
fn hmac<M: Mac + KeyInit + Clone + Send + Sync + 'static>(key: &[u8]) -> Arc<dyn Authenticator> {
    Arc::new(<M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length"))
}
