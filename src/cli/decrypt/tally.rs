use std::fmt;
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;

use super::batch::Row;
use super::keys::Keys;
use crate::cli::Io;
use crate::decrypt::Sighting;
use crate::esp::Spi;
use crate::words::{Said, Words};

/// What there was, counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    frames: u64,
    /// Frames by status, in the order of [`STATUSES`].
    by_status: [u64; STATUSES.len()],
    esp_frames: u64,
    esp_packets: u64,
    failures: Vec<Failure>,
}

/// ESP packets that failed for the same reason.
#[derive(Debug)]
struct Failure {
    status: &'static str,
    dst: IpAddr,
    spi: Spi,
    frames: u64,
}

const STATUSES: [&str; 7] = ["decrypted", "clear", "no-sa", "bad-icv", "unsupported", "truncated", "malformed"];
/// How many different failures are explained.
const EXPLAINED: usize = 4;

impl Tally {
    pub(super) fn count(&mut self, row: &Row, sighting: Option<&Sighting<'_>>) {
        self.frames += 1;
        if let Some((count, _)) = self.by_status.iter_mut().zip(STATUSES).find(|(_, status)| *status == row.status) {
            *count += 1;
        }
        let Some((spi, _)) = row.esp else { return };
        self.esp_frames += 1;
        if sighting.is_none_or(|sighting| sighting.copy == 1) {
            self.esp_packets += 1;
        }
        let Some((_, dst)) = row.outer.filter(|_| row.status != "decrypted") else { return };
        let same = |failure: &&mut Failure| (failure.status, failure.dst, failure.spi) == (row.status, dst, spi);
        if let Some(failure) = self.failures.iter_mut().find(same) {
            failure.frames += 1;
        } else if self.failures.len() < EXPLAINED {
            self.failures.push(Failure { status: row.status, dst, spi, frames: 1 });
        }
    }

    /// Frames that should have been decrypted, or could not be read.
    pub(super) fn failed(&self) -> u64 {
        self.by_status.iter().skip(2).sum()
    }

    /// Says on standard error what to do about what could not be decrypted.
    pub(super) fn hints(&self, keys: &Keys, capture: &Path, words: &Words, io: &mut Io) {
        let mut hints = Vec::new();
        if !keys.given && self.esp_frames > 0 {
            hints.push(Said::of("decrypt-keys-are", &[]));
            hints.push(Said::of("decrypt-then", &[("capture", &capture.display())]));
        } else {
            hints.extend(self.failures.iter().map(|failure| failure.hint(keys)));
        }
        for hint in hints {
            // What cannot be said on standard error is not worth ending for.
            let _ = writeln!(io.err, "{} {}", words.say("words-hint", &[]), hint.in_words(words));
        }
    }
}

impl Failure {
    fn hint(&self, keys: &Keys) -> Said {
        let Self { dst, spi, frames, .. } = self;
        let many = if *frames == 1 { "one" } else { "more" };
        match self.status {
            "no-sa" => {
                let known: Vec<String> = keys.ring.spis_to(*dst).iter().map(Spi::to_string).collect();
                let (some, known) = (if known.is_empty() { "no" } else { "yes" }, known.join(", "));
                Said::of(
                    "decrypt-no-sa",
                    &[
                        ("many", &many),
                        ("frames", frames),
                        ("spi", spi),
                        ("dst", dst),
                        ("some", &some),
                        ("known", &known),
                    ],
                )
            }
            "bad-icv" => {
                Said::of("decrypt-bad-icv", &[("many", &many), ("frames", frames), ("spi", spi), ("dst", dst)])
            }
            "truncated" => Said::of("decrypt-truncated", &[("many", &many), ("frames", frames), ("spi", spi)]),
            "unsupported" => {
                Said::of("decrypt-unsupported", &[("many", &many), ("frames", frames), ("spi", spi), ("dst", dst)])
            }
            _ => Said::of("decrypt-malformed", &[("many", &many), ("frames", frames), ("spi", spi), ("dst", dst)]),
        }
    }
}

impl fmt::Display for Tally {
    /// `18 frames: 12 decrypted, 6 clear; 4 ESP packets, seen 12 times`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.frames, if self.frames == 1 { "frame" } else { "frames" })?;
        let mut separator = ": ";
        for (count, status) in self.by_status.iter().zip(STATUSES).filter(|(count, _)| **count > 0) {
            write!(f, "{separator}{count} {status}")?;
            separator = ", ";
        }
        if self.esp_frames > 0 {
            let packets = if self.esp_packets == 1 { "packet" } else { "packets" };
            let times = if self.esp_frames == 1 { "once".to_owned() } else { format!("{} times", self.esp_frames) };
            write!(f, "; {} ESP {packets}, seen {times}", self.esp_packets)?;
        }
        Ok(())
    }
}
