use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::report::{Claim, Failure, Finding, Proof, Report};
use super::runner::Runner;
use super::world::{LabWorld, quietly, set_up};
use crate::course::{
    Answered, Book, Check, Event, Facts, Judgement, Miss, Observation, Progress, Question, QuestionKind, QuestionText,
    Step, StepRef, StepText, Template,
};
use crate::lab::{Lab, LabKind};
use crate::trouble::Trouble;
use crate::words::{Language, Words};

/// The state of the lab as it was before the step at hand.
const BEFORE: &str = "replay-before";

/// What to prove.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The course.
    pub book: &'a Book,
    /// The language whose words are proven.
    pub language: Language,
    /// One step alone, after the solutions of those before it; all steps when `None`.
    pub step: Option<&'a str>,
}

/// Walks a course on a fresh lab and proves its steps.
///
/// # Errors
/// When the lab itself fails, or a step before the one to prove does; what a step lacks is in the report.
pub fn replay<'p>(plan: Plan<'p>, lab: &'p mut dyn Lab) -> Result<Report, Trouble> {
    let mut report = Report {
        course: plan.book.course.id.clone(),
        lab: lab_word(lab.kind()).to_owned(),
        language: plan.language.code().to_owned(),
        proofs: Vec::new(),
    };
    let mut prover = Prover { runner: Runner::new(lab, &plan.book.course), words: Words::new(plan.language) };
    for step in plan.book.course.steps() {
        if plan.step.is_none_or(|only| only == step.id) {
            let text = plan.book.text(plan.language.code()).and_then(|text| text.steps.get(&step.id));
            report.proofs.push(prover.prove(step, text)?);
        } else {
            prover.go_through(step)?;
        }
        if plan.step == Some(step.id.as_str()) {
            break;
        }
    }
    prover.runner.tidy_up()?;
    Ok(report)
}

/// What became of some lines typed at a step.
struct Walked {
    met: BTreeSet<String>,
    /// Why it is not all, as the learner would be told.
    lacks: Vec<String>,
    /// Everything that was printed.
    output: String,
}

struct Prover<'l> {
    runner: Runner<'l>,
    words: Words,
}

