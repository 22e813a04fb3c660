//! A line under way in the embedded lab: its shell, and what it has said so far.

use std::collections::VecDeque;

use super::World;
use super::process::{Io, OnSignal, Process, Signal, Step};
use super::shell::Shell;
use crate::lab::{JobEvent, Stream};
use crate::packet::Timestamp;

/// A line under way.
pub(super) struct Job {
    pub(super) shell: Shell,
    pub(super) io: Io,
    pub(super) events: VecDeque<JobEvent>,
    pub(super) terminal: bool,
    pub(super) until: Option<Timestamp>,
    pub(super) over: bool,
    /// Since when it has been waited for in the foreground, on the virtual clock.
    pub(super) awaited: Option<Timestamp>,
    /// The turns so far in which it always had more to do.
    pub(super) busy: u32,
    /// When it was stopped for want of somebody to press Ctrl-C.
    pub(super) interrupted: Option<Timestamp>,
}

impl Job {
    /// A line that begins.
    pub(super) fn new(shell: Shell, terminal: bool) -> Self {
        Self {
            shell,
            io: Io::default(),
            events: VecDeque::new(),
            terminal,
            until: None,
            over: false,
            awaited: None,
            busy: 0,
            interrupted: None,
        }
    }

    /// Whether it stands still for want of input.
    pub(super) fn reads(&self) -> bool {
        self.io.wants_input() && !self.io.input_ended()
    }

    /// One step; whether anything went on.
    pub(super) fn step(&mut self, world: &mut World) -> bool {
        let step = self.shell.step(world, &mut self.io);
        let said = self.collect();
        match step {
            Step::Again | Step::Become(_) => true,
            Step::Wait(until) => {
                self.until = until;
                said
            }
            Step::Exit(status) => {
                self.end(status);
                true
            }
        }
    }

    pub(super) fn signal(&mut self, signal: Signal, world: &mut World) {
        if self.over {
            return;
        }
        let done = self.shell.signal(signal, world, &mut self.io);
        self.collect();
        if let OnSignal::Exits(status) = done {
            self.end(status);
        }
    }

    /// Nothing comes of it any more.
    pub(super) fn end(&mut self, status: i32) {
        self.over = true;
        self.events.push_back(JobEvent::Exited(status));
    }

    fn collect(&mut self) -> bool {
        let written = self.io.take_output();
        let any = !written.is_empty();
        for (stream, octets) in written {
            let stream = if self.terminal { Stream::Out } else { stream };
            match self.events.back_mut() {
                Some(JobEvent::Output(last, earlier)) if *last == stream => earlier.extend(octets),
                _ => self.events.push_back(JobEvent::Output(stream, octets)),
            }
        }
        any
    }
}
