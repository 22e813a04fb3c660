#!/usr/bin/env bash
# boot.sh -- boots a Linux kernel that has ESP and runs one program in it.
#
#   tests/kernel/boot.sh [--user] [--mem SIZE] [--timeout SECONDS] [--share DIR]... [--] COMMAND [ARGS...]
#
#   --user             run COMMAND as an ordinary user (uid 1000) instead of root; user namespaces are allowed
#   --mem SIZE         memory of the guest (default 1G); what it does not touch costs nothing
#   --timeout SECONDS  how long boot and COMMAND may take together (default 600)
#   --share DIR        DIR is writable in the guest and what is written there stays; may be repeated
#
# Why: build machines and containers rarely have ESP in their kernel, and where they have, tests should not touch the
# host's own XFRM. The kernel is Debian's user-mode-linux: an ordinary host process, no root, no KVM, no image; about a
# second to boot. prerequisites.sh says what has to be installed; this script installs nothing.
#
# What COMMAND sees: the host's whole file system at the same paths, its own working directory and the environment of
# the caller (for --user: HOME=/home/learner), standard input empty, the modules of the path loaded (init.sh has the
# list), nothing on the network but `lo`.
#
# Invariants
#   - Standard output, standard error and exit status of COMMAND come back as its own, on separate streams, as they come.
#   - The host's file system is the read-only lower half of an overlay whose upper half is guest memory: whatever COMMAND
#     writes is gone with the guest, except below --share.
#   - Every boot has a folder of its own, so boots run side by side; it is removed in the end.
#   - However this script ends, kill -9 included, no guest process stays (xstate-shim.c).
#
# Exit status: that of COMMAND; 124 time-out, 125 the kernel could not be started, died or hung, with the end of its
# console on standard error. 126 and 127 are a shell's own: COMMAND is not executable, not found.
#
# The compiled shim is kept in target/kernel (ESPLAIN_KERNEL_CACHE overrides the folder).
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

usage() {
    awk '/^# Why/ { exit } NR > 3 { sub(/^# ? ? ?/, ""); print }' "${BASH_SOURCE[0]}" >&2
    exit 125
}

fail() {
    echo "boot.sh: $*" >&2
    exit 125
}

user=root mem=1G seconds=600 shares=()
while [ $# -gt 0 ]; do
    case $1 in
        --user) user=learner ;;
        --mem | --timeout | --share)
            [ $# -ge 2 ] || usage
            case $1 in
                --mem) mem=$2 ;;
                --timeout) seconds=$2 ;;
                --share) shares+=("$(realpath -e -- "$2")") || fail "--share: no folder $2" ;;
            esac
            shift
            ;;
        --) shift && break ;;
        -*) usage ;;
        *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || usage

lacks=$("$here/prerequisites.sh" 2>&1) || fail "this machine cannot boot the reference kernel
$lacks"

# The shim, compiled once for each version of its source. Written aside and renamed: two boots may compile at once.
compile_shim() {
    local cache=${ESPLAIN_KERNEL_CACHE:-$here/../../target/kernel}
    shim=$cache/xstate-shim-$(sha256sum <"$here/xstate-shim.c" | cut -c1-12).so
    [ -e "$shim" ] && return
    if ! { mkdir -p "$cache" && cc -shared -fPIC -O2 -Wall -o "$shim.$$" "$here/xstate-shim.c" && mv "$shim.$$" "$shim"; }; then
        fail "cannot compile $here/xstate-shim.c into $cache"
    fi
}
compile_shim
shim=$(realpath "$shim")

# The folder of this boot: what the guest is to do goes in (init.sh, argv, environ, ...), what came of it comes out
# (stdout, stderr, status). The guest finds its way there through the kernel's command line, hence no spaces.
run=$(mktemp -d "${TMPDIR:-/tmp}/esplain-kernel.XXXXXX") || fail "cannot make a folder in ${TMPDIR:-/tmp}"
case $run in *[[:space:]]*) fail "TMPDIR must not have spaces in its path: $run" ;; esac
guest=
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
    # the redirection also silences the shell's own "Killed" line
    [ -n "$guest" ] && { kill -KILL "$guest" && wait "$guest"; } 2>/dev/null
    rm -rf "$run"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

cp "$here/init.sh" "$run/init.sh"
printf '%s\0' "$@" >"$run/argv"
env -0 -u LD_PRELOAD >"$run/environ"
printf '%s\0' "${shares[@]+"${shares[@]}"}" >"$run/shares"
printf '%s' "$PWD" >"$run/cwd"
printf '%s' "$user" >"$run/user"
mkdir "$run/uml"
touch "$run/stdout" "$run/stderr"
chmod 666 "$run/stdout" "$run/stderr"

# UML keeps the guest's memory in an unlinked file below TMPDIR. Containers often have a /dev/shm too small for it.
room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
need=$(($(numfmt --from=iec "$mem") / 1024)) || fail "--mem: not a size: $mem"
memory=$run
[ -w /dev/shm ] && [ "${room:-0}" -gt "$need" ] && memory=/dev/shm

# pdeathsig carries the death of this shell to `timeout`, the shim carries it on to UML, and EXITKILL to its tasks.
TMPDIR=$memory LD_PRELOAD=$shim setpriv --pdeathsig KILL timeout --kill-after=5 "$seconds" \
    linux.uml "mem=$mem" root=/dev/root rootfstype=hostfs rootflags=/ ro "init=$run/init.sh" \
    "uml_dir=$run/uml/" umid=guest con=null con0=null,fd:1 ssl=null random.trust_cpu=on panic=-1 loglevel=5 \
    </dev/null >"$run/console" 2>&1 &
guest=$!

# The output comes through as the guest writes it; each tail ends with the guest, after a last look.
tail -c +1 -s 0.1 -f --pid="$guest" "$run/stdout" &
out=$!
tail -c +1 -s 0.1 -f --pid="$guest" "$run/stderr" >&2 &
err=$!

wait "$guest" 2>/dev/null
ended=$?
guest=
wait "$out" "$err"

if [ -s "$run/status" ]; then
    exit "$(cat "$run/status")"
fi
{
    if [ $ended -eq 124 ] || [ $ended -eq 137 ]; then
        echo "boot.sh: no end after $seconds seconds, guest stopped: $*"
        ended=124
    else
        echo "boot.sh: the guest kernel ended (status $ended) before the command did: $*"
        ended=125
    fi
    echo "boot.sh: the end of its console:"
    tail -n 25 "$run/console" | sed 's/^/  | /'
} >&2
exit $ended
