//! `getopt(3)` as the tools use it: bundled short options, values attached or apart, options anywhere before `--`.

/// One word of a command line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// An option with its value, if it takes one.
    Option(String, Option<String>),
    /// A plain word.
    Plain(String),
}

/// What getopt complains of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misuse {
    /// `invalid option -- 'Z'`.
    Unknown(char),
    /// `unrecognized option '--foo'`.
    UnknownLong(String),
    /// `option requires an argument -- 'i'`.
    NoValue(char),
    /// `option '--foo' requires an argument`.
    NoValueLong(String),
}

impl std::fmt::Display for Misuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(option) => write!(f, "invalid option -- '{option}'"),
            Self::UnknownLong(option) => write!(f, "unrecognized option '{option}'"),
            Self::NoValue(option) => write!(f, "option requires an argument -- '{option}'"),
            Self::NoValueLong(option) => write!(f, "option '{option}' requires an argument"),
        }
    }
}

/// Reads arguments. `short` is getopt's own notation (`c:n` is `-c VALUE` and `-n`); `long` are long options with the
/// short one they stand for (or themselves) and whether they take a value.
///
/// On a misuse what was read before it is lost, as the tools print usage then.
pub(super) fn read(arguments: &[String], short: &str, long: &[(&str, &str, bool)]) -> Result<Vec<Word>, Misuse> {
    let mut words = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            words.extend(rest.by_ref().cloned().map(Word::Plain));
        } else if let Some(name) = argument.strip_prefix("--").filter(|_| !long.is_empty()) {
            let (name, attached) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, None),
            };
            let mut fits = long.iter().filter(|(full, ..)| full.starts_with(name));
            let exact = long.iter().find(|(full, ..)| *full == name);
            let Some((full, stands_for, valued)) = exact.or_else(|| fits.next()) else {
                return Err(Misuse::UnknownLong(format!("--{name}")));
            };
            let value = match (valued, attached) {
                (false, _) => None,
                (true, Some(value)) => Some(value),
                (true, None) => Some(rest.next().cloned().ok_or_else(|| Misuse::NoValueLong(format!("--{full}")))?),
            };
            words.push(Word::Option((*stands_for).to_owned(), value));
        } else if let Some(bundle) = argument.strip_prefix('-').filter(|bundle| !bundle.is_empty()) {
            for (at, letter) in bundle.char_indices() {
                let known = short.find(letter).filter(|_| letter != ':').ok_or(Misuse::Unknown(letter))?;
                let valued = short.get(known + letter.len_utf8()..).is_some_and(|after| after.starts_with(':'));
                if !valued {
                    words.push(Word::Option(letter.to_string(), None));
                    continue;
                }
                let attached = bundle.get(at + letter.len_utf8()..).filter(|value| !value.is_empty());
                let value = match attached {
                    Some(value) => value.to_owned(),
                    None => rest.next().cloned().ok_or(Misuse::NoValue(letter))?,
                };
                words.push(Word::Option(letter.to_string(), Some(value)));
                break;
            }
        } else {
            words.push(Word::Plain(argument.clone()));
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<Word>, Misuse> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        read(&arguments, "pnei:c:", &[("interface", "i", true)])
    }

    #[test]
    fn bundles_attached_values_and_long_options_read_alike() {
        let option = |name: &str, value: Option<&str>| Word::Option(name.to_owned(), value.map(str::to_owned));
        let plain = |word: &str| Word::Plain(word.to_owned());
        let expected = vec![option("p", None), option("n", None), option("i", Some("any")), plain("esp")];
        for line in ["-pni any esp", "-p -n -iany esp", "-pn --interface=any esp", "-pn --inter any -- esp"] {
            assert_eq!(words(line).as_ref(), Ok(&expected), "{line}");
        }
        assert_eq!(words("-Z"), Err(Misuse::Unknown('Z')));
        assert_eq!(words("-i"), Err(Misuse::NoValue('i')));
    }
}
