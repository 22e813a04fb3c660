//! What the line editor guesses: completions, hints and colours, from a vocabulary that the shell keeps up to date.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use crossterm::style::Stylize;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::meta::PICTURES;
use super::said::is_unfinished;

/// The words that exist now.
#[derive(Debug, Clone, Default)]
pub(super) struct Vocabulary {
    /// The guide's commands and what each takes.
    pub(super) guide: Vec<(&'static str, Takes)>,
    /// Names of places, short ones first.
    pub(super) places: Vec<String>,
    /// Names of devices on the present place.
    pub(super) devices: Vec<String>,
    /// Step ids.
    pub(super) steps: Vec<String>,
    /// Addresses of the cluster.
    pub(super) addresses: Vec<String>,
    /// Files of the present place.
    pub(super) files: Vec<String>,
    /// What can be answered to the quiz question that is open.
    pub(super) answers: Vec<String>,
}

/// What a `:` command takes, for completion and for its line in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing.
    Nothing,
    /// A step id.
    Step,
    /// A place.
    Place,
    /// A number of a packet.
    Packet,
    /// A capture file, and options.
    File,
    /// Two addresses.
    Addresses,
    /// A language.
    Language,
    /// An answer to a quiz question.
    Answer,
    /// A file to write.
    Output,
    /// A capture filter, or `off`.
    Filter,
    /// The name of a `:` command.
    Command,
    /// What is to be reset.
    Reset,
    /// The name of a picture.
    Picture,
}

impl Takes {
    /// How the argument is written in the help.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Step => "STEP",
            Self::Place => "PLACE",
            Self::Packet => "N",
            Self::File => "FILE",
            Self::Addresses => "SRC DST",
            Self::Language => "LANGUAGE",
            Self::Answer => "ANSWER",
            Self::Output => "[FILE]",
            Self::Filter => "[FILTER|off]",
            Self::Command => "[COMMAND]",
            Self::Reset => "[all]",
            Self::Picture => "[PICTURE]",
        }
    }
}

/// Programs that every lab has.
const PROGRAMS: &[&str] = &[
    "awk", "cat", "cilium", "cut", "docker", "echo", "fg", "grep", "head", "helm", "hostname", "ifconfig", "ip",
    "jobs", "kill", "kind", "kubectl", "ls", "ping", "route", "sort", "sudo", "sysctl", "tail", "tcpdump", "tee",
    "uniq", "wc", "xxd",
];

/// What can follow a word: for the first words of a command, in order of use.
const FOLLOWING: &[(&[&str], &[&str])] = &[
    (&["ip"], &["xfrm", "rule", "route", "addr", "link", "neigh", "-s", "-d", "-4", "-6", "-o", "-j", "-br"]),
    (&["ip", "xfrm"], &["state", "policy"]),
    (&["ip", "x"], &["state", "policy"]),
    (&["ip", "xfrm", "state"], &["list", "count", "add", "delete", "flush", "nokeys"]),
    (&["ip", "xfrm", "policy"], &["list", "count", "add", "delete", "flush"]),
    (&["ip", "rule"], &["show", "add", "delete"]),
    (&["ip", "route"], &["show", "get", "add", "delete"]),
    (&["ip", "route", "show"], &["table"]),
    (&["tcpdump"], &["-i", "-n", "-p", "-e", "-w", "-r", "-c", "-v", "-x", "-X", "-A", "-q", "-tt"]),
    (&["ping"], &["-c", "-s", "-i", "-W", "-M", "-I", "-t"]),
    (&["kubectl"], &["get", "describe", "exec", "taint", "create", "-n"]),
    (&["kubectl", "get"], &["pods", "nodes", "secret", "svc", "-n", "-A", "-o"]),
    (&["kind"], &["create", "get", "delete"]),
    (&["kind", "create"], &["cluster"]),
    (&["helm"], &["repo", "install", "list", "status"]),
    (&["helm", "repo"], &["add", "update"]),
    (&["docker"], &["ps", "exec", "cp"]),
    (&["cilium"], &["status", "encrypt"]),
    (&["cilium", "encrypt"], &["status"]),
    (&["route"], &["-n"]),
];

