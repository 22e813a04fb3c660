//! Conformance: one set of scenarios runs on a real kernel with real tools and in the simulated lab, and what both
//! answer is compared: text, packets, `/proc/net/xfrm_stat`, the counters of states.
//!
//! Text is compared after clocks, MACs, ifindexes and ids; packets octet for octet, ESP opened (`frames.rs`). What
//! legitimately differs, and what is still wrong, is listed with its reason in `differences.yaml`; any other difference
//! fails, and so does an entry that nothing needs. `make conformance` shows the table.

mod courses;
mod differences;
mod frames;
mod player;
mod transcript;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;

use differences::{Differences, Pair, Verdict};
use transcript::{Said, Transcript};

const DIFFERENCES: &str = include_str!("differences.yaml");

/// What a live run plays when not everything is asked for: a minute or two of the kernel's time.
const LIVE: [&str; 4] = ["path-ok", "ip-rule", "fail-wrong-key", "fail-in-state-deleted"];

#[test]
fn the_simulator_answers_as_the_recorded_kernel_did() {
    let names = scenarios(&std::env::var("ESPLAIN_CONFORMANCE_ONLY").unwrap_or_default());
    let report = compare_all(&recorded(), &names, std::env::var_os("ESPLAIN_CONFORMANCE_RECORDED").is_some());
    eprintln!("{}", report.table());
    report.assert_none(std::env::var_os("ESPLAIN_CONFORMANCE_ONLY").is_none());
}

/// The same with a kernel booted now, so that the recordings cannot rot. `ESPLAIN_CONFORMANCE_LIVE=all` plays everything.
#[test]
fn the_simulator_answers_as_a_kernel_booted_now_does() {
    let kernel = root().join("tests/kernel");
    let ready = Command::new(kernel.join("prerequisites.sh")).output().expect("prerequisites.sh runs");
    if !ready.status.success() {
        let why = [ready.stdout, ready.stderr].concat();
        // Written past the test harness, which keeps what passing tests print to itself.
        let mut screen = std::io::stderr();
        let _ = writeln!(screen, "skipped: conformance with a kernel booted now: {}", String::from_utf8_lossy(&why));
        return;
    }
    let all = std::env::var_os("ESPLAIN_CONFORMANCE_LIVE").is_some_and(|wished| wished == "all");
    let names = if all { scenarios("") } else { LIVE.map(str::to_owned).to_vec() };
    let folder = tempfile::tempdir().expect("a folder");
    let booted = Command::new(kernel.join("boot.sh"))
        .args(["--timeout", if all { "5400" } else { "600" }, "--share"])
        .arg(folder.path())
        .arg("--")
        .arg(kernel.join("transcripts/record.sh"))
        .arg(folder.path())
        .args(&names)
        .output()
        .expect("boot.sh runs");
    let said = [booted.stdout, booted.stderr].concat();
    assert!(booted.status.success(), "the kernel recorded nothing:\n{}", String::from_utf8_lossy(&said));
    let report = compare_all(folder.path(), &names, true);
    eprintln!("{}", report.table());
    // What differs from run to run may happen to be equal in this one: only the recordings say that an entry is dead.
    report.assert_none(false);
}

#[test]
fn every_command_of_the_courses_is_compared() {
    let missing = courses::missing(&scenario_folder());
    let list: Vec<String> = missing.into_iter().collect();
    assert!(list.is_empty(), "in no scenario of tests/kernel/transcripts/scenarios:\n  {}", list.join("\n  "));
}

