use std::path::PathBuf;
use std::time::Duration;

use super::write;
use crate::cli::{Io, bookshelf, learn};
use crate::lab::recording::Walk;
use crate::render::Cast;
use crate::trouble::{Exit, Trouble};

/// Show a recording as an asciicast (version 3), which asciinema and its player show.
///
/// Lines are typed at a steady pace and long pauses are cut; there is a marker for each step. What was set back with
/// `:reset` is not shown.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recording.
    #[arg(value_name = "FILE.esplain")]
    recording: PathBuf,
    /// The file to write; without it, standard output.
    #[arg(short, long, value_name = "FILE.cast")]
    output: Option<PathBuf>,
    /// The language of the steps' titles: `en` or `zh`. Without it, the one of the locale.
    #[arg(long, value_name = "LANGUAGE", env = "ESPLAIN_LANG")]
    lang: Option<String>,
}

/// The terminal of the cast.
const SIZE: (u16, u16) = (100, 30);
/// The longest pause between two pieces of output.
const LONGEST_PAUSE: Duration = Duration::from_millis(1200);
/// Time to read what a line printed, a line of it, and at most.
const READING: (Duration, Duration) = (Duration::from_millis(120), Duration::from_secs(3));

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    let walk = Walk::read(&args.recording)?;
    super::tell_torn(&walk, io);
    let language = learn::language(args.lang.as_deref())?;
    // A course that is not at hand has no titles; its ids say enough.
    let book = bookshelf::book(&walk.head.course).ok();
    let words = book.as_ref().map(|book| book.words(language.code()));
    let title = words.map_or(walk.head.course.as_str(), |words| words.title.as_str());
    let mut cast = Cast::new(SIZE.0, SIZE.1, title);
    let mut step = None;
    let mut status = 0;
    for line in &walk.lines {
        if line.step != step
            && let Some(id) = &line.step
        {
            let title = words.and_then(|words| words.steps.get(id)).map_or(id.as_str(), |step| step.title.as_str());
            cast.marker(title);
            step.clone_from(&line.step);
        }
        cast.typed(&format!("{}> ", line.place), &line.line);
        let mut last = line.at;
        let mut rows = 0;
        for (at, _, octets) in &line.said {
            cast.pause(Duration::from_millis(at.saturating_sub(last)).min(LONGEST_PAUSE));
            last = *at;
            let text = String::from_utf8_lossy(octets);
            rows += text.lines().count();
            cast.output(&text);
        }
        if !line.said.is_empty() && !line.said.last().is_some_and(|(.., octets)| octets.ends_with(b"\n")) {
            cast.output("\n");
        }
        cast.pause((READING.0 * u32::try_from(rows).unwrap_or(u32::MAX)).min(READING.1));
        status = line.status.unwrap_or(0);
    }
    let text = cast.exit(u8::try_from(status).unwrap_or(1));
    write(args.output.as_deref(), text.as_bytes(), io)
}