/// Whether a word names a program that the labs have (or a wrapper around one).
pub(super) fn is_program(word: &str) -> bool {
    PROGRAMS.contains(&word)
}

impl Vocabulary {
    /// The candidates for the word that ends at `pos`, and where that word begins.
    pub(super) fn complete(&self, line: &str, pos: usize) -> (usize, Vec<String>) {
        let front = line.get(..pos).unwrap_or(line);
        // Only the command that is being typed counts: after a pipe or a semicolon a new one begins.
        let begin = front.rfind(['|', ';', '&', '(', '\n']).map_or(0, |at| at + 1);
        let command = front.get(begin..).unwrap_or_default();
        let start = front.rfind(char::is_whitespace).map_or(0, |at| at + 1).max(begin);
        let word = front.get(start..).unwrap_or_default();
        let before: Vec<&str> =
            command.get(..start.saturating_sub(begin)).unwrap_or_default().split_whitespace().collect();
        let mut found = self.candidates(&before, word);
        found.retain(|candidate| candidate.starts_with(word) && candidate != word);
        found.dedup();
        (start, found)
    }

    fn candidates(&self, before: &[&str], word: &str) -> Vec<String> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let guide = || self.guide.iter().map(|(name, _)| format!(":{name}")).collect::<Vec<_>>();
        match before {
            [] if word.starts_with(':') => guide(),
            [] => [owned(PROGRAMS), self.answers.clone(), guide()].concat(),
            [name, ..] if name.starts_with(':') => self.arguments(name.trim_start_matches(':')),
            _ => self.words_of_a_program(before, word),
        }
    }

    /// What a `:` command takes.
    fn arguments(&self, name: &str) -> Vec<String> {
        let takes = self.guide.iter().find(|(known, _)| *known == name).map_or(Takes::Nothing, |(_, takes)| *takes);
        match takes {
            Takes::Step => self.steps.clone(),
            Takes::Place => self.places.clone(),
            Takes::File => {
                [self.files.clone(), vec!["--key".to_owned(), "--sa".to_owned(), "--no-key".to_owned()]].concat()
            }
            Takes::Addresses => [self.addresses.clone(), self.places.clone()].concat(),
            Takes::Language => vec!["en".to_owned(), "zh".to_owned()],
            Takes::Answer => self.answers.clone(),
            Takes::Filter => vec!["off".to_owned(), "esp".to_owned(), "icmp".to_owned()],
            Takes::Command => self.guide.iter().map(|(name, _)| (*name).to_owned()).collect(),
            Takes::Reset => vec!["all".to_owned()],
            Takes::Picture => PICTURES.map(str::to_owned).to_vec(),
            Takes::Nothing | Takes::Packet | Takes::Output => Vec::new(),
        }
    }

    fn words_of_a_program(&self, before: &[&str], word: &str) -> Vec<String> {
        let before = match before {
            ["sudo", rest @ ..] => rest,
            other => other,
        };
        match before {
            [] => return PROGRAMS.iter().map(|word| (*word).to_owned()).collect(),
            ["docker" | "kubectl", "exec", ..] => return self.places.clone(),
            [.., "-i" | "dev" | "-I"] => return [self.devices.clone(), vec!["any".to_owned()]].concat(),
            [.., "table" | "t"] => {
                return vec!["200".to_owned(), "2004".to_owned(), "main".to_owned(), "local".to_owned()];
            }
            [.., "-n"] if before.first() == Some(&"kubectl") => return vec!["kube-system".to_owned()],
            _ => {}
        }
        let flagless: Vec<&str> = before.iter().copied().filter(|word| !word.starts_with('-')).collect();
        let follow = FOLLOWING.iter().filter(|(front, _)| *front == flagless).flat_map(|(_, words)| *words);
        let flags = FOLLOWING
            .iter()
            .filter(|(front, _)| word.starts_with('-') && front.first() == flagless.first())
            .flat_map(|(_, words)| *words)
            .filter(|word| word.starts_with('-'));
        let mut found: Vec<String> = follow.chain(flags).map(|word| (*word).to_owned()).collect();
        if matches!(flagless.first(), Some(&("ping" | "ip" | "tcpdump"))) {
            found.extend(self.addresses.iter().cloned());
        }
        if matches!(flagless.first(), Some(&("cat" | "xxd" | "ls" | "tcpdump" | "head" | "tail" | "wc" | "grep"))) {
            found.extend(self.files.iter().cloned());
        }
        found
    }
}

