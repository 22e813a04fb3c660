//! The walk: steps are shown, lines are checked, notes and verdicts are said, questions are asked.

use super::guide::filled;
use super::meta;
use super::session::Session;
use crate::course::{Event, How, Observation, StepVerdict};
use crate::lab::LabKind;
use crate::render::{Block, Line, Role, inline, layout, markdown, sanitised};
use crate::replay::{LabWorld, set_up, unseen};

impl Session {
    /// The first screen.
    pub(super) fn welcome(&mut self) {
        let language = self.words.language();
        let text = self.guide.text(language);
        let (title, blurb) = (text.title.clone(), text.blurb.clone());
        let facts = self.facts();
        let mut blocks = vec![Block::Heading(1, Line::text(title))];
        if self.guide.entries().is_empty() {
            blocks.extend(markdown(&filled(&blurb, &facts)));
        }
        let lab = self.lab.kind().word();
        blocks.extend(markdown(&match self.lab.kind() {
            LabKind::Sim => self.say("ui-lab-simulated", &[]),
            LabKind::Kernel | LabKind::Kind => self.say("ui-lab", &[("lab", lab.into())]),
            LabKind::Recording => self.say("ui-lab-recording", &[]),
        }));
        blocks.extend(markdown(&self.say("ui-how-to", &[("kept", self.guide.keeps().into())])));
        self.console.blocks(&blocks);
        self.console.raw("\n");
        let code = language.code().to_owned();
        self.record(Event::Started { course: self.guide.course().id.clone(), lab: lab.to_owned(), lang: code });
    }

    /// Comes to the step at hand: the lab is brought to where it begins, and it is shown.
    pub(super) fn enter(&mut self) {
        self.prepare();
        let event = Event::Entered(self.guide.step_ref());
        self.record(event);
        let step = self.guide.step().id.clone();
        self.lab.mark(&step);
        // For `:reset`; a lab that cannot keep its state says so when it is asked to bring it back.
        let _ = self.lab.save(&step);
        self.break_something();
        let place = self.guide.step().place;
        let there = self.go_to(place.name()).is_ok();
        self.show_step(true);
        if !there {
            self.tell("ui-place-missing", &[("place", place.name().into())]);
            self.console.raw("\n");
        }
        self.settle();
    }

    /// Brings about what the step at hand is to find, unless that was found and mended already. What was seen of an earlier
    /// fault says nothing about this one, so the checks are open again.
    pub(super) fn break_something(&mut self) {
        if !self.has_open_setup() {
            return;
        }
        if !self.guide.done().met.is_empty() {
            let event = Event::Reset(self.guide.step_ref());
            self.record(event);
        }
        let (step, facts) = (self.guide.step().clone(), self.facts());
        if let Err(trouble) = set_up(&mut *self.lab, &step, &facts) {
            self.console.trouble(&trouble, &self.words);
        }
        // Packets of the setup are none of the learner's.
        self.feed.skip(&mut *self.lab);
    }

    /// Takes back what the step at hand broke, however far it was mended, so that the learner finds a whole lab elsewhere.
    /// Gives whether the lab could do that.
    pub(super) fn mend(&mut self) -> bool {
        self.guide.step().setup.is_empty() || self.lab.restore(&self.guide.step().id).is_ok()
    }

    /// Whether the step at hand broke something that is not mended yet.
    pub(super) fn has_open_setup(&self) -> bool {
        !self.guide.step().setup.is_empty() && !self.guide.checks_met()
    }

    /// Shows the step at hand: all of it, or only the task and how far it is.
    pub(super) fn show_step(&mut self, whole: bool) {
        let facts = self.facts();
        let language = self.words.language();
        let (at, of) = self.guide.number();
        let step = self.guide.step().clone();
        let text = self.guide.step_text(language).clone();
        let part = self.guide.text(language).parts.get(&step.part).cloned().unwrap_or_default();
        let place = self.say(
            "ui-step-line",
            &[
                ("at", at.into()),
                ("of", of.into()),
                ("part", part.into()),
                ("step", step.id.clone().into()),
                ("lab", self.lab.kind().word().into()),
            ],
        );
        let mut blocks = vec![Block::Heading(2, Line::text(text.title.clone()))];
        blocks.push(Block::Paragraph(Line::of(place, Role::Quiet)));
        if whole {
            blocks.extend(markdown(&filled(&text.why, &facts)));
        }
        let heading = self.say("ui-task-on", &[("place", step.place.name().into())]);
        blocks.push(Block::Heading(3, Line::text(heading)));
        blocks.extend(markdown(&filled(&text.task, &facts)));
        self.console.blocks(&blocks);
        self.show_checks();
        self.console.raw("\n");
    }

