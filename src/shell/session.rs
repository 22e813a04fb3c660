use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::complete::{Takes, Vocabulary};
use super::feed::Feed;
use super::guide::Guide;
use super::input::{Input, Prompt, Typed};
use super::jobs::{Job, Jobs};
use super::meta;
use super::reload::Changes;
use super::said::{Said, lines_of};
use super::terminal::Signals;
use crate::capture::Filter;
use crate::course::{Event, Facts, Observation, QuestionKind};
use crate::lab::{self, JobEvent, Lab, LabKind, Place, TerminalSize};
use crate::render::{Console, Line, Role};
use crate::replay::{quietly, under_way};
use crate::trouble::{Trouble, nearest};
use crate::words::{FluentValue, Words};

/// One sitting: a lab, a guide, a screen, and somebody who types.
pub(super) struct Session {
    pub(super) lab: Box<dyn Lab>,
    pub(super) console: Console,
    pub(super) words: Words,
    pub(super) guide: Guide,
    pub(super) jobs: Jobs,
    /// The short name of the place where plain lines run.
    pub(super) place: String,
    /// What was seen of the last line, for `:check`.
    pub(super) last: Option<Observation>,
    /// Steps whose effect on the lab is there in this sitting.
    pub(super) prepared: BTreeSet<String>,
    /// What the line that ran last in the lab wrote, for `:explain`.
    pub(super) last_output: String,
    pub(super) input: Input,
    pub(super) signals: Signals,
    pub(super) vocabulary: Arc<Mutex<Vocabulary>>,
    /// Pasted lines that wait for their turn.
    pub(super) queue: VecDeque<String>,
    /// What was typed ahead of the next prompt.
    pub(super) begun: String,
    /// The packets of the nodes.
    pub(super) feed: Feed,
    /// Which packets are shown, and when.
    pub(super) watching: Watch,
    /// The number of the first packet that a learner who watches has not seen.
    pub(super) unseen: usize,
    /// The frames that the kernel dropped, as the learner was last told; `None` before anything was said of them.
    pub(super) told_dropped: Option<u64>,
    /// The number of the first packet that the last line with packets caused.
    pub(super) last_packets: usize,
    /// Where an author's changes come from.
    pub(super) changes: Option<Changes>,
}

/// Which packets the learner wants to see, and when.
pub(super) enum Watch {
    /// Those of a line, after the line.
    AfterLines,
    /// Those that fit a filter in tcpdump's language (compiled for cooked frames), or all, as they happen.
    Live(Option<Filter>),
    /// None that were not asked for.
    Off,
}

/// Whether the sitting goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// It does.
    On,
    /// The learner leaves.
    Leave,
}

