use super::lines::{Flow, From, LineTool, Lines, Options};
use super::text::Started;
use super::{Whole, once};
use crate::lab::sim::World;
use crate::lab::sim::process::{Call, Io};

/// `sort`.
pub(super) fn sort(call: &Call) -> Started {
    let long = [
        ("numeric-sort", "n"),
        ("reverse", "r"),
        ("unique", "u"),
        ("key=", "k"),
        ("field-separator=", "t"),
        ("human-numeric-sort", "h"),
        ("version-sort", "V"),
        ("stable", "s"),
        ("ignore-case", "f"),
    ];
    let options = Options::read(call.arguments(), "nrufhVsbdg", "kto", &long)?;
    let (numeric, reverse, unique, fold) = (
        options.has("n") || options.has("h") || options.has("g"),
        options.has("r"),
        options.has("u"),
        options.has("f"),
    );
    let separator = options.value("t").and_then(|text| text.chars().next());
    let keys: Vec<String> =
        options.given.iter().filter(|(letter, _)| letter == "k").filter_map(|(_, value)| value.clone()).collect();
    let output = options.value("o").map(str::to_owned);
    let files = options.files.clone();
    let (call, reader) = (call.clone(), call.clone());
    let order = move |text: Vec<u8>| {
        let mut lines: Vec<&[u8]> = text.split(|octet| *octet == b'\n').collect();
        if lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        let compare = |left: &&[u8], right: &&[u8]| {
            for key in &keys {
                let plain = key.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
                let number = numeric || key.ends_with('n');
                let (a, b) = (field(left, plain, separator), field(right, plain, separator));
                let found = compare_text(&a, &b, number, fold);
                let found = if key.ends_with('r') { found.reverse() } else { found };
                if found.is_ne() {
                    return if reverse { found.reverse() } else { found };
                }
            }
            let (a, b) = (String::from_utf8_lossy(left), String::from_utf8_lossy(right));
            let mut found =
                if keys.is_empty() { compare_text(&a, &b, numeric, fold) } else { std::cmp::Ordering::Equal };
            if found.is_eq() && !unique {
                found = left.cmp(right);
            }
            if reverse { found.reverse() } else { found }
        };
        lines.sort_by(compare);
        if unique {
            lines.dedup_by(|a, b| compare(&&**a, &&**b).is_eq());
        }
        let mut out = lines.join(&b'\n');
        if !out.is_empty() {
            out.push(b'\n');
        }
        out
    };
    let finish = move |world: &mut World, io: &mut Io, text: Vec<u8>| {
        let sorted = order(text);
        match &output {
            Some(path) => match world.write_file(&call, path, &sorted) {
                Ok(()) => 0,
                Err(error) => {
                    io.complain(format!("sort: open failed: {path}: {error}\n"));
                    2
                }
            },
            None => {
                io.print(sorted);
                0
            }
        }
    };
    if files.is_empty() || files == ["-"] {
        return Ok(Box::new(Whole(Some(finish))));
    }
    Ok(once(move |world, io| {
        let mut text = Vec::new();
        for name in &files {
            match world.read_file(&reader, name) {
                Ok(octets) => text.extend(octets),
                Err(error) => {
                    io.complain(format!("sort: cannot read: {name}: {error}\n"));
                    return 2;
                }
            }
            if text.last().is_some_and(|octet| *octet != b'\n') {
                text.push(b'\n');
            }
        }
        finish(world, io, text)
    }))
}

fn field(line: &[u8], key: &str, separator: Option<char>) -> String {
    let text = String::from_utf8_lossy(line).into_owned();
    let (first, last) = key.split_once(',').map_or((key, None), |(first, last)| (first, Some(last)));
    let first: usize = first.split('.').next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let last: Option<usize> = last.and_then(|text| text.split('.').next().and_then(|text| text.parse().ok()));
    let fields: Vec<&str> = match separator {
        Some(separator) => text.split(separator).collect(),
        None => text.split_whitespace().collect(),
    };
    let end = last.unwrap_or(fields.len()).min(fields.len());
    let start = first.saturating_sub(1).min(end);
    fields.get(start..end).unwrap_or_default().join(" ")
}

fn compare_text(a: &str, b: &str, numeric: bool, fold: bool) -> std::cmp::Ordering {
    if numeric {
        let number = |text: &str| {
            let text = text.trim_start();
            let end = text
                .find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != '-')
                .unwrap_or(text.len());
            text.get(..end).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0)
        };
        return number(a).total_cmp(&number(b));
    }
    if fold { a.to_lowercase().cmp(&b.to_lowercase()) } else { a.cmp(b) }
}

struct Uniq {
    count: bool,
    repeated: bool,
    unique: bool,
    last: Option<(Vec<u8>, u64)>,
}

/// `uniq`.
pub(super) fn uniq(call: &Call) -> Started {
    let options =
        Options::read(call.arguments(), "cdui", "fsw", &[("count", "c"), ("repeated", "d"), ("unique", "u")])?;
    let tool = Uniq { count: options.has("c"), repeated: options.has("d"), unique: options.has("u"), last: None };
    Ok(Box::new(Lines::new("uniq", call, options.files, tool)))
}

impl Uniq {
    fn flush(&mut self, io: &mut Io) {
        let Some((line, times)) = self.last.take() else { return };
        if (self.repeated && times < 2) || (self.unique && times > 1) {
            return;
        }
        if self.count {
            io.print(format!("{times:7} "));
        }
        io.print(line);
        io.print("\n");
    }
}

impl LineTool for Uniq {
    fn line(&mut self, _: &From<'_>, line: &[u8], io: &mut Io) -> Flow {
        match &mut self.last {
            Some((last, times)) if last == line => *times += 1,
            _ => {
                self.flush(io);
                self.last = Some((line.to_vec(), 1));
            }
        }
        Flow::More
    }

    fn finish(&mut self, io: &mut Io) -> i32 {
        self.flush(io);
        0
    }
}
