use std::time::{Duration, Instant};

use super::engine::Failure;
use super::exec::{Event, Exec, Order};
use crate::lab::line::{MERCY, TCPDUMP_LAG, lags};
use crate::lab::{Input, JobEvent};

/// A line of the learner's that runs in the cluster.
pub(super) struct Job {
    exec: Exec,
    /// The node it runs on.
    pub(super) node: String,
    /// The line as it was typed.
    pub(super) line: String,
    terminal: bool,
    /// Signals that wait for their moment.
    due: Vec<(Instant, &'static str)>,
    lags: bool,
}

impl Job {
    /// A line that was started.
    pub(super) fn new(exec: Exec, node: String, line: String, terminal: bool) -> Self {
        let lags = !terminal && lags(&line);
        Self { exec, node, line, terminal, due: Vec::new(), lags }
    }

    /// Whether it has a terminal of its own.
    pub(super) fn has_terminal(&self) -> bool {
        self.terminal
    }

    /// What comes next, waiting at most `wait`; `signal` is called for each signal whose moment has come.
    pub(super) fn poll(&mut self, wait: Duration, mut signal: impl FnMut(&'static str)) -> Result<JobEvent, Failure> {
        let until = Instant::now() + wait;
        loop {
            let now = Instant::now();
            self.due.retain(|(at, name)| {
                if *at <= now {
                    signal(name);
                }
                *at > now
            });
            let next = self.due.iter().map(|(at, _)| *at).min().map_or(until, |at| at.min(until));
            match self.exec.next(next.saturating_duration_since(now)) {
                Some(Event::Output(side, octets)) => return Ok(JobEvent::Output(side, octets)),
                Some(Event::Exited(status)) => return Ok(JobEvent::Exited(status)),
                Some(Event::Lost(failure)) => return Err(failure),
                None if Instant::now() >= until => return Ok(JobEvent::Idle),
                None => {}
            }
        }
    }

    /// Something for the line; a signal is sent when its moment comes.
    pub(super) fn send(&mut self, input: Input) {
        match input {
            Input::Octets(octets) => self.exec.tell(Order::Octets(octets)),
            Input::End => self.exec.tell(Order::End),
            // The terminal's own way, so that a program in raw mode gets the key.
            Input::Interrupt if self.terminal => self.exec.tell(Order::Octets(vec![3])),
            Input::Interrupt => self.signal("INT"),
            Input::Terminate => {
                self.signal("TERM");
                let last = self.due.iter().map(|(at, _)| *at).max().unwrap_or_else(Instant::now);
                self.due.push((last + MERCY, "KILL"));
            }
            Input::Resize(size) => self.exec.tell(Order::Resize(size)),
        }
    }

    fn signal(&mut self, name: &'static str) {
        let lag = if self.lags { TCPDUMP_LAG } else { Duration::ZERO };
        self.due.push((Instant::now() + lag, name));
    }
}
