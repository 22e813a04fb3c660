//! The reading of a tool's listing (`ip xfrm state`, `ip rule`, …): what was understood, and every line that was not.
//!
//! Pastes come from old and new iproute2, from tickets and from chats that ate the tabs. A reader therefore takes
//! what is there and names the rest, instead of refusing the whole text for one line.

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
    /// The line as it stands, without its line end.
    pub text: String,
    /// What was expected there, as a sentence without a full stop.
    pub reason: String,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), unread: Vec::new() }
    }
}
