use super::run::Shell;
use super::session::Session;
use crate::lab::sim::process::{Io, Signal};
use crate::lab::sim::{Node, World, absolute, tools};

/// What became of a word that may be a builtin.
pub(super) enum Outcome {
    /// It ran, with this status.
    Done(i32),
    /// `wait`: for these processes.
    Wait(Vec<u32>),
    /// `read`: a line into these variables.
    Read(Vec<String>),
    /// `eval`: these words are a line.
    Eval(String),
    /// A program, not a builtin.
    NotMine,
}

/// Runs a builtin of bash.
pub(super) fn run(shell: &mut Shell, words: &[String], world: &mut World, io: &mut Io) -> Outcome {
    let Some((name, arguments)) = words.split_first() else { return Outcome::Done(0) };
    Outcome::Done(match name.as_str() {
        ":" | "true" | "set" => 0,
        "false" => 1,
        "cd" => change_folder(&mut shell.session, arguments, world, io),
        "pwd" => {
            io.print(format!("{}\n", shell.session.folder));
            0
        }
        "export" | "declare" | "local" | "readonly" => export(&mut shell.session, name, arguments, io),
        "unset" => {
            for name in arguments {
                shell.session.variables.remove(name);
            }
            0
        }
        "shift" => {
            if shell.session.arguments.is_empty() {
                1
            } else {
                shell.session.arguments.remove(0);
                0
            }
        }
        "exit" | "logout" => {
            let status = arguments.first().and_then(|status| status.parse().ok());
            let status = status.unwrap_or(shell.session.status) & 0xff;
            shell.leaving = Some(status);
            status
        }
        "jobs" => {
            jobs(shell, io);
            0
        }
        "kill" => kill(shell, arguments, world, io),
        "wait" => {
            let all = shell.background.iter().map(|job| job.child.pid);
            let pids = if arguments.is_empty() {
                all.collect()
            } else {
                let found: Vec<u32> = arguments.iter().filter_map(|word| process_of(shell, word)).collect();
                if found.is_empty() {
                    let word = arguments.first().map_or("", String::as_str);
                    io.complain(format!("bash: wait: pid {word} is not a child of this shell\n"));
                    return Outcome::Done(127);
                }
                found
            };
            return Outcome::Wait(pids);
        }
        "read" => {
            let names: Vec<String> = arguments.iter().filter(|word| !word.starts_with('-')).cloned().collect();
            return Outcome::Read(if names.is_empty() { vec!["REPLY".to_owned()] } else { names });
        }
        "eval" => return Outcome::Eval(arguments.join(" ")),
        "type" => kind_of(&shell.session, arguments, world, io),
        "command" if matches!(arguments.first().map(String::as_str), Some("-v" | "-V")) => {
            kind_or_path(&shell.session, arguments.get(1..).unwrap_or_default(), world, io)
        }
        "history" | "alias" | "umask" | "ulimit" | "trap" | "shopt" | "bind" | "complete" => {
            io.complain(format!("bash: {name}: not simulated here\n"));
            1
        }
        "source" | "." => match arguments.first() {
            None => {
                io.complain(format!("bash: {name}: filename argument required\n"));
                2
            }
            Some(path) => {
                let full = absolute(&shell.session.folder, path);
                match world.files.get(&shell.session.place).map(|files| files.read(&full).map(<[u8]>::to_vec)) {
                    Some(Ok(text)) => return Outcome::Eval(String::from_utf8_lossy(&text).into_owned()),
                    _ => {
                        io.complain(format!("bash: {path}: No such file or directory\n"));
                        1
                    }
                }
            }
        },
        _ => return Outcome::NotMine,
    })
}

/// The names that are builtins, for `type`, `which` and completion.
pub(super) const NAMES: &[&str] = &[
    "cd", "pwd", "export", "unset", "set", "shift", "exit", "jobs", "kill", "wait", "read", "eval", "type", "command",
    "source", "echo", "printf", "true", "false", "test", "[",
];

