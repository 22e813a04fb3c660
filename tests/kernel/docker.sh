#!/usr/bin/env bash
# docker.sh -- a real Docker Engine with the course's nodes as containers, and one command beside it.
#
#   docker.sh prepare FOLDER             writes what the guest needs (a fresh process costs little here and much there); it
#                                        needs no rights and no registry
#       node.tar   the nodes' image: the tools of a kind node with the libraries they need, from this very system
#       *.pem      a certificate authority of its own, a certificate of the engine's and one of whoever speaks to it
#       ssh-*      keys for ssh: of a machine, of a learner whom it knows and of one whom it does not know
#   docker.sh run FOLDER COMMAND...      for the guest that boot.sh starts: brings up, in this order,
#       engine   dockerd on its usual socket and, with TLS, on 127.0.0.1:2376, with all it keeps on a tmpfs; no packet
#                filter rules, which this kernel has no modules for
#       nodes    three privileged containers with kind's labels, names, network, tmpfs on /run and /tmp
#       path     Cilium's IPsec path without BPF, with kernel ESP (lab.sh), laid through the containers' namespaces; the
#                pods are named namespaces inside the node containers, for there is no Kubernetes
#     and then runs COMMAND, whose standard output, standard error and exit status are its own
#   docker.sh rootless FOLDER            for COMMAND: starts a second engine, as an ordinary user with a network of its own, and
#                                        one node in it; its socket and its pid are in /run/user/4321
#   docker.sh engine FOLDER              for COMMAND: starts the engine again when it was stopped, with the settings that
#                                        are in /run/docker-lab/daemon.json
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/kernel/lab.sh
. "$here/lab.sh"

lab=/run/docker-lab
cluster=cilium-ipsec-native-routing
image=esplain-node

# What runs in a node. The course's tools are there from the beginning: there is no network to install them from.
tools=(bash sh cat ls cp mv rm mkdir rmdir mktemp touch ln chmod head tail sort uniq wc cut tr tee seq sleep date id env
    true false base64 uname stty tty dd od grep sed awk ps top kill hostname sysctl mount umount nsenter setsid timeout xargs
    ip ping tcpdump route ifconfig ss)

# engine FOLDER
engine() {
    local tls=(--tlsverify --tlscacert "$1/ca.pem" --tlscert "$1/server.pem" --tlskey "$1/server-key.pem")
    if ! mountpoint -q $lab; then
        mkdir -p $lab && mount -t tmpfs -o mode=700 docker $lab
        echo '{}' >$lab/daemon.json
    fi
    dockerd --config-file $lab/daemon.json --data-root $lab/data --exec-root $lab/exec --pidfile $lab/pid --storage-driver=overlay2 \
        -H unix:///var/run/docker.sock -H tcp://127.0.0.1:2376 "${tls[@]}" --iptables=false --ip6tables=false >>$lab/log 2>&1 &
    until_it_answers engine $! $lab/log
}

# until_it_answers WHICH PROCESS LOG: waits for the engine that the docker command speaks to
until_it_answers() {
    local waited=0
    until docker version >/dev/null 2>&1; do
        if ! kill -0 "$2" 2>/dev/null || [ $((waited += 1)) -gt 600 ]; then
            echo "docker.sh: the $1 did not come up" >&2
            tail -n 20 "$3" >&2
            exit 1
        fi
        sleep 0.1
    done
}

# rootless FOLDER: what Debian's dockerd-rootless.sh does, with a network that leads nowhere in the place of slirp4netns's
# (this kernel has no tun), and without cgroups (there is no systemd)
rootless() {
    local home=/srv/rootless runtime=/run/user/4321 way=PATH=$PATH:/usr/sbin:/sbin
    grep -q ^rootless: /etc/passwd || echo "rootless:x:4321:4321::$home:/bin/bash" >>/etc/passwd
    grep -q ^rootless: /etc/group || echo rootless:x:4321: >>/etc/group
    for file in /etc/subuid /etc/subgid; do echo rootless:100000:65536 >>$file; done
    sysctl -qw user.max_user_namespaces=10000
    mkdir -p $home $runtime
    mount -t tmpfs -o mode=700,uid=4321,gid=4321 rootless $home
    chown 4321:4321 $runtime
    (cd $home && exec setpriv --reuid 4321 --regid 4321 --clear-groups env HOME=$home XDG_RUNTIME_DIR=$runtime "$way" \
        rootlesskit --net=host --copy-up=/etc --copy-up=/run --propagation=rslave sh -c "rm -f /run/docker /run/containerd
            exec unshare --net dockerd --rootless --data-root $home/data --exec-root $runtime/docker --pidfile $runtime/docker.pid \
                -H unix://$runtime/docker.sock --storage-driver=overlay2 --iptables=false --ip6tables=false" >>$home/log 2>&1) &
    export DOCKER_HOST=unix://$runtime/docker.sock
    until_it_answers "rootless engine" $! $home/log
    docker import - $image <"$1/node.tar" >/dev/null
    docker network create --subnet 172.18.0.0/16 --gateway 172.18.0.1 kind >/dev/null
    start_node worker 172.18.0.3
}

# write_certificates FOLDER: names as the docker command has them (ca.pem, cert.pem, key.pem)
write_certificates() {
    local short=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2)
    openssl req -x509 "${short[@]}" -subj /CN=authority -keyout "$1/ca-key.pem" -out "$1/ca.pem"
    openssl req -x509 "${short[@]}" -subj /CN=engine -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:false \
        -addext extendedKeyUsage=serverAuth -CA "$1/ca.pem" -CAkey "$1/ca-key.pem" \
        -keyout "$1/server-key.pem" -out "$1/server.pem"
    openssl req -x509 "${short[@]}" -subj /CN=learner -addext basicConstraints=CA:false -addext extendedKeyUsage=clientAuth \
        -CA "$1/ca.pem" -CAkey "$1/ca-key.pem" -keyout "$1/key.pem" -out "$1/cert.pem"
} 2>/dev/null