/// How long one wait for a line, a job or a packet is: short enough for Ctrl-C and late output to feel immediate.
pub(super) const TICK: Duration = Duration::from_millis(40);
/// A shell's status for a name that is no program's.
const COMMAND_NOT_FOUND: i32 = 127;
/// After this, a job that ignored Ctrl-C at the end of the sitting is left to the lab.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Session {
    /// Reads and obeys lines until the learner leaves, the terminal closes or the reader of the output is gone.
    pub(super) fn run(&mut self) {
        self.welcome();
        self.ask_for_probes();
        self.enter();
        let mut cancelled = 0;
        loop {
            if self.signals.leaving() || self.console.broken().is_some() {
                break;
            }
            let flow = match self.next_line() {
                Typed::Line(text) => {
                    cancelled = 0;
                    self.obey(&text)
                }
                Typed::Interrupt => {
                    cancelled += 1;
                    if cancelled == 2 {
                        let kept = self.guide.keeps();
                        self.tell("ui-how-to-leave", &[("kept", kept.into())]);
                    }
                    Flow::On
                }
                Typed::End | Typed::Broken => Flow::Leave,
            };
            if flow == Flow::Leave {
                break;
            }
        }
        self.farewell();
    }

    /// A message in the learner's language.
    pub(super) fn say(&self, id: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        self.words.say(id, args)
    }

    /// Shows a message; it is Markdown of one paragraph.
    pub(super) fn tell(&mut self, id: &str, args: &[(&str, FluentValue<'_>)]) {
        let text = self.say(id, args);
        self.console.markdown(&text);
    }

    /// The lab's values, with those that follow from them. What the lab cannot say is missing.
    pub(super) fn facts(&mut self) -> Facts {
        self.guide.course().facts(self.lab.facts().unwrap_or_default())
    }

    /// The place of a name or alias, in any case of letters.
    pub(super) fn find_place(&mut self, name: &str) -> Result<Place, Trouble> {
        let places = self.lab.places()?;
        let fits = |place: &&Place| {
            std::iter::once(&place.name).chain(&place.aliases).any(|known| known.eq_ignore_ascii_case(name))
        };
        if let Some(place) = places.iter().find(fits) {
            return Ok(place.clone());
        }
        let names: Vec<String> = places.iter().map(short_name).collect();
        let trouble = Trouble::usage(self.say("ui-no-place", &[("name", name.into())]));
        Err(match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => trouble.hint(self.say("ui-did-you-mean", &[("word", format!(":on {near}").into())])),
            None => trouble.hint(self.say("ui-places-are", &[("places", names.join(", ").into())])),
        })
    }

    /// Makes a place the one where plain lines run.
    pub(super) fn go_to(&mut self, name: &str) -> Result<(), Trouble> {
        self.place = short_name(&self.find_place(name)?);
        Ok(())
    }

    /// Asks a yes-or-no question; no terminal, no yes.
    pub(super) fn confirm(&mut self, question: &str) -> bool {
        if !self.input.is_interactive() {
            return false;
        }
        let question = self.console.look().letters(question).into_owned();
        let prompt = Prompt { raw: format!("{question} [y/N] "), styled: format!("{question} [y/N] ") };
        match self.typed(prompt, false) {
            Typed::Line(answer) => matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是" | "好"),
            _ => false,
        }
    }

    /// Writes an event down, and says once when it could not be written.
    pub(super) fn record(&mut self, event: Event) {
        if let Some(error) = self.guide.record(event) {
            self.tell("ui-not-saved", &[("why", error.to_string().into())]);
        }
    }

    fn next_line(&mut self) -> Typed {
        let prompt = self.prompt();
        if let Some(line) = self.queue.pop_front() {
            self.console.raw(&format!("{}{line}\n", prompt.styled));
            return Typed::Line(line);
        }
        self.refresh_vocabulary();
        let typed = self.typed(prompt.clone(), true);
        if let Typed::Line(line) = &typed
            && !self.input.is_interactive()
        {
            self.console.raw(&format!("{}{}\n", prompt.raw, crate::render::sanitised(line)));
        }
        typed
    }

    /// Waits for a line; jobs and packets go on and are shown above the prompt meanwhile.
    fn typed(&mut self, prompt: Prompt, remember: bool) -> Typed {
        self.console.measure();
        let begun = if remember { std::mem::take(&mut self.begun) } else { String::new() };
        self.input.ask(prompt, begun, remember);
        self.console.at_prompt(self.input.printer());
        let typed = loop {
            if let Some(typed) = self.input.wait(TICK) {
                break typed;
            }
            if self.signals.leaving() || (!self.input.is_interactive() && self.signals.interrupted()) {
                break Typed::Broken;
            }
            self.take_up_changes();
            self.pump();
        };
        self.console.at_prompt(None);
        typed
    }

    fn obey(&mut self, text: &str) -> Flow {
        let mut lines = lines_of(text);
        if lines.len() > 1 {
            self.paste(lines);
            return Flow::On;
        }
        let Some(line) = lines.pop() else { return Flow::On };
        match self.obey_line(&line) {
            Ok(flow) => flow,
            Err(trouble) => {
                self.console.trouble(&trouble, &self.words);
                Flow::On
            }
        }
    }

    /// A pasted block is shown, confirmed once, and then runs line by line.
    fn paste(&mut self, lines: Vec<String>) {
        for (number, line) in lines.iter().enumerate() {
            let shown =
                Line::of(format!("{:>3}  ", number + 1), Role::Quiet).and(crate::render::sanitised(line), Role::Block);
            self.console.lines(&[shown]);
        }
        let question = self.say("ui-run-pasted", &[("count", lines.len().into())]);
        if !self.input.is_interactive() || self.confirm(&question) {
            self.queue.extend(lines);
        }
    }

    fn obey_line(&mut self, line: &str) -> Result<Flow, Trouble> {
        match Said::read(line) {
            Said::Nothing => Ok(Flow::On),
            Said::Guide(name, rest) => meta::obey(self, &name, &rest),
            Said::Jobs => {
                self.list_jobs();
                Ok(Flow::On)
            }
            Said::Foreground(number) => self.foreground_again(number).map(|()| Flow::On),
            Said::Kill(number) => self.kill(number).map(|()| Flow::On),
            Said::Clear => {
                if self.input.is_interactive() && std::env::var_os("TERM").is_none_or(|term| term != "dumb") {
                    self.console.raw("\x1b[H\x1b[2J");
                }
                Ok(Flow::On)
            }
            Said::Run { line, background: false } if meta::is_answer(self, &line) => meta::obey(self, "answer", &line),
            Said::Run { line, background } => self.run_line(&line, background).map(|()| Flow::On),
        }
    }

    /// Runs a line in the lab and shows it to the guide.
    pub(super) fn run_line(&mut self, line: &str, background: bool) -> Result<(), Trouble> {
        let place = self.place.clone();
        if !self.may_run(&place, line)? {
            return Err(self.not_permitted(line));
        }
        self.feed.listen(&mut *self.lab);
        self.drain_feed();
        let since = self.feed.next_number();
        let size = self.terminal_size();
        let id = self.lab.start(&self.place, line, size)?;
        let job = Job::new(id, &self.place, line, self.console.look().colour, since);
        if background {
            let number = self.jobs.add(job);
            self.console.line(format!("[{number}] {line} &"));
            let (step, place) = (self.guide.step().id.clone(), self.place.clone());
            self.record(Event::ran(&step, &place, &format!("{line} &"), None));
            return Ok(());
        }
        self.foreground(job)
    }

    /// Background jobs and packets: what they have to say since the last time.
    pub(super) fn pump(&mut self) {
        for at in (0..self.jobs.list.len()).rev() {
            // A job that ended is taken out while its slot is visited; later slots were visited before.
            self.pump_job(at);
        }
        self.drain_feed();
        self.console.flush_above();
    }

    fn pump_job(&mut self, at: usize) {
        loop {
            let Some(job) = self.jobs.list.get_mut(at) else { return };
            match self.lab.poll(job.id, Duration::ZERO) {
                Ok(JobEvent::Output(stream, octets)) => {
                    let text = job.take(stream, &octets);
                    self.console.raw(&text);
                }
                Ok(JobEvent::Idle) => return,
                Ok(JobEvent::Exited(status)) => return self.job_ended(at, status),
                Err(trouble) => {
                    self.jobs.list.remove(at);
                    return self.console.trouble(&trouble, &self.words);
                }
            }
        }
    }

    fn job_ended(&mut self, at: usize, status: i32) {
        let mut job = self.jobs.list.remove(at);
        let rest = job.finish();
        self.console.raw(&rest);
        let state = if status == 0 {
            self.say("ui-job-done", &[])
        } else {
            self.say("ui-job-exit", &[("status", status.into())])
        };
        self.console.line(format!("[{}] {state}  {}", job.number, job.line));
        self.ended(&job, status);
    }

    /// A line has ended: it is written down and shown to the guide.
    pub(super) fn ended(&mut self, job: &Job, status: i32) {
        let step = self.guide.step().id.clone();
        self.record(Event::ran(&step, &job.place, &job.line, Some(status)));
        self.tell_colon(&job.line, status);
        self.last_output = job.text();
        let wait = under_way(self.lab.kind());
        self.take_in_packets(wait);
        if self.feed.next_number() > job.since {
            self.last_packets = job.since;
        }
        if matches!(self.watching, Watch::AfterLines) {
            self.tell_packets_of_a_line(job.since);
            self.compare_ping(job);
        }
        self.tell_dropped();
        let observation = self.observation(job, Some(status));
        self.observe(observation);
    }

    /// A guide's command without its colon is no command of the lab; that is said.
    fn tell_colon(&mut self, line: &str, status: i32) {
        let word = line.split_whitespace().next().unwrap_or_default();
        if status == COMMAND_NOT_FOUND && word.len() > 2 && meta::find(word).is_some() {
            self.tell("ui-did-you-mean", &[("word", format!(":{line}").into())]);
        }
    }

    fn list_jobs(&mut self) {
        let running = self.say("ui-job-running", &[]);
        let lines: Vec<Line> = self
            .jobs
            .list
            .iter()
            .map(|job| Line::text(format!("[{}] {running}  {} &  ({})", job.number, job.line, job.place)))
            .collect();
        self.console.lines(&lines);
    }

    fn kill(&mut self, number: u32) -> Result<(), Trouble> {
        let Some(job) = self.jobs.find(number) else { return Err(self.no_job(Some(number))) };
        let id = job.id;
        self.lab.send(id, lab::Input::Terminate)?;
        self.wait_for_job(number);
        Ok(())
    }

    /// Waits, with a bound, until a job that was told to end has ended and said its last words.
    fn wait_for_job(&mut self, number: u32) {
        let begun = Instant::now();
        while self.jobs.find(number).is_some() && begun.elapsed() < LAST_WORDS {
            self.pump();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn no_job(&self, number: Option<u32>) -> Trouble {
        let what = match number {
            Some(number) => self.say("ui-no-job", &[("name", format!("%{number}").into())]),
            None => self.say("ui-no-jobs", &[]),
        };
        Trouble::usage(what).hint(self.say("ui-jobs-hint", &[]))
    }

    /// The learner's terminal, where there is one.
    pub(super) fn terminal_size(&self) -> Option<TerminalSize> {
        if !self.input.is_interactive() {
            return None;
        }
        crossterm::terminal::size().ok().map(|(columns, rows)| TerminalSize { columns, rows })
    }

    fn farewell(&mut self) {
        for number in self.jobs.list.iter().map(|job| job.number).collect::<Vec<_>>() {
            if let Some(id) = self.jobs.find(number).map(|job| job.id)
                && self.lab.send(id, lab::Input::Interrupt).is_ok()
            {
                self.wait_for_job(number);
            }
        }
        let (at, of) = self.guide.number();
        let step = self.guide.step().id.clone();
        self.tell("ui-farewell", &[("step", step.into()), ("at", at.into()), ("of", of.into())]);
    }

    /// `worker 5/21 sim> `
    fn prompt(&mut self) -> Prompt {
        let (at, of) = self.guide.number();
        let lab = self.lab.kind().word();
        let mode = if self.guide.playing {
            self.say("ui-prompt-play", &[])
        } else if self.guide.open_question().is_some() {
            format!("{at}/{of} {}", self.say("ui-prompt-quiz", &[]))
        } else {
            format!("{at}/{of}")
        };
        let line = Line::of(self.place.clone(), Role::Device)
            .and(format!(" {mode} "), Role::Text)
            .and(lab, Role::Quiet)
            .and("> ", Role::Prompt);
        Prompt { raw: line.plain(), styled: self.console.painted(&line) }
    }

    /// Brings the line editor's words up to date.
    fn refresh_vocabulary(&mut self) {
        if !self.input.is_interactive() {
            return;
        }
        // Elsewhere a look at the files would cost a process each time.
        let files = if self.lab.kind() == LabKind::Sim {
            quietly(&mut *self.lab, &self.place, "ls").map(|(output, _, _)| output).unwrap_or_default()
        } else {
            String::new()
        };
        let answers = self.guide.open_question().map(|question| match &question.kind {
            QuestionKind::Choice { options, .. } | QuestionKind::Choices { options, .. } => options.clone(),
            _ => Vec::new(),
        });
        let places = self.lab.places().unwrap_or_default();
        let facts = self.facts();
        let guide: Vec<(&'static str, Takes)> = meta::METAS.iter().map(|meta| (meta.name, meta.takes)).collect();
        let steps = self.guide.course().steps().map(|step| step.id.clone()).collect();
        let Ok(mut vocabulary) = self.vocabulary.lock() else { return };
        vocabulary.guide = guide;
        vocabulary.places =
            places.iter().map(short_name).chain(places.iter().map(|place| place.name.clone())).collect();
        vocabulary.steps = steps;
        vocabulary.files = files.split_whitespace().map(str::to_owned).collect();
        vocabulary.answers = answers.unwrap_or_default();
        vocabulary.addresses =
            facts.iter().filter(|(name, _)| name.ends_with("_ip")).map(|(_, value)| value.clone()).collect();
        vocabulary.devices =
            ["any", "eth0", "cilium_host", "cilium_net", "lo"].into_iter().map(str::to_owned).collect();
        vocabulary.devices.extend(["lxc_a", "lxc_b"].iter().filter_map(|name| facts.get(*name).cloned()));
    }
}

/// What a prompt, a person and the map call a place: its first alias, or its name.
pub(super) fn short_name(place: &Place) -> String {
    place.aliases.first().unwrap_or(&place.name).clone()
}
