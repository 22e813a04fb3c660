//! How a line of the learner's is run by a real shell: what the kernel lab and the kind lab have in common.

use std::time::Duration;

use crate::command::commands;

/// A script for `bash -c`, with the file of what is remembered and the line as `$1` and `$2`: what earlier lines left
/// (folder, variables, functions, status) is brought back, and kept.
pub(super) const LINE: &str = r#"[ -r "$1" ] && . "$1" 2>/dev/null
__esplain_kept=$1 __esplain_line=$2; shift 2
trap '__esplain_status=$?; { declare -p; declare -f; alias -p; printf "cd %q\n" "$PWD"; } >"$__esplain_kept" 2>/dev/null' EXIT
__esplain_again() { return "${__esplain_status:-0}"; }
__esplain_again
eval "$__esplain_line""#;

/// tcpdump without `--immediate-mode` is handed packets up to a second late (libpcap's TPACKET_V3 blocks); one that is
/// stopped by hand is stopped by a slower hand than a script's.
pub(super) const TCPDUMP_LAG: Duration = Duration::from_millis(1100);
/// How long SIGTERM has before SIGKILL.
pub(super) const MERCY: Duration = Duration::from_secs(2);

/// Whether a line sits on packets for a while before it says them.
pub(super) fn lags(line: &str) -> bool {
    line.contains("tcpdump") && !line.contains("immediate")
}

/// A word as a shell takes it whole.
pub(super) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Whether a line surely leaves the network as it is.
pub(super) fn only_looks(line: &str) -> bool {
    const LOOKERS: &[&str] = &[
        "cat", "ls", "grep", "head", "tail", "wc", "awk", "sort", "cut", "ps", "ping", "tcpdump", "hostname", "pwd",
        "cd", "uname", "id", "whoami", "ss", "netstat", "true", "false", "echo", "xxd", "date", "sleep",
    ];
    const SHOWS: &[&str] = &["s", "sh", "show", "l", "ls", "list", "lst", "g", "get", "help", "count", "monitor"];
    // The words of `ip` that change something come behind the object; a listing has one of the words above, or none.
    let shows = |words: &[String]| {
        let plain: Vec<&str> = words.iter().skip(1).map(String::as_str).filter(|word| !word.starts_with('-')).collect();
        let verb =
            if plain.first().is_some_and(|object| object.starts_with('x')) { plain.get(2) } else { plain.get(1) };
        verb.is_none_or(|verb| SHOWS.contains(verb))
    };
    commands(line).is_ok_and(|found| {
        found.iter().all(|command| {
            let name = command.words.first().map_or("", String::as_str);
            let writes_network = command.writes.iter().any(|file| file.contains("/proc") || file.contains("/sys"));
            let shows_values =
                || name == "sysctl" && !command.words.iter().any(|word| word.contains('=') || word == "-w");
            let shows_filters =
                || name == "tc" && command.words.get(2).is_some_and(|verb| SHOWS.contains(&verb.as_str()));
            !writes_network
                && (LOOKERS.contains(&name)
                    || name == "ip" && shows(&command.words)
                    || shows_values()
                    || shows_filters())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_one_word() {
        assert_eq!(quoted("10.0.0.0/24"), "10.0.0.0/24");
        assert_eq!(quoted("a 'b'"), r"'a '\''b'\'''");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn what_may_change_a_network_is_told_from_what_only_looks() {
        for line in ["ip x s", "ip -s xfrm state", "ip r s t 200", "ping -c 1 10.0.1.165", "ip rule | grep 200", "ip a"]
        {
            assert!(only_looks(line), "{line}");
        }
        assert!(only_looks(&crate::datapath::rebuild::script(true)), "the guide's own look");
        for line in [
            "ip x s flush",
            "ip r d default",
            "sh -c 'ip link set eth0 down'",
            "echo 0 > /proc/sys/net/x",
            "tc q",
            "sysctl -w net.ipv4.ip_forward=0",
            "tc filter del dev eth0 ingress",
        ] {
            assert!(!only_looks(line), "{line}");
        }
    }
}