#[test]
fn a_wrong_word_counter_or_octet_is_found() {
    let kernels = Transcript::read(&recorded(), "path-ok").expect("path-ok is recorded");
    let list = Differences { legitimate: Vec::new(), open: Vec::new() };
    let own = player::play(&scenario_folder(), "path-ok", &kernels);
    let differing = |own: &Transcript| compare("path-ok", &kernels, own, &list).counts[Verdict::Unlisted as usize];
    let before = differing(&own);
    let breaks: [fn(&mut Transcript); 4] = [
        |own| at(own, "pod-a $ ping").out = at(own, "pod-a $ ping").out.replace("ttl=62", "ttl=61"),
        |own| {
            let said = at(own, "worker $ cat /proc/net/xfrm_stat");
            said.out = said.out.replace("XfrmInNoStates          \t0", "XfrmInNoStates          \t1");
        },
        |own| at(own, "worker $ tcpdump -ner").status = 1,
        |own| {
            let capture = own.captures.get_mut("worker-any.pcap").expect("a capture");
            *capture.last_mut().expect("octets") ^= 1;
        },
    ];
    for (number, break_it) in breaks.iter().enumerate() {
        let mut broken = own.clone();
        break_it(&mut broken);
        assert_eq!(differing(&broken), before + 1, "break {number} was not found");
    }
}

#[test]
fn an_entry_that_nothing_needs_is_found() {
    let list = Differences::read(
        "legitimate:\n- {command: '^worker', text: 'x', reason: needed}\n- {command: '^pod', reason: gone}\nopen: []\n",
        false,
    );
    let pair = |title| Pair { scenario: "s", title, kernels: "ax", own: "a" };
    assert_eq!(list.judge(&pair("worker $ a")), Verdict::Listed);
    assert_eq!(list.judge(&pair("kind $ a")), Verdict::Unlisted);
    assert_eq!(list.unused(), ["gone"]);
}

fn at<'t>(own: &'t mut Transcript, title: &str) -> &'t mut Said {
    own.all.iter_mut().find(|said| said.title().starts_with(title)).expect("it was asked")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a kernel answered: that of the repository, or what `ESPLAIN_CONFORMANCE_RECORDED` names.
fn recorded() -> PathBuf {
    std::env::var_os("ESPLAIN_CONFORMANCE_RECORDED")
        .map_or_else(|| root().join("tests/kernel/transcripts/recorded"), PathBuf::from)
}

fn scenario_folder() -> PathBuf {
    root().join("tests/kernel/transcripts/scenarios")
}

/// The names of all scenarios, or of those that are wished for.
fn scenarios(wished: &str) -> Vec<String> {
    let wished: BTreeSet<&str> = wished.split_whitespace().collect();
    let files = fs::read_dir(scenario_folder()).expect("the scenarios are there").flatten();
    let names = files.filter_map(|file| file.file_name().to_string_lossy().strip_suffix(".txt").map(str::to_owned));
    let mut names: Vec<String> = names.filter(|name| wished.is_empty() || wished.contains(name.as_str())).collect();
    names.sort_unstable();
    assert!(!names.is_empty(), "no scenario of that name");
    names
}

/// What one scenario came to.
#[derive(Default)]
struct Row {
    name: String,
    /// How many answers (captures among them) got each verdict.
    counts: [usize; 4],
    captures: usize,
    /// The differences that are not listed, as lines of both sides.
    unlisted: String,
}

struct Report {
    rows: Vec<Row>,
    list: Differences,
}

/// Plays the scenarios, as many at a time as there are processors.
fn compare_all(folder: &Path, names: &[String], live: bool) -> Report {
    let list = Differences::read(DIFFERENCES, live);
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let one = |name: &String| {
        let kernels = Transcript::read(folder, name)
            .unwrap_or_else(|| panic!("{name} is not recorded; tests/kernel/transcripts/record.sh does it"));
        let own = player::play(&scenario_folder(), name, &kernels);
        compare(name, &kernels, &own, &list)
    };
    let mut rows: Vec<Row> = std::thread::scope(|scope| {
        let worker =
            || std::iter::from_fn(|| names.get(next.fetch_add(1, Ordering::Relaxed)).map(one)).collect::<Vec<Row>>();
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        running.into_iter().flat_map(|one| one.join().expect("a scenario panicked")).collect()
    });
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    Report { rows, list }
}

