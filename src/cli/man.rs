use std::path::PathBuf;

use super::Io;
use crate::trouble::{Exit, Trouble};
use crate::words::Said;

/// Print the manual page, or write one page a subcommand into a folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write every page into this folder instead of printing the main one.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, command: clap::Command, io: &mut Io) -> Result<Exit, Trouble> {
    if let Some(folder) = &args.dir {
        let unwritable = |error: std::io::Error| {
            Trouble::unusable(Said::of("cli-man-unwritten", &[("folder", &folder.display())])).because(&error)
        };
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        clap_mangen::generate_to(command, folder).map_err(unwritable)?;
        return Ok(Exit::Done);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .and_then(|()| io.out.write_all(&page))
        .map_err(|error| Io::unwritable(&error))?;
    Ok(Exit::Done)
}
