/// The IVs of Linux's `seqiv(rfc4106(gcm(aes)))`: a random value drawn when the SA is made, XORed with the sequence
/// number (crypto/seqiv.c; ESP puts the 64-bit sequence number there first, net/ipv4/esp4.c).
///
/// So two IVs of one SA differ exactly where their sequence numbers do, and an IV is not the sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqIv {
    /// The value drawn for the SA; never sent as such.
    pub random: [u8; 8],
}

impl SeqIv {
    /// The IV of the packet with this sequence number: `random XOR seq` in network byte order. Without ESN the high half
    /// is 0.
    pub fn iv(self, seq: u64) -> [u8; 8] {
        (u64::from_be_bytes(self.random) ^ seq).to_be_bytes()
    }
}

/// What Linux's `echainiv(authenc(…,cbc(aes)))` encrypts to get an IV: each half of the value drawn for the SA, made odd,
/// times the sequence number (crypto/echainiv.c; the words are in the machine's byte order, little-endian here).
pub(super) fn echain_block(random: [u8; 16], seq: u64) -> [u8; 16] {
    let mut block = random;
    for word in block.as_chunks_mut::<8>().0 {
        *word = (u64::from_le_bytes(*word) | 1).wrapping_mul(seq).to_le_bytes();
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ivs_of_one_sa_differ_as_their_sequence_numbers_do() {
        let ivs = SeqIv { random: [0xa5, 0x17, 0, 0xff, 0x3c, 0x99, 0x42, 0xfe] };
        assert_eq!(ivs.iv(1), [0xa5, 0x17, 0, 0xff, 0x3c, 0x99, 0x42, 0xff]);
        let apart = u64::from_be_bytes(ivs.iv(0x1234)) ^ u64::from_be_bytes(ivs.iv(0x77));
        assert_eq!(apart, 0x1234 ^ 0x77);
    }
}