/// `read`'s splitting: one field a name, the rest in the last.
pub(super) fn assign_fields(session: &mut Session, names: &[String], line: &str) {
    let mut rest = line.trim();
    for (at, name) in names.iter().enumerate() {
        if at + 1 == names.len() {
            session.set(name, rest.to_owned());
        } else {
            let (field, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            session.set(name, field.to_owned());
            rest = after.trim_start();
        }
    }
}

fn change_folder(session: &mut Session, arguments: &[String], world: &World, io: &mut Io) -> i32 {
    let home = session.variable("HOME").unwrap_or("/root").to_owned();
    let target = match arguments.first().map(String::as_str) {
        None | Some("~") => home,
        Some("-") => match session.variable("OLDPWD") {
            Some(old) => {
                let old = old.to_owned();
                io.print(format!("{old}\n"));
                old
            }
            None => {
                io.complain("bash: cd: OLDPWD not set\n");
                return 1;
            }
        },
        Some(path) => path.to_owned(),
    };
    let full = absolute(&session.folder, &target);
    match world.files.get(&session.place).map(|files| files.node(&full)) {
        Some(Ok(Node::Folder)) => {
            let old = std::mem::replace(&mut session.folder, full);
            session.set("OLDPWD", old);
            0
        }
        Some(Ok(Node::File { .. })) => {
            io.complain(format!("bash: cd: {target}: Not a directory\n"));
            1
        }
        Some(Err(error)) => {
            io.complain(format!("bash: cd: {target}: {error}\n"));
            1
        }
        None => {
            io.complain(format!("bash: cd: {target}: No such file or directory\n"));
            1
        }
    }
}

fn export(session: &mut Session, name: &str, arguments: &[String], io: &mut Io) -> i32 {
    let exports = name == "export";
    let given: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    if given.is_empty() {
        for (name, (value, exported)) in &session.variables {
            if *exported {
                io.print(format!("declare -x {name}=\"{value}\"\n"));
            }
        }
        return 0;
    }
    for word in given {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        let entry = session.variables.entry(name.to_owned()).or_default();
        if let Some(value) = value {
            value.clone_into(&mut entry.0);
        }
        entry.1 |= exports;
    }
    0
}

fn jobs(shell: &Shell, io: &mut Io) {
    let last = shell.background.last().map(|job| job.number);
    for job in &shell.background {
        let mark = if Some(job.number) == last { '+' } else { '-' };
        let state = match job.child.status {
            None => "Running".to_owned(),
            Some(0) => "Done".to_owned(),
            Some(status) => format!("Exit {status}"),
        };
        let ampersand = if job.child.status.is_none() { " &" } else { "" };
        io.print(format!("[{}]{mark}  {state:<22}  {}{ampersand}\n", job.number, job.text));
    }
}

fn kill(shell: &Shell, arguments: &[String], world: &mut World, io: &mut Io) -> i32 {
    let (signal, targets) = match tools::signal_and_targets(arguments) {
        Ok(found) => found,
        Err(error) => {
            io.complain(format!("bash: kill: {error}\n"));
            return 1;
        }
    };
    if targets.is_empty() {
        io.complain("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n");
        return 2;
    }
    let mut status = 0;
    for target in targets {
        let found = process_of(shell, target);
        let sent = found.is_some_and(|pid| signal_if_alive(world, pid, signal));
        if !sent {
            let text = match target.starts_with('%') {
                true => format!("bash: kill: {target}: no such job\n"),
                false if target.parse::<u32>().is_err() => {
                    format!("bash: kill: {target}: arguments must be process or job IDs\n")
                }
                false => format!("bash: kill: ({target}) - No such process\n"),
            };
            io.complain(text);
            status = 1;
        }
    }
    status
}

fn signal_if_alive(world: &mut World, pid: u32, signal: Option<Signal>) -> bool {
    match signal {
        Some(signal) => world.signal(pid, signal),
        // `kill -0` only asks.
        None => world.processes.contains_key(&pid),
    }
}

/// The process of `%1`, `%%` or a process id.
fn process_of(shell: &Shell, word: &str) -> Option<u32> {
    match word.strip_prefix('%') {
        None => word.parse().ok(),
        Some("" | "%" | "+") => shell.background.last().map(|job| job.child.pid),
        Some("-") => shell.background.iter().rev().nth(1).map(|job| job.child.pid),
        Some(number) => {
            let number: usize = number.parse().ok()?;
            shell.background.iter().find(|job| job.number == number).map(|job| job.child.pid)
        }
    }
}

fn kind_of(session: &Session, names: &[String], world: &World, io: &mut Io) -> i32 {
    let mut status = 0;
    for name in names.iter().filter(|name| !name.starts_with('-')) {
        if NAMES.contains(&name.as_str()) {
            io.print(format!("{name} is a shell builtin\n"));
        } else if let Some(path) = tools::find(world, &session.place, session.variable("PATH"), name) {
            io.print(format!("{name} is {path}\n"));
        } else {
            io.complain(format!("bash: type: {name}: not found\n"));
            status = 1;
        }
    }
    status
}

fn kind_or_path(session: &Session, names: &[String], world: &World, io: &mut Io) -> i32 {
    let mut status = 0;
    for name in names {
        if NAMES.contains(&name.as_str()) {
            io.print(format!("{name}\n"));
        } else if let Some(path) = tools::find(world, &session.place, session.variable("PATH"), name) {
            io.print(format!("{path}\n"));
        } else {
            status = 1;
        }
    }
    status
}
