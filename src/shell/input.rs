//! Where lines come from: the line editor on a terminal, or plain reading from anything else.
//!
//! Reading happens on a thread of its own, one line a request, so that the shell can watch jobs and packets meanwhile
//! and print them above the prompt.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustyline::config::{BellStyle, Config};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, CompletionType, EditMode, Editor, ExternalPrinter};

use super::complete::{Guesser, Vocabulary};
use super::said::is_unfinished;
use crate::course::without_keys;
use crate::render::Printer;

/// What a request for a line came to.
#[derive(Debug)]
pub(super) enum Typed {
    /// A line, or several that were pasted together.
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line, or the end of a file.
    End,
    /// The terminal or the pipe is gone.
    Broken,
}

/// A prompt with and without colour, of the same width.
#[derive(Debug, Clone, Default)]
pub(super) struct Prompt {
    pub(super) raw: String,
    pub(super) styled: String,
}

/// How lines are edited.
#[derive(Debug, Clone)]
pub(super) struct Editing {
    /// vi's keys instead of emacs's.
    pub(super) vi: bool,
    /// Whether the editor may colour.
    pub(super) colour: bool,
    /// Where the history is kept, if it can be.
    pub(super) history: Option<PathBuf>,
}

/// The source of lines.
pub(super) struct Input {
    ask: Sender<Ask>,
    typed: Receiver<Typed>,
    printer: Option<SharedPrinter>,
    interactive: bool,
    waiting: bool,
}

struct Ask {
    prompt: Prompt,
    /// What stands in the line at first.
    begun: String,
    /// Whether the answer belongs into the history.
    remember: bool,
}

type SharedPrinter = Arc<Mutex<dyn FnMut(String) -> io::Result<()> + Send>>;

/// The history keeps this many lines.
const LONGEST_HISTORY: usize = 2000;

impl Input {
    /// Lines from standard input: with the line editor when both it and standard output are terminals.
    pub(super) fn standard(editing: Editing, vocabulary: Arc<Mutex<Vocabulary>>) -> Self {
        if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            return Self::plain();
        }
        let (ask, asked) = mpsc::channel();
        let (answer, typed) = mpsc::channel();
        let (ready, printer) = mpsc::channel();
        std::thread::spawn(move || edit(&editing, vocabulary, &asked, &answer, &ready));
        let printer = printer.recv().ok().flatten();
        Self { ask, typed, printer, interactive: true, waiting: false }
    }

    /// Plain lines, one after the other, from anything that is no terminal.
    fn plain() -> Self {
        let (ask, asked) = mpsc::channel::<Ask>();
        let (answer, typed) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = io::stdin().lock();
            while asked.recv().is_ok() {
                if answer.send(plain_line(&mut lines)).is_err() {
                    return;
                }
            }
        });
        Self { ask, typed, printer: None, interactive: false, waiting: false }
    }

    /// Whether somebody sits at a terminal.
    pub(super) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Shows the prompt, and behind it what was begun of the line, and begins to wait for the rest.
    pub(super) fn ask(&mut self, prompt: Prompt, begun: String, remember: bool) {
        if !self.waiting {
            self.waiting = self.ask.send(Ask { prompt, begun, remember }).is_ok();
        }
    }

    /// What came within `wait`, if anything did.
    pub(super) fn wait(&mut self, wait: Duration) -> Option<Typed> {
        match self.typed.recv_timeout(wait) {
            Ok(typed) => {
                self.waiting = false;
                Some(typed)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Typed::Broken),
        }
    }

    /// A printer that writes above the prompt, where the editor has one.
    pub(super) fn printer(&self) -> Option<Printer> {
        let printer = Arc::clone(self.printer.as_ref()?);
        Some(Box::new(move |text| match printer.lock() {
            Ok(mut print) => print(text),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }))
    }
}

/// The editor's thread: one line a request, until nobody asks any more.
fn edit(
    editing: &Editing,
    vocabulary: Arc<Mutex<Vocabulary>>,
    asked: &Receiver<Ask>,
    answer: &Sender<Typed>,
    ready: &Sender<Option<SharedPrinter>>,
) {
    let Ok(mut editor) = editor(editing, vocabulary) else {
        let _ = ready.send(None);
        return;
    };
    let printer = editor.create_external_printer().ok().map(|mut printer| {
        let print = move |text: String| printer.print(text).map_err(|error| io::Error::other(error.to_string()));
        Arc::new(Mutex::new(print)) as SharedPrinter
    });
    if ready.send(printer).is_err() {
        return;
    }
    while let Ok(ask) = asked.recv() {
        let typed = match editor.readline_with_initial(&(ask.prompt.raw, ask.prompt.styled), (&ask.begun, "")) {
            Ok(line) => {
                if ask.remember {
                    remember(&mut editor, &line, editing);
                }
                Typed::Line(line)
            }
            Err(ReadlineError::Interrupted) => Typed::Interrupt,
            Err(ReadlineError::Eof) => Typed::End,
            Err(_) => Typed::Broken,
        };
        if answer.send(typed).is_err() {
            return;
        }
    }
}

type LineEditor = Editor<Guesser, FileHistory>;

fn editor(editing: &Editing, vocabulary: Arc<Mutex<Vocabulary>>) -> rustyline::Result<LineEditor> {
    let config = Config::builder()
        .max_history_size(LONGEST_HISTORY)?
        .history_ignore_dups(true)?
        .completion_type(CompletionType::List)
        .edit_mode(if editing.vi { EditMode::Vi } else { EditMode::Emacs })
        .color_mode(if editing.colour { ColorMode::Forced } else { ColorMode::Disabled })
        .bell_style(BellStyle::None)
        .bracketed_paste(true)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Guesser { vocabulary, colour: editing.colour }));
    if let Some(path) = &editing.history {
        // The first run has no history yet; one that cannot be read is as good as none.
        let _ = editor.load_history(path);
    }
    Ok(editor)
}

fn remember(editor: &mut LineEditor, line: &str, editing: &Editing) {
    if line.trim().is_empty() || line.starts_with(' ') {
        return;
    }
    // A history that cannot be written (a full disk) is no reason to disturb the learner: the line was run.
    if editor.add_history_entry(without_keys(line)).unwrap_or(false)
        && let Some(path) = &editing.history
    {
        if let Some(folder) = path.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = editor.append_history(path);
    }
}

/// The next line of a pipe or a file, joined with those that its quotes and here-documents run over.
fn plain_line(lines: &mut impl BufRead) -> Typed {
    let mut text = String::new();
    loop {
        let mut line = Vec::new();
        match lines.read_until(b'\n', &mut line) {
            Ok(0) if text.is_empty() => return Typed::End,
            Ok(0) => return Typed::Line(text),
            Ok(_) => text.push_str(&String::from_utf8_lossy(&line)),
            Err(_) => return Typed::Broken,
        }
        let whole = text.trim_end_matches(['\n', '\r']);
        if !is_unfinished(whole) {
            return Typed::Line(whole.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let mut reader = text.as_bytes();
        std::iter::from_fn(|| match plain_line(&mut reader) {
            Typed::Line(line) => Some(line),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_pipe_is_read_line_by_line() {
        assert_eq!(lines("ip x s\n:next\r\nlast"), ["ip x s", ":next", "last"]);
        assert!(lines("").is_empty());
    }

    #[test]
    fn a_here_document_is_one_line() {
        assert_eq!(lines("cat <<E\na\nE\nip r\n"), ["cat <<E\na\nE", "ip r"]);
    }
}
