use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::terminal::{Terminal, unread};
use crate::lab::line::{MERCY, TCPDUMP_LAG, lags};
use crate::lab::{Input, JobEvent, Stream, TerminalSize, Typing};
use crate::trouble::Trouble;
use crate::words::Said;

/// A line of the learner's that runs in the lab.
pub(super) struct Job {
    events: Receiver<JobEvent>,
    group: Option<Pid>,
    /// What is on its way to the terminal or to standard input, which ends when this goes. A thread writes it: whoever
    /// reads slowly keeps nobody waiting.
    input: Option<Sender<Vec<u8>>>,
    terminal: Option<Terminal>,
    call: Arc<Mutex<Call>>,
    /// Signals that wait for their moment.
    due: Vec<(Instant, Signal)>,
    /// Whether it is one that sits on packets for a while.
    lags: bool,
    over: bool,
}

/// What is known of a line on a terminal.
#[derive(Default)]
struct Call {
    /// Its process group.
    group: Option<Pid>,
    /// What it was sent and had not read when it ended.
    unread: Vec<u8>,
}

/// What a line's call with a terminal writes to its standard error first, if the line has begun.
pub(super) const BEGUN: u8 = 0;
/// How long output is waited for when the line has ended but somebody still holds its streams (`sleep 100 &`).
const REST: Duration = Duration::from_millis(300);

impl Job {
    /// Starts a prepared call, on a terminal of that size or on pipes.
    pub(super) fn start(command: Command, line: &str, size: Option<TerminalSize>) -> Result<Self, Trouble> {
        let started = match size {
            Some(size) => Self::on_terminal(command, size),
            None => Self::on_pipes(command),
        };
        let mut job = started
            .map_err(|error| Trouble::unusable(Said::of("kernel-not-started", &[("line", &line)])).because(&error))?;
        job.lags = lags(line);
        Ok(job)
    }

    fn on_pipes(mut command: Command) -> std::io::Result<Self> {
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let group = pid_of(&child);
        let (say, events) = channel();
        let input = child.stdin.take().map(write);
        let mut readers = Vec::new();
        if let Some(out) = child.stdout.take() {
            readers.push(read(out, Stream::Out, say.clone()));
        }
        if let Some(err) = child.stderr.take() {
            readers.push(read(err, Stream::Err, say.clone()));
        }
        wait(child, readers, say);
        let mut job = Self::of(events, group);
        job.input = input;
        Ok(job)
    }

    fn on_terminal(mut command: Command, size: TerminalSize) -> std::io::Result<Self> {
        let (terminal, slave) = Terminal::open(size)?;
        command.arg("--terminal").stdin(slave.try_clone()?).stdout(slave).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // The command holds the slave's other handles; while they are open, the end is not seen.
        drop(command);
        let group = pid_of(&child);
        let aside = child.stderr.take();
        let (say, events) = channel();
        let reader = read(terminal.handle()?, Stream::Out, say.clone());
        let mut job = Self::of(events, group);
        job.input = Some(write(terminal.handle()?));
        let (call, path) = (Arc::clone(&job.call), terminal.path().to_owned());
        std::thread::spawn(move || {
            let status = aside.and_then(|aside| hear(aside, &call, &say));
            if status.is_some() {
                call.lock().unwrap_or_else(PoisonError::into_inner).unread = unread(&path);
                // It waits only for this to be done.
                let _ = child.kill();
            }
            end(child, status, &[reader], &say);
        });
        job.terminal = Some(terminal);
        Ok(job)
    }

    fn of(events: Receiver<JobEvent>, group: Option<Pid>) -> Self {
        Self {
            events,
            group,
            input: None,
            terminal: None,
            call: Arc::default(),
            due: Vec::new(),
            lags: false,
            over: false,
        }
    }

