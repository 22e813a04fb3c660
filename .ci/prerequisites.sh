#!/usr/bin/env bash
# Installs what `make learn` or `make test` needs and this machine lacks (Rust aside).
#
#   .ci/prerequisites.sh learn|test
#
# Every command that needs root is shown, and run after a yes. With CI=true or ESPLAIN_YES=1 the answer is yes; without a
# terminal and without either, nothing is changed: the command is printed and the script ends with 3.
set -euo pipefail

purpose=${1:?usage: .ci/prerequisites.sh learn|test}

main() {
    need_rust
    local wanted
    wanted=$(missing "$purpose")
    if [ -n "$wanted" ]; then install_packages "$wanted"; fi
    if [ "$purpose" = test ]; then
        need_cargo_deny
        need_sshd
    fi
}

# --- Rust -----------------------------------------------------------------------------------------------------------

need_rust() {
    command -v cargo >/dev/null || refuse "Rust is missing." "See https://rustup.rs, then run the command again."
    local wanted have
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")
    have=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$wanted" "${have%%-*}" | sort -V | head -n 1)" != "$wanted" ]; then
        refuse "Rust $wanted or newer is needed; this is $have." "rustup update stable"
    fi
}

# cargo-deny guards licences, sources and bans. It is built once, without root, into cargo's own folder.
need_cargo_deny() {
    if cargo deny --version >/dev/null 2>&1; then return; fi
    echo "Installing cargo-deny (once; a few minutes): cargo install cargo-deny --locked --debug"
    cargo install cargo-deny --locked --debug --quiet
}

# An engine far away is reached by ssh: the tests start an sshd in their own kernel. It is unpacked beside the build and not
# installed, for Debian's package would have this machine listen on port 22 from then on.
need_sshd() {
    local folder
    folder="$(realpath "$(dirname "$0")/..")/target/kernel/sshd"
    if command -v sshd >/dev/null || [ -e "$folder" ] || ! command -v apt-get dpkg-deb >/dev/null; then return; fi
    mkdir -p "$folder.new"
    # without apt's own user, who may not write there
    if (cd "$folder.new" && apt-get download -qq -o APT::Sandbox::User=root openssh-server libwrap0 >&2); then
        for package in "$folder.new"/*.deb; do dpkg-deb -x "$package" "$folder.new"; done
        mv "$folder.new" "$folder"
    else
        echo "No sshd: what the kind lab does by ssh is not tested." >&2
        rm -rf "$folder.new"
    fi
}

# --- packages -------------------------------------------------------------------------------------------------------

# What is missing, as abstract names; the tables below give each system's package for it.
missing() {
    command -v cc >/dev/null || echo compiler
    command -v make >/dev/null || echo make
    have_libpcap || echo libpcap
    if [ "$1" = learn ]; then return; fi
    command -v tcpdump >/dev/null || echo tcpdump
    command -v tshark >/dev/null || echo tshark
    command -v ip >/dev/null || [ "$(uname -s)" != Linux ] || echo iproute2
    command -v ping >/dev/null || echo ping
    # What the reference kernel of the tests needs, where it can be had; its own script knows.
    if [ "$(uname -s)" = Linux ] && [ "$(uname -m)" = x86_64 ] && command -v apt-get >/dev/null; then
        "$(dirname "$0")/../tests/kernel/prerequisites.sh" --packages
    fi
}

# The headers and the linker's name of libpcap, asked of the compiler itself.
have_libpcap() {
    command -v cc >/dev/null || return 1
    printf '#include <pcap/pcap.h>\nint main(void) { return pcap_lib_version() == 0; }\n' |
        cc -x c -o /dev/null - -lpcap 2>/dev/null
}

install_packages() {
    local names=() name
    for name in $1; do names+=("$(package "$name")"); done
    if command -v apt-get >/dev/null; then
        as_root "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ${names[*]}"
    elif command -v dnf >/dev/null; then
        as_root "dnf install -y ${names[*]}"
    elif command -v pacman >/dev/null; then
        as_root "pacman -S --needed --noconfirm ${names[*]}"
    elif command -v brew >/dev/null; then
        ask "brew install ${names[*]}"
        brew install "${names[@]}"
    else
        refuse "No package manager that is known here (apt-get, dnf, pacman, brew)." "Install these yourself: $*"
    fi
}

# The package of an abstract name on this system.
package() {
    local manager=brew
    for candidate in apt-get dnf pacman; do
        if command -v $candidate >/dev/null; then manager=$candidate; break; fi
    done
    case "$manager:$1" in
        apt-get:compiler) echo gcc libc6-dev ;;
        apt-get:libpcap) echo libpcap-dev ;;
        apt-get:ping) echo iputils-ping ;;
        dnf:compiler | pacman:compiler) echo gcc ;;
        dnf:libpcap) echo libpcap-devel ;;
        dnf:iproute2) echo iproute ;;
        dnf:tshark) echo wireshark-cli ;;
        dnf:ping | pacman:ping) echo iputils ;;
        pacman:tshark) echo wireshark-cli ;;
        brew:compiler) echo gcc ;;
        brew:tshark) echo wireshark ;;
        *) echo "$1" ;;
    esac
}

# --- asking ---------------------------------------------------------------------------------------------------------

as_root() {
    local line=$1
    if [ "$(id -u)" -ne 0 ]; then line="sudo sh -c '$line'"; fi
    ask "$line"
    eval "$line"
}

ask() {
    echo "This is missing for \`make $purpose\` and will be installed:"
    echo "    $1"
    if [ "${CI:-}" = true ] || [ "${ESPLAIN_YES:-}" = 1 ]; then return; fi
    if ! { true </dev/tty; } 2>/dev/null; then
        refuse "There is no terminal to ask on." "Run the command above yourself, or set ESPLAIN_YES=1."
    fi
    local answer
    read -r -p "Run it? [y/N] " answer </dev/tty
    case "$answer" in
        y | Y | yes) ;;
        *) refuse "Nothing was installed." "Run the command above yourself, then \`make $purpose\` again." ;;
    esac
}

refuse() {
    echo "error: $1" >&2
    echo "hint: $2" >&2
    exit 3
}

main
