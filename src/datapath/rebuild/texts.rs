use std::collections::BTreeMap;
use std::fmt;

/// One of the texts that a node's stack is rebuilt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Text {
    /// `ip -d addr` (`ip addr` will do).
    Addresses,
    /// `ip rule`.
    Rules,
    /// `ip route show table all`.
    Routes,
    /// `ip xfrm state`, with keys or without.
    States,
    /// `ip xfrm policy`.
    Policies,
    /// `ip neigh`.
    Neighbours,
    /// `sysctl -a`, or the lines of it that forwarding asks for.
    Sysctls,
    /// `tc filter show dev DEVICE ingress` of each device, each under a line with that command.
    Filters,
}

impl Text {
    /// Every text.
    pub const ALL: [Self; 8] = [
        Self::Addresses,
        Self::Rules,
        Self::Routes,
        Self::States,
        Self::Policies,
        Self::Neighbours,
        Self::Sysctls,
        Self::Filters,
    ];

    /// The name of its file, without the ending: `ip-addr`.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Addresses => "ip-addr",
            Self::Rules => "ip-rule",
            Self::Routes => "ip-route",
            Self::States => "ip-xfrm-state",
            Self::Policies => "ip-xfrm-policy",
            Self::Neighbours => "ip-neigh",
            Self::Sysctls => "sysctl",
            Self::Filters => "tc",
        }
    }

    /// The command that makes it.
    pub fn command(self) -> &'static str {
        match self {
            Self::Addresses => "ip -d addr",
            Self::Rules => "ip rule",
            Self::Routes => "ip route show table all",
            Self::States => "ip xfrm state",
            Self::Policies => "ip xfrm policy",
            Self::Neighbours => "ip neigh",
            Self::Sysctls => SYSCTLS,
            Self::Filters => FILTERS,
        }
    }

    /// Which text a file holds, by its name without the ending: `ip-d-addr`, `ip-x-s`, `ip-s-x-p`, …
    pub fn of_stem(stem: &str) -> Option<Self> {
        Some(match stem {
            "ip-addr" | "ip-d-addr" | "ip-a" | "ip-d-a" | "ip-address" | "ip-d-address" | "addr" => Self::Addresses,
            "ip-rule" | "ip-ru" | "ip-4-rule" | "rule" | "rules" => Self::Rules,
            "ip-route" | "ip-r-s-t-all" | "ip-route-show-table-all" | "ip-route-table-all" | "routes" => Self::Routes,
            "ip-xfrm-state" | "ip-s-xfrm-state" | "ip-x-s" | "ip-s-x-s" | "xfrm-state" => Self::States,
            "ip-xfrm-policy" | "ip-s-xfrm-policy" | "ip-x-p" | "ip-s-x-p" | "xfrm-policy" => Self::Policies,
            "ip-neigh" | "ip-n" | "ip-neighbour" | "neigh" => Self::Neighbours,
            "sysctl" | "sysctl-a" => Self::Sysctls,
            "tc" | "tc-filter" | "tc-s-filter" => Self::Filters,
            _ => return None,
        })
    }
}

/// The values that decide whether a packet is forwarded, out of the thousand that there are.
const SYSCTLS: &str = "sysctl -a 2>/dev/null | grep -E \
                       '^net\\.ipv4\\.(ip_forward|ip_default_ttl|conf\\..*\\.(forwarding|rp_filter|accept_local|src_valid_mark)) '";

/// The programs of each device, where there is a `tc`; a device without any has its heading only.
const FILTERS: &str = "tc filter show dev lo ingress >/dev/null 2>&1 && \
                       for device in $(ip -o link | cut -d: -f2 | cut -d@ -f1); do for side in ingress egress; do \
                       echo \"# tc filter show dev $device $side\"; tc filter show dev $device $side; done; done";

/// What begins the heading of a text where several stand in one file.
const HEADING: &str = "==> ";

/// The texts of one node or pod.
///
/// Not `Debug`: the states may be there with their keys.
#[derive(Clone, Default)]
pub struct NodeTexts {
    /// Its name.
    pub name: String,
    texts: BTreeMap<Text, (String, String)>,
}

impl fmt::Debug for NodeTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeTexts").field("name", &self.name).field("texts", &self.texts.keys()).finish()
    }
}

impl NodeTexts {
    /// A node without texts yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), texts: BTreeMap::new() }
    }

    /// Reads what [`script`] writes: texts below headings such as `==> ip-rule`.
    pub fn from_stream(name: impl Into<String>, stream: &str) -> Self {
        let mut node = Self::new(name);
        let mut open = None;
        for line in stream.lines() {
            if let Some(heading) = line.strip_prefix(HEADING) {
                open = Text::of_stem(heading.trim());
                if let Some(text) = open {
                    node.put(text, text.stem(), String::new());
                }
            } else if let Some((_, kept)) = open.and_then(|text| node.texts.get_mut(&text)) {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        // A node without the program says nothing of it, and so does a shell that has no such variables.
        node.texts.retain(|text, (_, kept)| {
            !kept.trim().is_empty() || matches!(text, Text::States | Text::Policies | Text::Neighbours)
        });
        node
    }

    /// Puts a text in; `label` is what messages call it: a file, or a command.
    pub fn put(&mut self, text: Text, label: impl Into<String>, content: impl Into<String>) {
        self.texts.insert(text, (label.into(), content.into()));
    }

    /// A text.
    pub fn get(&self, text: Text) -> Option<&str> {
        self.texts.get(&text).map(|(_, content)| content.as_str())
    }

    /// What messages call a text.
    pub fn label(&self, text: Text) -> &str {
        self.texts.get(&text).map_or(text.stem(), |(label, _)| label.as_str())
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// A line for a node's shell that writes all its texts, each under its heading. It changes nothing. Without `keys` the
/// states come without theirs.
pub fn script(keys: bool) -> String {
    let parts: Vec<String> = Text::ALL
        .into_iter()
        .map(|text| {
            let command = if text == Text::States && !keys { "ip xfrm state list nokeys" } else { text.command() };
            format!("echo '{HEADING}{}'; {command}", text.stem())
        })
        .collect();
    parts.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_writes_is_read_again() {
        let stream =
            "==> ip-addr\n1: lo: <UP> mtu 1\n==> ip-rule\n0:\tfrom all lookup local\n==> ip-xfrm-state\n==> tc\n";
        let node = NodeTexts::from_stream("worker", stream);
        assert_eq!(node.get(Text::Addresses), Some("1: lo: <UP> mtu 1\n"));
        assert_eq!(node.get(Text::Rules), Some("0:\tfrom all lookup local\n"));
        assert_eq!(node.get(Text::States), Some(""), "a node without states is one without states");
        assert_eq!(node.get(Text::Filters), None, "a node without tc says nothing of programs");
        assert_eq!(node.get(Text::Routes), None);
    }

    #[test]
    fn every_text_is_found_under_the_name_of_its_own_file() {
        for text in Text::ALL {
            assert_eq!(Text::of_stem(text.stem()), Some(text));
            assert!(script(true).contains(text.command()));
        }
        assert!(script(false).contains("nokeys") && !script(true).contains("nokeys"));
    }

    #[test]
    fn no_key_is_in_the_debug_form() {
        let mut node = NodeTexts::new("worker");
        node.put(Text::States, "f", "aead rfc4106(gcm(aes)) 0xabcdef0123456789 128");
        assert!(!format!("{node:?}").contains("abcdef"), "{node:?}");
    }
}
