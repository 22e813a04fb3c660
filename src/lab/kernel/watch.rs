use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::capture::Reader;
use crate::lab::CaptureEnd;
use crate::packet::Frame;
use crate::trouble::Trouble;
use crate::words::Said;

/// A capture of the guide's: libpcap in the place's namespace, its frames over a pipe.
pub(super) struct Watch {
    child: Child,
    /// It stops when this closes, and answers an octet with a mark behind the frames so far.
    held: Option<ChildStdin>,
    /// Frames, and marks, which have no octets.
    frames: Receiver<Frame>,
    /// Marks that are still to come.
    asked: usize,
    dropped: u64,
    last_words: std::thread::JoinHandle<String>,
}

/// How long a capture has to become ready, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

impl Watch {
    /// Starts a prepared call and waits until it captures.
    pub(super) fn start(mut command: Command, what: &str) -> Result<Self, Trouble> {
        let failed = |why: String| {
            let mut trouble = Trouble::unusable(Said::of("kernel-no-watch", &[("what", &what)]));
            trouble.causes.extend(why.lines().map(str::to_owned));
            trouble
        };
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let held = child.stdin.take();
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("it has no streams".to_owned()));
        };
        let last_words = std::thread::spawn(move || {
            let lines = BufReader::new(err).lines();
            lines.map_while(Result::ok).collect::<Vec<_>>().join("\n")
        });
        let (say_ready, ready) = channel();
        let (say, frames) = channel();
        std::thread::spawn(move || {
            // The header is written when the capture is ready, so reading it is waiting for that.
            let Ok(mut reader) = Reader::new(out) else { return };
            if say_ready.send(()).is_err() {
                return;
            }
            while let Ok(Some(record)) = reader.next_record() {
                if say.send(record.frame.to_frame()).is_err() {
                    return;
                }
            }
        });
        let mut watch = Self { child, held, frames, asked: 0, dropped: 0, last_words };
        if ready.recv_timeout(PATIENCE).is_ok() {
            return Ok(watch);
        }
        let _ = watch.child.kill();
        let _ = watch.child.wait();
        let words = watch.last_words.join().unwrap_or_default();
        Err(failed(words.trim_start_matches("error: ").to_owned()))
    }

    /// What was captured since the last call. What passed before this call and is under way is waited for, at most `wait`.
    pub(super) fn frames(&mut self, wait: Duration) -> Vec<Frame> {
        let mut frames = Vec::new();
        let until = Instant::now() + wait;
        if !wait.is_zero() && self.held.as_mut().is_some_and(|held| held.write_all(b"?").is_ok()) {
            self.asked += 1;
        }
        loop {
            let patience =
                if self.asked == 0 { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
            match self.frames.recv_timeout(patience) {
                Ok(frame) => self.take(frame, &mut frames),
                Err(_) => return frames,
            }
        }
    }

    /// How many frames the kernel had dropped when it was last asked.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn take(&mut self, frame: Frame, frames: &mut Vec<Frame>) {
        if frame.octets.is_empty() {
            self.asked = self.asked.saturating_sub(1);
            self.dropped = frame.time.0 / 1_000_000_000;
        } else {
            frames.push(frame);
        }
    }

    /// Stops it: what the kernel still held is read first.
    pub(super) fn stop(mut self) -> CaptureEnd {
        self.held = None;
        let until = Instant::now() + PATIENCE;
        let mut frames = Vec::new();
        // Until the stream ends; one that hangs is left.
        while let Ok(frame) = self.frames.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.take(frame, &mut frames);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.last_words.join();
        CaptureEnd { frames, dropped: self.dropped }
    }
}
