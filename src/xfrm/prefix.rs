use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address with a prefix length, as selectors, rules and routes write it.
///
/// The host bits are kept as given: iproute2 prints a selector's address as the kernel stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    /// The address; its bits past `len` do not count in [`Prefix::contains`].
    pub addr: IpAddr,
    /// How many leading bits count, at most 32 or 128.
    pub len: u8,
}

impl Prefix {
    /// All of IPv4: `0.0.0.0/0`.
    pub const ANY_V4: Self = Self { addr: IpAddr::V4(Ipv4Addr::UNSPECIFIED), len: 0 };
    /// All of IPv6: `::/0`.
    pub const ANY_V6: Self = Self { addr: IpAddr::V6(Ipv6Addr::UNSPECIFIED), len: 0 };

    /// All addresses of the family of `addr`.
    pub fn any_like(addr: IpAddr) -> Self {
        if addr.is_ipv4() { Self::ANY_V4 } else { Self::ANY_V6 }
    }

    /// The prefix of one address: `/32` or `/128`.
    pub fn host(addr: IpAddr) -> Self {
        Self { addr, len: bits(addr) }
    }

    /// Whether all bits count, so that the prefix is one address.
    pub fn is_host(self) -> bool {
        self.len == bits(self.addr)
    }

    /// Whether `addr` is of this family and inside.
    pub fn contains(self, addr: IpAddr) -> bool {
        match (self.addr, addr) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = u32::from(own) ^ u32::from(other);
                differing.checked_shr(32 - u32::from(self.len.min(32))).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = u128::from(own) ^ u128::from(other);
                differing.checked_shr(128 - u32::from(self.len.min(128))).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for Prefix {
    /// Prints `10.0.1.0/24`, always with the length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

/// A text that is no address with a prefix length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an address such as 10.0.1.0/24, found {0:?}")]
pub struct NotAPrefix(pub String);

impl FromStr for Prefix {
    type Err = NotAPrefix;

    /// Reads `10.0.1.0/24`, `fd00::/64`, and an address alone as a host prefix.
    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let refuse = || NotAPrefix(text.to_owned());
        let Some((addr, len)) = text.split_once('/') else {
            return text.parse().map(Self::host).map_err(|_| refuse());
        };
        let addr: IpAddr = addr.parse().map_err(|_| refuse())?;
        match len.parse() {
            Ok(len) if len <= bits(addr) && !text.contains('+') => Ok(Self { addr, len }),
            _ => Err(refuse()),
        }
    }
}

fn bits(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_contains_the_addresses_that_share_its_bits() {
        let inside = |prefix: &str, addr: &str| prefix.parse::<Prefix>().unwrap().contains(addr.parse().unwrap());
        assert!(inside("10.0.1.0/24", "10.0.1.165"));
        assert!(!inside("10.0.1.0/24", "10.0.2.165"));
        assert!(inside("0.0.0.0/0", "255.1.2.3"));
        assert!(!inside("0.0.0.0/0", "::1"));
        assert!(inside("10.0.1.165/32", "10.0.1.165"));
        assert!(!inside("10.0.1.165/32", "10.0.1.164"));
        assert!(inside("fd00::/64", "fd00::66"));
        assert!(!inside("fd00::/64", "fd00:0:0:1::66"));
        assert!(inside("::/0", "::1"));
    }

    #[test]
    fn lengths_past_the_family_are_refused() {
        for text in ["10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/+3", "10/8x", ""] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}
