//! The small enumerations of XFRM, and the words iproute2 prints for them (`ip/ipxfrm.c`).

use std::fmt;

/// An enumeration whose values print as a word, with a number for what the program that printed it did not know.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
            /// A value that iproute2 prints as a number.
            Other(u8),
        }

        impl $name {
            /// Every value that has a word, in the kernel's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The kernel's number.
            pub fn number(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)+
                    Self::Other(number) => number,
                }
            }

            /// The value of a kernel's number.
            pub fn of_number(number: u8) -> Self {
                match number {
                    $($number => Self::$variant,)+
                    other => Self::Other(other),
                }
            }

            /// Reads the word or the number that iproute2 prints.
            pub fn of_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    other => other.parse().ok().map(Self::of_number),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($word),)+
                    Self::Other(number) => write!(f, "{number}"),
                }
            }
        }
    };
}

names! {
    /// What a state transforms: the IP protocol number of its header.
    Proto {
        /// Encapsulating Security Payload (RFC 4303).
        Esp = 50 "esp",
        /// Authentication Header (RFC 4302).
        Ah = 51 "ah",
        /// IP Payload Compression (RFC 3173).
        Comp = 108 "comp",
        /// Mobile IPv6 type 2 routing header.
        Route2 = 43 "route2",
        /// Mobile IPv6 home address option.
        Hao = 60 "hao",
        /// Any IPsec protocol (in templates and filters).
        Any = 255 "ipsec-any",
    }
}

impl Proto {
    /// Whether states of this protocol have an SPI; for these iproute2 prints it even when it is zero.
    pub fn is_ipsec(self) -> bool {
        matches!(self, Self::Esp | Self::Ah | Self::Comp)
    }
}

names! {
    /// How a state wraps a packet.
    Mode {
        /// The IP header stays, its payload is wrapped.
        Transport = 0 "transport",
        /// The whole packet is wrapped and gets a new outer header.
        Tunnel = 1 "tunnel",
        /// Mobile IPv6 route optimisation.
        RouteOptimization = 2 "ro",
        /// Mobile IPv6 inbound trigger.
        InTrigger = 3 "in_trigger",
        /// Bound end-to-end tunnel.
        Beet = 4 "beet",
        /// Aggregation and fragmentation, RFC 9347.
        Iptfs = 5 "iptfs",
    }
}

names! {
    /// Which packets a policy judges.
    Direction {
        /// Packets that are for this node, after any decryption.
        In = 0 "in",
        /// Packets that leave this node, routed or local.
        Out = 1 "out",
        /// Packets that are passed on.
        Fwd = 2 "fwd",
    }
}

names! {
    /// What a policy does with a packet that fits it.
    Action {
        /// Let through, transformed by the templates if there are any.
        Allow = 0 "allow",
        /// Drop, counted as `XfrmInPolBlock` or `XfrmOutPolBlock`.
        Block = 1 "block",
    }
}

names! {
    /// Whether a template must have been applied.
    Level {
        /// The packet must have (or gets) this transformation.
        Required = 0 "required",
        /// The transformation is optional: an incoming packet passes without it.
        Use = 1 "use",
    }
}

names! {
    /// Which flows may share a state (`share any`); the kernel keeps the value and does not act on it.
    Share {
        /// All.
        Any = 0 "any",
        /// One session.
        Session = 1 "session",
        /// One user.
        User = 2 "user",
        /// One flow.
        Unique = 3 "unique",
    }
}

names! {
    /// Which of the two policy lists a policy is in (kernels with `CONFIG_XFRM_SUB_POLICY`).
    PolicyType {
        /// The ordinary list.
        Main = 0 "main",
        /// The list that is asked first (Mobile IPv6).
        Sub = 1 "sub",
    }
}

names! {
    /// How ESP is put inside UDP or TCP (RFC 3948, RFC 8229).
    EncapType {
        /// The old draft, with eight zero octets.
        EspInUdpNonIke = 1 "espinudp-nonike",
        /// RFC 3948.
        EspInUdp = 2 "espinudp",
        /// RFC 8229.
        EspInTcp = 7 "espintcp",
    }
}

