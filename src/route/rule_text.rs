//! `ip rule` both ways (iproute2 6.1 `ip/iprule.c`).

use std::fmt::{self, Write};

use super::json::{self, Object};
use super::{Device, Field, Protocol, Rule, RuleAction, TableId};
use crate::listing::{Listing, Place, Reader, Span, is_command, is_noise, quoted};
use crate::xfrm::{Mark, Prefix};

impl fmt::Display for Rule {
    /// Prints the rule as `ip rule` does, without the line end: `1:⇥from all fwmark 0xd00/0xf00 lookup 200`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:\t{}", self.priority, words(self, false).join(" "))
    }
}

/// Prints rules as `ip rule` does, or with `details` as `ip -d rule`.
pub fn print_rules<'a>(rules: impl IntoIterator<Item = &'a Rule>, details: bool) -> String {
    let mut text = String::new();
    for rule in rules {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}:\t{}", rule.priority, words(rule, details).join(" "));
    }
    text
}

/// Prints rules as `ip -j rule` does.
pub fn print_rules_json<'a>(rules: impl IntoIterator<Item = &'a Rule>, details: bool) -> String {
    json::array(&rules.into_iter().map(|rule| object(rule, details)).collect::<Vec<_>>())
}

fn words(rule: &Rule, details: bool) -> Vec<String> {
    let mut words = Vec::new();
    let mut say = |text: String| words.push(text);
    if rule.not {
        say("not".to_owned());
    }
    say(rule.src.map_or_else(|| "from all".to_owned(), |src| format!("from {}", short(src))));
    if let Some(dst) = rule.dst {
        say(format!("to {}", short(dst)));
    }
    if rule.tos != 0 {
        say(format!("tos {:#04x}", rule.tos));
    }
    if let Some(dscp) = &rule.dscp {
        say(format!("dscp {dscp}"));
    }
    if let Some(fwmark) = rule.fwmark {
        say(format!("fwmark {}", fwmark_words(fwmark)));
    }
    for (name, device) in [("iif", &rule.iif), ("oif", &rule.oif)] {
        if let Some(device) = device {
            say(format!("{name} {}{}", device.name, if device.detached { " [detached]" } else { "" }));
        }
    }
    if rule.l3mdev {
        say("lookup [l3mdev-table]".to_owned());
    }
    if let Some((first, last)) = rule.uidrange {
        say(format!("uidrange {first}-{last}"));
    }
    if let Some(ipproto) = &rule.ipproto {
        say(format!("ipproto {ipproto}"));
    }
    for (name, ports) in [("sport", rule.sport), ("dport", rule.dport)] {
        match ports {
            Some((first, last)) if first == last => say(format!("{name} {first}")),
            Some((first, last)) => say(format!("{name} {first}-{last}")),
            None => {}
        }
    }
    if let Some(tun_id) = rule.tun_id {
        say(format!("tun_id {tun_id}"));
    }
    if let (RuleAction::Lookup(table), false) = (&rule.action, rule.l3mdev) {
        say(format!("lookup {table}"));
    }
    if let Some(len) = rule.suppress_prefixlength {
        say(format!("suppress_prefixlength {len}"));
    }
    if let Some(group) = &rule.suppress_ifgroup {
        say(format!("suppress_ifgroup {group}"));
    }
    if let Some(realms) = &rule.realms {
        say(format!("realms {realms}"));
    }
    match rule.action {
        RuleAction::Lookup(_) => {}
        RuleAction::Goto { priority, unresolved } => {
            say(format!("goto {priority}{}", if unresolved { " [unresolved]" } else { "" }));
        }
        RuleAction::Nop => say("nop".to_owned()),
        RuleAction::Blackhole | RuleAction::Unreachable | RuleAction::Prohibit => {
            say(drop_word(&rule.action).to_owned());
        }
    }
    if details || !matches!(rule.protocol, Protocol::UNSPEC | Protocol::KERNEL) {
        say(format!("proto {}", rule.protocol));
    }
    words
}

