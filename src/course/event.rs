use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};

/// The version written into every line of the log.
pub const VERSION: u32 = 1;

/// One line of the event log: an event and when it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the line's form.
    pub v: u32,
    /// When it happened.
    #[serde(with = "moment")]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened on a walk through a course. The log of these is the only record of progress: it is appended
/// to and never changed, and no key ever enters it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A walk began or was taken up again.
    Started {
        /// The course.
        course: String,
        /// The lab, as `--lab` names it.
        lab: String,
        /// The language.
        lang: String,
    },
    /// The learner came to a step.
    Entered(StepRef),
    /// The learner ran a line; keys in it are gone (see [`Event::ran`]).
    Ran {
        /// The step at hand.
        step: String,
        /// Where it was typed.
        place: String,
        /// The line.
        line: String,
        /// Its exit status, where it had ended.
        status: Option<i32>,
    },
    /// A check was met.
    Met {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// The check.
        check: String,
    },
    /// A hint was opened; hints open one a request.
    Hinted {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// How many hints are open now; one more than there are hints is the solution.
        level: usize,
    },
    /// A question was answered (or given up on).
    Answered {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// The question.
        question: String,
        /// The answer as it was typed, keys taken out; empty when the learner gave up.
        answer: String,
        /// Whether it was right.
        right: bool,
        /// Whether the learner gave up and was shown the answer.
        #[serde(default)]
        given_up: bool,
    },
    /// A step was left behind.
    Finished {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// How.
        how: How,
    },
    /// A step was set back: a new attempt begins and what the last one scored no longer counts.
    Reset(StepRef),
    /// A replay held a claim about a step against what happened. No learner's log has it.
    Claimed {
        /// The step.
        step: String,
        /// What must hold, in words.
        claim: String,
        /// Whether it did.
        holds: bool,
        /// If not, what was expected …
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<String>,
        /// … and what came instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        got: Option<String>,
    },
}

/// A step as it was when something happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRef {
    /// Its id.
    pub step: String,
    /// Its content hash.
    pub hash: String,
}

/// How a step was left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The learner did it.
    Done,
    /// The learner did it with the solution at hand, or let the guide do it.
    Assisted,
    /// The learner went on without.
    Skipped,
}

impl Entry {
    /// An event at a moment, in this version's form.
    pub fn new(at: Timestamp, event: Event) -> Self {
        Self { v: VERSION, at, event }
    }

    /// The line for the log, without its line end.
    ///
    /// # Panics
    /// Never: what an entry is made of is always JSON.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and flags are always JSON")
    }

    /// Reads a line of the log.
    pub fn from_line(line: &str) -> Result<Self, EntryError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u32,
        }
        let Versioned { v } = serde_json::from_str(line)?;
        if v > VERSION {
            return Err(EntryError::Newer { found: v });
        }
        Ok(serde_json::from_str(line)?)
    }
}

/// Why a line of the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It is not an entry: torn by a crash, or not written by esplain.
    #[error("not an entry of the event log: {0}")]
    Broken(#[from] serde_json::Error),
    /// A newer esplain wrote it.
    #[error("written by a newer esplain (format {found}, this one reads up to {VERSION})")]
    Newer {
        /// The version it says.
        found: u32,
    },
}

impl Event {
    /// A line that the learner ran, with keys taken out.
    pub fn ran(step: &str, place: &str, line: &str, status: Option<i32>) -> Self {
        Self::Ran { step: step.to_owned(), place: place.to_owned(), line: without_keys(line), status }
    }

    /// An answer to a question, with keys taken out.
    pub fn answered(step: StepRef, question: &str, answer: &str, right: bool) -> Self {
        Self::Answered { step, question: question.to_owned(), answer: without_keys(answer), right, given_up: false }
    }
}

/// A text with everything that could be a key replaced by its length: runs of 16 or more hexadecimal digits, also when
/// grouped by colons or underscores, and the base64 of a secret.
pub fn without_keys(text: &str) -> String {
    static KEY: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:0[xX])?[0-9a-fA-F]{2}(?:[:_ ]?[0-9a-fA-F]{2}){7,}|[A-Za-z0-9+/]{40,}={0,2}")
            .expect("the pattern is a regular expression")
    });
    KEY.replace_all(text, |found: &regex::Captures<'_>| format!("<{} characters hidden>", found[0].len())).into_owned()
}

/// `"2023-02-01T02:00:00Z"`.
mod moment {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> StepRef {
        StepRef { step: "states".into(), hash: "0123abcd".into() }
    }

    #[test]
    fn every_event_survives_its_line() {
        let events = [
            Event::Started { course: "cilium-ipsec".into(), lab: "sim".into(), lang: "zh".into() },
            Event::Entered(here()),
            Event::ran("states", "worker", "ip x s | grep 中\t\"", Some(0)),
            Event::Met { step: here(), check: "states".into() },
            Event::Hinted { step: here(), level: 2 },
            Event::answered(here(), "incoming", "1", true),
            Event::Finished { step: here(), how: How::Assisted },
            Event::Reset(here()),
            Event::Claimed {
                step: "states".into(),
                claim: "the words are whole".into(),
                holds: false,
                expected: Some("words".into()),
                got: None,
            },
        ];
        for event in events {
            let entry = Entry::new("2023-02-01T02:00:00Z".parse().unwrap(), event);
            let line = entry.to_line();
            assert!(!line.contains('\n'));
            assert_eq!(Entry::from_line(&line).unwrap(), entry, "{line}");
        }
    }

    #[test]
    fn a_torn_line_and_a_newer_one_are_told_apart() {
        let line = Entry::new(Timestamp::UNIX_EPOCH, Event::Entered(here())).to_line();
        for torn in 0..line.len() {
            assert!(matches!(Entry::from_line(&line[..torn]), Err(EntryError::Broken(_))), "{torn}");
        }
        let newer = line.replace("\"v\":1", "\"v\":2");
        assert!(matches!(Entry::from_line(&newer), Err(EntryError::Newer { found: 2 })));
    }

    #[test]
    fn no_key_enters_the_log() {
        let key = "0123456789abcdef0123456789abcdef01234567";
        let grouped = "0x01234567 89abcdef 01234567 89abcdef 01234567";
        for line in [
            format!(":decrypt all-ipsec.cap --key 0x{key}"),
            format!("--from-literal=keys=\"3 rfc4106(gcm(aes)) {key} 128\""),
            format!("xxd {grouped}"),
            "echo MyByZmM0MTA2KGdjbShhZXMpKSBhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYSAxMjg= | base64 -d".to_owned(),
        ] {
            let Event::Ran { line: kept, .. } = Event::ran("key", "machine", &line, Some(0)) else { unreachable!() };
            assert!(!kept.contains("89abcdef") && !kept.contains("KGdjbShhZXMp"), "{kept}");
            assert!(kept.contains("hidden"), "{kept}");
        }
        for harmless in ["ip x s", "ping -c 1 10.0.1.165", "ip route get 10.0.1.165 mark 0x3e00", "02:42:ac:12:00:03"] {
            assert_eq!(without_keys(harmless), harmless);
        }
    }
}
