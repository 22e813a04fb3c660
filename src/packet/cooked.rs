use std::fmt;

/// The header of a Linux "cooked" capture (`tcpdump -i any`): what the kernel knows of a frame in place of its link
/// header. Version 1 is LINKTYPE_LINUX_SLL, version 2 LINKTYPE_LINUX_SLL2 (tcpdump.org).
///
/// ```text
/// v1:  packet type 2 | ARPHRD 2 | address length 2 | address 8 | protocol 2
/// v2:  protocol 2 | reserved 2 | ifindex 4 | ARPHRD 2 | packet type 1 | address length 1 | address 8
/// ```
///
/// All in network byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooked<'a> {
    /// Where the frame was going, as seen from the capturing machine.
    pub packet_type: PacketType,
    /// Index of the device it was seen on; version 1 does not say.
    pub ifindex: Option<u32>,
    /// The device's ARPHRD_ type: 1 Ethernet, 772 loopback, 65534 none.
    pub hardware: u16,
    /// How long the sender's link address is, in octets; the field has room for 8.
    pub address_len: u16,
    /// The sender's link address, at most 8 octets.
    pub address: &'a [u8],
    /// The EtherType of what follows.
    pub protocol: u16,
}

/// The direction of a frame in a cooked capture (the kernel's PACKET_HOST, PACKET_BROADCAST, …).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// For this machine (0).
    Host,
    /// Link-layer broadcast (1).
    Broadcast,
    /// Link-layer multicast (2).
    Multicast,
    /// For another machine, and seen all the same (3).
    OtherHost,
    /// Sent by this machine (4).
    Outgoing,
    /// Any other value.
    Unknown(u16),
}

impl<'a> Cooked<'a> {
    /// Octets of a version 1 header.
    pub const V1_LEN: usize = 16;
    /// Octets of a version 2 header.
    pub const V2_LEN: usize = 20;

    /// Reads a version 1 header; `None` if there are fewer than 16 octets.
    pub fn read_v1(octets: &'a [u8]) -> Option<Self> {
        let header: &[u8; 16] = octets.first_chunk()?;
        let [t0, t1, h0, h1, l0, l1, .., p0, p1] = *header;
        let address_len = u16::from_be_bytes([l0, l1]);
        Some(Self {
            packet_type: u16::from_be_bytes([t0, t1]).into(),
            ifindex: None,
            hardware: u16::from_be_bytes([h0, h1]),
            address_len,
            address: octets.get(6..6 + usize::from(address_len.min(8)))?,
            protocol: u16::from_be_bytes([p0, p1]),
        })
    }

    /// Reads a version 2 header; `None` if there are fewer than 20 octets.
    pub fn read_v2(octets: &'a [u8]) -> Option<Self> {
        let header: &[u8; 20] = octets.first_chunk()?;
        let [p0, p1, _, _, i0, i1, i2, i3, h0, h1, packet_type, address_len, ..] = *header;
        Some(Self {
            packet_type: u16::from(packet_type).into(),
            ifindex: Some(u32::from_be_bytes([i0, i1, i2, i3])),
            hardware: u16::from_be_bytes([h0, h1]),
            address_len: address_len.into(),
            address: octets.get(12..12 + usize::from(address_len.min(8)))?,
            protocol: u16::from_be_bytes([p0, p1]),
        })
    }

    /// Writes the header as version 1 (an address is cut or padded to 8 octets).
    pub fn to_v1(&self) -> [u8; 16] {
        let mut header = [0; 16];
        header[0..2].copy_from_slice(&u16::from(self.packet_type).to_be_bytes());
        header[2..4].copy_from_slice(&self.hardware.to_be_bytes());
        header[4..6].copy_from_slice(&self.address_len.to_be_bytes());
        for (to, from) in header[6..14].iter_mut().zip(self.address) {
            *to = *from;
        }
        header[14..16].copy_from_slice(&self.protocol.to_be_bytes());
        header
    }

    /// Writes the header as version 2 (ifindex 0 if there is none; an address is cut or padded to 8 octets).
    pub fn to_v2(&self) -> [u8; 20] {
        let mut header = [0; 20];
        header[0..2].copy_from_slice(&self.protocol.to_be_bytes());
        header[4..8].copy_from_slice(&self.ifindex.unwrap_or(0).to_be_bytes());
        header[8..10].copy_from_slice(&self.hardware.to_be_bytes());
        header[10] = u16::from(self.packet_type).to_be_bytes()[1];
        header[11] = self.address_len.to_be_bytes()[1];
        for (to, from) in header[12..].iter_mut().zip(self.address) {
            *to = *from;
        }
        header
    }
}

impl From<u16> for PacketType {
    fn from(number: u16) -> Self {
        match number {
            0 => Self::Host,
            1 => Self::Broadcast,
            2 => Self::Multicast,
            3 => Self::OtherHost,
            4 => Self::Outgoing,
            other => Self::Unknown(other),
        }
    }
}

impl From<PacketType> for u16 {
    fn from(packet_type: PacketType) -> Self {
        match packet_type {
            PacketType::Host => 0,
            PacketType::Broadcast => 1,
            PacketType::Multicast => 2,
            PacketType::OtherHost => 3,
            PacketType::Outgoing => 4,
            PacketType::Unknown(other) => other,
        }
    }
}

impl fmt::Display for PacketType {
    /// tcpdump's word: `In`, `B`, `M`, `P`, `Out`; `?` for any other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Host => "In",
            Self::Broadcast => "B",
            Self::Multicast => "M",
            Self::OtherHost => "P",
            Self::Outgoing => "Out",
            Self::Unknown(_) => "?",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_version_2_is_read_back() {
        let cooked = Cooked {
            packet_type: PacketType::OtherHost,
            ifindex: Some(3),
            hardware: 1,
            address_len: 6,
            address: &[0x16, 0xe7, 0xcf, 0x7e, 0x03, 0xbe],
            protocol: 0x0800,
        };
        let octets = cooked.to_v2();
        assert_eq!(Cooked::read_v2(&octets), Some(cooked));
        assert_eq!(Cooked::read_v2(&octets[..19]), None);
    }

    #[test]
    fn an_address_longer_than_its_field_is_shown_as_far_as_the_field_goes() {
        let mut octets = [0; 16];
        octets[5] = 200;
        let cooked = Cooked::read_v1(&octets).expect("16 octets are a header");
        assert_eq!((cooked.address_len, cooked.address.len()), (200, 8));
    }
}
