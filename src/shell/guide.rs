//! The guide's memory: which course, where in it, and what has happened, kept in the journal.

use std::io;

use jiff::Timestamp;

use super::journal::Journal;
use crate::course::{
    Book, Course, CourseText, Entry, Event, Facts, How, Progress, Question, QuestionText, Step, StepProgress, StepRef,
    StepText, Template,
};
use crate::words::Language;

/// A walk through a course.
pub(super) struct Guide {
    book: Book,
    journal: Journal,
    entries: Vec<Entry>,
    progress: Progress,
    /// The step at hand; always one of the course's.
    step: String,
    /// Off the path, after `:play`.
    pub(super) playing: bool,
    /// The last write of the journal failed; told once.
    failed: bool,
}

impl Guide {
    /// Takes up a walk where the events left it, or at `from`. The course has at least one step.
    pub(super) fn new(book: Book, journal: Journal, entries: Vec<Entry>, from: Option<&str>) -> Self {
        let progress = Progress::of(&entries);
        let last = book.course.steps().last().map_or_else(String::new, |step| step.id.clone());
        let step = from.or_else(|| progress.current(&book.course)).map_or(last, str::to_owned);
        Self { book, journal, entries, progress, step, playing: false, failed: false }
    }

    /// The course's logic.
    pub(super) fn course(&self) -> &Course {
        &self.book.course
    }

    /// Writes an event down. The error is given once for a row of failures; the event counts in any case.
    pub(super) fn record(&mut self, event: Event) -> Option<io::Error> {
        self.progress.take(&event);
        let entry = Entry::new(Timestamp::now(), event);
        let written = self.journal.add(&entry);
        self.entries.push(entry);
        match written {
            Ok(()) => {
                self.failed = false;
                None
            }
            Err(error) => (!std::mem::replace(&mut self.failed, true)).then_some(error),
        }
    }

    /// Whether the learner's progress will be there next time, as a word for the sentences that say so.
    pub(super) fn keeps(&self) -> &'static str {
        if self.journal.is_kept() { "yes" } else { "no" }
    }

    /// Everything that has happened so far, this session's events included.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Forgets the whole walk.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        self.entries.clear();
        self.progress = Progress::default();
        let first = self.course().steps().next().map(|step| step.id.clone());
        self.step = first.unwrap_or_default();
        self.journal.clear()
    }

    /// Goes to a step of the course; an id that is none of its changes nothing.
    pub(super) fn go(&mut self, step: &str) {
        if self.course().step(step).is_some() {
            step.clone_into(&mut self.step);
            self.playing = false;
        }
    }

    /// Takes another version of the course. The step at hand stays; where it is gone, the one in its place follows.
    pub(super) fn exchange(&mut self, book: Book) {
        if book.course.step(&self.step).is_none() {
            let at = self.number().0.saturating_sub(1);
            let next = book.course.steps().nth(at).or_else(|| book.course.steps().last());
            let Some(next) = next.map(|step| step.id.clone()) else { return };
            self.step = next;
        }
        self.book = book;
    }

    /// The step at hand.
    pub(super) fn step(&self) -> &Step {
        self.course().step(&self.step).expect("`go` and `exchange` take only steps of the course")
    }

    /// The step at hand, as events name it.
    pub(super) fn step_ref(&self) -> StepRef {
        let step = self.step();
        StepRef { step: step.id.clone(), hash: step.hash.clone() }
    }

    /// Its number from 1, and how many there are.
    pub(super) fn number(&self) -> (usize, usize) {
        self.course().number(&self.step).unwrap_or((1, 1))
    }

    /// What is known of the walk.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What is known of the step at hand.
    pub(super) fn done(&self) -> StepProgress {
        self.progress.step(&self.step).cloned().unwrap_or_default()
    }

    /// Whether every check of the step at hand is met.
    pub(super) fn checks_met(&self) -> bool {
        let done = self.done();
        self.step().checks.iter().all(|check| done.met.contains(&check.id))
    }

    /// The first question of the step at hand that waits for an answer; none before the checks are met.
    pub(super) fn open_question(&self) -> Option<&Question> {
        if !self.checks_met() {
            return None;
        }
        let done = self.done();
        self.step()
            .quiz
            .iter()
            .find(|question| done.answers.get(&question.id).is_none_or(|answer| !answer.right && !answer.given_up))
    }

    /// How the step at hand will have been left behind, if it is left now.
    pub(super) fn how(&self) -> How {
        let done = self.done();
        let solution_open = done.hints > self.step_text(Language::En).hints.len();
        let given_up = done.answers.values().any(|answer| answer.given_up);
        if solution_open || given_up { How::Assisted } else { How::Done }
    }

    /// The course's own words in a language, or in its first one.
    pub(super) fn text(&self, language: Language) -> &CourseText {
        self.book.words(language.code())
    }

    /// The words of a step.
    pub(super) fn words_of(&self, step: &str, language: Language) -> &StepText {
        static NONE: std::sync::LazyLock<StepText> = std::sync::LazyLock::new(StepText::default);
        self.book.step_words(language.code(), step).unwrap_or(&NONE)
    }

    /// The words of the step at hand.
    pub(super) fn step_text(&self, language: Language) -> &StepText {
        self.words_of(&self.step, language)
    }

    /// The words of a question of the step at hand.
    pub(super) fn question_text(&self, question: &str, language: Language) -> QuestionText {
        self.step_text(language).quiz.get(question).cloned().unwrap_or_default()
    }
}

/// A lesson's text with the lab's values in it.
pub(super) fn filled(text: &str, facts: &Facts) -> String {
    Template::new(text).show(facts)
}
