use std::collections::BTreeMap;

use regex::Regex;

/// The values that lessons speak through, by the names of `lessons/FORMAT.md`: `worker`, `pod_a_ip`, `spi`, …
pub type Facts = BTreeMap<String, String>;

/// Every variable a lesson may use.
pub const VARIABLES: &[&str] = &[
    "cluster",
    "worker",
    "worker2",
    "control_plane",
    "worker_ip",
    "worker2_ip",
    "control_plane_ip",
    "pod_cidr_a",
    "pod_cidr_b",
    "pod_cidr_c",
    "cilium_host_a",
    "cilium_host_b",
    "cilium_host_c",
    "pod_a",
    "pod_b",
    "pod_a_ip",
    "pod_b_ip",
    "lxc_a",
    "lxc_b",
    "spi",
    "key_id",
    "encrypt_mark",
    "native_cidr",
    "gateway",
    "wrong_key",
    "cilium_version",
    "routing",
    "key_number",
    "control_plane_taint",
    "apt_sources",
];

/// A text of a lesson with variables in it: `ping -c 1 {pod_b_ip}`. `{{` writes a brace that opens no variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Template(String);

/// Why a template could not be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// The lab does not know this value (yet).
    #[error("the lab does not know `{{{0}}}` yet")]
    Unknown(String),
    /// What came out is not a regular expression.
    #[error("not a regular expression: {0}")]
    Pattern(String),
}

impl Template {
    /// Takes a text as an author wrote it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it was written.
    pub fn as_written(&self) -> &str {
        &self.0
    }

    /// The names of its variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        pieces(&self.0).filter_map(|piece| match piece {
            Piece::Variable(name) => Some(name),
            Piece::Text(_) => None,
        })
    }

    /// The text with every value in its place.
    pub fn fill(&self, facts: &Facts) -> Result<String, FillError> {
        self.filled(facts, str::to_owned)
    }

    /// The text for a reader: a value that the lab does not know yet stands as `<pod_a_ip>`.
    pub fn show(&self, facts: &Facts) -> String {
        pieces(&self.0)
            .map(|piece| match piece {
                Piece::Text(text) => text.to_owned(),
                Piece::Variable(name) => facts.get(name).cloned().unwrap_or_else(|| format!("<{name}>")),
            })
            .collect()
    }

    /// The text as a regular expression in which each value stands for itself. `^` and `$` are the ends of a line.
    pub fn pattern(&self, facts: &Facts) -> Result<Regex, FillError> {
        let filled = self.filled(facts, regex::escape)?;
        regex::RegexBuilder::new(&filled).multi_line(true).build().map_err(|e| FillError::Pattern(e.to_string()))
    }

    fn filled(&self, facts: &Facts, write: impl Fn(&str) -> String) -> Result<String, FillError> {
        pieces(&self.0)
            .map(|piece| match piece {
                Piece::Text(text) => Ok(text.to_owned()),
                Piece::Variable(name) => match facts.get(name) {
                    Some(value) => Ok(write(value)),
                    None => Err(FillError::Unknown(name.to_owned())),
                },
            })
            .collect()
    }
}

/// The lab's facts together with those that follow from them, so that every lab need not say the same thing thrice.
#[must_use]
pub fn complete(mut facts: Facts) -> Facts {
    let spi = facts.get("spi").and_then(|spi| number(spi));
    if let Some(spi) = spi {
        facts.entry("key_id".to_owned()).or_insert_with(|| spi.to_string());
        // (spi << 12) | MARK_MAGIC_ENCRYPT under IPsecMarkMask, cilium v1.13 pkg/datapath/linux/linux_defaults.
        facts.entry("encrypt_mark".to_owned()).or_insert_with(|| format!("{:#x}/0xff00", (spi & 0xf) << 12 | 0xe00));
    }
    let counting = (0..20).fold(String::new(), |key, octet| key + &format!("{octet:02x}"));
    facts.entry("wrong_key".to_owned()).or_insert(counting);
    facts
}

/// A number as tools print it: decimal, or hexadecimal after `0x`.
pub(super) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[derive(Clone, Copy)]
enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix("{{") {
            let brace = &rest[..1];
            rest = after;
            return Some(Piece::Text(brace));
        }
        if let Some((name, after)) = variable(rest) {
            rest = after;
            return Some(Piece::Variable(name));
        }
        // A brace that opens no variable is text, and so is everything up to the next brace.
        let from = usize::from(rest.starts_with('{'));
        let next = rest[from..].find('{').map_or(rest.len(), |at| at + from);
        let (text, after) = rest.split_at(next);
        rest = after;
        Some(Piece::Text(text))
    })
}

/// The variable at the start of `text`, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    let mut letters = name.bytes();
    let starts_well = letters.next().is_some_and(|first| first.is_ascii_lowercase());
    let goes_on_well = letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    (starts_well && goes_on_well).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        complete(Facts::from([
            ("pod_b_ip".to_owned(), "10.0.1.165".to_owned()),
            ("spi".to_owned(), "0x00000003".to_owned()),
        ]))
    }

    #[test]
    fn a_variable_is_filled_and_other_braces_stay() {
        for (written, filled) in [
            ("ping -c 1 {pod_b_ip}", "ping -c 1 10.0.1.165"),
            ("awk '{print $1}'", "awk '{print $1}'"),
            ("awk '{{print}'", "awk '{print}'"),
            ("{pod_b_ip}{spi}", "10.0.1.1650x00000003"),
            ("a{2,3}{", "a{2,3}{"),
            ("中{key_id}文", "中3文"),
            ("", ""),
        ] {
            assert_eq!(Template::new(written).fill(&facts()).as_deref(), Ok(filled), "{written}");
        }
    }

    #[test]
    fn a_value_the_lab_does_not_know_is_named() {
        let template = Template::new("ping {pod_a_ip}");
        assert_eq!(template.fill(&facts()), Err(FillError::Unknown("pod_a_ip".to_owned())));
        assert_eq!(template.show(&facts()), "ping <pod_a_ip>");
    }

    #[test]
    fn a_value_in_a_pattern_stands_for_itself() {
        let pattern = Template::new("^{pod_b_ip}$").pattern(&facts()).unwrap();
        assert!(pattern.is_match("x\n10.0.1.165\ny"));
        assert!(!pattern.is_match("10x0.1.165"));
    }

    #[test]
    fn the_mark_to_encrypt_with_follows_from_the_spi() {
        assert_eq!(facts()["encrypt_mark"], "0x3e00/0xff00");
        assert_eq!(facts()["key_id"], "3");
    }
}
