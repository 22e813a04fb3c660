use std::collections::BTreeMap;
use std::time::Duration;

use super::{Failure, find, once, start as start_program};
use crate::command::{Elsewhere, Inner, unwrap};
use crate::lab::sim::process::{Call, Io, OnSignal, Process, Signal, Step};
use crate::lab::sim::shell::{Shell, unreadable};
use crate::lab::sim::{World, kube};
use crate::packet::Timestamp;

/// Starts what a wrapper runs, where the call is one.
pub(super) fn start(call: &Call, world: &mut World) -> Option<Result<Box<dyn Process>, Failure>> {
    let wrapped = unwrap(&call.words)?;
    let mut inner = call.clone();
    inner.environment.extend(wrapped.environment.iter().cloned());
    let is_here = |name: &str, world: &World| find(world, &call.place, None, name).is_some();
    let name = call.name().rsplit('/').next().unwrap_or_default();
    // Builtins and keywords of the shell need no file; the others must be installed.
    if !matches!(name, "command" | "exec" | "builtin" | "time") && !is_here(name, world) {
        return Some(Err(Failure::NotFound(name.to_owned())));
    }
    let words = match wrapped.inner {
        Inner::Line(line) if wrapped.wrapper == "watch" => return Some(Ok(Box::new(Watch::new(call, line)))),
        Inner::Line(line) => return Some(Ok(shell_line(&inner, &line))),
        Inner::Words(words) => words,
    };
    inner.words = words;
    Some(match wrapped.elsewhere {
        None => match wrapped.wrapper {
            "timeout" => timeout(call, &inner, world),
            _ => start_program(&inner, world),
        },
        Some(Elsewhere::Container(container)) => Ok(kube::exec_container(&container, inner, world)),
        Some(Elsewhere::Pod { namespace, name }) => Ok(kube::exec_pod(namespace.as_deref(), &name, inner, call, world)),
        Some(Elsewhere::NetworkNamespace(name)) => Ok(once(move |_, io| {
            io.complain(format!("Cannot open network namespace \"{name}\": No such file or directory\n"));
            255
        })),
        Some(Elsewhere::Process { pid, network, files }) => kube::enter(&pid, network, files, inner, world),
    })
}

/// `bash`, `sh` without `-c`: an interactive shell, or a script file.
pub(super) fn shell(call: &Call, world: &mut World) -> Box<dyn Process> {
    let Some(file) = call.arguments().iter().find(|word| !word.starts_with('-')) else {
        return if call.terminal.is_some() { already(call, world) } else { Box::new(Shell::reading(call)) };
    };
    let text = match world.read_file(call, file) {
        Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
        Err(error) => {
            let text = format!("bash: {file}: {error}\n");
            return once(move |_, io| {
                io.complain(text);
                127
            });
        }
    };
    shell_line(call, &text)
}

/// A shell inside the guide's shell would have no keyboard: the guide's own prompt goes to the place instead.
pub(super) fn already(call: &Call, world: &World) -> Box<dyn Process> {
    let places = kube::places(world);
    let place = places.iter().find(|place| place.name == call.place);
    let name = place.map_or(&call.place, |place| place.aliases.first().unwrap_or(&place.name)).clone();
    once(move |_, io| {
        io.complain(format!(
            "esplain: what you type at the guide's prompt runs in a shell already; `:on {name}` brings the prompt to {name}\n"
        ));
        0
    })
}

fn shell_line(call: &Call, line: &str) -> Box<dyn Process> {
    match crate::command::script(line) {
        Ok(script) => Box::new(Shell::command(call, script, Vec::new())),
        Err(error) => {
            let text = format!("bash: -c: line 1: {}\n", unreadable(&error));
            once(move |_, io| {
                io.complain(text);
                2
            })
        }
    }
}

/// `timeout DURATION program`.
struct Timeout {
    process: Box<dyn Process>,
    wait: Duration,
    until: Option<Timestamp>,
    signal: Signal,
}

