//! Whether what a learner did meets a check.

use std::collections::BTreeMap;

use super::check::{Check, GuideCheck, Holds, Probe, WantedStatus};
use super::count::Count;
use super::items;
use super::miss::{Miss, PacketCount};
use super::observation::{Observation, Ran, World};
use super::role::Role;
use super::seen::{Direction, Opening, Seen, SeenEsp};
use super::shows::Shows;
use super::step::Step;
use super::template::{Facts, FillError, Template};

/// What became of a step's checks when a line was run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepVerdict {
    /// The ids of the checks that this line met.
    pub met: Vec<String>,
    /// Of the others, the one that this line came nearest to, if it was meant for one at all.
    pub near: Option<Near>,
}

/// A check that a line was meant for, and why it does not meet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// The check's id.
    pub check: String,
    /// What it lacks.
    pub miss: Miss,
}

/// Whether a line meets a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Met,
    /// It does not.
    Missed {
        /// What it lacks first.
        miss: Miss,
        /// Whether the line was meant for this check: something that the check asks of the line itself held, or it was
        /// the right thing at the wrong place.
        meant: bool,
    },
}

impl Step {
    /// Judges a line against the checks that are not in `met` yet.
    pub fn judge<'m>(
        &self,
        seen: &Observation,
        world: &mut dyn World,
        met: impl IntoIterator<Item = &'m str>,
    ) -> StepVerdict {
        let met: Vec<&str> = met.into_iter().collect();
        let mut verdict = StepVerdict::default();
        for check in self.checks.iter().filter(|check| !met.contains(&check.id.as_str())) {
            match check.judge(seen, world) {
                Verdict::Met => verdict.met.push(check.id.clone()),
                Verdict::Missed { miss, meant: true } if verdict.near.is_none() => {
                    verdict.near = Some(Near { check: check.id.clone(), miss });
                }
                Verdict::Missed { .. } => {}
            }
        }
        verdict
    }
}

impl Check {
    /// Judges a line. The world is asked last, and only when the line itself is as it should be.
    pub fn judge(&self, seen: &Observation, world: &mut dyn World) -> Verdict {
        let mut tally = Tally::default();
        self.judge_line(seen, &mut tally);
        let elsewhere = self.elsewhere(seen);
        if let Some(miss) = tally.misses.into_iter().next() {
            return Verdict::Missed { miss, meant: tally.held > 0 && elsewhere.is_none() };
        }
        if let Some(miss) = elsewhere {
            return Verdict::Missed { miss, meant: tally.held > 0 };
        }
        match self.judge_world(&seen.facts, world) {
            None => Verdict::Met,
            Some(miss) => Verdict::Missed { miss, meant: tally.held > 0 },
        }
    }

    /// Judges what the check asks of the world alone, for `:check`: is the work done, whoever did it and when?
    pub fn judge_world(&self, facts: &Facts, world: &mut dyn World) -> Option<Miss> {
        if let Some(file) = &self.file {
            let path = match file.path.fill(facts) {
                Ok(path) => path,
                Err(error) => return Some(not_filled(error)),
            };
            let packets = match world.packets(file.at, &path) {
                Ok(packets) => packets,
                Err(trouble) => return Some(Miss::NoFile { at: file.at, path, why: trouble.to_string() }),
            };
            let mut tally = Tally::default();
            judge_packets(&file.holds, &packets, facts, &mut tally);
            if let Some(miss) = tally.misses.into_iter().next() {
                return Some(miss);
            }
        }
        self.probes.iter().find_map(|probe| probe.judge(facts, world))
    }

    fn judge_line(&self, seen: &Observation, tally: &mut Tally) {
        if !self.ran.is_empty() {
            let ran = seen.ran.iter().any(|ran| ran.words.starts_with(&self.ran));
            tally.note(ran, || Miss::OtherCommand { wanted: self.ran.join(" ") });
        }
        if let Some(guide) = &self.guide {
            judge_guide(guide, seen, tally);
        } else if seen.guide.is_some() && self.asks_of_the_line() {
            // The guide's own words are no tool's output.
            tally.miss(Miss::OtherCommand { wanted: self.ran.join(" ") });
            return;
        }
        match self.status {
            None => {}
            Some(WantedStatus::Running) => tally.require(seen.status.is_none(), || Miss::Ended),
            Some(WantedStatus::Ended(wanted)) => match seen.status {
                None => tally.miss(Miss::StillRunning),
                Some(got) => tally.require(got == wanted, || Miss::Status { got, wanted }),
            },
        }
        if !(self.output.is_empty() && self.not_output.is_empty()) {
            let all = format!("{}\n{}", seen.output, seen.errors);
            judge_output(&self.output, &self.not_output, &all, &seen.facts, tally);
        }
        judge_shows(&self.shows, &seen.output, &seen.facts, tally);
        if let Some(captured) = &self.captured {
            let none = Vec::new();
            let packets = seen.captured.get(&captured.at).unwrap_or(&none);
            judge_packets(&captured.holds, packets, &seen.facts, tally);
        }
    }

