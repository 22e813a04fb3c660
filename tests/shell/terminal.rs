//! A learner's terminal: a pseudo-terminal with a screen to look at.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

pub(crate) const ESPLAIN: &str = env!("CARGO_BIN_EXE_esplain");
/// No screen takes longer than this on the slowest machine; a test that passes never waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const ROWS: u16 = 40;

/// A learner's terminal.
pub(crate) struct Terminal {
    pub(crate) screen: Arc<Mutex<vt100::Parser>>,
    pub(crate) raw: Arc<Mutex<Vec<u8>>>,
    pub(crate) keys: Box<dyn Write + Send>,
    pub(crate) master: Box<dyn MasterPty + Send>,
    pub(crate) child: Box<dyn Child + Send + Sync>,
}

/// What a test may choose about a terminal.
pub(crate) struct Options<'a> {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
    pub(crate) arguments: &'a [&'a str],
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { columns: 80, rows: ROWS, arguments: &[], environment: &[] }
    }
}

impl Terminal {
    pub(crate) fn open(home: &Path, options: &Options<'_>) -> Self {
        let size = PtySize { rows: options.rows, cols: options.columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(ESPLAIN);
        command.env_clear();
        command.env("HOME", home);
        command.env("XDG_STATE_HOME", home.join("state"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in options.environment {
            command.env(name, value);
        }
        command.args(options.arguments);
        command.cwd(home);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(options.rows), cells(options.columns), 10_000)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let (shown, kept) = (Arc::clone(&screen), Arc::clone(&raw));
        std::thread::spawn(move || {
            let mut octets = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut octets) {
                shown.lock().unwrap().process(&octets[..read]);
                kept.lock().unwrap().extend_from_slice(&octets[..read]);
            }
        });
        Self { screen, raw, keys, master: pair.master, child }
    }

    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub(crate) fn screen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Everything that was ever written, as octets.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned()
    }

    pub(crate) fn wait_until(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if condition(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} did not appear on this screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// How often the line editor has asked for a line: it switches bracketed paste on each time.
    pub(crate) fn asked(&self) -> usize {
        self.raw().matches("\x1b[?2004h").count()
    }

    /// Types a line, and waits until the editor asks for the next one below a bare prompt that holds `prompt`.
    pub(crate) fn type_line(&mut self, line: &str, prompt: &str) -> String {
        let before = self.asked();
        self.type_keys(&format!("{line}\r"));
        // First that it asks, then the screen: one taken before it asked may still be that of before the line.
        self.wait_until("the next prompt", |_| self.asked() > before);
        self.wait_until(&format!("{prompt} after `{line}`"), |screen| {
            let last = screen.trim_end().lines().last().unwrap_or_default().trim_end();
            last.ends_with("sim>") && last.contains(prompt)
        })
    }

    /// Waits for a line that is this and nothing else.
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.lines().any(|line| line.trim_end() == text))
    }

    /// Waits for a prompt with nothing behind it on the last line that has text.
    pub(crate) fn wait_for_prompt(&self, prompt: &str) -> String {
        self.wait_until(prompt, |screen| screen.trim_end().lines().last().is_some_and(|line| line.trim_end() == prompt))
    }

    pub(crate) fn wait_for_end(&mut self) -> u32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(begun.elapsed() < PATIENCE, "it did not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn resize(&self, columns: u16) {
        self.resize_to(columns, ROWS);
    }

    pub(crate) fn resize_to(&self, columns: u16, rows: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) const CTRL_C: &str = "\x03";
pub(crate) const CTRL_D: &str = "\x04";
pub(crate) const CTRL_Z: &str = "\x1a";
pub(crate) const CTRL_R: &str = "\x12";
pub(crate) const TAB: &str = "\t";
pub(crate) const UP: &str = "\x1b[A";

pub(crate) fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}
