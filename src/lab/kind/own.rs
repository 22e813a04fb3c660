use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process_group};

use super::machine::Machine;
use crate::lab::line::{LINE, MERCY};
use crate::lab::{Input, JobEvent, JobId, Stream, TerminalSize};
use crate::trouble::Trouble;
use crate::words::Said;

/// The machine that esplain runs on: lines run by `bash` in a folder of the lab's, as the learner.
///
/// It asks nobody; the lab hands it only lines that were permitted.
pub struct OwnMachine {
    folder: PathBuf,
    jobs: BTreeMap<JobId, Job>,
    ids: u64,
}

struct Job {
    events: Receiver<JobEvent>,
    input: Option<Box<dyn Write + Send>>,
    terminal: Option<Box<dyn MasterPty + Send>>,
    group: Option<Pid>,
    /// SIGTERM was sent; then comes SIGKILL.
    last_chance: Option<Instant>,
    over: bool,
}

/// The file of what the lines of this sitting have left.
const REMEMBERED: &str = ".remembered";

impl OwnMachine {
    /// Lines run in `folder`, which is made, and which `files` (names and texts) are laid into unless they are there.
    pub fn new(folder: PathBuf, files: &[(&str, &str)]) -> Result<Self, Trouble> {
        let failed = |path: &std::path::Path, error: std::io::Error| {
            Trouble::unusable(Said::of("kind-unwritable", &[("file", &path.display())])).because(&error)
        };
        std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        for (name, text) in files {
            let path = folder.join(name);
            if !path.exists() {
                std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
            }
        }
        // Variables of an earlier sitting would hide those that this process was given: its PATH, its proxy, its engine.
        let _ = std::fs::remove_file(folder.join(REMEMBERED));
        Ok(Self { folder, jobs: BTreeMap::new(), ids: 0 })
    }

    fn words(&self, line: &str) -> [String; 5] {
        let kept = self.folder.join(REMEMBERED).display().to_string();
        ["-c".to_owned(), LINE.to_owned(), "bash".to_owned(), kept, line.to_owned()]
    }

    fn on_pipes(&self, line: &str) -> std::io::Result<Job> {
        use std::os::unix::process::CommandExt;

        let mut command = Command::new("bash");
        command.args(self.words(line)).current_dir(&self.folder).process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (say, events) = channel();
        let input = child.stdin.take().map(|input| Box::new(input) as Box<dyn Write + Send>);
        let readers = [
            child.stdout.take().map(|out| read(out, Stream::Out, say.clone())),
            child.stderr.take().map(|err| read(err, Stream::Err, say.clone())),
        ];
        std::thread::spawn(move || {
            use std::os::unix::process::ExitStatusExt;

            let status = child.wait().ok();
            let status = status.and_then(|status| status.code().or_else(|| status.signal().map(|signal| 128 + signal)));
            ended(readers.into_iter().flatten(), &say, status.unwrap_or(255));
        });
        Ok(Job { events, input, terminal: None, group, last_chance: None, over: false })
    }

    fn on_terminal(&self, line: &str, size: TerminalSize) -> Result<Job, Box<dyn std::error::Error>> {
        let pair = native_pty_system().openpty(pty_size(size))?;
        let mut command = CommandBuilder::new("bash");
        command.args(self.words(line));
        command.cwd(&self.folder);
        let mut child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        // The line leads a session of its own, and so a group.
        let group = child.process_id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let (say, events) = channel();
        let reader = read(pair.master.try_clone_reader()?, Stream::Out, say.clone());
        let input = pair.master.take_writer()?;
        std::thread::spawn(move || {
            let status = child.wait().map_or(255, |status| i32::try_from(status.exit_code()).unwrap_or(255));
            ended([reader].into_iter(), &say, status);
        });
        Ok(Job { events, input: Some(input), terminal: Some(pair.master), group, last_chance: None, over: false })
    }
}

impl Machine for OwnMachine {
    fn start(&mut self, line: &str, terminal: Option<TerminalSize>) -> Result<JobId, Trouble> {
        let cannot = |error: &dyn std::fmt::Display| {
            let mut trouble = Trouble::unusable(Said::of("kind-cannot-start", &[("line", &line)]));
            trouble.causes.push(error.to_string());
            trouble
        };
        let job = match terminal {
            Some(size) => self.on_terminal(line, size).map_err(|error| cannot(&error))?,
            None => self.on_pipes(line).map_err(|error| cannot(&error))?,
        };
        self.ids += 1;
        self.jobs.insert(JobId(self.ids), job);
        Ok(JobId(self.ids))
    }

