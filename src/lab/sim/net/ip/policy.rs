//! `ip xfrm policy` (ip/xfrm_policy.c).

use std::net::{IpAddr, Ipv4Addr};

use super::state::{Id, finish_selector, read_limit, read_mark, read_mode, read_number, selector_part};
use super::words::{Failed, Family, Words};
use super::{Run, help};
use crate::command::keyword;
use crate::datapath::{PolicyEntry, Refused};
use crate::esp::Spi;
use crate::xfrm::{
    Action, Direction, Level, Limits, Mark, Mode, Policy, PolicyFlags, PolicyStats, PolicyType, Prefix, Proto,
    Selector, Style, Template, print_policies,
};

/// Which policies a command is about.
#[derive(Debug, Clone, Default)]
struct Filter {
    src: Option<Prefix>,
    dst: Option<Prefix>,
    dir: Option<Direction>,
    index: Option<u32>,
    priority: Option<u32>,
    action: Option<Action>,
    ptype: Option<PolicyType>,
}

/// What names one policy exactly.
struct Name {
    selector: Selector,
    dir: Direction,
    index: Option<u32>,
    mark: Option<Mark>,
    if_id: Option<u32>,
}

impl Run<'_> {
    pub(super) fn policies(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let Some(word) = words.next() else { return self.list_policies(words) };
        let unknown = || Failed::unknown_command(word, "xfrm policy");
        match keyword::verbs("xfrm policy").and_then(|verbs| keyword::find(verbs, word)).ok_or_else(unknown)? {
            "list" => self.list_policies(words),
            "get" => {
                let name = Name::read(words)?;
                let policy = self.policy_place(&name)?.and_then(|at| Some(self.stack().ok()?.spd.get(at)?.listed()));
                let policy = policy.ok_or_else(|| Failed::netlink(Refused::NoPolicy))?;
                Ok(self.print_policies(&[policy]))
            }
            "count" => self.count_policies(),
            "flush" => {
                while let Some(word) = words.next() {
                    match (word, words.next()) {
                        ("ptype", Some("main" | "sub")) => {}
                        _ => return Err(Failed::wrong(word, "unknown")),
                    }
                }
                self.stack_mut()?.spd.clear();
                Ok(String::new())
            }
            "delete" => {
                let name = Name::read(words)?;
                let at = self.policy_place(&name)?.ok_or_else(|| Failed::netlink(Refused::NoPolicy))?;
                self.stack_mut()?.spd.remove(at);
                Ok(String::new())
            }
            "deleteall" => {
                let filter = Filter::read(words)?;
                self.stack_mut()?.spd.retain(|entry| !filter.takes(&entry.policy, Family::Any));
                Ok(String::new())
            }
            "getdefault" => {
                let default = self.stack()?.default_policy;
                let word = |action| if action == Action::Block { "block" } else { "accept" };
                let (input, forward, output) = (word(default.input), word(default.forward), word(default.output));
                Ok(format!("Default policies:\n in:  {input}\n fwd: {forward}\n out: {output}\n"))
            }
            "setdefault" => self.set_default_policy(words),
            verb @ ("add" | "update") => self.add_policy(words, verb == "update"),
            "help" => Err(Failed { err: help::POLICY.to_owned(), status: 255 }),
            other => Err(Failed::elsewhere(&format!("ip xfrm policy {other}"))),
        }
    }

    fn print_policies(&self, policies: &[Policy]) -> String {
        let style = Style { stats: self.options.stats > 0, oneline: self.options.oneline, nokeys: false };
        print_policies(policies, style)
    }

    fn list_policies(&self, words: Words<'_>) -> Result<String, Failed> {
        let filter = Filter::read(words)?;
        let family = self.options.family;
        let spd = &self.stack()?.spd;
        let chosen: Vec<Policy> =
            spd.iter().rev().map(PolicyEntry::listed).filter(|policy| filter.takes(policy, family)).collect();
        Ok(self.print_policies(&chosen))
    }

    fn count_policies(&self) -> Result<String, Failed> {
        let spd = &self.stack()?.spd;
        let count = |dir| spd.iter().filter(|entry| entry.policy.dir == dir).count();
        let (inward, out, fwd) = (count(Direction::In), count(Direction::Out), count(Direction::Fwd));
        let mut text = format!("\t SPD IN  {inward} OUT {out} FWD {fwd}");
        if self.options.stats > 0 {
            text.push_str(" (Sock: IN 0 OUT 0 FWD 0)");
        }
        text.push('\n');
        if self.options.stats > 1 {
            text.push_str("\t SPD buckets: count 7 Max 1048576\n");
            text.push_str("\t SPD IPv4 thresholds: local 32 remote 32\n");
            text.push_str("\t SPD IPv6 thresholds: local 128 remote 128\n");
        }
        Ok(text)
    }

    fn policy_place(&self, name: &Name) -> Result<Option<usize>, Failed> {
        Ok(self.stack()?.spd.iter().position(|entry| {
            let policy = &entry.policy;
            let by_name = match name.index {
                Some(index) => policy.index == Some(index),
                None => same_packets(&policy.selector, &name.selector),
            };
            by_name
                && policy.dir == name.dir
                && same_mark(policy.mark, name.mark)
                && policy.if_id.unwrap_or(0) == name.if_id.unwrap_or(0)
        }))
    }

    /// `in ACTION`, `fwd ACTION`, `out ACTION`: what is not said stays.
    fn set_default_policy(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let mut default = self.stack()?.default_policy;
        while let Some(word) = words.next() {
            let place = match word {
                "in" => &mut default.input,
                "fwd" => &mut default.forward,
                "out" => &mut default.output,
                word => return Err(Failed::wrong(word, "unknown direction")),
            };
            *place = match words.value()? {
                "accept" => Action::Allow,
                "block" => Action::Block,
                value => return Err(Failed::wrong(value, &format!("{word} policy value is invalid"))),
            };
        }
        self.stack_mut()?.default_policy = default;
        Ok(String::new())
    }

    fn add_policy(&mut self, words: Words<'_>, update: bool) -> Result<String, Failed> {
        let policy = read_policy(words)?;
        let optional_tunnel = |template: &Template| template.level == Level::Use && template.mode == Mode::Tunnel;
        if policy.dir == Direction::Out && policy.templates.iter().any(optional_tunnel) {
            return Err(Failed::kernel("Mode in optional template not allowed in outbound policy."));
        }
        self.cluster.add_policy(self.id, policy, update).map_err(Failed::netlink)?;
        Ok(String::new())
    }
}

