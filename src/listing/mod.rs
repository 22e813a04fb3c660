//! The reading of a tool's listing (`ip xfrm state`, `ip rule`, …): what was understood, and every line that was not.
//!
//! Pastes come from old and new iproute2, from tickets and from chats that ate the tabs. A reader therefore takes
//! what is there and names the rest, instead of refusing the whole text for one line.

mod field;
mod noise;
mod reader;

pub(crate) use field::fields;
pub use noise::{is_command, is_noise};
pub use reader::{Reader, Token, quoted};

/// What a reader understood of a text, and what it could not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The entries, in the order of the text.
    pub items: Vec<T>,
    /// The lines that could not be read, in the order of the text.
    pub unread: Vec<Unread>,
}

/// One line that a reader could not understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Line number in the text, from 1.
    pub line: usize,
    /// The line as it stands, without its line end, and with every run of hex digits that may be a key hidden.
    pub text: String,
    /// What was expected there, as a sentence without a full stop.
    pub reason: String,
}

/// Where something stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Line number, from 1.
    pub line: usize,
    /// First octet in that line, from 0.
    pub start: usize,
    /// One past the last octet in that line.
    pub end: usize,
}

impl Span {
    /// From the start of `self` to the end of `other`, as far as `other` is on the same line.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if other.line == self.line { Self { end: other.end, ..self } } else { self }
    }
}

/// Where a field of an entry stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place<F> {
    /// Which entry of the listing, from 0.
    pub item: usize,
    /// Which field.
    pub field: F,
    /// Its words.
    pub span: Span,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), unread: Vec::new() }
    }
}

impl<T> Listing<T> {
    /// The same listing with each entry changed or, by `None`, left out.
    pub fn filter_map<U>(self, change: impl FnMut(T) -> Option<U>) -> Listing<U> {
        Listing { items: self.items.into_iter().filter_map(change).collect(), unread: self.unread }
    }
}
