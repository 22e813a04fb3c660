use textwrap::WordSeparator;
use textwrap::core::{Fragment, Word, display_width};
use textwrap::wrap_algorithms::wrap_first_fit;

/// What a piece of text is. How that looks is [`paint`](super::paint())'s business; the words never rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Running text.
    #[default]
    Text,
    /// A heading.
    Heading,
    /// Strong emphasis.
    Strong,
    /// Emphasis.
    Emphasis,
    /// Something to type or something a tool printed, inside running text.
    Code,
    /// A line of a code block.
    Block,
    /// Secondary text: notes, borders, octets.
    Quiet,
    /// Done, passed, decrypted.
    Good,
    /// Failed, refused, dropped.
    Bad,
    /// Look here first.
    Warning,
    /// A device or a node.
    Device,
    /// An encrypted packet.
    Cipher,
    /// A packet in the clear.
    Clear,
    /// The prompt.
    Prompt,
}

/// A piece of text with one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text, without line ends.
    pub text: String,
    /// What it is.
    pub role: Role,
}

/// One line for the screen, without its line end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line(pub Vec<Span>);

impl Span {
    /// A span of `role`.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role }
    }
}

impl Line {
    /// A line of running text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::of(text, Role::Text)
    }

    /// A line of one role.
    pub fn of(text: impl Into<String>, role: Role) -> Self {
        Self(vec![Span::new(text, role)])
    }

    /// The line with one more span at its end.
    #[must_use]
    pub fn and(mut self, text: impl Into<String>, role: Role) -> Self {
        self.push(Span::new(text, role));
        self
    }

    /// Adds a span at the end; a span of the last role grows that one.
    pub fn push(&mut self, span: Span) {
        match self.0.last_mut() {
            Some(last) if last.role == span.role => last.text.push_str(&span.text),
            _ => self.0.push(span),
        }
    }

    /// Adds another line's spans at the end.
    pub fn append(&mut self, other: Self) {
        for span in other.0 {
            self.push(span);
        }
    }

    /// The text without roles.
    pub fn plain(&self) -> String {
        self.0.iter().map(|span| span.text.as_str()).collect()
    }

    /// Width in terminal cells; wide (CJK) characters take two.
    pub fn width(&self) -> usize {
        self.0.iter().map(|span| display_width(&span.text)).sum()
    }

    /// The line broken into lines of at most `width` cells, at the places where Unicode (UAX 14) allows a break; a word
    /// that is longer than a whole line is cut. Blanks at a break vanish.
    pub fn wrapped(&self, width: usize) -> Vec<Self> {
        let width = width.max(4);
        let text = self.plain();
        if display_width(&text) <= width {
            return vec![self.clone()];
        }
        let pieces = pieces(&text, width);
        let mut lines = Vec::new();
        #[allow(clippy::cast_precision_loss, reason = "a terminal is narrower than 2^52 cells")]
        for row in wrap_first_fit(&pieces, &[width as f64]) {
            let (Some(first), Some(last)) = (row.first(), row.last()) else { continue };
            lines.push(self.cut(first.start, last.start + last.word.word.len()));
        }
        lines
    }

    /// The line without its first `octets`.
    #[must_use]
    pub(super) fn after(&self, octets: usize) -> Self {
        self.cut(octets, usize::MAX)
    }

    /// The octets `start..end` of the text, with their roles.
    fn cut(&self, start: usize, end: usize) -> Self {
        let mut line = Self::default();
        let mut at = 0;
        for span in &self.0 {
            let from = start.clamp(at, at + span.text.len()) - at;
            let to = end.clamp(at, at + span.text.len()) - at;
            if let Some(part) = span.text.get(from..to).filter(|part| !part.is_empty()) {
                line.push(Span::new(part, span.role));
            }
            at += span.text.len();
        }
        line
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// A word of a line, and the offset in octets where it begins.
#[derive(Debug)]
struct Piece<'a> {
    word: Word<'a>,
    start: usize,
}

impl Fragment for Piece<'_> {
    fn width(&self) -> f64 {
        self.word.width()
    }

    fn whitespace_width(&self) -> f64 {
        self.word.whitespace_width()
    }

    fn penalty_width(&self) -> f64 {
        0.0
    }
}

fn pieces(text: &str, width: usize) -> Vec<Piece<'_>> {
    let mut start = 0;
    let mut pieces = Vec::new();
    for word in WordSeparator::UnicodeBreakProperties.find_words(text) {
        let next = start + word.word.len() + word.whitespace.len();
        if display_width(word.word) <= width {
            pieces.push(Piece { word, start });
        } else {
            for part in word.break_apart(width) {
                let after = start + part.word.len();
                pieces.push(Piece { word: part, start });
                start = after;
            }
        }
        start = next;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(line: &Line, width: usize) -> Vec<String> {
        line.wrapped(width).iter().map(Line::plain).collect()
    }

    #[test]
    fn roles_survive_a_line_break() {
        let line = Line::text("type ").and("ip xfrm state", Role::Code).and(" now", Role::Text);
        let lines = line.wrapped(12);
        assert_eq!(lines[0], Line::text("type ").and("ip xfrm", Role::Code));
        assert_eq!(lines[1], Line::of("state", Role::Code).and(" now", Role::Text));
    }

    #[test]
    fn chinese_is_broken_between_characters_and_never_before_a_full_stop() {
        assert_eq!(wrapped(&"内核先加密再发送。".into(), 16), ["内核先加密再发", "送。"]);
    }

    #[test]
    fn a_word_longer_than_the_line_is_cut_and_nothing_is_lost() {
        let key = "0x0123456789abcdef0123456789abcdef01234567";
        assert_eq!(wrapped(&key.into(), 16).concat(), key);
    }

    #[test]
    fn an_indented_line_loses_nothing_but_the_blank_at_the_break() {
        assert_eq!(wrapped(&"   seq 1, length 64".into(), 16), ["   seq 1, length", "64"]);
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        let text = "The outer header says 10.0.0.66 > 10.0.1.236：内核用 SPI 找到 SA，然后解密。 And so on.";
        for width in 4..60 {
            assert!(Line::from(text).wrapped(width).iter().all(|line| line.width() <= width), "at {width}");
        }
    }
}
