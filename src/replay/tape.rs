//! What a replay looked like, for those who were not there: as plain text, or as a cast.
//!
//! Writing to a `String` never fails; the results of `write!` are dropped for that reason.

use std::fmt::Write as _;
use std::time::Duration;

use crate::course::{Opening, Role, Seen};
use crate::render::{self, Block, Cast, Foreign, Line, Look, layout, markdown, paint};
use crate::words::{Language, Words};
use crate::xfrm::hide_keys;

/// The cast's terminal: wide enough for most of what `tcpdump` prints.
const COLUMNS: u16 = 100;
const ROWS: u16 = 30;

/// A line that was typed, and what came of it on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed {
    /// Where.
    pub(super) place: Role,
    /// The line.
    pub(super) line: String,
    /// What was printed, both streams as they came.
    pub(super) printed: String,
    /// The packets that the guide's own command was about.
    pub(super) packets: Vec<Seen>,
}

impl Typed {
    /// What was on the screen below the line.
    pub(super) fn screen(&self, words: &Words) -> String {
        let packets: String = self.packets.iter().map(|packet| packet_line(packet, words)).collect();
        format!("{}{packets}", self.printed)
    }
}

/// A step as one would have watched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// The step's id.
    pub(super) step: String,
    /// Its number, and how many steps there are.
    pub(super) number: (usize, usize),
    /// The lab's word.
    pub(super) lab: String,
    /// The words' language.
    pub(super) language: Language,
    /// The title.
    pub(super) title: String,
    /// Where the step begins.
    pub(super) place: Role,
    /// What is to be done, Markdown, with the lab's values in it.
    pub(super) task: String,
    /// What was typed.
    pub(super) typed: Vec<Typed>,
    /// What was to be seen, Markdown.
    pub(super) seen: String,
}

/// Whether the keys of states and secrets are kept in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// They are taken out.
    Hidden,
    /// They stay.
    Shown,
}

impl Keys {
    fn of(self, text: &str) -> String {
        match self {
            Self::Hidden => hide_keys(text).into_owned(),
            Self::Shown => text.to_owned(),
        }
    }
}

/// The scenes as text without any colour, 80 columns wide where text can wrap.
pub fn transcript<'s>(scenes: impl IntoIterator<Item = &'s Scene>, keys: Keys) -> String {
    let look = Look { width: 80, colour: false, unicode: true, plain: false };
    let mut text = String::new();
    for scene in scenes {
        let words = Words::new(scene.language);
        let _ = writeln!(text, "{}", paint(&layout(&scene.opening(&words), &look), &look));
        for typed in &scene.typed {
            let _ = writeln!(text, "{}{}", scene.prompt(typed.place).plain(), typed.line);
            text.push_str(&safe(&typed.screen(&words), false));
        }
        let _ = writeln!(text, "\n{}", paint(&layout(&scene.closing(&words), &look), &look));
    }
    keys.of(&text)
}

/// The scenes as an asciicast v3 with a marker a step. Keys fall and lines come at a pace that can be followed, and there
/// is time to read; `status` is how the replay ended.
pub fn cast<'s>(scenes: impl IntoIterator<Item = &'s Scene>, title: &str, keys: Keys, status: u8) -> String {
    let look = Look { width: usize::from(COLUMNS), colour: true, unicode: true, plain: false };
    let mut cast = Cast::new(COLUMNS, ROWS, title);
    for scene in scenes {
        cast.marker(format!("{} {}", scene.step, scene.title).trim_end());
        cast.clear();
        let words = Words::new(scene.language);
        let opening = paint(&layout(&scene.opening(&words), &look), &look);
        cast.output(&keys.of(&opening));
        cast.output("\n");
        cast.pause(time_to_read(&scene.task));
        for typed in &scene.typed {
            let prompt = paint(&[scene.prompt(typed.place)], &look);
            cast.typed(prompt.trim_end_matches('\n'), &keys.of(&typed.line));
            let printed = keys.of(&safe(&typed.screen(&words), true));
            cast.output(&printed);
            cast.pause(time_to_read(&printed));
        }
        if !scene.seen.is_empty() {
            cast.output(&keys.of(&format!("\n{}\n", paint(&layout(&scene.closing(&words), &look), &look))));
            cast.pause(time_to_read(&scene.seen));
        }
    }
    cast.exit(status)
}