fn compare(name: &str, kernels: &Transcript, own: &Transcript, list: &Differences) -> Row {
    let mut row = Row { name: name.to_owned(), ..Row::default() };
    assert_eq!(kernels.all.len(), own.all.len(), "{name}: the scenario is not the one that was recorded");
    for (kernels_said, said) in kernels.all.iter().zip(&own.all) {
        assert_eq!(kernels_said.title(), said.title(), "{name}: the scenario is not the one that was recorded");
        let exact = said.exact;
        let text = |said: &Said| {
            let text = format!("{}! {}= {}\n", said.out, said.err.replace('\n', "\n! "), said.status);
            if exact { text } else { steady(&text) }
        };
        row.judge(&said.title(), &text(kernels_said), &text(said), list);
    }
    let files: BTreeSet<&String> = kernels.captures.keys().chain(own.captures.keys()).collect();
    for file in files {
        // What a reading tcpdump wrote is compared through what it was read from.
        let (Some(one), Some(other)) = (kernels.captures.get(file), own.captures.get(file)) else { continue };
        row.captures += 1;
        row.judge(file, &frames::lines(one), &frames::lines(other), list);
    }
    row
}

impl Row {
    fn judge(&mut self, title: &str, kernels: &str, own: &str, list: &Differences) {
        let pair = Pair { scenario: &self.name, title, kernels, own };
        let verdict = list.judge(&pair);
        self.counts[verdict as usize] += 1;
        if verdict == Verdict::Unlisted {
            let (kernels, own) = list.remains(&pair);
            let _ = writeln!(self.unlisted, "--- {}: {title}", self.name);
            self.unlisted += &changes(&kernels, &own);
        }
    }
}

impl Report {
    fn table(&self) -> String {
        let mut text = format!(
            "{:28} {:>8} {:>8} {:>6} {:>7} {:>5} {:>10}\n",
            "scenario", "commands", "captures", "equal", "listed", "open", "not listed"
        );
        let mut total = Row { name: "total".to_owned(), ..Row::default() };
        for row in &self.rows {
            text += &row.line();
            total.captures += row.captures;
            for (sum, count) in total.counts.iter_mut().zip(row.counts) {
                *sum += count;
            }
        }
        text += &total.line();
        let reasons = |title: &str, entries: &[differences::Entry]| {
            let mut text = format!("{title}\n");
            for entry in entries {
                let _ = writeln!(text, "  {:>4}  {}", entry.uses(), entry.reason);
            }
            text
        };
        text += &reasons("listed, legitimate (answers that need it, reason):", &self.list.legitimate);
        text += &reasons("listed, open (faults of the simulator):", &self.list.open);
        for row in &self.rows {
            text += &row.unlisted;
        }
        text
    }

    /// Fails when anything differs that is not listed, and, after a whole run, when something listed does not differ.
    fn assert_none(&self, whole: bool) {
        let unlisted: usize = self.rows.iter().map(|row| row.counts[Verdict::Unlisted as usize]).sum();
        assert_eq!(unlisted, 0, "answers differ from the kernel's; the table above has them");
        if whole {
            assert_eq!(self.list.unused(), Vec::<&str>::new(), "differences.yaml lists what is no difference any more");
        }
    }
}

impl Row {
    fn line(&self) -> String {
        let [equal, listed, open, unlisted] = self.counts;
        let commands = equal + listed + open + unlisted - self.captures;
        format!("{:28} {commands:>8} {:>8} {equal:>6} {listed:>7} {open:>5} {unlisted:>10}\n", self.name, self.captures)
    }
}

