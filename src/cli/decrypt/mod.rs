//! `esplain decrypt`: a capture, the text of `ip xfrm state`, and what was inside.

mod batch;
mod crew;
mod devices;
mod json;
mod keys;
mod output;
mod table;
mod tally;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use self::batch::Source;
use self::devices::Devices;
use self::output::Output;
use super::Io;
use crate::capture::{CaptureError, Reader};
use crate::decrypt::Keyring;
use crate::trouble::{Exit, Trouble};
use crate::words::{Said, Words};

/// Decrypt the ESP packets of a capture with the keys of `ip xfrm state`.
///
/// Every ESP packet is opened whose SA is known, wherever it hides (VLAN, UDP 4500, VXLAN, ESP in ESP), and nothing is
/// shown as decrypted before its ICV was found right. Without --sa, shows what is encrypted and how to get the keys.
// The capture stands first: `--sa` takes every word behind it for a file of keys.
#[derive(Debug, clap::Args)]
#[command(override_usage = "esplain decrypt <CAPTURE> [--sa <FILE>...] [OPTIONS]")]
pub(super) struct Args {
    /// The capture: pcap or pcapng, also gzipped; `-` is standard input.
    capture: PathBuf,
    /// A file with the text of `ip xfrm state`; `-` is standard input. May be given several times.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    sa: Vec<PathBuf>,
    /// What to print for each frame.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write the capture with the ESP packets replaced by what was inside; the ending (pcap or pcapng) is the format.
    #[arg(long, value_name = "OUT.pcap[ng]")]
    write: Option<PathBuf>,
    /// Only the frames that this BPF expression matches (`esp and host 10.0.0.66`).
    #[arg(long, value_name = "BPF")]
    filter: Option<String>,
    /// The text of `ip link` or `ip addr` of the capturing node, for the names of devices; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    devices: Option<PathBuf>,
    /// End with exit code 1 when an ESP packet could not be decrypted.
    #[arg(long)]
    strict: bool,
    /// How many threads decrypt.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
}

impl Args {
    fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
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

pub(super) fn run(args: &Args, io: &mut Io) -> Result<Exit, Trouble> {
    one_user_of_standard_input(args)?;
    let keys = keys::read(&args.sa, io)?;
    let devices = match &args.devices {
        Some(path) => Devices::read(&text_of(path, io)?),
        None => Devices::default(),
    };
    let reader = open(&args.capture, io)?;
    let mut source = Source::new(reader, devices, args.filter.clone());
    if !matches!(args.format(), Format::None) {
        io.page();
    }
    let mut output = Output::new(args, io)?;
    let ended =
        crew::work(&mut source, &keys.ring, args.threads.into(), args.write.is_some(), args.format(), &mut output);
    let tally = output.finish(source.skipped())?;
    ended.map_err(|error| unreadable(&args.capture, &error, args.filter.as_deref()))?;
    tally.hints(&keys, &args.capture, &Words::new(super::language_around()), io);
    Ok(if args.strict && tally.failed() > 0 { Exit::Failed } else { Exit::Done })
}

/// The SAs in the text of `ip xfrm state`, as `--sa` takes it.
pub(super) fn sas(paths: &[PathBuf], io: &mut Io) -> Result<Keyring, Trouble> {
    Ok(keys::read(paths, io)?.ring)
}

/// Why the work ended before the capture did.
enum Ended {
    Capture(CaptureError),
    Filter(String),
    Output(Trouble),
}

fn open(path: &Path, io: &mut Io) -> Result<Reader, Trouble> {
    let reader = if is_standard_input(path) {
        Reader::new(std::mem::replace(&mut io.input, Box::new(std::io::empty())))
    } else {
        Reader::open(path)
    };
    reader.map_err(|error| unreadable(path, &Ended::Capture(error), None))
}

fn unreadable(path: &Path, ended: &Ended, filter: Option<&str>) -> Trouble {
    let name = path.display();
    let from = if is_standard_input(path) { "stdin" } else { "file" };
    match ended {
        Ended::Output(trouble) => Trouble {
            what: trouble.what.clone(),
            causes: trouble.causes.clone(),
            hints: trouble.hints.clone(),
            exit: trouble.exit,
        },
        Ended::Filter(why) => {
            let filter = filter.unwrap_or_default();
            Trouble { causes: vec![why.clone()], ..Trouble::usage(Said::of("decrypt-filter", &[("filter", &filter)])) }
                .hint(Said::of("decrypt-filter-language", &[]))
        }
        Ended::Capture(error) => {
            let trouble = Trouble::unusable(Said::of("decrypt-not-to-its-end", &[("from", &from), ("name", &name)]))
                .because(error);
            let unread = || Said::of("decrypt-unread", &[("from", &from), ("name", &name)]);
            match error {
                CaptureError::Io(_) => Trouble { what: unread(), ..trouble },
                CaptureError::NotACapture { .. } | CaptureError::Empty => {
                    Trouble { what: Said::of("decrypt-no-capture", &[("from", &from), ("name", &name)]), ..trouble }
                        .hint(Said::of("decrypt-make-capture", &[]))
                }
                CaptureError::LinkType { .. } | CaptureError::Version { .. } => {
                    Trouble { what: unread(), ..trouble }.hint(Said::of("decrypt-capture-there", &[]))
                }
                _ => trouble.hint(Said::of("decrypt-whole-frames", &[])),
            }
        }
    }
}

/// The whole text of a small file.
fn text_of(path: &Path, io: &mut Io) -> Result<String, Trouble> {
    let mut octets = Vec::new();
    let read = if is_standard_input(path) {
        io.input.read_to_end(&mut octets).map(|_| ())
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST_TEXT).read_to_end(&mut octets)).map(|_| ())
    };
    read.map_err(|error| Trouble::unusable(Said::of("trouble-unread", &[("name", &path.display())])).because(&error))?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// No listing of `ip` is longer than this, in octets; a capture given by mistake may be.
const LONGEST_TEXT: u64 = 4 * 1024 * 1024;

fn one_user_of_standard_input(args: &Args) -> Result<(), Trouble> {
    let paths = args.sa.iter().chain([&args.capture]).chain(&args.devices);
    if paths.filter(|path| is_standard_input(path)).count() > 1 {
        return Err(Trouble::usage(Said::of("trouble-one-stdin", &[])).hint(Said::of("decrypt-write-files", &[])));
    }
    Ok(())
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}
