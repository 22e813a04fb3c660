//! The datapath model against what the facts say of Cilium's cluster and what real kernels did.

use std::net::Ipv4Addr;

use esplain::datapath::{
    Cluster, Drop, IpsecKey, Outgoing, PathMtu, SendError, Sight, Stack, StackId, TraceEnd, XfrmCounter,
};
use esplain::esp::Secret;
use esplain::packet::{PacketType, Timestamp};
use esplain::xfrm::{Algorithm, AlgorithmKind, Direction, Key};

const DAWN: Timestamp = Timestamp(1_675_216_800_000_000_000);

/// The course's cluster with Cilium and its two pods.
struct Course {
    cluster: Cluster,
    worker: StackId,
    worker2: StackId,
    pod_a: StackId,
}

fn key(id: u8, octet: u8) -> IpsecKey {
    let secret = Key::Known(Secret::new((0..20).map(|at| octet ^ at).collect()));
    let kind = AlgorithmKind::Aead { icv_bits: 128 };
    IpsecKey { id, algorithms: vec![Algorithm { kind, name: "rfc4106(gcm(aes))".to_owned(), key: secret }] }
}

fn course(seed: u64) -> Course {
    course_with(seed, 0x5a)
}

fn course_with(seed: u64, octet: u8) -> Course {
    let mut cluster = Cluster::new(seed, DAWN);
    let machine = cluster.add_machine("machine");
    cluster.add_node(machine, "c-control-plane", Ipv4Addr::new(172, 18, 0, 4));
    let worker = cluster.add_node(machine, "c-worker", Ipv4Addr::new(172, 18, 0, 3));
    let worker2 = cluster.add_node(machine, "c-worker2", Ipv4Addr::new(172, 18, 0, 2));
    cluster.install_cilium(Some(&key(3, octet)));
    let a = cluster.add_pod(worker, "pod-a", 25669).expect("a pod");
    let b = cluster.add_pod(worker2, "pod-b", 25670).expect("a pod");
    assert_eq!((a, b), (Ipv4Addr::new(10, 0, 0, 144), Ipv4Addr::new(10, 0, 1, 165)));
    let pod_a = cluster.find("pod-a").expect("pod-a");
    Course { cluster, worker, worker2, pod_a }
}

impl Course {
    /// The TTL of the reply to a ping with `size` octets of data from pod A to pod B, if there is one.
    fn ping(&mut self, size: usize) -> Option<u8> {
        self.ping_to([10, 0, 1, 165], size, PathMtu::Want).expect("sent")
    }

    fn ping_to(&mut self, to: [u8; 4], size: usize, path_mtu: PathMtu) -> Result<Option<u8>, SendError> {
        let (socket, ident) = self.cluster.open_ping(self.pod_a, None);
        let out = Outgoing { path_mtu, ..Outgoing::new(to.into(), 1, vec![0x42; size]) };
        self.cluster.echo(self.pod_a, ident, 1, out)?;
        self.cluster.deliver();
        Ok(self.cluster.take(self.pod_a, socket).filter(|answer| answer.about.is_none()).map(|reply| reply.ttl))
    }

    /// The XFRM counters that moved on the two workers.
    fn moved(&self) -> [Vec<(XfrmCounter, u64)>; 2] {
        [self.worker, self.worker2]
            .map(|node| self.cluster.stack(node).expect("a node").counters.xfrm.moved().collect())
    }

    fn change(&mut self, node: StackId, change: impl FnOnce(&mut Stack)) {
        change(self.cluster.stack_mut(node).expect("a node"));
    }
}

/// `lxc In 1 ttl 64 len 84`: device (pods' devices by their kind), direction, protocol, TTL, length.
fn line(sight: &Sight) -> String {
    let direction = match sight.kind {
        PacketType::Host => "In",
        PacketType::Outgoing => "Out",
        PacketType::OtherHost => "P",
        PacketType::Broadcast => "B",
        _ => "?",
    };
    let name = if sight.name.starts_with("lxc") { "lxc" } else { &sight.name };
    let (ttl, protocol) = (sight.octets[8], sight.octets[9]);
    format!("{name} {direction} proto {protocol} ttl {ttl} len {}", sight.octets.len())
}

