use regex::Regex;

use super::grep::{basic_to_rust, extended_to_rust};
use super::lines::{Flow, From, LineTool, Lines, Options};
use super::once;
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, Process};

/// `sed` with the commands `s`, `p`, `d`, `q`, addresses by number, `$`, `/RE/` and ranges of them, `-n -E -i -e`.
pub(super) fn program(call: &Call) -> Box<dyn Process> {
    let long = [("quiet", "n"), ("silent", "n"), ("regexp-extended", "E"), ("expression=", "e"), ("in-place", "i")];
    // `-i.bak` has its suffix in the same word.
    let arguments: Vec<String> = call
        .arguments()
        .iter()
        .map(|word| if word.starts_with("-i") { "-i".to_owned() } else { word.clone() })
        .collect();
    let parsed = Options::read(&arguments, "nEris", "e", &long).and_then(|options| {
        let mut files = options.files.clone();
        let mut scripts: Vec<String> =
            options.given.iter().filter(|(letter, _)| letter == "e").filter_map(|(_, value)| value.clone()).collect();
        if scripts.is_empty() {
            if files.is_empty() {
                return Err("no script given\nUsage: sed [OPTION]... {script-only-if-no-other-script} [input-file]..."
                    .to_owned());
            }
            scripts.push(files.remove(0));
        }
        let extended = options.has("E") || options.has("r");
        let commands = commands(&scripts.join("\n"), extended)?;
        Ok((Sed { commands, quiet: options.has("n"), held: None, stop: None }, files, options.has("i")))
    });
    match parsed {
        Err(error) => once(move |_, io| {
            io.complain(format!("sed: {error}\n"));
            1
        }),
        Ok((sed, files, true)) => in_place(call, sed, files),
        Ok((sed, files, false)) => Box::new(Lines::new("sed", call, files, sed)),
    }
}

fn in_place(call: &Call, mut sed: Sed, files: Vec<String>) -> Box<dyn Process> {
    let call = call.clone();
    once(move |world: &mut World, io: &mut Io| {
        if files.is_empty() {
            io.complain("sed: no input files\n");
            return 1;
        }
        let mut status = 0;
        for name in &files {
            let text = match world.read_file(&call, name) {
                Ok(text) => text,
                Err(error) => {
                    io.complain(format!("sed: can't read {name}: {error}\n"));
                    status = 2;
                    continue;
                }
            };
            let mut own = Io::default();
            let lines: Vec<&[u8]> = text.split_inclusive(|octet| *octet == b'\n').collect();
            for (at, line) in lines.iter().enumerate() {
                let bare = line.strip_suffix(b"\n").unwrap_or(line);
                let from =
                    From { name: Some(name), several: false, number: at as u64 + 1, whole: line.len() > bare.len() };
                sed.line(&from, bare, &mut own);
            }
            sed.finish(&mut own);
            let written: Vec<u8> = own.take_output().into_iter().flat_map(|(_, octets)| octets).collect();
            if let Err(error) = world.write_file(&call, name, &written) {
                io.complain(format!("sed: couldn't open file {name}: {error}\n"));
                status = 4;
            }
        }
        status
    })
}

struct Sed {
    commands: Vec<Command>,
    quiet: bool,
    /// The last line read; it is worked on when the next has shown that it was not the last of all.
    held: Option<(u64, Vec<u8>, bool)>,
    stop: Option<i32>,
}

struct Command {
    first: Option<Address>,
    second: Option<Address>,
    negated: bool,
    inside: bool,
    action: Action,
}

enum Address {
    Line(u64),
    Last,
    Matches(Regex),
}

enum Action {
    Substitute { pattern: Regex, with: String, all: bool, print: bool, nth: usize },
    Print,
    Delete,
    Quit,
    Append(String),
    Insert(String),
    Change(String),
    Number,
}

