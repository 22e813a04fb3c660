use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::trouble::Trouble;
use crate::words::Said;

/// The namespaces of one lab: they are there while this is, and go when it is dropped or the process dies.
pub(super) struct Holder {
    /// `unshare`, whose child is process 1 of the lab.
    unshare: Child,
    /// Process 1 ends when this closes.
    _held: ChildStdin,
    /// Process 1, as this process sees it.
    pid: u32,
    /// This program, or the one that stands in for it in a test.
    program: PathBuf,
}

impl Holder {
    /// Makes the namespaces: with a user namespace for an ordinary user, without one for root.
    pub(super) fn start(program: &Path) -> Result<Self, Trouble> {
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args(["--mount", "--propagation", "slave", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child"])
            .arg(program)
            .args(["kernel-lab", "hold"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C on the learner's terminal is not for the lab.
            .process_group(0);
        let mut unshare = command.spawn().map_err(|error| {
            Trouble::unusable(Said::of("kernel-needs-unshare", &[]))
                .because(&error)
                .hint(Said::of("kernel-doctor-lacks", &[]))
        })?;
        let mut said = String::new();
        if let Some(out) = unshare.stdout.take() {
            // A holder that ends says why on its other stream.
            let _ = BufReader::new(out).read_line(&mut said);
        }
        let pid = said.trim().strip_prefix("ready ").and_then(|pid| pid.parse().ok());
        let (Some(pid), Some(held)) = (pid, unshare.stdin.take()) else {
            let mut why = String::new();
            if let Some(mut err) = unshare.stderr.take() {
                let _ = err.read_to_string(&mut why);
            }
            let _ = unshare.wait();
            let mut trouble = Trouble::unusable(Said::of("kernel-no-namespaces", &[]));
            trouble.causes.extend(why.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
            return Err(trouble.hint(Said::of("kernel-doctor-mends", &[])));
        };
        Ok(Self { unshare, _held: held, pid, program: program.to_owned() })
    }

    /// The number of the lab's process 1.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// A call of the program that stands in the lab, at a place or, with `None`, where all places are made.
    pub(super) fn call(&self, errand: &str, place: Option<&str>) -> Command {
        call(&self.program, self.pid, errand, place)
    }

    /// Has an errand done that reads what to do from standard input; gives what it wrote to standard error.
    pub(super) fn run(&self, errand: &str, text: &str) -> Result<String, Trouble> {
        let broken = |error: &std::io::Error| Trouble::unusable(Said::of("kernel-silent", &[])).because(error);
        let mut child = self
            .call(errand, None)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| broken(&error))?;
        if let Some(mut input) = child.stdin.take() {
            // One that ends early says why on standard error.
            let _ = input.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().map_err(|error| broken(&error))?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // `--kill-child` carries this on to process 1, and the kernel to all others.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

/// A call of `program` into the lab whose process 1 is `holder`.
pub(super) fn call(program: &Path, holder: u32, errand: &str, place: Option<&str>) -> Command {
    let mut command = Command::new(program);
    command.args(["kernel-lab", errand, "--holder", &holder.to_string()]);
    if let Some(place) = place {
        command.args(["--place", place]);
    }
    command
}
