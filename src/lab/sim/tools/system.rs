use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::{once, signal_and_targets};
use crate::lab::sim::process::{Call, Io, Process, Step};
use crate::lab::sim::{Node, World};
use crate::packet::Timestamp;

/// `echo`, `printf`, `test`, `sleep`, `date`, `hostname`, `uname`, `env`, `id`, `whoami`, `clear`, `ps`, `kill`, `pkill`, …
pub(super) fn program(name: &str, call: &Call) -> Option<Box<dyn Process>> {
    let call = call.clone();
    Some(match name {
        "true" => once(|_, _| 0),
        "false" => once(|_, _| 1),
        "echo" => once(move |_, io| echo(call.arguments(), io)),
        "printf" => once(move |_, io| match call.arguments().split_first() {
            Some((format, arguments)) => {
                io.print(format_printf(format, arguments, true));
                0
            }
            None => {
                io.complain("bash: printf: usage: printf [-v var] format [arguments]\n");
                2
            }
        }),
        "test" | "[" => once(move |world, io| test(&call, world, io)),
        "sleep" => sleep(&call),
        "date" => once(move |world, io| date(call.arguments(), world, io)),
        "hostname" => once(move |world, io| hostname(&call, world, io)),
        "uname" => once(move |_, io| uname(&call, io)),
        "env" | "printenv" => once(move |_, io| {
            for (name, value) in &call.environment {
                io.print(format!("{name}={value}\n"));
            }
            0
        }),
        "whoami" => once(|_, io| {
            io.print("root\n");
            0
        }),
        "id" => once(move |_, io| {
            let short = call.arguments().iter().any(|word| word == "-u" || word == "-g");
            io.print(if short { "0\n" } else { "uid=0(root) gid=0(root) groups=0(root)\n" });
            0
        }),
        "clear" | "reset" => once(move |_, io| {
            if call.terminal.is_some() {
                io.print("\x1b[H\x1b[2J\x1b[3J");
            }
            0
        }),
        "nproc" => once(|_, io| {
            io.print("2\n");
            0
        }),
        "sync" => once(|_, _| 0),
        "seq" => once(move |_, io| seq(call.arguments(), io)),
        "ps" => once(move |world, io| ps(&call, world, io)),
        "kill" => once(move |world, io| kill(&call, world, io)),
        "pkill" | "killall" | "pgrep" | "pidof" => {
            let name = name.to_owned();
            once(move |world, io| by_name(&name, &call, world, io))
        }
        _ => return None,
    })
}

/// A moment of the virtual clock in UTC, the lab's time zone.
pub(in crate::lab::sim) fn zoned(time: Timestamp) -> Zoned {
    let nanos = i128::from(time.0);
    jiff::Timestamp::from_nanosecond(nanos).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC)
}

/// A duration as `sleep` and `timeout` take it: seconds, or with `s`, `m`, `h`, `d`.
pub(in crate::lab::sim) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        Some((at, 'd')) => (&text[..at], 86400.0),
        _ => (text, 1.0),
    };
    if !number.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') {
        return None;
    }
    let seconds = number.parse::<f64>().ok()? * unit;
    Duration::try_from_secs_f64(seconds).ok()
}

fn echo(arguments: &[String], io: &mut Io) -> i32 {
    let is_option = |word: &&String| {
        word.len() > 1 && word.starts_with('-') && word[1..].chars().all(|letter| "neE".contains(letter))
    };
    let options: String = arguments.iter().take_while(is_option).map(|word| &word[1..]).collect();
    let skipped = arguments.iter().take_while(is_option).count();
    let mut text = arguments.get(skipped..).unwrap_or_default().join(" ");
    if options.contains('e') {
        text = escapes(&text);
    }
    if !options.contains('n') {
        text.push('\n');
    }
    io.print(text);
    0
}

/// The backslash escapes of `echo -e` and `printf`.
fn escapes(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\u{7}'),
            Some('e') => out.push('\u{1b}'),
            Some('0') => {
                let mut value = 0_u32;
                for _ in 0..3 {
                    let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(8)) else { break };
                    value = value * 8 + digit;
                    letters.next();
                }
                out.extend(char::from_u32(value));
            }
            Some('x') => {
                let mut value = 0_u32;
                for _ in 0..2 {
                    let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(16)) else { break };
                    value = value * 16 + digit;
                    letters.next();
                }
                out.extend(char::from_u32(value));
            }
            Some('c') => return out,
            Some('\\') | None => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out
}

