use std::path::PathBuf;

use clap::ValueEnum;

use super::Io;
use crate::trouble::{Exit, Trouble};

/// Decrypt the ESP packets of a capture with the keys of `ip xfrm state`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The capture: pcap or pcapng, also gzipped; `-` is standard input.
    capture: PathBuf,
    /// A file with the text of `ip xfrm state`; `-` is standard input. May be given several times.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    sa: Vec<PathBuf>,
    /// What to print for each frame.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the capture with the ESP packets replaced by what was inside; the ending chooses pcap or pcapng.
    #[arg(long, value_name = "OUT.pcap[ng]")]
    write: Option<PathBuf>,
    /// Only the frames that this BPF expression matches (`esp and host 10.0.0.66`).
    #[arg(long, value_name = "BPF")]
    filter: Option<String>,
    /// End with exit code 1 when an ESP packet could not be decrypted.
    #[arg(long)]
    strict: bool,
    /// How many threads decrypt.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
}

/// What `decrypt` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for reading.
    Table,
    /// tcpdump's lines, each decrypted packet below its ESP packet.
    Text,
    /// One JSON object a frame.
    Json,
    /// Nothing but the summary.
    None,
}

pub(super) fn run(args: Args, io: &mut Io) -> Result<Exit, Trouble> {
    let _ = (args, io);
    Err(Trouble::unusable("`esplain decrypt` is not built yet"))
}
