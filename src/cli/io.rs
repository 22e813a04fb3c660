use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::pager::Pager;
use crate::render::{Colour, Look, Surroundings};
use crate::trouble::Trouble;
use crate::words::Said;

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
    /// Whether a listing may be shown by a pager.
    paged: bool,
    pager: Option<Pager>,
}

impl Io {
    /// The streams of this process. With `paged`, a listing on a terminal may go through a pager.
    pub fn of_process(color: Colour, paged: bool) -> Self {
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
            paged,
            pager: None,
        }
    }

    /// Says that a listing follows, which may be longer than the screen: on a terminal it goes through the pager.
    pub(super) fn page(&mut self) {
        if !self.paged || self.pager.is_some() {
            return;
        }
        if let Some((pager, into)) = Pager::start() {
            let reader_is_gone = Arc::clone(&self.reader_is_gone);
            self.out = Box::new(BufWriter::with_capacity(64 * 1024, Out { to: into, reader_is_gone }));
            self.pager = Some(pager);
        }
    }

    /// Writes out what is still buffered for standard output, and waits for the reader of a pager.
    pub fn finish(&mut self) -> Result<(), Trouble> {
        let written = self.out.flush().map_err(|error| Self::unwritable(&error));
        if let Some(pager) = self.pager.take() {
            // The pager sees the end when its pipe is closed.
            self.out = Box::new(io::sink());
            pager.wait();
        }
        written
    }

    /// Whether the reader of standard output closed it (`| head`): there is nobody left to write for.
    pub fn reader_is_gone(&self) -> bool {
        self.reader_is_gone.load(Ordering::Relaxed)
    }

    /// The failure that an error of `out` is.
    pub fn unwritable(error: &io::Error) -> Trouble {
        Trouble::unusable(Said::of("trouble-stdout", &[])).because(error)
    }
}

/// Standard output, remembering that its reader went away.
struct Out<W> {
    to: W,
    reader_is_gone: Arc<AtomicBool>,
}

impl<W> Out<W> {
    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.reader_is_gone.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let result = self.to.write(octets);
        self.noted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.to.flush();
        self.noted(result)
    }
}
