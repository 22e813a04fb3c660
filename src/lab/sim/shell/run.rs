use std::collections::VecDeque;
use std::rc::Rc;

use super::builtin;
use super::child::{Child, Descriptors, Progress, Sink, Source};
use super::expand::Expander;
use super::session::Session;
use crate::command::{Body, Command, Joint, Piece, Pipeline, Redirection, Script, Target, Unreadable, Word};
use crate::lab::sim::process::{Call, Io, Line, OnSignal, Process, Signal, Step};
use crate::lab::sim::{World, tools};
use crate::lab::{Stream, TerminalSize};
use crate::packet::Timestamp;

/// A shell at work on a script.
pub(crate) struct Shell {
    pub(super) session: Session,
    frames: Vec<Frame>,
    foreground: Vec<Child>,
    /// The output of a `$( )` under way.
    captured: Option<Vec<u8>>,
    pub(super) background: Vec<Job>,
    /// What commands inherit now; redirections of a compound command change it.
    scope: Descriptors,
    terminal: Option<TerminalSize>,
    /// The first shell of a line keeps its session in the world when it ends.
    keeps_session: bool,
    /// Set by `exit`.
    pub(super) leaving: Option<i32>,
}

/// A background list of a shell.
pub(super) struct Job {
    pub(super) number: usize,
    pub(super) child: Child,
    pub(super) text: String,
}

/// What the shell is in the middle of, innermost last.
enum Frame {
    List { script: Rc<Script>, at: usize },
    Chain { script: Rc<Script>, item: usize, at: usize },
    Simple { command: Rc<Command>, results: VecDeque<String>, pending: VecDeque<Script> },
    Loop { name: String, values: VecDeque<String>, body: Rc<Script> },
    While { until: bool, condition: Rc<Script>, body: Rc<Script>, tested: bool },
    If { branches: VecDeque<(Rc<Script>, Rc<Script>)>, otherwise: Option<Rc<Script>>, tested: bool },
    ForWords { name: String, command: Rc<Command>, results: VecDeque<String>, pending: VecDeque<Script> },
    Negate,
    Timed { since: Timestamp },
    Scope(Descriptors),
    Wait { pids: Vec<u32> },
    Read { names: Vec<String> },
    Lines,
}

/// How far the frames got.
enum Advance {
    /// Something was done; look again.
    On,
    /// Nothing to do before a child, a job or input brings something.
    Held,
    /// No frame is left.
    Over,
}

impl Shell {
    /// The shell of a line typed at a place.
    pub(crate) fn line(session: Session, script: Script, terminal: Option<TerminalSize>) -> Self {
        let mut shell = Self::empty(session, terminal);
        shell.keeps_session = true;
        shell.push_script(script);
        shell
    }

    /// `sh -c LINE`.
    pub(crate) fn command(call: &Call, script: Script, arguments: Vec<String>) -> Self {
        let mut shell = Self::empty(Session { arguments, ..Session::called(call) }, call.terminal);
        shell.push_script(script);
        shell
    }

    /// `bash` by itself: reads lines from standard input, without a prompt.
    pub(crate) fn reading(call: &Call) -> Self {
        let mut shell = Self::empty(Session::called(call), call.terminal);
        shell.frames.push(Frame::Lines);
        shell
    }

    fn empty(session: Session, terminal: Option<TerminalSize>) -> Self {
        Self {
            session,
            frames: Vec::new(),
            foreground: Vec::new(),
            captured: None,
            background: Vec::new(),
            scope: Descriptors::inherited(),
            terminal,
            keeps_session: false,
            leaving: None,
        }
    }

    /// A shell for a part of a line (a member of a pipeline, `( )`, `$( )`, `&`): knows what this one knows.
    fn sub(&self, script: Script, terminal: Option<TerminalSize>) -> Self {
        let mut shell = Self::empty(self.session.clone(), terminal);
        shell.push_script(script);
        shell
    }

    fn push_script(&mut self, script: Script) {
        self.frames.push(Frame::List { script: Rc::new(script), at: 0 });
    }

