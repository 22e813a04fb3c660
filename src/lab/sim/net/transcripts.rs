//! The tools against transcripts of a real kernel with real tools, on the same cluster built without BPF
//! (`tests/kernel/transcripts`).

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::bench::{Answer, Bench};

/// One command of a transcript, and what the kernel's lab answered.
struct Said {
    place: String,
    line: String,
    beside: bool,
    answer: Answer,
}

fn folder() -> Option<PathBuf> {
    let wished = std::env::var_os("ESPLAIN_TRANSCRIPTS").map(PathBuf::from);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel/transcripts/recorded");
    wished.or(Some(own)).filter(|folder| folder.is_dir())
}

fn read(text: &str) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    for line in text.lines() {
        if let (Some(said), Some((sign, rest))) = (all.last_mut(), line.split_at_checked(1)) {
            let stream = match sign {
                "|" => &mut said.answer.out,
                "!" => &mut said.answer.err,
                "=" => {
                    said.answer.status = rest.trim().parse().expect("a status");
                    continue;
                }
                _ => {
                    begin(line, &mut all);
                    continue;
                }
            };
            if rest == "\\" {
                stream.pop();
            } else {
                stream.push_str(rest.strip_prefix(' ').unwrap_or(rest));
                stream.push('\n');
            }
            continue;
        }
        begin(line, &mut all);
    }
    all
}

fn begin(line: &str, all: &mut Vec<Said>) {
    let mut parts = line.splitn(3, ' ');
    let (Some(place), Some(sign @ ("$" | "&")), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let answer = Answer { out: String::new(), err: String::new(), status: 0 };
    all.push(Said { place: place.to_owned(), line: rest.to_owned(), beside: sign == "&", answer });
}

/// What differs from run to run made equal: clocks, round-trip times, ICMP and IPv4 ids, counters of frames that only a
/// kernel with IPv6 sends.
fn steady(text: &str) -> String {
    STEADY.iter().fold(text.to_owned(), |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
}

static STEADY: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let patterns = [
        (r"time=[0-9.]+ ms", "time=T ms"),
        (r"time [0-9]+ms", "time Tms"),
        (r"= [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms", "= T ms"),
        (r"(?m)^[0-9:]{8}\.[0-9]{6}", "TIME"),
        (r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}", "DATE"),
        (r"id [0-9]+, seq", "id ID, seq"),
        (r" id [0-9]+, offset", " id ID, offset"),
        (r"used [0-9]+/[0-9]+/[0-9]+probes [0-9]+", "used U"),
        // Frames that only a kernel with IPv6 sends.
        (r"(?m)^ +[0-9.ki]+ +[0-9]+ +0 +0 +0 +0 $", "COUNTED"),
        (r#""bytes":[0-9]+,"packets":[0-9]+"#, "COUNTED"),
        // The other ends of the nodes' cables are numbered as the lab came up.
        (r"eth0@if[0-9]+", "eth0@ifN"),
        (r#"("link_index"): ?[0-9]+"#, "$1:N"),
        (r"(?m)^ff02::16 .*\n", ""),
        (r"^\[[0-9.]+\] ", "[STAMP] "),
        (r"(?m)^\[[0-9]+\.[0-9]+\] ", "[STAMP] "),
        (r"ident=[0-9]+", "ident=ID"),
        (r"ipg/ewma [0-9./]+", "ipg/ewma T"),
        (r"(?m)^\t0x[0-9a-f]{4}:  .*$", "OCTETS"),
        (r"packets [0-9]+  bytes [0-9]+ \([^)]*\)", "COUNTED"),
        // IPv6 is as the kernel makes it; its routes are listed in the order of a hash.
        (r"(?m)^(local |multicast |anycast )?(fe80|ff00|::1).* (metric|dev) .*\n", ""),
        (r"users [0-9]+ age [0-9]+sec", "users U"),
    ];
    patterns.map(|(pattern, with)| (Regex::new(pattern).expect("a pattern"), with)).into_iter().collect()
});

/// Whether the bench can run a line: one program of the network, no pipe.
fn is_ours(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let known = ["ip", "ping", "tcpdump", "route", "ifconfig", "arp", "sysctl", "netstat", "tc"].contains(&first)
        || line.starts_with("cat /proc/net/xfrm_stat");
    let shows_tc = ["tc qdisc", "tc -s", "tc filter show"].iter().any(|words| line.starts_with(words));
    known && !shows_tc && !line.contains(['|', ';', '>', '&', '$', '"']) && !line.contains(" -N ")
}

/// Plays a scenario beside its transcript; what came out otherwise, and how many lines were compared.
fn play(scenario: &str, transcript: &str) -> (String, usize) {
    let mut bench = Bench::kernel_lab();
    let (mut differing, mut compared) = (String::new(), 0);
    let mut answers = read(transcript).into_iter();
    let mut started: Vec<bool> = Vec::new();
    for line in scenario.lines() {
        let mut parts = line.splitn(3, ' ');
        let (place, sign, rest) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match (place, sign) {
            ("" | "#", _) => {}
            ("pause", seconds) => bench.pause(seconds.parse().expect("seconds")),
            ("stop", _) => {
                bench.pause(0.5);
                for ours in started.drain(..) {
                    let said = answers.next().expect("an answer");
                    assert!(said.beside, "{}", said.line);
                    if ours {
                        compare(&said, &bench.interrupt(), &mut differing);
                        compared += 1;
                    }
                }
            }
            (place, "&" | "capture") => {
                let line = match sign {
                    "&" => rest.to_owned(),
                    _ => format!("tcpdump -p -i {rest} -U -w {place}-{rest}.pcap"),
                };
                started.push(is_ours(&line));
                if is_ours(&line) {
                    bench.start(place, &line);
                }
            }
            (place, "$") => {
                let said = answers.next().expect("an answer");
                assert_eq!(said.line, rest);
                if !is_ours(rest) {
                    continue;
                }
                let answer = if rest.starts_with("tc ") {
                    bench.tc(place, rest);
                    continue;
                } else if let Some(path) = rest.strip_prefix("cat ") {
                    bench.cat(place, path)
                } else {
                    bench.run(place, rest)
                };
                compare(&said, &answer, &mut differing);
                compared += 1;
            }
            _ => {}
        }
    }
    assert_eq!(bench.beside(), 0);
    (differing, compared)
}

fn compare(said: &Said, answer: &Answer, differing: &mut String) {
    for (stream, own, kernels) in [("out", &answer.out, &said.answer.out), ("err", &answer.err, &said.answer.err)] {
        let (own, kernels) = (steady(own), steady(kernels));
        // The kernel lists neighbours in the order of a hash.
        let by_line = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        let unordered = said.line.contains("neigh") || said.line.contains("ip n") || said.line.starts_with("arp");
        if unordered && by_line(&own) == by_line(&kernels) {
            continue;
        }
        if own != kernels {
            let _ = writeln!(differing, "--- {} $ {} ({stream})", said.place, said.line);
            *differing += &changes(&kernels, &own);
        }
    }
    if answer.status != said.answer.status {
        let (own, kernels) = (answer.status, said.answer.status);
        let _ = writeln!(differing, "--- {} $ {}: kernel's status {kernels}, ours {own}", said.place, said.line);
    }
}

/// The lines of each that the other does not have at that place.
fn changes(kernels: &str, own: &str) -> String {
    let mut text = String::new();
    let (mut a, mut b) = (kernels.lines(), own.lines());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return text,
            (kernel, own) if kernel == own => {}
            (kernel, own) => {
                for (sign, line) in [('<', kernel), ('>', own)] {
                    if let Some(line) = line {
                        let _ = writeln!(text, "{sign} {line:?}");
                    }
                }
            }
        }
    }
}

