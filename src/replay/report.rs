use std::fmt::Write as _;
use std::time::Duration;

use super::tape::Scene;
use crate::course::Entry;
use crate::lab::LabKind;
use crate::trouble::Trouble;
use crate::words::Language;
use crate::xfrm::hide_keys;

/// What a replay of one course in one language found, or of one script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The course, or the script.
    pub course: String,
    /// How `esplain replay` is told to run it again: the course's id, or the path of a folder or a script.
    pub named: String,
    /// The lab it ran on.
    pub lab: String,
    /// The language of the words that were proven.
    pub language: String,
    /// The steps, in the order they ran.
    pub proofs: Vec<Proof>,
    /// The walk as a learner's log would have it, and the claims.
    pub log: Vec<Entry>,
    /// The walk as it looked.
    pub scenes: Vec<Scene>,
}

/// What was found of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The step.
    pub step: String,
    /// What was claimed, and whether it held.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub took: Duration,
}

/// Something that must hold, and whether it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What must hold.
    pub claim: Claim,
    /// Why it does not, if it does not.
    pub failure: Option<Failure>,
}

/// The kinds of things that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The setup runs: the fault is there.
    Setup,
    /// Nothing is met before anything is done.
    FailsBefore,
    /// The solution meets every check.
    Solution,
    /// This variant, from 1, meets every check.
    Variant(usize),
    /// This wrong way, from 1, does not meet every check.
    Wrong(usize),
    /// After the solution, and a wander that leaves traces everywhere, a reset brings the lab back: nothing is left, no check
    /// is met, and the solution passes once more.
    Reset,
    /// The hints open one a request, and the solution after them.
    Hints,
    /// This annotation finds a line in what the solution printed.
    Annotation(String),
    /// The words are there in this language, and each of their variables has a value.
    Words,
    /// A right answer to this question is accepted.
    Right(String),
    /// A wrong answer to this question is refused, with its explanation.
    Refused(String, String),
    /// A line of a script, by its number, comes to what the script expects.
    Line(usize, String),
    /// The lab does what it is told.
    Lab,
}

/// What was expected, and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was expected.
    pub expected: String,
    /// What came.
    pub got: String,
}

impl Failure {
    /// A lab that gave out.
    pub(super) fn of(trouble: &Trouble) -> Self {
        let hints = trouble.hints.iter().map(|hint| format!("\nhint: {hint}"));
        let got = std::iter::once(trouble.to_string()).chain(hints).collect::<String>();
        Self { expected: "the lab does what it is told".to_owned(), got }.without_keys()
    }

    /// Reports are sent around and kept: no key goes with them.
    pub(super) fn without_keys(self) -> Self {
        let hidden = |text: String| hide_keys(&text).into_owned();
        Self { expected: hidden(self.expected), got: hidden(self.got) }
    }
}

impl Report {
    pub(super) fn new(course: &str, lab: LabKind, language: Language) -> Self {
        Self {
            course: course.to_owned(),
            named: course.to_owned(),
            lab: lab.word().to_owned(),
            language: language.code().to_owned(),
            proofs: Vec::new(),
            log: Vec::new(),
            scenes: Vec::new(),
        }
    }

    /// How many things were claimed.
    pub fn claims(&self) -> usize {
        self.findings().count()
    }

    /// How many of them did not hold.
    pub fn failures(&self) -> usize {
        self.findings().filter(|(_, finding)| finding.failure.is_some()).count()
    }

    /// For people: a line a step, and each failure with how to run that step alone.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for proof in &self.proofs {
            let failed = proof.findings.iter().filter(|finding| finding.failure.is_some()).count();
            let word = if failed == 0 { "ok" } else { "FAILED" };
            let _ = writeln!(text, "{word:<6} {} ({} claims)", proof.step, proof.findings.len());
            for finding in &proof.findings {
                if let Some(failure) = &finding.failure {
                    let _ = writeln!(text, "       {}", finding.claim.words());
                    let _ = writeln!(text, "         expected: {}", indented(&failure.expected));
                    let _ = writeln!(text, "         got:      {}", indented(&failure.got));
                }
            }
            if failed > 0 {
                let _ = writeln!(text, "       alone: {}", self.alone(proof));
            }
        }
        let _ = writeln!(
            text,
            "{} on {} in {}: {} steps, {} claims, {} failures.",
            self.course,
            self.lab,
            self.language,
            self.proofs.len(),
            self.claims(),
            self.failures()
        );
        text
    }

    /// The event log of the walk, an entry a line, and in it an entry a claim.
    pub fn json_lines(&self) -> String {
        self.log.iter().map(|entry| entry.to_line() + "\n").collect()
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = (&Proof, &Finding)> {
        self.proofs.iter().flat_map(|proof| proof.findings.iter().map(move |finding| (proof, finding)))
    }

    /// How to run a step alone.
    pub(super) fn alone(&self, proof: &Proof) -> String {
        let Self { named, lab, language, .. } = self;
        if proof.findings.iter().any(|finding| matches!(finding.claim, Claim::Line(..))) {
            return format!("esplain replay {named} --lab {lab}");
        }
        format!("esplain replay {named} --lab {lab} --lang {language} --step {}", proof.step)
    }
}

impl Claim {
    /// The claim in words.
    pub fn words(&self) -> String {
        match self {
            Self::Setup => "the setup runs".to_owned(),
            Self::FailsBefore => "nothing is met before the solution".to_owned(),
            Self::Solution => "the solution meets every check".to_owned(),
            Self::Variant(number) => format!("variant {number} meets every check"),
            Self::Wrong(number) => format!("wrong way {number} does not count"),
            Self::Reset => "a reset restores the lab, and the solution passes again".to_owned(),
            Self::Line(number, line) => format!("line {number}, `{line}`"),
            Self::Lab => "the lab does what it is told".to_owned(),
            Self::Hints => "the hints open one a request".to_owned(),
            Self::Annotation(id) => format!("the annotation `{id}` finds its line"),
            Self::Words => "the words are whole".to_owned(),
            Self::Right(question) => format!("quiz `{question}`: the right answer is accepted"),
            Self::Refused(question, answer) => {
                format!("quiz `{question}`: {answer:?} is refused with its explanation")
            }
        }
    }
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n                   ")
}
