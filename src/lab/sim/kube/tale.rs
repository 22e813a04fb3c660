use std::collections::VecDeque;
use std::time::Duration;

use crate::lab::Stream;
use crate::lab::sim::World;
use crate::lab::sim::process::{Io, Process, Step};
use crate::packet::Timestamp;

/// A program that takes its time: it says something, waits, does something, and so on to its end.
#[derive(Default)]
pub(super) struct Tale {
    beats: VecDeque<Beat>,
    until: Option<Timestamp>,
    status: i32,
}

enum Beat {
    Say(Stream, String),
    Wait(Duration),
    Do(Act),
}

/// Something done at its moment; a status other than 0 ends the tale.
type Act = Box<dyn FnOnce(&mut World, &mut Io) -> i32>;

impl Tale {
    /// Writes to standard output.
    pub(super) fn print(mut self, text: impl Into<String>) -> Self {
        self.beats.push_back(Beat::Say(Stream::Out, text.into()));
        self
    }

    /// Writes to standard error.
    pub(super) fn complain(mut self, text: impl Into<String>) -> Self {
        self.beats.push_back(Beat::Say(Stream::Err, text.into()));
        self
    }

    /// Lets virtual time pass.
    pub(super) fn wait(mut self, millis: u64) -> Self {
        self.beats.push_back(Beat::Wait(Duration::from_millis(millis)));
        self
    }

    /// Does something; a status other than 0 ends the tale.
    pub(super) fn act(mut self, run: impl FnOnce(&mut World, &mut Io) -> i32 + 'static) -> Self {
        self.beats.push_back(Beat::Do(Box::new(run)));
        self
    }

    /// The status at the end.
    pub(super) fn status(mut self, status: i32) -> Self {
        self.status = status;
        self
    }

    /// As a process.
    pub(super) fn start(self) -> Box<dyn Process> {
        Box::new(self)
    }
}

impl Process for Tale {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        if let Some(until) = self.until.filter(|until| world.now() < *until) {
            return Step::Wait(Some(until));
        }
        self.until = None;
        while let Some(beat) = self.beats.pop_front() {
            match beat {
                Beat::Say(stream, text) => io.write(stream, text.as_bytes()),
                Beat::Wait(wait) => {
                    let until = world.after(wait);
                    self.until = Some(until);
                    return Step::Wait(Some(until));
                }
                Beat::Do(run) => {
                    let status = run(world, io);
                    if status != 0 {
                        return Step::Exit(status);
                    }
                }
            }
        }
        Step::Exit(self.status)
    }
}

/// A program that only says why it did not do what was asked.
pub(super) fn refuse(status: i32, text: impl Into<String>) -> Box<dyn Process> {
    let mut text = text.into();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Tale::default().complain(text).status(status).start()
}