/// C's `printf` over texts, as the shell and awk have it. With `again`, the format is used again while arguments are left.
pub(super) fn format_printf(format: &str, arguments: &[String], again: bool) -> String {
    let format = escapes(format);
    let mut rest = arguments.iter();
    let mut out = String::new();
    loop {
        let before = rest.len();
        let mut letters = format.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            if letters.next_if_eq(&'%').is_some() {
                out.push('%');
                continue;
            }
            let mut flags = String::new();
            while let Some(flag) = letters.next_if(|letter| "-+ #0".contains(*letter)) {
                flags.push(flag);
            }
            let mut digits = |letters: &mut std::iter::Peekable<std::str::Chars<'_>>| {
                let mut text = String::new();
                if letters.next_if_eq(&'*').is_some() {
                    return rest.next().cloned().unwrap_or_default();
                }
                while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                    text.push(digit);
                }
                text
            };
            let width: usize = digits(&mut letters).parse().unwrap_or(0);
            let precision: Option<usize> =
                if letters.next_if_eq(&'.').is_some() { Some(digits(&mut letters).parse().unwrap_or(0)) } else { None };
            let kind = letters.next().unwrap_or('s');
            let text = rest.next().map_or("", String::as_str);
            let body = conversion(kind, &flags, precision, text);
            let pad = width.min(4096).saturating_sub(body.chars().count());
            if flags.contains('-') {
                out.push_str(&body);
                out.push_str(&" ".repeat(pad));
            } else if flags.contains('0') && !matches!(kind, 's' | 'c') {
                let (sign, digits) = body.split_at(usize::from(body.starts_with(['-', '+'])));
                out.push_str(sign);
                out.push_str(&"0".repeat(pad));
                out.push_str(digits);
            } else {
                out.push_str(&" ".repeat(pad));
                out.push_str(&body);
            }
        }
        if !again || rest.len() == 0 || rest.len() == before {
            return out;
        }
    }
}

fn conversion(kind: char, flags: &str, precision: Option<usize>, text: &str) -> String {
    let number = || -> i64 {
        let text = text.trim();
        match text.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16).unwrap_or(0),
            None => text.parse().unwrap_or_else(|_| text.parse::<f64>().unwrap_or(0.0) as i64),
        }
    };
    let plus = |text: String| if flags.contains('+') && !text.starts_with('-') { format!("+{text}") } else { text };
    let prefix = |prefix: &str, text: String| if flags.contains('#') { format!("{prefix}{text}") } else { text };
    match kind {
        'd' | 'i' => plus(number().to_string()),
        'u' => number().to_string(),
        'x' => prefix("0x", format!("{:x}", number())),
        'X' => prefix("0X", format!("{:X}", number())),
        'o' => prefix("0", format!("{:o}", number())),
        'f' | 'F' | 'e' | 'g' => {
            let value: f64 = text.trim().parse().unwrap_or(0.0);
            plus(format!("{value:.*}", precision.unwrap_or(6)))
        }
        'c' => text.chars().take(1).collect(),
        'b' => escapes(text),
        _ => precision.map_or_else(|| text.to_owned(), |most| text.chars().take(most).collect()),
    }
}

fn test(call: &Call, world: &World, io: &mut Io) -> i32 {
    let mut words: Vec<&str> = call.arguments().iter().map(String::as_str).collect();
    if call.name() == "[" && words.pop() != Some("]") {
        io.complain("bash: [: missing `]'\n");
        return 2;
    }
    match truth(&words, call, world) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            io.complain(format!("bash: {}: {error}\n", call.name()));
            2
        }
    }
}

