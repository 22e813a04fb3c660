use jiff::civil::DateTime;

/// The limits of a state or policy: `lifetime config:` of `ip -s xfrm`.
///
/// At a soft limit the kernel tells the key daemon, at a hard limit it removes the entry. Cilium sets none: it rotates
/// keys itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Limits {
    /// Octets of payload.
    pub bytes: Limit,
    /// Packets.
    pub packets: Limit,
    /// Seconds since it was added; zero is never.
    pub add_seconds: SoftHard,
    /// Seconds since it was first used; zero is never.
    pub use_seconds: SoftHard,
}

/// A soft and a hard count; `None` prints as `(INF)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Limit {
    /// Where the kernel warns.
    pub soft: Option<u64>,
    /// Where the entry ends.
    pub hard: Option<u64>,
}

/// A soft and a hard number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SoftHard {
    /// Where the kernel warns.
    pub soft: u64,
    /// Where the entry ends.
    pub hard: u64,
}

/// What went through a state or fitted a policy so far: `lifetime current:` of `ip -s xfrm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Usage {
    /// Octets: for a tunnel-mode state those of the inner packets, without ESP. The kernel counts none for a policy.
    pub bytes: u64,
    /// Packets; the kernel counts none for a policy.
    pub packets: u64,
    /// When it was added, in the local time of the node that printed it.
    pub added: Option<DateTime>,
    /// When a packet first used it; `use -` is never.
    pub used: Option<DateTime>,
}
