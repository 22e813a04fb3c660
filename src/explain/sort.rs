//! Sorts the lines of a paste by what printed them.

use crate::listing::{Reader, is_command, is_noise};
use crate::route::TableId;
use crate::xfrm::{Counter, Prefix};

/// What a line of a paste is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing but blanks.
    Blank,
    /// Somebody typed it.
    Command,
    /// `ip xfrm state` or `ip xfrm policy`.
    Xfrm,
    /// `ip rule`.
    Rule,
    /// `ip route`.
    Route,
    /// `ip addr` or `ip link`.
    Link,
    /// A line of tcpdump.
    Tcpdump,
    /// `/proc/net/xfrm_stat`.
    Counters,
    /// Nothing that is known here.
    Unknown,
}

/// Lines of one kind that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: Kind,
    /// Its first and its last line, numbered from 1; lines between them may be blank.
    pub(super) first: usize,
    pub(super) last: usize,
    /// The table that the command above asked for.
    pub(super) table: Option<TableId>,
}

/// Sorts the lines of `text` into blocks.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut table = None;
    for (index, line) in text.lines().enumerate() {
        let before = blocks.last().map(|block| block.kind);
        let kind = kind_of(line, before);
        match kind {
            Kind::Blank => continue,
            Kind::Command => table = table_of(line),
            _ => {}
        }
        match blocks.last_mut().filter(|block| block.kind == kind) {
            Some(block) => block.last = index + 1,
            None => blocks.push(Block { kind, first: index + 1, last: index + 1, table: table.clone() }),
        }
    }
    blocks
}

/// The kind of a line; `before` is that of the lines above it, to which a broken line may belong.
fn kind_of(line: &str, before: Option<Kind>) -> Kind {
    let mut reader = Reader::new(line);
    let mut words = Vec::new();
    while let Some(token) = reader.next_token() {
        words.push(token.text);
    }
    if words.is_empty() {
        return Kind::Blank;
    }
    if is_command(words.iter().copied()) {
        return Kind::Command;
    }
    // A packet's line begins with a time, which elsewhere is noise.
    if is_packet(&words) || before == Some(Kind::Tcpdump) && goes_on_with_a_packet(&words) {
        return Kind::Tcpdump;
    }
    let noise = words.iter().take_while(|word| is_noise(word) && !is_opening(word)).count();
    let words = if noise < words.len() { words.get(noise..).unwrap_or_default() } else { &words };
    let opened = opened_by(words);
    // A listing whose lines were broken goes on; its reader says what it cannot read.
    let goes_on = |kind: &Kind| matches!(kind, Kind::Xfrm | Kind::Rule | Kind::Route | Kind::Link);
    opened.or(before.filter(goes_on)).unwrap_or(Kind::Unknown)
}

/// Whether a word that looks like noise opens a rule (`1:`), a device (`4:`) or a packet.
fn is_opening(word: &str) -> bool {
    word.strip_suffix(':').is_some_and(|number| number.parse::<u32>().is_ok())
}

/// The kind that the first words of a line tell.
fn opened_by(words: &[&str]) -> Option<Kind> {
    let first = *words.first()?;
    let second = words.get(1).copied().unwrap_or_default();
    let third = words.get(2).copied().unwrap_or_default();
    if first.parse::<Counter>().is_ok() || (first.starts_with("Xfrm") && second.parse::<u64>().is_ok()) {
        return Some(Kind::Counters);
    }
    if is_opening(first) {
        let rule = matches!(second, "from" | "not");
        return if rule { Some(Kind::Rule) } else { third.starts_with('<').then_some(Kind::Link) };
    }
    match first {
        "src" if second.parse::<Prefix>().is_ok() => Some(Kind::Xfrm),
        "proto" if matches!(second, "esp" | "ah" | "comp" | "route2" | "hao") => Some(Kind::Xfrm),
        "replay-window" | "mark" | "output-mark" | "auth" | "auth-trunc" | "aead" | "enc" | "comp" | "lastused"
        | "anti-replay" | "seq-hi" | "replay_window" | "sel" | "lifetime" | "limit:" | "stats:" | "tmpl" | "level"
        | "enc-mask" | "if_id" | "tfcpad" | "iptfs-opts" | "pcpu-num" | "socket" | "coa" => Some(Kind::Xfrm),
        "encap" if second == "type" => Some(Kind::Xfrm),
        "dir" if matches!(second, "in" | "out" | "fwd") => Some(Kind::Xfrm),
        "expire" | "add" if words.iter().any(|word| matches!(*word, "soft" | "use")) => Some(Kind::Xfrm),
        "crypto" if second == "offload" => Some(Kind::Xfrm),
        "security" if second == "context" => Some(Kind::Xfrm),
        "inet" | "inet6" | "valid_lft" | "veth" | "altname" => Some(Kind::Link),
        "nexthop" | "cache" | "nh_info" => Some(Kind::Route),
        _ if first.starts_with("link/") => Some(Kind::Link),
        _ if first.contains("(bytes)") => Some(Kind::Xfrm),
        _ if is_route(words) => Some(Kind::Route),
        _ => None,
    }
}