    #[expect(clippy::too_many_lines, reason = "one arm a kind of frame")]
    fn advance(&mut self, world: &mut World, io: &mut Io) -> Advance {
        if self.leaving.is_some() {
            self.frames.clear();
        }
        let Some(frame) = self.frames.pop() else { return Advance::Over };
        match frame {
            Frame::List { script, at } => return self.list(script, at, world, io),
            Frame::Chain { script, item, at } => return self.chain(script, item, at, world),
            Frame::Simple { command, results, mut pending } => match pending.pop_front() {
                Some(script) => {
                    self.frames.push(Frame::Simple { command, results, pending });
                    self.capture(script, world);
                    return Advance::On;
                }
                None => self.simple(&command, results, world, io),
            },
            Frame::ForWords { name, command, results, mut pending } => {
                if let Some(script) = pending.pop_front() {
                    self.frames.push(Frame::ForWords { name, command, results, pending });
                    self.capture(script, world);
                    return Advance::On;
                }
                let Body::For { words, body, .. } = &command.body else { return Advance::On };
                match self.expander(results, world).words(words) {
                    Ok(values) => {
                        self.session.status = 0;
                        self.frames.push(Frame::Loop { name, values: values.into(), body: Rc::new(body.clone()) });
                    }
                    Err(error) => self.complain(&error, io),
                }
            }
            Frame::Loop { name, mut values, body } => {
                if let Some(value) = values.pop_front() {
                    self.session.set(&name, value);
                    self.frames.push(Frame::Loop { name, values, body: Rc::clone(&body) });
                    self.frames.push(Frame::List { script: body, at: 0 });
                }
            }
            Frame::While { until, condition, body, tested } => {
                let script = if tested {
                    if (self.session.status == 0) == until {
                        self.session.status = 0;
                        return Advance::On;
                    }
                    Rc::clone(&body)
                } else {
                    Rc::clone(&condition)
                };
                self.frames.push(Frame::While { until, condition, body, tested: !tested });
                self.frames.push(Frame::List { script, at: 0 });
            }
            Frame::If { mut branches, otherwise, tested } => {
                let met = tested && self.session.status == 0;
                let body = if tested { branches.pop_front() } else { None };
                if let Some((_, body)) = body.filter(|_| met) {
                    self.frames.push(Frame::List { script: body, at: 0 });
                    return Advance::On;
                }
                if let Some((condition, _)) = branches.front() {
                    let condition = Rc::clone(condition);
                    self.frames.push(Frame::If { branches, otherwise, tested: true });
                    self.frames.push(Frame::List { script: condition, at: 0 });
                } else {
                    self.session.status = 0;
                    if let Some(script) = otherwise {
                        self.frames.push(Frame::List { script, at: 0 });
                    }
                }
            }
            Frame::Negate => self.session.status = i32::from(self.session.status == 0),
            Frame::Timed { since } => {
                let spent = world.now().0.saturating_sub(since.0);
                let (minutes, millis) = (spent / 60_000_000_000, spent / 1_000_000 % 60_000);
                let real = format!("{minutes}m{}.{:03}s", millis / 1000, millis % 1000);
                io.complain(format!("\nreal\t{real}\nuser\t0m0.000s\nsys\t0m0.000s\n"));
            }
            Frame::Scope(descriptors) => self.scope = descriptors,
            Frame::Wait { pids } => {
                let alive =
                    |pid: &u32| self.background.iter().any(|job| job.child.pid == *pid && job.child.status.is_none());
                if pids.iter().any(alive) {
                    self.frames.push(Frame::Wait { pids });
                    return Advance::Held;
                }
                let last = pids.last().and_then(|pid| self.background.iter().find(|job| job.child.pid == *pid));
                self.session.status = last.and_then(|job| job.child.status).unwrap_or(0);
                self.background.retain(|job| !pids.contains(&job.child.pid));
            }
            Frame::Read { names } => match io.read_line() {
                Line::NotYet => {
                    self.frames.push(Frame::Read { names });
                    return Advance::Held;
                }
                Line::End => self.session.status = 1,
                Line::Some(line) => {
                    builtin::assign_fields(&mut self.session, &names, &String::from_utf8_lossy(&line));
                    self.session.status = 0;
                }
            },
            Frame::Lines => return self.read_lines(io),
        }
        Advance::On
    }

