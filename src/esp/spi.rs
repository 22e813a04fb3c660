use std::fmt;

/// A Security Parameters Index (RFC 4303 section 2.1), host byte order; in Cilium it is the key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spi(pub u32);

impl fmt::Display for Spi {
    /// Prints `0x00000003`, as `ip xfrm state` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}
