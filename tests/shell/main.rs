//! The guided shell in a real pseudo-terminal, and as a plain line reader: what a learner sees, types, loses and keeps.
//!
//! Every test waits for something on the screen, with a bound; none waits for a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod course;
mod keys;
mod lines;
mod terminal;
mod typed;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use self::terminal::{ESPLAIN, Options, Terminal};

const FIRST_PROMPT: &str = "machine 1/24 sim>";

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn first_screen(home: &Path, options: &Options<'_>) -> Terminal {
    let terminal = Terminal::open(home, options);
    terminal.wait_for_prompt(FIRST_PROMPT);
    terminal
}

/// Runs the shell without a terminal, and gives it `input`.
fn piped(home: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let mut command = Command::new(ESPLAIN);
    command.env_clear().env("HOME", home).env("XDG_STATE_HOME", home.join("state")).env("LANG", "C.UTF-8");
    command.envs(environment.iter().copied()).args(arguments).current_dir(home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A shell that has left does not read the rest.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
