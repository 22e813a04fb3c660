use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::engine::{ANSWER, Engine, Failure};
use super::exec::{Call, Event, Exec, Order};
use super::node::Node;
use crate::lab::{JobEvent, Stream};
use crate::trouble::Trouble;
use crate::words::Said;

/// Keeps a lab's things in one node: a folder below `/run`, and a shell that signals the lab's jobs there (the engine can
/// start a command in a container, and cannot end it) and answers the lab's own questions without a new command of the
/// engine's for each. When the lab goes, however it goes, the keeper's standard input ends; it ends what still runs and
/// takes the folder away.
pub(super) struct Keeper {
    exec: Exec,
    /// The container it is in.
    pub(super) container: String,
    /// Its folder there: `jobs` has the process numbers of the lab's lines, `kept` what is remembered of them.
    pub(super) folder: String,
    /// What it said and nobody read yet.
    said: Vec<u8>,
    asked: u64,
    /// When a question that was not answered has had its time.
    late: BTreeMap<u64, Instant>,
    /// Answers that came while another was waited for.
    answers: BTreeMap<u64, Answer>,
    over: bool,
}

/// What came of a question. Not `Debug`: it may be a listing with keys.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Standard output.
    pub(super) output: Vec<u8>,
    /// Standard error.
    pub(super) errors: Vec<u8>,
    /// The exit status.
    pub(super) status: i32,
}

impl Answer {
    /// As a job would have said it.
    pub(super) fn events(self) -> impl Iterator<Item = JobEvent> {
        let output = [(Stream::Out, self.output), (Stream::Err, self.errors)];
        let said = output.into_iter().filter(|(_, octets)| !octets.is_empty());
        said.map(|(stream, octets)| JobEvent::Output(stream, octets)).chain([JobEvent::Exited(self.status)])
    }
}

