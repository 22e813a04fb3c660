//! The programs of the simulated lab that are neither network tools nor Kubernetes tools: coreutils, grep, sed, awk, and
//! the wrappers that run other programs.

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    clippy::single_match_else,
    reason = "texts of a few lines read best as they are put together; the two arms of such a match weigh the same"
)]

mod awk;
mod files;
mod grep;
mod lines;
mod octets;
mod package;
mod sed;
mod sort;
mod system;
mod text;
mod wrap;

use std::fmt;

pub(super) use files::graft;
pub(super) use octets::{from_base64, to_base64};
pub(super) use package::{AGENT, install_base, modernise};
pub(super) use system::{duration, zoned};

use super::process::{Call, Io, Process, Signal, Step};
use super::{Node, World, kube, net};
use crate::lab::sim::files::Files;

/// What the octets of a simulated executable begin with; its name follows.
const MARKER: &str = "\u{7f}ELF simulated program: ";

/// Why a program did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Exit status 127.
    NotFound(String),
    /// Exit status 127, for a path.
    NoSuchFile(String),
    /// Exit status 126.
    Denied(String),
    /// Exit status 126.
    NotExecutable(String),
    /// A program that exists on a real machine and that this lab does not have; exit status 127.
    NotSimulated(String),
}

impl Failure {
    /// The shell's exit status for it.
    pub(super) fn status(&self) -> i32 {
        match self {
            Self::NotFound(_) | Self::NoSuchFile(_) | Self::NotSimulated(_) => 127,
            Self::Denied(_) | Self::NotExecutable(_) => 126,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(name) => write!(f, "{name}: command not found"),
            Self::NotSimulated(name) => write!(
                f,
                "{name}: command not found\nesplain: the simulated lab has no {name}; the labs `kernel` and `kind` run the \
                 real one (esplain --lab kernel, esplain --lab kind)"
            ),
            Self::NoSuchFile(path) => write!(f, "{path}: No such file or directory"),
            Self::Denied(path) => write!(f, "{path}: Permission denied"),
            Self::NotExecutable(path) => write!(f, "{path}: cannot execute binary file: Exec format error"),
        }
    }
}

/// A process that ended before it began.
pub(super) struct Ended(pub i32);

impl Process for Ended {
    fn step(&mut self, _: &mut World, _: &mut Io) -> Step {
        Step::Exit(self.0)
    }
}

/// A process that does all it does in one step: most tools that read no standard input.
pub(super) struct Once<F>(pub Option<F>);

impl<F: FnOnce(&mut World, &mut Io) -> i32> Process for Once<F> {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        Step::Exit(self.0.take().map_or(0, |run| run(world, io)))
    }
}

/// Boxes a closure that does everything at once.
pub(super) fn once<F: FnOnce(&mut World, &mut Io) -> i32 + 'static>(run: F) -> Box<dyn Process> {
    Box::new(Once(Some(run)))
}

/// A process that needs the whole of its standard input first.
pub(super) struct Whole<F>(pub Option<F>);

impl<F: FnOnce(&mut World, &mut Io, Vec<u8>) -> i32> Process for Whole<F> {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        if !io.input_ended() {
            let _ = io.read_to_end();
            return Step::Wait(None);
        }
        let input = io.read();
        Step::Exit(self.0.take().map_or(0, |run| run(world, io, input)))
    }
}

/// Starts the program that a call names.
pub(super) fn start(call: &Call, world: &mut World) -> Result<Box<dyn Process>, Failure> {
    if let Some(outside) = world.outside.clone()
        && let Some(process) = outside.0(call, world)
    {
        return Ok(process);
    }
    if let Some(started) = wrap::start(call, world) {
        return started;
    }
    let name = call.name().to_owned();
    if name.is_empty() {
        return Err(Failure::NotFound(name));
    }
    let path = if name.contains('/') { Some(call.path(&name)) } else { None };
    let path = match path.or_else(|| find(world, &call.place, call.environment.get("PATH").map(String::as_str), &name))
    {
        Some(path) => path,
        None if SHELL_ONLY.contains(&name.as_str()) => name.clone(),
        None => {
            return Err(if ELSEWHERE.contains(&&*name) {
                Failure::NotSimulated(name)
            } else {
                Failure::NotFound(name)
            });
        }
    };
    if SHELL_ONLY.contains(&path.as_str()) {
        return program(&name, call, world).ok_or(Failure::NotFound(name));
    }
    let node = world.files.get(&call.place).map(|files| files.node(&path).cloned());
    let (octets, executable) = match node {
        Some(Ok(Node::File { octets, executable, .. })) => (octets, executable),
        Some(Ok(Node::Folder)) => return Err(Failure::Denied(name)),
        _ => return Err(Failure::NoSuchFile(name)),
    };
    if !executable {
        return Err(Failure::Denied(name));
    }
    let text = String::from_utf8_lossy(&octets);
    if let Some(program_name) = text.strip_prefix(MARKER) {
        let program_name = program_name.trim_end().to_owned();
        return program(&program_name, call, world).ok_or(Failure::NotSimulated(program_name));
    }
    match crate::command::script(&text) {
        Ok(script) if text.starts_with("#!") || text.is_ascii() => {
            let arguments = call.arguments().to_vec();
            Ok(Box::new(super::shell::Shell::command(call, script, arguments)))
        }
        _ => Err(Failure::NotExecutable(name)),
    }
}

