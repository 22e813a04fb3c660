use std::collections::VecDeque;

use super::lines::{Flow, From, LineTool, Lines, Options};
use super::{Whole, once, sort};
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io, Process, Step};

/// `cat`, `head`, `tail`, `wc`, `sort`, `uniq`, `cut`, `tee`, `tr`, `nl`, `seq`, `yes`.
pub(super) fn program(name: &str, call: &Call) -> Option<Box<dyn Process>> {
    let started = match name {
        "cat" => cat(call),
        "head" => head(call),
        "tail" => tail(call),
        "wc" => wc(call),
        "sort" => sort::sort(call),
        "uniq" => sort::uniq(call),
        "cut" => cut(call),
        "tee" => tee(call),
        "tr" => tr(call),
        "yes" => {
            Ok(Box::new(Yes(format!("{}\n", call.arguments().first().map_or("y", String::as_str)))) as Box<dyn Process>)
        }
        _ => return None,
    };
    let name = name.to_owned();
    Some(started.unwrap_or_else(|error| {
        once(move |_, io| {
            io.complain(format!("{name}: {error}\nTry '{name} --help' for more information.\n"));
            1
        })
    }))
}

/// A tool that is about to run, or what getopt says against its options.
pub(super) type Started = Result<Box<dyn Process>, String>;

struct Yes(String);

impl Process for Yes {
    fn step(&mut self, _: &mut World, io: &mut Io) -> Step {
        io.print(self.0.repeat(100));
        Step::Again
    }

    fn endless(&self) -> bool {
        true
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, or a place in the text")]
struct Cat {
    call: Call,
    files: VecDeque<String>,
    numbers: bool,
    ends: bool,
    tabs: bool,
    line: u64,
    at_start: bool,
    status: i32,
}

fn cat(call: &Call) -> Started {
    let long = [("number", "n"), ("show-all", "A"), ("show-ends", "E"), ("show-tabs", "T")];
    let options = Options::read(call.arguments(), "nAETevtbsu", "", &long)?;
    let all = options.has("A");
    let files = if options.files.is_empty() { vec!["-".to_owned()] } else { options.files.clone() };
    Ok(Box::new(Cat {
        call: call.clone(),
        files: files.into(),
        numbers: options.has("n"),
        ends: all || options.has("E") || options.has("e"),
        tabs: all || options.has("T") || options.has("t"),
        line: 0,
        at_start: true,
        status: 0,
    }))
}

impl Cat {
    fn show(&mut self, octets: &[u8], io: &mut Io) {
        if !self.numbers && !self.ends && !self.tabs {
            return io.print(octets);
        }
        let mut out = Vec::new();
        for octet in octets {
            if self.at_start && self.numbers {
                self.line += 1;
                out.extend_from_slice(format!("{:6}\t", self.line).as_bytes());
            }
            match octet {
                b'\n' if self.ends => out.extend_from_slice(b"$\n"),
                b'\t' if self.tabs => out.extend_from_slice(b"^I"),
                other => out.push(*other),
            }
            self.at_start = *octet == b'\n';
        }
        io.print(out);
    }
}

impl Process for Cat {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        while let Some(name) = self.files.front().cloned() {
            if name == "-" {
                let octets = io.read();
                self.show(&octets, io);
                if !io.input_ended() {
                    return Step::Wait(None);
                }
            } else if matches!(name.as_str(), "/dev/urandom" | "/dev/random" | "/dev/zero") {
                let octets = super::octets::device(&name, 4096, world).unwrap_or_default();
                self.show(&octets, io);
                return Step::Again;
            } else {
                match world.read_file(&self.call, &name) {
                    Ok(octets) => self.show(&octets, io),
                    Err(error) => {
                        io.complain(format!("cat: {name}: {error}\n"));
                        self.status = 1;
                    }
                }
            }
            self.files.pop_front();
        }
        Step::Exit(self.status)
    }

    fn endless(&self) -> bool {
        self.files.front().is_some_and(|name| name.starts_with("/dev/"))
    }
}

/// `head -5` and `tail -5` as they were before POSIX.
fn old_style(arguments: &[String]) -> Vec<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let renew = |(at, word): (usize, &String)| match word.strip_prefix('-') {
        Some(number) if at == 0 && digits(number) => format!("-n{number}"),
        _ => word.clone(),
    };
    arguments.iter().enumerate().map(renew).collect()
}

