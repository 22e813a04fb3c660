use crate::esp::Spi;

/// The clear octets at the front of ESP (RFC 4303 section 2).
///
/// ```text
/// |  SPI 4  |  sequence number 4  |  IV, ciphertext, ICV …
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EspHeader {
    /// The Security Parameters Index.
    pub spi: Spi,
    /// The sequence number, or its low 32 bits with extended sequence numbers.
    pub seq: u32,
}

/// The VXLAN header (RFC 7348 section 5): flags, 24 reserved bits, VNI, 8 reserved bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VxlanHeader {
    /// The flags; 0x08 says that the VNI is valid.
    pub flags: u8,
    /// The VXLAN Network Identifier, 24 bits.
    pub vni: u32,
}

/// The first octets of an ICMP or ICMPv6 message: type, code, checksum and the 4 octets whose meaning the type chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpHeader<'a> {
    octets: &'a [u8; 8],
}

impl EspHeader {
    /// Octets of the header.
    pub const LEN: usize = 8;

    /// Reads it; `None` if there are fewer than 8 octets.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let [s0, s1, s2, s3, n0, n1, n2, n3] = *octets.first_chunk()?;
        Some(Self { spi: Spi(u32::from_be_bytes([s0, s1, s2, s3])), seq: u32::from_be_bytes([n0, n1, n2, n3]) })
    }
}

impl VxlanHeader {
    /// Octets of the header.
    pub const LEN: usize = 8;

    /// Reads it; `None` if there are fewer than 8 octets.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let [flags, _, _, _, v0, v1, v2, _] = *octets.first_chunk()?;
        Some(Self { flags, vni: u32::from_be_bytes([0, v0, v1, v2]) })
    }
}

impl<'a> IcmpHeader<'a> {
    /// Octets of the header.
    pub const LEN: usize = 8;

    /// Reads it; `None` if there are fewer than 8 octets.
    pub fn read(octets: &'a [u8]) -> Option<Self> {
        octets.first_chunk().map(|octets| Self { octets })
    }

    /// The type.
    pub fn kind(self) -> u8 {
        self.octets[0]
    }

    /// The code.
    pub fn code(self) -> u8 {
        self.octets[1]
    }

    /// The checksum, as it stands in the message.
    pub fn checksum(self) -> u16 {
        u16::from_be_bytes([self.octets[2], self.octets[3]])
    }

    /// The identifier of an echo message.
    pub fn id(self) -> u16 {
        u16::from_be_bytes([self.octets[4], self.octets[5]])
    }

    /// The sequence number of an echo message; the next-hop MTU of ICMP "fragmentation needed".
    pub fn seq(self) -> u16 {
        u16::from_be_bytes([self.octets[6], self.octets[7]])
    }

    /// The last 4 octets as one number: the MTU of ICMPv6 "packet too big".
    pub fn word(self) -> u32 {
        u32::from_be_bytes([self.octets[4], self.octets[5], self.octets[6], self.octets[7]])
    }
}
