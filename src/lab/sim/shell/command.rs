//! A command of a script: its words and redirections expanded, and who runs it: the shell itself, a program, or the
//! frames of a compound command.

use std::collections::VecDeque;
use std::rc::Rc;

use super::builtin;
use super::child::{Child, Descriptors, Sink, Source};
use super::expand::Expander;
use super::frame::Frame;
use super::run::{Shell, unreadable};
use crate::command::{Body, Command, Redirection, Target, Word};
use crate::lab::Stream;
use crate::lab::sim::process::Io;
use crate::lab::sim::{FileError, World, absolute, tools};

impl Shell {
    pub(super) fn simple(&mut self, command: &Rc<Command>, results: VecDeque<String>, world: &mut World, io: &mut Io) {
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

    pub(super) fn expander<'a>(&'a self, results: VecDeque<String>, world: &'a World) -> Expander<'a> {
        Expander { session: &self.session, files: world.files.get(&self.session.place), results }
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
                let path = absolute(&self.session.folder, &name);
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

    pub(super) fn complain(&mut self, error: &str, io: &mut Io) {
        io.complain(format!("bash: {error}\n"));
        self.session.status = 1;
    }
}

/// Opens a file for writing as a shell does before a command starts.
fn open(place: &str, path: &str, append: bool, world: &mut World) -> Result<Sink, FileError> {
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
