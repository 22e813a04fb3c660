//! `esplain decrypt`, as it is run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use esplain::capture::{Format, Precision, Reader, Writer};
use esplain::decrypt::{Keyring, Scratch};
use esplain::packet::{Frame, LinkType};
use esplain::xfrm::parse_states;
use serde_json::Value;

use super::call::{esplain, with_input};
use super::shared::captures;

fn ping() -> Option<(String, String)> {
    let folder = captures()?.join("cilium-ping-gcm128-icv128");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    Some((path("worker-any.pcap"), path("worker.ip-x-s.txt")))
}

fn json(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn statuses(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for frame in json(text) {
        *counts.entry(frame["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// Everything that a reader gives: the frames, and the error behind them.
fn frames_of(path: &Path) -> Vec<Frame> {
    let mut reader = Reader::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        frames.push(record.frame.to_frame());
    }
    frames
}

#[test]
fn the_ping_of_the_tutorial_gives_12_decrypted_frames() {
    let Some((capture, keys)) = ping() else { return };
    let ended = esplain(&["decrypt", &capture, "--sa", &keys, "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(statuses(&ended.out), BTreeMap::from([("clear".to_owned(), 16), ("decrypted".to_owned(), 12)]));
    assert_eq!(ended.err, "28 frames: 12 decrypted, 16 clear; 6 ESP packets, seen 12 times\n");
    let frames = json(&ended.out);
    let expected = serde_json::json!({
        "frame": 4, "time": "2026-11-23T03:32:19.412509Z", "iface": "if4", "dir": "out", "status": "decrypted",
        "outer": {"src": "10.0.0.66", "dst": "10.0.1.236", "proto": "esp", "ttl": 64},
        "esp": {"spi": "0x00000003", "seq": 1, "iv": "d851b93e5d229963"},
        "inner": {
            "src": "10.0.0.144", "dst": "10.0.1.165", "proto": "icmp", "len": 84,
            "summary": "IP 10.0.0.144 > 10.0.1.165: ICMP echo request, id 1059, seq 1, length 64",
        },
    });
    assert_eq!(frames[3], expected);
    assert_eq!((frames[4]["same_as"].as_u64(), frames[7]["same_as"].as_u64()), (Some(4), Some(4)));
    assert_eq!((frames[4]["dir"].as_str(), frames[10]["dir"].as_str()), (Some("other"), Some("in")));
}

#[test]
fn every_capture_opens_as_far_as_the_independent_decoder_opened_it_and_is_written_plain() {
    let Some(folder) = captures() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for case in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let files: Vec<PathBuf> = fs::read_dir(&case).unwrap().map(|entry| entry.unwrap().path()).collect();
        let ending = |path: &PathBuf, ending: &str| path.to_str().unwrap().ends_with(ending);
        let keys: Vec<&str> =
            files.iter().filter(|path| ending(path, ".ip-x-s.txt")).map(|path| path.to_str().unwrap()).collect();
        for capture in files.iter().filter(|path| ending(path, ".pcap")) {
            let expected = capture.with_extension("expected.json");
            let expected: Value = serde_json::from_slice(&fs::read(expected).unwrap()).unwrap();
            let plain = scratch.path().join("plain.pcap");
            let mut words = vec![
                "decrypt",
                capture.to_str().unwrap(),
                "--format",
                "json",
                "--write",
                plain.to_str().unwrap(),
                "--sa",
            ];
            words.extend(&keys);
            let ended = esplain(&words);
            assert_eq!(ended.code, Some(0), "{}: {}", capture.display(), ended.err);
            let opened: Vec<u64> = json(&ended.out)
                .iter()
                .filter(|frame| frame["status"] == "decrypted")
                .map(|frame| frame["frame"].as_u64().unwrap())
                .collect();
            let records = expected["ref_decode"].as_array().unwrap();
            let wanted: Vec<u64> = records
                .iter()
                .filter(|record| record["icv_ok"] == true)
                .map(|record| record["frame"].as_u64().unwrap())
                .collect();
            assert_eq!(opened, wanted, "{}", capture.display());
            let (before, after) = (frames_of(capture), frames_of(&plain));
            assert_eq!(before.len(), after.len());
            for record in records.iter().filter(|record| record["icv_ok"] == true && record["mode"] == "tunnel") {
                let number = usize::try_from(record["frame"].as_u64().unwrap()).unwrap() - 1;
                let inner = hex(record["inner"].as_str().unwrap());
                let (cut, was) = (&after[number], &before[number]);
                assert_eq!(cut.link, was.link);
                assert_eq!(cut.octets[cut.octets.len() - inner.len()..], inner[..]);
                let header = cut.octets.len() - inner.len();
                let same = cut.octets[..header].iter().zip(&was.octets).filter(|(a, b)| a != b).count();
                assert_eq!(same, 0, "the link header stays as it was: {} frame {}", capture.display(), number + 1);
                compared += 1;
            }
        }
    }
    assert!(compared > 200, "{compared}");
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn wrong_keys_open_nothing_and_strict_says_so_with_exit_code_1() {
    let Some(folder) = captures() else { return };
    let (capture, keys) = ping().unwrap();
    let other = folder.join("cilium-tcp-gcm128-icv128/worker.ip-x-s.txt");
    let ended = esplain(&["decrypt", &capture, "--sa", other.to_str().unwrap(), "--json", "--strict"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(statuses(&ended.out), BTreeMap::from([("bad-icv".to_owned(), 12), ("clear".to_owned(), 16)]));
    assert!(ended.err.contains("hint: 9 frames: the ICV under SPI 0x00000003 to 10.0.1.236 is wrong"), "{}", ended.err);
    assert!(!ended.out.contains("\"iv\""), "what was not authenticated is not shown");
    let ended = esplain(&["decrypt", &capture, "--sa", &keys, "--format", "none", "--strict"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
}

#[test]
fn without_keys_it_shows_what_is_encrypted_and_how_to_get_the_keys() {
    let Some((capture, _)) = ping() else { return };
    let ended = esplain(&["decrypt", &capture]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.contains("0x00000003 1     encrypted, and no keys were given\n"), "{}", ended.out);
    assert!(ended.err.contains("hint: the keys are in the kernel of both nodes: `sudo ip xfrm state > keys.txt`"));
    assert!(ended.err.contains(&format!("`esplain decrypt {capture} --sa keys.txt`")));
}

#[test]
fn the_table_tells_copies_and_the_packet_in_clear_from_a_leak() {
    let Some((capture, keys)) = ping() else { return };
    let names = keys.replace("ip-x-s", "ip-addr");
    let ended = esplain(&["decrypt", &capture, "--sa", &keys, "--devices", &names]);
    let line = |number: usize| ended.out.lines().nth(number).unwrap().to_owned();
    assert_eq!(
        line(4),
        "     4 03:32:19.412509 cilium_host out    decrypted   10.0.0.66 > 10.0.1.236   0x00000003 1     \
         IP 10.0.0.144 > 10.0.1.165: ICMP echo request, id 1059, seq 1, length 64"
    );
    assert!(line(5).ends_with("same packet as frame 4"), "{}", line(5));
    assert!(line(12).ends_with("[inside frame 11]"), "{}", line(12));
    assert!(!ended.out.contains('\x1b'));
}

#[test]
fn the_text_form_is_tcpdumps_line_with_the_inner_packet_below() {
    let Some((capture, keys)) = ping() else { return };
    let ended = esplain(&["decrypt", &capture, "--sa", &keys, "--format", "text", "--filter", "esp and dst 10.0.0.66"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let lines: Vec<&str> = ended.out.lines().take(2).collect();
    assert_eq!(
        lines,
        [
            "03:32:19.412639 if2   In  IP 10.0.1.236 > 10.0.0.66: ESP(spi=0x00000003,seq=0x1), length 120",
            "    IP 10.0.1.165 > 10.0.0.144: ICMP echo reply, id 1059, seq 1, length 64",
        ]
    );
    assert_eq!(ended.out.lines().count(), 6);
}

#[test]
fn several_threads_say_the_same_in_the_same_order() {
    let Some((capture, keys)) = ping() else { return };
    let folder = tempfile::tempdir().unwrap();
    // Enough frames for several batches.
    let many = folder.path().join("many.pcap");
    let mut writer = Writer::new(File::create(&many).unwrap(), Format::Pcap, Precision::Microseconds);
    let frames = frames_of(Path::new(&capture));
    for frame in frames.iter().cycle().take(5000) {
        writer.write(frame.view(), None).unwrap();
    }
    writer.finish(1).unwrap();
    for format in ["json", "table", "text"] {
        let plain = |threads: &str| {
            let to = folder.path().join(format!("plain-{threads}.pcapng"));
            let words = [
                "decrypt",
                many.to_str().unwrap(),
                "--sa",
                &keys,
                "--format",
                format,
                "--write",
                to.to_str().unwrap(),
                "--threads",
                threads,
            ];
            let ended = esplain(&words);
            assert_eq!(ended.code, Some(0), "{}", ended.err);
            (ended.out, ended.err, fs::read(to).unwrap())
        };
        assert!(plain("1") == plain("3"), "{format}");
    }
}

#[test]
fn gzip_pcapng_and_pipes_are_read_like_files() {
    let Some((capture, keys)) = ping() else { return };
    let folder = tempfile::tempdir().unwrap();
    let expected = esplain(&["decrypt", &capture, "--sa", &keys, "--format", "json"]);
    let octets = fs::read(&capture).unwrap();
    let piped = with_input(&["decrypt", "-", "--sa", &keys, "--format", "json"], &octets);
    assert_eq!(piped.out, expected.out);

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&octets).unwrap();
    let zipped = with_input(&["decrypt", "-", "--sa", &keys, "--format", "json"], &gzip.finish().unwrap());
    assert_eq!(zipped.out, expected.out);

    let ng = folder.path().join("any.pcapng");
    let mut writer = Writer::new(File::create(&ng).unwrap(), Format::Pcapng, Precision::Nanoseconds);
    for mut frame in frames_of(Path::new(&capture)) {
        frame.device = Some("any".to_owned());
        writer.write(frame.view(), None).unwrap();
    }
    writer.finish(1).unwrap();
    let ended = esplain(&["decrypt", ng.to_str().unwrap(), "--sa", &keys, "--format", "json"]);
    assert_eq!(ended.out.replace("000Z\"", "Z\""), expected.out.replace("000Z\"", "Z\""));

    let keys = with_input(&["decrypt", &capture, "--sa", "-", "--format", "json"], &fs::read(&keys).unwrap());
    assert_eq!(keys.out, expected.out);
}

#[test]
fn a_torn_capture_shows_its_whole_frames_and_ends_with_exit_code_3() {
    let Some((capture, keys)) = ping() else { return };
    let octets = fs::read(&capture).unwrap();
    let ended = with_input(&["decrypt", "-", "--sa", &keys, "--format", "json"], &octets[..1000]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(json(&ended.out).len(), 9);
    assert!(
        ended.err.contains("because: torn at octet 992, frame 10: expected 16 octets of a record header, found 8"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("9 frames: 3 decrypted, 6 clear"), "{}", ended.err);
}

#[test]
fn what_is_no_capture_is_refused_with_exit_code_3_and_a_next_command() {
    let mut hostile = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    hostile.extend([0xff; 64]);
    for (octets, expected) in [
        (
            &b""[..],
            "error: standard input is not a capture\n  because: expected a pcap or pcapng file, found no octets",
        ),
        (b"src 10.0.0.66 dst", "found one that begins with 0x7372632031302e30 (the text \"src 10.0\")"),
        (&hostile, "damaged at octet 24, frame 1: its length field says 4294967295 octets, the most is 1048576"),
    ] {
        let ended = with_input(&["decrypt", "-"], octets);
        assert_eq!(ended.code, Some(3), "{}", ended.err);
        assert!(ended.err.contains(expected), "{}", ended.err);
        assert!(ended.err.contains("hint: "), "{}", ended.err);
    }
    let ended = esplain(&["decrypt", "/nonexistent.pcap"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.err.starts_with("error: the capture /nonexistent.pcap cannot be read\n  because: No such file"));
}

#[test]
fn text_that_is_not_of_ip_is_refused_and_keys_are_never_repeated() {
    let Some((capture, keys)) = ping() else { return };
    let ended = with_input(&["decrypt", &capture, "--sa", "-"], b"hello\nworld\n");
    assert_eq!(ended.code, Some(3));
    assert!(ended.err.starts_with("error: - holds no state of `ip xfrm state`\n  because: line 1: "), "{}", ended.err);

    let text = fs::read_to_string(keys).unwrap();
    let secret = text.split("0x").filter_map(|word| word.get(..40)).find(|word| word.len() == 40).unwrap().to_owned();
    let damaged = text.replace("aead rfc4106", "aed rfc4106");
    for format in ["table", "text", "json", "none"] {
        for text in [&text, &damaged] {
            let ended = with_input(&["decrypt", &capture, "--sa", "-", "--format", format], text.as_bytes());
            assert!(!ended.out.contains(&secret) && !ended.err.contains(&secret), "{}", ended.err);
        }
    }
}

#[test]
fn hidden_keys_are_unsupported_and_not_wrong() {
    let Some((capture, keys)) = ping() else { return };
    let text = fs::read_to_string(keys).unwrap();
    let hidden: String = text
        .lines()
        .map(|line| match line.split_once(" 0x") {
            Some((aead, _)) if aead.contains("aead") => format!("{aead} <<Keys hidden>> 128\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let ended = with_input(&["decrypt", &capture, "--sa", "-", "--format", "json"], hidden.as_bytes());
    assert_eq!(statuses(&ended.out).get("unsupported"), Some(&12), "{}", ended.err);
}

#[test]
fn a_full_disk_is_told_wherever_it_is_met() {
    let Some((capture, keys)) = ping() else { return };
    if !Path::new("/dev/full").exists() {
        println!("skipped: this system has no /dev/full");
        return;
    }
    let ended = esplain(&["decrypt", &capture, "--sa", &keys, "--format", "none", "--write", "/dev/full"]);
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.err.contains("error: /dev/full cannot be written\n  because: No space left on device"),
        "{}",
        ended.err
    );
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut call = Command::new(env!("CARGO_BIN_EXE_esplain"));
    let output = call.args(["decrypt", &capture, "--sa", &keys]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("error: standard output cannot be written\n  because: No space left on device"), "{err}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let Some((capture, keys)) = ping() else { return };
    let mut child = Command::new(env!("CARGO_BIN_EXE_esplain"))
        .args(["decrypt", &capture, "--sa", &keys])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("error"));
}

#[test]
fn wrong_words_end_with_exit_code_2() {
    let Some((capture, keys)) = ping() else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.pcap");
    fs::copy(&capture, &copy).unwrap();
    let copy = copy.to_str().unwrap();
    for (words, expected) in [
        (vec!["decrypt"], "required arguments were not provided"),
        (vec!["decrypt", "--sa", &keys, &capture], "Usage: esplain decrypt <CAPTURE> [--sa <FILE>...] [OPTIONS]"),
        (vec!["decrypt", &capture, "--format", "yaml"], "possible values: table, text, json, none"),
        (vec!["decrypt", &capture, "--threads", "0"], "0 is not in 1..=64"),
        (
            vec!["decrypt", &capture, "--filter", "esp or or"],
            "error: the filter `esp or or` cannot be compiled\n  because: ",
        ),
        (vec!["decrypt", "-", "--sa", "-"], "error: standard input can be only one of the files"),
        (vec!["decrypt", copy, "--sa", &keys, "--write", copy], "would replace the one that is read"),
    ] {
        let ended = esplain(&words);
        assert_eq!(ended.code, Some(2), "{words:?}: {}", ended.err);
        assert!(ended.err.contains(expected), "{words:?}: {}", ended.err);
    }
    assert_eq!(fs::read(copy).unwrap(), fs::read(&capture).unwrap());
}

#[test]
fn tshark_opens_what_was_written_and_shows_the_icmp() {
    let Some((capture, keys)) = ping() else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["plain.pcap", "plain.pcapng"] {
        let plain = folder.path().join(name);
        let plain = plain.to_str().unwrap();
        let names = keys.replace("ip-x-s", "ip-addr");
        let ended =
            esplain(&["decrypt", &capture, "--sa", &keys, "--format", "none", "--devices", &names, "--write", plain]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let tshark = |fields: &[&str]| {
            let fields = fields.iter().flat_map(|field| ["-e", field]);
            let mut call = Command::new("tshark");
            call.args(["-r", plain, "-Y", "icmp.type == 8 && ip.ttl == 63", "-T", "fields"]).args(fields);
            let output = call.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let expected: String =
            [1, 2, 3].iter().flat_map(|seq| vec![format!("10.0.0.144\t10.0.1.165\t{seq}\n"); 3]).collect();
        assert_eq!(tshark(&["ip.src", "ip.dst", "icmp.seq"]), expected);
        if name == "plain.pcapng" {
            let first = tshark(&["frame.interface_name", "frame.comment"]);
            assert_eq!(
                first.lines().next(),
                Some("cilium_host\tdecrypted from frame 4: ESP, SPI 0x00000003, sequence number 1")
            );
        }
    }
}

/// Pairs of a capture and the text of `ip xfrm state` of the node it was made on.
fn captures_with_states(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut pairs = Vec::new();
    for case in fs::read_dir(folder).unwrap().map(|case| case.unwrap().path()).filter(|case| case.is_dir()) {
        for file in fs::read_dir(&case).unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some((node, "any.pcap" | "eth0.pcap")) = name.split_once('-') {
                pairs.push((file.clone(), case.join(format!("{node}.ip-x-s.txt"))));
            }
        }
    }
    pairs.sort();
    pairs
}

#[test]
fn tshark_opens_with_the_exported_rows_what_esplain_opens() {
    let Some(folder) = captures() else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return;
    }
    let pairs = captures_with_states(&folder);
    let (mut opened, mut refused) = (0, 0);
    for (capture, states) in &pairs {
        let (capture, states) = (capture.to_str().unwrap(), states.to_str().unwrap());
        let export = esplain(&["export", "wireshark", "--sa", states]);
        assert_eq!(export.code, Some(0), "{states}: {}", export.err);
        assert!(export.err.contains("which is installed here"), "{}", export.err);
        assert!(export.err.contains("warning: these rows hold keys in clear"), "{}", export.err);
        let profile = tempfile::tempdir().unwrap();
        fs::write(profile.path().join("esp_sa"), &export.out).unwrap();
        let output = Command::new("tshark")
            .env("WIRESHARK_CONFIG_DIR", profile.path())
            .args(["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"])
            .args(["-r", capture, "-Y", "esp", "-T", "fields", "-e", "frame.number", "-e", "esp.icv_good"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{capture}: {}", String::from_utf8_lossy(&output.stderr));
        let tsharks: Vec<u64> = said
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter(|(_, good)| *good == "1")
            .map(|(frame, _)| frame.parse().unwrap())
            .collect();
        let ours = json(&esplain(&["decrypt", capture, "--sa", states, "--format", "json"]).out);
        let with = |status: &str| -> Vec<u64> {
            let frames = ours.iter().filter(|frame| frame["status"] == status);
            frames.map(|frame| frame["frame"].as_u64().unwrap()).collect()
        };
        assert_eq!(tsharks, with("decrypted"), "{capture}");
        opened += tsharks.len();
        refused += with("bad-icv").len();
    }
    assert!(pairs.len() > 15 && opened > 300 && refused > 0, "{} captures: {opened} {refused}", pairs.len());
}

#[test]
fn the_rows_for_wireshark_say_what_they_cannot() {
    let state =
        "src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n\treplay-window 0 flag esn\n\t";
    let gcm = format!("{state}aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128\n");
    let old = with_input(&["export", "wireshark", "--sa", "-", "--for", "4.2"], gcm.as_bytes());
    assert_eq!(old.code, Some(0), "{}", old.err);
    assert!(old.err.contains("Wireshark 4.2 does not know ESN"), "{}", old.err);
    let new = with_input(&["export", "wireshark", "--sa", "-", "--for", "4.4.1"], gcm.as_bytes());
    assert_eq!(new.out, old.out.trim_end().to_owned() + ",\"64-bit\",\"0\"\n");
    let hidden = format!("{state}aead rfc4106(gcm(aes)) <<Keys hidden>> 128\n");
    for (words, input, code, said) in [
        (vec!["--sa", "-"], hidden.as_str(), 3, "the key of rfc4106(gcm(aes)) is not in the listing"),
        (vec!["--sa", "-"], "", 3, "holds no state of `ip xfrm state`"),
        (vec!["--sa", "-", "--for", "new"], &gcm, 2, "`new` is not a version of Wireshark"),
        (vec!["--sa", "-", "--for", "2.6"], &gcm, 2, "say `--for 3.4`"),
        (vec!["--sa", "-", "--sa", "-"], &gcm, 2, "only one of the files"),
    ] {
        let ended = with_input(&[["export", "wireshark"].as_slice(), &words].concat(), input.as_bytes());
        assert_eq!(ended.code, Some(code), "{words:?}: {}", ended.err);
        assert!(ended.err.contains(said) && ended.out.is_empty(), "{words:?}: {}{}", ended.err, ended.out);
    }
}

#[test]
fn frames_keep_their_link_type_when_what_is_inside_is_written() {
    let Some(folder) = captures() else { return };
    let case = folder.join("cilium-ping-gcm128-icv128");
    let (capture, keys) = (case.join("worker-eth0.pcap"), case.join("worker.ip-x-s.txt"));
    let scratch = tempfile::tempdir().unwrap();
    let plain = scratch.path().join("plain.pcap");
    let words =
        ["decrypt", capture.to_str().unwrap(), "--sa", keys.to_str().unwrap(), "--write", plain.to_str().unwrap()];
    assert_eq!(esplain(&words).code, Some(0));
    let frames = frames_of(&plain);
    assert!(frames.iter().all(|frame| frame.link == LinkType::Ethernet));
    // Ethernet header, EtherType IPv4, and the inner packet: 14 + 84.
    let pings = frames.iter().filter(|frame| frame.octets.len() == 98 && frame.octets[12..14] == [8, 0]).count();
    assert_eq!(pings, 9);
}

#[test]
fn the_tree_of_an_opened_packet_names_every_octet_of_it() {
    let Some((capture, keys)) = ping() else { return };
    let states = parse_states(&fs::read_to_string(keys).unwrap()).items;
    let keyring = Keyring::new(&states);
    let frames = frames_of(Path::new(&capture));
    let mut scratch = Scratch::default();
    let verdict = keyring.decrypt(&frames[3].view(), &mut scratch);
    let esp = verdict.esp().next().unwrap();
    let tree = esp.tree();
    let shown: Vec<String> = tree.children.iter().map(|node| format!("{} {}", node.id, node.value)).collect();
    assert_eq!(
        shown,
        [
            "esp.spi 0x00000003 (3)",
            "esp.sequence 1",
            "esp.iv d851b93e5d229963",
            "esp.contained_data 84 octets, in clear",
            "esp.pad 0102",
            "esp.pad_len 2",
            "esp.protocol 4",
            &shown[7],
        ]
    );
    assert!(shown[7].starts_with("esp.icv ") && shown[7].ends_with(" [correct]"));
    // One field begins where the one before it ends.
    let ends = tree.children.iter().fold(0, |end, node| {
        assert_eq!(node.range.start, end, "{}", node.id);
        node.range.end
    });
    assert_eq!(ends, esp.packet.len());
}

/// What a terminal of 80 columns shows of `esplain decrypt`, with these words before and this pager.
fn on_a_terminal(words: &[&str], pager: &str) -> Option<String> {
    let (capture, keys) = ping()?;
    let size = portable_pty::PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = portable_pty::native_pty_system().openpty(size).unwrap();
    let mut call = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_esplain"));
    call.args(words);
    call.args(["--color", "never", "decrypt", &capture, "--sa", &keys]);
    call.env("TERM", "xterm");
    call.env("ESPLAIN_PAGER", pager);
    let mut child = pair.slave.spawn_command(call).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut screen = Vec::new();
    // On Linux the end of a terminal is an error; what was read is there all the same.
    let _ = reader.read_to_end(&mut screen);
    assert!(child.wait().unwrap().success());
    Some(String::from_utf8(screen).unwrap())
}

#[test]
fn a_listing_on_a_terminal_goes_through_the_pager_unless_told_otherwise() {
    let Some(paged) = on_a_terminal(&[], "sed 's/^/page: /'") else { return };
    assert!(paged.lines().count() > 10 && paged.lines().any(|line| line.starts_with("page: ")), "{paged}");
    let plain = on_a_terminal(&["--no-pager"], "sed 's/^/page: /'").unwrap();
    assert!(plain.lines().count() > 10 && !plain.contains("page: "), "{plain}");
}

#[test]
fn the_table_fits_a_terminal_of_80_columns() {
    let Some(screen) = on_a_terminal(&["--no-pager"], "cat") else { return };
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(
        &lines[7..13],
        [
            "     4 03:32:19.412509 if4 out            decrypted",
            "       10.0.0.66 > 10.0.1.236, SPI 0x00000003 seq 1",
            "       IP 10.0.0.144 > 10.0.1.165: ICMP echo request, id 1059, seq 1, length 64",
            "     5 03:32:19.412515 if3 other          decrypted",
            "       10.0.0.66 > 10.0.1.236, SPI 0x00000003 seq 1: same packet as frame 4",
            "     6 03:32:19.412529 if2 out            clear",
        ],
        "{screen}"
    );
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{screen}");
}
