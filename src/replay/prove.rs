use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::questions::{hints_failure, prove_question, words_failure};
use super::report::{Claim, Failure, Finding, Proof, Report};
use super::reset::Look;
use super::runner::Runner;
use super::tape::Scene;
use super::world::{LabWorld, quietly, set_up};
use crate::course::{
    Book, Check, Entry, Event, Facts, How, Miss, Observation, QuestionText, Role, Step, StepRef, StepText, Template,
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
    /// The first step, on the lab as it is; without it, the course's first, on a fresh lab.
    pub from: Option<&'a str>,
    /// One step alone, after the solutions of those before it; all steps when `None`.
    pub step: Option<&'a str>,
}

/// Walks a course on a fresh lab and proves its steps. Whatever goes wrong is in the report: what a step lacks, a step
/// before the one to prove that cannot be done, a lab that gives out.
pub fn replay<'p>(plan: Plan<'p>, lab: &'p mut dyn Lab) -> Report {
    let course = &plan.book.course;
    let mut report = Report::new(&course.id, lab.kind(), plan.language);
    let mut prover = Prover::new(lab, plan);
    prover.tell(Event::Started {
        course: course.id.clone(),
        lab: report.lab.clone(),
        lang: plan.language.code().to_owned(),
    });
    for step in course.steps().skip_while(|step| plan.from.is_some_and(|from| from != step.id)) {
        let asked_for = plan.step.is_none_or(|only| only == step.id);
        let begun = Instant::now();
        let mut findings = Vec::new();
        let came = if asked_for { prover.prove(step, &mut findings) } else { prover.go_through(step, &mut findings) };
        let broken = came.err().map(|trouble| Failure::of(&trouble));
        let gives_out = broken.is_some() || (!asked_for && !findings.is_empty());
        findings.extend(broken.map(|failure| Finding { claim: Claim::Lab, failure: Some(failure) }));
        if !findings.is_empty() {
            let proof = Proof { step: step.id.clone(), findings, took: begun.elapsed() };
            prover.tell_claims(step, &proof);
            report.proofs.push(proof);
        }
        if gives_out || plan.step == Some(step.id.as_str()) {
            break;
        }
    }
    // What still runs ends with the lab, if it cannot be ended now.
    let _ = prover.runner.tidy_up();
    report.log = prover.log;
    report.scenes = prover.scenes;
    report
}

/// What became of some lines typed at a step.
pub(super) struct Walked {
    met: BTreeSet<String>,
    /// Why it is not all, as the learner would be told.
    lacks: Vec<String>,
    /// Everything that was printed.
    pub(super) output: String,
    /// What a learner's log would say.
    events: Vec<Event>,
}

pub(super) struct Prover<'l> {
    pub(super) runner: Runner<'l>,
    words: Words,
    book: &'l Book,
    log: Vec<Entry>,
    scenes: Vec<Scene>,
}

impl<'l> Prover<'l> {
    pub(super) fn new(lab: &'l mut dyn Lab, plan: Plan<'l>) -> Self {
        Self {
            runner: Runner::new(lab, &plan.book.course),
            words: Words::new(plan.language),
            book: plan.book,
            log: Vec::new(),
            scenes: Vec::new(),
        }
    }

