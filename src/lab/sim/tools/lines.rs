use std::collections::VecDeque;

use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, Line, Process, Step};

/// A tool that reads its files, or standard input, line by line, and writes as it reads: `tcpdump | grep ICMP` shows each
/// packet when it comes.
pub(super) trait LineTool {
    /// One line, without its line feed.
    fn line(&mut self, from: &From<'_>, line: &[u8], io: &mut Io) -> Flow;

    /// One of its files is at its end.
    fn end_of_file(&mut self, from: &From<'_>, io: &mut Io) {
        let _ = (from, io);
    }

    /// All is read (or nothing more is wanted); the exit status.
    fn finish(&mut self, io: &mut Io) -> i32;
}

/// Which input a line is of.
pub(super) struct From<'a> {
    /// The file's name as it was given; `None` for standard input.
    pub name: Option<&'a str>,
    /// Whether several files are read, so that names are worth printing.
    pub several: bool,
    /// The line's number in its file, from 1.
    pub number: u64,
    /// Whether a line feed ended it.
    pub whole: bool,
}

/// Whether a tool wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Go on.
    More,
    /// It has enough of this file.
    NextFile,
    /// It has enough.
    Enough,
}

/// Runs a [`LineTool`] as a process.
pub(super) struct Lines<T> {
    tool: T,
    program: String,
    call: Call,
    files: VecDeque<String>,
    several: bool,
    stdin: bool,
    number: u64,
    failed: bool,
}

impl<T: LineTool> Lines<T> {
    /// Reads `files`, or standard input when there are none.
    pub(super) fn new(program: &str, call: &Call, files: Vec<String>, tool: T) -> Self {
        let several = files.len() > 1;
        let stdin = files.is_empty();
        Self {
            tool,
            program: program.to_owned(),
            call: call.clone(),
            files: files.into(),
            several,
            stdin,
            number: 0,
            failed: false,
        }
    }

    fn file(&mut self, name: &str, world: &World, io: &mut Io) -> Flow {
        let octets = match world.read_file(&self.call, name) {
            Ok(octets) => octets,
            Err(error) => {
                let what = match self.program.as_str() {
                    "head" | "tail" => format!("cannot open '{name}' for reading: {error}"),
                    "sed" => format!("can't read {name}: {error}"),
                    "sort" => format!("cannot read: {name}: {error}"),
                    _ => format!("{name}: {error}"),
                };
                io.complain(format!("{}: {what}\n", self.program));
                self.failed = true;
                return Flow::More;
            }
        };
        let mut rest = octets.as_slice();
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            let end = rest.iter().position(|octet| *octet == b'\n');
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let from = From { name: Some(name), several: self.several, number, whole: end.is_some() };
            match self.tool.line(&from, line, io) {
                Flow::More => {}
                Flow::NextFile => break,
                Flow::Enough => return Flow::Enough,
            }
            rest = rest.get(end.map_or(rest.len(), |end| end + 1)..).unwrap_or_default();
        }
        self.tool.end_of_file(&From { name: Some(name), several: self.several, number, whole: true }, io);
        Flow::More
    }

    fn over(&mut self, io: &mut Io) -> Step {
        let status = self.tool.finish(io);
        let failure = if matches!(self.program.as_str(), "grep" | "sed" | "sort" | "awk") { 2 } else { 1 };
        Step::Exit(if self.failed { failure } else { status })
    }
}

impl<T: LineTool> Process for Lines<T> {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        while !self.stdin {
            let Some(name) = self.files.pop_front() else { return self.over(io) };
            if name == "-" {
                self.stdin = true;
            } else if self.file(&name, world, io) == Flow::Enough {
                return self.over(io);
            }
        }
        loop {
            match io.read_line() {
                Line::NotYet => return Step::Wait(None),
                Line::Some(line) => {
                    self.number += 1;
                    let whole = io.line_was_whole();
                    let from = From { name: None, several: self.several, number: self.number, whole };
                    match self.tool.line(&from, &line, io) {
                        Flow::More => {}
                        Flow::NextFile => break,
                        Flow::Enough => return self.over(io),
                    }
                }
                Line::End => break,
            }
        }
        self.tool.end_of_file(&From { name: None, several: self.several, number: self.number, whole: true }, io);
        self.stdin = false;
        Step::Again
    }
}

/// Splits arguments into options and files, as getopt does: options may stand behind files, `--` ends them.
pub(super) struct Options {
    /// The options in order, each with its value.
    pub given: Vec<(String, Option<String>)>,
    /// What is no option.
    pub files: Vec<String>,
}

impl Options {
    /// Reads `arguments`; letters of `valued` take a value, and so do the long names that end in `=`. `Err` is the text
    /// that getopt prints, without the program's name.
    pub(super) fn read(
        arguments: &[String],
        letters: &str,
        valued: &str,
        long: &[(&str, &str)],
    ) -> Result<Self, String> {
        let (mut given, mut files) = (Vec::new(), Vec::new());
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                files.extend(rest.by_ref().cloned());
            } else if let Some(option) = word.strip_prefix("--") {
                let (name, inline) = match option.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (option, None),
                };
                let known: Vec<_> =
                    long.iter().filter(|(known, _)| known.trim_end_matches('=').starts_with(name)).collect();
                let exact = known.iter().find(|(known, _)| known.trim_end_matches('=') == name);
                let Some((known, letter)) = exact.or(if known.len() == 1 { known.first() } else { None }) else {
                    return Err(format!("unrecognized option '--{name}'"));
                };
                let value = if known.ends_with('=') { inline.or_else(|| rest.next().cloned()) } else { inline };
                given.push(((*letter).to_owned(), value));
            } else if word.len() > 1 && word.starts_with('-') {
                for (at, letter) in word.char_indices().skip(1) {
                    if valued.contains(letter) {
                        let inline = word.get(at + letter.len_utf8()..).filter(|text| !text.is_empty());
                        let Some(value) = inline.map(str::to_owned).or_else(|| rest.next().cloned()) else {
                            return Err(format!("option requires an argument -- '{letter}'"));
                        };
                        given.push((letter.to_string(), Some(value)));
                        break;
                    }
                    if !letters.contains(letter) {
                        return Err(format!("invalid option -- '{letter}'"));
                    }
                    given.push((letter.to_string(), None));
                }
            } else {
                files.push(word.clone());
            }
        }
        Ok(Self { given, files })
    }

    /// Whether an option was given.
    pub(super) fn has(&self, letter: &str) -> bool {
        self.given.iter().any(|(given, _)| given == letter)
    }

    /// The last value of an option.
    pub(super) fn value(&self, letter: &str) -> Option<&str> {
        self.given.iter().rev().find(|(given, _)| given == letter).and_then(|(_, value)| value.as_deref())
    }
}
