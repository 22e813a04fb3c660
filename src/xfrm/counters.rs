//! `/proc/net/xfrm_stat`: why the kernel dropped packets (Linux `net/xfrm/xfrm_proc.c`, `Documentation/networking/xfrm_proc.rst`).

use std::fmt;
use std::str::FromStr;

use crate::listing::{Listing, Place, Reader, Unread, is_command};

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident,)+) => {
        /// A counter of `/proc/net/xfrm_stat`; the variants bear the kernel's names without `Xfrm`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Counter {
            $($(#[$doc])* $variant,)+
        }

        impl Counter {
            /// Every counter in the order in which the kernel prints them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The kernel's name: `XfrmInNoStates`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!("Xfrm", stringify!($variant)),)+ }
            }

            /// A name for messages and JSON: `counter-XfrmInNoStates`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => concat!("counter-Xfrm", stringify!($variant)),)+ }
            }
        }
    };
}

counters! {
    /// Any other error on input.
    InError,
    /// No memory left, or more than six transformations around one packet.
    InBufferError,
    /// The header of the packet is broken.
    InHdrError,
    /// No state for destination, SPI, protocol and mark.
    InNoStates,
    /// ESP itself failed: above all, the ICV does not fit.
    InStateProtoError,
    /// The mode failed: above all, what came out of the tunnel is no IP packet.
    InStateModeError,
    /// The sequence number is outside of the anti-replay window, or was seen before.
    InStateSeqError,
    /// The state has reached a limit.
    InStateExpired,
    /// The inner packet is not what the state's selector describes, or UDP encapsulation differs.
    InStateMismatch,
    /// The state is there but not valid (being negotiated, dead).
    InStateInvalid,
    /// The packet was not transformed as the policy's template asks.
    InTmplMismatch,
    /// The packet came out of a tunnel and no policy allows that.
    InNoPols,
    /// A policy blocks it.
    InPolBlock,
    /// The policy lookup failed.
    InPolError,
    /// Any other error on output.
    OutError,
    /// The chain of transformations could not be built.
    OutBundleGenError,
    /// The chain of transformations is no longer valid.
    OutBundleCheckError,
    /// A policy asks for a transformation for which there is no state.
    OutNoStates,
    /// ESP itself failed.
    OutStateProtoError,
    /// The mode failed: above all, the packet is too big for the outer path.
    OutStateModeError,
    /// The sequence number would wrap.
    OutStateSeqError,
    /// The state has reached a limit.
    OutStateExpired,
    /// A policy blocks it.
    OutPolBlock,
    /// The policy is dead.
    OutPolDead,
    /// The policy lookup or the template's resolution failed.
    OutPolError,
    /// The header of a packet to be forwarded is broken.
    FwdHdrError,
    /// The state is there but not valid.
    OutStateInvalid,
    /// A state is being negotiated.
    AcquireError,
    /// The state was made for input (Linux 6.10 and later).
    OutStateDirError,
    /// The state was made for output (Linux 6.10 and later).
    InStateDirError,
    /// IP-TFS failed (Linux 6.14 and later).
    InIptfsError,
    /// The queue of IP-TFS is full (Linux 6.14 and later).
    OutNoQueueSpace,
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no counter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no counter of /proc/net/xfrm_stat is called {0:?}")]
pub struct NotACounter(pub String);

impl FromStr for Counter {
    type Err = NotACounter;

    fn from_str(name: &str) -> Result<Self, NotACounter> {
        Self::ALL.iter().copied().find(|counter| counter.name() == name).ok_or_else(|| NotACounter(name.to_owned()))
    }
}

/// The counters of a node: which ones its kernel has, and how far they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Counters(Vec<(Counter, u64)>);

impl Default for Counters {
    /// The 28 counters of Linux 5.x and 6.1, all zero.
    fn default() -> Self {
        Self(
            Counter::ALL
                .iter()
                .take_while(|counter| **counter <= Counter::AcquireError)
                .map(|counter| (*counter, 0))
                .collect(),
        )
    }
}

impl Counters {
    /// How far a counter is; 0 where the kernel does not have it.
    pub fn count(&self, counter: Counter) -> u64 {
        self.0.iter().find(|(own, _)| *own == counter).map_or(0, |(_, count)| *count)
    }

    /// Counts one more; a counter that was not there is added at its place.
    pub fn add(&mut self, counter: Counter) {
        if let Some((_, count)) = self.0.iter_mut().find(|(own, _)| *own == counter) {
            *count = count.wrapping_add(1);
        } else {
            self.0.push((counter, 1));
            self.0.sort_by_key(|(counter, _)| *counter);
        }
    }

    /// The counters in the order of the listing.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        self.0.iter().copied()
    }

    /// The counters that are further than in `before`, with the difference.
    pub fn since(&self, before: &Self) -> Vec<(Counter, u64)> {
        self.iter()
            .map(|(counter, count)| (counter, count.wrapping_sub(before.count(counter))))
            .filter(|(_, moved)| *moved != 0)
            .collect()
    }
}

