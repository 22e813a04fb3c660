use std::io::Write;
use std::path::PathBuf;

use super::learn::{self, LabChoice};
use super::{Io, bookshelf};
use crate::replay::{Plan, Report, replay};
use crate::trouble::{Exit, Trouble};
use crate::words::Language;

/// Prove a course: walk it on a lab, step by step.
///
/// Each step is shown to fail before its solution and to pass after it; other ways count and wrong ones do not; right
/// answers are accepted, wrong ones refused with their explanation; hints open one after the other. Ends with 1 when
/// anything of this does not hold.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The course, or a folder with one.
    #[arg(value_name = "COURSE", default_value = learn::USUAL_COURSE)]
    course: String,
    /// Where commands run.
    #[arg(long, value_enum, value_name = "LAB", env = "ESPLAIN_LAB", default_value_t = LabChoice::Sim)]
    lab: LabChoice,
    /// The language whose words are proven: `en` or `zh`. Without it, each of the course's.
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// Prove this step alone, after the solutions of those before it.
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Print one JSON object a claim.
    #[arg(long, conflicts_with = "tap")]
    json: bool,
    /// Print TAP version 14.
    #[arg(long)]
    tap: bool,
    /// Write a JUnit report as well. With several languages each has a file, `report.en.xml` and so on.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let book = bookshelf::book(&args.course)?;
    if let Some(step) = &args.step {
        learn::check_step(&book, step)?;
    }
    let languages: Vec<Language> = match &args.lang {
        Some(asked) => vec![learn::language(Some(asked))?],
        None => book.course.languages.iter().filter_map(|language| language.parse().ok()).collect(),
    };
    let mut failures = 0;
    for language in &languages {
        let mut lab = learn::lab(args.lab, &book.course)?;
        let report = replay(Plan { book: &book, language: *language, step: args.step.as_deref() }, &mut *lab)?;
        failures += report.failures();
        let text = if args.json {
            report.json_lines()
        } else if args.tap {
            report.tap()
        } else {
            report.text()
        };
        io.out.write_all(text.as_bytes()).map_err(|error| Io::unwritable(&error))?;
        if let Some(file) = &args.junit {
            write_junit(&report, file, languages.len() > 1)?;
        }
    }
    Ok(if failures == 0 { Exit::Done } else { Exit::Failed })
}

fn write_junit(report: &Report, file: &std::path::Path, several: bool) -> Result<(), Trouble> {
    let path = if several {
        let ending = file.extension().and_then(std::ffi::OsStr::to_str).unwrap_or("xml");
        file.with_extension(format!("{}.{ending}", report.language))
    } else {
        file.to_owned()
    };
    std::fs::write(&path, report.junit())
        .map_err(|error| Trouble::unusable(format!("{} cannot be written", path.display())).because(&error))
}
