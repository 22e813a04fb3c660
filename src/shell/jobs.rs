//! Lines that run in the lab: the one in the foreground and those behind it.

use super::screen::Screen;
use crate::lab::{JobId, Stream};
use crate::render::Foreign;

/// A line under way.
pub(super) struct Job {
    /// The number that `%1` means.
    pub(super) number: u32,
    /// The lab's name for it.
    pub(super) id: JobId,
    /// Where it was typed.
    pub(super) place: String,
    /// The line.
    pub(super) line: String,
    /// Standard output so far.
    pub(super) output: Vec<u8>,
    /// Standard error so far.
    pub(super) errors: Vec<u8>,
    /// The position in the packet feed when it began.
    pub(super) since: usize,
    /// Whether it has a terminal of its own, whose output is for a terminal.
    pub(super) own_terminal: bool,
    /// What it has done to the learner's screen, if that is where its output went as it was.
    pub(super) screen: Screen,
    shown: (Foreign, Foreign),
}

/// What is kept of one line's output for checks and explanations; a flood is shown but not kept.
const MOST_KEPT: usize = 4 << 20;

impl Job {
    /// A line that was just started.
    pub(super) fn new(id: JobId, place: &str, line: &str, colour: bool, since: usize) -> Self {
        Self {
            number: 0,
            id,
            place: place.to_owned(),
            line: line.to_owned(),
            output: Vec::new(),
            errors: Vec::new(),
            since,
            own_terminal: false,
            screen: Screen::default(),
            shown: (Foreign::new(colour), Foreign::new(colour)),
        }
    }

    /// Takes output in, and gives what the screen shows of it.
    pub(super) fn take(&mut self, stream: Stream, octets: &[u8]) -> String {
        let (kept, shown) = match stream {
            Stream::Out => (&mut self.output, &mut self.shown.0),
            Stream::Err => (&mut self.errors, &mut self.shown.1),
        };
        keep(kept, octets);
        shown.push(octets)
    }

    /// Takes output in that the learner's terminal gets as it is.
    pub(super) fn pass(&mut self, octets: &[u8]) {
        keep(&mut self.output, octets);
        self.screen.pass(octets);
    }

    /// Its standard output as text. What a terminal got is without the carriage returns and colours that only a terminal
    /// has a use for.
    pub(super) fn text(&self) -> String {
        if !self.own_terminal {
            return String::from_utf8_lossy(&self.output).into_owned();
        }
        let mut plain = Foreign::new(false);
        plain.push(&self.output) + &plain.finish()
    }

    /// What was held back until the end.
    pub(super) fn finish(&mut self) -> String {
        self.shown.0.finish() + &self.shown.1.finish()
    }
}

fn keep(kept: &mut Vec<u8>, octets: &[u8]) {
    let room = MOST_KEPT.saturating_sub(kept.len()).min(octets.len());
    kept.extend_from_slice(octets.get(..room).unwrap_or_default());
}

/// The lines in the background.
#[derive(Default)]
pub(super) struct Jobs {
    pub(super) list: Vec<Job>,
}

impl Jobs {
    /// Puts a line into the background and gives its number: one more than the highest.
    pub(super) fn add(&mut self, mut job: Job) -> u32 {
        if job.number == 0 {
            job.number = self.list.iter().map(|job| job.number).max().unwrap_or(0) + 1;
        }
        let number = job.number;
        self.list.push(job);
        number
    }

    /// The job of a number, or the youngest.
    pub(super) fn take(&mut self, number: Option<u32>) -> Option<Job> {
        let at = match number {
            Some(number) => self.list.iter().position(|job| job.number == number)?,
            None => self.list.len().checked_sub(1)?,
        };
        Some(self.list.remove(at))
    }

    /// The job of a number.
    pub(super) fn find(&self, number: u32) -> Option<&Job> {
        self.list.iter().find(|job| job.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(line: &str) -> Job {
        Job::new(JobId(7), "worker", line, false, 0)
    }

    #[test]
    fn jobs_are_numbered_as_a_shell_numbers_them() {
        let mut jobs = Jobs::default();
        assert_eq!((jobs.add(job("a")), jobs.add(job("b")), jobs.add(job("c"))), (1, 2, 3));
        assert_eq!(jobs.take(Some(2)).map(|job| job.line), Some("b".to_owned()));
        assert_eq!(jobs.add(job("d")), 4);
        assert_eq!(jobs.take(None).map(|job| job.line), Some("d".to_owned()));
        assert!(jobs.take(Some(9)).is_none());
    }

    #[test]
    fn a_flood_of_output_is_shown_and_not_kept() {
        let mut job = job("yes");
        for _ in 0..100 {
            assert_eq!(job.take(Stream::Out, &vec![b'y'; 1 << 16]).len(), 1 << 16);
        }
        assert_eq!(job.output.len(), MOST_KEPT);
    }
}