/// Compares what the kernel compares: addresses, ports, protocol, device.
fn same_packets(a: &Selector, b: &Selector) -> bool {
    a.src == b.src
        && a.dst == b.dst
        && a.sport == b.sport
        && a.dport == b.dport
        && a.dev == b.dev
        && a.proto.map(|proto| proto.number) == b.proto.map(|proto| proto.number)
}

/// No mark is mark 0 with mask 0.
fn same_mark(a: Option<Mark>, b: Option<Mark>) -> bool {
    let words = |mark: Option<Mark>| mark.map_or((0, 0), |mark| (mark.value, mark.mask));
    words(a) == words(b)
}

impl Filter {
    fn read(mut words: Words<'_>) -> Result<Self, Failed> {
        let mut filter = Self::default();
        let mut selector = Selector::between(Prefix::ANY_V4, Prefix::ANY_V4);
        let mut given = (false, false);
        while let Some(word) = words.next() {
            match word {
                "nosock" => {}
                "dir" => filter.dir = Some(read_dir(words.value()?)?),
                "index" => filter.index = Some(read_number(words.value()?, "INDEX value is invalid")?),
                "ptype" => filter.ptype = Some(read_ptype(words.value()?)?),
                "action" => filter.action = Some(read_action(words.value()?)?),
                "priority" => filter.priority = Some(read_number(words.value()?, "PRIORITY value is invalid")?),
                "flag" => {
                    words.value()?;
                }
                word => {
                    if !selector_part(word, &mut words, &mut selector, &mut given)? {
                        return Err(Failed::wrong(word, "unknown"));
                    }
                }
            }
        }
        filter.src = given.0.then_some(selector.src);
        filter.dst = given.1.then_some(selector.dst);
        Ok(filter)
    }

    fn takes(&self, policy: &Policy, family: Family) -> bool {
        family.takes(policy.selector.dst.addr)
            && self.src.is_none_or(|src| src == policy.selector.src)
            && self.dst.is_none_or(|dst| dst == policy.selector.dst)
            && self.dir.is_none_or(|dir| dir == policy.dir)
            && self.index.is_none_or(|index| Some(index) == policy.index)
            && self.priority.is_none_or(|priority| priority == policy.priority)
            && self.action.is_none_or(|action| action == policy.action)
            && self.ptype.is_none_or(|ptype| Some(ptype) == policy.ptype)
    }
}

impl Name {
    fn read(mut words: Words<'_>) -> Result<Self, Failed> {
        let mut selector = Selector::between(Prefix::ANY_V4, Prefix::ANY_V4);
        let mut given = (false, false);
        let (mut dir, mut index, mut mark, mut if_id) = (None, None, None, None);
        while let Some(word) = words.next() {
            match word {
                "dir" => dir = Some(read_dir(words.value()?)?),
                "index" => index = Some(read_number(words.value()?, "INDEX value is invalid")?),
                "mark" => mark = Some(read_mark(&mut words)?),
                "ptype" => {
                    read_ptype(words.value()?)?;
                }
                "if_id" => if_id = Some(read_number(words.value()?, "value after \"if_id\" is invalid")?),
                word => {
                    if !selector_part(word, &mut words, &mut selector, &mut given)? {
                        return Err(Failed::wrong(word, "unknown"));
                    }
                }
            }
        }
        finish_selector(&mut selector, given);
        let dir = dir.ok_or_else(|| Failed::new(1, "Not enough information: DIR is required."))?;
        Ok(Self { selector, dir, index, mark, if_id })
    }
}

