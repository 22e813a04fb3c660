//! `esplain explain`: pasted text of `ip`, `tcpdump` or `/proc/net/xfrm_stat`, line by line.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Io, learn};
use crate::explain::{Explanation, explain};
use crate::listing::Unread;
use crate::render::{Colour, Look, Surroundings, explained, paint};
use crate::trouble::{Exit, Trouble};
use crate::words::{Said, Words};

/// Explain pasted text of ip, tcpdump or /proc/net/xfrm_stat, line by line.
///
/// Takes `ip xfrm state`, `ip xfrm policy`, `ip rule`, `ip route`, `ip addr`, `ip link`, tcpdump's lines and
/// `/proc/net/xfrm_stat`, also several in one paste, also damaged. Each line is printed with what its fields mean in a
/// Cilium cluster below it; lines that cannot be read are named. Keys show only as fingerprints.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The text; `-`, and no file at all, is standard input.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The language: `en` or `zh`. Without it, the one of the locale.
    #[arg(long, value_name = "LANGUAGE", env = "ESPLAIN_LANG")]
    lang: Option<String>,
    /// Print one JSON object with all notes and all unread lines.
    #[arg(long)]
    json: bool,
    /// Text for screen readers: no columns.
    #[arg(long, env = "ESPLAIN_PLAIN", value_parser = clap::builder::FalseyValueParser::new())]
    plain: bool,
    /// Show keys as they stand in the text.
    #[arg(long)]
    with_keys: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    language: &'static str,
    notes: Vec<PrintedNote<'a>>,
    unread: Vec<PrintedUnread<'a>>,
}

#[derive(Serialize)]
struct PrintedNote<'a> {
    /// From 1.
    line: usize,
    /// The first and the last character, from 1.
    columns: [usize; 2],
    field: &'a str,
    /// Which of the field's cases it is: the id of the message.
    case: &'a str,
    words: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct PrintedUnread<'a> {
    line: usize,
    text: &'a str,
    reason: &'a str,
}

pub(super) fn run(args: &Args, color: Colour, io: &mut Io) -> Result<Exit, Trouble> {
    let words = Words::new(learn::language(args.lang.as_deref())?);
    let (name, text) = read(args.file.as_deref(), &words, io)?;
    if text.trim().is_empty() {
        return Err(usable_text(Trouble::unusable(Said::of("paste-empty", &[("name", &name)]))));
    }
    let explanation = explain(&text, &words);
    if explanation.is_empty() {
        let what = Said::of("paste-nothing", &[("name", &name)]);
        return Err(usable_text(Trouble::unusable(what)));
    }
    io.page();
    let printed = if args.json {
        json(&text, &explanation, args.with_keys, &words)
    } else {
        let look = Look::decide(&Surroundings::of_process(color, args.plain));
        paint(&explained(&text, &explanation, args.with_keys, &look, &words), &look)
    };
    io.out.write_all(printed.as_bytes()).map_err(|error| Io::unwritable(&error))?;
    Ok(Exit::Done)
}

fn usable_text(trouble: Trouble) -> Trouble {
    trouble.hint(Said::of("paste-give-output", &[])).hint(Said::of("paste-reads", &[]))
}

/// No paste is longer than this, in octets.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The name of the source for messages, and its text.
fn read(file: Option<&Path>, words: &Words, io: &mut Io) -> Result<(String, String), Trouble> {
    let mut octets = Vec::new();
    let (name, read) = if let Some(file) = file.filter(|file| file.as_os_str() != "-") {
        let read = std::fs::File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut octets));
        (file.display().to_string(), read)
    } else {
        if std::io::stdin().is_terminal() {
            // What cannot be said on standard error is not worth ending for.
            let _ = writeln!(io.err, "{}", words.say("paste-now", &[]));
        }
        (words.say("paste-standard-input", &[]), io.input.by_ref().take(LONGEST + 1).read_to_end(&mut octets))
    };
    read.map_err(|error| Trouble::unusable(Said::of("trouble-unread", &[("name", &name)])).because(&error))?;
    if octets.len() as u64 > LONGEST {
        return Err(Trouble::unusable(Said::of(
            "paste-too-long",
            &[("name", &name), ("size", &(LONGEST / 1024 / 1024))],
        ))
        .hint(Said::of("paste-use-decrypt", &[])));
    }
    Ok((name, String::from_utf8_lossy(&octets).into_owned()))
}

fn json(text: &str, explanation: &Explanation, with_keys: bool, words: &Words) -> String {
    let lines: Vec<&str> = text.lines().collect();
    // The notes stand in the order of the text, so that each line's characters are counted once.
    let mut counted = Counted::default();
    let notes = explanation.notes.iter().map(|note| {
        let line = note.span.line.checked_sub(1).and_then(|index| lines.get(index)).copied().unwrap_or_default();
        let raw = line.get(note.span.start..note.span.end);
        let before = counted.characters(note.span.line, line, note.span.start);
        PrintedNote {
            line: note.span.line,
            columns: [before + 1, before + raw.map_or(0, |raw| raw.chars().count())],
            field: note.field,
            case: note.message.strip_prefix("explain-").unwrap_or(&note.message),
            words: raw.filter(|_| with_keys).unwrap_or(&note.words),
            text: &note.text,
        }
    });
    let notes = notes.collect();
    let unread = explanation.unread.iter();
    let unread = unread.map(|Unread { line, text, reason }| PrintedUnread { line: *line, text, reason }).collect();
    let printed = Printed { language: words.language().code(), notes, unread };
    // Strings and numbers always serialize.
    serde_json::to_string(&printed).unwrap_or_default() + "\n"
}

/// How many characters stand before an octet of a line.
#[derive(Default)]
struct Counted {
    line: usize,
    octets: usize,
    characters: usize,
}

impl Counted {
    fn characters(&mut self, number: usize, line: &str, octets: usize) -> usize {
        if number != self.line || octets < self.octets {
            *self = Self { line: number, octets: 0, characters: 0 };
        }
        self.characters += line.get(self.octets..octets).map_or(0, |between| between.chars().count());
        self.octets = octets;
        self.characters
    }
}
