//! A call of `esplain`, as a script makes it.

use std::io::Write;
use std::process::{Command, Stdio};

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Calls `esplain` with nothing on standard input.
pub(crate) fn esplain(words: &[&str]) -> Ended {
    with_input(words, b"")
}

/// Calls `esplain`, in English and without the settings and the progress of whoever runs the tests.
pub(crate) fn with_input(words: &[&str], input: &[u8]) -> Ended {
    let state = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_esplain"))
        .args(words)
        .env("ESPLAIN_LANG", "en")
        .env("XDG_STATE_HOME", state.path())
        .env_remove("ESPLAIN_LAB")
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A call that does not read its input closes it; that is no failure of the test.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
