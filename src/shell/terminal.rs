//! The terminal's own settings, kept so that they can be brought back whatever happens.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the learner has typed by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keys {
    /// These octets, or none. From a terminal that edits lines they are whole lines, echoed already.
    Octets(Vec<u8>),
    /// The end of the input: Ctrl-D, where the terminal edits lines.
    End,
    /// The terminal is gone.
    Gone,
}

/// Signals that came, as flags that the shell looks at between two waits.
#[derive(Clone)]
pub(super) struct Signals {
    interrupt: Arc<AtomicBool>,
    leave: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    /// Whether Ctrl-Z stops this whole program, as it does unless a line runs in the foreground.
    stoppable: Arc<AtomicBool>,
}

impl Signals {
    /// Catches Ctrl-C, and the signals that ask a process to end (SIGTERM, and SIGHUP of a terminal that closes).
    pub(super) fn caught() -> Self {
        let stoppable = Arc::new(AtomicBool::new(true));
        let signals = Self { interrupt: Arc::default(), leave: Arc::default(), stop: Arc::default(), stoppable };
        let catch = |signal, flag: &Arc<AtomicBool>| {
            // A signal that cannot be caught keeps its usual meaning: the process ends, and the log is whole anyway.
            let _ = signal_hook::flag::register(signal, Arc::clone(flag));
        };
        catch(signal_hook::consts::SIGINT, &signals.interrupt);
        catch(signal_hook::consts::SIGTERM, &signals.leave);
        #[cfg(unix)]
        {
            catch(signal_hook::consts::SIGHUP, &signals.leave);
            let stop = signal_hook::consts::SIGTSTP;
            let _ = signal_hook::flag::register_conditional_default(stop, Arc::clone(&signals.stoppable));
            catch(stop, &signals.stop);
        }
        signals
    }

    /// Whether Ctrl-Z was pressed since the last time this was asked.
    pub(super) fn stopped(&self) -> bool {
        self.stop.swap(false, Ordering::SeqCst)
    }

    /// Whether Ctrl-Z is to stop this whole program from now on; `false` leaves it to [`Signals::stopped`].
    pub(super) fn let_stop(&self, stoppable: bool) {
        self.stoppable.store(stoppable, Ordering::SeqCst);
    }

    /// Whether Ctrl-C was pressed since the last time this was asked.
    pub(super) fn interrupted(&self) -> bool {
        self.interrupt.swap(false, Ordering::SeqCst)
    }

    /// Whether the process was asked to end.
    pub(super) fn leaving(&self) -> bool {
        self.leave.load(Ordering::SeqCst)
    }
}

/// Keeps the terminal's settings; brings them back when dropped, and before a panic is reported.
pub(super) struct Kept;

impl Kept {
    /// Reads the settings of standard input's terminal, if it is one.
    pub(super) fn now() -> Self {
        keep();
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            usual(panic);
        }));
        Self
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        restore();
    }
}

/// The terminal in raw mode: every key is an octet to read and nothing else, every octet written is obeyed as it is. Ends
/// when dropped; [`Kept`] brings the settings back if that does not happen.
#[cfg(unix)]
pub(super) struct Raw {
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Raw {
    /// `None` where there is no terminal, or it refuses.
    pub(super) fn enter() -> Option<Self> {
        use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        // `Now` keeps what was typed ahead.
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self { before })
    }
}

#[cfg(unix)]
impl Drop for Raw {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        // What was written must leave in raw mode; a terminal that is gone needs no settings.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// What was typed since the last call; it does not wait. Nobody else may be reading.
#[cfg(unix)]
pub(super) fn typed() -> Keys {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let terminal = std::io::stdin();
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut ready = [PollFd::new(&terminal, PollFlags::IN)];
    match poll(&mut ready, Some(&at_once)) {
        Ok(1..) => {}
        Ok(0) | Err(_) => return Keys::Octets(Vec::new()),
    }
    let mut octets = vec![0; 4096];
    match rustix::io::read(&terminal, &mut octets) {
        Ok(0) => Keys::End,
        Ok(read) => {
            octets.truncate(read);
            Keys::Octets(octets)
        }
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Keys::Octets(Vec::new()),
        Err(_) => Keys::Gone,
    }
}

/// Keys reach a line's own terminal only where this program knows how to read them raw.
#[cfg(not(unix))]
pub(super) struct Raw;

#[cfg(not(unix))]
impl Raw {
    pub(super) fn enter() -> Option<Self> {
        None
    }
}

#[cfg(not(unix))]
pub(super) fn typed() -> Keys {
    Keys::Octets(Vec::new())
}

#[cfg(unix)]
static SETTINGS: std::sync::OnceLock<rustix::termios::Termios> = std::sync::OnceLock::new();

#[cfg(unix)]
fn keep() {
    if let Ok(settings) = rustix::termios::tcgetattr(std::io::stdin()) {
        let _ = SETTINGS.set(settings);
    }
}

#[cfg(unix)]
fn restore() {
    if let Some(settings) = SETTINGS.get() {
        let raw = rustix::termios::tcgetattr(std::io::stdin())
            .is_ok_and(|now| !now.local_modes.contains(rustix::termios::LocalModes::ICANON));
        // A terminal that is gone needs no settings.
        let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, settings);
        if raw {
            // Raw mode means that the line editor was at work: bracketed paste off, cursor shown, a new line.
            let _ = std::io::stdout().write_all(b"\x1b[?2004l\x1b[?25h\r\n");
            let _ = std::io::stdout().flush();
        }
    }
}

#[cfg(not(unix))]
fn keep() {}

#[cfg(not(unix))]
fn restore() {
    let _ = crossterm::terminal::disable_raw_mode();
    let _ = std::io::stdout().flush();
}
