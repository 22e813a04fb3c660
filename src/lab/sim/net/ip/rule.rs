//! `ip rule` (ip/iprule.c).

use super::words::{self, Failed, Family, Words, number};
use super::{Run, help};
use crate::command::keyword;
use crate::datapath::rules6;
use crate::route::{Device, Rule, RuleAction, TableId, print_rules, print_rules_json};
use crate::xfrm::{Mark, Prefix};

/// The parts of a rule that were said; the others fit anything.
#[derive(Debug, Clone, Default)]
struct Said {
    priority: Option<u32>,
    not: bool,
    src: Option<Prefix>,
    dst: Option<Prefix>,
    tos: Option<u8>,
    fwmark: Option<(u32, Option<u32>)>,
    iif: Option<String>,
    oif: Option<String>,
    action: Option<RuleAction>,
    suppress_prefixlength: Option<u32>,
}

impl Run<'_> {
    pub(super) fn rules(&mut self, mut words: Words<'_>) -> Result<String, Failed> {
        let Some(word) = words.next() else { return self.list_rules(words) };
        let unknown = || Failed::unknown_command(word, "rule");
        match keyword::verbs("rule").and_then(|verbs| keyword::find(verbs, word)).ok_or_else(unknown)? {
            "show" => self.list_rules(words),
            "add" if words.is_empty() => Err(Failed::new(1, "\"ip rule add\" requires arguments.")),
            "delete" if words.is_empty() => Err(Failed::new(1, "\"ip rule del\" requires arguments.")),
            "add" => self.add_rule(words),
            "delete" => self.delete_rule(words),
            "flush" => {
                self.family_is_inet()?;
                self.stack_mut()?.rules.retain(|rule| rule.priority == 0);
                Ok(String::new())
            }
            "help" => Err(Failed { err: help::RULE.to_owned(), status: 255 }),
            other => Err(Failed::elsewhere(&format!("ip rule {other}"))),
        }
    }

    fn list_rules(&self, words: Words<'_>) -> Result<String, Failed> {
        let said = read(words, "show", self.options.family)?;
        let six = rules6();
        let rules: &[Rule] = match self.options.family {
            Family::Inet6 => &six,
            Family::Other => return Ok(String::new()),
            Family::Any | Family::Inet => &self.stack()?.rules,
        };
        let mut chosen: Vec<Rule> = rules.iter().filter(|rule| said.is_like(rule)).cloned().collect();
        if self.options.numeric {
            for rule in &mut chosen {
                number_names(rule, self.options.details);
            }
        }
        let chosen: Vec<&Rule> = chosen.iter().collect();
        let details = self.options.details;
        Ok(if self.options.json { print_rules_json(chosen, details) } else { print_rules(chosen, details) })
    }

    fn add_rule(&mut self, words: Words<'_>) -> Result<String, Failed> {
        let said = read(words, "add", self.options.family)?;
        self.family_is_inet()?;
        let stack = self.stack_mut()?;
        // `fib_default_rule_pref`: before the second rule of the list.
        let before_second = stack.rules.get(1).map_or(0, |rule| rule.priority.saturating_sub(1));
        let named = |name: String| {
            let detached = stack.device(&name).is_none();
            Device { name, detached }
        };
        let rule = Rule {
            not: said.not,
            src: said.src.filter(|src| src.len > 0),
            dst: said.dst.filter(|dst| dst.len > 0),
            tos: said.tos.unwrap_or(0),
            fwmark: said.fwmark.map(|(value, mask)| Mark { value, mask: mask.unwrap_or(u32::MAX) }),
            iif: said.iif.map(named),
            oif: said.oif.map(named),
            suppress_prefixlength: said.suppress_prefixlength,
            ..Rule::all(
                said.priority.unwrap_or(before_second),
                said.action.unwrap_or(RuleAction::Lookup(TableId::MAIN)),
            )
        };
        let same = |other: &Rule| Rule { protocol: rule.protocol.clone(), ..other.clone() } == rule;
        if stack.rules.iter().any(same) {
            return Err(Failed::netlink("File exists"));
        }
        stack.add_rule(rule);
        Ok(String::new())
    }

    fn delete_rule(&mut self, words: Words<'_>) -> Result<String, Failed> {
        let said = read(words, "del", self.options.family)?;
        self.family_is_inet()?;
        let rules = &mut self.stack_mut()?.rules;
        let at = rules.iter().position(|rule| said.is_like(rule));
        let at = at.ok_or_else(|| Failed::netlink("No such file or directory"))?;
        rules.remove(at);
        Ok(String::new())
    }

    /// IPv6 rules are shown, not changed.
    fn family_is_inet(&self) -> Result<(), Failed> {
        match self.options.family {
            Family::Inet6 => Err(Failed::elsewhere("ip -6 rule add, del, flush")),
            _ => Ok(()),
        }
    }
}

