use std::io::{self, Write};

use super::paint::paint_line;
use super::{Block, Colour, Line, Look, Role, Surroundings, inline, layout, paint};
use crate::trouble::Trouble;
use crate::words::Words;

/// Prints whole lines above a prompt.
pub type Printer = Box<dyn FnMut(String) -> io::Result<()> + Send>;

/// Erases to the end of the line (ECMA-48, EL).
const ERASE: &str = "\x1b[K";

/// The one way to the reader's screen.
///
/// Knows the look, writes whole lines, and remembers a write that failed: a closed pipe or terminal and a full disk end
/// the program quietly and in order instead of with a panic. Ask [`Console::broken`].
pub struct Console {
    look: Look,
    around: Surroundings,
    out: Box<dyn Write + Send>,
    error: Box<dyn Write + Send>,
    above: Option<Printer>,
    raw: bool,
    waiting: String,
    broken: Option<io::Error>,
}

impl Console {
    /// The process's own standard output and error.
    pub fn standard(colour: Colour, plain: bool) -> Self {
        let around = Surroundings::of_process(colour, plain);
        let look = Look::decide(&around);
        // The look alone decides; crossterm would otherwise read `NO_COLOR` again and overrule the flag.
        crossterm::style::force_color_output(look.colour);
        Self {
            look,
            around,
            out: Box::new(io::stdout()),
            error: Box::new(io::stderr()),
            above: None,
            raw: false,
            waiting: String::new(),
            broken: None,
        }
    }

    /// Writes somewhere else, with a fixed look: for tests and for files.
    pub fn into_writer(look: Look, out: Box<dyn Write + Send>) -> Self {
        Self {
            look,
            around: Surroundings::default(),
            out,
            error: Box::new(io::sink()),
            above: None,
            raw: false,
            waiting: String::new(),
            broken: None,
        }
    }

    /// What the screen can show now.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Whether standard output is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.around.terminal
    }

    /// Asks the terminal for its width again, after it may have been resized.
    pub fn measure(&mut self) {
        if self.around.terminal {
            self.around.width = super::look::terminal_width();
            self.look = Look::decide(&self.around);
        }
    }

    /// From now on text waits for [`Console::flush_above`] and is then printed above a prompt; `None` writes directly
    /// again, first of all what still waited.
    pub fn at_prompt(&mut self, printer: Option<Printer>) {
        self.above = printer;
        if self.above.is_none() {
            let waiting = std::mem::take(&mut self.waiting);
            self.raw(&waiting);
        }
    }

    /// Prints what waited, in one go and only whole lines: a line editor redraws its prompt below it.
    pub fn flush_above(&mut self) {
        let Some(printer) = &mut self.above else { return };
        let Some(end) = self.waiting.rfind('\n') else { return };
        let rest = self.waiting.split_off(end + 1);
        let lines = std::mem::replace(&mut self.waiting, rest);
        let written = printer(lines);
        self.remember(written);
    }

    /// Writes blocks, laid out for the width, and a newline after each.
    pub fn blocks(&mut self, blocks: &[Block]) {
        let lines = layout(blocks, &self.look);
        self.lines(&lines);
    }

    /// Writes lines as they are.
    pub fn lines(&mut self, lines: &[Line]) {
        let text = paint(lines, &self.look);
        self.raw(&text);
    }

    /// Shows a line that the next one of its kind, or [`Console::passed`], takes away again. A screen that cannot take
    /// anything away gets `lasting` instead, and what is no screen gets nothing.
    pub fn passing(&mut self, line: &str, lasting: &str) {
        if !self.around.terminal {
            return;
        }
        if !self.can_erase() {
            if !lasting.is_empty() {
                self.line(Line::of(lasting.to_owned(), Role::Quiet));
            }
            return;
        }
        let shown = Line::of(line.to_owned(), Role::Quiet);
        let mut cut = self.look.spelled(&shown).wrapped(self.look.width.saturating_sub(1));
        cut.truncate(1);
        let text = cut.first().map(|line| self.painted(line)).unwrap_or_default();
        self.raw(&format!("\r{text}{ERASE}"));
    }

    /// Takes the line of [`Console::passing`] away.
    pub fn passed(&mut self) {
        if self.around.terminal && self.can_erase() {
            self.raw(&format!("\r{ERASE}"));
        }
    }

    fn can_erase(&self) -> bool {
        !self.look.plain && self.around.term.as_deref() != Some("dumb")
    }

    /// Writes one line, wrapped to the width.
    pub fn line(&mut self, line: impl Into<Line>) {
        let lines = self.look.spelled(&line.into()).wrapped(self.look.width);
        self.lines(&lines);
    }

    /// Writes Markdown.
    pub fn markdown(&mut self, text: &str) {
        self.blocks(&super::markdown(text));
    }

    /// Writes text as it is; it must be safe for a terminal ([`Foreign`](super::Foreign)).
    pub fn raw(&mut self, text: &str) {
        if text.is_empty() || self.broken.is_some() {
            return;
        }
        if self.above.is_some() {
            self.waiting.push_str(text);
            return;
        }
        if self.raw {
            return self.octets(text.replace('\n', "\r\n").as_bytes());
        }
        self.octets(text.as_bytes());
    }

    /// Writes what a program on a terminal of its own wrote, untouched: the terminal obeys it.
    pub fn octets(&mut self, octets: &[u8]) {
        if octets.is_empty() || self.broken.is_some() {
            return;
        }
        let written = self.out.write_all(octets).and_then(|()| self.out.flush());
        self.remember(written);
    }

    /// Whether the terminal is in raw mode from now on, where a line feed only goes down.
    pub fn at_raw(&mut self, raw: bool) {
        self.raw = raw;
    }

    /// A span line as text for a prompt, with colours where the screen has them.
    pub fn painted(&self, line: &Line) -> String {
        let mut text = String::new();
        paint_line(line, &self.look, &mut text);
        text
    }

    /// Writes a failure, its causes and what to do next: on a terminal wrapped and in colour, else as lines to standard
    /// error.
    pub fn trouble(&mut self, trouble: &Trouble, words: &Words) {
        let told: Vec<(&str, Role, String)> = std::iter::once(("words-error", Role::Bad, trouble.what.in_words(words)))
            .chain(trouble.causes.iter().map(|cause| ("words-because", Role::Quiet, cause.clone())))
            .chain(trouble.hints.iter().map(|hint| ("words-hint", Role::Good, hint.in_words(words))))
            .collect();
        if self.around.terminal || self.above.is_some() {
            for (label, role, said) in told {
                let mut line = Line::of(format!("{} ", words.say(label, &[])), role);
                line.append(inline(&said));
                self.line(line);
            }
            return;
        }
        let lines: Vec<String> = told
            .into_iter()
            .map(|(label, _, said)| format!("{} {}\n", words.say(label, &[]), super::sanitised(&said)))
            .collect();
        let text = self.look.letters(&lines.concat()).into_owned();
        let written = self.error.write_all(text.as_bytes()).and_then(|()| self.error.flush());
        self.remember(written);
    }

    /// The first write that failed, once there was one: the reader is gone, or the disk is full.
    pub fn broken(&self) -> Option<&io::Error> {
        self.broken.as_ref()
    }

    fn remember(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && self.broken.is_none()
        {
            self.broken = Some(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_remembered_and_not_a_panic() {
        let look = Look { width: 80, colour: false, unicode: true, plain: false };
        let mut console = Console::into_writer(look, Box::new(Full));
        console.line("one");
        console.line("two");
        assert_eq!(console.broken().map(io::Error::kind), Some(io::ErrorKind::StorageFull));
    }
}