/// Clocks, MACs, ifindexes and ids, which no two runs have in common.
fn steady(text: &str) -> String {
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let patterns = [
            // ping: round-trip times, its own time stamps.
            (r"time=[0-9.]+ ms", "time=T ms"),
            (r"time [0-9]+ms", "time Tms"),
            (r"= [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms", "= T ms"),
            (r"ipg/ewma [0-9.]+/[0-9.]+ ms", "ipg/ewma T ms"),
            (r"(?m)^\[[0-9]+\.[0-9]{6}\]", "[TIME]"),
            (r"(?m)^(TS: |)(\t[0-9]+\.[0-9.]+|)\t[0-9]+( absolute|)$", "${1}${2}\tT${3}"),
            // tcpdump: time of day, ids, and the octets that hold them or depend on an IV.
            (r"(?m)^[0-9:]{8}\.[0-9]{6}", "TIME"),
            (r"id [0-9]+, seq", "id ID, seq"),
            (r"ident=[0-9]+", "ident=ID"),
            (r" id [1-9][0-9]*, offset", " id ID, offset"),
            // TCP: initial sequence numbers (what follows is printed from them on), clocks with a random offset, ports that
            // the kernel chose, and the checksum over them.
            (r"(seq|ack) [0-9]{6,}", "$1 NUMBER"),
            (r"TS val [0-9]+ ecr [1-9][0-9]*", "TS val T ecr T"),
            (r"TS val [0-9]+", "TS val T"),
            (r"(incorrect -> )0x[0-9a-f]{4}", "${1}SUM"),
            (r"cksum 0x[0-9a-f]{4} \(correct", "cksum SUM (correct"),
            (
                r"([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+[.: ])(3276[89]|327[7-9][0-9]|32[89][0-9]{2}|3[3-9][0-9]{3}|[45][0-9]{4}|60[0-9]{3})\b",
                "${1}PORT",
            ),
            // tc: ages of filters.
            (r"\b(installed|used|firstused) [0-9]+ sec", "$1 T sec"),
            // bridge: the addresses of the cables' ends, which the kernel made up, and the groups made of them.
            (r"(?m)^[0-9a-f:]{17}(( dev veth[0-9])?( vlan 1)? master br-kind permanent)$", "MAC$1"),
            (r"(?m)^33:33:ff:[0-9a-f:]{8}(( dev veth[0-9])? self permanent)$", "33:33:ff:MAC$1"),
            (r"(?m)^(\t0x[0-9a-f]{4}:  ).*", "${1}OCTETS"),
            // ip: dates, ages, what is left of a life, the other end's number.
            (r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}", "DATE"),
            (r"used [0-9]+/[0-9]+/[0-9]+", "used T"),
            (r#""used":[0-9]+,"confirmed":[0-9]+,"updated":[0-9]+"#, "\"used\":T"),
            (r"age [0-9]+sec", "age T"),
            (r"expires [0-9]+sec", "expires T"),
            (r"@if[0-9]+", "@ifN"),
            (r#""link_index": ?[0-9]+"#, "\"link_index\":N"),
        ];
        patterns.map(|(pattern, with)| (Regex::new(pattern).expect("a pattern"), with)).into()
    });
    PATTERNS.iter().fold(text.to_owned(), |text, (regex, with)| regex.replace_all(&text, *with).into_owned())
}

/// The first lines of each that the other does not have at that place.
fn changes(kernels: &str, own: &str) -> String {
    let (kernels, own): (Vec<&str>, Vec<&str>) = (kernels.lines().collect(), own.lines().collect());
    let mut text = String::new();
    let mut shown = 0;
    for at in 0..kernels.len().max(own.len()) {
        let (one, other) = (kernels.get(at), own.get(at));
        if one == other {
            continue;
        }
        shown += 1;
        if shown > 8 {
            text += "  …\n";
            break;
        }
        for (sign, line) in [("kernel   ", one), ("simulator", other)] {
            if let Some(line) = line {
                let _ = writeln!(text, "  {sign} {at}: {line:?}");
            }
        }
    }
    text
}
