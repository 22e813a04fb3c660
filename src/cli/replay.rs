use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::Io;
use super::bookshelf::{self, Found};
use super::learn::{self, LabChoice, ProfileChoice};
use super::trust::{self, Errand, Extent};
use crate::course::Book;
use crate::lab::{Lab, LabKind};
use crate::replay::{Keys, Plan, Report, Script, cast, junit, replay, replay_script, tap, transcript};
use crate::trouble::{Exit, Trouble};
use crate::words::{Language, Said, Words};

/// Prove courses and scripts: walk them on a lab, step by step.
///
/// Each step of a course is shown to fail before its solution and to pass after it; other ways count and wrong ones do not;
/// a reset restores the lab; right answers are accepted, wrong ones refused with their explanation; hints open one after
/// the other. A script is a file of lines with what each must come to (lessons/FORMAT.md). Ends with 1 when anything of
/// this does not hold.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    /// Courses, folders with a course, or files with a script; without any, the course that `esplain learn` begins with.
    #[arg(value_name = "COURSE|SCRIPT", conflicts_with = "all")]
    what: Vec<String>,
    /// Every course there is that runs on the lab.
    #[arg(long)]
    all: bool,
    /// Where commands run. Each course, language and script has a fresh one.
    #[arg(long, value_enum, value_name = "LAB", env = "ESPLAIN_LAB", default_value_t = LabChoice::Sim)]
    lab: LabChoice,
    /// Which Kubernetes and Cilium the set-up's steps install (`--lab kind` and `--lab sim`).
    #[arg(long, value_enum, value_name = "PROFILE", env = "ESPLAIN_PROFILE", default_value_t)]
    profile: ProfileChoice,
    /// Prove that the course can be walked in this recording.
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    recording: Option<PathBuf>,
    /// The languages whose words are proven: `en`, `zh` or `en,zh`. Without it, each of the course's.
    #[arg(long, value_name = "LANGUAGES", value_delimiter = ',')]
    lang: Vec<String>,
    /// Prove this step alone, after the solutions of those before it.
    #[arg(long, value_name = "STEP", conflicts_with_all = ["all", "from"])]
    step: Option<String>,
    /// Begin at this step, with the lab as it is: a cluster that is up, say.
    #[arg(long, value_name = "STEP", conflicts_with = "all")]
    from: Option<String>,
    /// Print the event log: one JSON object an event, and one a claim.
    #[arg(long, conflicts_with = "tap")]
    json: bool,
    /// Print TAP version 14.
    #[arg(long)]
    tap: bool,
    /// Write a JUnit report, too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write an asciicast v3 of the solutions, too, with a marker a step.
    #[arg(long, value_name = "FILE")]
    cast: Option<PathBuf>,
    /// Write a plain transcript of the solutions, too.
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// On a real lab: prove the lessons of a folder without asking whether they may run what they run.
    #[arg(long)]
    trust: bool,
    /// Leave the keys of states and secrets in the cast and in the transcript.
    #[arg(long)]
    with_keys: bool,
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let languages = args.lang.iter().map(|asked| learn::language(Some(asked))).collect::<Result<Vec<_>, _>>()?;
    let named = named(args);
    if (args.step.is_some() || args.from.is_some()) && named.len() > 1 {
        return Err(Trouble::usage(Said::of("cli-one-course", &[])).hint(Said::of("cli-name-the-course", &[])));
    }
    let mut reports = Vec::new();
    for name in &named {
        if Path::new(name).is_file() {
            reports.push(told(script(name, args)?, args, io)?);
            continue;
        }
        let found = bookshelf::find(name)?;
        let mut book = bookshelf::open(&found)?;
        book.course.fit(args.profile.into());
        if args.all && !runs_on(&book, args.lab) {
            let labs = book.course.labs.join(", ");
            // What cannot be said on standard error cannot be said at all.
            let _ = writeln!(io.err, "note: {name} is left out: it runs on {labs}");
            continue;
        }
        for step in args.step.iter().chain(&args.from) {
            learn::check_step(&book, step)?;
        }
        let choice = if args.recording.is_some() { LabChoice::Recording } else { args.lab };
        let mut trusted = choice.kind().map(|kind| trusted(args, &found, &book, kind)).transpose()?;
        for language in spoken(&book, &languages)? {
            let mut lab = lab(args, &book, language)?;
            if trusted.is_none() {
                trusted = Some(self::trusted(args, &found, &book, lab.kind())?);
            }
            let plan = Plan { book: &book, language, from: args.from.as_deref(), step: args.step.as_deref() };
            let report = Report { named: name.clone(), ..replay(plan, &mut *lab) };
            reports.push(told(report, args, io)?);
        }
    }
    let unwritable = |error| Io::unwritable(&error);
    let failures: usize = reports.iter().map(Report::failures).sum();
    if args.tap {
        io.out.write_all(tap(&reports).as_bytes()).map_err(unwritable)?;
    } else if !args.json && reports.len() > 1 {
        let claims: usize = reports.iter().map(Report::claims).sum();
        writeln!(io.out, "{} replays: {claims} claims, {failures} failures.", reports.len()).map_err(unwritable)?;
    }
    let exit = if failures == 0 { Exit::Done } else { Exit::Failed };
    keep(args, &named, &reports, exit)?;
    Ok(exit)
}

