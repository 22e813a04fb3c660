//! The names of `/etc/protocols` that iproute2 prints in selectors.

use std::fmt;

use super::UpperProto;

const NAMES: &[(u8, &str)] = &[
    (0, "ip"),
    (1, "icmp"),
    (2, "igmp"),
    (3, "ggp"),
    (4, "ipencap"),
    (5, "st"),
    (6, "tcp"),
    (8, "egp"),
    (9, "igp"),
    (12, "pup"),
    (17, "udp"),
    (33, "dccp"),
    (41, "ipv6"),
    (43, "ipv6-route"),
    (44, "ipv6-frag"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (59, "ipv6-nonxt"),
    (60, "ipv6-opts"),
    (88, "eigrp"),
    (89, "ospf"),
    (94, "ipip"),
    (97, "etherip"),
    (98, "encap"),
    (103, "pim"),
    (108, "ipcomp"),
    (112, "vrrp"),
    (115, "l2tp"),
    (124, "isis"),
    (132, "sctp"),
    (135, "mobility-header"),
    (136, "udplite"),
    (137, "mpls-in-ip"),
    (139, "hip"),
];

/// ICMP, whose type and code stand where others have ports.
const ICMP: u8 = 1;
/// ICMPv6, likewise.
const ICMP_V6: u8 = 58;
/// Mobility header, whose type stands where others have the source port.
const MOBILITY: u8 = 135;
/// GRE, whose key is split over both ports.
const GRE: u8 = 47;

impl UpperProto {
    /// The protocol of a number, printed by name where there is one.
    pub fn of(number: u8) -> Self {
        Self { number, as_number: false }
    }

    /// Reads a name or a number.
    pub fn of_word(word: &str) -> Option<Self> {
        let named = NAMES.iter().find(|(_, name)| *name == word).map(|(number, _)| Self::of(*number));
        named.or_else(|| {
            let number = word.parse().ok()?;
            Some(Self { number, as_number: NAMES.iter().any(|(known, _)| *known == number) })
        })
    }

    /// Whether the selector's ports are a type and a code.
    pub(super) fn has_type(self) -> bool {
        matches!(self.number, ICMP | ICMP_V6 | MOBILITY)
    }

    /// Whether the selector's ports are the halves of a key.
    pub(super) fn has_key(self) -> bool {
        self.number == GRE
    }
}

impl fmt::Display for UpperProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.number && !self.as_number) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{}", self.number),
        }
    }
}
