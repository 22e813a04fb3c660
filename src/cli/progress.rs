use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Io, bookshelf, learn};
use crate::course::{Entry, How, Progress};
use crate::shell::{Journal, Notice, Opened, log_of};
use crate::trouble::{Exit, Trouble};
use crate::words::Said;

/// Show, move or forget progress.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show every step and how it stands.
    Show(Show),
    /// Print the record of progress, for `import` on another machine.
    Export(Of),
    /// Take over a record that `export` printed.
    Import(Import),
    /// Forget progress; a copy of the record is kept beside it.
    Reset(Reset),
}

#[derive(Debug, clap::Args)]
struct Of {
    /// The course.
    #[arg(value_name = "COURSE", default_value = learn::USUAL_COURSE)]
    course: String,
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    of: Of,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Import {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace progress that is there (a copy of it is kept).
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, clap::Args)]
struct Reset {
    #[command(flatten)]
    of: Of,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// The form of an exported record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exported {
    format: u32,
    course: String,
    events: Vec<Entry>,
}

/// The version of that form.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Shown<'a> {
    course: &'a str,
    current: Option<&'a str>,
    steps: Vec<ShownStep<'a>>,
    questions: ShownScore,
}

#[derive(Serialize)]
struct ShownStep<'a> {
    id: &'a str,
    state: &'static str,
    hints: usize,
    resets: usize,
}

#[derive(Serialize)]
struct ShownScore {
    first_try: usize,
    right: usize,
    asked: usize,
    of: usize,
}

pub(super) fn run(args: Args, io: &mut Io) -> Result<Exit, Trouble> {
    match args.what {
        What::Show(show) => {
            io.page();
            self::show(&show, io)?;
        }
        What::Export(of) => {
            let events = events(&log(&of.course)?)?;
            let exported = Exported { format: FORMAT, course: of.course, events };
            let text = serde_json::to_string_pretty(&exported).expect("events are always JSON");
            print(io, &text)?;
        }
        What::Import(import) => self::import(&import, io)?,
        What::Reset(reset) => self::reset(&reset, io)?,
    }
    Ok(Exit::Done)
}

fn show(show: &Show, io: &mut Io) -> Result<(), Trouble> {
    let book = bookshelf::book(&show.of.course)?;
    let progress = Progress::of(&events(&log(&show.of.course)?)?);
    let score = progress.score(&book.course);
    let steps: Vec<ShownStep<'_>> = book
        .course
        .steps()
        .map(|step| {
            let known = progress.step(&step.id);
            let state = match known.and_then(|step| step.finished) {
                Some(How::Done) => "done",
                Some(How::Assisted) => "assisted",
                Some(How::Skipped) => "skipped",
                None => "open",
            };
            let (hints, resets) = known.map_or((0, 0), |step| (step.hints, step.resets));
            ShownStep { id: &step.id, state, hints, resets }
        })
        .collect();
    let current = progress.current(&book.course);
    if show.json {
        let questions = ShownScore { first_try: score.first_try, right: score.right, asked: score.asked, of: score.of };
        let shown = Shown { course: &book.course.id, current, steps, questions };
        return print(io, &serde_json::to_string(&shown).expect("strings and numbers are always JSON"));
    }
    let mut lines = vec![book.course.id.clone()];
    for (number, step) in steps.iter().enumerate() {
        let here = if current == Some(step.id) { "  <- here" } else { "" };
        lines.push(format!("{:>3}  {:<20} {}{here}", number + 1, step.id, step.state));
    }
    lines.push(format!("questions: {} right of {} asked, {} in the course", score.right, score.asked, score.of));
    print(io, &lines.join("\n"))
}

fn import(import: &Import, io: &mut Io) -> Result<(), Trouble> {
    let name = import.file.display().to_string();
    let mut text = String::new();
    let read = if name == "-" {
        io.input.read_to_string(&mut text).map(|_| ())
    } else {
        fs::read_to_string(&import.file).map(|read| text = read)
    };
    read.map_err(|error| Trouble::unusable(Said::of("trouble-unread", &[("name", &name)])).because(&error))?;
    let exported: Exported = serde_json::from_str(&text).map_err(|error| {
        Trouble::unusable(Said::of("cli-no-record", &[("name", &name)]))
            .because(&error)
            .hint(Said::of("cli-export-writes", &[]))
    })?;
    if exported.format > FORMAT {
        return Err(Trouble::unusable(Said::of(
            "trouble-newer-format",
            &[("name", &name), ("format", &exported.format)],
        )));
    }
    bookshelf::book(&exported.course)?;
    let path = log(&exported.course)?;
    let Opened { mut journal, events, notice } = Journal::open(&path);
    refuse(notice)?;
    if !events.is_empty() {
        if !import.replace {
            return Err(Trouble::usage(Said::of("cli-progress-there", &[("course", &exported.course)]))
                .hint(Said::of("cli-import-replace", &[])));
        }
        journal.begin_anew(Some(&path));
    }
    for event in &exported.events {
        journal.add(event).map_err(|error| unwritable(&path, &error))?;
    }
    print(io, &format!("{} events taken over into `{}`.", exported.events.len(), exported.course))
}

fn reset(reset: &Reset, io: &mut Io) -> Result<(), Trouble> {
    let path = log(&reset.of.course)?;
    if !path.exists() {
        return print(io, &format!("There is no progress in `{}`.", reset.of.course));
    }
    if !reset.yes {
        return Err(Trouble::usage(Said::of(
            "cli-forgets",
            &[("course", &reset.of.course), ("path", &path.display())],
        ))
        .hint(Said::of("cli-reset-yes", &[("course", &reset.of.course)])));
    }
    let Opened { mut journal, notice, .. } = Journal::open(&path);
    refuse(notice)?;
    journal.begin_anew(Some(&path));
    print(
        io,
        &format!(
            "Progress in `{}` is forgotten; a copy of the record stands beside {}.",
            reset.of.course,
            path.display()
        ),
    )
}

/// The log of a course, whether it exists or not.
fn log(course: &str) -> Result<PathBuf, Trouble> {
    let book = bookshelf::book(course)?;
    let state = learn::state_folder()
        .ok_or_else(|| Trouble::unusable(Said::of("cli-no-home", &[])).hint(Said::of("cli-set-state-home", &[])))?;
    Ok(log_of(&state, &book.course.id))
}

/// The events of a log, without writing to it.
fn events(path: &Path) -> Result<Vec<Entry>, Trouble> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    Journal::read(path)
        .map_err(|error| Trouble::unusable(Said::of("trouble-unread", &[("name", &path.display())])).because(&error))
}

/// A log that cannot be written to as it should.
fn refuse(notice: Option<Notice>) -> Result<(), Trouble> {
    match notice {
        None | Some(Notice::KeptAside(_)) => Ok(()),
        Some(Notice::InUse(path)) => Err(Trouble::unusable(Said::of("cli-in-use", &[("path", &path.display())]))
            .hint(Said::of("cli-leave-first", &[]))),
        Some(Notice::Newer(path)) => Err(Trouble::unusable(Said::of("cli-newer-wrote", &[("path", &path.display())]))),
        Some(Notice::Unwritable(path, error)) => Err(unwritable(&path, &error)),
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::unusable(Said::of("trouble-unwritten", &[("path", &path.display())])).because(error)
}

fn print(io: &mut Io, text: &str) -> Result<(), Trouble> {
    writeln!(io.out, "{text}").map_err(|error| Io::unwritable(&error))
}