/// A set of flags that prints as words, and as hex for the bits that have none.
macro_rules! flags {
    ($(#[$doc:meta])* $name:ident($int:ty) { $($(#[$fdoc:meta])* $flag:ident = $bit:literal $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub $int);

        impl $name {
            $($(#[$fdoc])* pub const $flag: Self = Self($bit);)+

            /// The flags that have a word, in the order in which iproute2 prints them.
            pub const WORDS: &'static [(Self, &'static str)] = &[$((Self($bit), $word),)+];

            /// Whether all bits of `flag` are set.
            pub fn has(self, flag: Self) -> bool {
                self.0 & flag.0 == flag.0
            }

            /// Adds one printed word: a flag's name, or the hex rest.
            pub(super) fn add_word(&mut self, word: &str) -> bool {
                let known = Self::WORDS.iter().find(|(_, name)| *name == word).map(|(flag, _)| flag.0);
                match known.or_else(|| <$int>::from_str_radix(word, 16).ok()) {
                    Some(bits) => {
                        self.0 |= bits;
                        true
                    }
                    None => false,
                }
            }
        }

        impl fmt::Display for $name {
            /// Prints `af-unspec esn`; nothing at all without flags.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut rest = self.0;
                for (flag, word) in Self::WORDS {
                    if rest & flag.0 != 0 {
                        rest &= !flag.0;
                        f.write_str(word)?;
                        if rest != 0 {
                            f.write_str(" ")?;
                        }
                    }
                }
                if rest != 0 { write!(f, "{rest:x}") } else { Ok(()) }
            }
        }
    };
}

flags! {
    /// The flags of a state (`flag esn`; kernel `XFRM_STATE_*`).
    StateFlags(u8) {
        /// Do not copy ECN bits to or from the outer header.
        NOECN = 0x01 "noecn",
        /// Copy the outer DSCP to the inner header when decapsulating.
        DECAP_DSCP = 0x02 "decap-dscp",
        /// Do not set the outer DF bit from the inner one.
        NOPMTUDISC = 0x04 "nopmtudisc",
        /// Accept any care-of address (Mobile IPv6).
        WILDRECV = 0x08 "wildrecv",
        /// Also use this state for ICMP errors about its flow.
        ICMP = 0x10 "icmp",
        /// The selector is of another family than the outer addresses, or there is none.
        AF_UNSPEC = 0x20 "af-unspec",
        /// Align the AH ICV to 4 octets.
        ALIGN4 = 0x40 "align4",
        /// Extended 64-bit sequence numbers (RFC 4303 section 2.2.1).
        ESN = 0x80 "esn",
    }
}

flags! {
    /// More flags of a state, printed with `-s` only (kernel `XFRM_SA_XFLAG_*`).
    ExtraFlags(u32) {
        /// Do not copy the inner DSCP to the outer header.
        DONT_ENCAP_DSCP = 1 "dont-encap-dscp",
        /// The outgoing sequence number may wrap.
        OSEQ_MAY_WRAP = 2 "oseq-may-wrap",
    }
}

flags! {
    /// The flags of a policy (kernel `XFRM_POLICY_*`).
    PolicyFlags(u8) {
        /// A socket may bypass this policy.
        LOCALOK = 1 "localok",
        /// Also judge the packet inside an ICMP error.
        ICMP = 2 "icmp",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_lead_to_the_same_value() {
        for mode in Mode::ALL {
            assert_eq!(Mode::of_word(&mode.to_string()), Some(*mode));
            assert_eq!(Mode::of_number(mode.number()), *mode);
        }
        assert_eq!(Mode::of_word("9"), Some(Mode::Other(9)));
        assert_eq!(Mode::of_word("tunel"), None);
    }

    #[test]
    fn flags_print_their_words_and_then_the_unknown_bits() {
        assert_eq!(StateFlags(0xa0).to_string(), "af-unspec esn");
        assert_eq!(PolicyFlags(0x85).to_string(), "localok 84");
        assert_eq!(StateFlags(0).to_string(), "");
    }
}
