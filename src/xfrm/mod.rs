//! XFRM states and policies (the kernel's SAD and SPD): iproute2's text both ways, and the kernel's lookups.
//!
//! Knows nothing about who ran `ip`, or on which node.

mod mark;

pub use mark::Mark;
