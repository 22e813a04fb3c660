//! `esplain export`: what others' tools read.

mod esp_sa;
mod wireshark;

use clap::Subcommand;

use super::Io;
use crate::trouble::{Exit, Trouble};

/// Write what other tools read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Wireshark(wireshark::Args),
}

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    match &args.what {
        What::Wireshark(args) => wireshark::run(args, io),
    }
}
