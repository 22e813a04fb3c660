use std::collections::BTreeMap;
use std::str::FromStr;

use super::{Span, Unread};

/// A word of a text and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// The word.
    pub text: &'a str,
    /// Its place.
    pub span: Span,
}

/// Reads a text word by word, wherever its lines break, and keeps the lines that could not be read.
///
/// Marks of a quotation and the times of a log in front of a line are no words. Words end at white space, at the backslash that `ip -o` prints for a line end, and at the colour codes of `ip -c`.
#[derive(Debug)]
pub struct Reader<'a> {
    lines: Vec<&'a str>,
    tokens: Vec<Token<'a>>,
    /// For each word, the index of the first word of the next line.
    next_lines: Vec<usize>,
    at: usize,
    unread: BTreeMap<usize, Unread>,
}

impl<'a> Reader<'a> {
    /// Splits `text` into lines and words.
    pub fn new(text: &'a str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let mut tokens = Vec::new();
        let mut next_lines = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            tokens.append(&mut words(line, index + 1));
            next_lines.resize(tokens.len(), tokens.len());
        }
        Self { lines, tokens, next_lines, at: 0, unread: BTreeMap::new() }
    }

    /// Whether all words are taken.
    pub fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The next word, not taken.
    pub fn peek(&self) -> Option<&'a str> {
        self.peek_at(0)
    }

    /// The word after the next `ahead` words, not taken.
    pub fn peek_at(&self, ahead: usize) -> Option<&'a str> {
        self.tokens.get(self.at + ahead).map(|token| token.text)
    }

    /// Takes the next word.
    pub fn next_token(&mut self) -> Option<Token<'a>> {
        let token = *self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    /// Takes the next word if it is `word`.
    pub fn take(&mut self, word: &str) -> bool {
        let fits = self.peek() == Some(word);
        if fits {
            self.at += 1;
        }
        fits
    }

    /// Takes the next word whatever it is, or says that `expected` is missing.
    pub fn word(&mut self, expected: &str) -> Result<&'a str, String> {
        self.next_token()
            .map(|token| token.text)
            .ok_or_else(|| format!("expected {expected}, found the end of the text"))
    }

    /// Takes the next word if `read` makes sense of it; the word stays when it does not.
    pub fn read<T>(&mut self, expected: &str, read: impl FnOnce(&'a str) -> Option<T>) -> Result<T, String> {
        let Some(word) = self.peek() else {
            return Err(format!("expected {expected}, found the end of the text"));
        };
        let value = read(word).ok_or_else(|| format!("expected {expected}, found {}", quoted(word)))?;
        self.at += 1;
        Ok(value)
    }

    /// Takes the next word if it parses; a comma at its end does not count.
    pub fn parsed<T: FromStr>(&mut self, expected: &str) -> Result<T, String> {
        self.read(expected, |word| word.trim_end_matches(',').parse().ok())
    }

    /// Takes the word `word`, or says that it is missing.
    pub fn expect(&mut self, word: &str) -> Result<(), String> {
        self.read(&format!("`{word}`"), |found| (found == word).then_some(()))
    }

    /// Whether the next word is the first of its line.
    pub fn at_line_start(&self) -> bool {
        match (self.tokens.get(self.at), self.at.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(next), Some(last)) => next.span.line != last.span.line,
            _ => true,
        }
    }

    /// The place of the next word, or of the last one when there is none.
    pub fn here(&self) -> Span {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        token.map_or(Span { line: self.lines.len().max(1), start: 0, end: 0 }, |token| token.span)
    }

    /// The place of the word taken last.
    pub fn last(&self) -> Span {
        self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or_else(|| self.here(), |token| token.span)
    }

    /// The word taken last.
    pub fn last_word(&self) -> Option<&'a str> {
        self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map(|token| token.text)
    }

    /// The words not yet taken of the line of the next word.
    pub fn rest_of_line(&self) -> &[Token<'a>] {
        let end = self.next_lines.get(self.at).copied().unwrap_or(self.at);
        self.tokens.get(self.at..end).unwrap_or_default()
    }

    /// Takes the next `count` words.
    pub fn skip(&mut self, count: usize) {
        self.at = (self.at + count).min(self.tokens.len());
    }

    /// Takes what is left of a line, if the next word is on it.
    pub fn skip_line(&mut self, line: usize) {
        while !self.is_done() && self.here().line == line {
            self.skip(1);
        }
    }

    /// A position to come [`Reader::back`] to.
    pub fn mark(&self) -> usize {
        self.at
    }

    /// Goes back to a position of [`Reader::mark`].
    pub fn back(&mut self, mark: usize) {
        self.at = mark.min(self.tokens.len());
    }

    /// Names the line `line` as unread; a line is named once, with the first reason.
    pub fn refuse(&mut self, line: usize, reason: impl Into<String>) {
        self.unread.entry(line).or_insert_with(|| {
            let text = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or_default();
            Unread { line, text: without_keys(text), reason: reason.into() }
        });
    }

    /// The lines named so far, in the order of the text.
    pub fn into_unread(self) -> Vec<Unread> {
        self.unread.into_values().collect()
    }
}

