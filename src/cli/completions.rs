use clap_complete::Shell;

use super::Io;
use crate::trouble::{Exit, Trouble};

/// Print a completion script for a shell.
///
/// For bash: `esplain completions bash > ~/.local/share/bash-completion/completions/esplain`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args, mut command: clap::Command, io: &mut Io) -> Result<Exit, Trouble> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "esplain", &mut script);
    io.out.write_all(&script).map_err(|error| Io::unwritable(&error))?;
    Ok(Exit::Done)
}
