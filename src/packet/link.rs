/// What a captured frame begins with; the numbers are the LINKTYPE_ values of tcpdump.org.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// BSD loopback: a 4-octet address family in host byte order of the capturing machine (0).
    Null,
    /// Ethernet (1).
    Ethernet,
    /// A bare IPv4 or IPv6 packet (101; DLT_RAW 12 and 14 read as this too).
    Raw,
    /// OpenBSD loopback: a 4-octet address family in network byte order (108).
    Loop,
    /// Linux "cooked" capture v1 (113), 16 octets.
    LinuxSll,
    /// A bare IPv4 packet (228).
    Ipv4,
    /// A bare IPv6 packet (229).
    Ipv6,
    /// Linux "cooked" capture v2 (276), 20 octets, with the ifindex.
    LinuxSll2,
}

impl LinkType {
    /// The link type of a LINKTYPE_ number, or `None` for one that is not read here.
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            12 | 14 | 101 => Self::Raw,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
            276 => Self::LinuxSll2,
            _ => return None,
        })
    }

    /// The LINKTYPE_ number that a capture file says.
    pub fn number(self) -> u32 {
        match self {
            Self::Null => 0,
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Loop => 108,
            Self::LinuxSll => 113,
            Self::Ipv4 => 228,
            Self::Ipv6 => 229,
            Self::LinuxSll2 => 276,
        }
    }
}