/// The words of one line.
fn words(line: &str, number: usize) -> Vec<Token<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut escape = Escape::No;
    let mut end_word = |start: &mut Option<usize>, end: usize| {
        if let Some((start, text)) = start.take().and_then(|start| Some((start, line.get(start..end)?))) {
            words.push(Token { text, span: Span { line: number, start, end } });
        }
    };
    for (at, character) in line.char_indices() {
        match (escape, character) {
            (Escape::No, '\u{1b}') => {
                end_word(&mut start, at);
                escape = Escape::Begun;
            }
            (Escape::Begun, '[') => escape = Escape::Csi,
            (Escape::Csi, '@'..='~') => escape = Escape::No,
            (Escape::Csi, _) => {}
            _ if character.is_whitespace() || character == '\\' || character.is_control() => {
                escape = Escape::No;
                end_word(&mut start, at);
            }
            _ => {
                escape = Escape::No;
                start.get_or_insert(at);
            }
        }
    }
    end_word(&mut start, line.len());
    let in_front = words.iter().take_while(|word| is_in_front(word.text)).count();
    words.split_off(in_front)
}

/// Whether a word at the start of a line is not of the text: a mark of a quotation (mail, Markdown) or of a table, or
/// what a container log puts there (`2026-11-23T03:32:13.1Z stdout F`).
fn is_in_front(word: &str) -> bool {
    let timestamp = word.len() > 19
        && word.as_bytes().get(10) == Some(&b'T')
        && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | '+' | 'T' | 'Z'));
    timestamp || word.chars().all(|c| matches!(c, '>' | '|')) || matches!(word, "stdout" | "stderr" | "F" | "P")
}

/// Where in a colour code (`ESC [ 3 2 m`) the reading is.
#[derive(Clone, Copy)]
enum Escape {
    No,
    Begun,
    Csi,
}

/// A word for a reason: short, and never a key.
pub fn quoted(word: &str) -> String {
    const MOST: usize = 24;
    let word = without_keys(word);
    match word.char_indices().nth(MOST) {
        Some((end, _)) => format!("`{}…`", word.get(..end).unwrap_or_default()),
        None => format!("`{word}`"),
    }
}

/// A text in which each run of hex digits that is long enough to be a key or half of one (16 digits: 8 octets) is hidden.
pub(super) fn without_keys(text: &str) -> String {
    const SHORTEST: usize = 16;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let run = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let other =
            rest.get(run..).and_then(|tail| tail.find(|c: char| c.is_ascii_hexdigit())).unwrap_or(rest.len() - run);
        let (hex, tail) = rest.split_at(run);
        let (between, next) = tail.split_at(other);
        out.push_str(if run >= SHORTEST { "<hidden>" } else { hex });
        out.push_str(between);
        rest = next;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_place_whatever_separates_them() {
        let mut reader = Reader::new("src 10.0.0.66\r\n\tproto esp\\\tmode\u{a0}tunnel\n\u{1b}[35m10.0.0.1\u{1b}[0m\n");
        let mut seen = Vec::new();
        while let Some(token) = reader.next_token() {
            seen.push((token.text, token.span.line, token.span.start));
        }
        let expected = [
            ("src", 1, 0),
            ("10.0.0.66", 1, 4),
            ("proto", 2, 1),
            ("esp", 2, 7),
            ("mode", 2, 12),
            ("tunnel", 2, 18),
            ("10.0.0.1", 3, 5),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_reason_never_quotes_a_whole_key() {
        let mut reader = Reader::new("0x4a506a794f574265564551694d653768ec15dd77");
        let reason = reader.parsed::<u32>("a number").unwrap_err();
        assert_eq!(reason, "expected a number, found `0x<hidden>`");
        reader.refuse(1, "why");
        assert_eq!(reader.into_unread()[0].text, "0x<hidden>");
        assert_eq!(
            without_keys("src fd00::66 lladdr 06:78:ba:c6:eb:bc 密 0xab"),
            "src fd00::66 lladdr 06:78:ba:c6:eb:bc 密 0xab"
        );
    }

    #[test]
    fn a_line_is_named_once() {
        let mut reader = Reader::new("a b\nc");
        reader.refuse(2, "first");
        reader.refuse(2, "second");
        reader.refuse(1, "third");
        let unread = reader.into_unread();
        assert_eq!(
            unread.iter().map(|line| (line.line, line.reason.as_str())).collect::<Vec<_>>(),
            [(1, "third"), (2, "first")]
        );
    }
}
