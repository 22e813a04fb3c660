//! The list of differences: `differences.yaml`.

use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;
use serde::Deserialize;

/// What both labs answered, after clocks and ids.
pub(crate) struct Pair<'a> {
    pub(crate) scenario: &'a str,
    /// `worker $ ip neigh`, or the name of a capture.
    pub(crate) title: &'a str,
    pub(crate) kernels: &'a str,
    pub(crate) own: &'a str,
}

/// The whole list.
pub(crate) struct Differences {
    pub(crate) legitimate: Vec<Entry>,
    pub(crate) open: Vec<Entry>,
}

/// One difference.
pub(crate) struct Entry {
    pub(crate) reason: String,
    scenario: Option<Regex>,
    command: Regex,
    change: Change,
    sometimes: bool,
    used: AtomicUsize,
}

/// What makes both sides equal where the difference is.
enum Change {
    /// Nothing of the answer is compared.
    Whole,
    /// Lines may come in any order.
    AnyOrder,
    /// Lines that match are left out.
    Lines(Regex),
    /// What matches is left out, or what the group in it matches.
    Text(Regex),
}

/// How an answer compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Equal,
    Listed,
    Open,
    Unlisted,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    legitimate: Vec<Row>,
    open: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    scenario: Option<String>,
    command: String,
    lines: Option<String>,
    text: Option<String>,
    order: Option<String>,
    #[serde(default)]
    sometimes: bool,
    #[serde(default)]
    live: bool,
    reason: String,
}

impl Differences {
    /// Reads the list. What is marked as `live` is for a kernel booted now, whose clock is that of a busy machine.
    pub(crate) fn read(text: &str, live: bool) -> Self {
        let file: File = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("differences.yaml: {error}"));
        let entries = |rows: Vec<Row>| rows.into_iter().filter(|row| live || !row.live).map(Entry::new).collect();
        Self { legitimate: entries(file.legitimate), open: entries(file.open) }
    }

    /// Compares two answers, and notes which entries were needed.
    pub(crate) fn judge(&self, pair: &Pair<'_>) -> Verdict {
        if pair.kernels == pair.own {
            return Verdict::Equal;
        }
        let legitimate: Vec<&Entry> = self.legitimate.iter().filter(|entry| entry.fits(pair)).collect();
        if equal(pair, &legitimate, None) {
            note(pair, &legitimate);
            return Verdict::Listed;
        }
        let all: Vec<&Entry> =
            legitimate.into_iter().chain(self.open.iter().filter(|entry| entry.fits(pair))).collect();
        if equal(pair, &all, None) {
            note(pair, &all);
            return Verdict::Open;
        }
        Verdict::Unlisted
    }

    /// Entries that no answer needed: what they list is no difference any more.
    pub(crate) fn unused(&self) -> Vec<&str> {
        let all = self.legitimate.iter().chain(&self.open);
        all.filter(|entry| entry.uses() == 0 && !entry.sometimes).map(|entry| entry.reason.as_str()).collect()
    }

    /// What the entries that fit leave of a pair, for showing.
    pub(crate) fn remains(&self, pair: &Pair<'_>) -> (String, String) {
        let all: Vec<&Entry> = self.legitimate.iter().chain(&self.open).filter(|entry| entry.fits(pair)).collect();
        (changed(pair.kernels, &all, None), changed(pair.own, &all, None))
    }
}

impl Entry {
    fn new(row: Row) -> Self {
        let regex = |text: &str| Regex::new(text).unwrap_or_else(|error| panic!("differences.yaml: {error}"));
        let change = match (&row.lines, &row.text, row.order.as_deref()) {
            (None, None, None) => Change::Whole,
            (None, None, Some("any")) => Change::AnyOrder,
            (Some(lines), None, None) => Change::Lines(regex(lines)),
            (None, Some(text), None) => Change::Text(regex(text)),
            _ => panic!("differences.yaml: one of lines, text and `order: any`: {}", row.reason),
        };
        let scenario = row.scenario.map(|scenario| regex(&format!("^(?:{scenario})$")));
        let used = AtomicUsize::new(0);
        Self {
            reason: row.reason,
            scenario,
            command: regex(&row.command),
            change,
            sometimes: row.sometimes || row.live,
            used,
        }
    }

    /// How many answers need it.
    pub(crate) fn uses(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn fits(&self, pair: &Pair<'_>) -> bool {
        self.scenario.as_ref().is_none_or(|scenario| scenario.is_match(pair.scenario))
            && self.command.is_match(pair.title)
    }
}

/// Notes the entries without which the pair would differ.
fn note(pair: &Pair<'_>, entries: &[&Entry]) {
    for (at, entry) in entries.iter().enumerate() {
        if !equal(pair, entries, Some(at)) {
            entry.used.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn equal(pair: &Pair<'_>, entries: &[&Entry], without: Option<usize>) -> bool {
    changed(pair.kernels, entries, without) == changed(pair.own, entries, without)
}

fn changed(text: &str, entries: &[&Entry], without: Option<usize>) -> String {
    let used = entries.iter().enumerate().filter(|(at, _)| Some(*at) != without);
    used.fold(text.to_owned(), |text, (_, entry)| match &entry.change {
        Change::Whole => String::new(),
        Change::AnyOrder => {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            lines.into_iter().fold(String::new(), |text, line| text + line + "\n")
        }
        Change::Lines(regex) => {
            let kept = text.split_inclusive('\n').filter(|line| !regex.is_match(line.trim_end_matches('\n')));
            kept.collect()
        }
        Change::Text(regex) => {
            let without = |found: &regex::Captures<'_>| {
                let whole = found.get_match();
                match (1..found.len()).find_map(|group| found.get(group)) {
                    Some(group) => text[whole.start()..group.start()].to_owned() + &text[group.end()..whole.end()],
                    None => String::new(),
                }
            };
            regex.replace_all(&text, without).into_owned()
        }
    })
}
