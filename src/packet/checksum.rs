use std::net::IpAddr;

/// The Internet checksum (RFC 1071) of these octets: zero when they contain a right checksum.
pub fn checksum(octets: &[u8]) -> u16 {
    !fold(sum(octets))
}

/// The checksum of a TCP, UDP or ICMPv6 segment with its pseudo-header (RFC 793, RFC 8200 section 8.1): zero when the
/// segment contains a right one. `length` is the upper-layer length that the pseudo-header names.
pub fn transport_checksum(source: IpAddr, destination: IpAddr, protocol: u8, length: usize, segment: &[u8]) -> u16 {
    let address = |address: IpAddr| match address {
        IpAddr::V4(address) => sum(&address.octets()),
        IpAddr::V6(address) => sum(&address.octets()),
    };
    !fold(address(source) + address(destination) + u64::from(protocol) + length as u64 + sum(segment))
}

fn sum(octets: &[u8]) -> u64 {
    let (words, rest) = octets.as_chunks::<2>();
    let whole: u64 = words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum();
    whole + rest.first().map_or(0, |last| u64::from(*last) << 8)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;

    #[test]
    fn what_etherparse_wrote_sums_to_zero() {
        let mut packet = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(1, 2)
            .write(&mut packet, b"odd")
            .expect("a Vec takes everything");
        assert_eq!(checksum(&packet[..20]), 0);
        let (source, destination) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        assert_eq!(transport_checksum(source, destination, 17, 11, &packet[20..]), 0);
        packet[30] ^= 1;
        assert_ne!(transport_checksum(source, destination, 17, 11, &packet[20..]), 0);
    }
}