fn truth(given: &[&str], call: &Call, world: &World) -> Result<bool, String> {
    if let Some(at) = given.iter().position(|text| *text == "-o") {
        return Ok(truth(&given[..at], call, world)? || truth(&given[at + 1..], call, world)?);
    }
    if let Some(at) = given.iter().position(|text| *text == "-a").filter(|at| *at > 0) {
        return Ok(truth(&given[..at], call, world)? && truth(&given[at + 1..], call, world)?);
    }
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text}: integer expression expected"));
    Ok(match given {
        [] => false,
        ["!", rest @ ..] => !truth(rest, call, world)?,
        [text] | ["-n", text] => !text.is_empty(),
        ["-z", text] => text.is_empty(),
        [test @ ("-e" | "-f" | "-d" | "-s" | "-r" | "-w" | "-x"), path] => {
            let full = call.path(path);
            let node = world.files.get(&call.place).and_then(|files| files.node(&full).ok().cloned());
            match (*test, node) {
                (_, None) => matches!(*test, "-e" | "-f" | "-r") && world.read_file(call, path).is_ok(),
                ("-d", Some(node)) => node == Node::Folder,
                ("-f", Some(node)) => node != Node::Folder,
                ("-s", Some(Node::File { octets, .. })) => !octets.is_empty(),
                ("-x", Some(Node::File { executable, .. })) => executable,
                (_, Some(_)) => true,
            }
        }
        [left, "=" | "==", right] => left == right,
        [left, "!=", right] => left != right,
        [left, "-eq", right] => number(left)? == number(right)?,
        [left, "-ne", right] => number(left)? != number(right)?,
        [left, "-lt", right] => number(left)? < number(right)?,
        [left, "-le", right] => number(left)? <= number(right)?,
        [left, "-gt", right] => number(left)? > number(right)?,
        [left, "-ge", right] => number(left)? >= number(right)?,
        [operator, _] => return Err(format!("{operator}: unary operator expected")),
        [_, operator, _] => return Err(format!("{operator}: binary operator expected")),
        _ => return Err("too many arguments".to_owned()),
    })
}

struct Sleep {
    wait: Duration,
    until: Option<Timestamp>,
}

impl Process for Sleep {
    fn step(&mut self, world: &mut World, _: &mut Io) -> Step {
        let until = *self.until.get_or_insert(world.after(self.wait));
        if world.now() >= until { Step::Exit(0) } else { Step::Wait(Some(until)) }
    }
}

fn sleep(call: &Call) -> Box<dyn Process> {
    let mut wait = Duration::ZERO;
    for word in call.arguments() {
        match duration(word) {
            Some(more) => wait = wait.saturating_add(more),
            None => {
                let text = format!("sleep: invalid time interval '{word}'\nTry 'sleep --help' for more information.\n");
                return once(move |_, io| {
                    io.complain(text);
                    1
                });
            }
        }
    }
    if call.arguments().is_empty() {
        return once(|_, io| {
            io.complain("sleep: missing operand\nTry 'sleep --help' for more information.\n");
            1
        });
    }
    Box::new(Sleep { wait, until: None })
}

fn date(arguments: &[String], world: &World, io: &mut Io) -> i32 {
    let now = zoned(world.now());
    let format = arguments.iter().find_map(|word| word.strip_prefix('+'));
    let iso = arguments.iter().any(|word| word.starts_with("-I") || word.starts_with("--iso"));
    let text = match format {
        Some(format) => {
            let format = format.replace("%N", &format!("{:09}", now.subsec_nanosecond()));
            match jiff::fmt::strtime::format(format.as_bytes(), &now) {
                Ok(text) => text,
                Err(_) => {
                    io.complain("date: a conversion of that format is not simulated\n");
                    return 1;
                }
            }
        }
        None if iso => now.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        None => now.strftime("%a %b %e %H:%M:%S UTC %Y").to_string(),
    };
    io.print(format!("{text}\n"));
    0
}

fn hostname(call: &Call, world: &World, io: &mut Io) -> i32 {
    let addresses = call.arguments().iter().any(|word| word == "-i" || word == "-I");
    if addresses {
        let found: Vec<String> = world.addresses(&call.network).iter().map(ToString::to_string).collect();
        io.print(format!("{} \n", found.join(" ")));
        return 0;
    }
    io.print(format!("{}\n", call.place));
    0
}

fn uname(call: &Call, io: &mut Io) -> i32 {
    // The kernel that the model in `datapath` follows.
    let parts = [
        ('s', "Linux"),
        ('n', call.place.as_str()),
        ('r', "6.1.0-esplain-simulated"),
        ('v', "#1 SMP PREEMPT_DYNAMIC simulated"),
        ('m', "x86_64"),
        ('o', "GNU/Linux"),
    ];
    let letters: String = call.arguments().iter().flat_map(|word| word.trim_start_matches('-').chars()).collect();
    let all = letters.contains('a');
    let none = letters.is_empty();
    let wanted = |letter: char| all || letters.contains(letter) || (none && letter == 's');
    let shown: Vec<&str> = parts.iter().filter(|(letter, _)| wanted(*letter)).map(|(_, text)| *text).collect();
    io.print(format!("{}\n", shown.join(" ")));
    0
}