struct Head {
    lines: Option<u64>,
    octets: Option<usize>,
    names: Option<bool>,
    files: u64,
    named: bool,
}

fn head(call: &Call) -> Started {
    let long = [("lines=", "n"), ("bytes=", "c"), ("quiet", "q"), ("verbose", "v")];
    let options = Options::read(&old_style(call.arguments()), "qv", "nc", &long)?;
    let count = |letter: &str, what: &str| match options.value(letter) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| format!("invalid number of {what}: '{text}'")),
    };
    let (lines, octets) = (count("n", "lines")?, count("c", "bytes")?);
    if let (Some(most), Some(device)) = (octets, options.files.first().filter(|name| name.starts_with("/dev/"))) {
        let device = device.clone();
        return Ok(once(move |world, io| {
            let most = usize::try_from(most).unwrap_or(usize::MAX).min(1 << 20);
            match super::octets::device(&device, most, world) {
                Some(octets) => {
                    io.print(octets);
                    0
                }
                None => {
                    io.complain(format!("head: cannot open '{device}' for reading: No such file or directory\n"));
                    1
                }
            }
        }));
    }
    let names = if options.has("q") { Some(false) } else { options.has("v").then_some(true) };
    let lines = if octets.is_some() { None } else { Some(lines.unwrap_or(10)) };
    let octets = octets.map(|octets| usize::try_from(octets).unwrap_or(usize::MAX));
    let tool = Head { lines, octets, names, files: 0, named: false };
    Ok(Box::new(Lines::new("head", call, options.files, tool)))
}

impl Head {
    fn title(&mut self, from: &From<'_>, io: &mut Io) {
        if !std::mem::replace(&mut self.named, true) && self.names.unwrap_or(from.several) {
            let gap = if self.files > 0 { "\n" } else { "" };
            io.print(format!("{gap}==> {} <==\n", from.name.unwrap_or("standard input")));
            self.files += 1;
        }
    }
}

impl LineTool for Head {
    fn line(&mut self, from: &From<'_>, line: &[u8], io: &mut Io) -> Flow {
        self.title(from, io);
        if let Some(left) = &mut self.octets {
            let mut octets = line.to_vec();
            if from.whole {
                octets.push(b'\n');
            }
            octets.truncate(*left);
            *left -= octets.len();
            io.print(octets);
            return if *left == 0 { Flow::NextFile } else { Flow::More };
        }
        let most = self.lines.unwrap_or(10);
        if from.number <= most {
            io.print(line);
            if from.whole {
                io.print("\n");
            }
        }
        if from.number >= most { Flow::NextFile } else { Flow::More }
    }

    fn end_of_file(&mut self, from: &From<'_>, io: &mut Io) {
        self.title(from, io);
        self.named = false;
    }

    fn finish(&mut self, _: &mut Io) -> i32 {
        0
    }
}

fn tail(call: &Call) -> Started {
    let long = [("lines=", "n"), ("bytes=", "c"), ("follow", "f"), ("quiet", "q")];
    let options = Options::read(&old_style(call.arguments()), "fFqv", "nc", &long)?;
    if options.has("f") || options.has("F") {
        return match options.files.first() {
            Some(name) => Ok(Box::new(Follow { call: call.clone(), name: name.clone(), shown: None })),
            None => Err("following standard input is not simulated".to_owned()),
        };
    }
    let octets = options.value("c").map(str::to_owned);
    let lines = options.value("n").unwrap_or("10").to_owned();
    let number = |text: &str| text.trim_start_matches(['+', '-']).parse::<usize>();
    let from_start = octets.as_ref().unwrap_or(&lines).starts_with('+');
    let by_octets = match &octets {
        Some(text) => Some(number(text).map_err(|_| format!("invalid number of bytes: '{text}'"))?),
        None => None,
    };
    let count = number(&lines).map_err(|_| format!("invalid number of lines: '{lines}'"))?;
    Ok(whole_files("tail", call, options.files, move |name, several, octets, io| {
        if several {
            io.print(format!("==> {} <==\n", name.unwrap_or("standard input")));
        }
        let start = if let Some(count) = by_octets {
            if from_start { count.saturating_sub(1).min(octets.len()) } else { octets.len().saturating_sub(count) }
        } else {
            let mut starts = vec![0];
            let last = octets.len().saturating_sub(1);
            starts.extend(
                octets.iter().enumerate().filter(|(at, octet)| **octet == b'\n' && *at < last).map(|(at, _)| at + 1),
            );
            let skip = if from_start { count.saturating_sub(1) } else { starts.len().saturating_sub(count) };
            starts.get(skip).copied().unwrap_or(octets.len())
        };
        io.print(octets.get(start..).unwrap_or_default());
    }))
}

