//! The words after `ip`, read as iproute2 reads them, and its complaints (lib/utils.c, iproute2 6.1).

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};

use crate::xfrm::Prefix;

/// What `ip` says when it does not do what it was told, and its exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) err: String,
    pub(super) status: i32,
}

impl Failed {
    pub(super) fn new(status: i32, text: impl Display) -> Self {
        Self { err: format!("{text}\n"), status }
    }

    /// `invarg`.
    pub(super) fn wrong(word: &str, why: &str) -> Self {
        Self::new(255, format!("Error: argument \"{word}\" is wrong: {why}"))
    }

    /// `missarg`.
    pub(super) fn missing(what: &str) -> Self {
        Self::new(255, format!("Error: argument \"{what}\" is required"))
    }

    /// `duparg2`.
    pub(super) fn garbage(key: &str, word: &str) -> Self {
        Self::new(255, format!("Error: either \"{key}\" is duplicate, or \"{word}\" is a garbage."))
    }

    /// `incomplete_command`.
    pub(super) fn incomplete() -> Self {
        Self::new(255, "Command line is not complete. Try option \"help\"")
    }

    /// The kernel's error number as text.
    pub(super) fn netlink(text: impl Display) -> Self {
        Self::new(2, format!("RTNETLINK answers: {text}"))
    }

    /// The kernel's own words (extack).
    pub(super) fn kernel(text: &str) -> Self {
        Self::new(2, format!("Error: {text}"))
    }

    pub(super) fn no_device(name: &str) -> Self {
        Self::new(1, format!("Cannot find device \"{name}\""))
    }

    pub(super) fn unknown_command(word: &str, object: &str) -> Self {
        Self::new(255, format!("Command \"{word}\" is unknown, try \"ip {object} help\"."))
    }

    /// What the embedded lab leaves to the kernel's.
    pub(super) fn elsewhere(what: &str) -> Self {
        Self::new(1, crate::lab::sim::net::elsewhere(what))
    }
}

/// The words that are still to be read.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    rest: std::slice::Iter<'a, String>,
}

impl<'a> Words<'a> {
    pub(super) fn new(words: &'a [String]) -> Self {
        Self { rest: words.iter() }
    }

    pub(super) fn next(&mut self) -> Option<&'a str> {
        self.rest.next().map(String::as_str)
    }

    /// The next word, which must be there (`NEXT_ARG`).
    pub(super) fn value(&mut self) -> Result<&'a str, Failed> {
        self.next().ok_or_else(Failed::incomplete)
    }

    pub(super) fn peek(&self) -> Option<&'a str> {
        self.rest.clone().next().map(String::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.len() == 0
    }
}

/// C's `strtoul` with base 0, for the whole word.
pub(super) fn number(word: &str) -> Option<u32> {
    let lower = word.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        return u32::from_str_radix(hex, 16).ok();
    }
    match lower.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        Some(octal) => u32::from_str_radix(octal, 8).ok(),
        None => lower.parse().ok(),
    }
}

/// Which addresses are meant; it is in the complaints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Family {
    /// Not said.
    #[default]
    Any,
    Inet,
    Inet6,
    /// `-0`, `-M`, `-B`: link layer and others.
    Other,
}

impl Family {
    fn word(self) -> &'static str {
        match self {
            Self::Any | Self::Other => "any valid",
            Self::Inet => "inet",
            Self::Inet6 => "inet6",
        }
    }

    pub(super) fn takes(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Inet => address.is_ipv4(),
            Self::Inet6 => address.is_ipv6(),
            Self::Other => false,
        }
    }
}

/// `get_prefix`: an address, of IPv4 also a beginning of one, with or without a length; `default`, `any` and `all` are
/// everything.
pub(super) fn prefix(word: &str, family: Family) -> Result<Prefix, Failed> {
    let refuse = || Failed::new(1, format!("Error: {} prefix is expected rather than \"{word}\".", family.word()));
    if matches!(word, "default" | "any" | "all") {
        return Ok(if family == Family::Inet6 { Prefix::ANY_V6 } else { Prefix::ANY_V4 });
    }
    let (address, len) = match word.split_once('/') {
        Some((address, len)) => (address, Some(len)),
        None => (word, None),
    };
    let addr = parse_address(address).filter(|addr| family.takes(*addr)).ok_or_else(refuse)?;
    let host = Prefix::host(addr);
    let Some(len) = len else { return Ok(host) };
    if let Ok(mask) = len.parse::<Ipv4Addr>() {
        let bits = u32::from(mask);
        let ones = bits.leading_ones();
        let is_mask = bits.checked_shl(ones).unwrap_or(0) == 0;
        return if is_mask && addr.is_ipv4() { Ok(Prefix { addr, len: ones as u8 }) } else { Err(refuse()) };
    }
    let len = number(len).and_then(|len| u8::try_from(len).ok()).filter(|len| *len <= host.len);
    len.map(|len| Prefix { addr, len }).ok_or_else(refuse)
}

/// `get_addr`: an address.
pub(super) fn address(word: &str, family: Family) -> Result<IpAddr, Failed> {
    let refuse = || Failed::new(1, format!("Error: {} address is expected rather than \"{word}\".", family.word()));
    parse_address(word).filter(|addr| family.takes(*addr)).ok_or_else(refuse)
}

fn parse_address(word: &str) -> Option<IpAddr> {
    if word.contains(':') {
        return word.parse().ok();
    }
    let mut octets = [0; 4];
    let mut parts = word.split('.');
    for octet in &mut octets {
        match parts.next() {
            Some(part) => *octet = u8::try_from(number(part)?).ok()?,
            None => break,
        }
    }
    parts.next().is_none().then(|| IpAddr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_read_as_iproute2_reads_them() {
        let text = |word| prefix(word, Family::Any).map(|prefix| prefix.to_string()).map_err(|failed| failed.err);
        assert_eq!(text("10.0.1"), Ok("10.0.1.0/32".to_owned()));
        assert_eq!(text("10.0.1.0/24"), Ok("10.0.1.0/24".to_owned()));
        assert_eq!(text("10.0.0.0/255.0.0.0"), Ok("10.0.0.0/8".to_owned()));
        assert_eq!(text("default"), Ok("0.0.0.0/0".to_owned()));
        let refused = "Error: any valid prefix is expected rather than \"300.1.1.0/24\".\n";
        assert_eq!(text("300.1.1.0/24"), Err(refused.to_owned()));
    }

    #[test]
    fn numbers_have_cs_bases() {
        assert_eq!(
            [number("0x3e00"), number("15872"), number("010"), number("0")],
            [Some(0x3e00), Some(15872), Some(8), Some(0)]
        );
        assert_eq!([number(""), number("0x"), number("foo")], [None; 3]);
    }
}