    /// The list of checks of a step that has several, with words for how each stands.
    pub(super) fn show_checks(&mut self) {
        let step = self.guide.step().clone();
        if step.checks.len() < 2 {
            return;
        }
        let (facts, done) = (self.facts(), self.guide.done());
        let text = self.guide.step_text(self.words.language()).clone();
        let items: Vec<Line> = step
            .checks
            .iter()
            .map(|check| {
                let met = done.met.contains(&check.id);
                let (word, role) = if met { ("ui-check-met", Role::Good) } else { ("ui-check-open", Role::Warning) };
                let mut line = Line::of(format!("[{}] ", self.say(word, &[])), role);
                let wants = text.checks.get(&check.id).cloned().unwrap_or_else(|| check.id.clone());
                line.append(inline(&filled(&wants, &facts)));
                line
            })
            .collect();
        self.console.raw("\n");
        for line in items {
            self.console.line(line);
        }
    }

    /// Holds what was seen of a line against the step's checks, and says what came of it.
    pub(super) fn observe(&mut self, observation: Observation) {
        if !self.guide.playing {
            let verdict = self.hold_against_checks(&observation);
            if let Some(near) = verdict.near.filter(|_| verdict.met.is_empty()) {
                let why = near.miss.say(&self.words);
                let line = Line::of(self.say("ui-not-yet", &[("why", why.into())]), Role::Warning);
                self.console.line(line);
            }
        }
        self.last = Some(observation);
    }

    /// Holds the last line against the checks once more: what takes its time (nodes become ready) may be there by now.
    /// Whether it met one.
    pub(super) fn look_again(&mut self) -> bool {
        let Some(mut last) = self.last.clone().filter(|_| !self.guide.playing && !self.guide.checks_met()) else {
            return false;
        };
        last.facts = self.facts();
        let met = !self.hold_against_checks(&last).met.is_empty();
        self.last = Some(last);
        met
    }

    fn hold_against_checks(&mut self, observation: &Observation) -> StepVerdict {
        let step = self.guide.step().clone();
        let done = self.guide.done();
        let met = done.met.iter().map(String::as_str);
        let verdict = step.judge(observation, &mut LabWorld(&mut *self.lab), met);
        for check in &verdict.met {
            let event = Event::Met { step: self.guide.step_ref(), check: check.clone() };
            self.record(event);
        }
        if !verdict.met.is_empty() {
            self.tell_notes(observation);
            self.tell_met(&verdict.met);
            self.settle();
        }
        verdict
    }

    /// What follows when nothing (more) is to be done in the step: its last words, its questions, its end.
    pub(super) fn settle(&mut self) {
        let step = self.guide.step().clone();
        if self.guide.playing || self.guide.progress().is_finished(&step.id) || !self.guide.checks_met() {
            return;
        }
        if let Some(question) = self.guide.open_question() {
            let question = question.id.clone();
            meta::ask(self, &question);
            return;
        }
        // A step with nothing to do is finished by going on.
        if step.checks.is_empty() && step.quiz.is_empty() {
            return;
        }
        let event = Event::Finished { step: self.guide.step_ref(), how: self.guide.how() };
        self.record(event);
        self.prepared.insert(step.id);
        self.tell("ui-step-done", &[]);
    }

    /// Runs the solutions of the steps before the one at hand that this sitting's lab has not seen yet, so that a walk
    /// taken up in the middle finds the world it needs. A step with a setup leaves the world as it found it, and is passed
    /// over.
    pub(super) fn prepare(&mut self) {
        let here = self.guide.step().id.clone();
        let before = self.guide.course().steps().take_while(|step| step.id != here);
        let missing = before.filter(|step| step.setup.is_empty() && !self.prepared.contains(&step.id));
        let missing: Vec<String> = missing.map(|step| step.id.clone()).collect();
        let of = missing.len();
        self.lab.hurry(true);
        for (at, id) in missing.into_iter().enumerate() {
            if self.signals.leaving() {
                break;
            }
            let args = [("at", (at + 1).into()), ("of", of.into()), ("step", id.clone().into())];
            let (passing, lasting) = (self.say("ui-preparing", &args), self.say("ui-preparing-all", &args));
            self.console.passing(&passing, if at == 0 { &lasting } else { "" });
            self.act_out(&id);
            self.prepared.insert(id);
        }
        self.lab.hurry(false);
        self.console.passed();
    }

