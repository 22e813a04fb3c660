use std::collections::BTreeMap;

use super::World;
use crate::lab::{Stream, TerminalSize};
use crate::packet::Timestamp;

/// A program under way in the simulated lab, stepped by hand so that any number of them run on one thread and a virtual
/// clock.
///
/// A step does what can be done now and says what it waits for. It never blocks and never reads a real clock:
/// [`World::now`] is the time, and it stands still during a step. A process that waits is stepped again when its time
/// has come, when input or a signal came, or when anything else in the world went on (a packet was captured, a file
/// changed); so a step must look for itself whether what it waits for is there, and may be called without need.
pub trait Process {
    /// Goes on as far as it can.
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step;

    /// What a signal does to it. Output written here (`ping`'s statistics, tcpdump's counts) still arrives.
    fn signal(&mut self, signal: Signal, world: &mut World, io: &mut Io) -> OnSignal {
        let _ = (world, io);
        OnSignal::Exits(128 + signal.number())
    }

    /// Whether only a signal ends it (`ping` without `-c`, `tcpdump` without `-c`, `watch`, `tail -f`). Without a
    /// terminal nobody can press Ctrl-C, so the scheduler does it for such a process after [`super::PATIENCE`] of virtual
    /// time, or at once when nothing can happen any more, and says so.
    fn endless(&self) -> bool {
        false
    }
}

/// How a step ended.
pub enum Step {
    /// There is more to do at once; other processes get their turn first. For producers without end (`yes`).
    Again,
    /// Nothing to do before this time (`None`: before input, a signal or another process brings something).
    Wait(Option<Timestamp>),
    /// It ended, with an exit status of 0 to 255.
    Exit(i32),
    /// It is this process from now on, as after `exec`; the input and output stay.
    Become(Box<dyn Process>),
}

impl Step {
    /// How the step ends for a process around the one that took it: where that becomes another, the one inside is replaced.
    #[must_use]
    pub fn within(self, inside: &mut Box<dyn Process>) -> Self {
        match self {
            Self::Become(process) => {
                *inside = process;
                Self::Again
            }
            other => other,
        }
    }
}

/// What a process did with a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSignal {
    /// It went on.
    Ignores,
    /// It ended with this status (128 + number where the signal itself ended it).
    Exits(i32),
}

/// The signals that the lab knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT (2): Ctrl-C.
    Interrupt,
    /// SIGTERM (15): `kill`.
    Terminate,
    /// SIGKILL (9): `kill -9`. A process is shown it to let go of what it holds, and ends whatever it answers.
    Kill,
    /// SIGUSR1 (10) and the others that a tool may have a use for, by number.
    Other(u8),
}

impl Signal {
    /// Its number on Linux.
    pub fn number(self) -> i32 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
            Self::Kill => 9,
            Self::Other(number) => i32::from(number),
        }
    }
}

/// How a program was called: its words after all expansion, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The program's name and its arguments.
    pub words: Vec<String>,
    /// The place whose files it sees (the full name of a node or pod, or `machine`).
    pub place: String,
    /// The place whose network stack it uses; another than `place` under `nsenter -n` and `ip netns exec`.
    pub network: String,
    /// Its working directory, absolute.
    pub folder: String,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// The learner's terminal, where its standard output is one.
    pub terminal: Option<TerminalSize>,
}

impl Call {
    /// The arguments, without the program's name.
    pub fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The program's name as it was called.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// `path` made absolute from the working directory.
    pub fn path(&self, path: &str) -> String {
        super::files::absolute(&self.folder, path)
    }
}

/// The standard streams of one process, buffers that its parent fills and drains.
#[derive(Debug, Default)]
pub struct Io {
    input: Vec<u8>,
    input_ended: bool,
    wanted: bool,
    last_whole: bool,
    output: Vec<(Stream, Vec<u8>)>,
}

/// One line, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line without its line feed (`ended: false` for a last line that had none).
    Some(Vec<u8>),
    /// Not here yet.
    NotYet,
    /// The input is at its end.
    End,
}

impl Io {
    /// Writes to standard output.
    pub fn print(&mut self, octets: impl AsRef<[u8]>) {
        self.write(Stream::Out, octets.as_ref());
    }

    /// Writes to standard error.
    pub fn complain(&mut self, octets: impl AsRef<[u8]>) {
        self.write(Stream::Err, octets.as_ref());
    }

    /// Writes to one of the two.
    pub fn write(&mut self, stream: Stream, octets: &[u8]) {
        if octets.is_empty() {
            return;
        }
        match self.output.last_mut() {
            Some((last, written)) if *last == stream => written.extend_from_slice(octets),
            _ => self.output.push((stream, octets.to_vec())),
        }
    }

    /// Takes what has come on standard input so far, which may be nothing.
    pub fn read(&mut self) -> Vec<u8> {
        self.wanted |= self.input.is_empty() && !self.input_ended;
        std::mem::take(&mut self.input)
    }

    /// Whether standard input has ended (what came before may still wait to be read).
    pub fn input_ended(&self) -> bool {
        self.input_ended
    }

    /// The whole of standard input once it has ended, `None` before.
    pub fn read_to_end(&mut self) -> Option<Vec<u8>> {
        self.wanted |= !self.input_ended;
        self.input_ended.then(|| self.read())
    }

    /// Takes the next line of standard input.
    pub fn read_line(&mut self) -> Line {
        if let Some(end) = self.input.iter().position(|octet| *octet == b'\n') {
            let rest = self.input.split_off(end + 1);
            let mut line = std::mem::replace(&mut self.input, rest);
            line.pop();
            self.last_whole = true;
            return Line::Some(line);
        }
        match (self.input_ended, self.input.is_empty()) {
            (false, _) => {
                self.wanted = true;
                Line::NotYet
            }
            (true, true) => Line::End,
            (true, false) => {
                self.last_whole = false;
                Line::Some(self.read())
            }
        }
    }

    /// Whether a line feed ended the line that was read last.
    pub fn line_was_whole(&self) -> bool {
        self.last_whole
    }

    /// Gives back what was read and cannot be used before more has come.
    pub fn put_back(&mut self, octets: &[u8]) {
        self.input.splice(0..0, octets.iter().copied());
    }

    /// The parent's side: whether it looked for input in vain since it last got some.
    pub fn wants_input(&self) -> bool {
        self.wanted
    }

    /// The parent's side: gives it input.
    pub fn feed(&mut self, octets: &[u8]) {
        self.wanted = false;
        self.input.extend_from_slice(octets);
    }

    /// The parent's side: says that no input follows.
    pub fn end_input(&mut self) {
        self.wanted = false;
        self.input_ended = true;
    }

    /// The parent's side: takes what was written, in order.
    pub fn take_output(&mut self) -> Vec<(Stream, Vec<u8>)> {
        std::mem::take(&mut self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_given_only_when_it_is_whole_or_the_input_has_ended() {
        let mut io = Io::default();
        io.feed(b"one\ntw");
        assert_eq!(io.read_line(), Line::Some(b"one".to_vec()));
        assert_eq!(io.read_line(), Line::NotYet);
        io.end_input();
        assert_eq!(io.read_line(), Line::Some(b"tw".to_vec()));
        assert_eq!(io.read_line(), Line::End);
    }
}
