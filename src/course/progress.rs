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
            Event::Started { .. } | Event::Ran { .. } | Event::Claimed { .. } => {}
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::course::{Book, Files};

    fn course() -> Course {
        let step = |id: &str| format!("id: {id}\nplace: worker\nquiz:\n  - {{ id: q, kind: number, answer: 3 }}\n");
        let files = Files::from_iter([
            (
                "course.yaml".to_owned(),
                "format: 1\nid: c\nlanguages: [en]\nlabs: [sim]\nparts: [{ id: p, steps: [one, two, three] }]\n"
                    .to_owned(),
            ),
            ("steps/one.yaml".to_owned(), step("one")),
            ("steps/two.yaml".to_owned(), step("two")),
            ("steps/three.yaml".to_owned(), step("three")),
        ]);
        Book::read(&files).unwrap_or_else(|faults| panic!("{faults:?}")).course
    }

    fn at(step: &str) -> StepRef {
        StepRef { step: step.to_owned(), hash: "old".to_owned() }
    }

    fn fold(events: Vec<Event>) -> Progress {
        let entries: Vec<Entry> = events.into_iter().map(|event| Entry::new(Timestamp::UNIX_EPOCH, event)).collect();
        Progress::of(&entries)
    }

    fn finished(step: &str, how: How) -> Event {
        Event::Finished { step: at(step), how }
    }

    #[test]
    fn a_walk_is_taken_up_where_it_was_left() {
        let course = course();
        assert_eq!(Progress::default().current(&course), Some("one"));
        assert_eq!(fold(vec![Event::Entered(at("two"))]).current(&course), Some("two"));
        let done = vec![Event::Entered(at("two")), finished("two", How::Done)];
        assert_eq!(fold(done).current(&course), Some("three"));
        let last_first = vec![Event::Entered(at("three")), finished("three", How::Skipped)];
        assert_eq!(fold(last_first).current(&course), Some("one"));
        let all = ["one", "two", "three"].map(|step| finished(step, How::Done)).to_vec();
        assert_eq!(fold(all).current(&course), None);
    }

    #[test]
    fn a_step_done_stays_done_when_it_is_skipped_later_and_says_when_it_changed() {
        let progress = fold(vec![finished("one", How::Done), finished("one", How::Skipped)]);
        assert_eq!(progress.step("one").and_then(|step| step.finished), Some(How::Done));
        assert!(progress.has_changed(&course(), "one"));
        assert!(!progress.has_changed(&course(), "two"));
    }

    #[test]
    fn a_score_is_that_of_the_attempt_at_hand() {
        let answered = |right| Event::answered(at("one"), "q", "3", right);
        let progress = fold(vec![answered(false), answered(true), answered(false)]);
        assert_eq!(progress.score(&course()), Score { first_try: 0, right: 1, asked: 1, of: 3 });
        let again = fold(vec![answered(false), Event::Reset(at("one")), answered(true)]);
        assert_eq!(again.score(&course()), Score { first_try: 1, right: 1, asked: 1, of: 3 });
        assert_eq!(again.step("one").map(|step| step.resets), Some(1));
    }

    #[test]
    fn hints_stay_open_and_never_close() {
        let hinted = |level| Event::Hinted { step: at("one"), level };
        assert_eq!(fold(vec![hinted(1), hinted(2), hinted(1)]).step("one").map(|step| step.hints), Some(2));
    }
}