impl Scene {
    fn opening(&self, words: &Words) -> Vec<Block> {
        let mut blocks = vec![Block::Heading(2, Line::text(&*self.title))];
        if !self.task.is_empty() {
            let heading = words.say("ui-task-on", &[("place", self.place.name().into())]);
            blocks.push(Block::Heading(3, Line::text(heading)));
            blocks.extend(markdown(&self.task));
        }
        blocks
    }

    fn closing(&self, words: &Words) -> Vec<Block> {
        if self.seen.is_empty() {
            return Vec::new();
        }
        let heading = words.say("ui-seen", &[]);
        let mut blocks = vec![Block::Heading(3, Line::text(heading))];
        blocks.extend(markdown(&self.seen));
        blocks
    }

    /// The guided shell's: `worker 9/24 sim> `.
    fn prompt(&self, place: Role) -> Line {
        let (at, of) = self.number;
        let number = if of == 0 { " ".to_owned() } else { format!(" {at}/{of} ") };
        Line::of(place.name(), render::Role::Device)
            .and(number, render::Role::Text)
            .and(&*self.lab, render::Role::Quiet)
            .and("> ", render::Role::Prompt)
    }
}

/// A packet that the guide's own command was about: `cilium_net 10.0.0.66 > 10.0.1.236 ESP spi 0x00000003 seq 0x1: …`.
fn packet_line(packet: &Seen, words: &Words) -> String {
    let mut parts: Vec<String> = packet.device.iter().cloned().collect();
    parts.extend(packet.outer.map(|(src, dst)| format!("{src} > {dst}")));
    parts.extend(packet.esp.as_ref().map(|esp| format!("ESP spi {} seq {:#x}", esp.spi, esp.seq)));
    let came = match packet.opening {
        Opening::Clear => "replay-packet-clear",
        Opening::Opened => "replay-packet-opened",
        Opening::BadIcv => "replay-packet-refused",
        Opening::NoSa => "replay-packet-no-sa",
        Opening::Unreadable => "replay-packet-unreadable",
    };
    let inner = packet.inner.map(|(src, dst)| format!(" {src} > {dst}")).unwrap_or_default();
    format!("{}: {}{inner}\n", parts.join(" "), words.say(came, &[]))
}

/// A program's output made safe for a terminal, ending with a line end where there is any.
fn safe(printed: &str, colour: bool) -> String {
    let mut foreign = Foreign::new(colour);
    let mut text = foreign.push(printed.as_bytes());
    text.push_str(&foreign.finish());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// About as long as it takes to take in a text that is half known; never so long that it is dull.
fn time_to_read(text: &str) -> Duration {
    const A_LETTER: u64 = 12;
    const LEAST: u64 = 400;
    const MOST: u64 = 6000;
    let letters = u64::try_from(text.chars().count()).unwrap_or(MOST);
    Duration::from_millis(letters.saturating_mul(A_LETTER).clamp(LEAST, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "4a506a794f574265564551694d653768ec15dd77";

    fn scene() -> Scene {
        Scene {
            step: "states".to_owned(),
            number: (9, 24),
            lab: "sim".to_owned(),
            language: Language::En,
            title: "The states".to_owned(),
            place: Role::Worker,
            task: "List the `states`.".to_owned(),
            typed: vec![Typed {
                place: Role::Worker,
                line: "ip x s".to_owned(),
                printed: format!("\taead rfc4106(gcm(aes)) 0x{KEY} 128\n\u{1b}]0;evil\u{7}end"),
                packets: Vec::new(),
            }],
            seen: "The SPI is 3.".to_owned(),
        }
    }

    #[test]
    fn a_transcript_is_what_one_would_have_read() {
        let text = transcript([&scene()], Keys::Hidden);
        let lines: Vec<&str> = text.lines().collect();
        for expected in
            ["worker 9/24 sim> ip x s", "\taead rfc4106(gcm(aes)) <<Keys hidden>> 128", "List the `states`."]
        {
            assert!(lines.contains(&expected), "{expected:?} is not in {text}");
        }
        assert!(!text.contains(KEY) && !text.contains('\u{1b}'), "{text:?}");
        assert!(transcript([&scene()], Keys::Shown).contains(KEY));
    }

    #[test]
    fn a_cast_has_a_marker_a_step_and_no_key() {
        let text = cast([&scene(), &scene()], "t", Keys::Hidden, 1);
        let count = |code: &str| text.lines().filter(|line| line.contains(&format!(", \"{code}\", "))).count();
        assert_eq!((count("m"), count("x")), (2, 1), "{text}");
        assert!(!text.contains(KEY) && !text.contains("]0;evil\\u0007"), "{text}");
        assert!(text.ends_with("\"x\", \"1\"]\n"));
    }
}