fn timeout(call: &Call, inner: &Call, world: &mut World) -> Result<Box<dyn Process>, Failure> {
    let arguments = call.arguments();
    let before = arguments.len().saturating_sub(inner.words.len());
    let words = arguments.get(..before).unwrap_or_default();
    let duration = words.last().map_or("", String::as_str);
    let Some(wait) = super::system::duration(duration) else {
        let text = format!("timeout: invalid time interval '{duration}'\nTry 'timeout --help' for more information.\n");
        return Ok(once(move |_, io| {
            io.complain(text);
            125
        }));
    };
    let signal = words.iter().position(|word| word == "-s").and_then(|at| words.get(at + 1));
    let signal = match signal.or_else(|| words.iter().find(|word| word.starts_with("-s") && word.len() > 2)) {
        Some(name) if name.contains("INT") || name == "2" => Signal::Interrupt,
        Some(name) if name.contains("KILL") || name == "9" => Signal::Kill,
        _ => Signal::Terminate,
    };
    let process = match start_program(inner, world) {
        Ok(process) => process,
        Err(Failure::NotFound(name)) => {
            let text = format!("timeout: failed to run command '{name}': No such file or directory\n");
            return Ok(once(move |_, io| {
                io.complain(text);
                127
            }));
        }
        Err(other) => return Err(other),
    };
    Ok(Box::new(Timeout { process, wait, until: None, signal }))
}

impl Process for Timeout {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let until = *self.until.get_or_insert(world.after(self.wait));
        if world.now() >= until && !self.wait.is_zero() {
            if self.signal != Signal::Kill {
                self.process.signal(self.signal, world, io);
            }
            return Step::Exit(124);
        }
        match self.process.step(world, io) {
            Step::Wait(None) if !self.wait.is_zero() => Step::Wait(Some(until)),
            Step::Wait(Some(earlier)) if !self.wait.is_zero() => Step::Wait(Some(earlier.min(until))),
            other => other.within(&mut self.process),
        }
    }

    fn signal(&mut self, signal: Signal, world: &mut World, io: &mut Io) -> OnSignal {
        self.process.signal(signal, world, io)
    }

    fn endless(&self) -> bool {
        self.wait.is_zero() && self.process.endless()
    }
}

/// `watch LINE`: runs the line again and again. The screen is not redrawn; each round follows the last.
struct Watch {
    call: Call,
    line: String,
    interval: Duration,
    round: Option<(Box<dyn Process>, Io)>,
    next: Option<Timestamp>,
}

impl Watch {
    fn new(call: &Call, line: String) -> Self {
        let words = call.arguments();
        let interval = words.iter().position(|word| word == "-n").and_then(|at| words.get(at + 1));
        let interval = interval.or_else(|| words.iter().find(|word| word.starts_with("-n") && word.len() > 2));
        let interval = interval.map_or("2", |text| text.trim_start_matches("-n"));
        let interval =
            super::system::duration(interval).unwrap_or(Duration::from_secs(2)).max(Duration::from_millis(100));
        Self { call: call.clone(), line, interval, round: None, next: None }
    }
}

impl Process for Watch {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        if self.round.is_none() {
            if let Some(next) = self.next.filter(|next| world.now() < *next) {
                return Step::Wait(Some(next));
            }
            let seconds = self.interval.as_secs_f64();
            io.print(format!("Every {seconds:.1}s: {}\n\n", self.line));
            let call = Call { environment: BTreeMap::clone(&self.call.environment), ..self.call.clone() };
            let mut own = Io::default();
            own.end_input();
            self.round = Some((shell_line(&call, &self.line), own));
            self.next = Some(world.after(self.interval));
        }
        let Some((process, own)) = &mut self.round else { return Step::Again };
        let step = process.step(world, own);
        for (stream, octets) in own.take_output() {
            io.write(stream, &octets);
        }
        match step {
            Step::Exit(_) => {
                self.round = None;
                io.print("\n");
                Step::Again
            }
            Step::Become(process) => {
                let own = Io::default();
                self.round = Some((process, own));
                Step::Again
            }
            other => other,
        }
    }

    fn endless(&self) -> bool {
        true
    }
}
