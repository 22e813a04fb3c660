//! The command line: one file a subcommand, each a thin edge over the rooms.
//!
//! A subcommand is a file with `pub struct Args` (clap) and `pub fn run(args: Args, io: &mut Io) -> Result<Exit, Trouble>`;
//! it speaks through [`Io`] alone, and ends by its value, never by `std::process::exit`.

mod author;
mod bookshelf;
mod completions;
mod courses;
mod decrypt;
mod doctor;
mod engine_needs;
mod explain;
mod export;
mod io;
#[cfg(target_os = "linux")]
mod kernel_lab;
#[cfg(target_os = "linux")]
mod kind_lab;
mod kind_needs;
#[cfg(target_os = "linux")]
mod lab;
mod learn;
mod lint;
mod man;
mod pager;
mod picture;
mod progress;
mod record;
mod replay;
mod trace;
mod trust;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use io::Io;

use crate::render::Colour;
use crate::trouble::{Exit, Trouble};
use crate::words::{Language, Said, Words};

/// ESP, explained: see how Cilium's IPsec really moves a packet.
#[derive(Debug, Parser)]
#[command(name = "esplain", version, about, max_term_width = 100)]
struct Call {
    #[command(flatten)]
    everywhere: Everywhere,
    #[command(flatten)]
    options: learn::Options,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The options that every subcommand takes.
#[derive(Debug, clap::Args)]
struct Everywhere {
    /// When to use colour.
    ///
    /// `auto` uses it on a terminal, unless NO_COLOR is set or TERM is "dumb". This option wins over both.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    color: Colour,
    /// Do not show a listing that is longer than the screen through a pager (`ESPLAIN_PAGER`, `PAGER`, else `less`).
    #[arg(long, global = true)]
    no_pager: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Learn(learn::Args),
    Decrypt(decrypt::Args),
    Explain(explain::Args),
    Export(export::Args),
    Lint(lint::Args),
    Author(author::Args),
    Courses(courses::Args),
    Progress(progress::Args),
    Completions(completions::Args),
    Man(man::Args),
    Record(record::Args),
    Replay(replay::Args),
    Trace(trace::Args),
    Picture(picture::Args),
    Doctor(doctor::Args),
    #[cfg(target_os = "linux")]
    Lab(lab::Args),
}

/// Runs a call of `esplain` and gives the exit code of the process. Failures are written to standard error as
/// `error: …`, the causes, and `hint: …`; a reader that goes away (`esplain … | head`) ends the call quietly.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    #[cfg(target_os = "linux")]
    if words.get(1).is_some_and(|word| word == kernel_lab::NAME) {
        return kernel_lab::run(words.into_iter().skip(2)).unwrap_or_else(|trouble| {
            // What this errand says is read by the call of this program that sent it.
            tell(&trouble, Language::default(), &mut Io::of_process(Colour::Never, false));
            trouble.exit.into()
        });
    }
    let read = Call::command().try_get_matches_from(words).and_then(|matches| {
        let (misplaced, language) = (misplaced(&matches), language(&matches));
        Call::from_arg_matches(&matches).map(|call| (call, misplaced, language))
    });
    let (call, misplaced, language) = match read {
        Ok(read) => read,
        Err(error) => return refuse(&error),
    };
    let mut io = Io::of_process(call.everywhere.color, !call.everywhere.no_pager);
    let ended = run(call, misplaced, &mut io);
    // Also after a failure: what was printed before it is to be read first.
    let finished = io.finish();
    let ended = ended.and_then(|exit| finished.map(|()| exit));
    match ended {
        _ if io.reader_is_gone() => Exit::Done.into(),
        Ok(exit) => exit.into(),
        Err(trouble) => {
            tell(&trouble, language, &mut io);
            trouble.exit.into()
        }
    }
}

fn run(call: Call, misplaced: Option<&'static str>, io: &mut Io) -> Result<Exit, Trouble> {
    let color = call.everywhere.color;
    let Some(command) = call.command else {
        return learn::run(learn::Args::of_options(call.options), color);
    };
    if let Some(option) = misplaced {
        return Err(Trouble::usage(Said::of("cli-misplaced", &[("option", &option)]))
            .hint(Said::of("cli-behind-learn", &[("option", &option)])));
    }
    match command {
        Command::Learn(args) => learn::run(args, color),
        Command::Decrypt(args) => decrypt::run(&args, io),
        Command::Explain(args) => explain::run(&args, color, io),
        Command::Export(args) => export::run(&args, io),
        Command::Lint(args) => lint::run(args, io),
        Command::Author(args) => author::run(args, color, io),
        Command::Courses(args) => courses::run(&args, io),
        Command::Progress(args) => progress::run(args, io),
        Command::Completions(args) => completions::run(&args, Call::command(), io),
        Command::Man(args) => man::run(&args, Call::command(), io),
        Command::Record(args) => record::run(args, color, io),
        Command::Replay(args) => replay::run(&args, io),
        Command::Trace(args) => trace::run(&args, io),
        Command::Picture(args) => picture::run(&args, color, io),
        Command::Doctor(args) => doctor::run(&args, io),
        #[cfg(target_os = "linux")]
        Command::Lab(args) => lab::run(&args, io),
    }
}

/// An option of the guided shell that was typed before a subcommand, where it would do nothing.
fn misplaced(matches: &ArgMatches) -> Option<&'static str> {
    matches.subcommand_name()?;
    let typed = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
    learn::Options::NAMES.iter().copied().find(typed)
}

/// Prints what clap has to say: help and version on standard output, errors on standard error.
fn refuse(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when even this cannot be written.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done.into(),
        _ => Exit::Usage.into(),
    }
}

/// Writes a failure to standard error: what, why, what next.
fn tell(trouble: &Trouble, language: Language, io: &mut Io) {
    let words = Words::new(language);
    let label = |id: &str| words.say(id, &[]);
    let mut text = format!("{} {}\n", label("words-error"), trouble.what.in_words(&words));
    for cause in &trouble.causes {
        text.extend(["  ", &label("words-because"), " ", cause, "\n"]);
    }
    for hint in &trouble.hints {
        text.extend([&label("words-hint"), " ", &hint.in_words(&words), "\n"]);
    }
    // Nothing is left to do when even this cannot be written.
    let _ = io.err.write_all(text.as_bytes()).and_then(|()| io.err.flush());
}

/// The language of this call: of its words, where they name one, else of the environment.
fn language(matches: &ArgMatches) -> Language {
    if let Some((_, inner)) = matches.subcommand() {
        return language(inner);
    }
    let asked = matches.try_get_raw("lang").ok().flatten().and_then(|mut asked| asked.next()?.to_str());
    // None that there is: the environment's.
    asked.and_then(|asked| learn::language(Some(asked)).ok()).unwrap_or_else(language_around)
}

/// The language of the environment, for a subcommand that knows no `--lang`.
fn language_around() -> Language {
    let asked = std::env::var("ESPLAIN_LANG").ok();
    learn::language(asked.as_deref()).or_else(|_| learn::language(None)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_call_do_not_contradict_each_other() {
        Call::command().debug_assert();
    }
}
