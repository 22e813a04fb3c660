//! A bench for the network tools: the course's cluster, and a scheduler just large enough to run one tool beside
//! another.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::super::{Call, DAWN, Io, OnSignal, Process, Signal, Step, World};
use super::program;
use crate::datapath::{Device, DeviceKind, Filter, Hook, HookPoint, IfIndex, IpsecKey, Mac, Program, Stack, StackId};
use crate::esp::Secret;
use crate::lab::Stream;
use crate::packet::Timestamp;
use crate::xfrm::{Algorithm, AlgorithmKind, Key, Prefix};

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
    /// The lab of `tests/kernel/lab.sh`: the course's cluster without BPF, with its MACs and device numbers.
    pub(super) fn kernel_lab() -> Self {
        let mut world = World::new(1);
        world.net.cluster.stacks.clear();
        let mut bench = Self { world, running: Vec::new() };
        let cluster = &mut bench.world.net.cluster;
        let kind = cluster.add_stack(Stack::new("kind"));
        let stack = cluster.stack_mut(kind).expect("kind");
        stack.set_forwarding(true);
        let bridge = DeviceKind::Bridge { seen: BTreeMap::new() };
        stack.add_device(Device::new(IfIndex(9), "br-kind", bridge, Mac([2, 0x42, 0x5e, 0x1f, 0xa0, 1]), 1500));
        bench.ip("kind", "link set br-kind up\naddr add 172.18.0.1/16 brd 172.18.255.255 dev br-kind");
        let nodes = [
            ("worker", 0, 66, 3, Some(("pod-a", 144, "lxc9f1c7a20d5e3"))),
            ("worker2", 1, 236, 2, Some(("pod-b", 165, "lxc4b80e6f1a7c2"))),
            ("control-plane", 2, 189, 4, None),
        ];
        for (at, (name, net, host, node, pod)) in (2..).zip(nodes) {
            bench.kernel_node(kind, IfIndex(at), name, (net, host, node));
            if let Some((pod, address, device)) = pod {
                bench.kernel_pod(name, (net, host), pod, address, device);
            }
            bench.kernel_marks(name, net, pod.map(|(.., device)| device));
            let peers = nodes.iter().filter(|(peer, ..)| *peer != name);
            let peers: Vec<(u8, u8, u8)> = peers.map(|(_, net, host, node, _)| (*net, *host, *node)).collect();
            bench.kernel_peers(name, (net, host), &peers);
        }
        bench
    }

    fn kernel_node(&mut self, kind: StackId, port: IfIndex, name: &str, (net, host, node): (u8, u8, u8)) {
        let cluster = &mut self.world.net.cluster;
        let mut stack = Stack::new(format!("cilium-ipsec-native-routing-{name}"));
        stack.set_forwarding(true);
        stack.sysctl.default.send_redirects = false;
        stack.sysctl.all.send_redirects = false;
        let id = cluster.add_stack(stack);
        let outside = format!("veth{node}");
        let mac = |a, b, address: [u8; 4]| Mac([a, b, address[0], address[1], address[2], address[3]]);
        let eth0 = mac(2, 0x42, [172, 18, 0, node]);
        cluster.add_veth((id, "eth0", IfIndex(2), eth0), (kind, &outside, port, Mac([2, 2, 2, 2, 2, node])));
        let host_mac = mac(0x5a, 1, [10, 0, net, host]);
        let net_mac = mac(0x5a, 2, [10, 0, net, host]);
        cluster.add_veth((id, "cilium_host", IfIndex(4), host_mac), (id, "cilium_net", IfIndex(3), net_mac));
        let kind = cluster.stack_mut(kind).expect("kind");
        if let Some(DeviceKind::Veth { master, .. }) = kind.device_mut(&outside).map(|device| &mut device.kind) {
            *master = Some(IfIndex(9));
        }
        kind.set_up(&outside);
        self.ip(
            name,
            &format!(
                "addr add 172.18.0.{node}/16 brd 172.18.255.255 dev eth0\nlink set eth0 up\n\
                 route add default via 172.18.0.1 dev eth0\nlink set cilium_net arp off up\n\
                 link set cilium_host arp off up\naddr add 10.0.{net}.{host}/32 dev cilium_host scope link\n\
                 rule add fwmark 0xd00/0xf00 lookup 200 pref 1\nrule add fwmark 0xe00/0xf00 lookup 200 pref 1\n\
                 rule add fwmark 0x200/0xf00 lookup 2004 pref 9\nrule add lookup local pref 100\n\
                 rule del lookup local pref 0\nroute add local 0.0.0.0/0 dev lo table 2004\n\
                 route add local 10.0.{net}.0/24 dev eth0 proto 50 scope host table 200\n\
                 route add 10.0.{net}.{host} dev cilium_host scope link\n\
                 route add 10.0.{net}.0/24 via 10.0.{net}.{host} dev cilium_host src 10.0.{net}.{host}"
            ),
        );
        for device in ["cilium_net", "cilium_host"] {
            let stack = self.world.net.cluster.stack_mut(id).expect("the node");
            stack.device_mut(device).expect("a device").conf.accept_local = true;
        }
    }

    fn kernel_pod(&mut self, node: &str, (net, host): (u8, u8), pod: &str, address: u8, device: &str) {
        let cluster = &mut self.world.net.cluster;
        let node_id = cluster.find(&format!("cilium-ipsec-native-routing-{node}")).expect("the node");
        let id = cluster.add_stack(Stack::new(pod));
        let mac = |last| Mac([0x5a, last, 10, 0, net, address]);
        cluster.add_veth((node_id, device, IfIndex(5), mac(3)), (id, "eth0", IfIndex(2), mac(4)));
        self.ip(pod, "link set eth0 up");
        self.ip(
            node,
            &format!("link set {device} up\nroute add 10.0.{net}.{address} dev {device} proto kernel scope link"),
        );
        self.ip(
            pod,
            &format!(
                "addr add 10.0.{net}.{address}/32 dev eth0\nroute add 10.0.{net}.{host} dev eth0 scope link\n\
                 route add default via 10.0.{net}.{host} dev eth0 mtu 1423"
            ),
        );
    }

    fn kernel_marks(&mut self, name: &str, net: u8, lxc: Option<&str>) {
        let cluster = &mut self.world.net.cluster;
        let id = cluster.find(&format!("cilium-ipsec-native-routing-{name}")).expect("the node");
        let stack = cluster.stack_mut(id).expect("the node");
        let none = Filter { destination: None, protocol: None, mark: None, to_host: false };
        let pods = |net: u8| Some(Prefix { addr: Ipv4Addr::new(10, 0, net, 0).into(), len: 24 });
        let encrypt = (0..3).filter(|peer| *peer != net).map(|peer| Filter {
            destination: pods(peer),
            mark: Some(0x3e00),
            ..none.clone()
        });
        let mut hook = |device: &str, filters| {
            let device = stack.device(device).expect("a device").index;
            stack.hooks.push(Hook { device, point: HookPoint::Ingress, program: Program::Tc(filters) });
        };
        if let Some(lxc) = lxc {
            hook(lxc, encrypt.collect());
        }
        hook("cilium_net", vec![Filter { mark: Some(0), to_host: true, ..none.clone() }]);
        hook(
            "eth0",
            vec![
                Filter { protocol: Some(50), mark: Some(0xd00), ..none.clone() },
                Filter { destination: pods(net), mark: Some(0), ..none },
            ],
        );
    }

    fn kernel_peers(&mut self, name: &str, (net, host): (u8, u8), peers: &[(u8, u8, u8)]) {
        let aead = "aead rfc4106(gcm(aes)) 0x6c6561726e2d79612d6769722d742d65732d6531 128";
        self.ip(
            name,
            &format!(
                "xfrm state add src 0.0.0.0 dst 10.0.{net}.{host} proto esp spi 3 reqid 1 mode tunnel mark 0xd00 mask 0xf00 output-mark 0xd00 mask 0xf00 {aead}\n\
                 xfrm policy add src 0.0.0.0/0 dst 10.0.{net}.0/24 dir in mark 0xd00 mask 0xf00 tmpl src 0.0.0.0 dst 10.0.{net}.{host} proto esp reqid 1 mode tunnel\n\
                 xfrm policy add src 0.0.0.0/0 dst 10.0.{net}.0/24 dir in mark 0x200 mask 0xf00 tmpl src 0.0.0.0 dst 10.0.{net}.{host} proto esp reqid 1 mode tunnel level use\n\
                 xfrm policy add src 0.0.0.0/0 dst 10.0.{net}.0/24 dir fwd priority 2975 mark 0 mask 0xf00 tmpl src 0.0.0.0 dst 10.0.{net}.{host} proto esp reqid 1 mode tunnel level use"
            ),
        );
        for (peer_net, peer_host, peer_node) in peers {
            self.ip(
                name,
                &format!(
                    "route add 10.0.{peer_net}.0/24 via 172.18.0.{peer_node} dev eth0\n\
                     route add 10.0.{peer_net}.0/24 dev cilium_host scope global mtu 1500 table 200\n\
                     xfrm state add src 10.0.{net}.{host} dst 10.0.{peer_net}.{peer_host} proto esp spi 3 reqid 1 mode tunnel mark 0x3e00 mask 0xff00 output-mark 0xe00 mask 0xf00 {aead}\n\
                     xfrm policy add src 10.0.{net}.0/24 dst 10.0.{peer_net}.0/24 dir out mark 0x3e00 mask 0xff00 tmpl src 10.0.{net}.{host} dst 10.0.{peer_net}.{peer_host} proto esp spi 3 reqid 1 mode tunnel\n\
                     xfrm policy add src 0.0.0.0/0 dst 10.0.{peer_net}.0/24 dir fwd priority 2975 mark 0 mask 0xf00 tmpl src 0.0.0.0 dst 10.0.{peer_net}.{peer_host} proto esp reqid 1 mode tunnel level use"
                ),
            );
        }
    }

    /// Runs `ip` for each line.
    fn ip(&mut self, place: &str, lines: &str) {
        for line in lines.lines() {
            let answer = self.run(place, &format!("ip {line}"));
            assert_eq!((answer.status, answer.err.as_str()), (0, ""), "{place}: ip {line}");
        }
    }

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

    /// What a file under `/proc` says.
    pub(super) fn cat(&self, place: &str, path: &str) -> Answer {
        let text = super::proc_file(&self.world.net, &full_name(place), path).expect("a file");
        Answer { out: String::from_utf8_lossy(&text).into_owned(), err: String::new(), status: 0 }
    }

    /// The few calls of `tc` that the scenarios make.
    pub(super) fn tc(&mut self, place: &str, line: &str) {
        let cluster = &mut self.world.net.cluster;
        let id = cluster.find(&full_name(place)).expect("a place");
        let stack = cluster.stack_mut(id).expect("a place");
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word: &str| words.iter().position(|own| *own == word).and_then(|at| words.get(at + 1)).copied();
        let device = stack.device(after("dev").expect("a device")).expect("a device").index;
        let hook = stack.hooks.iter_mut().find(|hook| hook.device == device).expect("a hook");
        let Program::Tc(filters) = &mut hook.program else { panic!("no tc filters") };
        let place = after("prio").map(|prio| prio.parse::<usize>().expect("a number") - 1);
        let mark = after("mark").map(|mark| {
            mark.strip_prefix("0x").map_or_else(|| mark.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
        });
        match (words[2], place) {
            ("del", Some(at)) => {
                // A place that stays empty: the others keep their preference.
                filters[at] = Filter { destination: None, protocol: Some(255), mark: None, to_host: false };
            }
            ("del", None) => filters.clear(),
            ("replace", Some(at)) => filters[at].mark = mark.flatten(),
            ("add", _) => {
                let to_host = line.contains("ptype host");
                filters.push(Filter { destination: None, protocol: None, mark: mark.flatten(), to_host });
            }
            _ => panic!("{line}"),
        }
    }

    /// Lets time pass.
    pub(super) fn pause(&mut self, seconds: f64) {
        #[expect(clippy::cast_sign_loss, reason = "pauses are short and forward")]
        let until = Timestamp(self.world.now().0 + (seconds * 1e9) as u64);
        self.world.set_now(until);
        self.world.net.run_until(until);
        for at in 0..self.running.len() {
            self.step(at);
        }
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

    /// How many lines run beside.
    pub(super) fn beside(&self) -> usize {
        self.running.len()
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
