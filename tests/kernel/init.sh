#!/bin/bash
# init.sh -- process 1 of the guest that boot.sh starts: builds the guest's root, loads the modules, runs the command,
# leaves its exit status behind and powers off. boot.sh copies it into the folder of the boot, its only argument being
# where it stands.
#
# Stages: the kernel mounts the host's root read-only (hostfs). `stage_one` lays an overlay over it, its upper half in
# memory, and makes that the root. `stage_two` mounts what a system has (proc, sys, dev, run), loads modules, runs.
# pivot_root, not chroot: the kernel refuses user namespaces to a process in a chroot.
#
# Invariant: only the folder of the boot and the shared folders are mounted writable from the host.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
host_modules=/usr/lib/uml/modules

# Everything that Cilium's path on a plain kernel needs. A kernel that has one of them built in, or lacks it, says so on
# the console only: the test that needs it will say more.
modules="ipv6 veth bridge dummy vxlan af_packet
    esp4 esp6 xfrm_user xfrm_algo gcm seqiv echainiv authenc cbc
    sch_ingress cls_flower cls_u32 cls_matchall cls_fw cls_bpf act_skbedit act_gact act_mirred
    ip_tables iptable_mangle xt_mark nf_tables inet_diag"

stage_one() {
    mount -t tmpfs -o mode=755 stage /run
    mkdir -p /run/modules/lib/modules /run/lower /run/upper /run/work /run/root
    mount -t proc proc /proc
    mount --bind "$host_modules" /run/modules/lib/modules
    modprobe -d /run/modules overlay
    mount --bind / /run/lower
    mount -t overlay -o lowerdir=/run/lower,upperdir=/run/upper,workdir=/run/work overlay /run/root ||
        { echo "init: no overlay over the host's root"; return 1; }
    cd /run/root || return 1
    mkdir -p proc sys dev run "${boot#/}"
    mount --move /proc proc
    mount -t sysfs sysfs sys
    mount -t devtmpfs devtmpfs dev
    mount -t tmpfs -o mode=755 run run
    # hostfs mounts take the path on the host as their option
    mkdir -p "${boot#/}" && mount -t hostfs -o "$boot" boot "${boot#/}"
    while IFS= read -r -d '' folder; do
        [ -n "$folder" ] && mount -t hostfs -o "$folder" share "${folder#/}"
    done <"$boot/shares"
    mkdir -p run/old-root
    pivot_root . run/old-root
    cd / || return 1
    umount -l /run/old-root && rmdir /run/old-root
}

stage_two() {
    mkdir -p /dev/pts /dev/shm /lib/modules /run/lock
    ln -s /proc/self/fd /dev/fd
    ln -s fd/0 /dev/stdin && ln -s fd/1 /dev/stdout && ln -s fd/2 /dev/stderr
    mount -t devpts -o mode=620,gid=5,ptmxmode=666 devpts /dev/pts
    mount -t tmpfs -o mode=1777 shm /dev/shm
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mount --bind "$host_modules" /lib/modules
    # As systemd has it: mounts made in a namespace of the host spread into namespaces below it.
    mount --make-rshared /
    # shellcheck disable=SC2086 # a list of words
    modprobe -a $modules
    ip link set lo up
    hostname reference-kernel
    sysctl -qw kernel.printk="3 4 1 3"
    for allow in kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000; do
        sysctl -qw "$allow" 2>/dev/null
    done
    getent passwd 1000 >/dev/null || echo 'learner:x:1000:1000:learner:/home/learner:/bin/bash' >>/etc/passwd
    getent group 1000 >/dev/null || echo 'learner:x:1000:' >>/etc/group
    mkdir -p /home/learner && chown 1000:1000 /home/learner
}

# Runs the command of the caller with his environment; the status is a shell's.
run_command() {
    local -a argv environ as=()
    mapfile -d '' -t argv <"$boot/argv"
    mapfile -d '' -t environ <"$boot/environ"
    if [ "$(cat "$boot/user")" != root ]; then
        as=(setpriv --reuid 1000 --regid 1000 --clear-groups --)
        environ+=(HOME=/home/learner USER=learner LOGNAME=learner)
    fi
    cd "$(cat "$boot/cwd")" || cd / || return
    setsid --wait "${as[@]}" env -i "${environ[@]}" "${argv[@]}" </dev/null >"$boot/stdout" 2>"$boot/stderr"
}

boot=$(dirname "$0")
stage_one && stage_two && {
    run_command
    echo $? >"$boot/status.new" && mv "$boot/status.new" "$boot/status"
}
echo o >/proc/sysrq-trigger
sleep 60 # power-off takes effect from a kernel worker; process 1 must not end before