    /// The loop of a shell that reads its lines.
    fn read_lines(&mut self, io: &mut Io) -> Advance {
        let mut text = String::new();
        loop {
            match io.read_line() {
                Line::Some(line) => {
                    text.push_str(&String::from_utf8_lossy(&line));
                    match crate::command::script(&text) {
                        Ok(script) => {
                            self.frames.push(Frame::Lines);
                            self.push_script(script);
                            return Advance::On;
                        }
                        Err(Unreadable::Unfinished(_)) => text.push('\n'),
                        Err(error) => {
                            self.complain(&unreadable(&error), io);
                            self.session.status = 2;
                            text.clear();
                        }
                    }
                }
                Line::NotYet => {
                    // An unfinished command goes back, to be read again when its rest has come.
                    io.put_back(text.as_bytes());
                    self.frames.push(Frame::Lines);
                    return Advance::Held;
                }
                Line::End => {
                    if !text.trim().is_empty() {
                        self.complain("syntax error: unexpected end of file", io);
                    }
                    return Advance::On;
                }
            }
        }
    }

    fn list(&mut self, script: Rc<Script>, at: usize, world: &mut World, io: &mut Io) -> Advance {
        let Some(item) = script.items.get(at) else { return Advance::On };
        let background = item.background;
        let text = item_text(&item.first);
        self.frames.push(Frame::List { script: Rc::clone(&script), at: at + 1 });
        if background {
            let mut alone = item.clone();
            alone.background = false;
            let shell = self.sub(Script { items: vec![alone] }, None);
            let descriptors = Descriptors { input: Source::Fed, text: Some(Vec::new()), ..self.scope.clone() };
            let words = text.split(' ').map(str::to_owned).collect();
            let pid = world.new_process(&self.session.place, words);
            let number = self.background.iter().map(|job| job.number).max().unwrap_or(0) + 1;
            self.background.push(Job { number, child: Child::new(Box::new(shell), descriptors, pid), text });
            self.session.last_background = Some(pid);
            self.session.status = 0;
            if self.terminal.is_some() {
                io.complain(format!("[{number}] {pid}\n"));
            }
        } else {
            self.frames.push(Frame::Chain { script, item: at, at: 0 });
        }
        Advance::On
    }

    fn chain(&mut self, script: Rc<Script>, item: usize, at: usize, world: &mut World) -> Advance {
        let Some(list) = script.items.get(item) else { return Advance::On };
        let (runs, pipeline) = match at.checked_sub(1) {
            None => (true, &list.first),
            Some(before) => match list.rest.get(before) {
                None => return Advance::On,
                Some((Joint::And, next)) => (self.session.status == 0, next),
                Some((Joint::Or, next)) => (self.session.status != 0, next),
            },
        };
        let pipeline = runs.then(|| pipeline.clone());
        self.frames.push(Frame::Chain { script, item, at: at + 1 });
        if let Some(pipeline) = pipeline {
            self.pipeline(pipeline, world);
        }
        Advance::On
    }

    fn pipeline(&mut self, pipeline: Pipeline, world: &mut World) {
        if pipeline.negated {
            self.frames.push(Frame::Negate);
        }
        if pipeline.timed {
            self.frames.push(Frame::Timed { since: world.now() });
        }
        let mut commands = pipeline.commands;
        if commands.len() == 1 {
            if let Some(command) = commands.pop() {
                self.command_frame(command);
            }
            return;
        }
        let last = commands.len().saturating_sub(1);
        for (at, command) in commands.into_iter().enumerate() {
            let words = command_text(&command).split(' ').map(str::to_owned).collect();
            let script = Script {
                items: vec![crate::command::Item {
                    first: Pipeline { negated: false, timed: false, commands: vec![command] },
                    rest: Vec::new(),
                    background: false,
                }],
            };
            let mut descriptors = self.scope.clone();
            if at > 0 {
                descriptors.input = Source::Fed;
                descriptors.text = None;
            }
            if at < last {
                descriptors.out = Sink::Pipe;
            }
            let shell = self.sub(script, self.terminal.filter(|_| at == last));
            let pid = world.new_process(&self.session.place, words);
            self.foreground.push(Child::new(Box::new(shell), descriptors, pid));
        }
    }

