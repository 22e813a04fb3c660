//! Command lines as text: the shell's grammar, wrappers (`sudo`, `docker exec`, `kubectl exec`, `nsenter`, `ip netns exec`)
//! taken off, and iproute2's abbreviations spelled out. Says what a line would run; runs nothing.

mod canonical;
mod invocation;
pub mod keyword;
mod read;
mod syntax;
mod wrapper;

pub use canonical::{Canonical, Flag, canonical, resource_name};
pub use invocation::{Invocation, commands};
pub use read::{Unreadable, script};
pub use syntax::{Assignment, Body, Change, Command, Item, Joint, Piece, Pipeline, Redirection, Script, Target, Word};
pub use wrapper::{Elsewhere, Inner, Wrapped, unwrap};
