use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Winsize, tcgetattr, tcgetpgrp, tcsetattr, tcsetwinsize,
};

use crate::lab::TerminalSize;

/// The pseudo-terminal of a line, from the side of whoever looks at it.
pub(super) struct Terminal {
    master: File,
    path: PathBuf,
}

impl Terminal {
    /// A new one, and its other side.
    pub(super) fn open(size: TerminalSize) -> io::Result<(Self, File)> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let path = PathBuf::from(name.to_string_lossy().into_owned());
        let slave = other_side(&path, OFlags::empty())?;
        let terminal = Self { master: File::from(master), path };
        terminal.resize(size)?;
        Ok((terminal, slave))
    }

    /// What is written there is typed, and what is read there was shown.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.master.try_clone()
    }

    /// Where its other side is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it another size; the kernel tells its foreground (SIGWINCH).
    pub(super) fn resize(&self, size: TerminalSize) -> io::Result<()> {
        let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(&self.master, size)?)
    }

    /// The process group that has it now. Linux tells it on this side, too (`tiocgpgrp`, drivers/tty/tty_jobctrl.c).
    pub(super) fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(&self.master).ok()
    }

    /// Whether it edits lines and makes signals of keys. On this side, too, Linux tells the other one's settings (pty(7)).
    pub(super) fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.master).map(|settings| settings.local_modes);
        modes.is_ok_and(|modes| modes.contains(LocalModes::ICANON | LocalModes::ISIG))
    }
}

/// What was typed on the terminal at `path` and read by nobody; the session on it must still be there, for the kernel
/// forgets it all with the session.
pub(super) fn unread(path: &Path) -> Vec<u8> {
    let mut octets = Vec::new();
    let Ok(mut terminal) = other_side(path, OFlags::NONBLOCK) else { return octets };
    let Ok(mut settings) = tcgetattr(&terminal) else { return octets };
    // Half a line is readable only where lines are not edited; a read of what is not there does not wait.
    settings.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    settings.special_codes[SpecialCodeIndex::VMIN] = 0;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    if tcsetattr(&terminal, OptionalActions::Now, &settings).is_ok() {
        // What came before an error counts.
        let _ = terminal.read_to_end(&mut octets);
    }
    octets
}

/// Without `NOCTTY`, a process that leads a session without a terminal would make it that one's.
fn other_side(path: &Path, flags: OFlags) -> io::Result<File> {
    Ok(rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | flags, Mode::empty())?.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_nobody_read_is_found_whole_lines_and_half_ones() {
        let (terminal, slave) = Terminal::open(TerminalSize { columns: 80, rows: 24 }).expect("a pseudo-terminal");
        terminal.handle().and_then(|mut keys| keys.write_all(b"one\nha")).expect("keys");
        assert!(terminal.is_cooked());
        drop(slave);
        assert_eq!(unread(terminal.path()), b"one\nha");
        assert_eq!(unread(terminal.path()), b"");
    }
}
