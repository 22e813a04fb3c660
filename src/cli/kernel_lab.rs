use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::lab::kernel::inside::{self, Door};
use crate::trouble::Trouble;

/// What this program does inside the namespaces of its own kernel lab.
///
/// It is read apart from the other subcommands: a lab calls it for each line, and building all of them takes its time.
#[derive(Debug, clap::Parser)]
#[command(name = "esplain kernel-lab", no_binary_name = true)]
pub(super) struct Args {
    #[command(subcommand)]
    errand: Errand,
}

#[derive(Debug, clap::Subcommand)]
enum Errand {
    /// Be process 1 of the lab.
    Hold,
    /// Run a line of the learner's.
    Line {
        #[command(flatten)]
        door: To,
        /// The line.
        #[arg(long, allow_hyphen_values = true)]
        line: String,
        /// Standard input is a terminal, and becomes the line's own.
        #[arg(long)]
        terminal: bool,
    },
    /// Keep a lab until asked to end.
    Keep,
    /// Run a command with this process's own streams.
    Exec {
        #[command(flatten)]
        door: To,
        /// The command.
        #[arg(required = true, last = true)]
        command: Vec<String>,
    },
    /// Make and change namespaces as standard input says.
    Build {
        #[command(flatten)]
        door: To,
    },
    /// Run a script from standard input.
    Script {
        #[command(flatten)]
        door: To,
    },
    /// Capture, and write pcap to standard output.
    Capture {
        #[command(flatten)]
        door: To,
        /// The device, or `any`.
        #[arg(long)]
        device: String,
        /// A BPF expression.
        #[arg(long, allow_hyphen_values = true)]
        filter: String,
    },
}

/// Where to.
#[derive(Debug, clap::Args)]
struct To {
    /// The lab's process 1.
    #[arg(long)]
    holder: u32,
    /// The namespace.
    #[arg(long)]
    place: Option<String>,
}

impl From<To> for Door {
    fn from(to: To) -> Self {
        Self { holder: to.holder, place: to.place }
    }
}

/// The word that calls it.
pub(super) const NAME: &str = "kernel-lab";

/// Gives the exit code of the process: that of what it ran.
pub(super) fn run(words: impl Iterator<Item = OsString>) -> Result<ExitCode, Trouble> {
    let args = Args::try_parse_from(words).map_err(|error| Trouble::usage(error.to_string()))?;
    let done = match args.errand {
        Errand::Hold => inside::hold(),
        Errand::Line { door, line, terminal } => inside::line(&door.into(), &line, terminal),
        Errand::Keep => super::lab::keep(),
        Errand::Exec { door, command } => inside::exec(&door.into(), &command),
        Errand::Build { door } => inside::build(&door.into()),
        Errand::Script { door } => inside::script(&door.into()),
        Errand::Capture { door, device, filter } => inside::capture(&door.into(), &device, &filter),
    };
    done.map(ExitCode::from).map_err(|error| Trouble::unusable(error.to_string()))
}
