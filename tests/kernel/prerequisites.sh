#!/usr/bin/env bash
# prerequisites.sh -- says what this machine lacks for boot.sh and docker.sh, and the command that mends it.
#
# Exit status 0: nothing is missing, nothing is printed. 1: something is missing that a package brings; standard output
# holds one line for each thing and then the apt command. 2: no package can mend it (another processor, another system).
# It only looks: it installs nothing, writes nothing and needs no rights.
#
#   prerequisites.sh              the list for people
#   prerequisites.sh --packages   only the names of the missing packages, for `apt-get install`
set -u

# What has to be there, and the Debian 12/13 package that brings it: "cmd NAME PACKAGE" or "path PATH PACKAGE".
# What is "opt" is asked for by --packages, and without it the facts that need it are skipped, which they say.
needed() {
    cat <<'END'
cmd  linux.uml         user-mode-linux
path /usr/lib/uml/modules user-mode-linux
cmd  modprobe          kmod
cmd  cc                gcc
path /usr/include/x86_64-linux-gnu/sys/ptrace.h libc6-dev
cmd  setpriv           util-linux
cmd  mount             mount
cmd  timeout           coreutils
cmd  ip                iproute2
cmd  tc                iproute2
cmd  sysctl            procps
cmd  ping              iputils-ping
cmd  tcpdump           tcpdump
cmd  ifconfig          net-tools
cmd  nc                netcat-openbsd
cmd  less              less
cmd  dockerd           docker.io
cmd  docker            docker.io
cmd  ldd               libc-bin
cmd  openssl           openssl
cmd  ps                procps
cmd  ss                iproute2
opt  ssh-keygen        openssh-client
opt  rootlesskit       rootlesskit
opt  newuidmap         uidmap
END
}

# linux.uml, modprobe and tc live where an ordinary user's PATH may not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
    echo "the reference kernel is user-mode-linux for x86-64 Linux; this is $(uname -s) on $(uname -m)" >&2
    exit 2
fi

missing=() packages=()
while read -r kind what package; do
    case $kind in
        cmd | opt) command -v "$what" >/dev/null && continue ;;
        path) [ -e "$what" ] && continue ;;
    esac
    [ "$kind" = opt ] || missing+=("$what (package $package)")
    [[ " ${packages[*]-} " == *" $package "* ]] || packages+=("$package")
done < <(needed)

if [ "${1-}" = --packages ]; then
    [ ${#packages[@]} -eq 0 ] || printf '%s\n' "${packages[@]}"
    exit 0
fi
[ ${#missing[@]} -eq 0 ] && exit 0
printf 'missing: %s\n' "${missing[@]}"
echo "mend it: apt-get install -y --no-install-recommends ${packages[*]}"
exit 1
