//! What stands around a listing in a paste: prompts, commands, times, quotation marks.

use std::net::IpAddr;

/// Whether a word in front of a field says nothing: a time, a quotation mark, a prompt, a log level.
pub fn is_noise(word: &str) -> bool {
    let time = word.starts_with(|c: char| c.is_ascii_digit())
        && word.contains([':', '-', '.'])
        && word.parse::<IpAddr>().is_err();
    let marks = word.chars().all(|c| !c.is_alphanumeric());
    let ends = word.ends_with(['|', '>', ']', '$', '#', ':', '%']);
    time || marks || ends || word.starts_with('[') || matches!(word, "Deleted" | "Updated" | "Expired")
}

/// Whether a line is a command that somebody typed, prompt and all, or a prompt alone.
pub fn is_command<'a>(words: impl Iterator<Item = &'a str>) -> bool {
    let mut words = words.skip_while(|word| {
        matches!(*word, "sudo" | "$" | "#") || word.ends_with(['$', '#', '%']) || word.contains('@')
    });
    match words.next().map(|word| word.trim_start_matches(['$', '#'])) {
        Some("ip") => words.any(|word| !word.starts_with('-')),
        Some("kubectl" | "docker" | "nsenter" | "cat" | "ssh" | "watch") | None => true,
        Some(_) => false,
    }
}
