use std::collections::BTreeMap;

/// The counters of one stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// `/proc/net/xfrm_stat`.
    pub xfrm: XfrmStat,
    /// `/proc/net/snmp` and `/proc/net/netstat`, by the names that stand there.
    pub mib: Mib,
}

macro_rules! xfrm_counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// A counter of `/proc/net/xfrm_stat`, by the name it has there (net/xfrm/xfrm_proc.c, Linux 6.1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum XfrmCounter { $($(#[$doc])* $name),* }

        impl XfrmCounter {
            /// All of them, in the file's order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in the file.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

xfrm_counters! {
    /// Any error that has no counter of its own.
    XfrmInError,
    /// No buffer left, or more than six transformations on one packet.
    XfrmInBufferError,
    /// A header that cannot be read.
    XfrmInHdrError,
    /// No state for the packet's destination, SPI, protocol and mark.
    XfrmInNoStates,
    /// The protocol refused the packet; for ESP, mostly a wrong ICV: another key, or a damaged packet.
    XfrmInStateProtoError,
    /// The mode refused the packet.
    XfrmInStateModeError,
    /// A sequence number that the replay window refuses.
    XfrmInStateSeqError,
    /// The state had expired.
    XfrmInStateExpired,
    /// The state's selector or encapsulation does not fit the packet.
    XfrmInStateMismatch,
    /// The state was not valid.
    XfrmInStateInvalid,
    /// A policy was found, but the states that were used do not fit its templates.
    XfrmInTmplMismatch,
    /// No policy allows what the states decrypted.
    XfrmInNoPols,
    /// The policy says block.
    XfrmInPolBlock,
    /// The policy lookup failed.
    XfrmInPolError,
    /// Any error that has no counter of its own.
    XfrmOutError,
    /// The route to the tunnel's other end failed.
    XfrmOutBundleGenError,
    /// The cached bundle was no longer good.
    XfrmOutBundleCheckError,
    /// A policy asks for a state that is not there.
    XfrmOutNoStates,
    /// The protocol refused the packet.
    XfrmOutStateProtoError,
    /// The mode refused the packet.
    XfrmOutStateModeError,
    /// The sequence numbers are used up.
    XfrmOutStateSeqError,
    /// The state had expired.
    XfrmOutStateExpired,
    /// The policy says block.
    XfrmOutPolBlock,
    /// The policy was deleted meanwhile.
    XfrmOutPolDead,
    /// The policy lookup failed.
    XfrmOutPolError,
    /// A header that cannot be read, on the way through.
    XfrmFwdHdrError,
    /// The state was not valid.
    XfrmOutStateInvalid,
    /// The key manager has not answered yet.
    XfrmAcquireError,
}

/// `/proc/net/xfrm_stat`: only what is not zero is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct XfrmStat(BTreeMap<XfrmCounter, u64>);

impl XfrmStat {
    /// Counts one more.
    pub fn count(&mut self, counter: XfrmCounter) {
        *self.0.entry(counter).or_default() += 1;
    }

    /// The value of one counter.
    pub fn value(&self, counter: XfrmCounter) -> u64 {
        self.0.get(&counter).copied().unwrap_or_default()
    }

    /// The counters that have moved, in the file's order.
    pub fn moved(&self) -> impl Iterator<Item = (XfrmCounter, u64)> + '_ {
        self.0.iter().map(|(counter, value)| (*counter, *value))
    }

    /// The file's text: `XfrmInError             \t0` and so on (`seq_printf("%-24s\t%lu\n")`).
    pub fn text(&self) -> String {
        XfrmCounter::ALL
            .iter()
            .fold(String::new(), |text, &counter| text + &format!("{:<24}\t{}\n", counter.name(), self.value(counter)))
    }
}

/// The SNMP counters that the model moves, by their names in `/proc/net/snmp` (`IpInReceives`, as `nstat` joins them).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mib(BTreeMap<&'static str, u64>);

impl Mib {
    /// Counts one more.
    pub fn count(&mut self, name: &'static str) {
        self.add(name, 1);
    }

    /// Counts an amount (of octets, mostly).
    pub fn add(&mut self, name: &'static str, amount: u64) {
        *self.0.entry(name).or_default() += amount;
    }

    /// The value of one counter.
    pub fn value(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// The counters that have moved.
    pub fn moved(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(name, value)| (*name, *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_every_counter_in_the_kernels_order_and_spacing() {
        let mut stat = XfrmStat::default();
        stat.count(XfrmCounter::XfrmInNoStates);
        let text = stat.text();
        assert!(text.starts_with("XfrmInError             \t0\nXfrmInBufferError       \t0\n"));
        assert!(text.contains("XfrmInNoStates          \t1\n"));
        assert!(text.ends_with("XfrmAcquireError        \t0\n"));
        assert_eq!(text.lines().count(), 28);
    }
}
