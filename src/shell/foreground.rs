//! The line in the foreground: its output is shown as it comes, and the keys are for it.
//!
//! A line with a terminal of its own (a node of the kernel lab) gets every octet as it is typed, from the learner's
//! terminal in raw mode, and its output passes untouched. For one that has none (the simulated lab) the learner's own
//! terminal edits lines, and whole lines are handed on when they are asked for.

use std::time::{Duration, Instant};

use super::jobs::Job;
use super::session::{Session, TICK};
use super::terminal::{Keys, Raw, typed};
use crate::lab::{self, Input, JobEvent};
use crate::trouble::Trouble;

/// How long one wait for output is while keys may come: short enough that a key feels immediate.
const KEY_TICK: Duration = Duration::from_millis(5);
const CTRL_C: u8 = 0x03;
const CTRL_Z: u8 = 0x1a;
/// A line that gave no answer to Ctrl-C is ended by the second; a program that made Ctrl-C a key of its own by the third.
const PRESSES: u32 = 2;
const PRESSES_OF_A_KEY: u32 = 3;

/// How the foreground was left.
enum Left {
    /// The line ended with this status.
    Ended(i32),
    /// Ctrl-Z: it goes on behind.
    Behind,
    /// The sitting is over.
    Leaving,
}

/// Presses of Ctrl-C that nothing came of.
#[derive(Default)]
struct Unanswered(u32);

impl Unanswered {
    /// Takes output in: anything but the echo of the key itself is an answer.
    fn heard(&mut self, octets: &[u8]) {
        if octets.iter().any(|octet| !b"^C\r\n".contains(octet)) {
            self.0 = 0;
        }
    }

    /// One more press; whether it is one too many.
    fn pressed(&mut self, cooked: bool) -> bool {
        self.0 += 1;
        self.0 >= if cooked { PRESSES } else { PRESSES_OF_A_KEY }
    }
}

impl Session {
    /// Waits for a line in the foreground.
    pub(super) fn foreground(&mut self, mut job: Job) -> Result<(), Trouble> {
        let interactive = self.input.is_interactive();
        job.own_terminal = matches!(self.lab.typing(job.id), lab::Typing::Terminal { .. });
        let raw = if interactive && job.own_terminal { Raw::enter() } else { None };
        self.console.at_raw(raw.is_some());
        self.signals.let_stop(!interactive);
        self.signals.interrupted();
        self.signals.stopped();
        let left = self.attend(&mut job, raw.is_some());
        let tidied = job.screen.tidied();
        self.console.octets(tidied.as_bytes());
        drop(raw);
        self.console.at_raw(false);
        self.signals.let_stop(true);
        match left? {
            Left::Leaving => self.lab.send(job.id, Input::Terminate),
            Left::Behind => {
                self.put_behind(job);
                Ok(())
            }
            Left::Ended(status) => {
                let rest = job.finish();
                self.console.raw(&rest);
                let unread = self.lab.unread(job.id);
                self.typed_ahead(&unread);
                self.pump();
                self.ended(&job, status);
                Ok(())
            }
        }
    }

    fn attend(&mut self, job: &mut Job, raw: bool) -> Result<Left, Trouble> {
        let tick = if self.input.is_interactive() { KEY_TICK } else { TICK };
        let mut unanswered = Unanswered::default();
        let mut size = self.terminal_size();
        let mut pumped = Instant::now();
        loop {
            if self.signals.leaving() || self.console.broken().is_some() {
                return Ok(Left::Leaving);
            }
            if self.signals.interrupted() {
                self.press(job, true, &mut unanswered)?;
            }
            if self.signals.stopped() {
                // Behind the key's echo.
                self.console.raw("\n");
                return Ok(Left::Behind);
            }
            if let Some(left) = self.relay(job, raw, &mut unanswered)? {
                return Ok(left);
            }
            let now = self.terminal_size();
            if now != size
                && let Some(new) = now
            {
                size = now;
                self.console.measure();
                self.lab.send(job.id, Input::Resize(new))?;
            }
            match self.lab.poll(job.id, tick)? {
                JobEvent::Output(stream, octets) => {
                    unanswered.heard(&octets);
                    if raw {
                        job.pass(&octets);
                        self.console.octets(&octets);
                    } else {
                        let text = job.take(stream, &octets);
                        self.console.raw(&text);
                    }
                }
                JobEvent::Exited(status) => return Ok(Left::Ended(status)),
                JobEvent::Idle => {}
            }
            // A screen that the line has drawn is not written into: what others say waits for its end.
            if pumped.elapsed() >= TICK && (!raw || job.screen.is_free()) {
                self.pump();
                pumped = Instant::now();
            }
        }
    }