/// `tail -f FILE`.
struct Follow {
    call: Call,
    name: String,
    shown: Option<usize>,
}

impl Process for Follow {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        match world.read_file(&self.call, &self.name) {
            Err(error) => {
                io.complain(format!("tail: cannot open '{}' for reading: {error}\n", self.name));
                Step::Exit(1)
            }
            Ok(octets) => {
                let start = self.shown.unwrap_or_else(|| {
                    let ends =
                        octets.iter().enumerate().rev().filter(|(_, octet)| **octet == b'\n').map(|(at, _)| at + 1);
                    ends.take(11).last().filter(|_| line_feeds(&octets) > 10).unwrap_or(0)
                });
                io.print(octets.get(start..).unwrap_or_default());
                self.shown = Some(octets.len());
                Step::Wait(Some(world.after(std::time::Duration::from_secs(1))))
            }
        }
    }

    fn endless(&self) -> bool {
        true
    }
}

/// Runs `each` over every file as a whole (standard input when there is none).
fn whole_files(
    program: &'static str,
    call: &Call,
    files: Vec<String>,
    mut each: impl FnMut(Option<&str>, bool, &[u8], &mut Io) + 'static,
) -> Box<dyn Process> {
    let call = call.clone();
    if files.is_empty() || files == ["-"] {
        return Box::new(Whole(Some(move |_: &mut World, io: &mut Io, input: Vec<u8>| {
            each(None, false, &input, io);
            0
        })));
    }
    once(move |world, io| {
        let mut status = 0;
        for name in &files {
            match world.read_file(&call, name) {
                Ok(octets) => each(Some(name), files.len() > 1, &octets, io),
                Err(error) => {
                    let text = match program {
                        "tail" => format!("tail: cannot open '{name}' for reading: {error}\n"),
                        _ => format!("{program}: {name}: {error}\n"),
                    };
                    io.complain(text);
                    status = 1;
                }
            }
        }
        status
    })
}

fn wc(call: &Call) -> Started {
    let long = [("lines", "l"), ("words", "w"), ("bytes", "c"), ("chars", "m")];
    let options = Options::read(call.arguments(), "lwcmL", "", &long)?;
    let some = ["l", "w", "c", "m"].iter().any(|letter| options.has(letter));
    let (lines, words) = (!some || options.has("l"), !some || options.has("w"));
    let octets = !some || options.has("c") || options.has("m");
    let shown = [lines, words, octets];
    let single = shown.iter().filter(|shown| **shown).count() == 1;
    let total = std::rc::Rc::new(std::cell::Cell::new([0_usize; 3]));
    let files = options.files.clone();
    let count = files.len();
    let mut seen = 0;
    let row = move |counts: [usize; 3], name: Option<&str>, width: usize| {
        let numbers: Vec<String> =
            counts.iter().zip(shown).filter(|(_, shown)| *shown).map(|(count, _)| format!("{count:width$}")).collect();
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        format!("{}{name}\n", numbers.join(" "))
    };
    Ok(whole_files("wc", call, files, move |name, several, text, io| {
        let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
        let counts = [line_feeds(text), words, text.len()];
        let mut sums = total.get();
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
        total.set(sums);
        // GNU wc makes the columns as wide as the size of the input needs, and 7 where it cannot know that.
        let width = match (single && !several, name) {
            (true, _) => 1,
            (_, None) => 7,
            (_, Some(_)) => text.len().to_string().len(),
        };
        io.print(row(counts, name, width));
        seen += 1;
        if several && seen == count {
            io.print(row(sums, Some("total"), width));
        }
    }))
}

