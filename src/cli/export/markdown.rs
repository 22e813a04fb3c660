use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::write;
use crate::cli::{Io, bookshelf, learn};
use crate::course::{Book, Direction, Facts, Seen, Step, StepText, Template};
use crate::decrypt::{Keyring, Outcome, Scratch};
use crate::lab::recording::{Keys, Walk, WalkedLine};
use crate::packet::line::{Options, TimeFormat};
use crate::packet::{Frame, Printer};
use crate::trouble::{Exit, Trouble};
use crate::words::{Language, Words};
use crate::xfrm::parse_states;

/// Show a recording as Markdown: steps, lines, what they printed, notes on it, packets.
///
/// What was set back with `:reset` is not shown. The notes are those of the course, where it is at hand.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recording.
    #[arg(value_name = "FILE.esplain")]
    recording: PathBuf,
    /// The file to write; without it, standard output.
    #[arg(short, long, value_name = "FILE.md")]
    output: Option<PathBuf>,
    /// The language: `en` or `zh`. Without it, the one of the locale.
    #[arg(long, value_name = "LANGUAGE", env = "ESPLAIN_LANG")]
    lang: Option<String>,
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let walk = Walk::read(&args.recording)?;
    super::tell_torn(&walk, io);
    let language = learn::language(args.lang.as_deref())?;
    let book = bookshelf::book(&walk.head.course).ok();
    let page = Page { walk: &walk, book: book.as_ref(), language, words: Words::new(language) };
    write(args.output.as_deref(), page.text().as_bytes(), io)
}

/// A recording on its way to paper.
struct Page<'a> {
    walk: &'a Walk,
    book: Option<&'a Book>,
    language: Language,
    words: Words,
}

