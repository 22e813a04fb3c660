use crate::command::{Unreadable, script};

/// What a typed line means to the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing, or a comment.
    Nothing,
    /// Words to the guide: the name without its colon, and the rest.
    Guide(String, String),
    /// `jobs`.
    Jobs,
    /// `fg [%N]`.
    Foreground(Option<u32>),
    /// `kill [-SIGNAL] %N`.
    Kill(u32),
    /// `clear`.
    Clear,
    /// A line for the lab, without its trailing `&`.
    Run {
        /// The line.
        line: String,
        /// Whether it goes to the background.
        background: bool,
    },
}

impl Said {
    /// Reads one whole line (which may hold line breaks inside quotes or here-documents).
    pub(super) fn read(text: &str) -> Self {
        let line = text.trim();
        if line.is_empty() || line.starts_with('#') {
            return Self::Nothing;
        }
        if let Some(guide) = line.strip_prefix(':') {
            let (name, rest) = guide.split_once(char::is_whitespace).unwrap_or((guide, ""));
            return Self::Guide(name.to_lowercase(), rest.trim().to_owned());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let guide = |name: &str| Self::Guide(name.to_owned(), String::new());
        match words.as_slice() {
            ["?" | "help"] => guide("help"),
            ["exit" | "quit" | "logout"] | ["exit", _] => guide("quit"),
            ["jobs"] => Self::Jobs,
            ["clear"] => Self::Clear,
            ["fg"] => Self::Foreground(None),
            ["fg", job] if job_number(job).is_some() => Self::Foreground(job_number(job)),
            ["kill", options @ .., job] if job.starts_with('%') && options.iter().all(|word| word.starts_with('-')) => {
                job_number(job).map_or_else(|| run(line), Self::Kill)
            }
            _ => run(line),
        }
    }
}

fn run(line: &str) -> Said {
    match line.strip_suffix('&') {
        Some(front) if !front.ends_with(['&', '\\', '>']) => {
            Said::Run { line: front.trim_end().to_owned(), background: true }
        }
        _ => Said::Run { line: line.to_owned(), background: false },
    }
}

fn job_number(word: &str) -> Option<u32> {
    word.strip_prefix('%').unwrap_or(word).parse().ok()
}

/// Whether `text` stops in the middle of a quote, a here-document or a list, so that a shell would ask for more.
pub(super) fn is_unfinished(text: &str) -> bool {
    let line = text.trim_start();
    if line.starts_with([':', '#']) {
        return false;
    }
    line.ends_with('\\') || matches!(script(text), Err(Unreadable::Unfinished(_)))
}

/// A pasted block as the lines that are run one after the other; a quote, a here-document or a `\` at the end of a line
/// keeps lines together.
pub(super) fn lines_of(block: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in block.lines() {
        if open.is_empty() && line.trim().is_empty() {
            continue;
        }
        if !open.is_empty() {
            open.push('\n');
        }
        open.push_str(line);
        if !is_unfinished(&open) {
            lines.push(std::mem::take(&mut open));
        }
    }
    if !open.trim().is_empty() {
        lines.push(open);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(line: &str, background: bool) -> Said {
        Said::Run { line: line.to_owned(), background }
    }

    fn guide(name: &str, rest: &str) -> Said {
        Said::Guide(name.to_owned(), rest.to_owned())
    }

    #[test]
    fn each_line_goes_to_the_one_it_speaks_to() {
        for (line, said) in [
            ("  ", Said::Nothing),
            ("# a remark", Said::Nothing),
            ("?", guide("help", "")),
            ("exit", guide("quit", "")),
            (":goto  states ", guide("goto", "states")),
            (":Next", guide("next", "")),
            ("help me", runs("help me", false)),
            ("jobs", Said::Jobs),
            ("fg %2", Said::Foreground(Some(2))),
            ("kill %1", Said::Kill(1)),
            ("kill -INT %1", Said::Kill(1)),
            ("kill 1234", runs("kill 1234", false)),
            ("ip x s", runs("ip x s", false)),
            ("tcpdump -i any &", runs("tcpdump -i any", true)),
            ("true &&", runs("true &&", false)),
        ] {
            assert_eq!(Said::read(line), said, "{line}");
        }
    }

    #[test]
    fn a_pasted_block_keeps_its_quotes_and_heredocs_together() {
        let block = "ip x s\n\nhelm install cilium \\\n  --set tunnel=disabled\ncat > f <<EOF\na: 1\n\nEOF\n:next\n";
        assert_eq!(
            lines_of(block),
            ["ip x s", "helm install cilium \\\n  --set tunnel=disabled", "cat > f <<EOF\na: 1\n\nEOF", ":next"]
        );
    }

    #[test]
    fn an_unfinished_end_is_still_shown() {
        assert_eq!(lines_of("echo 'a\nb"), ["echo 'a\nb"]);
    }
}