    /// The miss of a line that ran at another place, if the place matters.
    fn elsewhere(&self, seen: &Observation) -> Option<Miss> {
        if self.at.is_empty() {
            return None;
        }
        let right_command = |ran: &&Ran| self.ran.is_empty() || ran.words.starts_with(&self.ran);
        let places: Vec<Role> = match &seen.guide {
            Some(run) => run.at.into_iter().collect(),
            None => seen.ran.iter().filter(right_command).map(|ran| ran.at).collect(),
        };
        if places.iter().any(|place| self.at.contains(place)) {
            return None;
        }
        Some(match places.first() {
            Some(ran) => Miss::Elsewhere { ran: *ran, wanted: self.at.clone() },
            None => Miss::OtherCommand { wanted: self.ran.join(" ") },
        })
    }

    /// Whether the check asks anything of the line, and not of the world alone.
    fn asks_of_the_line(&self) -> bool {
        !(self.ran.is_empty()
            && self.status.is_none()
            && self.output.is_empty()
            && self.not_output.is_empty()
            && self.shows.0.is_empty()
            && self.captured.is_none())
    }
}

impl Probe {
    fn judge(&self, facts: &Facts, world: &mut dyn World) -> Option<Miss> {
        let run = match self.run.fill(facts) {
            Ok(run) => run,
            Err(error) => return Some(not_filled(error)),
        };
        let outcome = match world.run(self.at, &run) {
            Ok(outcome) => outcome,
            Err(trouble) => return Some(Miss::Lab { why: trouble.to_string() }),
        };
        let mut tally = Tally::default();
        if let Some(wanted) = self.status {
            tally.require(outcome.status == wanted, || Miss::Status { got: outcome.status, wanted });
        }
        judge_output(&self.output, &self.not_output, &outcome.output, facts, &mut tally);
        judge_shows(&self.shows, &outcome.output, facts, &mut tally);
        let why = tally.misses.into_iter().next()?;
        Some(match why {
            // What an earlier step brings is not this command's fault.
            Miss::NotYet { .. } => why,
            why => Miss::World { at: self.at, run, why: Box::new(why) },
        })
    }
}

/// What held, and what did not.
#[derive(Default)]
struct Tally {
    /// How many things held that only a line meant for this check brings about.
    held: usize,
    misses: Vec<Miss>,
}

impl Tally {
    fn miss(&mut self, miss: Miss) {
        self.misses.push(miss);
    }

    /// Something that says what the line was meant for.
    fn note(&mut self, holds: bool, miss: impl FnOnce() -> Miss) {
        self.held += usize::from(holds);
        self.require(holds, miss);
    }

    /// Something that many lines bring about.
    fn require(&mut self, holds: bool, miss: impl FnOnce() -> Miss) {
        if !holds {
            self.misses.push(miss());
        }
    }

    fn count(&mut self, wanted: Option<Count>, what: PacketCount, got: usize) {
        if let Some(wanted) = wanted {
            self.require(wanted.allows(got), || Miss::Packets { what, got, wanted });
        }
    }
}

