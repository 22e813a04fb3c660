//! A script under way: what the shell is in the middle of, innermost last, and how it goes on from there.

use std::collections::VecDeque;
use std::rc::Rc;

use super::builtin;
use super::child::{Child, Descriptors, Sink, Source};
use super::run::{Job, Shell, unreadable};
use crate::command::{Body, Command, Item, Joint, Piece, Pipeline, Script, Target, Unreadable, Word};
use crate::lab::sim::World;
use crate::lab::sim::process::{Io, Line};
use crate::packet::Timestamp;

/// What the shell is in the middle of, innermost last.
pub(super) enum Frame {
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
pub(super) enum Advance {
    /// Something was done; look again.
    On,
    /// Nothing to do before a child, a job or input brings something.
    Held,
    /// No frame is left.
    Over,
}

impl Shell {
    pub(super) fn push_script(&mut self, script: Script) {
        self.frames.push(Frame::List { script: Rc::new(script), at: 0 });
    }

    /// Goes on from the innermost frame.
    #[expect(clippy::too_many_lines, reason = "one arm a kind of frame")]
    pub(super) fn advance(&mut self, world: &mut World, io: &mut Io) -> Advance {
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
                items: vec![Item {
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
