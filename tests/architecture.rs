//! Keeps the invariants of ARCHITECTURE.md: which room uses which, and what the middle never touches.
//!
//! The table of that file is the rule: it is read here, so the two cannot drift apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The last room of the middle, in the order of the table.
const LAST_OF_THE_MIDDLE: &str = "course";

/// What the middle never names: paths, by how they begin.
const NOT_IN_THE_MIDDLE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process::Command",
    "std::process::exit",
    "std::process::abort",
    "std::process::id",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::os",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "Timestamp::now",
    "Zoned::now",
    "crossterm",
    "rustyline",
    "pcap",
    "signal_hook",
    "etcetera",
    "tokio",
    "bollard",
];

/// Rooms that may see the octets of a key, and the folder that exports keys when it is asked to.
const MAY_REVEAL: &[&str] = &["src/esp/", "src/xfrm/", "src/cli/export/"];

#[test]
fn every_room_uses_only_the_rooms_in_its_row() {
    assert_no_breaches(rooms_used_against_the_table);
}

/// A sentence that is said later is only looked up when something fails: too late to find that it has no words.
#[test]
fn every_sentence_that_is_said_later_has_words_and_fills_their_places() {
    use esplain::words::{FluentValue, Language, Words};

    let said = regex::Regex::new(r#"(?s)Said::of\(\s*"([^"]+)",\s*&\[(.*?)\],?\s*\)"#).expect("a regular expression");
    let place = regex::Regex::new(r#"\(\s*"([^"]+)","#).expect("a regular expression");
    let words = Language::ALL.map(Words::new);
    let mut seen = 0;
    for Source { path, .. } in sources() {
        let text = fs::read_to_string(root().join(&path)).expect("sources are UTF-8");
        for found in said.captures_iter(&text) {
            seen += 1;
            let id = &found[1];
            assert!(words.iter().all(|words| words.has(id)), "{path}: no words `{id}`");
            let names: Vec<String> = place.captures_iter(&found[2]).map(|name| name[1].to_owned()).collect();
            let places: Vec<_> = names.iter().map(|name| (name.as_str(), FluentValue::from("x"))).collect();
            for said in words.iter().map(|words| words.say(id, &places)) {
                assert!(!said.contains("{$"), "{path}: a place of `{id}` is not filled: {said}");
            }
        }
    }
    assert!(seen > 200, "only {seen} were looked at");
}

#[test]
fn the_middle_touches_no_file_clock_socket_environment_or_terminal() {
    assert_no_breaches(|file, house| {
        let mut breaches = Vec::new();
        if house.middle.contains(file.room.as_str()) {
            for path in file.paths() {
                if let Some(forbidden) = NOT_IN_THE_MIDDLE.iter().find(|forbidden| begins_with(&path.text, forbidden)) {
                    breaches.push(file.breach(path.line, format!("the middle never touches `{forbidden}`")));
                }
            }
        }
        breaches
    });
}

#[test]
fn async_stops_at_the_lab() {
    assert_no_breaches(|file, _| {
        if file.room == "lab" {
            return Vec::new();
        }
        let found = file.tokens.iter().filter(|token| matches!(token.text.as_str(), "async" | "await"));
        found.map(|token| file.breach(token.line, "async stops at the lab edge".to_owned())).collect()
    });
}

#[test]
fn keys_are_revealed_only_where_they_are_used_or_exported() {
    assert_no_breaches(|file, _| {
        if MAY_REVEAL.iter().any(|allowed| file.path.starts_with(allowed)) {
            return Vec::new();
        }
        let found = file.tokens.windows(2).filter(|pair| pair[0].text == "." && pair[1].text == "reveal");
        found.map(|pair| file.breach(pair[1].line, "only esp, xfrm and an export reveal a key".to_owned())).collect()
    });
}

#[test]
fn every_room_of_the_house_is_in_the_table() {
    let house = House::read();
    let rooms: BTreeSet<String> = sources().into_iter().map(|file| file.room).collect();
    let unlisted: Vec<&String> =
        rooms.iter().filter(|room| *room != "lib" && *room != "main" && !house.may_use.contains_key(*room)).collect();
    assert!(unlisted.is_empty(), "ARCHITECTURE.md has no row for {unlisted:?}");
    let gone: Vec<&String> = house.may_use.keys().filter(|room| !rooms.contains(*room)).collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md has rows for rooms that are not there: {gone:?}");
}

/// The rules must be able to fail: each is broken here in every way a source can name a path.
#[test]
fn a_broken_rule_is_found_with_its_line() {
    let house = House::read();
    for (path, text, line) in [
        ("src/packet/frame.rs", "use crate::esp::Spi;\nuse crate::xfrm::State;\n", 2),
        ("src/esp/sa.rs", "fn f() {\n    crate::lab::sim::now()\n}\n", 2),
        ("src/esp/sa.rs", "use crate::{esp::Spi,\n    render};\n", 2),
        ("src/course/step.rs", "// crate::lab\nuse crate::shell::{Shell, run};\n", 2),
        ("src/lab/sim/mod.rs", "pub use crate::course;\n", 1),
        ("src/replay/mod.rs", "use crate::{\n  lab::{Lab, Place},\n  cli::Io,\n};\n", 3),
        ("src/esp/spi.rs", "use super::super::xfrm::Mark;\n", 1),
    ] {
        let file = Source::new(path, text);
        let lines: Vec<usize> = rooms_used_against_the_table(&file, &house).iter().map(|breach| breach.line).collect();
        assert_eq!(lines, [line], "{path}: {text}");
    }
    for (path, text) in [
        ("src/packet/frame.rs", "use crate::esp::Spi;\n"),
        (
            "src/esp/sa.rs",
            "//! [`crate::lab`] and /* crate::cli */\nconst A: &str = \"crate::cli\"; const B: &str = r#\"crate::lab\"#;\n",
        ),
        (
            "src/esp/sa.rs",
            "/* crate::lab /* nested */ crate::cli */ use super::Spi; const C: char = '\"'; fn f<'a>() {}\n",
        ),
        ("src/shell/mod.rs", "use crate::{course, replay, lab::Lab};\n"),
        ("src/cli/mod.rs", "use crate::shell;\n"),
    ] {
        let breaches = rooms_used_against_the_table(&Source::new(path, text), &house);
        assert!(breaches.is_empty(), "{path}: {text}: {breaches:?}");
    }
}

#[test]
fn a_path_is_read_from_every_form_of_use() {
    let file = Source::new(
        "src/esp/sa.rs",
        "use std::{fs::{self, File as F}, time::Instant};\nlet x = std::env::var(\"A\");\n",
    );
    let paths: Vec<String> = file.paths().into_iter().map(|path| path.text).collect();
    for path in ["std::fs", "std::fs::File", "std::time::Instant", "std::env::var"] {
        assert!(paths.iter().any(|found| found == path), "{path} in {paths:?}");
    }
    for (path, forbidden) in [("std::fs::File", "std::fs"), ("pcap::Capture", "pcap")] {
        assert!(begins_with(path, forbidden));
    }
    for (path, allowed) in [("pcap_parser::Block", "pcap"), ("std::fsx", "std::fs")] {
        assert!(!begins_with(path, allowed));
    }
}

/// One place where a rule is broken.
#[derive(Debug)]
struct Breach {
    path: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// The table of ARCHITECTURE.md.
struct House {
    may_use: BTreeMap<String, BTreeSet<String>>,
    middle: BTreeSet<String>,
}

impl House {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
        let rows: Vec<(String, String)> = text
            .lines()
            .filter_map(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                let [_, room, _, uses, _] = cells.as_slice() else { return None };
                Some((backticked(room).into_iter().next()?, (*uses).to_owned()))
            })
            .collect();
        let all: BTreeSet<String> = rows.iter().map(|(room, _)| room.clone()).collect();
        let end = rows.iter().position(|(room, _)| room == LAST_OF_THE_MIDDLE).expect("the table has the middle") + 1;
        let middle: BTreeSet<String> = rows[..end].iter().map(|(room, _)| room.clone()).collect();
        let may_use = rows
            .iter()
            .map(|(room, uses)| {
                let (uses, but) = uses.split_once(" but ").unwrap_or((uses, ""));
                let mut allowed: BTreeSet<String> = backticked(uses).into_iter().collect();
                if uses.contains("everything") {
                    allowed.extend(all.iter().cloned());
                } else if uses.contains("the middle") {
                    allowed.extend(middle.iter().cloned());
                }
                for room in backticked(but) {
                    allowed.remove(&room);
                }
                allowed.insert(room.clone());
                (room.clone(), allowed)
            })
            .collect();
        Self { may_use, middle }
    }
}

/// The words in backquotes that could be rooms: lower case, so `Mark` is none.
fn backticked(text: &str) -> Vec<String> {
    let words = text.split('`').skip(1).step_by(2).map(str::to_owned);
    words.filter(|word| word.bytes().all(|octet| octet.is_ascii_lowercase())).collect()
}

fn rooms_used_against_the_table(file: &Source, house: &House) -> Vec<Breach> {
    let Some(allowed) = house.may_use.get(&file.room) else { return Vec::new() };
    let mut breaches = Vec::new();
    for path in file.paths() {
        let Some(room) = file.room_of(&path.text) else { continue };
        if house.may_use.contains_key(room) && !allowed.contains(room) {
            breaches.push(file.breach(path.line, format!("`{}` may not use `{room}`", file.room)));
        }
    }
    // `use crate::shell::{Shell, run}` breaks one rule once.
    breaches.dedup_by(|one, other| one.line == other.line && one.rule == other.rule);
    breaches
}

fn assert_no_breaches(rule: impl Fn(&Source, &House) -> Vec<Breach>) {
    let house = House::read();
    let files = sources();
    assert!(files.len() > 20, "only {} sources were found", files.len());
    let breaches: Vec<String> =
        files.iter().flat_map(|file| rule(file, &house)).map(|breach| breach.to_string()).collect();
    assert!(breaches.is_empty(), "ARCHITECTURE.md is broken:\n{}", breaches.join("\n"));
}

/// Whether `path` is `start` or lies below it.
fn begins_with(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join("src"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            let name = path.strip_prefix(root()).expect("it is below the root").to_string_lossy().replace('\\', "/");
            found.push(Source::new(&name, &text));
        }
    }
}