impl Prover<'_> {
    fn prove(&mut self, step: &Step, text: Option<&StepText>) -> Result<Proof, Trouble> {
        let begun = Instant::now();
        let mut findings = Vec::new();
        let mut note = |claim, failure| findings.push(Finding { claim, failure });
        self.runner.tidy_up()?;
        self.runner.lab.save(BEFORE)?;
        if !step.setup.is_empty() {
            note(Claim::Setup, self.sets_up(step)?);
        }
        if !step.checks.is_empty() {
            note(Claim::FailsBefore, self.fails_before(step)?);
            for (at, way) in step.wrong.iter().enumerate() {
                let walked = self.afresh(step, way)?;
                let refused = !walked.is_whole(step);
                let failure = || Failure {
                    expected: format!("{} does not do the step", shown(way)),
                    got: "every check was met".to_owned(),
                };
                note(Claim::Wrong(at + 1), (!refused).then(failure));
            }
            for (at, way) in step.variants.iter().enumerate() {
                let walked = self.afresh(step, way)?;
                note(Claim::Variant(at + 1), walked.failure(step, way));
            }
        }
        let walked = self.afresh(step, &step.solution)?;
        if !step.checks.is_empty() {
            note(Claim::Solution, walked.failure(step, &step.solution));
        }
        let facts = self.runner.facts()?;
        for annotation in &step.annotations {
            let found = annotation.line.pattern(&facts).is_ok_and(|line| line.is_match(&walked.output));
            let failure = || Failure {
                expected: format!("a line with {}", annotation.line.show(&facts)),
                got: tail(&walked.output),
            };
            note(Claim::Annotation(annotation.id.clone()), (!found).then(failure));
        }
        note(Claim::Words, words_failure(text, &facts));
        if let Some(text) = text {
            note(Claim::Hints, hints_failure(step, text));
            for question in &step.quiz {
                let nothing = QuestionText::default();
                let words = text.quiz.get(&question.id).unwrap_or(&nothing);
                self.prove_question(question, words, &facts, &mut note);
            }
        }
        Ok(Proof { step: step.id.clone(), findings, took: begun.elapsed() })
    }

    /// Does a step without proving it, so that the next finds the world it needs.
    fn go_through(&mut self, step: &Step) -> Result<(), Trouble> {
        self.runner.tidy_up()?;
        let facts = self.runner.facts()?;
        set_up(self.runner.lab, step, &facts)?;
        let walked = self.walk(step, &step.solution)?;
        match walked.failure(step, &step.solution) {
            None => Ok(()),
            Some(failure) => Err(Trouble::failed(format!("the step `{}` before it could not be done", step.id))
                .hint(format!("`esplain replay --step {}` says more; it got: {}", step.id, failure.got))),
        }
    }

    /// Brings the fault about that the step is to find; gives why that did not work.
    fn sets_up(&mut self, step: &Step) -> Result<Option<Failure>, Trouble> {
        let facts = self.runner.facts()?;
        Ok(set_up(self.runner.lab, step, &facts).err().map(|trouble| Failure {
            expected: "every line of the setup ends with 0".to_owned(),
            got: std::iter::once(trouble.what).chain(trouble.causes).collect::<Vec<_>>().join("\n"),
        }))
    }

    /// Whether nothing is met by a command that does nothing.
    fn fails_before(&mut self, step: &Step) -> Result<Option<Failure>, Trouble> {
        self.runner.place = step.place;
        let nothing = if self.is_there(step)? { "true" } else { ":task" };
        let Some(seen) = self.runner.type_line(nothing)? else { return Ok(None) };
        let verdict = step.judge(&seen, &mut LabWorld(self.runner.lab), []);
        Ok((!verdict.met.is_empty()).then(|| Failure {
            expected: "no check is met before anything was done".to_owned(),
            got: format!("met: {}", verdict.met.join(", ")),
        }))
    }

    /// Whether the step's place exists yet.
    fn is_there(&mut self, step: &Step) -> Result<bool, Trouble> {
        let name = step.place.name();
        Ok(self
            .runner
            .lab
            .places()?
            .iter()
            .any(|place| place.name == name || place.aliases.iter().any(|alias| alias == name)))
    }

    /// Types lines into the lab as it is when the step begins.
    fn afresh(&mut self, step: &Step, lines: &[Template]) -> Result<Walked, Trouble> {
        self.runner.tidy_up()?;
        self.runner.lab.restore(BEFORE)?;
        self.sets_up(step)?;
        self.walk(step, lines)
    }

    fn walk(&mut self, step: &Step, lines: &[Template]) -> Result<Walked, Trouble> {
        self.runner.place = step.place;
        let mut walked = Walked { met: BTreeSet::new(), lacks: Vec::new(), output: String::new() };
        let mut last = None;
        for line in lines {
            let facts = self.runner.facts()?;
            let line = match line.fill(&facts) {
                Ok(line) => line,
                Err(error) => {
                    walked.lacks.push(format!("{}: {error}", line.as_written()));
                    return Ok(walked);
                }
            };
            let seen = match self.runner.type_line(&line) {
                Ok(Some(seen)) => seen,
                Ok(None) => continue,
                Err(trouble) => {
                    walked.lacks.push(format!("{line}: {trouble}"));
                    return Ok(walked);
                }
            };
            self.take_in(step, &seen, &mut walked);
            last = Some(seen);
        }
        if let Some(last) = last {
            self.await_the_world(step, &last, &mut walked)?;
        }
        Ok(walked)
    }

    /// Judges what was seen of a line, and keeps why it does not do.
    fn take_in(&mut self, step: &Step, seen: &Observation, walked: &mut Walked) {
        let verdict = step.judge(seen, &mut LabWorld(self.runner.lab), walked.met.iter().map(String::as_str));
        walked.met.extend(verdict.met);
        if let Some(near) = verdict.near {
            walked.lacks.push(format!("{}: {}", near.check, near.miss.say(&self.words)));
        }
        for text in [&seen.output, &seen.errors] {
            walked.output.push_str(text);
        }
    }

    /// Gives the world time to come into the state that the open checks ask for (pods that start, nodes that get ready):
    /// waits for the state, with a bound.
    fn await_the_world(&mut self, step: &Step, last: &Observation, walked: &mut Walked) -> Result<(), Trouble> {
        let patience = match self.runner.lab.kind() {
            LabKind::Kind => Duration::from_mins(5),
            LabKind::Sim | LabKind::Kernel | LabKind::Recording => Duration::from_secs(2),
        };
        let of_the_world =
            |check: &Check| !(check.probes.is_empty() && check.file.is_none()) && check.output.is_empty();
        let begun = Instant::now();
        let mut rounds = 0;
        loop {
            let open: Vec<&Check> =
                step.checks.iter().filter(|check| of_the_world(check) && !walked.met.contains(&check.id)).collect();
            if open.is_empty() {
                return Ok(());
            }
            let facts = self.runner.facts()?;
            let misses: Vec<(String, Option<Miss>)> = open
                .iter()
                .map(|check| (check.id.clone(), check.judge_world(&facts, &mut LabWorld(self.runner.lab))))
                .collect();
            rounds += 1;
            if misses.iter().all(|(_, miss)| miss.is_none()) {
                // The world is ready: the last line is judged again as it was.
                let seen = Observation { facts, ..last.clone() };
                self.take_in(step, &seen, walked);
                return Ok(());
            }
            if begun.elapsed() > patience || (rounds > 3 && self.runner.lab.kind() == LabKind::Sim) {
                for (check, miss) in misses {
                    walked.lacks.extend(miss.map(|miss| format!("{check}: {}", miss.say(&self.words))));
                }
                return Ok(());
            }
            quietly(self.runner.lab, "machine", "sleep 1")?;
        }
    }

    fn prove_question(
        &self,
        question: &Question,
        words: &QuestionText,
        facts: &Facts,
        note: &mut impl FnMut(Claim, Option<Failure>),
    ) {
        let id = &question.id;
        let packets = self.runner.packets();
        let answers = match question.answers(facts, packets) {
            Ok(answers) => answers,
            Err(error) => {
                let failure = Failure { expected: "every value is known".to_owned(), got: error.to_string() };
                note(Claim::Right(id.clone()), Some(failure));
                return;
            }
        };
        let is_choice = matches!(question.kind, QuestionKind::Choice { .. } | QuestionKind::Choices { .. });
        if answers.right.is_empty() {
            let got = format!("none of {} packets is one", packets.len());
            note(Claim::Right(id.clone()), Some(Failure { expected: "a right answer".to_owned(), got }));
        }
        for text in &answers.right {
            let judgement = question.judge(Answered { text, facts, packets });
            let explained = match &judgement {
                Judgement::Right { picked } if is_choice => picked.iter().all(|key| explains(words, key, true)),
                Judgement::Right { .. } => !words.right.is_empty(),
                _ => false,
            };
            let failure = || Failure {
                expected: format!("{text:?} is right, with an explanation"),
                got: format!("{judgement:?}"),
            };
            note(Claim::Right(id.clone()), (!explained).then(failure));
        }
        for (text, keys) in &answers.wrong {
            let judgement = question.judge(Answered { text, facts, packets });
            let expected = Judgement::Wrong { keys: keys.clone() };
            let explained = keys.iter().all(|key| explains(words, key, is_choice))
                && (!keys.is_empty() || !words.wrong_otherwise.is_empty());
            let got = if judgement == expected { "it has no explanation".to_owned() } else { format!("{judgement:?}") };
            let failure = || Failure { expected: format!("{expected:?}, each key explained"), got };
            note(Claim::Refused(id.clone(), text.clone()), (judgement != expected || !explained).then(failure));
        }
    }
}