fn judge_guide(guide: &GuideCheck, seen: &Observation, tally: &mut Tally) {
    let Some(run) = seen.guide.as_ref().filter(|run| run.command == guide.command) else {
        tally.miss(Miss::OtherCommand { wanted: format!(":{}", guide.command) });
        return;
    };
    if !run.done {
        tally.held += 1;
        tally.miss(Miss::GuideFailed { command: run.command.clone() });
        return;
    }
    tally.held += 1;
    let count = |opening| run.packets.iter().filter(|seen| seen.opening == opening).count();
    for (wanted, what, opening) in [
        (guide.decrypted, PacketCount::Decrypted, Opening::Opened),
        (guide.refused, PacketCount::Refused, Opening::BadIcv),
        (guide.no_sa, PacketCount::NoSa, Opening::NoSa),
    ] {
        tally.count(wanted, what, count(opening));
    }
    if let Some(pattern) = &guide.packet {
        let fits = run.packets.iter().map(|packet| pattern.fits(packet, &seen.facts)).collect::<Result<Vec<_>, _>>();
        match fits {
            Ok(fits) => tally.require(fits.contains(&true), || Miss::OtherPacket),
            Err(error) => tally.miss(not_filled(error)),
        }
    }
}

fn judge_output(output: &[Template], not_output: &[Template], text: &str, facts: &Facts, tally: &mut Tally) {
    for pattern in output {
        match pattern.pattern(facts) {
            Ok(regex) => {
                tally.note(regex.is_match(text), || Miss::OutputLacks { pattern: pattern.show(facts) });
            }
            Err(error) => tally.miss(not_filled(error)),
        }
    }
    for pattern in not_output {
        match pattern.pattern(facts).map(|regex| regex.find(text).map(|found| found.as_str().to_owned())) {
            Ok(None) => {}
            Ok(Some(text)) => tally.miss(Miss::OutputHas { text }),
            Err(error) => tally.miss(not_filled(error)),
        }
    }
}

fn judge_shows(shows: &Shows, text: &str, facts: &Facts, tally: &mut Tally) {
    for wanted in &shows.0 {
        let kind = wanted.kind;
        let found = items::read(kind, text);
        tally.held += usize::from(!found.is_empty());
        tally.require(wanted.count.allows(found.len()), || Miss::ItemCount {
            kind,
            got: found.len(),
            wanted: wanted.count,
        });
        for pattern in &wanted.like {
            let fitting = found.iter().map(|item| item.fits(pattern, facts)).collect::<Result<Vec<_>, _>>();
            match fitting {
                Ok(fitting) => tally.require(fitting.contains(&true), || {
                    let fields = pattern.0.iter().map(|(name, value)| format!("{name} {}", value.show(facts)));
                    Miss::ItemLacks { kind, pattern: fields.collect::<Vec<_>>().join(" ") }
                }),
                Err(error) => tally.miss(not_filled(error)),
            }
        }
        let hidden = wanted.keys && found.iter().any(|item| item.key_hidden);
        tally.require(!hidden, || Miss::KeysHidden);
    }
}

fn judge_packets(holds: &Holds, packets: &[Seen], facts: &Facts, tally: &mut Tally) {
    let esp: Vec<(&Seen, &SeenEsp)> = packets.iter().filter_map(|seen| Some((seen, seen.esp.as_ref()?))).collect();
    if let Some(wanted) = holds.clear {
        match between_the_pods(packets, facts) {
            Ok(clear) => tally.count(Some(wanted), PacketCount::Clear, clear.count()),
            Err(error) => tally.miss(not_filled(error)),
        }
    }
    if let Some(wanted) = holds.leaked {
        match between_the_pods(packets, facts) {
            Ok(clear) => tally.count(Some(wanted), PacketCount::Leaked, clear.filter(|seen| leaves(seen)).count()),
            Err(error) => tally.miss(not_filled(error)),
        }
    }
    tally.count(holds.esp, PacketCount::Esp, esp.len());
    for device in &holds.devices {
        match device.fill(facts) {
            Ok(device) => {
                let shown = esp.iter().any(|(seen, _)| seen.device.as_ref() == Some(&device));
                tally.require(shown, || Miss::DeviceLacks { device });
            }
            Err(error) => tally.miss(not_filled(error)),
        }
    }
    let mut sightings: BTreeMap<(u32, u32, &[u8]), usize> = BTreeMap::new();
    for (_, esp) in &esp {
        *sightings.entry((esp.spi.0, esp.seq, &esp.payload)).or_default() += 1;
    }
    tally.count(holds.copies, PacketCount::Copies, sightings.values().copied().max().unwrap_or(0));
    let decrypted = packets.iter().filter(|seen| seen.opening == Opening::Opened).count();
    tally.count(holds.decrypted, PacketCount::Decrypted, decrypted);
}