    fn command_frame(&mut self, command: Command) {
        let values: Vec<&Word> = match &command.body {
            Body::Simple { assignments, words } => {
                assignments.iter().map(|assignment| &assignment.value).chain(words).collect()
            }
            Body::For { words, .. } => words.iter().collect(),
            _ => Vec::new(),
        };
        let targets = command.redirections.iter().filter_map(|redirection| match &redirection.target {
            Target::Read(word) | Target::Write(word) | Target::Append(word) | Target::Text(word) => Some(word),
            Target::Both { file, .. } => Some(file),
            Target::Same(_) | Target::Closed => None,
        });
        let is_for = matches!(command.body, Body::For { .. });
        let words: Vec<&Word> = if is_for { values } else { values.into_iter().chain(targets).collect() };
        let pending = words
            .iter()
            .flat_map(|word| &word.pieces)
            .filter_map(|piece| match piece {
                Piece::Substitution { script, .. } => Some(script.clone()),
                _ => None,
            })
            .collect();
        let results = VecDeque::new();
        if let Body::For { name, .. } = &command.body {
            let name = name.clone();
            self.frames.push(Frame::ForWords { name, command: Rc::new(command), results, pending });
        } else {
            self.frames.push(Frame::Simple { command: Rc::new(command), results, pending });
        }
    }

    /// Starts a `$( )`; its output becomes a result of the frame on top.
    fn capture(&mut self, script: Script, world: &mut World) {
        let pid = world.new_process(&self.session.place, vec!["bash".to_owned()]);
        let descriptors = Descriptors { out: Sink::Pipe, ..self.scope.clone() };
        let shell = self.sub(script, None);
        self.captured = Some(Vec::new());
        self.foreground.push(Child::new(Box::new(shell), descriptors, pid));
    }

    fn expander<'a>(&'a self, results: VecDeque<String>, world: &'a World) -> Expander<'a> {
        Expander { session: &self.session, files: world.files.get(&self.session.place), results }
    }

    fn simple(&mut self, command: &Rc<Command>, results: VecDeque<String>, world: &mut World, io: &mut Io) {
        let substituted = !results.is_empty();
        let mut expander = self.expander(results, world);
        let expanded = (|| {
            let (mut assigned, mut given) = (Vec::new(), Vec::new());
            if let Body::Simple { assignments, words } = &command.body {
                for assignment in assignments {
                    let value = expander.one(&assignment.value)?;
                    let before =
                        if assignment.append { self.session.variable(&assignment.name).unwrap_or("") } else { "" };
                    assigned.push((assignment.name.clone(), format!("{before}{value}")));
                }
                given = expander.words(words)?;
            }
            Ok::<_, String>((assigned, given))
        })();
        let (assigned, words) = match expanded {
            Ok(expanded) => expanded,
            Err(error) => return self.complain(&error, io),
        };
        let results = expander.results;
        let descriptors = match self.redirected(&command.redirections, results, world) {
            Ok(descriptors) => descriptors,
            Err(error) => return self.complain(&error, io),
        };
        match &command.body {
            Body::Simple { .. } => {}
            Body::For { .. } => return,
            compound => return self.compound(compound, descriptors, world),
        }
        if words.is_empty() {
            for (name, value) in assigned {
                self.session.set(&name, value);
            }
            if !substituted {
                self.session.status = 0;
            }
            return;
        }
        self.program(words, &assigned, descriptors, world, io);
    }

