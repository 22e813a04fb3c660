//! The printer against tcpdump 4.99.3: its transcripts, and the program itself where it is installed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use esplain::capture::Reader;
use esplain::packet::line::{Dump, Options, TimeFormat};
use esplain::packet::{Cooked, FrameView, Printer};

use super::shared::captures;

/// The words of a tcpdump call and the options that they stand for.
fn calls() -> Vec<(&'static [&'static str], Options)> {
    let n = Options { numeric: true, ..Options::default() };
    vec![
        (&["-n"], n),
        (&["-n", "-e"], Options { link: true, ..n }),
        (&["-n", "-v"], Options { verbose: 1, ..n }),
        (&["-n", "-vv"], Options { verbose: 2, ..n }),
        (&["-n", "-vvv", "-e"], Options { verbose: 3, link: true, ..n }),
        (&["-n", "-q"], Options { quiet: true, ..n }),
        (&["-n", "-q", "-e"], Options { quiet: true, link: true, ..n }),
        (&["-n", "-S"], Options { absolute_seq: true, ..n }),
        (&["-n", "-#", "-t"], Options { numbered: true, time: TimeFormat::None, ..n }),
        (&["-n", "-tt"], Options { time: TimeFormat::Epoch, ..n }),
        (&["-n", "-ttt"], Options { time: TimeFormat::SincePrevious, ..n }),
        (&["-n", "-tttt"], Options { time: TimeFormat::Date, ..n }),
        (&["-n", "-ttttt"], Options { time: TimeFormat::SinceFirst, ..n }),
        (&["-n", "-x"], Options { dump: Dump::Hex { link: false }, ..n }),
        (&["-n", "-xx"], Options { dump: Dump::Hex { link: true }, ..n }),
        (&["-n", "-X"], Options { dump: Dump::HexAscii { link: false }, ..n }),
        (&["-n", "-XX", "-e"], Options { dump: Dump::HexAscii { link: true }, link: true, ..n }),
        (&["-n", "-A"], Options { dump: Dump::Ascii { link: false }, ..n }),
        (&["-n", "-AA"], Options { dump: Dump::Ascii { link: true }, ..n }),
    ]
}

/// What our printer prints for a capture file. `devices` are the names that this machine has for an ifindex, which
/// tcpdump looks up even when it reads a file.
fn ours(path: &Path, options: Options, devices: &HashMap<u32, String>) -> String {
    let mut capture = Reader::open(path).expect("the capture opens");
    let mut printer = Printer::new(options);
    let mut out = String::new();
    while let Some(record) = capture.next_record().expect("the capture is whole") {
        let ifindex = Cooked::read_v2(record.frame.octets).and_then(|cooked| cooked.ifindex);
        let device = ifindex.and_then(|ifindex| devices.get(&ifindex)).map(String::as_str);
        printer.print(FrameView { device, ..record.frame }, &mut out);
    }
    out
}

fn tcpdump(path: &Path, words: &[&str]) -> String {
    let output =
        Command::new("tcpdump").arg("-r").arg(path).args(words).env("TZ", "UTC").output().expect("tcpdump starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Why the real tcpdump is not asked, if so.
fn no_tcpdump() -> Option<String> {
    let Ok(output) = Command::new("tcpdump").arg("--version").output() else {
        return Some("tcpdump is not installed".to_owned());
    };
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let version = text.lines().next().unwrap_or_default();
    (version != "tcpdump version 4.99.3").then(|| format!("expected tcpdump version 4.99.3, found {version}"))
}

fn devices() -> HashMap<u32, String> {
    let entries = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let index = std::fs::read_to_string(entry.path().join("ifindex")).ok()?.trim().parse().ok()?;
            Some((index, entry.file_name().to_string_lossy().into_owned()))
        })
        .collect()
}

fn captures_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(captures_in(&path));
        } else if path.extension().is_some_and(|ending| ending == "pcap") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Compares line by line, and says where the first differences are.
fn differences(name: &str, expected: &str, found: &str, told: &mut Vec<String>) {
    let (mut expected, mut found) = (expected.lines(), found.lines());
    let mut number = 0;
    let before = told.len();
    loop {
        number += 1;
        let (wanted, got) = (expected.next(), found.next());
        if wanted.is_none() && got.is_none() {
            break;
        }
        if wanted != got {
            told.push(format!("{name}, line {number}\n  tcpdump: {wanted:?}\n  ours:    {got:?}"));
        }
        if told.len() - before > 1 {
            break;
        }
    }
}

fn compare_with_tcpdump(paths: &[PathBuf]) {
    let devices = devices();
    let mut told = Vec::new();
    for path in paths {
        for (words, options) in calls() {
            let name = format!("{} {}", path.file_name().unwrap_or_default().to_string_lossy(), words.join(" "));
            differences(&name, &tcpdump(path, words), &ours(path, options, &devices), &mut told);
        }
    }
    assert!(told.is_empty(), "{} differences:\n{}", told.len(), told.join("\n"));
}

#[test]
fn every_capture_of_a_real_kernel_prints_as_tcpdump_prints_it() {
    let Some(captures) = captures() else { return };
    match no_tcpdump() {
        Some(why) => println!("skipped: {why}"),
        None => compare_with_tcpdump(&captures_in(&captures)),
    }
}

fn made_frames() -> Vec<PathBuf> {
    captures_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tcpdump"))
}

/// The transcripts beside the captures were written by tcpdump 4.99.3, with `TZ=UTC`.
#[test]
fn made_frames_print_as_tcpdump_printed_them() {
    let mut told = Vec::new();
    let plain = Options { numeric: true, ..Options::default() };
    let verbose = Options { link: true, verbose: 2, ..plain };
    for path in made_frames() {
        for (ending, options) in [("n.txt", plain), ("nevv.txt", verbose)] {
            let transcript = path.with_extension(ending);
            let expected = std::fs::read_to_string(&transcript).expect("a transcript beside each capture");
            differences(&transcript.to_string_lossy(), &expected, &ours(&path, options, &HashMap::new()), &mut told);
        }
    }
    assert!(told.is_empty(), "{} differences:\n{}", told.len(), told.join("\n"));
}

#[test]
fn made_frames_print_as_tcpdump_prints_them() {
    match no_tcpdump() {
        Some(why) => println!("skipped: {why}"),
        None => compare_with_tcpdump(&made_frames()),
    }
}
