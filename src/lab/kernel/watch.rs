use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::capture::Reader;
use crate::lab::CaptureEnd;
use crate::packet::Frame;
use crate::trouble::Trouble;

/// A capture of the guide's: libpcap in the place's namespace, its frames over a pipe.
pub(super) struct Watch {
    child: Child,
    /// It stops when this closes.
    held: Option<ChildStdin>,
    frames: Receiver<Frame>,
    last_words: std::thread::JoinHandle<String>,
}

/// How long a capture has to become ready, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

impl Watch {
    /// Starts a prepared call and waits until it captures.
    pub(super) fn start(mut command: Command, what: &str) -> Result<Self, Trouble> {
        let failed = |why: String| {
            let mut trouble = Trouble::unusable(format!("cannot capture on {what}"));
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
        let mut watch = Self { child, held, frames, last_words };
        if ready.recv_timeout(PATIENCE).is_ok() {
            return Ok(watch);
        }
        let _ = watch.child.kill();
        let _ = watch.child.wait();
        let words = watch.last_words.join().unwrap_or_default();
        Err(failed(words.trim_start_matches("error: ").to_owned()))
    }

    /// What was captured since the last call, waiting at most `wait` for the first.
    pub(super) fn frames(&self, wait: Duration) -> Vec<Frame> {
        let mut frames: Vec<Frame> = self.frames.try_iter().collect();
        if frames.is_empty()
            && let Ok(first) = self.frames.recv_timeout(wait)
        {
            frames.push(first);
            frames.extend(self.frames.try_iter());
        }
        frames
    }

    /// Stops it: what the kernel still held is read first.
    pub(super) fn stop(mut self) -> CaptureEnd {
        self.held = None;
        let until = Instant::now() + PATIENCE;
        let mut frames = Vec::new();
        // Until the stream ends; one that hangs is left.
        while let Ok(frame) = self.frames.recv_timeout(until.saturating_duration_since(Instant::now())) {
            frames.push(frame);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let words = self.last_words.join().unwrap_or_default();
        let dropped = words.lines().find_map(|line| line.strip_prefix("dropped ")?.trim().parse().ok());
        CaptureEnd { frames, dropped: dropped.unwrap_or(0) }
    }
}