    fn compound(&mut self, body: &Body, descriptors: Descriptors, world: &mut World) {
        if let Body::Subshell(script) = body {
            let pid = world.new_process(&self.session.place, vec!["bash".to_owned()]);
            let terminal = self.terminal.filter(|_| matches!(descriptors.out, Sink::Inherited(Stream::Out)));
            let shell = self.sub(script.clone(), terminal);
            self.foreground.push(Child::new(Box::new(shell), descriptors, pid));
            return;
        }
        let outer = std::mem::replace(&mut self.scope, descriptors);
        self.frames.push(Frame::Scope(outer));
        match body {
            Body::Group(script) => self.push_script(script.clone()),
            Body::While { until, condition, body } => self.frames.push(Frame::While {
                until: *until,
                condition: Rc::new(condition.clone()),
                body: Rc::new(body.clone()),
                tested: false,
            }),
            Body::If { branches, otherwise } => {
                let branches =
                    branches.iter().map(|(test, body)| (Rc::new(test.clone()), Rc::new(body.clone()))).collect();
                let otherwise = otherwise.clone().map(Rc::new);
                self.frames.push(Frame::If { branches, otherwise, tested: false });
            }
            Body::Simple { .. } | Body::For { .. } | Body::Subshell(_) => {}
        }
    }

    fn program(
        &mut self,
        words: Vec<String>,
        assigned: &[(String, String)],
        descriptors: Descriptors,
        world: &mut World,
        io: &mut Io,
    ) {
        let mut own = Io::default();
        match builtin::run(self, &words, world, &mut own) {
            builtin::Outcome::Done(status) => {
                self.session.status = status;
                self.route(own, descriptors, world, io);
                return;
            }
            builtin::Outcome::Wait(pids) => return self.frames.push(Frame::Wait { pids }),
            builtin::Outcome::Read(names) => {
                if let (Source::Fed, Some(text)) = (&descriptors.input, &descriptors.text) {
                    let text = String::from_utf8_lossy(text);
                    builtin::assign_fields(&mut self.session, &names, text.lines().next().unwrap_or(""));
                    self.session.status = i32::from(text.is_empty());
                    return;
                }
                return self.frames.push(Frame::Read { names });
            }
            builtin::Outcome::Eval(line) => match crate::command::script(&line) {
                Ok(script) => return self.push_script(script),
                Err(error) => return self.complain(&unreadable(&error), io),
            },
            builtin::Outcome::NotMine => {}
        }
        let terminal = self.terminal.filter(|_| matches!(descriptors.out, Sink::Inherited(Stream::Out)));
        let call = self.session.call(words.clone(), assigned, terminal);
        match tools::start(&call, world) {
            Ok(process) => {
                let pid = world.new_process(&self.session.place, words);
                self.foreground.push(Child::new(process, descriptors, pid));
            }
            Err(failure) => {
                own.complain(format!("bash: {failure}\n"));
                self.session.status = failure.status();
                self.route(own, descriptors, world, io);
            }
        }
    }

    /// Passes on what a builtin wrote.
    fn route(&self, written: Io, descriptors: Descriptors, world: &mut World, io: &mut Io) {
        let mut child = Child::new(Box::new(tools::Ended(0)), descriptors, 0);
        child.io = written;
        for (sink, octets) in child.drain(&self.session.place, world) {
            if let Sink::Inherited(stream) = sink {
                io.write(stream, &octets);
            }
        }
    }