    pub(super) fn book(&self) -> &'l Book {
        self.book
    }

    fn tell(&mut self, event: Event) {
        self.log.push(Entry::new(Timestamp::now(), event));
    }

    fn tell_claims(&mut self, step: &Step, proof: &Proof) {
        for Finding { claim, failure } in &proof.findings {
            self.tell(Event::Claimed {
                step: step.id.clone(),
                claim: claim.words(),
                holds: failure.is_none(),
                expected: failure.as_ref().map(|failure| failure.expected.clone()),
                got: failure.as_ref().map(|failure| failure.got.clone()),
            });
        }
    }

    /// The words of a step in this language and no other.
    fn text(&self, step: &Step) -> Option<&'l StepText> {
        self.book.text(self.words.language().code()).and_then(|text| text.steps.get(&step.id))
    }

    fn prove(&mut self, step: &Step, findings: &mut Vec<Finding>) -> Result<(), Trouble> {
        let text = self.text(step);
        let here = StepRef { step: step.id.clone(), hash: step.hash.clone() };
        let mut note = |claim, failure: Option<Failure>| {
            findings.push(Finding { claim, failure: failure.map(Failure::without_keys) });
        };
        self.runner.tidy_up()?;
        self.runner.lab.mark(&step.id);
        let before = if step.place == Role::Machine && !self.runner.lab.kind().unmakes() {
            None
        } else {
            self.runner.lab.save(BEFORE)?;
            Some(self.look_around()?)
        };
        if !step.setup.is_empty() {
            note(Claim::Setup, self.sets_up(step)?);
        }
        if !step.checks.is_empty() {
            note(Claim::FailsBefore, self.fails_before(step)?);
        }
        let walked = match before {
            Some(before) => self.prove_ways(step, &before, &mut note)?,
            None => self.prove_once(step, &mut note)?,
        };
        self.tell(Event::Entered(here.clone()));
        for event in walked.events {
            self.tell(event);
        }
        let facts = self.runner.facts()?;
        self.keep_scene(step, text, &facts);
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
                let packets = self.runner.packets();
                for (answer, right) in prove_question(question, words, &facts, packets, &mut note) {
                    self.tell(Event::answered(here.clone(), &question.id, &answer, right));
                }
            }
        }
        self.tell(Event::Finished { step: here, how: How::Done });
        Ok(())
    }

    /// The solution, where nothing takes back what it does.
    fn prove_once(&mut self, step: &Step, note: &mut impl FnMut(Claim, Option<Failure>)) -> Result<Walked, Trouble> {
        self.runner.take_tape();
        let walked = self.walk(step, &step.solution)?;
        if !step.checks.is_empty() {
            note(Claim::Solution, walked.failure(step, &step.solution));
        }
        Ok(walked)
    }

    /// Wrong ways, other ways, the solution with a wander after it, a reset, and the solution for good.
    fn prove_ways(
        &mut self,
        step: &Step,
        before: &[Look],
        note: &mut impl FnMut(Claim, Option<Failure>),
    ) -> Result<Walked, Trouble> {
        if !step.checks.is_empty() {
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
        self.wander()?;
        self.reset()?;
        let mut not_restored = self.differs_from(before)?;
        self.sets_up(step)?;
        if !step.checks.is_empty() && not_restored.is_none() {
            not_restored = self.fails_before(step)?;
        }
        self.runner.take_tape();
        let walked = self.walk(step, &step.solution)?;
        if !step.checks.is_empty() && not_restored.is_none() {
            not_restored = walked.failure(step, &step.solution);
        }
        note(Claim::Reset, not_restored);
        Ok(walked)
    }

    /// Does a step without proving it, so that the next finds the world it needs. A finding says why that failed.
    fn go_through(&mut self, step: &Step, findings: &mut Vec<Finding>) -> Result<(), Trouble> {
        let walked = self.pass(step)?;
        let failure = walked.failure(step, &step.solution).map(Failure::without_keys);
        findings.extend(failure.map(|failure| Finding { claim: Claim::Solution, failure: Some(failure) }));
        Ok(())
    }

    /// Does a step and leaves the lab as the step leaves it.
    pub(super) fn pass(&mut self, step: &Step) -> Result<Walked, Trouble> {
        self.runner.tidy_up()?;
        let facts = self.runner.facts()?;
        set_up(self.runner.lab, step, &facts)?;
        self.walk(step, &step.solution)
    }

    /// Keeps what was just typed as the scene of a step.
    fn keep_scene(&mut self, step: &Step, text: Option<&StepText>, facts: &Facts) {
        let filled = |section: fn(&StepText) -> &String| {
            text.map(|text| Template::new(section(text).as_str()).show(facts)).unwrap_or_default()
        };
        let scene = Scene {
            step: step.id.clone(),
            number: self.book.course.number(&step.id).unwrap_or_default(),
            lab: self.runner.lab.kind().word().to_owned(),
            language: self.words.language(),
            title: filled(|text| &text.title),
            place: step.place,
            task: filled(|text| &text.task),
            typed: self.runner.take_tape(),
            seen: filled(|text| &text.seen),
        };
        self.scenes.push(scene);
    }

    /// Brings the fault about that the step is to find; gives why that did not work.
    fn sets_up(&mut self, step: &Step) -> Result<Option<Failure>, Trouble> {
        let facts = self.runner.facts()?;
        Ok(set_up(self.runner.lab, step, &facts).err().map(|trouble| Failure {
            expected: "every line of the setup ends with 0".to_owned(),
            got: std::iter::once(trouble.what.to_string()).chain(trouble.causes).collect::<Vec<_>>().join("\n"),
        }))
    }

    /// Whether nothing is met by a command that does nothing.
    fn fails_before(&mut self, step: &Step) -> Result<Option<Failure>, Trouble> {
        self.runner.place = step.place;
        let seen = if self.is_there(step)? { self.runner.nothing()? } else { self.runner.type_line(":task")? };
        let Some(seen) = seen else { return Ok(None) };
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
        self.reset()?;
        self.sets_up(step)?;
        self.walk(step, lines)
    }

    /// What `:reset` does to the lab.
    fn reset(&mut self) -> Result<(), Trouble> {
        self.runner.tidy_up()?;
        self.runner.lab.restore(BEFORE)
    }

    fn walk(&mut self, step: &Step, lines: &[Template]) -> Result<Walked, Trouble> {
        self.runner.place = step.place;
        let mut walked = Walked { met: BTreeSet::new(), lacks: Vec::new(), output: String::new(), events: Vec::new() };
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
            let place = self.runner.place;
            let seen = match self.runner.type_line(&line) {
                Ok(Some(seen)) => seen,
                Ok(None) => continue,
                Err(trouble) => {
                    walked.lacks.push(format!("{line}: {trouble}"));
                    return Ok(walked);
                }
            };
            walked.events.push(Event::ran(&step.id, place.name(), &line, seen.status));
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
        let here = StepRef { step: step.id.clone(), hash: step.hash.clone() };
        walked.events.extend(verdict.met.iter().map(|check| Event::Met { step: here.clone(), check: check.clone() }));
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
            if begun.elapsed() > patience
                || (rounds > 3 && matches!(self.runner.lab.kind(), LabKind::Sim | LabKind::Recording))
            {
                for (check, miss) in misses {
                    walked.lacks.extend(miss.map(|miss| format!("{check}: {}", miss.say(&self.words))));
                }
                return Ok(());
            }
            quietly(self.runner.lab, "machine", "sleep 1")?;
        }
    }
}

impl Walked {
    fn is_whole(&self, step: &Step) -> bool {
        step.checks.iter().all(|check| self.met.contains(&check.id))
    }

    pub(super) fn failure(&self, step: &Step, lines: &[Template]) -> Option<Failure> {
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

/// Lines as one reads them in a report.
fn shown(lines: &[Template]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("`{}`", line.as_written())).collect();
    lines.join(", ")
}

/// The last lines of a text.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
