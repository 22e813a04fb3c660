use std::io;

use crate::lab::kernel::inside::{self, Door};
use crate::trouble::{Exit, Trouble};

/// What this program does inside the namespaces of its own kernel lab.
#[derive(Debug, clap::Args)]
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

/// Gives the exit code of the process: that of what it ran.
pub(super) fn run(args: Args) -> Result<std::process::ExitCode, Trouble> {
    let done = match args.errand {
        Errand::Hold => inside::hold(),
        Errand::Line { door, line, terminal } => inside::line(&door.into(), &line, terminal),
        Errand::Script { door } => inside::script(&door.into()),
        Errand::Capture { door, device, filter } => inside::capture(&door.into(), &device, &filter),
    };
    let broken = |error: io::Error| Trouble { exit: Exit::Unusable, ..Trouble::unusable(error.to_string()) };
    done.map(std::process::ExitCode::from).map_err(broken)
}
