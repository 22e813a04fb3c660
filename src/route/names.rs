//! The names of routing: tables, protocols, scopes and types, as iproute2 prints them (`lib/rt_names.c`).

use std::fmt;

/// A number that a file of `/etc/iproute2` may give a name, with the names that iproute2 itself brings.
macro_rules! named_numbers {
    ($(#[$doc:meta])* $name:ident($int:ty) { $($(#[$cdoc:meta])* $const:ident = $number:literal $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            /// The kernel's number.
            Number($int),
            /// A name from a file of the machine that printed it; which number it stands for is not known here.
            Named(String),
        }

        impl $name {
            $($(#[$cdoc])* pub const $const: Self = Self::Number($number);)+

            const WORDS: &'static [($int, &'static str)] = &[$(($number, $word),)+];

            /// The same as `ip -N` prints it: the number, never its name.
            #[must_use]
            pub fn numeric(&self) -> Self {
                match self {
                    Self::Number(number) => Self::Named(number.to_string()),
                    Self::Named(name) => Self::Named(name.clone()),
                }
            }

            /// Reads a number or a name; any name is one, since the files may say anything.
            pub fn of_word(word: &str) -> Self {
                match Self::WORDS.iter().find(|(_, name)| *name == word) {
                    Some((number, _)) => Self::Number(*number),
                    None => word.parse().map_or_else(|_| Self::Named(word.to_owned()), Self::Number),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Named(name) => f.write_str(name),
                    Self::Number(number) => match Self::WORDS.iter().find(|(known, _)| known == number) {
                        Some((_, word)) => f.write_str(word),
                        None => write!(f, "{number}"),
                    },
                }
            }
        }
    };
}

named_numbers! {
    /// A routing table: `local`, `main`, `200`.
    TableId(u32) {
        /// No table.
        UNSPEC = 0 "unspec",
        /// The last of the three tables that every node has.
        DEFAULT = 253 "default",
        /// The table of `ip route`.
        MAIN = 254 "main",
        /// The node's own addresses and broadcasts, kept by the kernel.
        LOCAL = 255 "local",
    }
}

named_numbers! {
    /// Who put a route or a rule there (`proto kernel`, `proto 50`); a remark that no lookup reads.
    Protocol(u8) {
        /// Nobody in particular; what `ip rule add` leaves.
        UNSPEC = 0 "unspec",
        /// An ICMP redirect.
        REDIRECT = 1 "redirect",
        /// The kernel, for example with an address.
        KERNEL = 2 "kernel",
        /// What `ip route add` leaves; `ip route` does not print it.
        BOOT = 3 "boot",
        /// An administrator.
        STATIC = 4 "static",
        /// GateD.
        GATED = 8 "gated",
        /// A router advertisement.
        RA = 9 "ra",
        /// Merit MRT.
        MRT = 10 "mrt",
        /// Zebra.
        ZEBRA = 11 "zebra",
        /// BIRD.
        BIRD = 12 "bird",
        /// DECnet.
        DNROUTED = 13 "dnrouted",
        /// XORP.
        XORP = 14 "xorp",
        /// Netsukuku.
        NTK = 15 "ntk",
        /// A DHCP client.
        DHCP = 16 "dhcp",
        /// Keepalived.
        KEEPALIVED = 18 "keepalived",
        /// Babel.
        BABEL = 42 "babel",
        /// Open/R.
        OPENR = 99 "openr",
        /// BGP.
        BGP = 186 "bgp",
        /// IS-IS.
        ISIS = 187 "isis",
        /// OSPF.
        OSPF = 188 "ospf",
        /// RIP.
        RIP = 189 "rip",
        /// EIGRP.
        EIGRP = 192 "eigrp",
    }
}

named_numbers! {
    /// How far a destination is (IPv4 only; IPv6 routes all say `global`).
    Scope(u8) {
        /// Anywhere; `ip route` does not print it.
        GLOBAL = 0 "global",
        /// Inside the site.
        SITE = 200 "site",
        /// On the link.
        LINK = 253 "link",
        /// In this node.
        HOST = 254 "host",
        /// Nowhere.
        NOWHERE = 255 "nowhere",
    }
}

/// What a route does with a packet that fits it (kernel `RTN_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RouteType {
    /// Sends it on.
    #[default]
    Unicast,
    /// Delivers it to this node.
    Local,
    /// Delivers it here and sends it as a link broadcast.
    Broadcast,
    /// Delivers it here; others answer to the same address.
    Anycast,
    /// A multicast group.
    Multicast,
    /// Drops it without a word.
    Blackhole,
    /// Drops it with an ICMP "host unreachable".
    Unreachable,
    /// Drops it with an ICMP "administratively prohibited".
    Prohibit,
    /// Ends the lookup in this table, so that the next rule is asked.
    Throw,
}

impl RouteType {
    /// The kernel's number (`RTN_*`): from 1, in the order of [`RouteType::ALL`].
    pub fn number(self) -> usize {
        1 + Self::ALL.iter().position(|kind| *kind == self).unwrap_or_default()
    }

    /// Every type, in the kernel's order.
    pub const ALL: [Self; 9] = [
        Self::Unicast,
        Self::Local,
        Self::Broadcast,
        Self::Anycast,
        Self::Multicast,
        Self::Blackhole,
        Self::Unreachable,
        Self::Prohibit,
        Self::Throw,
    ];

    /// iproute2's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unicast => "unicast",
            Self::Local => "local",
            Self::Broadcast => "broadcast",
            Self::Anycast => "anycast",
            Self::Multicast => "multicast",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::Throw => "throw",
        }
    }

    /// The type of the kernel's number, which counts from 1 in the order of [`RouteType::ALL`].
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The type of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for RouteType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_prints_its_name_or_its_number() {
        for (word, table) in [("main", TableId::MAIN), ("200", TableId::Number(200)), ("254", TableId::MAIN)] {
            assert_eq!(TableId::of_word(word), table);
        }
        assert_eq!(TableId::LOCAL.to_string(), "local");
        assert_eq!(TableId::Number(2004).to_string(), "2004");
        assert_eq!(TableId::of_word("vpn").to_string(), "vpn");
        assert_eq!(Protocol::of_word("50").to_string(), "50");
        assert_eq!(Scope::of_word("link"), Scope::LINK);
    }
}
