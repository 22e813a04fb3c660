use std::io::Write;

use serde::Serialize;

use super::{Io, bookshelf, learn};
use crate::trouble::{Exit, Trouble};

/// List the courses.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The language of the titles; without it, the one of the locale.
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// Print one JSON object a course.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Printed<'a> {
    id: &'a str,
    title: &'a str,
    steps: usize,
    languages: &'a [String],
    labs: &'a [String],
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let language = learn::language(args.lang.as_deref())?;
    io.page();
    for id in bookshelf::ids() {
        let book = bookshelf::book(&id)?;
        let course = &book.course;
        let printed = Printed {
            id: &course.id,
            title: &book.words(language.code()).title,
            steps: course.steps().count(),
            languages: &course.languages,
            labs: &course.labs,
        };
        let written = if args.json {
            let line = serde_json::to_string(&printed).expect("strings and numbers are always JSON");
            writeln!(io.out, "{line}")
        } else {
            let (steps, languages, labs) = (printed.steps, course.languages.join(", "), course.labs.join(", "));
            writeln!(io.out, "{}: {} ({steps} steps; {languages}; labs {labs})", printed.id, printed.title)
        };
        written.map_err(|error| Io::unwritable(&error))?;
    }
    Ok(Exit::Done)
}