    /// What comes next, waiting at most `wait`.
    pub(super) fn poll(&mut self, wait: Duration) -> JobEvent {
        let until = Instant::now() + wait;
        loop {
            self.send_due();
            let next = self.due.iter().map(|(at, _)| *at).min().map_or(until, |at| at.min(until));
            match self.events.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(JobEvent::Exited(status)) => return self.ended(status),
                Ok(event) => return event,
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(RecvTimeoutError::Timeout) => return JobEvent::Idle,
                Err(RecvTimeoutError::Disconnected) => return self.ended(255),
            }
        }
    }

    fn ended(&mut self, status: i32) -> JobEvent {
        self.over = true;
        JobEvent::Exited(status)
    }

    /// How it takes what is typed now.
    pub(super) fn typing(&self) -> Typing {
        let Some(terminal) = &self.terminal else { return Typing::Later };
        // A shell within puts jobs of its own before the line's terminal.
        let own = terminal.foreground().is_some_and(|group| Some(group) == self.call().group);
        Typing::Terminal { cooked: own && terminal.is_cooked() }
    }

    /// What it was sent and had not read when it ended.
    pub(super) fn unread(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.call().unread)
    }

    fn call(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something for the line.
    pub(super) fn send(&mut self, input: &Input) {
        match input {
            Input::Octets(octets) => self.write(octets),
            Input::End => match &self.terminal {
                // The key that ends the input of a terminal that edits lines.
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
                    // One that is gone needs no size.
                    let _ = terminal.resize(*size);
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
            self.kill(signal);
        }
    }

    /// Sends a signal to the line, and to the job that a shell within has put before its terminal.
    fn kill(&self, signal: Signal) {
        if self.over {
            return;
        }
        let within = self.terminal.as_ref().and_then(Terminal::foreground);
        let mut groups = vec![within, self.call().group];
        if self.terminal.is_none() || signal == Signal::KILL {
            groups.push(self.group);
        }
        groups.dedup();
        for group in groups.into_iter().flatten() {
            // A group that is gone needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }

    fn write(&mut self, octets: &[u8]) {
        if let Some(input) = &self.input {
            // A line that has ended ignores what comes.
            let _ = input.send(octets.to_vec());
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.kill(Signal::KILL);
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Writes what is sent, in order, until nobody sends any more.
fn write(mut to: impl Write + Send + 'static) -> Sender<Vec<u8>> {
    let (send, octets) = channel::<Vec<u8>>();
    std::thread::spawn(move || {
        for octets in octets {
            if to.write_all(&octets).and_then(|()| to.flush()).is_err() {
                return;
            }
        }
    });
    send
}

/// Hands on what a stream says until it ends. A terminal whose last program has gone ends with an error.
fn read(mut from: impl Read + Send + 'static, stream: Stream, say: Sender<JobEvent>) -> JoinHandle<()> {
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

/// Hears what a call with a terminal says of itself, and gives the line's exit status: [`BEGUN`], the line's process group
/// (32 bits), the status (one octet). Anything else is why it did not begin, and is handed on.
fn hear(mut aside: impl Read, call: &Mutex<Call>, say: &Sender<JobEvent>) -> Option<i32> {
    let mut first = [0];
    aside.read_exact(&mut first).ok()?;
    if first != [BEGUN] {
        let mut said = first.to_vec();
        let _ = aside.read_to_end(&mut said);
        let _ = say.send(JobEvent::Output(Stream::Err, said));
        return None;
    }
    let mut group = [0; 4];
    aside.read_exact(&mut group).ok()?;
    call.lock().unwrap_or_else(PoisonError::into_inner).group = Pid::from_raw(i32::from_ne_bytes(group));
    let mut status = [0];
    aside.read_exact(&mut status).ok()?;
    Some(i32::from(status[0]))
}

/// Says the end when it has come, after everything that was said.
fn wait(child: Child, readers: Vec<JoinHandle<()>>, say: Sender<JobEvent>) {
    std::thread::spawn(move || end(child, None, &readers, &say));
}

fn end(mut child: Child, known: Option<i32>, readers: &[JoinHandle<()>], say: &Sender<JobEvent>) {
    let ended = child.wait().ok().and_then(|status| {
        use std::os::unix::process::ExitStatusExt;
        status.code().or_else(|| status.signal().map(|signal| 128 + signal))
    });
    let until = Instant::now() + REST;
    while readers.iter().any(|reader| !reader.is_finished()) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
    // Nobody listens when the lab is gone.
    let _ = say.send(JobEvent::Exited(known.or(ended).unwrap_or(255)));
}
