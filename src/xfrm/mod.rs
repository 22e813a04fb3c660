//! XFRM states and policies (the kernel's SAD and SPD): iproute2's text both ways, and what the kernel's look-ups compare.
//!
//! Knows nothing about who ran `ip`, or on which node.

mod algorithm;
mod compile;
mod counters;
mod field;
mod hide;
mod lifetime;
mod lookup;
mod mark;
mod names;
mod policy;
mod policy_index;
mod prefix;
mod print;
mod read;
mod selector;
mod state;
mod upper;

pub use algorithm::{Algorithm, AlgorithmKind, Hidden, Key};
pub use counters::{Counter, Counters, NotACounter, parse_counters, read_counters};
pub use field::Field;
pub use hide::{HIDDEN_KEY, hide_keys};
pub use lifetime::{Limit, Limits, SoftHard, Usage};
pub use lookup::{StateKey, templates_accept};
pub use mark::Mark;
pub use names::{
    Action, Direction, EncapType, ExtraFlags, Level, Mode, PolicyFlags, PolicyType, Proto, Share, StateFlags,
};
pub use policy::{Policy, PolicyStats, Template};
pub use policy_index::PolicyIndexes;
pub use prefix::{NotAPrefix, Prefix};
pub use print::{Style, print_policies, print_states};
pub use read::{Entry, parse, parse_excerpt, parse_policies, parse_states};
pub use selector::{Flow, Selector, UpperProto};
pub use state::{Encap, Offload, OffloadMode, OutputMark, Replay, State, StateDirection, StateStats};
