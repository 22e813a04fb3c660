use super::{Protocol, TableId};
use crate::xfrm::{Mark, Prefix};

/// One rule of the routing policy database, one line of `ip rule`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Rules are asked from the lowest number up; those of one number in the order of the list.
    pub priority: u32,
    /// The rule applies to what does not match.
    pub not: bool,
    /// Where the packet comes from; `None` prints `from all`.
    pub src: Option<Prefix>,
    /// Where it goes; `None` is anywhere.
    pub dst: Option<Prefix>,
    /// Type of service, 0 for any.
    pub tos: u8,
    /// DSCP, as printed (iproute2 6.12 and later).
    pub dscp: Option<String>,
    /// The packet's mark must fit this.
    pub fwmark: Option<Mark>,
    /// The device it came in by; `lo` is for packets of this node.
    pub iif: Option<Device>,
    /// The device that a socket of this node is bound to.
    pub oif: Option<Device>,
    /// Packets of a VRF, whose table is looked up (`lookup [l3mdev-table]`).
    pub l3mdev: bool,
    /// The users (first, last) whose sockets it is for.
    pub uidrange: Option<(u32, u32)>,
    /// The IP protocol, by name or number as printed.
    pub ipproto: Option<String>,
    /// Source ports, first and last.
    pub sport: Option<(u16, u16)>,
    /// Destination ports, first and last.
    pub dport: Option<(u16, u16)>,
    /// Tunnel key.
    pub tun_id: Option<u64>,
    /// What to do.
    pub action: RuleAction,
    /// Do not take a route whose prefix is this long or shorter (`suppress_prefixlength 0` skips default routes).
    pub suppress_prefixlength: Option<u32>,
    /// Do not take a route by a device of this group.
    pub suppress_ifgroup: Option<String>,
    /// Realms, as printed.
    pub realms: Option<String>,
    /// Who put it there; printed unless `unspec` or `kernel`.
    pub protocol: Protocol,
}

impl Rule {
    /// A rule for every packet.
    pub fn all(priority: u32, action: RuleAction) -> Self {
        Self {
            priority,
            not: false,
            src: None,
            dst: None,
            tos: 0,
            dscp: None,
            fwmark: None,
            iif: None,
            oif: None,
            l3mdev: false,
            uidrange: None,
            ipproto: None,
            sport: None,
            dport: None,
            tun_id: None,
            action,
            suppress_prefixlength: None,
            suppress_ifgroup: None,
            realms: None,
            protocol: Protocol::UNSPEC,
        }
    }
}

/// A device in a rule, which need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Whether there is no such device now (`[detached]`); the rule then fits nothing.
    pub detached: bool,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RuleAction {
    /// Looks a route up in this table.
    Lookup(TableId),
    /// Goes on at the rule of this priority.
    Goto {
        /// The priority.
        priority: u32,
        /// Whether there is no such rule (`[unresolved]`); the rule then does nothing.
        unresolved: bool,
    },
    /// Does nothing.
    Nop,
    /// Drops without a word.
    Blackhole,
    /// Drops with an ICMP "host unreachable".
    Unreachable,
    /// Drops with an ICMP "administratively prohibited".
    Prohibit,
}
