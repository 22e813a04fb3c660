use std::collections::{BTreeMap, BTreeSet};

use super::Course;
use super::event::{Entry, Event, How, StepRef};

/// Where a learner stands in a course: a fold over the event log, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is known of each step, by its id. Steps that the course no longer has are kept.
    pub steps: BTreeMap<String, StepProgress>,
    /// The step that was entered last.
    pub entered: Option<String>,
}

/// What is known of one step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepProgress {
    /// How it was left behind, if it was.
    pub finished: Option<How>,
    /// The hash of the step's content when it was left behind.
    pub finished_hash: Option<String>,
    /// The checks met in this attempt.
    pub met: BTreeSet<String>,
    /// How many hints are open in this attempt; one more than there are hints means the solution.
    pub hints: usize,
    /// The questions answered in this attempt.
    pub answers: BTreeMap<String, QuestionProgress>,
    /// How often the step was set back.
    pub resets: usize,
}

/// What is known of one question in this attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuestionProgress {
    /// How many answers were wrong before the right one (or so far).
    pub wrong: usize,
    /// Whether it was answered rightly.
    pub right: bool,
    /// Whether the learner gave up.
    pub given_up: bool,
}

/// How a course's questions went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// Questions answered rightly at the first try.
    pub first_try: usize,
    /// Questions answered rightly in the end, those at the first try included.
    pub right: usize,
    /// Questions asked so far.
    pub asked: usize,
    /// Questions of the course.
    pub of: usize,
}

impl Progress {
    /// The fold of a whole log.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut progress = Self::default();
        for entry in entries {
            progress.take(&entry.event);
        }
        progress
    }

    /// Takes one more event in.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Started { .. } | Event::Ran { .. } => {}
            Event::Entered(StepRef { step, .. }) => {
                self.steps.entry(step.clone()).or_default();
                self.entered = Some(step.clone());
            }
            Event::Met { step, check } => {
                self.step_mut(step).met.insert(check.clone());
            }
            Event::Hinted { step, level } => {
                let hints = &mut self.step_mut(step).hints;
                *hints = (*hints).max(*level);
            }
            Event::Answered { step, question, right, given_up, .. } => {
                let answer = self.step_mut(step).answers.entry(question.clone()).or_default();
                // What comes after the right answer, or after giving up, is play.
                if !answer.right && !answer.given_up {
                    answer.right = *right;
                    answer.given_up = *given_up;
                    answer.wrong += usize::from(!right && !given_up);
                }
            }
            Event::Finished { step, how } => {
                let progress = self.step_mut(step);
                // A step that was done once stays done, whoever skips it later.
                if progress.finished.is_none() || *how != How::Skipped {
                    progress.finished = Some(*how);
                    progress.finished_hash = Some(step.hash.clone());
                }
            }
            Event::Reset(step) => {
                let progress = self.step_mut(step);
                *progress = StepProgress { resets: progress.resets + 1, ..StepProgress::default() };
            }
        }
    }

    /// What is known of a step.
    pub fn step(&self, id: &str) -> Option<&StepProgress> {
        self.steps.get(id)
    }

    /// Whether a step lies behind the learner.
    pub fn is_finished(&self, id: &str) -> bool {
        self.step(id).is_some_and(|step| step.finished.is_some())
    }

    /// Whether the step's content is another than when it was left behind.
    pub fn has_changed(&self, course: &Course, id: &str) -> bool {
        let finished = self.step(id).and_then(|step| step.finished_hash.as_ref());
        finished.is_some_and(|hash| course.step(id).is_some_and(|step| step.hash != *hash))
    }

    /// The step to go on with: the one that was entered last, or the first unfinished one after it, or the first
    /// unfinished one of all; `None` when every step lies behind the learner.
    pub fn current<'c>(&self, course: &'c Course) -> Option<&'c str> {
        let ids: Vec<&str> = course.steps().map(|step| step.id.as_str()).collect();
        let from = self.entered.as_deref().and_then(|entered| ids.iter().position(|id| *id == entered)).unwrap_or(0);
        let (before, after) = ids.split_at(from);
        after.iter().chain(before).copied().find(|id| !self.is_finished(id))
    }

    /// How the course's questions went so far, in the attempt at hand of each step.
    pub fn score(&self, course: &Course) -> Score {
        let mut score = Score::default();
        for step in course.steps() {
            score.of += step.quiz.len();
            for question in &step.quiz {
                if let Some(answer) = self.step(&step.id).and_then(|step| step.answers.get(&question.id)) {
                    score.asked += 1;
                    score.right += usize::from(answer.right);
                    score.first_try += usize::from(answer.right && answer.wrong == 0);
                }
            }
        }
        score
    }

    fn step_mut(&mut self, step: &StepRef) -> &mut StepProgress {
        self.steps.entry(step.step.clone()).or_default()
    }
}