# write_ssh_keys FOLDER
write_ssh_keys() {
    local whose
    command -v ssh-keygen >/dev/null || return 0
    for whose in machine learner stranger; do
        ssh-keygen -q -t ed25519 -N '' -C $whose -f "$1/ssh-$whose"
    done
}

# write_image FILE
write_image() {
    local root tool path files=()
    root=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$root'" EXIT
    for tool in "${tools[@]}"; do
        path=$(command -v "$tool") || { echo "docker.sh: this machine has no $tool" >&2; exit 1; }
        # a builtin of this shell is a program of a node
        if [ ! -x "$path" ]; then path=/usr/bin/$tool; fi
        files+=("$path" "$(realpath "$path")")
    done
    while read -r path; do files+=("$path" "$(realpath "$path")"); done < <(
        ldd "${files[@]}" | grep -oE '/[^ :]+\.so[^ ]*' | sort -u
    )
    for path in /lib/terminfo /usr/share/terminfo; do
        if [ -e $path/x/xterm ]; then files+=($path/x/xterm $path/d/dumb); fi
    done
    mkdir -p "$root"/{etc,root,run,tmp,proc,sys,dev,var/tmp,usr/{bin,sbin,lib,lib64}}
    # the layout of the host, where /bin is part of /usr or not
    for path in bin sbin lib lib64; do
        if [ -L /$path ]; then ln -s usr/$path "$root/$path"; fi
    done
    printf '%s\n' "${files[@]}" | sort -u | while read -r path; do
        mkdir -p "$root${path%/*}" && cp -an "$path" "$root${path%/*}/"
    done
    cp -r /etc/iproute2 "$root/etc/" 2>/dev/null || cp -r /usr/share/iproute2 "$root/etc/"
    grep -E '^(root|tcpdump|nobody):' /etc/passwd >"$root/etc/passwd"
    grep -E '^(root|tcpdump|nogroup|tty):' /etc/group >"$root/etc/group"
    printf 'hosts: files\nnetworks: files\n' >"$root/etc/nsswitch.conf"
    tar -C "$root" --owner=0 --group=0 --numeric-owner -cf "$1" .
}

# start_node ALIAS NODE_IP
start_node() {
    local role=worker
    if [ "$1" = control-plane ]; then role=control-plane; fi
    # process 1 takes in orphans, as a node's systemd does, and ends when it is asked to
    docker run --detach --privileged --name "$cluster-$1" --hostname "$cluster-$1" \
        --label "io.x-k8s.kind.cluster=$cluster" --label "io.x-k8s.kind.role=$role" \
        --network kind --ip "$2" --tmpfs /run --tmpfs /tmp:size=16m \
        $image bash -c 'trap "exit 0" TERM; mkdir -p /run/netns; while :; do sleep 3600 & wait $!; done' >/dev/null
}

# attach ALIAS POD: names the networks of a node and of its pod here, so that lab.sh finds them
attach() {
    local process settings
    process=$(docker inspect --format '{{.State.Pid}}' "$cluster-$1")
    ip netns attach "$1" "$process"
    settings='net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
        net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0'
    # shellcheck disable=SC2086 # settings are words
    nsenter --net="/run/netns/$1" sysctl -qw $settings
    [ "$2" ] || return 0
    docker exec "$cluster-$1" ip netns add "$2"
    touch "/run/netns/$2"
    # or mount would resolve the path to the one of that name here
    mount --no-canonicalize --bind "/proc/$process/root/run/netns/$2" "/run/netns/$2"
    nsenter --net="/run/netns/$2" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
}

all_nodes() {
    local row name cidr host_ip node_ip pod pod_ip lxc
    docker network create --subnet 172.18.0.0/16 --gateway 172.18.0.1 kind >/dev/null
    for row in "${nodes[@]}"; do
        read -r name cidr host_ip node_ip pod pod_ip lxc <<<"$row"
        start_node "$name" "$node_ip"
        attach "$name" "$pod"
    done
    for row in "${nodes[@]}"; do
        read -r name cidr host_ip node_ip pod pod_ip lxc <<<"$row"
        node "$name" "$cidr" "$host_ip"
        if [ "$pod" ]; then pod "$name" "$host_ip" "$pod" "$pod_ip" "$lxc"; fi
        marks "$name" "$cidr" "$lxc"
        peers "$name" "$cidr" "$host_ip"
    done
}

say() { echo "docker.sh: $* after $SECONDS s" >&2; }

case ${1-} in
    prepare)
        write_certificates "$2"
        write_ssh_keys "$2"
        write_image "$2/node.tar"
        ;;
    run)
        engine "$2"
        say "Docker Engine $(docker version --format '{{.Server.Version}}') is up"
        docker import - $image <"$2/node.tar" >/dev/null
        say "the image is in"
        all_nodes
        say "the nodes run"
        export ESPLAIN_DOCKER_FOLDER=$2 ESPLAIN_DOCKER_SCRIPT=$0
        shift 2
        "$@"
        ;;
    engine) engine "$2" ;;
    rootless) rootless "$2" ;;
    *)
        sed -n 's/^#   docker/docker/p' "$0" >&2
        exit 2
        ;;
esac