    /// Runs a step's solution without showing it. What fails here failed before the learner; the step's own checks will
    /// say so.
    pub(super) fn act_out(&mut self, step: &str) {
        let Some(step) = self.guide.course().step(step).cloned() else { return };
        let mut place = step.place.name().to_owned();
        let mut jobs = Vec::new();
        for line in &step.solution {
            let line = line.show(&self.facts());
            if let Some(words) = line.strip_prefix(':') {
                if let Some(name) = words.strip_prefix("on ") {
                    name.trim().clone_into(&mut place);
                }
            } else if let Some(line) = line.strip_suffix('&') {
                jobs.extend(self.lab.start(&place, line.trim(), None));
            } else if line.starts_with("kill %") {
                for job in jobs.drain(..) {
                    let _ = self.lab.send(job, crate::lab::Input::Terminate);
                    super::observe::drain(&mut *self.lab, job);
                }
            } else if self.may_run(&place, &line).unwrap_or(false) {
                let _ = unseen(&mut *self.lab, &place, &line);
            }
        }
        for job in jobs {
            let _ = self.lab.send(job, crate::lab::Input::Terminate);
            super::observe::drain(&mut *self.lab, job);
        }
    }

    fn tell_met(&mut self, met: &[String]) {
        let facts = self.facts();
        let text = self.guide.step_text(self.words.language()).clone();
        for check in met {
            let wants = text.checks.get(check).map(|wants| inline(&filled(wants, &facts))).unwrap_or_default();
            let passed = self.say("ui-met", &[]);
            let mut line = Line::of(passed.clone(), Role::Good);
            if wants.width() > 0 {
                // A full-width stop brings its own space.
                line = line.and(if passed.is_ascii() { " " } else { "" }, Role::Text);
                line.append(wants);
            }
            self.console.line(line);
        }
        if self.guide.checks_met() {
            if !text.seen.is_empty() {
                let mut blocks = vec![Block::Heading(3, Line::text(self.say("ui-seen", &[])))];
                blocks.extend(markdown(&filled(&text.seen, &facts)));
                self.console.raw("\n");
                self.console.blocks(&blocks);
                self.console.raw("\n");
            }
        } else {
            self.show_checks();
        }
    }

    /// The notes on the lines of an output that the step wants to be read.
    fn tell_notes(&mut self, observation: &Observation) {
        let step = self.guide.step().clone();
        let text = self.guide.step_text(self.words.language()).clone();
        let look = self.console.look();
        let mut lines = Vec::new();
        let all = format!("{}{}", observation.output, observation.errors);
        for annotation in &step.annotations {
            let Ok(pattern) = annotation.line.pattern(&observation.facts) else { continue };
            let Some(line) = all.lines().find(|line| pattern.is_match(line)) else { continue };
            let Some(note) = text.notes.get(&annotation.id) else { continue };
            let shown = shortened(&sanitised(line.trim()), look.width.saturating_sub(4));
            lines.push(Line::of(shown, Role::Block));
            lines.extend(layout(&[Block::Quote(markdown(&filled(note, &observation.facts)))], &look));
            lines.push(Line::default());
        }
        if lines.is_empty() {
            return;
        }
        let heading = Block::Heading(3, Line::text(self.say("ui-notes", &[])));
        self.console.raw("\n");
        self.console.blocks(&[heading, Block::Lines(lines)]);
    }

    /// Leaves the step at hand behind and comes to another.
    pub(super) fn leave_for(&mut self, step: &str) {
        self.mend();
        self.guide.go(step);
        self.enter();
    }

    /// Skips the step at hand: the world is left as if it had been solved.
    pub(super) fn skip(&mut self) {
        let id = self.guide.step().id.clone();
        let mended = self.has_open_setup() && self.mend();
        if !mended && !self.prepared.contains(&id) && !self.guide.checks_met() {
            self.act_out(&id);
        }
        self.prepared.insert(id);
        let event = Event::Finished { step: self.guide.step_ref(), how: How::Skipped };
        self.record(event);
    }
}

/// `text` cut to `width` cells, saying so.
fn shortened(text: &str, width: usize) -> String {
    let mut lines = Line::text(text).wrapped(width.saturating_sub(2));
    if lines.len() <= 1 {
        return text.to_owned();
    }
    format!("{} …", lines.swap_remove(0).plain())
}