impl Page<'_> {
    fn text(&self) -> String {
        let head = &self.walk.head;
        let title = self.book.map_or(head.course.as_str(), |book| &book.words(self.language.code()).title);
        let keys = self.words.say(
            match head.keys {
                Keys::Substitutes => "ui-recording-substitutes",
                Keys::Real => "ui-recording-keys",
            },
            &[],
        );
        let day = head.begun.split('T').next().unwrap_or_default();
        let args = [("lab", head.lab.clone().into()), ("day", day.to_owned().into()), ("keys", keys.into())];
        let mut text = format!("# {title}\n\n{}\n", self.words.say("export-head", &args).trim_end());
        if let Some(why) = &self.walk.torn {
            let _ =
                write!(text, "\n{}\n", self.words.say("ui-recording-torn", &[("why", why.clone().into())]).trim_end());
        }
        let mut at = None;
        for line in &self.walk.lines {
            if line.step != at {
                at.clone_from(&line.step);
                self.heading(line, &mut text);
            }
            self.line(line, &mut text);
        }
        text
    }

    fn step(&self, line: &WalkedLine) -> Option<(&Step, &StepText)> {
        let (book, id) = (self.book?, line.step.as_ref()?);
        Some((book.course.step(id)?, book.words(self.language.code()).steps.get(id)?))
    }

    fn heading(&self, line: &WalkedLine, text: &mut String) {
        let facts = self.facts(line);
        match (self.step(line), &line.step) {
            (Some((_, words)), _) => {
                let _ =
                    write!(text, "\n## {}\n\n{}\n", words.title, Template::new(&*words.task).show(&facts).trim_end());
            }
            (None, Some(id)) => {
                let _ = write!(text, "\n## {id}\n");
            }
            (None, None) => {}
        }
    }

    fn facts(&self, line: &WalkedLine) -> Facts {
        match self.book {
            Some(book) => book.course.facts(line.facts.clone()),
            None => line.facts.clone(),
        }
    }

    fn line(&self, line: &WalkedLine, text: &mut String) {
        let output = plain(&line.output());
        let said = format!("{}> {}\n{output}", line.place, line.line);
        let fence = fence(&said);
        let _ = write!(text, "\n{fence}console\n{}\n{fence}\n", said.trim_end());
        if let Some(status) = line.status.filter(|status| *status != 0) {
            let _ = write!(text, "\n{}\n", self.words.say("export-status", &[("status", status.into())]).trim_end());
        }
        self.notes(line, &output, text);
        self.packets(line, text);
    }

    /// The course's notes on the lines of an output.
    fn notes(&self, line: &WalkedLine, output: &str, text: &mut String) {
        let Some((step, words)) = self.step(line) else { return };
        let facts = self.facts(line);
        for annotation in &step.annotations {
            let Ok(pattern) = annotation.line.pattern(&facts) else { continue };
            let Some(found) = output.lines().find(|line| pattern.is_match(line)) else { continue };
            let Some(note) = words.notes.get(&annotation.id) else { continue };
            let note = Template::new(&**note).show(&facts);
            let quoted: Vec<String> =
                note.trim().lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
            let _ = write!(text, "\n> `{}`\n>\n{}\n", found.trim().replace('`', "'"), quoted.join("\n"));
        }
    }

    /// The packets that a line caused: tcpdump's line, and what was inside.
    fn packets(&self, line: &WalkedLine, text: &mut String) {
        if line.packets.is_empty() {
            return;
        }
        let keys: BTreeMap<&str, Keyring> = line
            .states
            .iter()
            .map(|(place, states)| (place.as_str(), Keyring::new(&parse_states(states).items)))
            .collect();
        let none = Keyring::default();
        let mut scratch = Scratch::default();
        let mut listed = String::new();
        for (place, frame) in &line.packets {
            let keys = keys.get(place.as_str()).unwrap_or(&none);
            let seen = Seen::of(frame, keys, &BTreeMap::new(), &mut scratch);
            let direction = match seen.direction {
                Some(Direction::In) => " In",
                Some(Direction::Out) => " Out",
                Some(Direction::Other) => " P",
                None => "",
            };
            let device = frame.device.as_deref().map(|device| format!(" {device}")).unwrap_or_default();
            let verdict = keys.decrypt_frame(frame, &mut scratch);
            let outer = verdict.outer.and_then(|outer| frame.octets.get(outer.start..));
            let said = outer.map_or_else(|| frame_line(frame), ip_line);
            let _ = writeln!(listed, "{place}{device}{direction}: {said}");
            let mut packet = Vec::new();
            if verdict.outcome == Outcome::Decrypted && verdict.plain_packet(&mut packet) {
                let _ = writeln!(listed, "    {}{}", self.words.say("ui-live-inside", &[]), ip_line(&packet));
            }
        }
        let count = line.packets.len();
        let heading = self.words.say("export-packets", &[("count", count.into())]);
        let fence = fence(&listed);
        let _ = write!(text, "\n{}\n\n{fence}text\n{}\n{fence}\n", heading.trim_end(), listed.trim_end());
    }
}

fn printer() -> Printer {
    Printer::new(Options { numeric: true, time: TimeFormat::of_count(1), ..Options::default() })
}

fn frame_line(frame: &Frame) -> String {
    let mut line = String::new();
    printer().print(frame.view(), &mut line);
    line.trim_end().to_owned()
}

/// tcpdump's line for an IP packet, from the addresses on.
fn ip_line(packet: &[u8]) -> String {
    let mut line = String::new();
    printer().print_ip(packet, &mut line);
    let line = line.trim_end();
    line.strip_prefix("IP ").unwrap_or(line).to_owned()
}

/// What a terminal's escape sequences would do is left out.
fn plain(text: &str) -> String {
    let mut plain = crate::render::Foreign::new(false);
    plain.push(text.as_bytes()) + &plain.finish()
}

/// A fence that is longer than any in the text.
fn fence(text: &str) -> String {
    let longest = text.lines().map(|line| line.trim_start().chars().take_while(|c| *c == '`').count()).max();
    "`".repeat(longest.unwrap_or(0).max(2) + 1)
}