impl Walked {
    fn is_whole(&self, step: &Step) -> bool {
        step.checks.iter().all(|check| self.met.contains(&check.id))
    }

    fn failure(&self, step: &Step, lines: &[Template]) -> Option<Failure> {
        if self.is_whole(step) {
            return None;
        }
        let open: Vec<&str> =
            step.checks.iter().map(|check| check.id.as_str()).filter(|id| !self.met.contains(*id)).collect();
        let mut got = format!("not met: {}", open.join(", "));
        for lack in &self.lacks {
            got.push('\n');
            got.push_str(lack);
        }
        got.push_str("\nprinted:\n");
        got.push_str(&tail(&self.output));
        Some(Failure { expected: format!("{} meets every check", shown(lines)), got })
    }
}

/// Whether there is an explanation for a key.
fn explains(words: &QuestionText, key: &str, option: bool) -> bool {
    let text = if option { words.options.get(key).map(|option| &option.explanation) } else { words.wrong.get(key) };
    text.is_some_and(|text| !text.is_empty())
}

/// What is missing of a step's words once the world is as the step leaves it.
fn words_failure(text: Option<&StepText>, facts: &Facts) -> Option<Failure> {
    let Some(text) = text else {
        return Some(Failure { expected: "words in this language".to_owned(), got: "none".to_owned() });
    };
    let sections = [&text.title, &text.why, &text.task, &text.solution, &text.seen];
    let quiz = text.quiz.values().flat_map(|question| {
        let options = question.options.values().flat_map(|option| [&option.text, &option.explanation]);
        [&question.question, &question.right, &question.wrong_otherwise]
            .into_iter()
            .chain(options)
            .chain(question.wrong.values())
    });
    let others = text.hints.iter().chain(text.notes.values()).chain(text.checks.values());
    let unknown = sections.into_iter().chain(others).chain(quiz).find_map(|section| {
        let template = Template::new(section.as_str());
        template.fill(facts).err()
    })?;
    Some(Failure { expected: "every variable has a value".to_owned(), got: unknown.to_string() })
}

