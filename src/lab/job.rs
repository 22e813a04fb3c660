/// Names a job of a lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// What a job has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// Octets it wrote.
    Output(Stream, Vec<u8>),
    /// It ended, with a shell's exit status (128 + signal for one that was killed).
    Exited(i32),
    /// Nothing came within the wait.
    Idle,
}

/// Which stream of a job. With a terminal, both arrive as `Out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What can be sent to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Octets typed or piped into it.
    Octets(Vec<u8>),
    /// End of its standard input.
    End,
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// SIGTERM, then SIGKILL if it does not end.
    Terminate,
    /// The learner's terminal has a new size.
    Resize(TerminalSize),
}

/// How the keys of the learner's terminal reach a job in the foreground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// It has a terminal of its own: every octet is for it as it is typed, Ctrl-C is 0x03, and what it writes is for the
    /// learner's terminal as it is.
    Terminal {
        /// Whether that terminal edits lines and makes signals of Ctrl-C and Ctrl-Z now (`ICANON` and `ISIG`), and the
        /// line has not handed it to a job of its own (`bash -i`): then these keys are nobody else's. `false` where the lab
        /// cannot know.
        cooked: bool,
    },
    /// It has none, and waits for a line.
    Line,
    /// It has none and reads nothing now: what is typed waits for the next prompt.
    Later,
}

/// Size of a terminal in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TerminalSize {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}
