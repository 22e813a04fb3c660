use std::collections::VecDeque;

use regex::bytes::{Regex, RegexBuilder};

use super::lines::{Flow, From, LineTool, Lines, Options};
use super::once;
use crate::lab::sim::process::{Call, Io, Process};

/// `grep`, `egrep`, `fgrep`.
pub(super) fn program(name: &str, call: &Call) -> Box<dyn Process> {
    match read(name, call.arguments()) {
        Ok((grep, files)) => Box::new(Lines::new("grep", call, files, grep)),
        Err(error) => once(move |_, io| {
            io.complain(format!("{error}\n"));
            2
        }),
    }
}

/// GNU grep's usage in short, as it prints it after a wrong option.
const USAGE: &str = "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.";

#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
struct Grep {
    pattern: Regex,
    invert: bool,
    only: bool,
    numbers: bool,
    count: bool,
    quiet: bool,
    list: bool,
    most: Option<u64>,
    names: Option<bool>,
    before: usize,
    after: usize,
    color: bool,
    held: VecDeque<(u64, Vec<u8>)>,
    /// Lines of context still to print.
    owed: usize,
    /// The number of the line printed last in this file.
    printed: Option<u64>,
    any_printed: bool,
    found: u64,
    ever: bool,
}

#[expect(clippy::too_many_lines, reason = "one line an option")]
fn read(name: &str, arguments: &[String]) -> Result<(Grep, Vec<String>), String> {
    // `grep -2` is `grep -C 2`.
    let arguments: Vec<String> = arguments
        .iter()
        .map(|word| match word.strip_prefix('-') {
            Some(number) if !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit()) => {
                format!("-C{number}")
            }
            _ => word.clone(),
        })
        .collect();
    let long = [
        ("ignore-case", "i"),
        ("invert-match", "v"),
        ("extended-regexp", "E"),
        ("fixed-strings", "F"),
        ("basic-regexp", "G"),
        ("perl-regexp", "P"),
        ("only-matching", "o"),
        ("line-number", "n"),
        ("count", "c"),
        ("quiet", "q"),
        ("silent", "q"),
        ("word-regexp", "w"),
        ("line-regexp", "x"),
        ("files-with-matches", "l"),
        ("no-filename", "h"),
        ("with-filename", "H"),
        ("no-messages", "s"),
        ("line-buffered", "U"),
        ("text", "a"),
        ("after-context=", "A"),
        ("before-context=", "B"),
        ("context=", "C"),
        ("regexp=", "e"),
        ("max-count=", "m"),
        ("color", "K"),
        ("colour", "K"),
    ];
    let options = Options::read(&arguments, "ivEFGPonchHqswxlaUrR", "ABCefm", &long)
        .map_err(|error| format!("grep: {error}\n{USAGE}"))?;
    if options.has("r") || options.has("R") || options.has("f") {
        return Err("grep: the options -r, -R and -f are not simulated".to_owned());
    }
    let mut files = options.files.clone();
    let mut patterns: Vec<String> =
        options.given.iter().filter(|(letter, _)| letter == "e").filter_map(|(_, value)| value.clone()).collect();
    if patterns.is_empty() {
        if files.is_empty() {
            return Err(USAGE.to_owned());
        }
        patterns.push(files.remove(0));
    }
    let fixed = options.has("F") || name == "fgrep";
    let extended = options.has("E") || options.has("P") || name == "egrep";
    let alternatives: Vec<String> = patterns
        .iter()
        .flat_map(|pattern| pattern.split('\n'))
        .map(|pattern| match (fixed, extended) {
            (true, _) => regex::escape(pattern),
            (_, true) => extended_to_rust(pattern),
            _ => basic_to_rust(pattern),
        })
        .collect();
    let mut pattern = format!("(?:{})", alternatives.join("|"));
    if options.has("w") {
        pattern = format!(r"\b{pattern}\b");
    }
    if options.has("x") {
        pattern = format!("^{pattern}$");
    }
    let pattern = RegexBuilder::new(&pattern)
        .case_insensitive(options.has("i"))
        .size_limit(1 << 20)
        .build()
        .map_err(|_| format!("grep: Unmatched or unsupported expression: {}", patterns.join("|")))?;
    let number = |letter: &str| -> Result<Option<usize>, String> {
        let Some(text) = options.value(letter) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("grep: {text}: invalid context length argument"))
    };
    let around = number("C")?.unwrap_or(0);
    let color = match options.given.iter().rev().find(|(letter, _)| letter == "K") {
        Some((_, value)) => value.as_deref() == Some("always"),
        None => false,
    };
    let grep = Grep {
        pattern,
        invert: options.has("v"),
        only: options.has("o"),
        numbers: options.has("n"),
        count: options.has("c"),
        quiet: options.has("q"),
        list: options.has("l"),
        most: options.value("m").and_then(|text| text.parse().ok()),
        names: if options.has("h") { Some(false) } else { options.has("H").then_some(true) },
        before: number("B")?.unwrap_or(around),
        after: number("A")?.unwrap_or(around),
        color,
        held: VecDeque::new(),
        owed: 0,
        printed: None,
        any_printed: false,
        found: 0,
        ever: false,
    };
    Ok((grep, files))
}