#[test]
fn a_ping_between_pods_shows_seven_lines_on_the_senders_node() {
    let mut course = course(1);
    let tap = course.cluster.tap(course.worker, None);
    assert_eq!(course.ping(56), Some(61), "the TTL that ping prints");
    let seen: Vec<String> = course.cluster.seen(tap).iter().map(line).collect();
    assert_eq!(
        seen,
        [
            "lxc In proto 1 ttl 64 len 84",
            "cilium_host Out proto 50 ttl 64 len 140",
            "cilium_net P proto 50 ttl 64 len 140",
            "eth0 Out proto 50 ttl 63 len 140",
            "eth0 In proto 50 ttl 63 len 140",
            "eth0 In proto 1 ttl 62 len 84",
            "lxc Out proto 1 ttl 61 len 84",
        ]
    );
    assert_eq!(course.moved(), [vec![], vec![]]);
}

#[test]
fn the_same_seed_gives_the_same_octets_and_another_one_others() {
    let run = |seed| {
        let mut course = course(seed);
        let tap = course.cluster.tap(course.worker, None);
        course.ping(56);
        course.cluster.seen(tap)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn the_esp_packet_is_one_and_the_same_in_its_three_copies() {
    let mut course = course(1);
    let tap = course.cluster.tap(course.worker, None);
    course.ping(56);
    let seen = course.cluster.seen(tap);
    let esp: Vec<&[u8]> = seen[1..4].iter().map(|sight| &sight.octets[20..]).collect();
    assert!(esp.iter().all(|octets| *octets == esp[0]));
    assert_eq!(&esp[0][..8], [0, 0, 0, 3, 0, 0, 0, 1], "SPI 3, sequence number 1");
    // DF is copied from the request, and the identification of such a packet is 0; the reply has neither.
    assert_eq!(&seen[1].octets[4..8], [0, 0, 0x40, 0]);
    assert_eq!(seen[4].octets[6] & 0x40, 0);
}

#[test]
fn the_route_stops_what_is_longer_than_1423_octets() {
    let mut course = course(1);
    let pod_b = [10, 0, 1, 165];
    assert_eq!(course.ping_to(pod_b, 1395, PathMtu::Do), Ok(Some(61)));
    assert_eq!(course.ping_to(pod_b, 1396, PathMtu::Do), Err(SendError::TooLong { mtu: 1423 }));
    // Without DF it goes in fragments, each encrypted for itself.
    let tap = course.cluster.tap(course.worker, None);
    assert_eq!(course.ping_to(pod_b, 3000, PathMtu::Want), Ok(Some(61)));
    let esp =
        course.cluster.seen(tap).iter().filter(|sight| sight.octets[9] == 50 && sight.name == "cilium_host").count();
    assert_eq!(esp, 3);
    assert_eq!(course.moved(), [vec![], vec![]]);
}

#[test]
fn what_breaks_moves_its_own_counter_and_no_other() {
    use XfrmCounter::{XfrmInNoStates, XfrmInStateProtoError, XfrmOutNoStates, XfrmOutPolBlock, XfrmOutPolError};
    type Break = fn(&mut Course);
    let cases: [(&str, Break, [&[XfrmCounter]; 2]); 6] = [
        ("nothing", |_| {}, [&[], &[]]),
        (
            "no OUT state",
            |course| course.change(course.worker, |own| own.sad.retain(|entry| entry.state.src.is_loopback())),
            [&[XfrmOutNoStates], &[]],
        ),
        (
            "no IN state",
            |course| course.change(course.worker2, |own| own.sad.retain(|entry| !entry.state.src.is_unspecified())),
            [&[], &[XfrmInNoStates]],
        ),
        (
            "another key",
            |course| {
                let mut other = course_with(1, 0x33);
                let state = other.cluster.stack_mut(other.worker2).expect("a node").sad.remove(0);
                course.change(course.worker2, |own| own.sad[0] = state);
            },
            [&[], &[XfrmInStateProtoError]],
        ),
        (
            "another reqid",
            |course| {
                course.change(course.worker, |own| own.sad.iter_mut().for_each(|entry| entry.state.reqid = 7));
            },
            [&[XfrmOutPolError], &[]],
        ),
        (
            "a blocking policy",
            |course| {
                course.change(course.worker, |own| {
                    let out = own.spd.iter_mut().filter(|entry| entry.policy.dir == Direction::Out);
                    out.for_each(|entry| entry.policy.action = esplain::xfrm::Action::Block);
                });
            },
            [&[XfrmOutPolBlock], &[]],
        ),
    ];
    for (name, breaks, expected) in cases {
        let mut course = course(1);
        breaks(&mut course);
        let answered = course.ping(56).is_some();
        assert_eq!(answered, name == "nothing", "{name}");
        let expected = expected.map(|counters| counters.iter().map(|counter| (*counter, 1)).collect::<Vec<_>>());
        assert_eq!(course.moved(), expected, "{name}");
    }
}

#[test]
fn without_accept_local_the_esp_packet_dies_on_cilium_net_and_no_counter_tells() {
    let mut course = course(1);
    course.change(course.worker, |own| {
        own.device_mut("cilium_net").expect("a device").conf.accept_local = false;
    });
    let tap = course.cluster.tap(course.worker, None);
    assert_eq!(course.ping(56), None);
    let devices: Vec<String> = course.cluster.seen(tap).into_iter().map(|sight| sight.name).collect();
    assert_eq!(devices[1..], ["cilium_host", "cilium_net"]);
    assert_eq!(course.moved(), [vec![], vec![]]);
    let trace = course.cluster.trace_echo(course.pod_a, [10, 0, 1, 165].into(), 56, 0).expect("sent");
    assert_eq!(trace.end, TraceEnd::Dropped("c-worker".to_owned(), Drop::MartianSource));
}

#[test]
fn a_key_rotation_loses_no_packet_and_ends_with_the_new_spi() {
    let mut course = course(1);
    let spi = |course: &mut Course| {
        let tap = course.cluster.tap(course.worker, None);
        assert_eq!(course.ping(56), Some(61));
        course.cluster.seen(tap)[1].octets[23]
    };
    assert_eq!(spi(&mut course), 3);
    let stacks = course.cluster.cilium_stacks();
    // One node after the other has the new key; both ends use the older one until both announced it.
    for (at, stack) in stacks.iter().enumerate() {
        course.cluster.install_key(*stack, &key(4, 0x77));
        course.cluster.announce_key(*stack, 4);
        let expected = if at + 1 == stacks.len() { 4 } else { 3 };
        assert_eq!(spi(&mut course), expected);
    }
    for stack in stacks {
        course.cluster.retire_key(stack, 3);
    }
    assert_eq!(spi(&mut course), 4);
    assert_eq!(course.cluster.stack(course.worker).expect("a node").sad.len(), 3);
    assert_eq!(course.moved(), [vec![], vec![]]);
}

#[test]
fn a_trace_leaves_nothing_behind() {
    let mut course = course(1);
    let trace = course.cluster.trace_echo(course.pod_a, [10, 0, 1, 165].into(), 56, 0).expect("sent");
    assert_eq!(trace.end, TraceEnd::Delivered("pod-b".to_owned()));
    let states = &course.cluster.stack(course.worker).expect("a node").sad;
    assert!(states.iter().all(|entry| entry.packets == 0 && entry.sent == 0));
    assert_eq!(course.ping(56), Some(61));
}
