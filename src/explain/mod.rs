//! Explainers: for each field of a parsed listing or packet, what it means here. One library for `:explain`, the
//! lessons' annotations and `esplain explain`, in every language.
//!
//! A paste may hold several listings, the commands that made them, and noise. [`explain`] sorts its lines, reads each
//! kind with the reader of its room, and gives for every field a sentence tied to its place in the text. The
//! sentences are in `assets/words/explain.*.ftl`.

mod explanation;
mod link;
mod mask;
mod note;
mod route;
mod sighting;
mod sort;
mod tcpdump;
mod trace;
mod xfrm;

pub use explanation::{Explained, Explanation, explain};
pub use link::LinkField;
pub use mask::mask_keys;
pub use sighting::{assumed_words, comparison_lines, pings, sighting};
pub use sort::Kind;
pub use tcpdump::TcpdumpField;
pub use trace::{TraceStep, trace_steps};