/// Opens the hints one a request, as the learner does.
fn hints_failure(step: &Step, text: &StepText) -> Option<Failure> {
    if step.checks.is_empty() {
        return None;
    }
    let here = StepRef { step: step.id.clone(), hash: step.hash.clone() };
    let mut progress = Progress::default();
    let ladder = text.hints.iter().chain([&text.solution]);
    let mut opened = 0;
    for said in ladder {
        let level = progress.step(&step.id).map_or(0, |step| step.hints) + 1;
        progress.take(&Event::Hinted { step: here.clone(), level });
        if said.trim().is_empty() || progress.step(&step.id).map(|step| step.hints) != Some(opened + 1) {
            break;
        }
        opened += 1;
    }
    let whole = opened == text.hints.len() + 1 && text.hints.len() >= 2;
    (!whole).then(|| Failure {
        expected: "at least two hints and then the solution".to_owned(),
        got: format!("{} hints, of which {opened} open", text.hints.len()),
    })
}

/// Lines as one reads them in a report.
fn shown(lines: &[Template]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("`{}`", line.as_written())).collect();
    lines.join(", ")
}

/// The last lines of a text.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// A lab's word for `--lab`.
pub(super) fn lab_word(kind: LabKind) -> &'static str {
    match kind {
        LabKind::Sim => "sim",
        LabKind::Kernel => "kernel",
        LabKind::Kind => "kind",
        LabKind::Recording => "recording",
    }
}
