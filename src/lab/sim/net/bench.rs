//! A bench for the network tools: the course's cluster, and a scheduler just large enough to run one tool beside
//! another.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::super::{Call, DAWN, Io, OnSignal, Process, Signal, Step, World};
use super::program;
use crate::datapath::IpsecKey;
use crate::esp::Secret;
use crate::lab::Stream;
use crate::packet::Timestamp;
use crate::xfrm::{Algorithm, AlgorithmKind, Key};

/// The course's cluster, with Cilium and two pods, and programs that run in it.
pub(super) struct Bench {
    pub(super) world: World,
    running: Vec<Running>,
}

/// A program under way.
struct Running {
    process: Box<dyn Process>,
    io: Io,
    status: Option<i32>,
}

/// What a program wrote, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) status: i32,
}

impl Bench {
    pub(super) fn course() -> Self {
        let mut world = World::new(1);
        let machine = world.net.machine;
        let cluster = &mut world.net.cluster;
        let name = |end: &str| format!("cilium-ipsec-native-routing-{end}");
        cluster.add_node(machine, &name("control-plane"), Ipv4Addr::new(172, 18, 0, 4));
        let worker = cluster.add_node(machine, &name("worker"), Ipv4Addr::new(172, 18, 0, 3));
        let worker2 = cluster.add_node(machine, &name("worker2"), Ipv4Addr::new(172, 18, 0, 2));
        let key = Key::Known(Secret::new((0x10..0x24).collect()));
        let kind = AlgorithmKind::Aead { icv_bits: 128 };
        let aead = Algorithm { kind, name: "rfc4106(gcm(aes))".to_owned(), key };
        cluster.install_cilium(Some(&IpsecKey { id: 3, algorithms: vec![aead] }));
        cluster.add_pod(worker, "pod-a", 25669).expect("a pod");
        cluster.add_pod(worker2, "pod-b", 25670).expect("a pod");
        // IPv6 has told its groups, and the bridge knows its cables.
        world.pass(Duration::from_secs(5));
        Self { world, running: Vec::new() }
    }

    /// Starts a line at a place (`worker` stands for its full name).
    pub(super) fn start(&mut self, place: &str, line: &str) {
        let network = full_name(place);
        let files = self.world.files.entry(network.clone()).or_default();
        files.make_folders("/work").expect("a folder");
        let call = Call {
            words: words(line),
            place: network.clone(),
            network,
            folder: "/work".to_owned(),
            environment: BTreeMap::new(),
            terminal: None,
        };
        let process = program(&call).unwrap_or_else(|| panic!("no program {}", call.name()));
        self.running.push(Running { process, io: Io::default(), status: None });
        let at = self.running.len() - 1;
        self.step(at);
    }

    /// Runs a line to its end.
    pub(super) fn run(&mut self, place: &str, line: &str) -> Answer {
        self.start(place, line);
        let last = self.running.len() - 1;
        for _ in 0..1_000_000 {
            if self.running[last].status.is_some() {
                return self.running.pop().expect("it was there").answer();
            }
            let mut wake = self.world.net.next_event();
            for at in 0..self.running.len() {
                if let Some(time) = self.step(at) {
                    wake = Some(wake.map_or(time, |wake| wake.min(time)));
                }
            }
            if self.running[last].status.is_some() {
                continue;
            }
            let next = wake.unwrap_or_else(|| self.world.now());
            self.world.set_now(next);
            self.world.net.run_until(next);
        }
        panic!("{line} did not end");
    }

    /// Presses Ctrl-C for the line that was started first.
    pub(super) fn interrupt(&mut self) -> Answer {
        let mut first = self.running.remove(0);
        if first.status.is_none() {
            let ended = first.process.signal(Signal::Interrupt, &mut self.world, &mut first.io);
            let OnSignal::Exits(status) = ended else { panic!("it went on") };
            first.status = Some(status);
        }
        first.answer()
    }

    /// One step of a program that has not ended; when it wants to be stepped again.
    fn step(&mut self, at: usize) -> Option<Timestamp> {
        let running = &mut self.running[at];
        if running.status.is_some() {
            return None;
        }
        match running.process.step(&mut self.world, &mut running.io) {
            Step::Exit(status) => {
                running.status = Some(status);
                None
            }
            Step::Wait(time) => time,
            Step::Again => Some(self.world.now()),
            Step::Become(_) => panic!("no network tool becomes another"),
        }
    }
}

impl Running {
    fn answer(mut self) -> Answer {
        let (mut out, mut err) = (String::new(), String::new());
        for (stream, octets) in self.io.take_output() {
            let text = String::from_utf8_lossy(&octets).into_owned();
            match stream {
                Stream::Out => out.push_str(&text),
                Stream::Err => err.push_str(&text),
            }
        }
        Answer { out, err, status: self.status.unwrap_or(-1) }
    }
}

/// `worker` stands for its full name.
fn full_name(place: &str) -> String {
    if place.contains("worker") || place == "control-plane" {
        format!("cilium-ipsec-native-routing-{place}")
    } else {
        place.to_owned()
    }
}

/// The words of a line, of which some are in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn dawn_is_where_the_world_begins() {
    assert_eq!(World::new(1).now(), DAWN);
}
