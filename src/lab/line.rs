//! How a line of the learner's is run by a real shell: what the kernel lab and the kind lab have in common.

use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_one_word() {
        assert_eq!(quoted("10.0.0.0/24"), "10.0.0.0/24");
        assert_eq!(quoted("a 'b'"), r"'a '\''b'\'''");
        assert_eq!(quoted(""), "''");
    }
}
