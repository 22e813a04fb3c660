use super::bench::Bench;

/// Text with what differs from run to run replaced: times, MACs of pods, identifiers, names of pods' devices.
fn steady(text: &str) -> String {
    let patterns = [
        (r"time=[0-9.]+ ms", "time=T ms"),
        (r"time [0-9]+ms", "time Tms"),
        (r"= [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms", "= T ms"),
        (r"(?m)^[0-9:]{8}\.[0-9]{6}", "TIME"),
        (r"lxc[0-9a-f]{12}", "lxcX"),
        (r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC"),
    ];
    patterns.iter().fold(text.to_owned(), |text, (pattern, with)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    })
}

#[test]
fn ping_and_tcpdump_show_the_tutorials_seven_lines() {
    let mut bench = Bench::course();
    bench.start("worker", "tcpdump -pne -i any");
    let ping = bench.run("pod-a", "ping -c 1 10.0.1.165");
    assert_eq!(
        steady(&ping.out),
        "PING 10.0.1.165 (10.0.1.165) 56(84) bytes of data.\n64 bytes from 10.0.1.165: icmp_seq=1 ttl=61 time=T ms\n\n\
         --- 10.0.1.165 ping statistics ---\n1 packets transmitted, 1 received, 0% packet loss, time Tms\n\
         rtt min/avg/max/mdev = T ms\n"
    );
    let dump = bench.interrupt();
    assert_eq!(
        dump.err,
        "tcpdump: data link type LINUX_SLL2\n\
         tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n\
         listening on any, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 262144 bytes\n\
         7 packets captured\n7 packets received by filter\n0 packets dropped by kernel\n"
    );
    let esp = |device: &str, index: u32, src: &str, dst: &str| {
        format!(
            "TIME {device} ifindex {index} MAC ethertype IPv4 (0x0800), length 160: {src} > {dst}: \
             ESP(spi=0x00000003,seq=0x1), length 120\n"
        )
    };
    let icmp = |device: &str, index: u32, what: &str| {
        format!(
            "TIME {device} ifindex {index} MAC ethertype IPv4 (0x0800), length 104: {what}, id 1, seq 1, length 64\n"
        )
    };
    let (request, reply) = ("10.0.0.144 > 10.0.1.165: ICMP echo request", "10.0.1.165 > 10.0.0.144: ICMP echo reply");
    let (a, b) = ("10.0.0.66", "10.0.1.236");
    let eth0 = 7;
    let expected = [
        icmp("lxcX In ", 8, request),
        esp("cilium_host Out", 3, a, b),
        esp("cilium_net P  ", 2, a, b),
        esp("eth0  Out", eth0, a, b),
        esp("eth0  In ", eth0, b, a),
        icmp("eth0  In ", eth0, reply),
        icmp("lxcX Out", 8, reply),
        "\n".to_owned(),
    ];
    assert_eq!(steady(&dump.out), expected.concat());
}

#[test]
fn ip_shows_the_nodes_states_rules_and_table_200() {
    let mut bench = Bench::course();
    let key = "0x101112131415161718191a1b1c1d1e1f20212223";
    let states = bench.run("worker", "ip x s");
    assert!(states.out.starts_with("src 10.0.0.66 dst 10.0.2.189\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n"));
    assert_eq!(states.out.matches(key).count(), 3, "{}", states.out);
    assert_eq!(
        bench.run("worker", "ip rule").out,
        "1:\tfrom all fwmark 0xd00/0xf00 lookup 200\n1:\tfrom all fwmark 0xe00/0xf00 lookup 200\n\
         9:\tfrom all fwmark 0x200/0xf00 lookup 2004\n100:\tfrom all lookup local\n32766:\tfrom all lookup main\n\
         32767:\tfrom all lookup default\n"
    );
    assert_eq!(
        bench.run("worker", "ip r s t 200").out,
        "local 10.0.0.0/24 dev eth0 proto 50 scope host \n10.0.1.0/24 dev cilium_host mtu 1500 \n\
         10.0.2.0/24 dev cilium_host mtu 1500 \n"
    );
    assert_eq!(
        bench.run("worker", "ip route").out,
        "default via 172.18.0.1 dev eth0 \n10.0.0.0/24 via 10.0.0.66 dev cilium_host src 10.0.0.66 \n\
         10.0.0.66 dev cilium_host scope link \n10.0.1.0/24 via 172.18.0.2 dev eth0 \n\
         10.0.2.0/24 via 172.18.0.4 dev eth0 \n172.18.0.0/16 dev eth0 proto kernel scope link src 172.18.0.3 \n"
    );
    bench.run("pod-a", "ping -c 2 10.0.1.165");
    let counted = bench.run("worker", "ip -s x s").out;
    assert_eq!(counted.matches("168(bytes), 2(packets)").count(), 2, "{counted}");
    assert!(counted.contains("oseq 0x2"), "{counted}");
}