    fn redirected(
        &self,
        redirections: &[Redirection],
        results: VecDeque<String>,
        world: &mut World,
    ) -> Result<Descriptors, String> {
        let mut descriptors = self.scope.clone();
        let mut results = results;
        for redirection in redirections {
            let mut path = |word: &Word, world: &World| -> Result<(String, String), String> {
                let mut expander = self.expander(std::mem::take(&mut results), world);
                let name = expander.one(word)?;
                results = expander.results;
                let path = crate::lab::sim::absolute(&self.session.folder, &name);
                Ok((name, path))
            };
            match &redirection.target {
                Target::Read(word) => {
                    let (name, _) = path(word, world)?;
                    let call = self.session.call(Vec::new(), &[], None);
                    let text = world.read_file(&call, &name).map_err(|error| format!("{name}: {error}"))?;
                    descriptors.input = Source::Fed;
                    descriptors.text = Some(text);
                }
                Target::Text(word) => {
                    let mut expander = self.expander(std::mem::take(&mut results), world);
                    let text = expander.one(word)?;
                    results = expander.results;
                    descriptors.input = Source::Fed;
                    descriptors.text = Some(text.into_bytes());
                }
                Target::Write(word) | Target::Append(word) | Target::Both { file: word, .. } => {
                    let (name, path) = path(word, world)?;
                    let append = matches!(redirection.target, Target::Append(_) | Target::Both { append: true, .. });
                    let sink =
                        open(&self.session.place, &path, append, world).map_err(|error| format!("{name}: {error}"))?;
                    if matches!(redirection.target, Target::Both { .. }) {
                        descriptors.out = sink.clone();
                        descriptors.err = sink;
                    } else if redirection.descriptor == 1 {
                        descriptors.out = sink;
                    } else if redirection.descriptor == 2 {
                        descriptors.err = sink;
                    }
                }
                Target::Same(other) => match (redirection.descriptor, other) {
                    (2, 1) => descriptors.err = descriptors.out.clone(),
                    (1, 2) => descriptors.out = descriptors.err.clone(),
                    (_, 0..=2) => {}
                    (_, other) => return Err(format!("{other}: Bad file descriptor")),
                },
                Target::Closed => match redirection.descriptor {
                    0 => (descriptors.input, descriptors.text) = (Source::Fed, Some(Vec::new())),
                    1 => descriptors.out = Sink::Nowhere,
                    2 => descriptors.err = Sink::Nowhere,
                    _ => {}
                },
            }
        }
        Ok(descriptors)
    }

    fn complain(&mut self, error: &str, io: &mut Io) {
        io.complain(format!("bash: {error}\n"));
        self.session.status = 1;
    }

    /// Steps every child once and moves what they wrote.
    fn pump(&mut self, world: &mut World, io: &mut Io) -> Progress {
        let mut progress = Progress::None;
        let place = self.session.place.clone();
        for at in 0..self.foreground.len() {
            let Some(child) = self.foreground.get_mut(at) else { break };
            let was_ended = child.status.is_some();
            progress = progress.max(child.step(world));
            if child.io.wants_input() && child.descriptors.input == Source::Inherited {
                let input = io.read();
                if !input.is_empty() {
                    child.io.feed(&input);
                    progress = progress.max(Progress::Some);
                } else if io.input_ended() {
                    child.io.end_input();
                    progress = progress.max(Progress::Some);
                }
            }
            let written = child.drain(&place, world);
            let ended = child.status.is_some();
            let mut broken = false;
            for (sink, octets) in written {
                progress = progress.max(Progress::Some);
                match sink {
                    Sink::Inherited(stream) => io.write(stream, &octets),
                    Sink::Pipe => match (self.foreground.get_mut(at + 1), &mut self.captured) {
                        (Some(next), _) if next.status.is_some() => broken = true,
                        (Some(next), _) => next.io.feed(&octets),
                        (None, Some(captured)) => captured.extend_from_slice(&octets),
                        (None, None) => {}
                    },
                    Sink::File(_) | Sink::Nowhere => {}
                }
            }
            if broken && let Some(child) = self.foreground.get_mut(at) {
                // SIGPIPE: nobody reads any more.
                if child.status.is_none() {
                    child.signal(Signal::Other(13), world);
                    child.status.get_or_insert(141);
                    child.drain(&place, world);
                    progress = Progress::Some;
                }
            }
            if ended
                && !was_ended
                && let Some(next) = self.foreground.get_mut(at + 1)
            {
                next.io.end_input();
            }
        }
        for job in &mut self.background {
            progress = progress.max(job.child.step(world));
            for (sink, octets) in job.child.drain(&place, world) {
                progress = progress.max(Progress::Some);
                if let Sink::Inherited(stream) = sink {
                    io.write(stream, &octets);
                }
            }
        }
        progress
    }

    /// Takes the end of the foreground pipeline.
    fn reap(&mut self) {
        if self.foreground.is_empty() || self.foreground.iter().any(|child| child.status.is_none()) {
            return;
        }
        self.session.status = self.foreground.last().and_then(|child| child.status).unwrap_or(0);
        self.foreground.clear();
        if let Some(captured) = self.captured.take() {
            let text = String::from_utf8_lossy(&captured).trim_end_matches('\n').to_owned();
            if let Some(Frame::Simple { results, .. } | Frame::ForWords { results, .. }) = self.frames.last_mut() {
                results.push_back(text);
            }
        }
    }