fn object(rule: &Rule, details: bool) -> Object {
    let mut object = Object::default();
    object.put("priority", rule.priority);
    object.put_flag("not", rule.not);
    match rule.src {
        None => object.put("src", "all"),
        Some(src) => put_prefix(&mut object, ["src", "srclen"], src),
    }
    if let Some(dst) = rule.dst {
        put_prefix(&mut object, ["dst", "dstlen"], dst);
    }
    if rule.tos != 0 {
        object.put("tos", format!("{:#04x}", rule.tos));
    }
    object.put_some("dscp", rule.dscp.clone());
    if let Some(fwmark) = rule.fwmark {
        object.put("fwmark", format!("{:#x}", fwmark.value));
        if fwmark.mask != u32::MAX {
            object.put("fwmask", format!("{:#x}", fwmark.mask));
        }
    }
    for (name, detached, device) in [("iif", "iif_detached", &rule.iif), ("oif", "oif_detached", &rule.oif)] {
        if let Some(device) = device {
            object.put(name, device.name.clone());
            object.put_flag(detached, device.detached);
        }
    }
    object.put_flag("l3mdev", rule.l3mdev);
    if let Some((first, last)) = rule.uidrange {
        object.put("uid_start", first);
        object.put("uid_end", last);
    }
    object.put_some("ipproto", rule.ipproto.clone());
    for (name, ports) in [("sport", rule.sport), ("dport", rule.dport)] {
        match ports {
            Some((first, last)) if first == last => object.put(name, first),
            Some((first, last)) => {
                object.put(&format!("{name}_start"), first);
                object.put(&format!("{name}_end"), last);
            }
            None => {}
        }
    }
    object.put_some("tun_id", rule.tun_id);
    if let (RuleAction::Lookup(table), false) = (&rule.action, rule.l3mdev) {
        object.put("table", table.to_string());
    }
    object.put_some("suppress_prefixlen", rule.suppress_prefixlength);
    object.put_some("suppress_ifgroup", rule.suppress_ifgroup.clone());
    if let Some(realms) = &rule.realms {
        match realms.split_once('/') {
            Some((from, to)) => {
                object.put("flow_from", from);
                object.put("flow_to", to);
            }
            None => object.put("flow_to", realms.clone()),
        }
    }
    match rule.action {
        RuleAction::Lookup(_) => {}
        RuleAction::Goto { priority, unresolved } => {
            object.put("goto", priority);
            object.put_flag("unresolved", unresolved);
        }
        RuleAction::Nop => object.put_flag("nop", true),
        RuleAction::Blackhole | RuleAction::Unreachable | RuleAction::Prohibit => {
            object.put("action", drop_word(&rule.action));
        }
    }
    if details || !matches!(rule.protocol, Protocol::UNSPEC | Protocol::KERNEL) {
        object.put("protocol", rule.protocol.to_string());
    }
    object
}

fn put_prefix(object: &mut Object, [addr, len]: [&str; 2], prefix: Prefix) {
    object.put(addr, prefix.addr.to_string());
    if !prefix.is_host() {
        object.put(len, prefix.len);
    }
}

/// A whole address prints without its length.
fn short(prefix: Prefix) -> String {
    if prefix.is_host() { prefix.addr.to_string() } else { prefix.to_string() }
}

/// A mark whose whole mask is set prints without it.
fn fwmark_words(mark: Mark) -> String {
    if mark.mask == u32::MAX { format!("{:#x}", mark.value) } else { format!("{:#x}/{:#x}", mark.value, mark.mask) }
}

fn drop_word(action: &RuleAction) -> &'static str {
    match action {
        RuleAction::Unreachable => "unreachable",
        RuleAction::Prohibit => "prohibit",
        _ => "blackhole",
    }
}

/// Reads the rules of a text.
pub fn parse_rules(text: &str) -> Listing<Rule> {
    read_rules(text).0
}

/// Reads the rules of a text, and where each field of them stands.
pub fn read_rules(text: &str) -> (Listing<Rule>, Vec<Place<Field>>) {
    let mut parser = Parser { reader: Reader::new(text), rules: Vec::new(), places: Vec::new() };
    parser.run();
    (Listing { items: parser.rules, unread: parser.reader.into_unread() }, parser.places)
}

type Read<T> = Result<T, String>;

struct Parser<'a> {
    reader: Reader<'a>,
    rules: Vec<Rule>,
    places: Vec<Place<Field>>,
}