/// Scenarios whose answers differ from the kernel's in some places, in how many at most, and why.
const DIFFER: &[(&str, usize, &str)] = &[
    ("expired-state", 2, "a failed lookup asks the pod's neighbour to be proved"),
    ("fail-eth0-down", 2, "when a third ARP request goes out"),
    ("fail-mark-not-cleared", 3, "the kernel gives up in silence at 23 layers of ESP in ESP, the model at the MTU"),
    ("ip-neigh", 7, "the order of a hash; neighbours of NOARP devices"),
    ("ip-route", 2, "get of a multicast group; -s of get"),
    ("ip-words", 5, "ip tunnel and ip maddr are not in the lab"),
    ("ip-xfrm-edit", 10, "ip xfrm state allocspi and setdefault are not in the lab"),
    ("path-others", 10, "ARP where a minute has passed"),
    ("path-tcp-udp", 12, "nc is not in the lab"),
    ("ping", 31, "ping -l -R -T -6 are not in the lab"),
    ("ping-sizes", 20, "ARP where a minute has passed"),
    ("tcpdump-live", 8, "LINUX_SLL is not in the lab; frames that wait in the kernel's ring"),
    ("tcpdump-read", 60, "a resolver's names"),
    ("tools", 2, "devices that have sent multicast reports"),
];

#[test]
fn the_tools_and_the_datapath_answer_as_the_kernel_does() {
    let Some(folder) = folder() else {
        eprintln!(
            "skipped: no transcripts; set ESPLAIN_TRANSCRIPTS to where tests/kernel/transcripts/record.sh wrote them"
        );
        return;
    };
    let only = std::env::var("ESPLAIN_SCENARIO").unwrap_or_default();
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel/transcripts/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let (mut wrong, mut all) = (String::new(), 0);
    for path in files {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let Ok(scenario) = std::fs::read_to_string(scenarios.join(format!("{name}.txt"))) else { continue };
        if !name.starts_with(&only) {
            continue;
        }
        let scenario = scenario.lines().fold(String::new(), |text, line| match line.strip_prefix("include ") {
            Some(file) => text + &std::fs::read_to_string(scenarios.join(file)).expect("an include") + "\n",
            None => text + line + "\n",
        });
        let transcript = std::fs::read_to_string(&path).expect("a transcript");
        let (differing, compared) = play(&scenario, &transcript);
        all += compared;
        let allowed = DIFFER.iter().find(|(known, ..)| *known == name).map_or(0, |(_, allowed, _)| *allowed);
        let differ = differing.matches("--- ").count();
        if differ > allowed {
            let _ =
                writeln!(wrong, "{name}: {differ} of {compared} answers differ, at most {allowed} may\n{differing}");
        }
    }
    assert!(all > 0 || !only.is_empty(), "no scenario was played");
    assert!(wrong.is_empty(), "{wrong}");
}
