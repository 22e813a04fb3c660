#!/usr/bin/env bash
# record.sh -- runs scenarios in the lab on this kernel and writes down what every command answered.
#
#   tests/kernel/boot.sh --share DIR -- tests/kernel/transcripts/record.sh DIR [SCENARIO...]
#
# Why: the simulator is held to a real kernel with real tools. This is how the kernel's side is made, by anybody, anew.
# Without SCENARIO all of scenarios/*.txt are recorded, each on a lab of its own. DIR gets, for each scenario,
# NAME.txt, a folder NAME if it makes files (captures), and `versions.txt`. Needs root and a kernel with ESP, hence boot.sh.
#
# A scenario, line by line:
#   # WORDS                 a remark; goes into the transcript as it is
#   PLACE $ COMMAND         runs COMMAND (sh -c) in a place of the lab and waits for it, 60 seconds at most
#   PLACE & COMMAND         starts COMMAND; if it is a tcpdump, waits until it listens
#   PLACE capture DEVICE    starts a capture into the file PLACE-DEVICE.pcap
#   stop                    after a breath, interrupts (as Ctrl-C does) what was started; answers in order of start
#   pause SECONDS           lets time pass
#   include FILE            the lines of another file of the folder stand here
#
# A transcript repeats the scenario; under each command stands its answer:
#   | a line of standard output          (the text begins after the one space)
#   ! a line of standard error
#   |\ or !\                             the line before had no newline at its end
#   = exit status
# The two streams are recorded apart: all of standard output comes first. The working folder of every COMMAND is the
# scenario's own, empty at the start; what is left in it is the folder NAME.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC1091 # checked by itself
. "$here/../lab.sh"

# quote SIGN FILE: the lines of a stream
quote() {
    local -a lines
    mapfile lines <"$2"
    [ ${#lines[@]} -gt 0 ] || return 0
    printf "$1 %s" "${lines[@]}"
    [[ ${lines[-1]} == *$'\n' ]] || printf '\n%s\\\n' "$1"
}

# answer FILE STATUS: FILE.out and FILE.err
answer() {
    quote '|' "$1.out"
    quote '!' "$1.err"
    echo "= $2"
}

start() {
    local place=$1 command=$2 file=$work/started.${#started[@]} try
    rm -f "$file.err" # of an earlier tcpdump, which listened
    (enter "$place" sh -c "exec $command") </dev/null >"$file.out" 2>"$file.err" &
    started+=("$!:$place:$command")
    [[ $command == *tcpdump* ]] || return
    for ((try = 0; try < 50; try++)); do
        grep -qs 'listening on' "$file.err" && return
        kill -0 "$!" 2>/dev/null || return # it refused: the answer says why
        sleep 0.1
    done
}

stop() {
    local i pid place command
    sleep 1.5 # a packet may wait a second in the kernel's ring before tcpdump sees it
    for i in "${!started[@]}"; do
        IFS=: read -r pid place command <<<"${started[i]}"
        kill -INT "$pid" 2>/dev/null
        wait "$pid"
        local status=$?
        echo "$place & $command"
        answer "$work/started.$i" $status
    done
    started=()
}

# play FILE: the lines of a scenario
play() {
    local line place sign rest
    while IFS= read -r line || [ "$line" ]; do
        read -r place sign rest <<<"$line"
        case $line in
            '' | '#'*) echo "$line" ;;
            stop) stop ;;
            pause\ *) sleep "$sign" ;;
            include\ *) play "$here/scenarios/$sign" ;;
            *)
                case $sign in
                    '$')
                        (enter "$place" timeout 60 sh -c "$rest") </dev/null >"$work/run.out" 2>"$work/run.err"
                        local status=$?
                        echo "$line"
                        answer "$work/run" $status
                        ;;
                    '&') start "$place" "$rest" ;;
                    capture) start "$place" "tcpdump -p -i $rest -U -w $place-$rest.pcap" ;;
                    *) echo "record.sh: $1: what is this? $line" >&2 && return 1 ;;
                esac
                ;;
        esac
    done <"$1"
}

versions() {
    uname -sr
    ip -V
    ping -V
    tcpdump --version 2>&1
}

[ $# -gt 0 ] || { sed -n 's/^#   tests/tests/p' "$0" >&2 && exit 2; }
out=$(realpath -e "$1") || exit 2
shift
if [ $# -eq 0 ]; then
    cd "$here/scenarios" && set -- *.txt && set -- "${@%.txt}"
fi
versions >"$out/versions.txt"
failed=0
for name; do
    started=()
    work=$(mktemp -d)
    mkdir "$work/files" && cd "$work/files" || exit 1
    # 2 seconds: the multicast reports of new addresses are to be over
    "$here/../lab.sh" up && sleep 2 && play "$here/scenarios/$name.txt" >"$work/transcript" || failed=1
    if [ ${#started[@]} -gt 0 ]; then
        echo "record.sh: $name: no \`stop\` for ${started[*]}" >&2
        failed=1
        stop >/dev/null
    fi
    cp "$work/transcript" "$out/$name.txt"
    rm -rf "${out:?}/$name"
    rmdir "$work/files" 2>/dev/null || cp -r "$work/files" "$out/$name"
    echo "$name: $(grep -c '^= ' "$work/transcript") answers"
done
exit $failed
