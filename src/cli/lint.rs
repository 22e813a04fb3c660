use std::io::Write;

use serde::Serialize;

use super::{Io, bookshelf};
use crate::course::{Fault, Gravity, lint};
use crate::trouble::{Exit, Trouble};

/// Check courses: their YAML, their words in every language, their hints.
///
/// Each fault is shown with its file, line and column. Ends with 1 when there is an error; warnings alone end with 0.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folders with a course.yaml, or names of courses; without any, every course there is.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Print one JSON object a fault.
    #[arg(long)]
    json: bool,
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
    let paths = if args.paths.is_empty() { bookshelf::ids() } else { args.paths };
    let (mut errors, mut warnings) = (0_usize, 0_usize);
    io.page();
    for path in &paths {
        let found = bookshelf::find(path)?;
        for fault in lint(&found.files) {
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