/// `xfrm_policy_modify`: `ip xfrm policy add`'s words.
fn read_policy(mut words: Words<'_>) -> Result<Policy, Failed> {
    let mut selector = Selector { uid: Some(0), ..Selector::between(Prefix::ANY_V4, Prefix::ANY_V4) };
    let mut policy = Policy::allow(Direction::In, selector.clone());
    let mut given = (false, false);
    let mut dir = None;
    let mut limits = Limits::default();
    while let Some(word) = words.next() {
        match word {
            "dir" => dir = Some(read_dir(words.value()?)?),
            "mark" => policy.mark = Some(read_mark(&mut words)?),
            "index" => policy.index = Some(read_number(words.value()?, "INDEX value is invalid")?),
            "ptype" => policy.ptype = Some(read_ptype(words.value()?)?),
            "action" => policy.action = read_action(words.value()?)?,
            "priority" => policy.priority = read_number(words.value()?, "PRIORITY value is invalid")?,
            "flag" => {
                let word = words.value()?;
                let flag = PolicyFlags::WORDS.iter().find(|(_, name)| *name == word).map(|(flag, _)| *flag);
                let flag = flag.ok_or_else(|| Failed::wrong(word, "FLAG value is invalid"))?;
                policy.flags = PolicyFlags(policy.flags.0 | flag.0);
            }
            "limit" => read_limit(&mut words, &mut limits)?,
            "tmpl" => policy.templates.push(read_template(&mut words)?),
            "if_id" => policy.if_id = Some(read_number(words.value()?, "value after \"if_id\" is invalid")?),
            "ctx" => return Err(Failed::elsewhere("ip xfrm policy add … ctx")),
            word => {
                if !selector_part(word, &mut words, &mut selector, &mut given)? {
                    return Err(Failed::garbage("SELECTOR", word));
                }
            }
        }
    }
    finish_selector(&mut selector, given);
    policy.dir = dir.ok_or_else(|| Failed::new(1, "Not enough information: DIR is required."))?;
    policy.selector = selector;
    policy.stats = Some(PolicyStats { limits, ..PolicyStats::default() });
    Ok(policy)
}

/// `tmpl TMPL`, after the word `tmpl`: as far as its words go.
fn read_template(words: &mut Words<'_>) -> Result<Template, Failed> {
    if words.is_empty() {
        return Err(Failed::incomplete());
    }
    let mut id = Id::default();
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let mut template = Template { mode: Mode::Transport, ..Template::esp_tunnel(any, any) };
    loop {
        let mut ahead = words.clone();
        match ahead.next() {
            Some("mode") => template.mode = read_mode(ahead.value()?)?,
            Some("reqid") => template.reqid = read_number(ahead.value()?, "REQID value is invalid")?,
            Some("level") => {
                let word = ahead.value()?;
                template.level = match word {
                    "required" => Level::Required,
                    "use" => Level::Use,
                    _ => return Err(Failed::wrong(word, "LEVEL value is invalid")),
                };
            }
            Some(word) if id.part(word, &mut ahead)? => {}
            _ => break,
        }
        *words = ahead;
    }
    let like = id.src.or(id.dst).unwrap_or(any);
    let none = Prefix::any_like(like).addr;
    template.src = id.src.unwrap_or(none);
    template.dst = id.dst.unwrap_or(none);
    template.proto = id.proto.unwrap_or(Proto::Esp);
    template.spi = id.spi.unwrap_or(Spi(0));
    Ok(template)
}

fn read_dir(word: &str) -> Result<Direction, Failed> {
    let found = Direction::ALL.iter().find(|dir| dir.to_string() == word);
    found.copied().ok_or_else(|| Failed::wrong(word, "DIR value is invalid"))
}

fn read_ptype(word: &str) -> Result<PolicyType, Failed> {
    let found = PolicyType::ALL.iter().find(|ptype| ptype.to_string() == word);
    found.copied().ok_or_else(|| Failed::wrong(word, "PTYPE value is invalid"))
}

fn read_action(word: &str) -> Result<Action, Failed> {
    let found = Action::ALL.iter().find(|action| action.to_string() == word);
    found.copied().ok_or_else(|| Failed::wrong(word, "ACTION value is invalid"))
}
