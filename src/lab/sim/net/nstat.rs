//! `nstat` of iproute2 6.1: counters of the stack, and what they moved since the last call.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::proc;
use crate::lab::sim::{Call, Io, Process, Step, World};

/// A `nstat` call; it does all it does in one step.
pub(super) struct Nstat {
    call: Call,
}

/// Where it keeps what it last saw.
const HISTORY: &str = "/tmp/.nstat.u0";

/// Values that count nothing.
const USELESS: [&str; 7] =
    ["IpForwarding", "IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn", "TcpCurrEstab"];

impl Nstat {
    pub(super) fn new(call: &Call) -> Self {
        Self { call: call.clone() }
    }
}

impl Process for Nstat {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let (mut absolute, mut zeros, mut reset, mut keeps) = (false, false, false, true);
        let mut patterns: Vec<&str> = Vec::new();
        for argument in self.call.arguments() {
            let letters = match argument.as_str() {
                "--ignore" => "a",
                "--zeros" => "z",
                "--reset" => "r",
                "--noupdate" => "s",
                long if long.starts_with("--") => "?",
                short => {
                    let Some(letters) = short.strip_prefix('-') else {
                        patterns.push(short);
                        continue;
                    };
                    letters
                }
            };
            for letter in letters.chars() {
                match letter {
                    'a' => absolute = true,
                    'z' => zeros = true,
                    'r' => reset = true,
                    's' => keeps = false,
                    'n' => {}
                    'V' => {
                        io.print("nstat utility, iproute2-6.1.0\n");
                        return Step::Exit(0);
                    }
                    _ => {
                        io.complain(USAGE);
                        return Step::Exit(255);
                    }
                }
            }
        }
        let now = world.now();
        world.net.run_until(now);
        let history = world.read_file(&self.call, HISTORY).unwrap_or_default();
        let history = String::from_utf8_lossy(&history);
        let before = if absolute || reset { BTreeMap::new() } else { read(&history) };
        let Some((_, stack)) = world.net.stack_of(&self.call.network) else { return Step::Exit(1) };
        let counters = proc::counters(stack);
        let wanted = |name: &str| patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, name));
        let mut text = "#kernel\n".to_owned();
        let mut kept = "#1.0\n".to_owned();
        for (name, value) in &counters {
            let _ = writeln!(kept, "{name} {value}");
            let moved = value.saturating_sub(before.get(name.as_str()).copied().unwrap_or(0));
            if !USELESS.contains(&name.as_str()) && wanted(name) && (zeros || moved > 0) {
                let _ = writeln!(text, "{name:<32}{moved:<16}{:>6.1}", 0.0);
            }
        }
        io.print(text);
        if keeps && let Err(error) = world.write_file(&self.call, HISTORY, kept.as_bytes()) {
            io.complain(format!("nstat: open history file: {error}\n"));
            return Step::Exit(255);
        }
        Step::Exit(0)
    }
}

fn read(history: &str) -> BTreeMap<&str, u64> {
    let pairs = history.lines().filter_map(|line| line.split_once(' '));
    pairs.filter_map(|(name, value)| Some((name, value.parse().ok()?))).collect()
}

/// A shell pattern with `*` alone, as one gives it for counters.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((begin, rest)) => name.strip_prefix(begin).is_some_and(|name| {
            let places = (0..=name.len()).filter_map(|at| name.get(at..));
            places.into_iter().any(|tail| fits(rest, tail))
        }),
    }
}

const USAGE: &str = "Usage: nstat [OPTION] [ PATTERN [ PATTERN ] ]
   -h, --help           this message
   -a, --ignore         ignore history
   -d, --scan=SECS      sample every statistics every SECS
   -j, --json           format output in JSON
   -n, --nooutput       do history only
   -p, --pretty         pretty print
   -r, --reset          reset history
   -s, --noupdate       don't update history
   -t, --interval=SECS  report average over the last SECS
   -V, --version        output version information
   -z, --zeros          show entries with zero activity
";