/// As `ip -N` prints it.
fn number_names(rule: &mut Rule, details: bool) {
    if details {
        rule.protocol = rule.protocol.numeric();
    }
    if let RuleAction::Lookup(table) = &mut rule.action {
        *table = table.numeric();
    }
}

impl Said {
    /// Whether a rule has all that was said.
    fn is_like(&self, rule: &Rule) -> bool {
        let mark = |(value, mask): (u32, Option<u32>)| {
            rule.fwmark.is_some_and(|own| own.value == value && mask.is_none_or(|mask| mask == own.mask))
        };
        let device = |said: &Option<String>, own: &Option<Device>| {
            said.as_ref().is_none_or(|name| own.as_ref().is_some_and(|own| own.name == *name))
        };
        let prefix =
            |said: Option<Prefix>, own: Option<Prefix>| said.is_none_or(|said| said.len == 0 || own == Some(said));
        self.priority.is_none_or(|priority| priority == rule.priority)
            && (!self.not || rule.not)
            && prefix(self.src, rule.src)
            && prefix(self.dst, rule.dst)
            && self.tos.is_none_or(|tos| tos == rule.tos)
            && self.fwmark.is_none_or(mark)
            && device(&self.iif, &rule.iif)
            && device(&self.oif, &rule.oif)
            && self.action.as_ref().is_none_or(|action| *action == rule.action)
    }
}

/// Reads the words of `show`, `add` or `del`.
fn read(mut words: Words<'_>, verb: &str, family: Family) -> Result<Said, Failed> {
    let show = verb == "show";
    let family = if family == Family::Any { Family::Inet } else { family };
    let table = keyword::arguments("rule", if show { "show" } else { "add" }).unwrap_or_default();
    let mut said = Said::default();
    while let Some(word) = words.next() {
        match keyword::find(table, word) {
            Some("pref") => {
                let word = words.value()?;
                said.priority = Some(number(word).ok_or_else(|| Failed::wrong(word, "preference value is invalid\n"))?);
            }
            Some("not") => said.not = true,
            Some("from") => said.src = Some(words::prefix(words.value()?, if show { family } else { Family::Any })?),
            Some("to") => said.dst = Some(words::prefix(words.value()?, if show { family } else { Family::Any })?),
            Some("tos") => {
                let word = words.value()?;
                let tos = word.strip_prefix("0x").unwrap_or(word);
                said.tos =
                    Some(u8::from_str_radix(tos, 16).map_err(|_| Failed::wrong(word, "TOS value is invalid\n"))?);
            }
            Some("fwmark") => {
                let word = words.value()?;
                let (value, mask) = word.split_once('/').map_or((word, None), |(value, mask)| (value, Some(mask)));
                let bad = |why: &str| Failed::wrong(word, why);
                let value = number(value).ok_or_else(|| bad("fwmark value is invalid\n"))?;
                let mask = mask.map(|mask| number(mask).ok_or_else(|| bad("fwmask value is invalid\n"))).transpose()?;
                said.fwmark = Some((value, mask));
            }
            Some("iif") => said.iif = Some(words.value()?.to_owned()),
            Some("oif") => said.oif = Some(words.value()?.to_owned()),
            Some("table") => {
                let word = words.value()?;
                let table = super::route::read_table(word)?;
                said.action = Some(RuleAction::Lookup(table));
            }
            Some("suppress_prefixlength") => {
                let word = words.value()?;
                let len =
                    number(word).ok_or_else(|| Failed::wrong(word, "suppress_prefixlength value is invalid\n"))?;
                said.suppress_prefixlength = Some(len);
            }
            Some("goto") => {
                let word = words.value()?;
                let priority = number(word).ok_or_else(|| Failed::wrong(word, "invalid target\n"))?;
                said.action = Some(RuleAction::Goto { priority, unresolved: false });
            }
            Some("protocol") => {
                words.value()?;
            }
            Some(other) => return Err(Failed::elsewhere(&format!("ip rule {verb} … {other}"))),
            None if show => {
                said.dst = Some(words::prefix(word, family)?);
            }
            None => {
                said.action = Some(match word {
                    "type" => continue,
                    "blackhole" => RuleAction::Blackhole,
                    "unreachable" => RuleAction::Unreachable,
                    "prohibit" => RuleAction::Prohibit,
                    "nop" => RuleAction::Nop,
                    "help" => return Err(Failed { err: help::RULE.to_owned(), status: 255 }),
                    _ => return Err(Failed::wrong(word, "Failed to parse rule type")),
                });
            }
        }
    }
    Ok(said)
}