/// What a keeper does. `$1` is the folder, `$2` how the folders of this lab begin: what an earlier keeper of its left is
/// ended first, for an engine that was started anew does not close the streams of what it had begun. A job writes its process number, which is its group's, into `jobs/NUMBER`
/// first of all. A question is so many octets of bash behind its line; it is answered beside everything else, by a process
/// group of its own, in one line. What it writes to standard output may be a key, and stays in memory. Nothing is started
/// that bash can do itself: in a slow node a new program takes its time, and there are many questions.
const KEEPER: &str = r#"umask 077
set -m
LC_ALL=C folder=$1
clear() {
  for job in "$1"/jobs/*; do [ -s "$job" ] && kill -s KILL -- "-$(<"$job")" 2>/dev/null; done
}
for old in "$2"-*; do
  [ -s "$old/keeper" ] && { kill -s KILL "$(<"$old/keeper")"; clear "$old"; rm -rf "$old"; } 2>/dev/null
done
mkdir -p "$folder/jobs" "$folder/kept" && echo $$ >"$folder/keeper" && echo ready
answer() {
  local errors=$folder/errors$(($1 % 16)) output status complaint=
  output=$( (umask 022; eval "$2") </dev/null 2>"$errors" | base64 -w 0; exit "${PIPESTATUS[0]}")
  status=$?
  [ ! -s "$errors" ] || complaint=$(base64 -w 0 <"$errors")
  printf 'ANSWER %s %s .%s .%s\n' "$1" "$status" "$output" "$complaint"
}
while read -r word number octets; do
  case $word in
    ASK) read -r -N "$octets" script; answer "$number" "$script" & asked[number]=$!; continue ;;
    ANSWERED) unset "asked[number]"; continue ;;
    LATE) kill -s KILL -- "-${asked[number]}" 2>/dev/null && printf '\nANSWER %s 124 . .\n' "$number"; continue ;;
    FORGET) rm -f "$folder/jobs/$number"; continue ;;
  esac
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$folder/jobs/$number" ] && break; sleep 0.1; done
  [ -s "$folder/jobs/$number" ] && kill -s "$word" -- "-$(<"$folder/jobs/$number")" 2>/dev/null
done
clear "$folder"
for group in "${asked[@]}"; do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf "$folder""#;

impl Keeper {
    /// Starts one; [`Self::ready`] says when it is there.
    pub(super) fn start(engine: &Engine, node: &Node, folder: String, lab: &str) -> Self {
        let words = ["bash", "-c", KEEPER, "esplain-keeper", &folder, lab].map(str::to_owned).to_vec();
        let call = Call { container: node.container.clone(), words, variables: Vec::new(), terminal: None };
        let exec = Exec::start(engine, call);
        Self {
            exec,
            container: node.container.clone(),
            folder,
            said: Vec::new(),
            asked: 0,
            late: BTreeMap::new(),
            answers: BTreeMap::new(),
            over: false,
        }
    }

    /// Waits until it is there.
    pub(super) fn ready(&mut self, engine: &Engine, node: &Node) -> Result<(), Trouble> {
        let mut complained = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < ANSWER {
            if let Some(at) = find(&self.said, b"ready\n") {
                self.said.drain(..at + b"ready\n".len());
                return Ok(());
            }
            match self.exec.next(Duration::from_millis(100)) {
                Some(Event::Output(crate::lab::Stream::Out, octets)) => self.said.extend(octets),
                Some(Event::Output(crate::lab::Stream::Err, octets)) => complained.extend(octets),
                Some(Event::Lost(failure)) => return Err(engine.trouble(&failure)),
                Some(Event::Exited(_)) => break,
                None => {}
            }
        }
        complained.extend(&self.said);
        let mut trouble = Trouble::unusable(Said::of("kind-no-footing", &[("node", &node.name)]));
        trouble.causes.extend(String::from_utf8_lossy(&complained).lines().map(str::to_owned));
        Err(trouble.hint(Said::of("kind-no-footing-hint", &[("node", &node.name)])))
    }

    /// Whether it is still there: it ends with its node.
    pub(super) fn lives(&mut self) -> bool {
        while self.hear(Duration::ZERO) {}
        !self.over
    }

    /// Takes in what is heard next, waiting at most `wait`; whether that was something.
    fn hear(&mut self, wait: Duration) -> bool {
        if self.over {
            return false;
        }
        match self.exec.next(wait) {
            Some(Event::Output(crate::lab::Stream::Out, octets)) => self.said.extend(octets),
            Some(Event::Output(crate::lab::Stream::Err, _)) => {}
            Some(Event::Lost(_) | Event::Exited(_)) => self.over = true,
            None => return false,
        }
        while let Some(end) = self.said.iter().position(|octet| *octet == b'\n') {
            let line: Vec<u8> = self.said.drain(..=end).collect();
            if let Some((number, answer)) = read_answer(&line) {
                self.late.remove(&number);
                self.tell(&format!("ANSWERED {number}\n"));
                self.answers.insert(number, answer);
            }
        }
        true
    }

    /// Has a job's process group signalled.
    pub(super) fn signal(&self, signal: &str, job: u64) {
        self.tell(&format!("{signal} {job}\n"));
    }

    /// A job has ended: its number may be another process's soon.
    pub(super) fn forget(&self, job: u64) {
        self.signal("FORGET", job);
    }

    /// Asks something of the node, a script for bash that has so long and then ends with 124, as `timeout` has it; gives
    /// the question's number.
    pub(super) fn ask(&mut self, script: &str, patience: Duration) -> u64 {
        self.asked += 1;
        self.late.insert(self.asked, Instant::now() + patience);
        self.tell(&format!("ASK {} {}\n{script}", self.asked, script.len()));
        self.asked
    }

    /// The answer to a question, if it comes in time.
    pub(super) fn answer(&mut self, question: u64, until: Instant) -> Result<Answer, Failure> {
        let begun = Instant::now();
        loop {
            if let Some(answer) = self.answers.remove(&question) {
                // Those of earlier questions that were given up are waited for by nobody.
                self.answers.retain(|number, _| number + GIVEN_UP > question);
                return Ok(answer);
            }
            if self.over {
                return Err(Failure::Gone);
            }
            let now = Instant::now();
            let late = self.late.get(&question).copied();
            if late.is_some_and(|late| late <= now) {
                self.late.remove(&question);
                self.tell(&format!("LATE {question}\n"));
                continue;
            }
            let next = late.map_or(until, |late| late.min(until));
            if !self.hear(next.saturating_duration_since(now)) && until <= Instant::now() && !self.over {
                return Err(Failure::Silent(begun.elapsed()));
            }
        }
    }

    fn tell(&self, order: &str) {
        self.exec.tell(Order::Octets(order.as_bytes().to_vec()));
    }
}

/// An answer so many questions late is for nobody.
const GIVEN_UP: u64 = 64;

/// Number and contents of `ANSWER 7 0 .BASE64 .BASE64`.
fn read_answer(line: &[u8]) -> Option<(u64, Answer)> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.strip_prefix("ANSWER ")?.split_whitespace();
    let (number, status) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let mut octets = || STANDARD.decode(words.next()?.strip_prefix('.')?).ok();
    Some((number, Answer { output: octets()?, errors: octets()?, status }))
}

fn find(octets: &[u8], what: &[u8]) -> Option<usize> {
    octets.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_line_whatever_was_written() {
        let line = format!("ANSWER 7 3 .{} .\n", STANDARD.encode(b"a\nb\0"));
        let looked = Answer { output: b"a\nb\0".to_vec(), errors: Vec::new(), status: 3 };
        assert!(read_answer(line.as_bytes()) == Some((7, looked)));
        for broken in ["ANSWER 7 3\n", "ANSWER x 3 . .\n", "ANSWER 7 3 .!! .\n", "", "ready\n"] {
            assert!(read_answer(broken.as_bytes()).is_none(), "{broken}");
        }
    }

    #[test]
    fn a_keeper_answers_beside_everything_else_ends_what_is_late_and_leaves_nothing() {
        use std::io::{BufRead, BufReader, Write};
        use std::process::{Command, Stdio};

        let home = tempfile::tempdir().expect("a folder");
        let [folder, other, lost] = ["own", "lab", "lab-1"].map(|name| home.path().join(name));
        std::fs::create_dir_all(lost.join("jobs")).expect("a folder");
        let mut left = Command::new("sleep").arg("1000").spawn().expect("sleep runs");
        std::fs::write(lost.join("keeper"), left.id().to_string()).expect("a file");
        let mut keeper = Command::new("bash")
            .args(["-c", KEEPER, "esplain-keeper"])
            .args([&folder, &other])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash runs");
        let mut orders = keeper.stdin.take().expect("a pipe");
        let mut said = BufReader::new(keeper.stdout.take().expect("a pipe")).lines();
        let mut answer = || loop {
            let line = said.next().expect("an answer").expect("text");
            if let Some((number, answer)) = read_answer(line.as_bytes()) {
                return (number, answer);
            }
        };
        let mut ask = |number: u64, script: &str| {
            write!(orders, "ASK {number} {}\n{script}", script.len()).expect("it listens");
        };
        ask(1, "echo $$; sleep 1000; true");
        ask(2, "printf 'a\\0b\\n'; echo 'ä\nEND' >&2; exit 3");
        ask(3, "cat; umask; unset folder number; exit");
        for _ in 0..2 {
            let (number, looked) = answer();
            let (output, errors, status): (&[u8], &[u8], i32) =
                if number == 2 { (b"a\0b\n", "ä\nEND\n".as_bytes(), 3) } else { (b"0022\n", b"", 0) };
            assert!(looked == Answer { output: output.to_vec(), errors: errors.to_vec(), status }, "{number}");
        }
        write!(orders, "LATE 1\nANSWERED 1\n").expect("it listens");
        assert!(answer() == (1, Answer { output: Vec::new(), errors: Vec::new(), status: 124 }));
        drop(orders);
        assert!(keeper.wait().expect("an end").success() && !folder.exists());
        assert!(!left.wait().expect("an end").success() && !lost.exists(), "the keeper before it is ended");
    }
}
