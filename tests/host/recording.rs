//! Recordings: made on a lab, searched for keys, played again.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esplain::course::{Opening, Seen};
use esplain::decrypt::{Keyring, Scratch};
use esplain::lab::recording::{Keys, Playback, Recorder, Walk};
use esplain::lab::sim::Sim;
use esplain::lab::{Input, JobEvent, Lab, LabKind};
use esplain::replay::{capture_packets, device_names, keyring};
use esplain::xfrm::{Key, State};

use super::call::{Ended, esplain, with_input};
use super::lines::{finish, run};

/// A folder, and the name of a recording in it that is not there yet.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("walk.esplain");
    (folder, path)
}

/// What somebody who wants to see the key in every form types.
const CURIOUS: &[(&str, &str)] = &[
    ("worker", "ip x s"),
    ("worker", "ip -o -s xfrm state"),
    ("worker", "ip x s | grep aead"),
    ("worker", "ip x s | grep -o '0x[0-9a-f]*' | sort | uniq -c | tail -3"),
    ("machine", "kubectl -n kube-system get secret cilium-ipsec-keys -o yaml"),
    ("machine", "kubectl -n kube-system get secret cilium-ipsec-keys -o jsonpath='{.data.keys}'"),
    ("machine", "kubectl -n kube-system get secret cilium-ipsec-keys -o jsonpath='{.data.keys}' | base64 -d"),
    ("machine", "kubectl -n kube-system get secret cilium-ipsec-keys -o jsonpath='{.data.keys}' | base64 -d | xxd"),
    ("worker", "ip x s | grep -m1 aead | cut -d' ' -f3 | cut -c3- | xxd -r -p | xxd"),
    ("worker", "ip x s | grep -m1 aead | cut -d' ' -f3 | cut -c3- | xxd -r -p | base64"),
    ("worker", "ip x s | grep -m1 aead | cut -d' ' -f3 | cut -c3- | xxd -r -p"),
    ("worker", "ip x s | grep -m1 aead | cut -d' ' -f3 | cut -c7-30"),
    ("worker", "ip x s > states.txt; cat states.txt"),
];

/// A walk of somebody curious, with a ping and a capture file in it; gives the real states of worker.
pub(super) fn curious_walk(path: &Path, keys: Keys) -> Vec<State> {
    let mut sim = Sim::ready(7);
    let states: Vec<State> =
        keyring(&mut sim, "worker").unwrap().entries().iter().map(|entry| entry.state.clone()).collect();
    let (mut recorder, notes) = Recorder::begin(Box::new(sim), path, "a-course", "2023-02-01T02:00:00Z", keys).unwrap();
    let lab: &mut dyn Lab = &mut recorder;
    lab.places().unwrap();
    lab.facts().unwrap();
    lab.mark("look");
    for (place, line) in CURIOUS {
        run(lab, place, line);
    }
    lab.read_file("worker", "states.txt").unwrap();
    lab.mark("ping");
    let capture = lab.capture("worker", "any", "").unwrap();
    let tcpdump = lab.start("worker", "tcpdump -pni any -w all.cap", None).unwrap();
    while lab.poll(tcpdump, Duration::from_millis(20)).unwrap() == JobEvent::Idle {}
    let pod_b = lab.facts().unwrap()["pod_b_ip"].clone();
    run(lab, "pod-a", &format!("ping -c 2 {pod_b}"));
    assert!(!lab.frames(capture, Duration::ZERO).unwrap().is_empty());
    lab.send(tcpdump, Input::Terminate).unwrap();
    finish(lab, tcpdump);
    let keys = keyring(lab, "worker").unwrap();
    device_names(lab, "worker").unwrap();
    assert!(capture_packets(lab, "worker", "all.cap", &keys).unwrap().len() > 6);
    drop(recorder);
    notes.finish().unwrap();
    states
}

pub(super) fn unpacked(path: &Path) -> Vec<u8> {
    let mut octets = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut octets).unwrap();
    octets
}