    fn end(&mut self, world: &mut World) -> i32 {
        let status = self.leaving.unwrap_or(self.session.status);
        if self.keeps_session {
            self.session.status = status;
            world.sessions.insert(self.session.network.clone(), self.session.clone());
        }
        status
    }
}

impl Process for Shell {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        // Bounds the work of one step: a loop without end in a script gives the others their turn.
        for _ in 0..50 {
            let progress = self.pump(world, io);
            self.reap();
            if self.foreground.is_empty() {
                match self.advance(world, io) {
                    Advance::On => continue,
                    Advance::Held => {}
                    Advance::Over => {
                        self.background.retain(|job| job.child.status.is_none());
                        if self.background.is_empty() {
                            return Step::Exit(self.end(world));
                        }
                    }
                }
            }
            match progress {
                Progress::Some => {}
                Progress::Again => return Step::Again,
                Progress::None => {
                    let children = self.foreground.iter().chain(self.background.iter().map(|job| &job.child));
                    let until = children.filter(|child| child.status.is_none()).filter_map(|child| child.until).min();
                    return Step::Wait(until);
                }
            }
        }
        Step::Again
    }

    fn signal(&mut self, signal: Signal, world: &mut World, io: &mut Io) -> OnSignal {
        let nothing_in_front = self.foreground.is_empty();
        for child in &mut self.foreground {
            child.signal(signal, world);
        }
        // With nothing in front, what is left are background commands that the line waits for at its end.
        let to_all = signal != Signal::Interrupt || (nothing_in_front && self.frames.is_empty());
        if to_all {
            for job in &mut self.background {
                job.child.signal(signal, world);
            }
        }
        self.pump(world, io);
        let killed = self.foreground.iter().any(|child| child.status == Some(128 + signal.number()));
        self.reap();
        if !killed && !nothing_in_front {
            return OnSignal::Ignores;
        }
        if to_all && nothing_in_front && self.frames.is_empty() {
            return OnSignal::Ignores;
        }
        self.session.status = 128 + signal.number();
        self.frames.clear();
        if self.background.iter().all(|job| job.child.status.is_some()) {
            return OnSignal::Exits(self.end(world));
        }
        OnSignal::Ignores
    }

    fn endless(&self) -> bool {
        if self.foreground.is_empty() {
            return self.frames.is_empty() && self.background.iter().any(|job| job.child.endless());
        }
        // A pipeline is over when its last command is, so one that ends (`head`) ends it all.
        self.foreground.iter().any(Child::endless)
    }
}

/// Opens a file for writing as a shell does before a command starts.
fn open(place: &str, path: &str, append: bool, world: &mut World) -> Result<Sink, crate::lab::sim::FileError> {
    if matches!(path, "/dev/null" | "/dev/zero") {
        return Ok(Sink::Nowhere);
    }
    match path {
        "/dev/stdout" | "/dev/tty" => return Ok(Sink::Inherited(Stream::Out)),
        "/dev/stderr" => return Ok(Sink::Inherited(Stream::Err)),
        _ => {}
    }
    let files = world.files.entry(place.to_owned()).or_default();
    let opened = if append { files.append(path, b"") } else { files.write(path, b"") };
    opened?;
    Ok(Sink::File(path.to_owned()))
}

/// bash's words for a line that it cannot read.
pub(crate) fn unreadable(error: &Unreadable) -> String {
    match error {
        Unreadable::Syntax { near } => {
            let token = near.split_whitespace().next().unwrap_or("newline");
            format!("syntax error near unexpected token `{token}'")
        }
        Unreadable::Unfinished(_) => "syntax error: unexpected end of file".to_owned(),
        other => other.to_string(),
    }
}

fn item_text(pipeline: &Pipeline) -> String {
    pipeline.commands.iter().map(command_text).collect::<Vec<_>>().join(" | ")
}

fn command_text(command: &Command) -> String {
    match &command.body {
        Body::Simple { words, .. } => words.iter().map(Word::as_typed).collect::<Vec<_>>().join(" "),
        _ => "bash".to_owned(),
    }
}
