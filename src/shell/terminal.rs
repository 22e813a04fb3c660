//! The terminal's own settings, kept so that they can be brought back whatever happens.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Signals that came, as flags that the shell looks at between two waits.
#[derive(Clone)]
pub(super) struct Signals {
    interrupt: Arc<AtomicBool>,
    leave: Arc<AtomicBool>,
}

impl Signals {
    /// Catches Ctrl-C, and the signals that ask a process to end (SIGTERM, and SIGHUP of a terminal that closes).
    pub(super) fn caught() -> Self {
        let signals = Self { interrupt: Arc::default(), leave: Arc::default() };
        let catch = |signal, flag: &Arc<AtomicBool>| {
            // A signal that cannot be caught keeps its usual meaning: the process ends, and the log is whole anyway.
            let _ = signal_hook::flag::register(signal, Arc::clone(flag));
        };
        catch(signal_hook::consts::SIGINT, &signals.interrupt);
        catch(signal_hook::consts::SIGTERM, &signals.leave);
        #[cfg(unix)]
        catch(signal_hook::consts::SIGHUP, &signals.leave);
        signals
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
