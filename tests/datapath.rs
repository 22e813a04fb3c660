//! The datapath model against what the facts say of Cilium's cluster and what real kernels did.

use std::net::Ipv4Addr;

use esplain::datapath::{Cluster, IpsecKey, Outgoing, Sight, StackId};
use esplain::esp::Secret;
use esplain::packet::{PacketType, Timestamp};
use esplain::xfrm::{Algorithm, AlgorithmKind, Key};

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
    let mut cluster = Cluster::new(seed, DAWN);
    let machine = cluster.add_machine("machine");
    cluster.add_node(machine, "c-control-plane", Ipv4Addr::new(172, 18, 0, 4));
    let worker = cluster.add_node(machine, "c-worker", Ipv4Addr::new(172, 18, 0, 3));
    let worker2 = cluster.add_node(machine, "c-worker2", Ipv4Addr::new(172, 18, 0, 2));
    cluster.install_cilium(Some(&key(3, 0x5a)));
    let a = cluster.add_pod(worker, "pod-a", 25669).expect("a pod");
    let b = cluster.add_pod(worker2, "pod-b", 25670).expect("a pod");
    assert_eq!((a, b), (Ipv4Addr::new(10, 0, 0, 144), Ipv4Addr::new(10, 0, 1, 165)));
    let pod_a = cluster.find("pod-a").expect("pod-a");
    Course { cluster, worker, worker2, pod_a }
}

impl Course {
    fn ping(&mut self, size: usize) -> Option<u8> {
        let (socket, ident) = self.cluster.open_ping(self.pod_a, None);
        let out = Outgoing::new(Ipv4Addr::new(10, 0, 1, 165), 1, vec![0x42; size]);
        self.cluster.echo(self.pod_a, ident, 1, out).expect("sent");
        self.cluster.deliver();
        self.cluster.take(self.pod_a, socket).map(|reply| reply.ttl)
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
    for node in [course.worker, course.worker2] {
        let stack = course.cluster.stack(node).expect("a node");
        assert_eq!(stack.counters.xfrm.moved().collect::<Vec<_>>(), [], "{}", stack.name);
    }
}
