//! The `esplain` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    esplain::cli::main(std::env::args_os())
}
