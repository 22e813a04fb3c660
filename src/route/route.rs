use std::net::IpAddr;

use super::{Metrics, Protocol, RouteType, Scope, TableId};
use crate::xfrm::Prefix;

/// One route, one line of `ip route` (and its `nexthop` lines).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    /// What happens with the packet.
    pub kind: RouteType,
    /// Where the packets go; `/0` prints `default`.
    pub dst: Prefix,
    /// Where they come from (IPv6 with subtrees).
    pub from: Option<Prefix>,
    /// The nexthop object it uses.
    pub nhid: Option<u32>,
    /// The light-weight tunnel, as printed after `encap `.
    pub encap: Option<String>,
    /// Type of service, 0 for any.
    pub tos: u8,
    /// The next router, of either family.
    pub via: Option<IpAddr>,
    /// The device.
    pub dev: Option<String>,
    /// The table it is in.
    pub table: TableId,
    /// Who put it there.
    pub protocol: Protocol,
    /// How far the destination is.
    pub scope: Scope,
    /// The source address for packets of this node that have none yet.
    pub src: Option<IpAddr>,
    /// Among equal prefixes the lowest wins; `None` is 0 (IPv4 prints nothing).
    pub metric: Option<u32>,
    /// `onlink`, `linkdown` and so on.
    pub flags: RouteFlags,
    /// Realms, as printed.
    pub realms: Option<String>,
    /// Seconds until it ends (IPv6).
    pub expires: Option<i64>,
    /// The error a dropping route answers with (IPv6), as an unsigned number.
    pub error: Option<u32>,
    /// MTU and its like.
    pub metrics: Metrics,
    /// How the router was announced (IPv6).
    pub pref: Option<Preference>,
    /// The nexthop object, as `-d` prints it after `nh_info `.
    pub nh_info: Option<String>,
    /// More than one way.
    pub nexthops: Vec<NextHop>,
    /// What only `ip route get` prints.
    pub got: Option<Got>,
}

impl Route {
    /// A unicast route to `dst` in `table`, as `ip route add` makes it.
    pub fn to(dst: Prefix, table: TableId) -> Self {
        Self {
            kind: RouteType::Unicast,
            dst,
            from: None,
            nhid: None,
            encap: None,
            tos: 0,
            via: None,
            dev: None,
            table,
            protocol: Protocol::BOOT,
            scope: Scope::GLOBAL,
            src: None,
            metric: None,
            flags: RouteFlags::default(),
            realms: None,
            expires: None,
            error: None,
            metrics: Metrics::default(),
            pref: None,
            nh_info: None,
            nexthops: Vec::new(),
            got: None,
        }
    }
}

/// One of several ways: `nexthop via 10.9.0.2 dev v0 weight 1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// The light-weight tunnel, as printed after `encap `.
    pub encap: Option<String>,
    /// The next router, of either family.
    pub via: Option<IpAddr>,
    /// Realms, as printed.
    pub realms: Option<String>,
    /// The device.
    pub dev: Option<String>,
    /// Its share among the ways.
    pub weight: Option<u32>,
    /// `onlink`, `linkdown` and so on.
    pub flags: RouteFlags,
}

/// The additions of `ip route get`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Got {
    /// The mark that was asked with.
    pub mark: Option<u32>,
    /// The user that was asked for.
    pub uid: Option<u32>,
    /// The incoming device that was asked with.
    pub iif: Option<String>,
    /// The `cache` line: its flags, such as `local` (IPv4 only).
    pub cache: Option<Vec<String>>,
    /// What `-s` adds there.
    pub usage: CacheUsage,
}

/// How the kernel used a cached route; 0 is not printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CacheUsage {
    /// References.
    pub users: u32,
    /// How often it was used.
    pub used: u32,
    /// Seconds since it was used last.
    pub age: u32,
}

impl CacheUsage {
    /// The numbers with their names, as far as they are printed.
    pub(super) fn shown(self) -> impl Iterator<Item = (&'static str, u32)> {
        [("users", self.users), ("used", self.used), ("age", self.age)].into_iter().filter(|(_, count)| *count != 0)
    }
}

/// How a router was announced (RFC 4191).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preference {
    /// Low.
    Low,
    /// Medium, which also routes that nobody announced have.
    Medium,
    /// High.
    High,
}

/// The flags of a route or a nexthop (kernel `RTNH_F_*` and `RTM_F_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RouteFlags(pub u32);

impl RouteFlags {
    /// The device is gone.
    pub const DEAD: Self = Self(1);
    /// The router is taken to be on the link, whatever the addresses say.
    pub const ONLINK: Self = Self(4);
    /// The device has no carrier.
    pub const LINKDOWN: Self = Self(16);

    /// The words in the order in which iproute2 prints them (`print_rt_flags`).
    pub(super) const WORDS: [(u32, &'static str); 11] = [
        (1, "dead"),
        (4, "onlink"),
        (2, "pervasive"),
        (8, "offload"),
        (64, "trap"),
        (0x100, "notify"),
        (16, "linkdown"),
        (32, "unresolved"),
        (0x4000, "rt_offload"),
        (0x8000, "rt_trap"),
        (0x2000_0000, "rt_offload_failed"),
    ];

    /// Whether all bits of `flag` are set.
    pub fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// The words that are set, in iproute2's order.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS.into_iter().filter(move |(bit, _)| self.0 & bit != 0).map(|(_, word)| word)
    }
}