    fn poll(&mut self, job: JobId, wait: Duration) -> Result<JobEvent, Trouble> {
        let Some(own) = self.jobs.get_mut(&job) else { return Ok(JobEvent::Exited(255)) };
        if own.last_chance.is_some_and(|at| at <= Instant::now()) {
            own.last_chance = None;
            own.signal(Signal::KILL);
        }
        let event = match own.events.recv_timeout(wait) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => JobEvent::Idle,
            Err(RecvTimeoutError::Disconnected) => JobEvent::Exited(255),
        };
        if matches!(event, JobEvent::Exited(_)) {
            own.over = true;
            self.jobs.remove(&job);
        }
        Ok(event)
    }

    fn send(&mut self, job: JobId, input: Input) -> Result<(), Trouble> {
        let Some(own) = self.jobs.get_mut(&job) else { return Ok(()) };
        match input {
            Input::Octets(octets) => own.write(&octets),
            Input::End if own.terminal.is_some() => own.write(&[4]),
            Input::End => own.input = None,
            // The terminal's own way, so that a program in raw mode gets the key.
            Input::Interrupt if own.terminal.is_some() => own.write(&[3]),
            Input::Interrupt => own.signal(Signal::INT),
            Input::Terminate => {
                own.signal(Signal::TERM);
                own.last_chance = Some(Instant::now() + MERCY);
            }
            Input::Resize(size) => {
                if let Some(terminal) = &own.terminal {
                    // A line that has ended has no use for it.
                    let _ = terminal.resize(pty_size(size));
                }
            }
        }
        Ok(())
    }

    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, Trouble> {
        let full = self.folder.join(path);
        std::fs::read(&full).map_err(|error| {
            Trouble::unusable(Said::of("kind-cannot-read-here", &[("file", &full.display())])).because(&error)
        })
    }
}

impl Job {
    fn write(&mut self, octets: &[u8]) {
        if let Some(input) = &mut self.input {
            // A line that has ended ignores what comes.
            let _ = input.write_all(octets).and_then(|()| input.flush());
        }
    }

    fn signal(&self, signal: Signal) {
        if let (Some(group), false) = (self.group, self.over) {
            // A group that is gone needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn pty_size(size: TerminalSize) -> PtySize {
    PtySize { rows: size.rows, cols: size.columns, pixel_width: 0, pixel_height: 0 }
}

/// Hands on what a stream says until it ends. A terminal whose last program has gone ends with an error.
fn read(mut from: impl Read + Send + 'static, stream: Stream, say: Sender<JobEvent>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut octets = vec![0; 16 << 10];
        while let Ok(read @ 1..) = from.read(&mut octets) {
            let some = octets.get(..read).unwrap_or_default().to_vec();
            if say.send(JobEvent::Output(stream, some)).is_err() {
                return;
            }
        }
    })
}

/// Says the end after everything that was said, unless somebody else still holds the streams (`sleep 100 &`).
fn ended(readers: impl Iterator<Item = JoinHandle<()>>, say: &Sender<JobEvent>, status: i32) {
    const REST: Duration = Duration::from_secs(1);
    let until = Instant::now() + REST;
    let readers: Vec<_> = readers.collect();
    while readers.iter().any(|reader| !reader.is_finished()) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
    // Nobody listens when the lab is gone.
    let _ = say.send(JobEvent::Exited(status));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(machine: &mut OwnMachine, line: &str, terminal: Option<TerminalSize>) -> (String, i32) {
        let job = machine.start(line, terminal).unwrap();
        let (mut said, begun) = (String::new(), Instant::now());
        while begun.elapsed() < Duration::from_secs(30) {
            match machine.poll(job, Duration::from_millis(50)).unwrap() {
                JobEvent::Output(_, octets) => said.push_str(&String::from_utf8_lossy(&octets)),
                JobEvent::Exited(status) => return (said, status),
                JobEvent::Idle => {}
            }
        }
        panic!("{line} did not end: {said}");
    }

    #[test]
    fn lines_run_in_the_folder_and_remember_the_ones_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut machine =
            OwnMachine::new(folder.path().join("kind"), &[("kind-config.yaml", "kind: Cluster\n")]).unwrap();
        assert_eq!(run(&mut machine, "cat kind-config.yaml; X=7; exit 3", None), ("kind: Cluster\n".to_owned(), 3));
        assert_eq!(run(&mut machine, "echo $? $X; echo more >kind-config.yaml", None), ("3 7\n".to_owned(), 0));
        // What the learner wrote stays; a new sitting is a new shell.
        let mut anew = OwnMachine::new(folder.path().join("kind"), &[("kind-config.yaml", "kind: Cluster\n")]).unwrap();
        assert_eq!(anew.read_file("kind-config.yaml").unwrap(), b"more\n");
        assert_eq!(run(&mut anew, "echo \"[$X]\"", None), ("[]\n".to_owned(), 0));
    }

    #[test]
    fn a_line_has_a_terminal_of_the_learners_size_and_ends_by_ctrl_c() {
        let folder = tempfile::tempdir().unwrap();
        let mut machine = OwnMachine::new(folder.path().to_owned(), &[]).unwrap();
        let size = TerminalSize { columns: 91, rows: 17 };
        assert_eq!(run(&mut machine, "stty size", Some(size)), ("17 91\r\n".to_owned(), 0));
        let job = machine.start("echo ready; exec sleep 60", Some(size)).unwrap();
        let begun = Instant::now();
        loop {
            match machine.poll(job, Duration::from_millis(50)).unwrap() {
                JobEvent::Output(_, octets) if octets.starts_with(b"ready") => {
                    machine.send(job, Input::Interrupt).unwrap();
                }
                JobEvent::Exited(status) => break assert_ne!(status, 0),
                _ => assert!(begun.elapsed() < Duration::from_secs(30)),
            }
        }
    }
}
