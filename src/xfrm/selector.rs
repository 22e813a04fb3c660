use std::net::IpAddr;

use super::Prefix;

/// Which packets a state or a policy is for: `src 10.0.0.0/24 dst 10.0.1.0/24 proto tcp dport 443`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Where the packet comes from.
    pub src: Prefix,
    /// Where it goes.
    pub dst: Prefix,
    /// The protocol it carries; `None` is any.
    pub proto: Option<UpperProto>,
    /// Source port; the type for ICMP; the upper half of the key for GRE.
    pub sport: Option<u16>,
    /// Destination port; the code for ICMP; the lower half of the key for GRE.
    pub dport: Option<u16>,
    /// The device it came in by or goes out by.
    pub dev: Option<String>,
    /// The user; printed with `-s` only, and always 0: the kernel does not use it.
    pub uid: Option<u32>,
}

impl Selector {
    /// From anywhere in `src` to anywhere in `dst`, whatever it carries.
    pub fn between(src: Prefix, dst: Prefix) -> Self {
        Self { src, dst, proto: None, sport: None, dport: None, dev: None, uid: None }
    }
}

/// A protocol number in a selector, and whether the machine that printed it had a name for it in `/etc/protocols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UpperProto {
    /// The IP protocol number.
    pub number: u8,
    /// Whether it prints as a number even where a name is known (a container without `/etc/protocols`).
    pub as_number: bool,
}

/// What a selector is compared with: the addresses and ports of one packet (kernel `struct flowi`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// The IP protocol it carries.
    pub proto: u8,
    /// Source port, or ICMP type; 0 where there is none or it cannot be seen (fragments).
    pub sport: u16,
    /// Destination port, or ICMP code.
    pub dport: u16,
    /// The mark it carries.
    pub mark: u32,
    /// The XFRM interface it belongs to (`if_id`), 0 for none.
    pub if_id: u32,
    /// The device: outgoing for `out`, incoming for `in` and `fwd`.
    pub dev: Option<String>,
}