/// Where the shell would find a program.
pub(super) fn find(world: &World, place: &str, path: Option<&str>, name: &str) -> Option<String> {
    let files = world.files.get(place)?;
    let path = path.unwrap_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    path.split(':').map(|folder| format!("{folder}/{name}")).find(|path| match files.node(path) {
        Ok(Node::File { executable, .. }) => *executable,
        _ => false,
    })
}

/// Puts a simulated program into a place's files.
pub(super) fn install(files: &mut Files, path: &str) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
    let written = files
        .make_folders(folder)
        .and_then(|()| files.write(path, format!("{MARKER}{name}\n").as_bytes()))
        .and_then(|()| files.set_executable(path, true));
    debug_assert!(written.is_ok(), "{path}: {written:?}");
}

/// The signal that `kill`'s options name (`None` for signal 0), and its targets.
pub(super) fn signal_and_targets(arguments: &[String]) -> Result<(Option<Signal>, Vec<&str>), String> {
    let mut signal = "TERM".to_owned();
    let mut rest = arguments.iter();
    let mut targets = Vec::new();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--" => {}
            "-s" | "-n" | "--signal" => signal = rest.next().cloned().unwrap_or_default(),
            other if other.len() > 1 && other.starts_with('-') && targets.is_empty() => {
                other[1..].clone_into(&mut signal);
            }
            target => targets.push(target),
        }
    }
    let bare = signal.strip_prefix("SIG").unwrap_or(&signal).to_uppercase();
    let found = match bare.as_str() {
        "0" => None,
        "INT" | "2" => Some(Signal::Interrupt),
        "TERM" | "15" => Some(Signal::Terminate),
        "KILL" | "9" => Some(Signal::Kill),
        "HUP" | "1" => Some(Signal::Other(1)),
        "QUIT" | "3" => Some(Signal::Other(3)),
        "USR1" | "10" => Some(Signal::Other(10)),
        "USR2" | "12" => Some(Signal::Other(12)),
        _ => return Err(format!("{signal}: invalid signal specification")),
    };
    Ok((found, targets))
}

/// Words that only a shell knows and that may still be called by a wrapper.
const SHELL_ONLY: &[&str] = &["echo", "printf", "true", "false", "test", "["];

/// Programs that people reach for and that this lab does not simulate.
const ELSEWHERE: &[&str] = &[
    "bpftool",
    "conntrack",
    "cilium-health",
    "crictl",
    "ctr",
    "curl",
    "dig",
    "ethtool",
    "gcc",
    "git",
    "hping3",
    "hubble",
    "iperf",
    "iperf3",
    "iptables",
    "iptables-save",
    "jq",
    "journalctl",
    "less",
    "lsof",
    "make",
    "more",
    "mtr",
    "nano",
    "ncat",
    "netstat",
    "nft",
    "nmap",
    "nslookup",
    "openssl",
    "perl",
    "python",
    "python3",
    "scapy",
    "scp",
    "socat",
    "ssh",
    "strace",
    "systemctl",
    "telnet",
    "termshark",
    "tmux",
    "top",
    "htop",
    "traceroute",
    "tracepath",
    "tshark",
    "vi",
    "vim",
    "wget",
    "wireshark",
    "arping",
    "k9s",
    "find",
    "xargs",
    "diff",
    "tar",
    "nsenter",
    "file",
    "stat",
    "du",
    "df",
    "free",
    "dmesg",
    "lsmod",
    "modprobe",
    "yq",
    "nl",
    "rev",
    "seq",
    "cmp",
    "md5sum",
    "sha256sum",
    "pwru",
];

/// The program of that name, as called.
fn program(name: &str, call: &Call, world: &mut World) -> Option<Box<dyn Process>> {
    text::program(name, call)
        .or_else(|| files::program(name, call))
        .or_else(|| octets::program(name, call))
        .or_else(|| system::program(name, call))
        .or_else(|| package::program(name, call))
        .or_else(|| match name {
            "grep" | "egrep" | "fgrep" => Some(grep::program(name, call)),
            "sed" => Some(sed::program(call)),
            "awk" | "gawk" | "mawk" => Some(awk::program(call)),
            "bash" | "sh" | "dash" => Some(wrap::shell(call, world)),
            "sudo" if call.terminal.is_some() => Some(wrap::already(call, world)),
            _ => None,
        })
        .or_else(|| kube::program(name, call, world))
        .or_else(|| net::program(&Call { words: renamed(name, call), ..call.clone() }))
}

/// The call's words with the program's own name first, whatever path it was called by.
fn renamed(name: &str, call: &Call) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(call.arguments().iter().cloned()).collect()
}