fn commands(script: &str, extended: bool) -> Result<Vec<Command>, String> {
    let mut found = Vec::new();
    let mut rest = script;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', ';']);
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(found);
        }
        let first = address(&mut rest, extended)?;
        let mut second = None;
        if let Some(after) = rest.strip_prefix(',') {
            rest = after;
            second = address(&mut rest, extended)?;
            if second.is_none() {
                return Err("-e expression #1: unexpected `,'".to_owned());
            }
        }
        rest = rest.trim_start();
        let negated = rest.starts_with('!');
        rest = rest.trim_start_matches('!').trim_start();
        let mut letters = rest.chars();
        let letter = letters.next().ok_or("-e expression #1: missing command")?;
        rest = letters.as_str();
        let action = match letter {
            's' => substitute(&mut rest, extended)?,
            'p' => Action::Print,
            'd' => Action::Delete,
            'q' => Action::Quit,
            '=' => Action::Number,
            'a' | 'i' | 'c' => {
                let (text, after) = rest.split_once('\n').unwrap_or((rest, ""));
                rest = after;
                let text = text.trim_start().trim_start_matches('\\').trim_start().to_owned();
                match letter {
                    'a' => Action::Append(text),
                    'i' => Action::Insert(text),
                    _ => Action::Change(text),
                }
            }
            '{' | '}' => return Err("blocks in { } are not simulated; use several -e".to_owned()),
            other => return Err(format!("-e expression #1: unknown command: `{other}'")),
        };
        found.push(Command { first, second, negated, inside: false, action });
        let trimmed = rest.trim_start_matches([' ', '\t']);
        if !trimmed.is_empty() && !trimmed.starts_with([';', '\n', '}']) {
            return Err("-e expression #1: extra characters after command".to_owned());
        }
    }
}

fn regex(pattern: &str, extended: bool, insensitive: bool) -> Result<Regex, String> {
    let translated = if extended { extended_to_rust(pattern) } else { basic_to_rust(pattern) };
    let flag = if insensitive { "(?i)" } else { "" };
    Regex::new(&format!("{flag}{translated}")).map_err(|_| format!("-e expression #1: cannot read `{pattern}'"))
}

fn address(rest: &mut &str, extended: bool) -> Result<Option<Address>, String> {
    let text = *rest;
    if let Some(after) = text.strip_prefix('$') {
        *rest = after;
        return Ok(Some(Address::Last));
    }
    if let Some(behind) = text.strip_prefix('/') {
        let (pattern, after) = delimited(behind, '/').ok_or("-e expression #1: unterminated address regex")?;
        *rest = after;
        return regex(&pattern, extended, false).map(|found| Some(Address::Matches(found)));
    }
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 {
        return Ok(None);
    }
    *rest = &text[end..];
    Ok(text[..end].parse().ok().map(Address::Line))
}

/// The text up to a delimiter without a backslash before it, and what follows. The backslash goes where it protected the
/// delimiter, and stays before anything else.
pub(super) fn delimited(text: &str, delimiter: char) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == delimiter {
            return Some((found, &text[at + letter.len_utf8()..]));
        }
        if letter == '\\' {
            let (_, next) = letters.next()?;
            if next != delimiter {
                found.push('\\');
            }
            found.push(next);
        } else {
            found.push(letter);
        }
    }
    None
}

fn substitute(rest: &mut &str, extended: bool) -> Result<Action, String> {
    let unterminated = "-e expression #1: unterminated `s' command";
    let delimiter = rest.chars().next().ok_or(unterminated)?;
    let (pattern, after) = delimited(&rest[delimiter.len_utf8()..], delimiter).ok_or(unterminated)?;
    let (with, after) = delimited(after, delimiter).ok_or(unterminated)?;
    let end = after.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(after.len());
    let flags = &after[..end];
    *rest = &after[end..];
    if let Some(odd) = flags.chars().find(|letter| !"gpIi".contains(*letter) && !letter.is_ascii_digit()) {
        return Err(format!("-e expression #1: unknown option to `s': {odd}"));
    }
    let digits: String = flags.chars().filter(char::is_ascii_digit).collect();
    Ok(Action::Substitute {
        pattern: regex(&pattern, extended, flags.contains(['i', 'I']))?,
        with: replacement(&with),
        all: flags.contains('g'),
        print: flags.contains('p'),
        nth: digits.parse().unwrap_or(1),
    })
}