fn line_feeds(text: &[u8]) -> usize {
    text.split(|octet| *octet == b'\n').count() - 1
}

struct Cut {
    ranges: Vec<(usize, usize)>,
    delimiter: Option<u8>,
    only_delimited: bool,
}

fn cut(call: &Call) -> Started {
    let long = [("fields=", "f"), ("delimiter=", "d"), ("characters=", "c"), ("bytes=", "b"), ("only-delimited", "s")];
    let options = Options::read(call.arguments(), "s", "fdcb", &long)?;
    let fields = options.value("f");
    let Some(list) = fields.or(options.value("c")).or(options.value("b")) else {
        return Err("you must specify a list of bytes, characters, or fields".to_owned());
    };
    let mut ranges = Vec::new();
    for part in list.split(',') {
        let wrong = || format!("invalid field value '{part}'");
        let number = |text: &str, default: usize| {
            if text.is_empty() { Ok(default) } else { text.parse::<usize>().map_err(|_| wrong()) }
        };
        let (from, to) = match part.split_once('-') {
            Some((from, to)) => (number(from, 1)?, number(to, usize::MAX)?),
            None => (number(part, 0)?, number(part, 0)?),
        };
        if from == 0 {
            return Err("fields are numbered from 1".to_owned());
        }
        ranges.push((from, to));
    }
    let delimiter = match (fields, options.value("d")) {
        (None, _) => None,
        (Some(_), None) => Some(b'\t'),
        (Some(_), Some(text)) if text.len() == 1 => text.bytes().next(),
        (Some(_), Some(_)) => return Err("the delimiter must be a single character".to_owned()),
    };
    let tool = Cut { ranges, delimiter, only_delimited: options.has("s") };
    Ok(Box::new(Lines::new("cut", call, options.files, tool)))
}

impl LineTool for Cut {
    fn line(&mut self, _: &From<'_>, line: &[u8], io: &mut Io) -> Flow {
        let wanted = |at: usize| self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&(at + 1)));
        match self.delimiter {
            None => {
                let text = String::from_utf8_lossy(line);
                let kept: String =
                    text.chars().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, letter)| letter).collect();
                io.print(kept);
            }
            Some(delimiter) if line.contains(&delimiter) => {
                let fields: Vec<&[u8]> = line.split(|octet| *octet == delimiter).collect();
                let kept: Vec<&[u8]> =
                    fields.iter().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, field)| *field).collect();
                io.print(kept.join(&delimiter));
            }
            Some(_) if self.only_delimited => return Flow::More,
            Some(_) => io.print(line),
        }
        io.print("\n");
        Flow::More
    }

    fn finish(&mut self, _: &mut Io) -> i32 {
        0
    }
}

struct Tee {
    call: Call,
    files: Vec<String>,
    append: bool,
    opened: bool,
    status: i32,
}

fn tee(call: &Call) -> Started {
    let options = Options::read(call.arguments(), "aip", "", &[("append", "a")])?;
    Ok(Box::new(Tee {
        call: call.clone(),
        files: options.files.clone(),
        append: options.has("a"),
        opened: false,
        status: 0,
    }))
}

impl Process for Tee {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        if !std::mem::replace(&mut self.opened, true) {
            let (call, append, status) = (&self.call, self.append, &mut self.status);
            self.files.retain(|file| {
                let path = call.path(file);
                let files = world.files.entry(call.place.clone()).or_default();
                let opened = if append { files.append(&path, b"") } else { files.write(&path, b"") };
                if let Err(error) = opened {
                    io.complain(format!("tee: {file}: {error}\n"));
                    *status = 1;
                    return false;
                }
                true
            });
        }
        let octets = io.read();
        if !octets.is_empty() {
            for file in &self.files {
                let path = self.call.path(file);
                let files = world.files.entry(self.call.place.clone()).or_default();
                if let Err(error) = files.append(&path, &octets) {
                    io.complain(format!("tee: {file}: {error}\n"));
                    self.status = 1;
                }
            }
            io.print(&octets);
        }
        if io.input_ended() { Step::Exit(self.status) } else { Step::Wait(None) }
    }
}

