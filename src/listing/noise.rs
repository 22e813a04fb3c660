//! What stands around a listing in a paste: prompts, commands, times, quotation marks.

use std::net::IpAddr;

/// Whether a word in front of a field says nothing: a time, a quotation mark, a prompt, a log level.
pub fn is_noise(word: &str) -> bool {
    let time = word.starts_with(|c: char| c.is_ascii_digit())
        && word.contains([':', '-', '.'])
        && word.split('/').next().is_none_or(|addr| addr.parse::<IpAddr>().is_err());
    let marks = word.chars().all(|c| !c.is_alphanumeric());
    let ends = word.ends_with(['|', '>', ']', '$', '#', ':', '%']);
    time || marks || ends || word.starts_with('[') || matches!(word, "Deleted" | "Updated" | "Expired")
}

/// Whether a line is a command that somebody typed, prompt and all, or a prompt alone.
pub fn is_command<'a>(words: impl Iterator<Item = &'a str>) -> bool {
    const KNOWN: [&str; 10] =
        ["kubectl", "docker", "nsenter", "cat", "ssh", "watch", "tcpdump", "ping", "tshark", "cilium"];
    // `root@worker:/#`, `[root@worker ~]#`, `$`.
    const LONGEST_PROMPT: usize = 2;
    let words: Vec<_> = words.collect();
    let ends_prompt = |word: &&str| word.ends_with(['$', '#']) && !word.starts_with(|c: char| c.is_ascii_digit());
    let prompt = words.iter().take(LONGEST_PROMPT).position(ends_prompt);
    let rest = prompt.map_or(words.as_slice(), |end| words.get(end + 1..).unwrap_or_default());
    let rest = if rest.first() == Some(&"sudo") { rest.get(1..).unwrap_or_default() } else { rest };
    match rest.first() {
        Some(&"ip") => rest.iter().skip(1).any(|word| !word.starts_with('-')),
        Some(first) => prompt.is_some() || KNOWN.contains(first),
        None => prompt.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_told_from_its_output() {
        for line in [
            "$ ip x s",
            "root@worker:/home# tcpdump -i any",
            "[root@worker ~]# ls",
            "sudo ip -s xfrm state",
            "ip r",
            "#",
        ] {
            assert!(is_command(line.split_whitespace()), "{line}");
        }
        for line in ["src 10.0.0.66 dst 10.0.1.236", "tcpdump: listening on any", "3 packets captured", "ip", ""] {
            assert!(!is_command(line.split_whitespace()), "{line}");
        }
    }
}
