use std::net::IpAddr;

use super::{
    Action, Direction, Level, Limits, Mark, Mode, Offload, PolicyFlags, PolicyType, Proto, Selector, Share, Usage,
};
use crate::esp::Spi;

/// An XFRM policy: which packets need which transformation, one entry of `ip xfrm policy`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Which packets it judges.
    pub selector: Selector,
    /// The security context (SELinux labelled IPsec).
    pub security_context: Option<String>,
    /// Whether it belongs to one socket (`socket out` instead of `dir out`).
    pub socket: bool,
    /// Which way the packets go.
    pub dir: Direction,
    /// Let through or drop.
    pub action: Action,
    /// The kernel's number for it; only `-s` shows it.
    pub index: Option<u32>,
    /// The lowest number wins.
    pub priority: u32,
    /// Which list it is in; kernels without sub-policies print none.
    pub ptype: Option<PolicyType>,
    /// Kept by the kernel, not acted on; printed with `-s`.
    pub share: Share,
    /// `localok`, `icmp`.
    pub flags: PolicyFlags,
    /// What only `ip -s` shows; `None` when the listing had no `-s`.
    pub stats: Option<PolicyStats>,
    /// The packet's mark must fit this, and an outgoing policy looks for its state with it.
    pub mark: Option<Mark>,
    /// The transformations, innermost first; none means clear text is what is wanted.
    pub templates: Vec<Template>,
    /// A device that does the work.
    pub offload: Option<Offload>,
    /// The XFRM interface it belongs to.
    pub if_id: Option<u32>,
}

impl Policy {
    /// A policy that allows what fits `selector`, with priority 0 and nothing else set.
    pub fn allow(dir: Direction, selector: Selector) -> Self {
        Self {
            selector,
            security_context: None,
            socket: false,
            dir,
            action: Action::Allow,
            index: None,
            priority: 0,
            ptype: Some(PolicyType::Main),
            share: Share::Any,
            flags: PolicyFlags::default(),
            stats: None,
            mark: None,
            templates: Vec::new(),
            offload: None,
            if_id: None,
        }
    }
}

/// What `ip -s xfrm policy` adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PolicyStats {
    /// `lifetime config:`.
    pub limits: Limits,
    /// `lifetime current:`.
    pub usage: Usage,
}

/// One transformation that a policy asks for: `tmpl src 10.0.0.66 dst 10.0.1.236`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    /// Outer source; `0.0.0.0` is any.
    pub src: IpAddr,
    /// Outer destination; `0.0.0.0` is any.
    pub dst: IpAddr,
    /// The protocol.
    pub proto: Proto,
    /// The SPI; 0 is any.
    pub spi: Spi,
    /// The state must have the same.
    pub reqid: u32,
    /// The state must have the same.
    pub mode: Mode,
    /// Whether the transformation must have happened.
    pub level: Level,
    /// Kept by the kernel, not acted on; printed with `-s`.
    pub share: Share,
    /// Which encryption, integrity and compression algorithms are allowed, a bit each; all ones is all.
    pub algorithms: [u32; 3],
}

impl Template {
    /// An ESP tunnel between these addresses, for any SPI, required.
    pub fn esp_tunnel(src: IpAddr, dst: IpAddr) -> Self {
        Self {
            src,
            dst,
            proto: Proto::Esp,
            spi: Spi(0),
            reqid: 0,
            mode: Mode::Tunnel,
            level: Level::Required,
            share: Share::Any,
            algorithms: [u32::MAX; 3],
        }
    }
}