struct Tr {
    from: Vec<char>,
    to: Vec<char>,
    complement: bool,
    delete: bool,
    squeeze: bool,
    last: Option<char>,
}

fn tr(call: &Call) -> Started {
    let options = Options::read(
        call.arguments(),
        "cCdst",
        "",
        &[("delete", "d"), ("squeeze-repeats", "s"), ("complement", "c")],
    )?;
    let sets: Vec<Vec<char>> = options.files.iter().map(|text| characters(text)).collect();
    let from = sets.first().cloned().ok_or("missing operand")?;
    let to = sets.get(1).cloned().unwrap_or_default();
    let (delete, squeeze) = (options.has("d"), options.has("s"));
    if to.is_empty() && !delete && !squeeze {
        return Err(format!(
            "missing operand after '{}'\nTwo strings must be given when translating.",
            options.files[0]
        ));
    }
    let complement = options.has("c") || options.has("C");
    Ok(Box::new(Tr { from, to, complement, delete, squeeze, last: None }))
}

impl Process for Tr {
    fn step(&mut self, _: &mut World, io: &mut Io) -> Step {
        let octets = io.read();
        let text = String::from_utf8_lossy(&octets).into_owned();
        let mut out = String::new();
        for letter in text.chars() {
            let at = self.from.iter().position(|known| *known == letter);
            let hit = at.is_some() != self.complement;
            if hit && self.delete {
                continue;
            }
            let mapped = if hit && !self.to.is_empty() {
                let at = if self.complement { self.to.len() - 1 } else { at.unwrap_or(0) };
                self.to.get(at).or(self.to.last()).copied().unwrap_or(letter)
            } else {
                letter
            };
            let set = if self.to.is_empty() { &self.from } else { &self.to };
            let in_set = set.contains(&mapped) != (self.to.is_empty() && self.complement);
            if self.squeeze && in_set && self.last == Some(mapped) {
                continue;
            }
            self.last = Some(mapped);
            out.push(mapped);
        }
        io.print(out);
        if io.input_ended() { Step::Exit(0) } else { Step::Wait(None) }
    }
}

/// The characters of a set of `tr`: ranges, classes and escapes opened out.
fn characters(set: &str) -> Vec<char> {
    let mut found = Vec::new();
    let letters: Vec<char> = set.chars().collect();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        let rest: String = letters.get(at..).unwrap_or_default().iter().collect();
        let class = [
            ("[:upper:]", ('A'..='Z').collect::<Vec<_>>()),
            ("[:lower:]", ('a'..='z').collect()),
            ("[:digit:]", ('0'..='9').collect()),
            ("[:alpha:]", ('A'..='Z').chain('a'..='z').collect()),
            ("[:alnum:]", ('0'..='9').chain('A'..='Z').chain('a'..='z').collect()),
            ("[:space:]", vec!['\t', '\n', '\u{b}', '\u{c}', '\r', ' ']),
            ("[:blank:]", vec!['\t', ' ']),
            ("[:xdigit:]", ('0'..='9').chain('A'..='F').chain('a'..='f').collect()),
        ]
        .into_iter()
        .find(|(name, _)| rest.starts_with(name));
        if let Some((name, letters)) = class {
            found.extend(letters);
            at += name.len();
            continue;
        }
        let (one, used) = if letter == '\\' {
            let escaped = match letters.get(at + 1) {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('0') => '\0',
                Some(other) => *other,
                None => '\\',
            };
            (escaped, 2)
        } else {
            (letter, 1)
        };
        at += used;
        match (letters.get(at), letters.get(at + 1)) {
            (Some('-'), Some(end)) if *end >= one => {
                found.extend(one..=*end);
                at += 2;
            }
            _ => found.push(one),
        }
    }
    found
}