/// A source file as tokens, without comments and the insides of strings.
struct Source {
    path: String,
    room: String,
    tokens: Vec<Token>,
}

struct Token {
    text: String,
    line: usize,
}

/// A path that a source names, groups of `use` resolved.
struct Named {
    text: String,
    line: usize,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let below = path.strip_prefix("src/").unwrap_or(path);
        let room = below.split(['/', '.']).next().unwrap_or_default().to_owned();
        Self { path: path.to_owned(), room, tokens: tokens(text) }
    }

    fn breach(&self, line: usize, rule: String) -> Breach {
        Breach { path: self.path.clone(), line, rule }
    }

    /// The room that a path leads to, as written in this file.
    fn room_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut words = path.split("::");
        match words.next()? {
            "crate" => words.next(),
            "super" => {
                // A room's files lie one folder below src, and each `mod` one deeper: enough `super`s leave the room.
                let depth = self.path.trim_end_matches("/mod.rs").matches('/').count();
                let ups = 1 + path.split("::").skip(1).take_while(|word| *word == "super").count();
                if ups >= depth { path.split("::").nth(ups) } else { None }
            }
            _ => None,
        }
    }

    fn paths(&self) -> Vec<Named> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            if is_word(&self.tokens[at].text) {
                at = self.path_at(at, "", &mut found);
            } else {
                at += 1;
            }
        }
        found
    }

    /// Reads a path that starts at `at`, with what stands before it; gives where to read on.
    fn path_at(&self, mut at: usize, before: &str, found: &mut Vec<Named>) -> usize {
        let text = |at: usize| self.tokens.get(at).map_or("", |token| token.text.as_str());
        let mut path = before.to_owned();
        let mut line = self.tokens.get(at).map_or(0, |token| token.line);
        loop {
            if !is_word(text(at)) {
                break;
            }
            line = self.tokens[at].line;
            if text(at) != "self" || path.is_empty() {
                let joint = if path.is_empty() { "" } else { "::" };
                path = format!("{path}{joint}{}", text(at));
            }
            at += 1;
            if text(at) != "::" {
                break;
            }
            at += 1;
            if text(at) == "{" {
                at += 1;
                while !matches!(text(at), "}" | "") {
                    at = if is_word(text(at)) { self.path_at(at, &path, found) } else { at + 1 };
                }
                return at + 1;
            }
        }
        found.push(Named { text: path, line });
        at
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    let is = |at: usize, wanted: &str| wanted.chars().enumerate().all(|(more, c)| chars.get(at + more) == Some(&c));
    while at < chars.len() {
        let start = at;
        let c = chars[at];
        if is(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if is(at, "/*") {
            let mut depth = 0;
            while at < chars.len() {
                if is(at, "/*") {
                    depth += 1;
                    at += 2;
                } else if is(at, "*/") {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        break;
                    }
                } else {
                    at += 1;
                }
            }
        } else if let Some(hashes) = raw_string(&chars, at) {
            let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            at += chars[at..].iter().position(|c| *c == '"').unwrap_or(0) + 1;
            while at < chars.len() && !is(at, &end) {
                at += 1;
            }
            at += end.len();
        } else if c == '"' {
            at += 1;
            while at < chars.len() && chars[at] != '"' {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if c == '\'' && (chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')) {
            at += if chars.get(at + 1) == Some(&'\\') { 3 } else { 2 };
            while at < chars.len() && chars[at] != '\'' {
                at += 1;
            }
            at += 1;
        } else if c.is_alphanumeric() || c == '_' {
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
            found.push(Token { text: chars[start..at].iter().collect(), line });
        } else if is(at, "::") {
            at += 2;
            found.push(Token { text: "::".to_owned(), line });
        } else {
            at += 1;
            if !c.is_whitespace() {
                found.push(Token { text: c.to_string(), line });
            }
        }
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    found
}

/// The number of `#` of a raw string that starts here.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let (['b', 'r', rest @ ..] | ['r', rest @ ..]) = chars.get(at..)? else { return None };
    if at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') {
        return None;
    }
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    (rest.get(hashes) == Some(&'"')).then_some(hashes)
}