    /// Hands on what was typed.
    fn relay(&mut self, job: &Job, raw: bool, unanswered: &mut Unanswered) -> Result<Option<Left>, Trouble> {
        if !self.input.is_interactive() || !raw && self.lab.typing(job.id) != lab::Typing::Line {
            return Ok(None);
        }
        let octets = match typed() {
            Keys::Octets(octets) => octets,
            Keys::End if !raw => {
                self.lab.send(job.id, Input::End)?;
                return Ok(None);
            }
            Keys::End | Keys::Gone => return Ok(Some(Left::Leaving)),
        };
        let mut rest = octets.as_slice();
        while let Some(at) = rest.iter().position(|octet| raw && matches!(*octet, CTRL_C | CTRL_Z)) {
            let (before, key) = rest.split_at(at);
            self.hand_on(job, before)?;
            let cooked = matches!(self.lab.typing(job.id), lab::Typing::Terminal { cooked: true });
            let (key, after) = key.split_at(1);
            match key {
                [CTRL_C] => self.press(job, cooked, unanswered)?,
                _ if cooked => {
                    self.typed_ahead(after);
                    return Ok(Some(Left::Behind));
                }
                key => self.hand_on(job, key)?,
            }
            rest = after;
        }
        self.hand_on(job, rest)?;
        Ok(None)
    }

    fn hand_on(&mut self, job: &Job, octets: &[u8]) -> Result<(), Trouble> {
        if octets.is_empty() { Ok(()) } else { self.lab.send(job.id, Input::Octets(octets.to_vec())) }
    }

    /// Ctrl-C. `cooked`: it is a signal, and not a key of the program's own.
    fn press(&mut self, job: &Job, cooked: bool, unanswered: &mut Unanswered) -> Result<(), Trouble> {
        if cooked {
            // What was pasted behind the cancelled line is cancelled too.
            self.queue.clear();
        }
        let forced = unanswered.pressed(cooked);
        self.lab.send(job.id, if forced { Input::Terminate } else { Input::Interrupt })
    }

    /// Ctrl-Z: the line goes on in the background.
    fn put_behind(&mut self, job: Job) {
        let line = job.line.clone();
        let number = self.jobs.add(job);
        self.console.line(format!("[{number}] {line} &"));
        self.tell("ui-job-behind", &[("number", number.into())]);
    }

    /// What was typed for a line that did not read it: whole lines run next, and half a line is where the next begins.
    pub(super) fn typed_ahead(&mut self, octets: &[u8]) {
        let text = String::from_utf8_lossy(octets);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\r' | '\n' => {
                    let line = std::mem::take(&mut self.begun);
                    self.queue.push_back(line);
                }
                '\u{7f}' | '\u{8}' => drop(self.begun.pop()),
                // An arrow or a function key has nothing to move in.
                '\u{1b}' => {
                    if letters.next_if(|next| matches!(next, '[' | 'O')).is_some() {
                        while letters.next().is_some_and(|letter| !('@'..='~').contains(&letter)) {}
                    }
                }
                letter if letter.is_control() => {}
                letter => self.begun.push(letter),
            }
        }
    }

    /// Brings a job back to the foreground.
    pub(super) fn foreground_again(&mut self, number: Option<u32>) -> Result<(), Trouble> {
        let Some(job) = self.jobs.take(number) else { return Err(self.no_job(number)) };
        self.console.line(job.line.clone());
        self.foreground(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_ctrl_c_without_an_answer_is_one_too_many() {
        let mut unanswered = Unanswered::default();
        assert!(!unanswered.pressed(true));
        unanswered.heard(b"^C\r\n");
        assert!(unanswered.pressed(true));
        let mut unanswered = Unanswered::default();
        assert!(!unanswered.pressed(true));
        unanswered.heard(b"^Cbash-5.2# ");
        assert!(!unanswered.pressed(true));
    }

    #[test]
    fn a_program_whose_key_it_is_may_be_silent_once_more() {
        let mut unanswered = Unanswered::default();
        assert!(!unanswered.pressed(false) && !unanswered.pressed(false) && unanswered.pressed(false));
    }
}