/// Every form in which parts of a key could stand in a file, with what is inside its base64 as well.
fn forms_found(file: &[u8], key: &[u8]) -> Vec<String> {
    let mut texts = vec![file.to_vec()];
    let is_base64 = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/=".contains(octet);
    for row in file.split(|octet| !is_base64(octet)).filter(|row| row.len() >= 16) {
        texts.extend(STANDARD.decode(row));
    }
    let mut found = Vec::new();
    for text in &texts {
        let lower: Vec<u8> = text.to_ascii_lowercase();
        let digits: Vec<u8> = lower.iter().copied().filter(|octet| !b" :\n\t_-".contains(octet)).collect();
        let escaped = String::from_utf8_lossy(&lower).replace("\\n", "").replace("\\t", "");
        for part in key.windows(6) {
            let hex: String = part.iter().fold(String::new(), |hex, octet| hex + &format!("{octet:02x}"));
            let holds = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
            if holds(&lower, hex.as_bytes())
                || holds(&digits, hex.as_bytes())
                || escaped.replace(' ', "").contains(&hex)
            {
                found.push(format!("hex {hex}"));
            }
            if holds(text, part) {
                found.push(format!("octets {hex}"));
            }
        }
        for part in key.windows(12) {
            // At each of the three ways in which base64 can cut it.
            for skip in 0..3 {
                let encoded = STANDARD.encode([&vec![0; skip], part].concat());
                let middle = &encoded.as_bytes()[4..encoded.len() - 4];
                if text.windows(middle.len()).any(|window| window == middle) {
                    found.push("base64".to_owned());
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn octets_of(states: &[State]) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = states
        .iter()
        .flat_map(|state| &state.algorithms)
        .filter_map(|algorithm| match &algorithm.key {
            Key::Known(secret) => Some(secret.reveal().to_vec()),
            Key::Hidden(_) => None,
        })
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

#[test]
fn nothing_of_a_key_is_in_a_recording_unless_it_was_asked_for() {
    let (_folder, path) = place();
    let states = curious_walk(&path, Keys::Substitutes);
    let keys = octets_of(&states);
    assert!(!keys.is_empty());
    let file = unpacked(&path);
    for key in &keys {
        assert_eq!(forms_found(&file, key), [""; 0]);
    }
    // The search finds it where it is.
    let (_folder, path) = place();
    let keys = octets_of(&curious_walk(&path, Keys::Real));
    let found = forms_found(&unpacked(&path), &keys[0]);
    assert!(found.len() > 10, "{found:?}");
}

#[test]
fn packets_and_listings_of_a_recording_fit_and_the_real_keys_open_nothing() {
    let (_folder, path) = place();
    let states = curious_walk(&path, Keys::Substitutes);
    let mut lab = Playback::open(&path).unwrap();
    assert_eq!((lab.kind(), lab.torn()), (LabKind::Recording, None));
    for (place, line) in CURIOUS {
        run(&mut lab, place, line);
    }
    lab.mark("ping");
    let capture = lab.capture("worker", "any", "esp or icmp").unwrap();
    let tcpdump = lab.start("worker", "tcpdump -n -p -i any -w all.cap", None).unwrap();
    let pod_b = lab.facts().unwrap()["pod_b_ip"].clone();
    // Other spellings of what was run.
    let said = run(&mut lab, "machine", &format!("kubectl exec -it pod-a -- ping {pod_b} -c2")).text;
    assert!(said.contains("2 received"), "{said}");
    lab.send(tcpdump, Input::Interrupt).unwrap();
    assert!(finish(&mut lab, tcpdump).text.contains("packets captured"));
    let frames = lab.frames(capture, Duration::ZERO).unwrap();
    let own = keyring(&mut lab, "worker").unwrap();
    let real = Keyring::new(&states);
    let openings = |keys: &Keyring| {
        let mut scratch = Scratch::default();
        let seen = |frame| Seen::of(frame, keys, &BTreeMap::default(), &mut scratch).opening;
        frames.iter().map(seen).collect::<Vec<Opening>>()
    };
    assert!(openings(&own).iter().filter(|opening| **opening == Opening::Opened).count() >= 8);
    assert!(!openings(&own).contains(&Opening::BadIcv));
    assert!(!openings(&real).contains(&Opening::Opened));
    assert!(openings(&real).contains(&Opening::BadIcv));
    let in_file = capture_packets(&mut lab, "worker", "all.cap", &own).unwrap();
    assert!(in_file.iter().filter(|seen| seen.opening == Opening::Opened).count() >= 8);
    assert!(in_file.iter().all(|seen| seen.opening != Opening::BadIcv));
    // What the learner sees of the key is one and the same everywhere.
    let listing = lab.read_file("worker", "states.txt").unwrap();
    let listed = esplain::xfrm::parse_states(&String::from_utf8_lossy(&listing)).items;
    assert_eq!(
        octets_of(&listed),
        octets_of(&own.entries().iter().map(|entry| entry.state.clone()).collect::<Vec<_>>())
    );
}

/// What somebody types who wants to see packets octet by octet.
const DUMPS: &[&str] = &[
    "tcpdump -xnr all.cap esp",
    "tcpdump -Xnr all.cap esp",
    "tcpdump -XXnr cut.cap",
    "tcpdump -Anr all.cap esp",
    "base64 all.cap",
    "base64 cut.cap",
];

/// The same on the machine, whose image has more tools.
const MACHINES_DUMPS: &[&str] = &["xxd", "xxd -p", "hexdump -C"];

/// The same while packets come and go.
const LIVE: [&str; 4] =
    ["tcpdump -xni eth0 esp", "tcpdump -XXlni any esp", "tcpdump -s 90 -w cut.cap -i any", "tcpdump -w all.cap -i any"];

/// A walk with packets shown octet by octet, live and from files; gives what was printed live, and the frames.
fn dumping_walk(path: &Path, keys: Keys) -> (Vec<String>, Vec<esplain::packet::Frame>) {
    let sim = Box::new(Sim::ready(7));
    let (mut recorder, notes) = Recorder::begin(sim, path, "a-course", "2023-02-01T02:00:00Z", keys).unwrap();
    let lab: &mut dyn Lab = &mut recorder;
    lab.places().unwrap();
    let pod_b = lab.facts().unwrap()["pod_b_ip"].clone();
    let capture = lab.capture("worker", "any", "esp").unwrap();
    let live = LIVE.map(|line| lab.start("worker", line, None).unwrap());
    for job in live {
        while lab.poll(job, Duration::from_millis(20)).unwrap() == JobEvent::Idle {}
    }
    run(lab, "pod-a", &format!("ping -c 2 {pod_b}"));
    let mut said = Vec::new();
    for job in live {
        lab.send(job, Input::Terminate).unwrap();
        said.push(finish(lab, job).text);
    }
    for line in DUMPS {
        said.push(run(lab, "worker", line).text);
    }
    for tool in MACHINES_DUMPS {
        let dump = format!("docker exec cilium-ipsec-native-routing-worker cat all.cap | {tool}");
        assert!(run(lab, "machine", &dump).text.lines().count() > 50, "{dump}");
    }
    lab.read_file("worker", "cut.cap").unwrap();
    let frames = lab.frames(capture, Duration::ZERO).unwrap();
    keyring(lab, "worker").unwrap();
    drop(recorder);
    notes.finish().unwrap();
    (said, frames)
}

/// The ESP packets that a dump of `tcpdump -x` shows, from their IP header on.
fn dumped(text: &str) -> Vec<esplain::packet::Frame> {
    let framed = |octets: Vec<u8>| esplain::packet::Frame {
        time: esplain::packet::Timestamp(0),
        link: esplain::packet::LinkType::Raw,
        device: None,
        original_len: u32::try_from(octets.len()).unwrap(),
        octets,
    };
    esplain::esp::dumped_packets(text.as_bytes()).into_iter().map(framed).collect()
}

#[test]
fn packets_that_are_shown_octet_by_octet_are_those_that_are_sealed_again() {
    let (_folder, path) = place();
    let (_, frames) = dumping_walk(&path, Keys::Substitutes);
    let file = unpacked(&path);
    // What was sealed with the real key, behind SPI, sequence number and IV.
    let mut sealed: Vec<Vec<u8>> = Vec::new();
    for frame in &frames {
        // A cooked header of 20 octets, and an IPv4 header of 20.
        assert_eq!(frame.octets[40..44], [0, 0, 0, 3]);
        sealed.push(frame.octets[56..].to_vec());
    }
    sealed.sort();
    sealed.dedup();
    assert_eq!(sealed.len(), 4, "two requests and two replies");
    let character = |octet: &u8| if octet.is_ascii_graphic() || *octet == b' ' { char::from(*octet) } else { '.' };
    let found = |file: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(file).replace("\\\"", "\"").replace("\\\\", "\\");
        let shown = |octets: &Vec<u8>| text.contains(&octets[2..18].iter().map(character).collect::<String>());
        let mut found: Vec<String> = sealed.iter().flat_map(|octets| forms_found(file, &octets[..24])).collect();
        found.extend(sealed.iter().filter(|octets| shown(octets)).map(|_| "characters".to_owned()));
        found
    };
    assert_eq!(found(&file), [""; 0]);
    // They open with the keys of the recording, wherever they are shown.
    let mut lab = Playback::open(&path).unwrap();
    let live = LIVE.map(|line| lab.start("worker", line, None).unwrap());
    let pod_b = lab.facts().unwrap()["pod_b_ip"].clone();
    run(&mut lab, "pod-a", &format!("ping -c 2 {pod_b}"));
    let mut shown = Vec::new();
    for job in live {
        lab.send(job, Input::Terminate).unwrap();
        shown.push(finish(&mut lab, job).text);
    }
    let own = keyring(&mut lab, "worker").unwrap();
    let mut scratch = Scratch::default();
    for (text, count) in [
        (shown.swap_remove(0), 4),
        (run(&mut lab, "worker", DUMPS[0]).text, 8),
        (run(&mut lab, "worker", DUMPS[1]).text, 8),
    ] {
        let packets = dumped(&text);
        let opened = packets.iter().filter(|frame| own.decrypt_frame(frame, &mut scratch).inner.is_some());
        assert_eq!((packets.len(), opened.count()), (count, count), "{text}");
    }
    // With the lab's own keys all is as it was printed, and the search finds it.
    let (_folder, path) = place();
    let (said, _) = dumping_walk(&path, Keys::Real);
    assert!(found(&unpacked(&path)).len() > 50);
    let walked = Walk::read(&path).unwrap().lines;
    for (line, said) in LIVE.iter().chain(DUMPS).zip(&said) {
        let recorded = walked.iter().find(|walked| walked.line == *line).expect(line).output();
        assert!(said.lines().all(|line| recorded.contains(line)), "{line}: {recorded}\nis not\n{said}");
    }
}

#[test]
fn a_line_that_was_not_recorded_is_refused_with_what_was() {
    let (_folder, path) = place();
    curious_walk(&path, Keys::Substitutes);
    let mut lab = Playback::open(&path).unwrap();
    lab.mark("look");
    let trouble = lab.start("worker", "uname -a", None).unwrap_err();
    assert_eq!(trouble.what, "the recording does not hold `uname -a` on worker here");
    assert_eq!(trouble.hints[0], "what was run at this point: on worker: `ip x s`");
    let mut chinese = Playback::open(&path).unwrap().in_language(esplain::words::Language::Zh);
    let refused = chinese.start("worker", "uname -a", None).unwrap_err();
    assert_eq!(refused.what, "录制在这里没有 worker 上的 `uname -a`");
    assert_eq!(refused.hints[0], "当时在这里运行过：worker 上的 `ip x s`");
    // What comes later in the recording was not yet possible; what was run is shown again.
    assert!(lab.start("worker", "ip x s | grep aead", None).is_err());
    let first = run(&mut lab, "worker", "sudo ip xfrm state").text;
    run(&mut lab, "worker", "ip -o -s xfrm state");
    assert_eq!(run(&mut lab, "worker", "ip x s").text, first);
    assert!(lab.read_file("worker", "nothing.cap").unwrap_err().hints[0].contains("files"));
}

#[test]
fn a_lab_that_is_set_back_goes_on_from_where_it_was() {
    let (_folder, path) = place();
    let sim = Box::new(Sim::new(3));
    let (mut lab, notes) = Recorder::begin(sim, &path, "c", "2023-02-01T02:00:00Z", Keys::Substitutes).unwrap();
    lab.places().unwrap();
    lab.save("begin").unwrap();
    let both = |lab: &mut dyn Lab, word: &str| {
        run(lab, "machine", "touch f");
        run(lab, "machine", &format!("echo {word} > f"));
        run(lab, "machine", "cat f").text
    };
    assert_eq!(both(&mut lab, "one"), "one\n");
    lab.restore("begin").unwrap();
    assert_eq!(both(&mut lab, "two"), "two\n");
    drop(lab);
    notes.finish().unwrap();
    let mut lab = Playback::open(&path).unwrap();
    lab.save("here").unwrap();
    for word in ["two", "one", "two"] {
        assert_eq!(both(&mut lab, word), format!("{word}\n"));
        lab.restore("here").unwrap();
    }
    // The walk is what was not set back.
    let lines: Vec<String> = Walk::read(&path).unwrap().lines.into_iter().map(|line| line.line).collect();
    assert_eq!(lines, ["touch f", "echo two > f", "cat f"]);
}

#[test]
fn the_first_course_recorded_is_walked_offline_in_both_languages() {
    let (_folder, path) = place();
    let file = path.to_str().unwrap();
    let Ended { code, out, err } = esplain(&["record", "--unattended", "--lab", "sim", "--lang", "en", "-o", file]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(err.contains("its keys are substitutes"), "{err}");
    let Ended { code, out, err } = esplain(&["replay", "--lab", "recording", "--recording", file]);
    assert_eq!(code, Some(0), "{out}{err}");
    for language in ["en", "zh"] {
        assert!(out.contains(&format!("cilium-ipsec on recording in {language}: 24 steps")), "{out}");
    }
    // Twice the same, and in the guided shell.
    let input = ":goto decrypt\nip xfrm state > states.txt\n:decrypt all-ipsec.cap --sa states.txt\nuname -r\n:quit\n";
    let Ended { code, out: first, err } = with_input(&["learn", file, "--lang", "en"], input.as_bytes());
    assert_eq!(code, Some(0), "{first}{err}");
    assert!(first.contains("This is a recording, made on the lab `sim`"), "{first}");
    assert!(first.contains("substitutes"), "{first}");
    assert!(first.contains("Check passed."), "{first}");
    assert!(err.contains("the recording does not hold `uname -r` on worker here"), "{err}");
    assert_eq!(with_input(&["learn", file, "--lang", "en"], input.as_bytes()).out, first);
}

/// Faults that are brought about, and ways that begin alike.
#[test]
fn the_second_course_recorded_is_walked_offline_and_its_faults_are_not_told() {
    let (_folder, path) = place();
    let file = path.to_str().unwrap();
    let course = "ipsec-troubleshooting";
    let Ended { code, out, err } = esplain(&["record", course, "--unattended", "--lab", "sim", "-o", file]);
    assert_eq!(code, Some(0), "{out}{err}");
    let Ended { code, out, err } = esplain(&["replay", course, "--recording", file, "--lang", "zh"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let Ended { out: text, .. } = esplain(&["export", "markdown", file]);
    assert!(text.contains("pod-a> ping -c 1 ") && !text.contains("> (") && !text.contains("> true\n"), "{text}");
    // A line that is refused names what was typed here, not what the guide broke.
    let Ended { err, .. } = with_input(&["learn", file], b":goto no-rule\nuname -a\n:quit\n");
    assert!(err.contains("does not hold `uname -a`") && !err.contains("ip rule del"), "{err}");
}

#[test]
fn a_recording_whose_session_was_killed_plays_up_to_there() {
    let (_folder, path) = place();
    curious_walk(&path, Keys::Substitutes);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let mut lab = Playback::open(&path).unwrap();
    assert!(lab.torn().is_some());
    lab.mark("look");
    assert!(run(&mut lab, "worker", "ip x s").text.contains("proto esp"));
}

#[test]
fn a_guided_walk_is_recorded_with_its_events() {
    let (_folder, path) = place();
    let file = path.to_str().unwrap();
    let input = ":map\n:answer kernel\n:answer nodes\nls\n:quit\n";
    let Ended { code, out, err } = with_input(&["record", "--lang", "en", "-o", file], input.as_bytes());
    assert_eq!(code, Some(0), "{out}{err}");
    let text = String::from_utf8(unpacked(&path)).unwrap();
    for part in
        ["\"event\":\"started\"", "\"event\":\"met\"", "\"what\":\"mark\",\"name\":\"architecture\"", "\"line\":\"ls\""]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let Ended { code, err, .. } = esplain(&["record", "-o", file]);
    assert_eq!(code, Some(3));
    assert!(err.contains("never overwritten"), "{err}");
    let Ended { code, err, .. } = esplain(&["learn", "--lab", "recording"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("--recording walk.esplain"), "{err}");
}

#[test]
fn a_recording_is_shown_as_a_cast_and_as_markdown() {
    let (folder, path) = place();
    let file = path.to_str().unwrap();
    let Ended { code, out, err } = esplain(&["record", "--unattended", "--lang", "en", "-o", file]);
    assert_eq!(code, Some(0), "{out}{err}");
    let Ended { code, out: cast, err } = esplain(&["export", "cast", file, "--lang", "en"]);
    assert_eq!(code, Some(0), "{err}");
    let lines: Vec<serde_json::Value> = cast.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["version"], 3);
    let markers = lines.iter().skip(1).filter(|event| event[1] == "m").count();
    // The final step has questions only; nothing runs in it, and nothing in `architecture`.
    assert!(markers >= 18, "{markers}");
    assert!(cast.contains("aead rfc4106(gcm(aes)) 0x"));
    let written = folder.path().join("walk.md");
    let Ended { code, out, err } =
        esplain(&["export", "markdown", file, "--lang", "en", "-o", written.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    let text = std::fs::read_to_string(&written).unwrap();
    for part in [
        "# How Cilium's IPsec moves a packet\n",
        "Recorded on the lab `sim` on ",
        "## The states in the kernel\n",
        "```console\nworker> ip xfrm state\n",
        "> `aead rfc4106(gcm(aes)) 0x",
        "ESP(spi=0x00000003,seq=0x",
        "    decrypted: 10.0.0.144 > 10.0.1.165: ICMP echo request",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Wrong ways were set back, and are not in it; nor is what the proof itself ran.
    assert!(!text.contains("ip xfrm state count"));
    assert!(!text.contains("> true\n"), "{text}");
    let Ended { code, out: zh, .. } = esplain(&["export", "markdown", file, "--lang", "zh"]);
    assert_eq!(code, Some(0));
    assert!(zh.contains("导师看到了") && zh.contains("ip xfrm state"));
    let Ended { code, err, .. } = esplain(&["export", "cast", "Cargo.toml"]);
    assert_eq!(code, Some(3));
    assert!(err.contains("Cargo.toml is not a recording of esplain"), "{err}");
    let Ended { code, err, .. } = esplain(&["export", "markdown", file, "-o", "/dev/full"]);
    assert_eq!(code, Some(3), "{err}");
}
