use std::time::{Duration, Instant};

use super::engine::Failure;
use super::exec::{Event, Exec, Order};
use crate::lab::line::{MERCY, TCPDUMP_LAG, lags};
use crate::lab::{Input, JobEvent};

/// How a line begins in a node: `$1` is the file for its process number, which is its group's and by which it can be
/// signalled; `$2` and `$3` the size of its terminal, if it has one; then `LINE`, what is remembered, the line, and `ANY_SHELL`. The
/// way is before it. A pod's shell gets what is remembered as an open file: the node's files are not its own.
pub(super) const START: &str = r#"
echo $$ >"$1"
[ -z "$2" ] || stty rows "$2" cols "$3" 2>/dev/null
[ ${#into[@]} -gt 0 ] || exec bash -c "$4" bash "$5" "$6"
exec 9<>"$5"
exec "${into[@]}" sh -c "$7" sh "$4" "$6""#;

/// Runs `$1` with what is remembered and the line `$2` where there is a bash, else the line alone: not every pod has one.
pub(super) const ANY_SHELL: &str =
    r#"command -v bash >/dev/null 2>&1 && exec bash -c "$1" bash /proc/self/fd/9 "$2"; exec sh -c "$2""#;

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
