//! `esplain export`: what others' tools read.

mod cast;
mod esp_sa;
mod markdown;
mod wireshark;

use std::io::Write;
use std::path::Path;

use clap::Subcommand;

use super::Io;
use crate::lab::recording::Walk;
use crate::trouble::{Exit, Trouble};
use crate::words::Said;

/// Write what other tools read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Wireshark(wireshark::Args),
    Cast(cast::Args),
    Markdown(markdown::Args),
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    match &args.what {
        What::Wireshark(args) => wireshark::run(args, io),
        What::Cast(args) => cast::run(args, io),
        What::Markdown(args) => markdown::run(args, io),
    }
}

/// Writes what was made to a file, or to standard output.
fn write(file: Option<&Path>, octets: &[u8], io: &mut Io) -> Result<Exit, Trouble> {
    match file {
        Some(file) => std::fs::write(file, octets).map_err(|error| {
            Trouble::unusable(Said::of("trouble-unwritten", &[("path", &file.display())])).because(&error)
        })?,
        None => io.out.write_all(octets).map_err(|error| Io::unwritable(&error))?,
    }
    Ok(Exit::Done)
}

/// Says that a recording is not whole.
fn tell_torn(walk: &Walk, io: &mut Io) {
    if let Some(why) = &walk.torn {
        // What cannot be said on standard error is not worth ending for.
        let _ = writeln!(io.err, "warning: the recording was cut off ({why}); what was before that is used");
    }
}