impl Grep {
    fn prefix(&self, from: &From<'_>, number: u64, separator: char) -> String {
        let mut prefix = String::new();
        if self.names.unwrap_or(from.several) {
            prefix = format!("{}{separator}", from.name.unwrap_or("(standard input)"));
        }
        if self.numbers {
            prefix.push_str(&format!("{number}{separator}"));
        }
        prefix
    }

    fn print(&mut self, from: &From<'_>, number: u64, separator: char, line: &[u8], io: &mut Io) {
        let context = self.before > 0 || self.after > 0;
        if context && self.any_printed && self.printed.is_none_or(|printed| printed + 1 < number) {
            io.print("--\n");
        }
        self.printed = Some(number);
        self.any_printed = true;
        io.print(self.prefix(from, number, separator));
        if self.color && separator == ':' && !self.invert {
            io.print(self.pattern.replace_all(line, b"\x1b[01;31m\x1b[K$0\x1b[m\x1b[K".as_slice()));
        } else {
            io.print(line);
        }
        io.print("\n");
    }
}

impl LineTool for Grep {
    fn line(&mut self, from: &From<'_>, line: &[u8], io: &mut Io) -> Flow {
        let matched = self.pattern.is_match(line) != self.invert;
        if !matched {
            if self.owed > 0 {
                self.owed -= 1;
                self.print(from, from.number, '-', line, io);
            } else if self.before > 0 {
                self.held.push_back((from.number, line.to_vec()));
                if self.held.len() > self.before {
                    self.held.pop_front();
                }
            }
            return Flow::More;
        }
        self.found += 1;
        self.ever = true;
        if self.quiet {
            return Flow::Enough;
        }
        if self.list {
            io.print(format!("{}\n", from.name.unwrap_or("(standard input)")));
            return Flow::NextFile;
        }
        if self.count {
            // Only the number is printed, at the end of the file.
        } else if self.only {
            if !self.invert {
                let prefix = self.prefix(from, from.number, ':');
                for found in self.pattern.find_iter(line).filter(|found| !found.is_empty()) {
                    io.print(&prefix);
                    io.print(found.as_bytes());
                    io.print("\n");
                }
            }
        } else {
            for (number, line) in std::mem::take(&mut self.held) {
                self.print(from, number, '-', &line, io);
            }
            self.print(from, from.number, ':', line, io);
            self.owed = self.after;
        }
        if self.most.is_some_and(|most| self.found >= most) { Flow::NextFile } else { Flow::More }
    }

    fn end_of_file(&mut self, from: &From<'_>, io: &mut Io) {
        if self.count && !self.quiet {
            let name = if self.names.unwrap_or(from.several) {
                format!("{}:", from.name.unwrap_or("(standard input)"))
            } else {
                String::new()
            };
            io.print(format!("{name}{}\n", self.found));
        }
        self.found = 0;
        self.held.clear();
        self.owed = 0;
        self.printed = None;
    }