impl fmt::Display for Counters {
    /// Prints the file as the kernel does: `XfrmInError             ⇥0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(counter, count)| writeln!(f, "{:<24}\t{count}", counter.name()))
    }
}

/// Reads `/proc/net/xfrm_stat`.
pub fn parse_counters(text: &str) -> (Counters, Vec<Unread>) {
    let (Listing { items, unread }, _) = read_counters(text);
    (Counters(items), unread)
}

/// Reads `/proc/net/xfrm_stat`, and where each counter stands.
pub fn read_counters(text: &str) -> (Listing<(Counter, u64)>, Vec<Place<Counter>>) {
    let mut reader = Reader::new(text);
    let mut items = Vec::new();
    let mut places = Vec::new();
    while let Some(word) = reader.peek() {
        let here = reader.here();
        let Ok(counter) = word.parse::<Counter>() else {
            let rest = reader.rest_of_line();
            let known = rest.iter().position(|token| token.text.parse::<Counter>().is_ok());
            let skip = known.unwrap_or(rest.len());
            if known.is_none() && !is_command(rest.iter().map(|token| token.text)) {
                reader.refuse(here.line, "a line of /proc/net/xfrm_stat is the name of a counter and a number");
            }
            reader.skip(skip.max(1));
            continue;
        };
        reader.skip(1);
        match reader.parsed("a number") {
            Ok(count) => {
                places.push(Place { item: items.len(), field: counter, span: here.to(reader.last()) });
                items.push((counter, count));
            }
            Err(reason) => reader.refuse(here.line, reason),
        }
    }
    (Listing { items, unread: reader.into_unread() }, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_print_as_the_kernel_prints_them() {
        let mut counters = Counters::default();
        counters.add(Counter::InNoStates);
        let text = counters.to_string();
        assert!(text.starts_with("XfrmInError             \t0\nXfrmInBufferError       \t0\n"));
        assert!(text.contains("XfrmInNoStates          \t1\n"));
        assert_eq!(text.lines().count(), 28);
        assert_eq!(parse_counters(&text), (counters, vec![]));
    }

    #[test]
    fn what_moved_is_said() {
        let before = Counters::default();
        let mut after = before.clone();
        after.add(Counter::InStateProtoError);
        after.add(Counter::InStateDirError);
        assert_eq!(after.since(&before), [(Counter::InStateProtoError, 1), (Counter::InStateDirError, 1)]);
    }

    #[test]
    fn a_strange_line_is_named() {
        let (counters, unread) =
            parse_counters("$ cat /proc/net/xfrm_stat\nXfrmInError 3\nXfrmInNothing 1\nXfrmInNoPols x\n");
        assert_eq!(counters.count(Counter::InError), 3);
        assert_eq!(unread.iter().map(|unread| unread.line).collect::<Vec<_>>(), [3, 4]);
    }
}
