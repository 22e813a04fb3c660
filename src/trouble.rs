//! A failure as the learner meets it: what failed, why, what to do next, and the exit code it ends with.
//!
//! Rooms of the middle have error types of their own, precise and silent about terminals. An edge turns one into a
//! [`Trouble`] when a person is going to read it.

use std::fmt;

use crate::words::Said;

/// What failed, its causes, and the commands that lead on.
#[derive(Debug)]
pub struct Trouble {
    /// What failed, lower case, without a full stop.
    pub what: Said,
    /// The chain of causes, nearest first, each like `what`.
    pub causes: Vec<String>,
    /// Sentences that say what to do next; each names a command where there is one.
    pub hints: Vec<Said>,
    /// How the process ends if nothing catches this.
    pub exit: Exit,
}

/// The exit codes of `esplain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A check failed, or `--strict` found something.
    Failed = 1,
    /// The words of the call are off.
    Usage = 2,
    /// The lab or the input cannot be used.
    Unusable = 3,
}

impl Trouble {
    /// A failure of the lab or of the input (exit code 3).
    pub fn unusable(what: impl Into<Said>) -> Self {
        Self::with_exit(what, Exit::Unusable)
    }

    /// A failure of the words of the call (exit code 2).
    pub fn usage(what: impl Into<Said>) -> Self {
        Self::with_exit(what, Exit::Usage)
    }

    /// A check that failed (exit code 1).
    pub fn failed(what: impl Into<Said>) -> Self {
        Self::with_exit(what, Exit::Failed)
    }

    /// Adds a cause and all the causes behind it.
    #[must_use]
    pub fn because(mut self, cause: &dyn std::error::Error) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            self.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// Adds a sentence that says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Said>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn with_exit(what: impl Into<Said>, exit: Exit) -> Self {
        Self { what: what.into(), causes: Vec::new(), hints: Vec::new(), exit }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Trouble {}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The one of the `known` words that was most likely meant by `word`, if any is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| strsim::jaro_winkler(&word.to_lowercase(), &other.to_lowercase());
    known
        .into_iter()
        .map(|other| (other, likeness(other)))
        .filter(|(_, likeness)| *likeness > 0.75)
        .max_by(|(_, one), (_, two)| one.total_cmp(two))
        .map(|(other, _)| other)
}