    fn finish(&mut self, _: &mut Io) -> i32 {
        i32::from(!self.ever)
    }
}

/// A POSIX extended expression in Rust's syntax: bracket expressions differ, and `{` is plain where no count follows.
pub(super) fn extended_to_rust(pattern: &str) -> String {
    translate(pattern, true)
}

/// A POSIX basic expression (with GNU's `\|`, `\+`, `\?`) in Rust's syntax.
pub(super) fn basic_to_rust(pattern: &str) -> String {
    translate(pattern, false)
}

fn translate(pattern: &str, extended: bool) -> String {
    let mut out = String::new();
    let letters: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        at += 1;
        match letter {
            '\\' => {
                let next = letters.get(at).copied();
                at += 1;
                match next {
                    Some('<' | '>') => out.push_str(r"\b"),
                    Some('(' | ')' | '{' | '}' | '|' | '+' | '?') if !extended => out.extend(next),
                    Some(plain @ ('w' | 'W' | 's' | 'S' | 'b' | 'B' | 'd' | 'D')) => {
                        out.push('\\');
                        out.push(plain);
                    }
                    Some(other) => out.push_str(&regex::escape(&other.to_string())),
                    None => out.push_str(r"\\"),
                }
            }
            '[' => {
                let (class, next) = bracket(&letters, at);
                out.push_str(&class);
                at = next;
            }
            '*' if out.is_empty() || out.ends_with('(') || out.ends_with('|') || (out == "^") => out.push_str(r"\*"),
            '(' | ')' | '{' | '}' | '|' | '+' | '?' if !extended => {
                out.push('\\');
                out.push(letter);
            }
            '{' if !letters.get(at).is_some_and(char::is_ascii_digit) => out.push_str(r"\{"),
            '^' if !extended && !out.is_empty() && !out.ends_with('(') && !out.ends_with('|') => out.push_str(r"\^"),
            '$' if !extended && at < letters.len() && !matches!(letters.get(at), Some('\\')) => out.push_str(r"\$"),
            other => out.push(other),
        }
    }
    out
}

/// A bracket expression: inside it a backslash is plain, and so is `[`.
fn bracket(letters: &[char], start: usize) -> (String, usize) {
    let mut out = String::from("[");
    let mut at = start;
    if letters.get(at) == Some(&'^') {
        out.push('^');
        at += 1;
    }
    let first = at;
    while let Some(letter) = letters.get(at).copied() {
        at += 1;
        match letter {
            ']' if at > first + 1 => {
                out.push(']');
                return (out, at);
            }
            '[' if letters.get(at) == Some(&':') => {
                let end = letters.get(at..).and_then(|rest| rest.windows(2).position(|pair| pair == [':', ']']));
                if let Some(end) = end {
                    out.push('[');
                    out.extend(letters.get(at..at + end + 2).unwrap_or_default());
                    at += end + 2;
                } else {
                    out.push_str(r"\[");
                }
            }
            '\\' | '[' | ']' | '&' | '~' => {
                out.push('\\');
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    (r"\[".to_owned(), start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_to_grep() {
        for (pattern, text, basic, extended) in [
            ("a+", "a+", true, true),
            ("a+b", "aab", false, true),
            (r"a\+b", "aab", true, false),
            ("a|b", "b", false, true),
            (r"a\|b", "b", true, false),
            ("10.0.0.[0-9]*", "10.0.0.66", true, true),
            ("[[:digit:]]", "7", true, true),
            (r"\<any\>", "-i any -n", true, true),
            ("(x)", "(x)", true, true),
            ("^*x", "*x", true, true),
            ("a{2}", "aa", false, true),
            ("{a", "{a", true, true),
            (r"[\]", r"\", true, true),
            ("[]x]", "]", true, true),
        ] {
            assert_eq!(
                Regex::new(&basic_to_rust(pattern)).expect(pattern).is_match(text.as_bytes()),
                basic,
                "{pattern}"
            );
            assert_eq!(
                Regex::new(&extended_to_rust(pattern)).expect(pattern).is_match(text.as_bytes()),
                extended,
                "{pattern}"
            );
        }
    }
}