impl Parser<'_> {
    fn run(&mut self) {
        while let Some(word) = self.reader.peek() {
            let here = self.reader.here();
            // `1:` opens a rule, and so does `1: from` where both words were glued together.
            let priority = word.strip_suffix(':').and_then(|priority| priority.parse().ok());
            let follows = matches!(self.reader.peek_at(1), Some("from" | "not"));
            match priority {
                Some(priority) if follows => {
                    self.reader.skip(1);
                    let rule = self.rule(here, priority);
                    match rule {
                        Ok(rule) => self.rules.push(rule),
                        Err(reason) => {
                            self.reader.refuse(here.line, reason);
                            self.places.retain(|place| place.item < self.rules.len());
                            self.skip_to_rule();
                        }
                    }
                }
                _ => self.pass_over(),
            }
        }
    }

    /// Passes what stands in front of a rule on its line, or a line without a rule.
    fn pass_over(&mut self) {
        let here = self.reader.here();
        let rest = self.reader.rest_of_line();
        let is_rule = |at: usize| {
            rest.get(at)
                .is_some_and(|token| token.text.strip_suffix(':').is_some_and(|text| text.parse::<u32>().is_ok()))
                && rest.get(at + 1).is_some_and(|token| matches!(token.text, "from" | "not"))
        };
        let opener = (0..rest.len()).find(|at| is_rule(*at));
        let skip = opener.unwrap_or(rest.len());
        let known = is_command(rest.iter().map(|token| token.text));
        let noise = opener.is_some_and(|at| rest.iter().take(at).all(|token| is_noise(token.text)));
        if !(known || noise) {
            self.reader.refuse(here.line, "a rule looks like `1: from all fwmark 0xd00/0xf00 lookup 200`");
        }
        self.reader.skip(skip.max(1));
    }

    fn skip_to_rule(&mut self) {
        let rest = self.reader.rest_of_line();
        let next =
            rest.iter().position(|token| token.text.strip_suffix(':').is_some_and(|text| text.parse::<u32>().is_ok()));
        let skip = next.unwrap_or(rest.len());
        self.reader.skip(skip);
    }

    fn place(&mut self, field: Field, open: Span) {
        self.places.push(Place { item: self.rules.len(), field, span: open.to(self.reader.last()) });
    }

    fn rule(&mut self, open: Span, priority: u32) -> Read<Rule> {
        self.place(Field::RulePriority, open);
        let mut rule = Rule::all(priority, RuleAction::Nop);
        let mut action = None;
        while let Some(word) = self.reader.peek() {
            let here = self.reader.here();
            let field = match word {
                // The next rule.
                _ if word.ends_with(':') => break,
                _ => {
                    self.reader.skip(1);
                    match self.condition(word, &mut rule)? {
                        Some(field) => field,
                        None => match self.action(word, &mut rule, &mut action)? {
                            Some(field) => field,
                            None => return Err(format!("no part of a rule begins with {}", quoted(word))),
                        },
                    }
                }
            };
            self.place(field, here);
            if self.reader.at_line_start() && action.is_some() && !self.goes_on() {
                break;
            }
        }
        rule.action = match action {
            Some(action) => action,
            None if rule.l3mdev => RuleAction::Lookup(TableId::UNSPEC),
            None => return Err("the rule does not say what to do, such as `lookup main`".to_owned()),
        };
        Ok(rule)
    }

    /// Whether a new line still belongs to the rule: a terminal may have wrapped it.
    fn goes_on(&self) -> bool {
        matches!(
            self.reader.peek(),
            Some("proto" | "realms" | "suppress_prefixlength" | "suppress_ifgroup" | "[detached]" | "[unresolved]")
        )
    }

    fn condition(&mut self, word: &str, rule: &mut Rule) -> Read<Option<Field>> {
        let field = match word {
            "not" => {
                rule.not = true;
                Field::RuleNot
            }
            "from" => {
                rule.src = self.prefix()?;
                Field::RuleFrom
            }
            "to" => {
                rule.dst = self.prefix()?;
                Field::RuleTo
            }
            "tos" | "dsfield" => {
                rule.tos = self.reader.read("a type of service such as 0x10", super::route_text::tos)?;
                Field::RuleTos
            }
            "dscp" => {
                rule.dscp = Some(self.reader.word("a DSCP")?.to_owned());
                Field::RuleTos
            }
            "fwmark" => {
                rule.fwmark = Some(self.reader.read("a mark such as 0xd00/0xf00", mark)?);
                Field::RuleFwmark
            }
            "iif" => {
                rule.iif = Some(self.device()?);
                Field::RuleIif
            }
            "oif" => {
                rule.oif = Some(self.device()?);
                Field::RuleOif
            }
            "uidrange" => {
                rule.uidrange = Some(self.reader.read("two user numbers such as 0-99", range)?);
                Field::RuleUidrange
            }
            "ipproto" => {
                rule.ipproto = Some(self.reader.word("a protocol")?.to_owned());
                Field::RuleUpper
            }
            "sport" => {
                rule.sport = Some(self.reader.read("a port or two such as 1000-2000", range)?);
                Field::RuleUpper
            }
            "dport" => {
                rule.dport = Some(self.reader.read("a port or two such as 1000-2000", range)?);
                Field::RuleUpper
            }
            "tun_id" => {
                rule.tun_id = Some(self.reader.parsed("a tunnel key")?);
                Field::RuleTunId
            }
            "suppress_prefixlength" => {
                rule.suppress_prefixlength = Some(self.reader.parsed("a prefix length")?);
                Field::RuleSuppress
            }
            "suppress_ifgroup" => {
                rule.suppress_ifgroup = Some(self.reader.word("a group of devices")?.to_owned());
                Field::RuleSuppress
            }
            "realms" => {
                rule.realms = Some(self.reader.word("a realm")?.to_owned());
                Field::RuleRealms
            }
            "proto" | "protocol" => {
                rule.protocol = Protocol::of_word(self.reader.word("a protocol")?);
                Field::RuleProto
            }
            _ => return Ok(None),
        };
        Ok(Some(field))
    }

    fn action(&mut self, word: &str, rule: &mut Rule, action: &mut Option<RuleAction>) -> Read<Option<Field>> {
        let opens = matches!(word, "lookup" | "table" | "goto" | "nop" | "blackhole" | "unreachable" | "prohibit");
        if opens && (action.is_some() || rule.l3mdev) {
            return Err(format!("the rule says what to do twice; the second time with `{word}`"));
        }
        let (done, field) = match word {
            "lookup" | "table" => {
                let table = self.reader.word("a table")?;
                if table == "[l3mdev-table]" {
                    rule.l3mdev = true;
                    return Ok(Some(Field::RuleL3mdev));
                }
                (RuleAction::Lookup(TableId::of_word(table)), Field::RuleLookup)
            }
            "goto" => {
                let priority = self.reader.parsed("the priority of a rule")?;
                (RuleAction::Goto { priority, unresolved: self.reader.take("[unresolved]") }, Field::RuleGoto)
            }
            "nop" => (RuleAction::Nop, Field::RuleNop),
            "blackhole" => (RuleAction::Blackhole, Field::RuleDrop),
            "unreachable" => (RuleAction::Unreachable, Field::RuleDrop),
            "prohibit" => (RuleAction::Prohibit, Field::RuleDrop),
            _ => return Ok(None),
        };
        *action = Some(done);
        Ok(Some(field))
    }

    fn prefix(&mut self) -> Read<Option<Prefix>> {
        if self.reader.take("all") {
            return Ok(None);
        }
        self.reader.parsed("`all` or an address such as 10.0.0.0/24").map(Some)
    }

    fn device(&mut self) -> Read<Device> {
        let name = self.reader.word("a device")?.to_owned();
        Ok(Device { name, detached: self.reader.take("[detached]") })
    }
}

