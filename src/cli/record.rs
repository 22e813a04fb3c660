use std::io::Write;
use std::path::PathBuf;

use super::trust::{self, Errand, Extent};
use super::{Io, bookshelf, learn};
use crate::lab::recording::{Keys, Notebook, Recorder};
use crate::render::Colour;
use crate::replay::{Plan, replay};
use crate::shell;
use crate::trouble::{Exit, Trouble};
use crate::words::Words;

/// Record a walk through a course to one file.
///
/// The file holds the lines and what they printed and when, the packets, the files and listings that the guide read, and
/// the events of the walk; `esplain learn FILE` plays it anywhere, without a network. It is good up to where the session
/// ended, however that was. Keys are replaced by substitutes and the packets sealed again with them, unless `--with-keys`
/// is given.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The course, or a folder with one.
    #[arg(value_name = "COURSE", default_value = learn::USUAL_COURSE)]
    course: String,
    #[command(flatten)]
    options: learn::Options,
    /// The file to write; one that is there is not overwritten.
    #[arg(short, long, value_name = "FILE.esplain")]
    output: PathBuf,
    /// Walk by itself, as `esplain replay` does: each step's wrong ways, other ways and model solution.
    #[arg(long)]
    unattended: bool,
    /// Leave the lab's keys as they are.
    #[arg(long)]
    with_keys: bool,
    /// Walk through the lessons of a folder without asking whether they may run what they run.
    #[arg(long)]
    trust: bool,
}

pub(super) fn run(args: Args, colour: Colour, io: &mut Io) -> Result<Exit, Trouble> {
    let found = bookshelf::find(&args.course)?;
    let mut setup = learn::setup(&found, args.options, colour)?;
    let (book, lab) = (&setup.book, setup.lab.kind());
    let (extent, unattended) = if args.unattended { (Extent::Proof, " --unattended") } else { (Extent::Walk, "") };
    let (place, output) = (found.place(), args.output.display());
    let call = format!("esplain record {place} --lab {} -o {output}{unattended}", lab.word());
    trust::ask(&Errand { found: &found, book, lab, extent, call: &call }, args.trust, &Words::new(setup.language))?;
    let keys = if args.with_keys { Keys::Real } else { Keys::Substitutes };
    let now = jiff::Timestamp::now().to_string();
    let (recorder, notes) = Recorder::begin(setup.lab, &args.output, &setup.book.course.id, &now, keys)?;
    let walked = if args.unattended {
        let mut recorder = recorder;
        let plan = Plan { book: &setup.book, language: setup.language, from: None, step: setup.step.as_deref() };
        let report = replay(plan, &mut recorder);
        let written = io.out.write_all(report.text().as_bytes()).map_err(|error| Io::unwritable(&error));
        written.map(|()| if report.failures() == 0 { Exit::Done } else { Exit::Failed })
    } else {
        setup.lab = Box::new(recorder);
        setup.witness = Some(witness(notes.clone()));
        shell::run(setup)
    };
    // Whatever became of the walk, what was recorded is kept.
    notes.finish()?;
    let exit = walked?;
    let of = if args.with_keys {
        "with the lab's own keys: whoever has the file can read what they open"
    } else {
        "its keys are substitutes"
    };
    let file = args.output.display();
    // What cannot be said on standard error is not worth ending for.
    let _ = writeln!(io.err, "recorded to {file}; {of}; `esplain learn {file}` plays it");
    Ok(exit)
}

fn witness(notes: Notebook) -> shell::Witness {
    Box::new(move |event| notes.event(event))
}
