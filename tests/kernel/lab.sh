#!/usr/bin/env bash
# lab.sh -- the course's cluster on a plain Linux kernel: Cilium's IPsec path (native routing, 1.13) without BPF.
#
#   lab.sh up                       builds the cluster (an older one is taken down first)
#   lab.sh down                     removes it
#   lab.sh places                   names its places, one a line
#   lab.sh exec PLACE COMMAND...    runs COMMAND there: its network, its host name, no sight of the other namespaces
#
# Another script may source this file and call its functions (up, down, enter; node, pod, marks and peers for nodes that
# are there already).
#
# Needs root (or root of a user namespace with a tmpfs of its own on /run), iproute2 and the modules init.sh lists.
#
#   pod-a 10.0.0.144 -- lxc9f1c7a20d5e3 | worker         eth0 172.18.0.3 |
#   pod-b 10.0.1.165 -- lxc4b80e6f1a7c2 | worker2        eth0 172.18.0.2 |== kind network, gateway 172.18.0.1
#                                         control-plane  eth0 172.18.0.4 |   (namespace `kind`, bridge br-kind)
#
# Every node has the pair cilium_host/cilium_net; an encrypted packet leaves the stack on cilium_host, comes back in on
# cilium_net and leaves the node on eth0. What Cilium's BPF programs do there is done with tc; each filter says what
# goes wrong without it. Rules, routes, states and policies are those of Cilium 1.13.0-rc5.
#
# Invariants
#   - Namespaces of these names are the lab's own: `up` begins by deleting them, `down` deletes only them.
#   - MAC addresses and keys are fixed, and devices are made in one order, so ifindexes repeat too: two recordings differ
#     only in clocks, ICMP ids, IPv4 ids and IVs.
#   - IPv6 stays as the kernel makes it (link-local addresses), except that nodes and pods send no router solicitations
#     and do no duplicate address detection; and no tool asks a name server: captures hold the learner's packets only.
#
# Commands go to `ip` and `tc` in batches: in the reference kernel a process costs more than what it does.

# The lab's one key: every state in every direction on every node, as Cilium does up to 1.15. A test key.
key=0x6c6561726e2d79612d6769722d742d65732d6531
aead="aead rfc4106(gcm(aes)) $key 128"
encrypt_mark=0x3e00 # SPI 3 << 12 | 0xe00

# The nodes: name, pod CIDR, address of cilium_host, address of eth0; then the pod: name, address, its device on the node.
nodes=(
    'worker        10.0.0.0/24 10.0.0.66  172.18.0.3 pod-a 10.0.0.144 lxc9f1c7a20d5e3'
    'worker2       10.0.1.0/24 10.0.1.236 172.18.0.2 pod-b 10.0.1.165 lxc4b80e6f1a7c2'
    'control-plane 10.0.2.0/24 10.0.2.189 172.18.0.4'
)
places=(worker worker2 control-plane pod-a pod-b kind)

# Where the mount and host name namespaces of the places are kept (`ip netns` keeps the networks in /run/netns).
kept=/run/esplain-lab

# mac PREFIX ADDRESS: Docker's way, the octets of the address behind two of our own; in $mac
mac() {
    local IFS=.
    # shellcheck disable=SC2086 # split at the dots
    printf -v mac '%s:%02x:%02x:%02x:%02x' "$1" $2
}

down() {
    local place
    for place in "${places[@]}"; do
        if [ -e "/run/netns/$place" ]; then ip netns del "$place"; fi
    done
    if [ -e $kept ]; then umount --recursive $kept && rmdir $kept; fi
}

# The namespaces of the places and what every place has.
make_places() {
    local place name settings
    for place in "${places[@]}"; do echo "netns add $place"; done | ip -batch -
    # A mount namespace can only be kept on a mount that does not spread.
    mkdir -p $kept && mount -t tmpfs lab $kept && mount --make-private $kept
    printf '%s: files\n' hosts networks >$kept/nsswitch.conf
    for place in "${places[@]}"; do
        name=$place
        settings='net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
            net.ipv6.conf.all.router_solicitations=0 net.ipv6.conf.default.router_solicitations=0'
        case $place in
            worker* | control-plane)
                name=cilium-ipsec-native-routing-$place
                settings+=' net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
                    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
                    net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0'
                ;;
            kind) settings+=' net.ipv4.ip_forward=1' ;;
        esac
        touch $kept/"$place".{mount,uts}
        # /sys is the network's own, as `ip netns exec` has it. A tmpfs over /run/netns makes `ip` print `link-netnsid N`
        # as on a real node, instead of names that no node has.
        # shellcheck disable=SC2016,SC2086 # $1 and $@ are the inner shell's; settings are words
        nsenter --net="/run/netns/$place" unshare --mount=$kept/"$place".mount --uts=$kept/"$place".uts sh -ec '
            echo "$1" >/proc/sys/kernel/hostname
            mount -t sysfs lab /sys
            mount -t tmpfs lab /run/netns
            mount --bind '$kept'/nsswitch.conf /etc/nsswitch.conf
            shift
            exec sysctl -qw "$@"' - "$name" $settings
    done
}