fn is_route(words: &[&str]) -> bool {
    use crate::route::RouteType;
    let typed = words.first().is_some_and(|word| RouteType::of_word(word).is_some());
    let Some((dst, rest)) = words.get(usize::from(typed)..).and_then(<[_]>::split_first) else { return false };
    let is_dst = *dst == "default" || dst.parse::<Prefix>().is_ok();
    let follows = |word: &&str| {
        matches!(
            *word,
            "via" | "dev" | "proto" | "scope" | "src" | "metric" | "table" | "nhid" | "encap" | "tos" | "from" | "mtu"
        )
    };
    is_dst && (typed || rest.is_empty() || rest.first().is_some_and(follows))
}

/// `03:24:25.176225 …`, also with a date in front, and what tcpdump says about itself.
fn is_packet(words: &[&str]) -> bool {
    let banner = |word: &str| word.starts_with("tcpdump:");
    let counted = words.len() > 2 && words.get(1) == Some(&"packets");
    let counted = counted && matches!(words.get(2), Some(&("captured" | "received" | "dropped")));
    if words.first().is_some_and(|word| banner(word)) || counted || words.first() == Some(&"listening") {
        return true;
    }
    let time = words.iter().take(2).any(|word| is_time(word));
    time && words.iter().any(|word| matches!(*word, ">" | "ARP," | "Request" | "ethertype" | "(tos" | "(flowlabel"))
}

/// What stands below the line of a packet: its addresses, with `-v`, and its octets, with `-x`.
fn goes_on_with_a_packet(words: &[&str]) -> bool {
    is_octets(words.first().copied().unwrap_or_default()) || words.get(1) == Some(&">")
}

/// `0x0010:`, before octets.
pub(super) fn is_octets(word: &str) -> bool {
    let offset = word.strip_prefix("0x").and_then(|word| word.strip_suffix(':'));
    offset.is_some_and(|offset| offset.len() >= 4 && u32::from_str_radix(offset, 16).is_ok())
}

/// `03:24:25.176225`.
pub(super) fn is_time(word: &str) -> bool {
    word.split(':').count() == 3
        && word.contains('.')
        && word.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '.'))
}

/// The table of `ip route show table 200`, as abbreviated as iproute2 takes it.
fn table_of(command: &str) -> Option<TableId> {
    let mut words = command.split_whitespace().skip_while(|word| !(*word == "ip" || word.ends_with("/ip")));
    words.find(|word| word.len() <= 5 && word.starts_with('r') && "route".starts_with(word))?;
    words.find(|word| "table".starts_with(word))?;
    words.next().filter(|table| *table != "all").map(TableId::of_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_known_by_its_first_words() {
        for (line, kind) in [
            ("src 10.0.0.66 dst 10.0.1.236", Kind::Xfrm),
            ("\tproto esp spi 0x00000003 reqid 1 mode tunnel", Kind::Xfrm),
            ("> src 10.0.0.0/24 dst 10.0.1.0/24 ", Kind::Xfrm),
            ("1:\tfrom all fwmark 0xd00/0xf00 lookup 200", Kind::Rule),
            ("4: cilium_host@cilium_net: <BROADCAST,MULTICAST,NOARP,UP,LOWER_UP> mtu 1500", Kind::Link),
            ("    link/ether 06:46:f6:67:0c:1b brd ff:ff:ff:ff:ff:ff", Kind::Link),
            ("local 10.0.0.0/24 dev eth0 proto 50 scope host ", Kind::Route),
            ("default via 172.18.0.1 dev eth0", Kind::Route),
            ("10.0.0.66 dev cilium_host scope link ", Kind::Route),
            ("XfrmInNoStates          \t7", Kind::Counters),
            (
                "03:24:25.176225 eth0  Out IP 10.0.0.66 > 10.0.1.236: ESP(spi=0x00000003,seq=0x1), length 120",
                Kind::Tcpdump,
            ),
            ("2026-11-23 03:24:25.176225 IP 10.0.0.66 > 10.0.1.236: ESP(spi=0x3,seq=0x1), length 120", Kind::Tcpdump),
            ("listening on any, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 262144 bytes", Kind::Tcpdump),
            ("root@worker:/# ip x s", Kind::Command),
            ("$ sudo ip -s xfrm state", Kind::Command),
            ("   ", Kind::Blank),
            ("PING 10.0.1.165 (10.0.1.165) 56(84) bytes of data.", Kind::Unknown),
            ("Hello, I have a problem with IPsec.", Kind::Unknown),
        ] {
            assert_eq!(kind_of(line, None), kind, "{line}");
        }
    }

    #[test]
    fn the_command_above_names_the_table() {
        let text = "$ ip r s t 200\n10.0.1.0/24 dev cilium_host\n\n$ ip route\ndefault via 172.18.0.1 dev eth0\n";
        let blocks = blocks(text);
        let routes: Vec<_> = blocks.iter().filter(|block| block.kind == Kind::Route).collect();
        assert_eq!(routes[0].table, Some(TableId::Number(200)));
        assert_eq!(routes[1].table, None);
        assert_eq!((routes[0].first, routes[0].last), (2, 2));
    }
}