/// Whether a packet goes out on the wire; the node's other devices lead to pods, or to itself.
fn leaves(seen: &Seen) -> bool {
    seen.direction == Some(Direction::Out) && seen.device.as_deref() == Some("eth0")
}

/// The packets between the two pods that could be read as they were.
fn between_the_pods<'p>(packets: &'p [Seen], facts: &Facts) -> Result<impl Iterator<Item = &'p Seen>, FillError> {
    let pods = [Template::new("{pod_a_ip}").fill(facts)?, Template::new("{pod_b_ip}").fill(facts)?];
    let is_pod = move |address: std::net::IpAddr| pods.contains(&address.to_string());
    let clear = packets.iter().filter(|seen| seen.opening == Opening::Clear);
    Ok(clear.filter(move |seen| seen.outer.is_some_and(|(src, dst)| is_pod(src) && is_pod(dst))))
}

fn not_filled(error: FillError) -> Miss {
    match error {
        FillError::Unknown(variable) => Miss::NotYet { variable },
        // A lesson with such a pattern is not read in the first place.
        FillError::Pattern(why) => Miss::Lab { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{Book, Course, Files, GuideRun, Outcome};
    use crate::esp::Spi;
    use crate::trouble::Trouble;

    /// A world in which every quiet command prints the same, and one capture file is there.
    #[derive(Default)]
    struct Still {
        output: String,
        packets: Option<Vec<Seen>>,
        asked: Vec<String>,
    }

    impl World for Still {
        fn run(&mut self, at: Role, line: &str) -> Result<Outcome, Trouble> {
            self.asked.push(format!("{at}: {line}"));
            Ok(Outcome { output: self.output.clone(), status: 0 })
        }

        fn packets(&mut self, _: Role, path: &str) -> Result<Vec<Seen>, Trouble> {
            self.packets.clone().ok_or_else(|| Trouble::unusable(format!("no such file {path}")))
        }
    }

    /// The check that a step's YAML holds, read as a lesson is.
    fn check(yaml: &str) -> Check {
        let step = format!("id: look\nplace: worker\nsolution: [ip x s]\nchecks:\n{yaml}\n");
        let course = "format: 1\nid: c\nlanguages: [en]\nlabs: [sim]\nparts: [{ id: one, steps: [look] }]\n";
        let files = Files::from_iter([("course.yaml", course), ("steps/look.yaml", &step)]);
        let Course { parts, .. } = Book::read(&files).unwrap_or_else(|faults| panic!("{faults:?}")).course;
        parts[0].steps[0].checks[0].clone()
    }

    fn facts() -> Facts {
        [("pod_a_ip", "10.0.0.144"), ("pod_b_ip", "10.0.1.165"), ("spi", "0x00000003")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    fn seen(at: Role, line: &str, output: &str) -> Observation {
        Observation {
            ran: Ran::all(line, at, &facts()),
            line: line.to_owned(),
            output: output.to_owned(),
            status: Some(0),
            facts: facts(),
            ..Observation::default()
        }
    }

    fn packet(device: &str, seq: u32, opening: Opening) -> Seen {
        Seen {
            device: Some(device.to_owned()),
            direction: None,
            outer: Some(([10, 0, 0, 66].into(), [10, 0, 1, 236].into())),
            esp: Some(SeenEsp { spi: Spi(3), seq, payload: vec![seq as u8; 40] }),
            opening,
            inner: None,
        }
    }

    fn missed(verdict: Verdict) -> (Miss, bool) {
        match verdict {
            Verdict::Met => panic!("met"),
            Verdict::Missed { miss, meant } => (miss, meant),
        }
    }

    const STATE: &str = "src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n\treplay-window 0 \n\taead rfc4106(gcm(aes)) 0x0101010101010101010101010101010101010101 128\n";

    #[test]
    fn every_spelling_with_the_effect_counts_and_the_place_matters() {
        let check = check("  - { at: worker, shows: { states: { keys: true, like: [{ spi: \"{spi}\" }] } } }");
        let mut world = Still::default();
        for line in ["ip x s", "sudo ip -s xfrm st ls | cat", "ip xfrm state list"] {
            assert_eq!(check.judge(&seen(Role::Worker, line, STATE), &mut world), Verdict::Met, "{line}");
        }
        let on_the_other = missed(check.judge(&seen(Role::Worker2, "ip x s", STATE), &mut world));
        assert_eq!(on_the_other, (Miss::Elsewhere { ran: Role::Worker2, wanted: vec![Role::Worker] }, true));
        let from_outside = seen(Role::Machine, "docker exec worker ip x s", STATE);
        assert_eq!(check.judge(&from_outside, &mut world), Verdict::Met);
    }

    #[test]
    fn a_line_that_was_not_meant_for_the_check_is_not_nagged_about() {
        let check = check("  - { at: worker, shows: { states: { keys: true } } }");
        let mut world = Still::default();
        assert!(!missed(check.judge(&seen(Role::Worker, "ls", "all-ipsec.cap\n"), &mut world)).1);
        let masked = STATE.replace("0x0101010101010101010101010101010101010101", "<<Keys hidden>>");
        let hidden = missed(check.judge(&seen(Role::Worker, "ip x s list nokeys", &masked), &mut world));
        assert_eq!(hidden, (Miss::KeysHidden, true));
    }

    #[test]
    fn the_world_is_asked_only_when_the_line_is_right() {
        let check = check("  - { output: done, probe: { at: worker, run: 'ip a', output: eth0 } }");
        let mut world = Still { output: "lo".to_owned(), ..Still::default() };
        assert!(!missed(check.judge(&seen(Role::Worker, "ls", ""), &mut world)).1);
        assert_eq!(world.asked, [""; 0]);
        let (miss, meant) = missed(check.judge(&seen(Role::Worker, "ls", "done"), &mut world));
        let why = Box::new(Miss::OutputLacks { pattern: "eth0".to_owned() });
        assert_eq!((miss, meant), (Miss::World { at: Role::Worker, run: "ip a".to_owned(), why }, true));
        world.output = "eth0".to_owned();
        assert_eq!(check.judge(&seen(Role::Worker, "ls", "done"), &mut world), Verdict::Met);
        assert_eq!(world.asked, ["worker: ip a", "worker: ip a"]);
    }

    #[test]
    fn copies_of_one_packet_are_told_from_packets_alike() {
        let check = check("  - { captured: { at: worker, esp: { at_least: 3 }, copies: 3, devices: [eth0] } }");
        let run = |packets: Vec<Seen>| {
            let mut seen = seen(Role::PodA, "ping", "");
            seen.captured.insert(Role::Worker, packets);
            check.judge(&seen, &mut Still::default())
        };
        let on = |device, seq| packet(device, seq, Opening::Opened);
        assert_eq!(run(vec![on("cilium_host", 1), on("cilium_net", 1), on("eth0", 1), on("eth0", 2)]), Verdict::Met);
        let copies = |got| Miss::Packets { what: PacketCount::Copies, got, wanted: Count::exactly(3) };
        assert_eq!(missed(run(vec![on("eth0", 1), on("eth0", 2), on("eth0", 3)])).0, copies(1));
        let elsewhere = missed(run(vec![on("a", 1), on("b", 1), on("c", 1)])).0;
        assert_eq!(elsewhere, Miss::DeviceLacks { device: "eth0".to_owned() });
    }

    #[test]
    fn only_what_goes_out_on_the_wire_in_clear_is_leaked() {
        let check = check("  - { captured: { at: worker, leaked: 1 } }");
        let pods = |src: &str, dst: &str| Some((src.parse().unwrap(), dst.parse().unwrap()));
        let facts = Facts::from([("pod_a_ip".into(), "10.0.0.144".into()), ("pod_b_ip".into(), "10.0.1.165".into())]);
        for (device, direction, opening, outer, leaked) in [
            ("eth0", Direction::Out, Opening::Clear, pods("10.0.0.144", "10.0.1.165"), true),
            ("eth0", Direction::In, Opening::Clear, pods("10.0.1.165", "10.0.0.144"), false),
            ("cilium_host", Direction::Out, Opening::Clear, pods("10.0.0.144", "10.0.1.165"), false),
            ("eth0", Direction::Out, Opening::Opened, pods("10.0.0.66", "10.0.1.236"), false),
            ("eth0", Direction::Out, Opening::Clear, pods("172.18.0.3", "10.0.1.165"), false),
        ] {
            let direction = Some(direction);
            let seen_packet = Seen { direction, outer, esp: None, ..packet(device, 1, opening) };
            let mut seen = Observation { facts: facts.clone(), ..seen(Role::PodA, "ping", "") };
            seen.captured.insert(Role::Worker, vec![seen_packet]);
            assert_eq!(check.judge(&seen, &mut Still::default()) == Verdict::Met, leaked, "{device} {direction:?}");
        }
    }

    #[test]
    fn what_the_guide_did_is_judged_by_its_result() {
        let check = check("  - { guide: { command: decrypt, decrypted: 0, refused: { at_least: 1 } } }");
        let run = |command: &str, done, opening| {
            let packets = vec![packet("eth0", 1, opening)];
            let guide = GuideRun { command: command.to_owned(), at: Some(Role::Worker), done, packets };
            let seen = Observation { guide: Some(guide), facts: facts(), ..Observation::default() };
            check.judge(&seen, &mut Still::default())
        };
        assert_eq!(run("decrypt", true, Opening::BadIcv), Verdict::Met);
        let opened = Miss::Packets { what: PacketCount::Decrypted, got: 1, wanted: Count::exactly(0) };
        assert_eq!(missed(run("decrypt", true, Opening::Opened)), (opened, true));
        let failed = Miss::GuideFailed { command: "decrypt".to_owned() };
        assert_eq!(missed(run("decrypt", false, Opening::BadIcv)), (failed, true));
        assert!(!missed(run("map", true, Opening::BadIcv)).1);
    }

    #[test]
    fn a_capture_file_is_read_and_one_that_is_not_there_is_named() {
        let check = check("  - { file: { at: worker, path: all.cap, holds: { decrypted: 1 } } }");
        let line = seen(Role::Worker, "ls", "");
        let mut world = Still::default();
        assert!(matches!(missed(check.judge(&line, &mut world)).0, Miss::NoFile { at: Role::Worker, .. }));
        world.packets = Some(vec![packet("eth0", 1, Opening::Opened), packet("eth0", 2, Opening::NoSa)]);
        assert_eq!(check.judge(&line, &mut world), Verdict::Met);
    }

    #[test]
    fn a_value_the_lab_does_not_know_yet_is_said_to_be_missing() {
        let check = check("  - { output: '{worker_ip}' }");
        let miss = missed(check.judge(&seen(Role::Worker, "ls", "x"), &mut Still::default())).0;
        assert_eq!(miss, Miss::NotYet { variable: "worker_ip".to_owned() });
    }

    #[test]
    fn every_miss_is_said_in_every_language() {
        use PacketCount::{Clear, Copies, Decrypted, Esp, NoSa, Refused};

        use crate::course::ItemKind::{Addresses, Policies, Routes, Rules, States};
        use crate::words::{Language, Words};
        let world = Miss::World { at: Role::Worker, run: "ip a".into(), why: Box::new(Miss::StillRunning) };
        let mut misses = vec![
            Miss::Elsewhere { ran: Role::Worker2, wanted: vec![Role::Worker] },
            Miss::OtherCommand { wanted: "tcpdump".into() },
            Miss::OtherCommand { wanted: String::new() },
            Miss::StillRunning,
            Miss::Ended,
            Miss::Status { got: 1, wanted: 0 },
            Miss::OutputLacks { pattern: "x".into() },
            Miss::OutputHas { text: "x".into() },
            Miss::KeysHidden,
            Miss::DeviceLacks { device: "eth0".into() },
            Miss::NoFile { at: Role::Worker, path: "a".into(), why: "b".into() },
            Miss::GuideFailed { command: "decrypt".into() },
            Miss::OtherPacket,
            world,
            Miss::Lab { why: "x".into() },
            Miss::NotYet { variable: "pod_a_ip".into() },
        ];
        for kind in [States, Policies, Rules, Routes, Addresses] {
            misses.push(Miss::ItemCount { kind, got: 0, wanted: Count::at_least(3) });
            misses.push(Miss::ItemCount { kind, got: 2, wanted: Count::at_least(3) });
            misses.push(Miss::ItemLacks { kind, pattern: "dst 10.0.1.236".into() });
        }
        for what in [Esp, Clear, Decrypted, Refused, NoSa, Copies] {
            misses.push(Miss::Packets { what, got: 1, wanted: Count::exactly(3) });
        }
        for words in Language::ALL.map(Words::new) {
            for miss in &misses {
                let said = miss.say(&words);
                assert!(!said.contains('⟦') && !said.contains('{'), "{miss:?}: {said}");
            }
        }
    }
}
