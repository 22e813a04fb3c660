use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::lab::line::{MERCY, TCPDUMP_LAG, lags};
use crate::lab::{Input, JobEvent, Stream, TerminalSize};
use crate::trouble::Trouble;

/// A line of the learner's that runs in the lab.
pub(super) struct Job {
    events: Receiver<JobEvent>,
    group: Option<Pid>,
    /// The terminal's other side, or standard input.
    input: Option<Box<dyn Write + Send>>,
    terminal: Option<File>,
    /// Signals that wait for their moment.
    due: Vec<(Instant, Signal)>,
    /// Whether it is one that sits on packets for a while.
    lags: bool,
    over: bool,
}

/// How long output is waited for when the line has ended but somebody still holds its streams (`sleep 100 &`).
const REST: Duration = Duration::from_millis(300);

impl Job {
    /// Starts a prepared call, on a terminal of that size or on pipes.
    pub(super) fn start(command: Command, line: &str, size: Option<TerminalSize>) -> Result<Self, Trouble> {
        let started = match size {
            Some(size) => Self::on_terminal(command, size),
            None => Self::on_pipes(command),
        };
        let mut job = started.map_err(|error| {
            Trouble::unusable(format!("`{line}` cannot be started in the kernel lab")).because(&error)
        })?;
        job.lags = lags(line);
        Ok(job)
    }

    fn on_pipes(mut command: Command) -> std::io::Result<Self> {
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let group = pid_of(&child);
        let (say, events) = channel();
        let input = child.stdin.take().map(|input| Box::new(input) as Box<dyn Write + Send>);
        let mut readers = Vec::new();
        if let Some(out) = child.stdout.take() {
            readers.push(read(out, Stream::Out, say.clone()));
        }
        if let Some(err) = child.stderr.take() {
            readers.push(read(err, Stream::Err, say.clone()));
        }
        wait(child, readers, say);
        Ok(Self { events, group, input, terminal: None, due: Vec::new(), lags: false, over: false })
    }

    fn on_terminal(mut command: Command, size: TerminalSize) -> std::io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let path = std::path::PathBuf::from(name.to_string_lossy().into_owned());
        tcsetwinsize(&master, winsize(size))?;
        // Opened by a process that leads a session without a terminal, it would become that one's.
        let slave: File =
            rustix::fs::open(&path, rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY, rustix::fs::Mode::empty())?
                .into();
        command.arg("--terminal").stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
        let child = command.spawn()?;
        // The command holds the slave's other handles; while they are open, the end is not seen.
        drop(command);
        let group = pid_of(&child);
        let (say, events) = channel();
        let master = File::from(master);
        let reader = read(master.try_clone()?, Stream::Out, say.clone());
        let input: Option<Box<dyn Write + Send>> = Some(Box::new(master.try_clone()?));
        wait(child, vec![reader], say);
        Ok(Self { events, group, input, terminal: Some(master), due: Vec::new(), lags: false, over: false })
    }

    /// What comes next, waiting at most `wait`.
    pub(super) fn poll(&mut self, wait: Duration) -> JobEvent {
        let until = Instant::now() + wait;
        loop {
            self.send_due();
            let next = self.due.iter().map(|(at, _)| *at).min().map_or(until, |at| at.min(until));
            match self.events.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(event) => {
                    self.over = matches!(event, JobEvent::Exited(_));
                    return event;
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(RecvTimeoutError::Timeout) => return JobEvent::Idle,
                Err(RecvTimeoutError::Disconnected) => {
                    self.over = true;
                    return JobEvent::Exited(255);
                }
            }
        }
    }

    /// Something for the line.
    pub(super) fn send(&mut self, input: &Input) {
        match input {
            Input::Octets(octets) => self.write(octets),
            Input::End => match &self.terminal {
                Some(_) => self.write(&[4]),
                None => self.input = None,
            },
            Input::Interrupt => match &self.terminal {
                // The terminal's own way, so that a program in raw mode gets the key.
                Some(_) => self.write(&[3]),
                None => self.signal(Signal::INT),
            },
            Input::Terminate => {
                self.signal(Signal::TERM);
                let last = self.due.iter().map(|(at, _)| *at).max().unwrap_or_else(Instant::now);
                self.due.push((last + MERCY, Signal::KILL));
            }
            Input::Resize(size) => {
                if let Some(terminal) = &self.terminal {
                    // The kernel tells the foreground (SIGWINCH).
                    let _ = tcsetwinsize(terminal, winsize(*size));
                }
            }
        }
    }

    fn signal(&mut self, signal: Signal) {
        let lag = if self.lags && self.terminal.is_none() { TCPDUMP_LAG } else { Duration::ZERO };
        self.due.push((Instant::now() + lag, signal));
        self.send_due();
    }

    fn send_due(&mut self) {
        let now = Instant::now();
        let (ripe, later): (Vec<_>, Vec<_>) = self.due.drain(..).partition(|(at, _)| *at <= now);
        self.due = later;
        for (_, signal) in ripe {
            if let (Some(group), false) = (self.group, self.over) {
                // A group that is gone needs no signal.
                let _ = kill_process_group(group, signal);
            }
        }
    }

    fn write(&mut self, octets: &[u8]) {
        if let Some(input) = &mut self.input {
            // A line that has ended ignores what comes.
            let _ = input.write_all(octets).and_then(|()| input.flush());
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let (Some(group), false) = (self.group, self.over) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn winsize(size: TerminalSize) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Hands on what a stream says until it ends. A terminal whose last program has gone ends with an error.
fn read(mut from: impl Read + Send + 'static, stream: Stream, say: Sender<JobEvent>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut octets = vec![0; 16 << 10];
        while let Ok(read) = from.read(&mut octets) {
            let Some(some) = octets.get(..read).filter(|some| !some.is_empty()) else { return };
            if say.send(JobEvent::Output(stream, some.to_vec())).is_err() {
                return;
            }
        }
    })
}

/// Says the end when it has come, after everything that was said.
fn wait(mut child: Child, readers: Vec<std::thread::JoinHandle<()>>, say: Sender<JobEvent>) {
    std::thread::spawn(move || {
        let status = child.wait().ok().and_then(|status| {
            use std::os::unix::process::ExitStatusExt;
            status.code().or_else(|| status.signal().map(|signal| 128 + signal))
        });
        let until = Instant::now() + REST;
        while readers.iter().any(|reader| !reader.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        // Nobody listens when the lab is gone.
        let _ = say.send(JobEvent::Exited(status.unwrap_or(255)));
    });
}
