use std::io::Write;

use serde::Serialize;

use super::{Io, bookshelf, learn};
use crate::course::{Book, Fault, FileKind, Files, Gravity, dead_annotation, lint, schema};
use crate::lab::sim::Sim;
use crate::replay::dead_annotations;
use crate::trouble::{Exit, Trouble};

/// Check courses: their YAML, their words in every language, their hints, links and annotations.
///
/// Each fault is shown with its file, line and column. The solutions of a course without errors run once on the simulated
/// lab, to find annotations that no line of their output fits. Ends with 1 when there is an error; warnings alone end with 0.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folders with a course.yaml, or names of courses; without any, every course there is.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Print one JSON object a fault.
    #[arg(long)]
    json: bool,
    /// Run no solution: leave out what only that can find.
    #[arg(long)]
    no_replay: bool,
    /// Print the JSON Schema of a kind of file, for editors, and check nothing.
    #[arg(long, value_enum, value_name = "KIND", conflicts_with_all = ["paths", "json", "no_replay"])]
    schema: Option<Kind>,
}

/// The kinds of files that a course is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// course.yaml
    Course,
    /// steps/ID.yaml
    Step,
}

/// A fault as `--json` prints it.
#[derive(Serialize)]
struct Printed<'a> {
    course: &'a str,
    gravity: &'static str,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

pub(super) fn run(args: Args, io: &mut Io) -> Result<Exit, Trouble> {
    if let Some(kind) = args.schema {
        let kind = match kind {
            Kind::Course => FileKind::Course,
            Kind::Step => FileKind::Step,
        };
        write!(io.out, "{}", schema(kind)).map_err(|error| Io::unwritable(&error))?;
        return Ok(Exit::Done);
    }
    let paths = if args.paths.is_empty() { bookshelf::ids() } else { args.paths };
    let (mut errors, mut warnings) = (0_usize, 0_usize);
    io.page();
    for path in &paths {
        let found = bookshelf::find(path)?;
        let mut faults = lint(&found.files);
        if !args.no_replay && faults.iter().all(|fault| fault.gravity != Gravity::Error) {
            faults.extend(dead(&found.files)?);
        }
        for fault in faults {
            match fault.gravity {
                Gravity::Error => errors += 1,
                Gravity::Warning => warnings += 1,
            }
            let text = if args.json {
                json(&found.label, &fault)
            } else {
                fault.render(&found.label, &found.files, io.color) + "\n"
            };
            writeln!(io.out, "{text}").map_err(|error| Io::unwritable(&error))?;
        }
    }
    if !args.json {
        let counted = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        let (courses, errors) = (counted(paths.len(), "course"), counted(errors, "error"));
        writeln!(io.out, "{courses}: {errors}, {}.", counted(warnings, "warning"))
            .map_err(|error| Io::unwritable(&error))?;
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Failed })
}

/// What the solutions show when they run: annotations that find nothing.
fn dead(files: &Files) -> Result<Vec<Fault>, Trouble> {
    // A course with faults was told about before.
    let Ok(book) = Book::read(files) else { return Ok(Vec::new()) };
    if !book.course.labs.iter().any(|lab| lab == "sim") {
        return Ok(Vec::new());
    }
    let mut lab = if book.course.ready { Sim::ready(learn::SEED) } else { Sim::new(learn::SEED) };
    let dead = dead_annotations(&book, &mut lab)?;
    Ok(dead
        .iter()
        .map(|dead| {
            dead_annotation(files, &dead.step, dead.annotation.as_deref(), &format!("it printed:\n{}", dead.got))
        })
        .collect())
}

fn json(course: &str, fault: &Fault) -> String {
    let printed = Printed {
        course,
        gravity: match fault.gravity {
            Gravity::Error => "error",
            Gravity::Warning => "warning",
        },
        file: &fault.file,
        line: fault.at.as_ref().map(|spot| spot.line),
        column: fault.at.as_ref().map(|spot| spot.column),
        what: &fault.what,
        help: fault.help.as_deref(),
    };
    serde_json::to_string(&printed).expect("texts and numbers are always JSON")
}
