//! For those who write lessons: scaffolds, and a shell that follows the files.

mod scaffold;
mod watch;

use std::path::PathBuf;

use super::{Io, learn};
use crate::render::Colour;
use crate::trouble::{Exit, Trouble};

/// Write lessons: begin a course, a step or a translation, and watch it while you write.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write the files of something new; what they hold can be linted and replayed at once.
    #[command(subcommand)]
    New(New),
    /// Walk through a course that follows its files: what is saved is shown at the prompt, and lab and place stay.
    Watch(Watch),
}

#[derive(Debug, clap::Subcommand)]
enum New {
    /// A course with one step, in a folder of its name.
    Course {
        /// The folder; its last part is the course's id: lower case words joined by `-`.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// Its languages, the first being the one fallen back to.
        #[arg(long, value_name = "LANGUAGE", value_delimiter = ',', default_value = "en,zh")]
        languages: Vec<String>,
    },
    /// A step of a course: its logic, and its words in each language of the course.
    Step {
        /// The folder of the course.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// The step's id: lower case words joined by `-`.
        #[arg(value_name = "ID")]
        id: String,
        /// The step it follows; without it, the last one.
        #[arg(long, value_name = "STEP")]
        after: Option<String>,
    },
    /// The words of a course in one more language, to be translated in place.
    Translation {
        /// The folder of the course.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// The language: `en` or `zh`.
        #[arg(value_name = "LANGUAGE")]
        language: String,
    },
}

#[derive(Debug, clap::Args)]
struct Watch {
    /// The folder of the course.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    #[command(flatten)]
    options: learn::Options,
    /// On a real lab: do not ask whether the lessons may run what they run.
    #[arg(long)]
    trust: bool,
}

pub(super) fn run(args: Args, colour: Colour, io: &mut Io) -> Result<Exit, Trouble> {
    match args.what {
        What::New(New::Course { folder, languages }) => scaffold::course(&folder, &languages, io),
        What::New(New::Step { folder, id, after }) => scaffold::step(&folder, &id, after.as_deref(), io),
        What::New(New::Translation { folder, language }) => scaffold::translation(&folder, &language, io),
        What::Watch(Watch { folder, options, trust }) => watch::run(&folder, options, trust, colour),
    }
}
