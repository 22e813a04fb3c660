//! The lines of `lifetime config:` and `lifetime current:`, which states and policies have alike.

use jiff::civil::DateTime;

use super::{Entry, Parser, Read};
use crate::listing::Span;
use crate::xfrm::{Field, Limit, Limits, PolicyStats, SoftHard, StateStats, Usage};

impl Parser<'_> {
    /// `lifetime config:` and `lifetime current:` say nothing by themselves.
    pub(super) fn lifetime(&mut self, _: Span) -> Read<()> {
        self.reader.read("`config:` or `current:`", |word| matches!(word, "config:" | "current:").then_some(()))
    }

    /// `limit: soft (INF)(bytes), hard (INF)(bytes)`.
    pub(super) fn limit(&mut self, open: Span) -> Read<()> {
        self.reader.expect("soft")?;
        let (soft, unit) = self.reader.read("a limit such as (INF)(bytes)", limit)?;
        self.reader.expect("hard")?;
        let (hard, hard_unit) = self.reader.read("a limit such as (INF)(bytes)", limit)?;
        if unit != hard_unit {
            return Err(format!("the soft limit is in {unit}, the hard one in {hard_unit}"));
        }
        let limits = self.limits()?;
        *(if unit == "bytes" { &mut limits.bytes } else { &mut limits.packets }) = Limit { soft, hard };
        self.place(Field::Limits, open);
        Ok(())
    }

    /// `expire add: soft 0(sec), hard 0(sec)`.
    pub(super) fn expire(&mut self, open: Span) -> Read<()> {
        let add = self.reader.read("`add:` or `use:`", |word| match word {
            "add:" => Some(true),
            "use:" => Some(false),
            _ => None,
        })?;
        self.reader.expect("soft")?;
        let soft = self.reader.read("seconds such as 0(sec)", seconds)?;
        self.reader.expect("hard")?;
        let hard = self.reader.read("seconds such as 0(sec)", seconds)?;
        let limits = self.limits()?;
        *(if add { &mut limits.add_seconds } else { &mut limits.use_seconds }) = SoftHard { soft, hard };
        self.place(Field::Limits, open);
        Ok(())
    }

    /// `252(bytes), 3(packets)`.
    pub(super) fn usage(&mut self, open: Span) -> Read<()> {
        let bytes = self.reader.read("octets such as 252(bytes)", |word| counted(word, "(bytes)"))?;
        let packets = self.reader.read("packets such as 3(packets)", |word| counted(word, "(packets)"))?;
        let usage = self.current()?;
        usage.bytes = bytes;
        usage.packets = packets;
        self.place(if self.in_policy() { Field::PolicyUsage } else { Field::StateUsage }, open);
        Ok(())
    }

    /// `add 2026-11-23 03:32:13 use -`.
    pub(super) fn times(&mut self, open: Span) -> Read<()> {
        let added = self.time()?;
        self.reader.expect("use")?;
        let used = self.time()?;
        let usage = self.current()?;
        usage.added = added;
        usage.used = used;
        self.place(Field::Times, open);
        Ok(())
    }

    pub(super) fn limits(&mut self) -> Read<&mut Limits> {
        match self.entries.last_mut().map(|draft| &mut draft.entry) {
            Some(Entry::State(state)) => Ok(&mut state.stats.get_or_insert_with(StateStats::default).limits),
            Some(Entry::Policy(policy)) => Ok(&mut policy.stats.get_or_insert_with(PolicyStats::default).limits),
            None => Err("no `src … dst …` line stands before this".to_owned()),
        }
    }

    pub(super) fn current(&mut self) -> Read<&mut Usage> {
        match self.entries.last_mut().map(|draft| &mut draft.entry) {
            Some(Entry::State(state)) => Ok(&mut state.stats.get_or_insert_with(StateStats::default).usage),
            Some(Entry::Policy(policy)) => Ok(&mut policy.stats.get_or_insert_with(PolicyStats::default).usage),
            None => Err("no `src … dst …` line stands before this".to_owned()),
        }
    }

    /// `2026-11-23 03:32:13` or `-`.
    pub(super) fn time(&mut self) -> Read<Option<DateTime>> {
        const EXPECTED: &str = "a time such as 2026-11-23 03:32:13";
        if self.reader.take("-") {
            return Ok(None);
        }
        let date = self.reader.read(EXPECTED, |word| word.parse::<jiff::civil::Date>().ok())?;
        let time = self.reader.read(EXPECTED, |word| jiff::civil::Time::strptime("%H:%M:%S", word).ok())?;
        Ok(Some(date.to_datetime(time)))
    }
}

/// `(INF)(bytes),` or `1000(packets)`: the limit and its unit.
fn limit(word: &str) -> Option<(Option<u64>, &'static str)> {
    let word = word.trim_end_matches(',');
    let (count, unit) = match word.strip_suffix("(bytes)") {
        Some(count) => (count, "bytes"),
        None => (word.strip_suffix("(packets)")?, "packets"),
    };
    if count == "(INF)" { Some((None, unit)) } else { Some((Some(count.parse().ok()?), unit)) }
}

fn seconds(word: &str) -> Option<u64> {
    counted(word, "(sec)")
}

fn counted(word: &str, unit: &str) -> Option<u64> {
    word.trim_end_matches(',').strip_suffix(unit)?.parse().ok()
}