fn seq(arguments: &[String], io: &mut Io) -> i32 {
    let numbers: Option<Vec<i64>> = arguments.iter().map(|word| word.parse().ok()).collect();
    let (first, step, last) = match numbers.as_deref() {
        Some([last]) => (1, 1, *last),
        Some([first, last]) => (*first, 1, *last),
        Some([first, step, last]) if *step != 0 => (*first, *step, *last),
        _ => {
            io.complain("seq: invalid or missing operand\nTry 'seq --help' for more information.\n");
            return 1;
        }
    };
    let (mut now, mut left) = (first, 100_000);
    while left > 0 && if step > 0 { now <= last } else { now >= last } {
        io.print(format!("{now}\n"));
        now += step;
        left -= 1;
    }
    0
}

fn ps(call: &Call, world: &World, io: &mut Io) -> i32 {
    let letters: String = call.arguments().iter().flat_map(|word| word.trim_start_matches('-').chars()).collect();
    let full = letters.contains('f') || letters.contains('u');
    let here = world.processes.iter().filter(|(_, running)| running.place == call.place);
    io.print(if full {
        "UID          PID    PPID  C STIME TTY          TIME CMD\n"
    } else {
        "    PID TTY          TIME CMD\n"
    });
    for (pid, running) in here {
        let start = zoned(running.started).strftime("%H:%M").to_string();
        let line = if full {
            format!("root     {pid:7}    1077  0 {start} pts/0    00:00:00 {}\n", running.words.join(" "))
        } else {
            let name = running.words.first().map_or("", String::as_str);
            format!("{pid:7} pts/0    00:00:00 {}\n", name.rsplit('/').next().unwrap_or(name))
        };
        io.print(line);
    }
    0
}

fn kill(call: &Call, world: &mut World, io: &mut Io) -> i32 {
    let (signal, targets) = match signal_and_targets(call.arguments()) {
        Ok(found) => found,
        Err(error) => {
            io.complain(format!("kill: {error}\n"));
            return 1;
        }
    };
    let mut status = 0;
    for target in targets {
        let sent = target.parse::<u32>().ok().is_some_and(|pid| match signal {
            Some(signal) => world.signal(pid, signal),
            None => world.processes.contains_key(&pid),
        });
        if !sent {
            io.complain(format!("kill: ({target}): No such process\n"));
            status = 1;
        }
    }
    status
}

fn by_name(program: &str, call: &Call, world: &mut World, io: &mut Io) -> i32 {
    let (signal, targets) = match signal_and_targets(call.arguments()) {
        Ok(found) => found,
        Err(_) => (Some(crate::lab::sim::Signal::Terminate), call.arguments().iter().map(String::as_str).collect()),
    };
    let full = call.arguments().iter().any(|word| word == "-f");
    let names: Vec<&str> = targets.into_iter().filter(|word| !word.starts_with('-')).collect();
    let base = |words: &[String]| {
        words.first().map_or(String::new(), |name| name.rsplit('/').next().unwrap_or(name).to_owned())
    };
    let found: Vec<u32> = world
        .processes
        .iter()
        .filter(|(_, running)| running.place == call.place && base(&running.words) != program)
        .filter(|(_, running)| {
            let text = if full { running.words.join(" ") } else { base(&running.words) };
            names
                .iter()
                .any(|name| if matches!(program, "killall" | "pidof") { text == *name } else { text.contains(name) })
        })
        .map(|(pid, _)| *pid)
        .collect();
    if found.is_empty() {
        if program == "killall" {
            for name in names {
                io.complain(format!("{name}: no process found\n"));
            }
        }
        return 1;
    }
    match program {
        "pgrep" => io.print(found.iter().map(|pid| format!("{pid}\n")).collect::<String>()),
        "pidof" => io.print(format!("{}\n", found.iter().rev().map(ToString::to_string).collect::<Vec<_>>().join(" "))),
        _ => {
            for pid in found {
                world.signal(pid, signal.unwrap_or(crate::lab::sim::Signal::Terminate));
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printf_prints_as_c_does() {
        let text = |format: &str, arguments: &[&str]| {
            format_printf(format, &arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), true)
        };
        assert_eq!(text("%5s|%-5s|%05d|%x\\n", &["a", "b", "42", "255"]), "    a|b    |00042|ff\n");
        assert_eq!(text("%s\\n", &["a", "b"]), "a\nb\n");
        assert_eq!(text("%.2f%%", &["1.5"]), "1.50%");
        assert_eq!(text("none", &["a"]), "none");
        assert_eq!(text("%#x %08X", &["0x3e00", "3"]), "0x3e00 00000003");
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Some(Duration::from_mins(2)));
        assert_eq!(duration("x"), None);
        assert_eq!(duration("-1"), None);
    }
}
