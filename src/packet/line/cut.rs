use std::net::Ipv6Addr;

/// The captured octets ended before what was to be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The printer looked first. tcpdump still knows how long the link header is.
    Seen,
    /// A field was read that is not there. tcpdump then forgets the length of the link header, and `-x` shows it all.
    Hit,
}

/// Whether everything could be printed.
pub(super) type Printed = Result<(), Cut>;

pub(super) fn octet(octets: &[u8], at: usize) -> Result<u8, Cut> {
    octets.get(at).copied().ok_or(Cut::Hit)
}

pub(super) fn array<const N: usize>(octets: &[u8], at: usize) -> Result<[u8; N], Cut> {
    octets.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(Cut::Hit)
}

pub(super) fn be16(octets: &[u8], at: usize) -> Result<u16, Cut> {
    array(octets, at).map(u16::from_be_bytes)
}

pub(super) fn be32(octets: &[u8], at: usize) -> Result<u32, Cut> {
    array(octets, at).map(u32::from_be_bytes)
}

pub(super) fn ip6(octets: &[u8], at: usize) -> Result<Ipv6Addr, Cut> {
    array(octets, at).map(Ipv6Addr::from)
}

/// The octets from `at` on; none when there are fewer.
pub(super) fn from(octets: &[u8], at: usize) -> &[u8] {
    octets.get(at..).unwrap_or_default()
}

/// At most `len` octets.
pub(super) fn upto(octets: &[u8], len: usize) -> &[u8] {
    octets.get(..len).unwrap_or(octets)
}