/// A fresh lab of the kind asked for, or the recording.
fn lab(args: &Args, book: &Book, language: Language) -> Result<Box<dyn Lab>, Trouble> {
    let choice = if args.recording.is_some() { LabChoice::Recording } else { args.lab };
    learn::lab_or_recording(Some(choice), args.recording.as_deref(), &book.course, args.profile.into(), language)
}

/// Asks before a course from a folder is run on a real lab; on any other it can do nothing.
fn trusted(args: &Args, found: &Found, book: &Book, lab: LabKind) -> Result<(), Trouble> {
    if !lab.is_real() {
        return Ok(());
    }
    let call = format!("esplain replay {} --lab {}", found.place(), lab.word());
    let errand = Errand { found, book, lab, extent: Extent::Proof, call: &call };
    trust::ask(&errand, args.trust, &Words::new(learn::language(None)?))
}

/// What is to be replayed, by the names it was called by.
fn named(args: &Args) -> Vec<String> {
    if args.all {
        bookshelf::ids()
    } else if args.what.is_empty() {
        vec![learn::USUAL_COURSE.to_owned()]
    } else {
        args.what.clone()
    }
}

/// The languages to prove: those asked for, or all of the course's.
fn spoken(book: &Book, asked: &[Language]) -> Result<Vec<Language>, Trouble> {
    let own = &book.course.languages;
    if let Some(foreign) = asked.iter().find(|asked| !own.iter().any(|own| own == asked.code())) {
        return Err(Trouble::usage(Said::of("cli-no-words-in", &[("course", &book.course.id), ("foreign", &foreign)]))
            .hint(Said::of("cli-has-words-in", &[("languages", &own.join(", "))])));
    }
    if asked.is_empty() {
        return Ok(own.iter().filter_map(|language| language.parse().ok()).collect());
    }
    Ok(asked.to_vec())
}

fn runs_on(book: &Book, lab: LabChoice) -> bool {
    let name = match lab {
        LabChoice::Auto => "sim".to_owned(),
        lab => lab.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned()),
    };
    name == "recording" || book.course.labs.contains(&name)
}

/// Runs a script, on a lab as the usual course begins.
fn script(name: &str, args: &Args) -> Result<Report, Trouble> {
    let text = std::fs::read_to_string(name)
        .map_err(|error| Trouble::unusable(Said::of("cli-script-unread", &[("name", &name)])).because(&error))?;
    let script = Script::read(name, &text)?;
    let book = bookshelf::book(learn::USUAL_COURSE)?;
    let mut lab = lab(args, &book, learn::language(None)?)?;
    Ok(replay_script(&script, &book, &mut *lab))
}

/// Prints what a replay found as soon as it has ended; TAP alone needs to know how many there are.
fn told(report: Report, args: &Args, io: &mut Io) -> Result<Report, Trouble> {
    let text = match (args.json, args.tap) {
        (true, _) => report.json_lines(),
        (_, true) => String::new(),
        _ => report.text(),
    };
    io.out.write_all(text.as_bytes()).and_then(|()| io.out.flush()).map_err(|error| Io::unwritable(&error))?;
    Ok(report)
}

/// Writes the files that were asked for.
fn keep(args: &Args, named: &[String], reports: &[Report], exit: Exit) -> Result<(), Trouble> {
    let keys = if args.with_keys { Keys::Shown } else { Keys::Hidden };
    let scenes = || reports.iter().flat_map(|report| &report.scenes);
    let write = |file: &PathBuf, text: String| {
        std::fs::write(file, text).map_err(|error| {
            Trouble::unusable(Said::of("trouble-unwritten", &[("path", &file.display())])).because(&error)
        })
    };
    if let Some(file) = &args.junit {
        write(file, junit(reports))?;
    }
    if let Some(file) = &args.transcript {
        write(file, transcript(scenes(), keys))?;
    }
    if let Some(file) = &args.cast {
        write(file, cast(scenes(), &named.join(", "), keys, exit as u8))?;
    }
    Ok(())
}
