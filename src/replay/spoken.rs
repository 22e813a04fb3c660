/// A line of a script, by whom it speaks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spoken {
    /// `:name rest`.
    Guide {
        /// The name.
        name: String,
        /// What follows it.
        rest: String,
    },
    /// `line &`, without the `&`.
    Background(String),
    /// `kill %N`.
    Kill(usize),
    /// Anything else, for the lab.
    Run(String),
}

impl Spoken {
    /// Reads a line as the guided shell does.
    pub(super) fn read(line: &str) -> Self {
        let line = line.trim();
        if let Some(words) = line.strip_prefix(':') {
            let (name, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
            return Self::Guide { name: name.to_owned(), rest: rest.trim().to_owned() };
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["kill", .., job] = words.as_slice()
            && let Some(number) = job.strip_prefix('%').and_then(|number| number.parse().ok())
        {
            return Self::Kill(number);
        }
        match line.strip_suffix('&') {
            Some(front) if !front.ends_with('&') => Self::Background(front.trim_end().to_owned()),
            _ => Self::Run(line.to_owned()),
        }
    }
}

/// What `:decrypt` was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DecryptArgs {
    /// The capture.
    pub(super) capture: String,
    /// Files with the text of `ip xfrm state`; empty for the place's own states.
    pub(super) sa: Vec<String>,
    /// A key to try in place of every state's own, in hex.
    pub(super) key: Option<String>,
}

impl DecryptArgs {
    /// Reads the words after `:decrypt`; `None` when they are off.
    pub(super) fn read(rest: &str) -> Option<Self> {
        let mut args = Self::default();
        let mut words = rest.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "--sa" => args.sa.push(words.next()?.to_owned()),
                "--key" => args.key = Some(words.next()?.to_owned()),
                _ if word.starts_with('-') || !args.capture.is_empty() => return None,
                _ => word.clone_into(&mut args.capture),
            }
        }
        (!args.capture.is_empty()).then_some(args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_goes_to_the_one_it_speaks_to() {
        let guide = |name: &str, rest: &str| Spoken::Guide { name: name.into(), rest: rest.into() };
        for (line, spoken) in [
            (":on pod-a", guide("on", "pod-a")),
            (":map", guide("map", "")),
            ("tcpdump -i any &", Spoken::Background("tcpdump -i any".into())),
            ("a && b", Spoken::Run("a && b".into())),
            ("kill -INT %2", Spoken::Kill(2)),
            ("kill 42", Spoken::Run("kill 42".into())),
        ] {
            assert_eq!(Spoken::read(line), spoken, "{line}");
        }
    }

    #[test]
    fn decrypt_takes_one_capture_and_the_ways_to_name_keys() {
        let args = DecryptArgs::read("all.cap --sa states.txt --key 0x01").unwrap();
        assert_eq!((args.capture.as_str(), args.sa.len(), args.key.as_deref()), ("all.cap", 1, Some("0x01")));
        for wrong in ["", "--sa x", "a b", "a --loud", "a --key"] {
            assert_eq!(DecryptArgs::read(wrong), None, "{wrong}");
        }
    }
}