# The network of the nodes, once they are there.
kind_network() {
    {
        cat <<END
link set lo up
link add br-kind address 02:42:5e:1f:a0:01 type bridge mcast_snooping 0
addr add 172.18.0.1/16 brd 172.18.255.255 dev br-kind
link set br-kind up
END
        printf 'link set veth%s master br-kind up\n' "$@"
    } | ip -n kind -batch -
}

# wire NAME NODE_IP: its place on the network of the nodes
wire() {
    local name=$1 node_ip=$2 mac
    mac 02:42 "$node_ip"
    ip -n "$name" -batch - <<END
link set lo up
link add eth0 address $mac type veth peer name veth${node_ip##*.} netns kind
addr add $node_ip/16 brd 172.18.255.255 dev eth0
link set eth0 up
route add default via 172.18.0.1 dev eth0
END
}

# node NAME CIDR HOST_IP: devices, addresses, rules, and the routes that concern the node itself
node() {
    local name=$1 cidr=$2 host_ip=$3 mac host_mac net_mac
    mac 5a:01 "$host_ip" && host_mac=$mac
    mac 5a:02 "$host_ip" && net_mac=$mac
    # cilium_net is made first (a peer is) and so has the lower ifindex. NOARP: neither of the two asks for a neighbour.
    # `local` moves from preference 0 to 100, so that marks win over local addresses; it is never absent.
    ip -n "$name" -batch - <<END
link add cilium_host address $host_mac type veth peer name cilium_net address $net_mac
link set cilium_net arp off up
link set cilium_host arp off up
addr add $host_ip/32 dev cilium_host scope link
rule add fwmark 0xd00/0xf00 lookup 200 pref 1
rule add fwmark 0xe00/0xf00 lookup 200 pref 1
rule add fwmark 0x200/0xf00 lookup 2004 pref 9
rule add lookup local pref 100
rule del lookup local pref 0
route add local 0.0.0.0/0 dev lo table 2004
route add local $cidr dev eth0 proto 50 scope host table 200
route add $host_ip dev cilium_host scope link
route add $cidr via $host_ip dev cilium_host src $host_ip
END
    # An ESP packet comes in on cilium_net with this node's own cilium_host address as its source. Without accept_local
    # it is a martian: dropped there, and no counter tells.
    nsenter --net="/run/netns/$name" sysctl -qw net.ipv4.conf.cilium_{net,host}.accept_local=1
}

# pod NODE HOST_IP POD POD_IP LXC: a pod and its wire to the node
pod() {
    local node=$1 host_ip=$2 pod=$3 pod_ip=$4 lxc=$5 mac lxc_mac eth0_mac
    mac 5a:03 "$pod_ip" && lxc_mac=$mac
    mac 5a:04 "$pod_ip" && eth0_mac=$mac
    # With BPF the last hop is a redirect to the pod's device; on a plain kernel it is a route, as with Cilium's
    # endpoint routes.
    ip -n "$node" -batch - <<END
link add $lxc address $lxc_mac type veth peer name eth0 address $eth0_mac netns $pod
link set $lxc up
route add $pod_ip dev $lxc proto kernel scope link
END
    # 1423 is what Cilium reckons ESP leaves of 1500 (more than ESP takes: the kernel itself reckons 1446).
    ip -n "$pod" -batch - <<END
link set lo up
link set eth0 up
addr add $pod_ip/32 dev eth0
route add $host_ip dev eth0 scope link
route add default via $host_ip dev eth0 mtu 1423
END
}

# marks NODE CIDR LXC: what Cilium's BPF programs do to a packet's mark
#   lxc, from-container     a packet of the pod for a pod elsewhere is to be encrypted; without: it leaves in the clear
#   cilium_net, to-host     the encrypted packet loses its mark, else it would be encrypted again on every pass (ESP in
#                           ESP), and is made ours: on a NOARP device the frame bears the sender's own MAC address,
#                           which to the receiver is another host's
#   eth0, from-network      ESP that comes in is to be decrypted (`flower ip_proto 50` does not match ESP, u32 does);
#                           the decrypted packet comes round once more with 0xd00 (output-mark), and table 200 would
#                           take it for one to the node itself: without the mark, main leads it to its pod
marks() {
    local name=$1 cidr=$2 lxc=${3-} peer_cidr prio=0
    {
        if [ "$lxc" ]; then
            echo "qdisc add dev $lxc clsact"
            for node in "${nodes[@]}"; do
                read -r _ peer_cidr _ <<<"$node"
                [ "$peer_cidr" = "$cidr" ] && continue
                prio=$((prio + 1))
                echo "filter add dev $lxc ingress prio $prio protocol ip flower dst_ip $peer_cidr" \
                    "action skbedit mark $encrypt_mark"
            done
        fi
        cat <<END
qdisc add dev cilium_net clsact
filter add dev cilium_net ingress prio 1 protocol all matchall action skbedit mark 0 ptype host
qdisc add dev eth0 clsact
filter add dev eth0 ingress prio 1 protocol ip u32 match ip protocol 50 0xff action skbedit mark 0xd00
filter add dev eth0 ingress prio 2 protocol ip flower dst_ip $cidr action skbedit mark 0
END
    } | tc -n "$name" -batch -
}

# peers NODE CIDR HOST_IP: the ways to the other nodes, and encryption both ways
#   One state decrypts what any peer sends: its source is a wildcard. A decrypted packet that is forwarded to its pod is
#   asked for a `fwd` policy (not `in`): without one it is dropped and counted as XfrmInNoPols.
peers() {
    local name=$1 cidr=$2 host_ip=$3 peer peer_cidr peer_host_ip peer_node_ip
    {
        cat <<END
xfrm state add src 0.0.0.0 dst $host_ip proto esp spi 3 reqid 1 mode tunnel mark 0xd00 mask 0xf00 output-mark 0xd00 mask 0xf00 $aead
xfrm policy add src 0.0.0.0/0 dst $cidr dir in mark 0xd00 mask 0xf00 tmpl src 0.0.0.0 dst $host_ip proto esp reqid 1 mode tunnel
xfrm policy add src 0.0.0.0/0 dst $cidr dir in mark 0x200 mask 0xf00 tmpl src 0.0.0.0 dst $host_ip proto esp reqid 1 mode tunnel level use
xfrm policy add src 0.0.0.0/0 dst $cidr dir fwd priority 2975 mark 0 mask 0xf00 tmpl src 0.0.0.0 dst $host_ip proto esp reqid 1 mode tunnel level use
END
        for node in "${nodes[@]}"; do
            read -r peer peer_cidr peer_host_ip peer_node_ip _ <<<"$node"
            [ "$peer" = "$name" ] && continue
            cat <<END
route add $peer_cidr via $peer_node_ip dev eth0
route add $peer_cidr dev cilium_host scope global mtu 1500 table 200
xfrm state add src $host_ip dst $peer_host_ip proto esp spi 3 reqid 1 mode tunnel mark $encrypt_mark mask 0xff00 output-mark 0xe00 mask 0xf00 $aead
xfrm policy add src $cidr dst $peer_cidr dir out mark $encrypt_mark mask 0xff00 tmpl src $host_ip dst $peer_host_ip proto esp spi 3 reqid 1 mode tunnel
xfrm policy add src 0.0.0.0/0 dst $peer_cidr dir fwd priority 2975 mark 0 mask 0xf00 tmpl src 0.0.0.0 dst $peer_host_ip proto esp reqid 1 mode tunnel level use
END
        done
    } | ip -n "$name" -batch -
}

up() {
    down
    make_places
    local row name cidr host_ip node_ip pod pod_ip lxc ports=()
    for row in "${nodes[@]}"; do
        read -r name cidr host_ip node_ip pod pod_ip lxc <<<"$row"
        wire "$name" "$node_ip"
        node "$name" "$cidr" "$host_ip"
        if [ "$pod" ]; then pod "$name" "$host_ip" "$pod" "$pod_ip" "$lxc"; fi
        marks "$name" "$cidr" "$lxc"
        peers "$name" "$cidr" "$host_ip"
        ports+=("${node_ip##*.}")
    done
    kind_network "${ports[@]}"
}

# enter PLACE COMMAND...: in the place of this process, in the same folder
enter() {
    local place=$1
    shift
    exec nsenter --net="/run/netns/$place" --mount=$kept/"$place".mount --uts=$kept/"$place".uts \
        --wdns="$PWD" -- "$@"
}

[ "${BASH_SOURCE[0]}" = "$0" ] || return 0
set -eu
case ${1-} in
    up) up ;;
    down) down ;;
    places) printf '%s\n' "${places[@]}" ;;
    exec) shift && enter "$@" ;;
    *)
        sed -n 's/^#   lab/lab/p' "$0" >&2
        exit 2
        ;;
esac