fn mark(word: &str) -> Option<Mark> {
    let number = super::route_text::number;
    match word.split_once('/') {
        Some((value, mask)) => Some(Mark { value: number(value)?, mask: number(mask)? }),
        None => Some(Mark { value: number(word)?, mask: u32::MAX }),
    }
}

/// `1000-2000`, or `80` for both ends.
fn range<T: std::str::FromStr + Copy>(word: &str) -> Option<(T, T)> {
    match word.split_once('-') {
        Some((first, last)) => Some((first.parse().ok()?, last.parse().ok()?)),
        None => word.parse().ok().map(|port| (port, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// iproute2 6.1.0 on Linux 6.18, made with `ip rule add` in a network namespace.
    const REAL: &str = "\
0:\tfrom all lookup local
1:\tfrom all fwmark 0xd00/0xf00 lookup 200
9:\tfrom all fwmark 0x200/0xf00 lookup 2004 proto 50
10:\tfrom 10.1.0.0/16 to 10.2.3.4 tos 0x10 iif v0 oif v1 lookup 300
11:\tnot from 10.1.1.1 prohibit
12:\tfrom all goto 100
100:\tfrom all lookup main suppress_prefixlength 0
101:\tfrom all ipproto tcp sport 80 dport 1000-2000 unreachable
102:\tfrom all blackhole
103:\tfrom all lookup [l3mdev-table]
105:\tfrom all lookup main suppress_ifgroup 4
106:\tfrom all fwmark 0x10 lookup main
107:\tfrom all iif nonexist [detached] lookup main
110:\tfrom all goto 99999 [unresolved]
111:\tfrom 1.2.3.4 lookup 6 realms 3/4
112:\tfrom all nop
113:\tfrom all tun_id 77 lookup 9
32766:\tfrom all lookup main
32767:\tfrom all lookup default
";

    /// The same from `ip -j rule`.
    const REAL_JSON: &str = concat!(
        r#"[{"priority":0,"src":"all","table":"local"},"#,
        r#"{"priority":1,"src":"all","fwmark":"0xd00","fwmask":"0xf00","table":"200"},"#,
        r#"{"priority":9,"src":"all","fwmark":"0x200","fwmask":"0xf00","table":"2004","protocol":"50"},"#,
        r#"{"priority":10,"src":"10.1.0.0","srclen":16,"dst":"10.2.3.4","tos":"0x10","iif":"v0","oif":"v1","table":"300"},"#,
        r#"{"priority":11,"not":null,"src":"10.1.1.1","action":"prohibit"},"#,
        r#"{"priority":12,"src":"all","goto":100},"#,
        r#"{"priority":100,"src":"all","table":"main","suppress_prefixlen":0},"#,
        r#"{"priority":101,"src":"all","ipproto":"tcp","sport":80,"dport_start":1000,"dport_end":2000,"action":"unreachable"},"#,
        r#"{"priority":102,"src":"all","action":"blackhole"},{"priority":103,"src":"all","l3mdev":null},"#,
        r#"{"priority":105,"src":"all","table":"main","suppress_ifgroup":"4"},"#,
        r#"{"priority":106,"src":"all","fwmark":"0x10","table":"main"},"#,
        r#"{"priority":107,"src":"all","iif":"nonexist","iif_detached":null,"table":"main"},"#,
        r#"{"priority":110,"src":"all","goto":99999,"unresolved":null},"#,
        r#"{"priority":111,"src":"1.2.3.4","table":"6","flow_from":"3","flow_to":"4"},"#,
        r#"{"priority":112,"src":"all","nop":null},{"priority":113,"src":"all","tun_id":77,"table":"9"},"#,
        r#"{"priority":32766,"src":"all","table":"main"},{"priority":32767,"src":"all","table":"default"}]"#,
        "\n"
    );

    #[test]
    fn every_kind_of_rule_prints_back_as_iproute2_printed_it() {
        let listing = parse_rules(REAL);
        assert_eq!(listing.unread, []);
        assert_eq!(print_rules(&listing.items, false), REAL);
        assert_eq!(print_rules_json(&listing.items, false), REAL_JSON);
    }

    #[test]
    fn details_name_the_protocol_of_every_rule() {
        let listing = parse_rules("9:\tfrom all fwmark 0x200/0xf00 lookup 2004 proto kernel\n");
        assert_eq!(print_rules(&listing.items, true), "9:\tfrom all fwmark 0x200/0xf00 lookup 2004 proto kernel\n");
        assert_eq!(print_rules(&listing.items, false), "9:\tfrom all fwmark 0x200/0xf00 lookup 2004\n");
    }

    #[test]
    fn a_damaged_listing_gives_its_rules_and_names_the_rest() {
        let text =
            "root@worker:/# ip rule\r\n> 1: from all fwmark\r\n> 0xd00/0xf00 lookup 200\r\nhello there\n2: from all\n";
        let listing = parse_rules(text);
        assert_eq!(listing.items, parse_rules("1: from all fwmark 0xd00/0xf00 lookup 200").items);
        assert_eq!(listing.unread.iter().map(|unread| unread.line).collect::<Vec<_>>(), [4, 5]);
    }
}