/// The line editor's helper.
pub(super) struct Guesser {
    pub(super) vocabulary: Arc<Mutex<Vocabulary>>,
    pub(super) colour: bool,
}

impl Completer for Guesser {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let Ok(vocabulary) = self.vocabulary.lock() else { return Ok((pos, Vec::new())) };
        let (start, found) = vocabulary.complete(line, pos);
        let one = found.len() == 1;
        let pairs = found
            .into_iter()
            .map(|word| Pair { replacement: if one { format!("{word} ") } else { word.clone() }, display: word });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for Guesser {
    type Hint = String;

    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<String> {
        if pos < line.len() || line.is_empty() || !self.colour {
            // Without colour a hint could not be told from what was typed.
            return None;
        }
        if let Some(name) = line.strip_prefix(':').and_then(|rest| rest.strip_suffix(' ')) {
            let vocabulary = self.vocabulary.lock().ok()?;
            let (_, takes) = vocabulary.guide.iter().find(|(known, _)| *known == name)?;
            return Some(takes.sign().to_owned()).filter(|sign| !sign.is_empty());
        }
        HistoryHinter::new().hint(line, pos, context)
    }
}

impl Highlighter for Guesser {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _default: bool) -> Cow<'b, str> {
        Cow::Borrowed(prompt)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(hint.dim().to_string())
    }

    fn highlight<'l>(&self, line: &'l str, _pos: usize) -> Cow<'l, str> {
        if !self.colour {
            return Cow::Borrowed(line);
        }
        let lead = line.len() - line.trim_start().len();
        let (blank, rest) = line.split_at(lead);
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (first, rest) = rest.split_at(end);
        if first.is_empty() {
            return Cow::Borrowed(line);
        }
        let first =
            if first.starts_with(':') { first.dark_magenta().to_string() } else { first.dark_cyan().to_string() };
        Cow::Owned(format!("{blank}{first}{rest}"))
    }

    fn highlight_char(&self, _line: &str, _pos: usize, kind: CmdKind) -> bool {
        self.colour && kind != CmdKind::MoveCursor
    }
}

impl Validator for Guesser {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_unfinished(context.input()) { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

impl Helper for Guesser {}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Vocabulary {
            guide: vec![("goto", Takes::Step), ("on", Takes::Place), ("next", Takes::Nothing)],
            places: words(&["worker", "worker2", "pod-a"]),
            devices: words(&["eth0", "cilium_host"]),
            steps: words(&["states", "policies"]),
            addresses: words(&["10.0.0.144", "10.0.1.165"]),
            files: words(&["all-ipsec.cap"]),
            answers: Vec::new(),
        }
    }

    fn completed(line: &str) -> Vec<String> {
        vocabulary().complete(line, line.len()).1
    }

    #[test]
    fn each_word_is_completed_from_what_fits_there() {
        for (line, found) in [
            (":g", vec![":goto"]),
            (":goto p", vec!["policies"]),
            (":on w", vec!["worker", "worker2"]),
            ("tcpd", vec!["tcpdump"]),
            ("ip x st", vec!["state"]),
            ("sudo ip ru", vec!["rule"]),
            ("tcpdump -n -i cil", vec!["cilium_host"]),
            ("ping -c 1 10.0.1", vec!["10.0.1.165"]),
            ("ip x s | gr", vec!["grep"]),
            ("ip route show table 20", vec!["200", "2004"]),
            ("docker exec worker2", vec![]),
            ("cat all", vec!["all-ipsec.cap"]),
        ] {
            assert_eq!(completed(line), found, "{line}");
        }
    }

    #[test]
    fn a_word_is_replaced_from_where_it_begins() {
        assert_eq!(vocabulary().complete(":goto sta", 9).0, 6);
        assert_eq!(vocabulary().complete("ip x s|gre", 10).0, 7);
    }
}
