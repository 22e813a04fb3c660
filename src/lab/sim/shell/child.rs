use crate::lab::Stream;
use crate::lab::sim::World;
use crate::lab::sim::process::{Io, OnSignal, Process, Signal, Step};
use crate::packet::Timestamp;

/// Where a command's standard input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The shell's own.
    Inherited,
    /// The pipe from the command before, or text: fed as it comes.
    Fed,
}

/// Where one of a command's outputs goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sink {
    /// The shell's own standard output or error.
    Inherited(Stream),
    /// The next command of the pipeline.
    Pipe,
    /// A file of the place, by absolute path; opened (and emptied) before the command starts.
    File(String),
    /// `/dev/null` or a closed descriptor.
    Nowhere,
}

/// The three descriptors of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Descriptors {
    pub(super) input: Source,
    /// Text for standard input (`<<`, `<<<`, `< FILE`), when `input` is fed by nothing else.
    pub(super) text: Option<Vec<u8>>,
    pub(super) out: Sink,
    pub(super) err: Sink,
}

impl Descriptors {
    /// All three are the shell's.
    pub(super) fn inherited() -> Self {
        Self {
            input: Source::Inherited,
            text: None,
            out: Sink::Inherited(Stream::Out),
            err: Sink::Inherited(Stream::Err),
        }
    }

    /// Where a stream goes.
    pub(super) fn sink(&self, stream: Stream) -> &Sink {
        match stream {
            Stream::Out => &self.out,
            Stream::Err => &self.err,
        }
    }
}

/// A process that a shell started, with its streams.
pub(super) struct Child {
    pub(super) pid: u32,
    process: Box<dyn Process>,
    pub(super) io: Io,
    pub(super) descriptors: Descriptors,
    pub(super) status: Option<i32>,
    /// What it waits for, from its last step.
    pub(super) until: Option<Timestamp>,
}

impl Child {
    pub(super) fn new(process: Box<dyn Process>, descriptors: Descriptors, pid: u32) -> Self {
        let mut io = Io::default();
        if let Some(text) = &descriptors.text {
            io.feed(text);
            io.end_input();
        }
        Self { pid, process, io, descriptors, status: None, until: None }
    }

    /// One step; whether anything went on, and whether it wants another at once.
    pub(super) fn step(&mut self, world: &mut World) -> Progress {
        if self.status.is_some() {
            return Progress::None;
        }
        for signal in world.take_signals(self.pid) {
            self.signal(signal, world);
        }
        if self.status.is_some() {
            return Progress::Some;
        }
        match self.process.step(world, &mut self.io) {
            Step::Again => Progress::Again,
            Step::Wait(until) => {
                self.until = until;
                Progress::None
            }
            Step::Exit(status) => {
                self.ended(status, world);
                Progress::Some
            }
            Step::Become(process) => {
                self.process = process;
                Progress::Again
            }
        }
    }

    pub(super) fn signal(&mut self, signal: Signal, world: &mut World) {
        if self.status.is_some() {
            return;
        }
        let done = match signal {
            Signal::Kill => {
                // What it holds goes with it, as the kernel closes a process's sockets.
                self.process.signal(signal, world, &mut self.io);
                OnSignal::Exits(137)
            }
            other => self.process.signal(other, world, &mut self.io),
        };
        if let OnSignal::Exits(status) = done {
            self.ended(status, world);
        }
    }

    pub(super) fn endless(&self) -> bool {
        self.status.is_none() && self.process.endless()
    }

    /// Takes what it wrote to a stream that goes to its own shell or on in the pipeline; files are written here.
    pub(super) fn drain(&mut self, place: &str, world: &mut World) -> Vec<(Sink, Vec<u8>)> {
        let mut passed = Vec::new();
        for (stream, octets) in self.io.take_output() {
            match self.descriptors.sink(stream).clone() {
                Sink::File(path) => {
                    let files = world.files.entry(place.to_owned()).or_default();
                    // The file was there when the command started; a folder in its place swallows what is written.
                    let _swallowed = files.append(&path, &octets);
                }
                Sink::Nowhere => {}
                sink => passed.push((sink, octets)),
            }
        }
        passed
    }

    fn ended(&mut self, status: i32, world: &mut World) {
        self.status = Some(status & 0xff);
        world.forget_process(self.pid);
    }
}

/// What a step brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    None,
    Some,
    Again,
}