/// A replacement of sed (`&`, `\1`, `\n`) in the syntax of `regex`.
fn replacement(with: &str) -> String {
    let mut out = String::new();
    let mut letters = with.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => out.push_str("${0}"),
            '$' => out.push_str("$$"),
            '\\' => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(digit) if digit.is_ascii_digit() => out.push_str(&format!("${{{digit}}}")),
                Some('$') => out.push_str("$$"),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            other => out.push(other),
        }
    }
    out
}

impl Command {
    fn applies(&mut self, number: u64, last: bool, text: &str) -> bool {
        let meets = |address: &Address| match address {
            Address::Line(line) => *line == number,
            Address::Last => last,
            Address::Matches(pattern) => pattern.is_match(text),
        };
        let hit = match (&self.first, &self.second) {
            (None, _) => true,
            (Some(first), None) => meets(first),
            (Some(first), Some(second)) => {
                let starts = !self.inside && meets(first);
                let ends = match second {
                    Address::Line(line) => number >= *line,
                    other => !starts && meets(other),
                };
                let hit = self.inside || starts;
                self.inside = hit && !ends;
                hit
            }
        };
        hit != self.negated
    }
}

impl Sed {
    fn work(&mut self, number: u64, line: &[u8], whole: bool, last: bool, io: &mut Io) {
        let mut text = String::from_utf8_lossy(line).into_owned();
        let mut after = String::new();
        let (mut deleted, mut quit) = (false, false);
        for command in &mut self.commands {
            if !command.applies(number, last, &text) {
                continue;
            }
            match &command.action {
                Action::Substitute { pattern, with, all, print, nth } => {
                    let mut seen = 0;
                    let mut changed = false;
                    let replaced = pattern.replace_all(&text, |captures: &regex::Captures<'_>| {
                        seen += 1;
                        if seen == *nth || (*all && seen > *nth) {
                            changed = true;
                            let mut out = String::new();
                            captures.expand(with, &mut out);
                            out
                        } else {
                            captures.get(0).map_or(String::new(), |whole| whole.as_str().to_owned())
                        }
                    });
                    text = replaced.into_owned();
                    if changed && *print {
                        io.print(format!("{text}\n"));
                    }
                }
                Action::Print => io.print(format!("{text}\n")),
                Action::Number => io.print(format!("{number}\n")),
                Action::Append(added) => after.push_str(&format!("{added}\n")),
                Action::Insert(added) => io.print(format!("{added}\n")),
                Action::Change(added) => {
                    io.print(format!("{added}\n"));
                    deleted = true;
                }
                Action::Delete => deleted = true,
                Action::Quit => quit = true,
            }
            if deleted || quit {
                break;
            }
        }
        if !deleted && !self.quiet {
            io.print(text);
            if whole || !after.is_empty() {
                io.print("\n");
            }
        }
        io.print(after);
        if quit {
            self.stop = Some(0);
        }
    }

    fn needs_last(&self) -> bool {
        let is_last = |address: &Option<Address>| matches!(address, Some(Address::Last));
        self.commands.iter().any(|command| is_last(&command.first) || is_last(&command.second))
    }
}

impl LineTool for Sed {
    fn line(&mut self, from: &From<'_>, line: &[u8], io: &mut Io) -> Flow {
        if self.needs_last() {
            if let Some((number, held, whole)) = self.held.take() {
                self.work(number, &held, whole, false, io);
            }
            self.held = Some((from.number, line.to_vec(), from.whole));
        } else {
            self.work(from.number, line, from.whole, false, io);
        }
        if self.stop.is_some() { Flow::Enough } else { Flow::More }
    }

    fn finish(&mut self, io: &mut Io) -> i32 {
        if let Some((number, held, whole)) = self.held.take()
            && self.stop.is_none()
        {
            self.work(number, &held, whole, true, io);
        }
        self.stop.unwrap_or(0)
    }
}
