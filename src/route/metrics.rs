use std::fmt;

/// The metrics of a route in the order in which the kernel keeps and iproute2 prints them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Metrics(pub Vec<Metric>);

impl Metrics {
    /// One MTU and nothing else, in octets of the IP packet.
    pub fn mtu_of(mtu: u32) -> Self {
        Self(vec![Metric { name: MetricName::Mtu, lock: false, value: MetricValue::Number(mtu) }])
    }

    /// The MTU in octets of the IP packet, if the route has one of its own.
    pub fn mtu(&self) -> Option<u32> {
        self.0.iter().find_map(|metric| match (metric.name, &metric.value) {
            (MetricName::Mtu, MetricValue::Number(mtu)) => Some(*mtu),
            _ => None,
        })
    }
}

/// One metric: `mtu lock 1400`, `rto_min 200ms`, `congctl reno`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Metric {
    /// Which.
    pub name: MetricName,
    /// The value holds whatever the path tells (`lock`).
    pub lock: bool,
    /// How much.
    pub value: MetricValue,
}

/// The value of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MetricValue {
    /// A plain number.
    Number(u32),
    /// A time in milliseconds; prints `200ms`, and from a second on `1.5s`.
    Milliseconds(u32),
    /// A word: `ecn`, `reno`.
    Word(String),
}

impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Milliseconds(ms) if *ms >= 1000 => write!(f, "{}s", f64::from(*ms) / 1000.0),
            Self::Milliseconds(ms) => write!(f, "{ms}ms"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

macro_rules! metric_names {
    ($($(#[$doc:meta])* $variant:ident $word:literal,)+) => {
        /// What a route can say about the path (kernel `RTAX_*`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum MetricName {
            $($(#[$doc])* $variant,)+
        }

        impl MetricName {
            /// Every name, in the kernel's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// iproute2's word.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The name of a word.
            pub fn of_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

metric_names! {
    /// The largest IP packet, in octets.
    Mtu "mtu",
    /// The largest TCP window to offer, in octets.
    Window "window",
    /// First guess of the round-trip time.
    Rtt "rtt",
    /// First guess of its variance.
    RttVar "rttvar",
    /// Slow start threshold.
    Ssthresh "ssthresh",
    /// Congestion window limit.
    Cwnd "cwnd",
    /// The TCP MSS to announce, in octets.
    Advmss "advmss",
    /// How much reordering to expect.
    Reordering "reordering",
    /// TTL or hop limit of packets of this node.
    Hoplimit "hoplimit",
    /// First congestion window, in segments.
    InitCwnd "initcwnd",
    /// `ecn`.
    Features "features",
    /// Smallest TCP retransmission timeout.
    RtoMin "rto_min",
    /// First receive window, in segments.
    InitRwnd "initrwnd",
    /// Acknowledge at once.
    QuickAck "quickack",
    /// TCP congestion control algorithm.
    CongCtl "congctl",
    /// TCP fast open without a cookie.
    FastOpenNoCookie "fastopen_no_cookie",
}

impl MetricName {
    /// Whether the value is a time.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Rtt | Self::RttVar | Self::RtoMin)
    }
}
