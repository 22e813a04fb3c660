use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::render::{Colour, Look, Surroundings};
use crate::trouble::Trouble;

/// What a subcommand speaks through: the standard streams, and what is known of the terminal behind them.
pub struct Io {
    /// Standard input.
    pub input: Box<dyn Read + Send>,
    /// Standard output, buffered; [`Io::finish`] writes out what is left.
    pub out: Box<dyn Write + Send>,
    /// Standard error, for everything that is not the result.
    pub err: Box<dyn Write + Send>,
    /// Whether to colour what goes to standard output.
    pub color: bool,
    /// The columns of the terminal that standard output is; `None` when it is a file or a pipe.
    pub columns: Option<u16>,
    reader_is_gone: Arc<AtomicBool>,
}

impl Io {
    /// The streams of this process.
    pub fn of_process(color: Colour) -> Self {
        let terminal = io::stdout().is_terminal();
        let reader_is_gone = Arc::new(AtomicBool::new(false));
        let out = Out { to: io::stdout(), reader_is_gone: Arc::clone(&reader_is_gone) };
        Self {
            input: Box::new(io::stdin()),
            out: Box::new(BufWriter::with_capacity(64 * 1024, out)),
            err: Box::new(io::stderr()),
            color: Look::decide(&Surroundings::of_process(color, false)).colour,
            columns: if terminal { crossterm::terminal::size().ok().map(|(columns, _)| columns) } else { None },
            reader_is_gone,
        }
    }

    /// Writes out what is still buffered for standard output.
    pub fn finish(&mut self) -> Result<(), Trouble> {
        self.out.flush().map_err(|error| Self::unwritable(&error))
    }

    /// Whether the reader of standard output closed it (`| head`): there is nobody left to write for.
    pub fn reader_is_gone(&self) -> bool {
        self.reader_is_gone.load(Ordering::Relaxed)
    }

    /// The failure that an error of `out` is.
    pub fn unwritable(error: &io::Error) -> Trouble {
        Trouble::unusable("standard output cannot be written").because(error)
    }
}

/// Standard output, remembering that its reader went away.
struct Out {
    to: io::Stdout,
    reader_is_gone: Arc<AtomicBool>,
}

impl Out {
    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.reader_is_gone.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Write for Out {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let result = self.to.write(octets);
        self.noted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.to.flush();
        self.noted(result)
    }
}
