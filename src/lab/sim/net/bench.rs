//! A bench for the network tools: the course's cluster, and a scheduler just large enough to run one tool beside
//! another.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::super::{Call, DAWN, Io, Process, Signal, Step, World};
use super::program;
use crate::datapath::IpsecKey;
use crate::esp::Secret;
use crate::lab::Stream;
use crate::xfrm::{Algorithm, AlgorithmKind, Key};

/// The course's cluster, with Cilium and two pods, and programs that run in it.
pub(super) struct Bench {
    pub(super) world: World,
    running: Vec<(Box<dyn Process>, Io)>,
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
        Self { world, running: Vec::new() }
    }

    /// Starts a line at a place (`worker` stands for its full name).
    pub(super) fn start(&mut self, place: &str, line: &str) {
        let network = if place.contains("worker") || place == "control-plane" {
            format!("cilium-ipsec-native-routing-{place}")
        } else {
            place.to_owned()
        };
        self.world.files.entry(network.clone()).or_default();
        let call = Call {
            words: line.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect(),
            place: network.clone(),
            network,
            folder: "/".to_owned(),
            environment: BTreeMap::new(),
            terminal: None,
        };
        let process = program(&call).unwrap_or_else(|| panic!("no program {}", call.name()));
        self.running.push((process, Io::default()));
        let at = self.running.len() - 1;
        self.step(at);
    }

    /// Runs a line to its end.
    pub(super) fn run(&mut self, place: &str, line: &str) -> Answer {
        self.start(place, line);
        for _ in 0..100_000 {
            let last = self.running.len() - 1;
            let mut wake = self.world.net.next_event();
            for at in 0..self.running.len() {
                match self.step(at) {
                    Step::Exit(status) if at == last => {
                        let (_, io) = self.running.pop().expect("it was there");
                        return answer(io, status);
                    }
                    Step::Wait(Some(time)) => wake = Some(wake.map_or(time, |wake| wake.min(time))),
                    _ => {}
                }
            }
            let next = wake.unwrap_or_else(|| self.world.now());
            self.world.set_now(next);
            self.world.net.run_until(next);
        }
        panic!("{line} did not end");
    }

    /// Presses Ctrl-C for the line that was started first.
    pub(super) fn interrupt(&mut self) -> Answer {
        let (mut process, mut io) = self.running.remove(0);
        let ended = process.signal(Signal::Interrupt, &mut self.world, &mut io);
        let super::super::OnSignal::Exits(status) = ended else { panic!("it went on") };
        answer(io, status)
    }

    fn step(&mut self, at: usize) -> Step {
        let (process, io) = &mut self.running[at];
        process.step(&mut self.world, io)
    }
}

fn answer(mut io: Io, status: i32) -> Answer {
    let (mut out, mut err) = (String::new(), String::new());
    for (stream, octets) in io.take_output() {
        let text = String::from_utf8_lossy(&octets).into_owned();
        match stream {
            Stream::Out => out.push_str(&text),
            Stream::Err => err.push_str(&text),
        }
    }
    Answer { out, err, status }
}

#[test]
fn dawn_is_where_the_world_begins() {
    assert_eq!(World::new(1).now(), DAWN);
}
