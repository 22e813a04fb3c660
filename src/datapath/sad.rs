use std::net::IpAddr;

use super::cluster::{Cluster, Random};
use super::device::StackId;
use crate::esp::{ReplayWindow, Sa, SeqIv, Unusable};
use crate::packet::Timestamp;
use crate::xfrm::{
    Action, Direction, Flow, Limits, Policy, PolicyStats, Replay, State, StateKey, StateStats, Template, Usage,
};

/// Names an entry of a stack's SAD for as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateId(pub u64);

/// A state as the kernel keeps it: the listing's fields, the compiled cipher, and where its numbers stand.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub id: StateId,
    /// Whether it only keeps an SPI until there is a key (`XFRM_STATE_ACQ`).
    pub larval: bool,
    /// What was asked for with `ip xfrm state add`.
    pub state: State,
    /// The compiled SA, or why there is none: the listing that it came from hid the key.
    pub sa: Result<Sa, Unusable>,
    /// Where its IVs come from.
    pub iv: SeqIv,
    /// The last sequence number sent.
    pub sent: u64,
    /// The anti-replay window.
    pub window: ReplayWindow,
    /// When it was added.
    pub added: Timestamp,
    /// When a packet first used it.
    pub first_used: Option<Timestamp>,
    /// When a packet last used it.
    pub last_used: Option<Timestamp>,
    /// Octets of inner packets.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets whose ICV was wrong.
    pub failed: u32,
    /// Packets seen twice.
    pub replayed: u32,
    /// Packets older than the window.
    pub outside_window: u32,
}

impl Entry {
    /// A fresh entry for a state; the IVs start at a random value, as every transform's do. `None` for a replay window
    /// that is wider than the kernel's widest.
    pub fn new(id: StateId, state: State, now: Timestamp, random: &mut Random) -> Option<Self> {
        let sa = state.compile();
        let size = match &state.replay {
            Some(Replay::Esn { window, .. }) => *window,
            _ => u32::from(state.replay_window),
        };
        let received = state.replay.as_ref().map_or(0, Replay::received);
        let window = ReplayWindow::new(size)?.resumed_at(received);
        let sent = state.replay.as_ref().map_or(0, Replay::sent);
        Some(Self {
            id,
            larval: false,
            sa,
            iv: SeqIv { random: random.octets() },
            sent,
            window,
            added: now,
            first_used: None,
            last_used: None,
            bytes: 0,
            packets: 0,
            failed: 0,
            replayed: 0,
            outside_window: 0,
            state,
        })
    }

    /// The state as `ip -s xfrm state` prints it now, in UTC, the zone of the nodes.
    pub fn listed(&self) -> State {
        let mut state = self.state.clone();
        let limits = state.stats.map_or_else(Limits::default, |stats| stats.limits);
        state.replay = Some(match &self.state.replay {
            Some(Replay::Esn { window, .. }) => {
                let halves = |number: u64| ((number >> 32) as u32, number as u32);
                Replay::Esn {
                    seq: halves(self.window.top()),
                    oseq: halves(self.sent),
                    window: *window,
                    bitmap: bitmap(&self.window, *window),
                }
            }
            _ => Replay::Short { seq: self.window.top() as u32, oseq: self.sent as u32, bitmap: self.window.bitmap() },
        });
        state.stats = Some(StateStats {
            limits,
            usage: Usage {
                bytes: self.bytes,
                packets: self.packets,
                added: civil(self.added),
                used: self.first_used.and_then(civil),
            },
            outside_window: self.outside_window,
            replayed: self.replayed,
            failed: self.failed,
        });
        state
    }

    /// Counts a packet of `bytes` inner octets.
    pub fn count(&mut self, bytes: usize, now: Timestamp) {
        self.bytes += bytes as u64;
        self.packets += 1;
        self.last_used = Some(now);
    }

    /// Whether the state is past one of its hard limits; being asked is the state's first use (`xfrm_state_check_expire`).
    pub fn is_expired(&mut self, now: Timestamp) -> bool {
        self.first_used.get_or_insert(now);
        let Some(limits) = self.state.stats.map(|stats| stats.limits) else { return false };
        limits.bytes.hard.is_some_and(|hard| self.bytes >= hard)
            || limits.packets.hard.is_some_and(|hard| self.packets >= hard)
    }
}

/// A policy as the kernel keeps it.
#[derive(Debug, Clone)]
pub struct PolicyEntry {
    /// What was asked for with `ip xfrm policy add`, and the kernel's index.
    pub policy: Policy,
    /// When it was added.
    pub added: Timestamp,
    /// When a packet last used it.
    pub used: Option<Timestamp>,
}

impl PolicyEntry {
    /// The policy as `ip -s xfrm policy` prints it now.
    pub fn listed(&self) -> Policy {
        let mut policy = self.policy.clone();
        let limits = policy.stats.map_or_else(Limits::default, |stats| stats.limits);
        let usage = Usage { bytes: 0, packets: 0, added: civil(self.added), used: self.used.and_then(civil) };
        policy.stats = Some(PolicyStats { limits, usage });
        policy
    }
}

/// What a stack does with a packet that no policy fits (`XFRM_MSG_SETDEFAULT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultPolicy {
    /// For packets to this host.
    pub input: Action,
    /// For packets through it.
    pub forward: Action,
    /// For packets from it.
    pub output: Action,
}

impl Default for DefaultPolicy {
    fn default() -> Self {
        Self { input: Action::Allow, forward: Action::Allow, output: Action::Allow }
    }
}

impl DefaultPolicy {
    /// That of a direction.
    pub fn of(&self, dir: Direction) -> Action {
        match dir {
            Direction::In => self.input,
            Direction::Fwd => self.forward,
            Direction::Out => self.output,
            Direction::Other(_) => Action::Allow,
        }
    }
}

/// Why the kernel did not change the SAD or the SPD; `Display` is its error text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// EEXIST.
    #[error("File exists")]
    Exists,
    /// ESRCH: no such state.
    #[error("No such process")]
    NoState,
    /// ENOENT: no such policy.
    #[error("No such file or directory")]
    NoPolicy,
    /// ENOSYS: an algorithm that the kernel does not have.
    #[error("Function not implemented")]
    NoAlgorithm,
    /// EINVAL.
    #[error("Invalid argument")]
    Invalid,
}

impl Cluster {
    /// `ip xfrm state add` (net/xfrm/xfrm_state.c `xfrm_state_add`). Two states that one packet would find are one too
    /// many.
    pub fn add_state(&mut self, stack: StackId, state: State) -> Result<StateId, Refused> {
        match state.compile() {
            Err(Unusable::Unsupported { .. }) => return Err(Refused::NoAlgorithm),
            Err(Unusable::KeyLength { .. } | Unusable::IcvLength { .. }) => return Err(Refused::Invalid),
            Err(Unusable::NoKey { .. }) | Ok(_) => {}
        }
        let now = self.now();
        let own = self.stacks.get_mut(stack.0).ok_or(Refused::Invalid)?;
        if own.sad.iter().any(|entry| StateKey::of(&state).finds(&entry.state)) {
            return Err(Refused::Exists);
        }
        let id = StateId(own.next_state);
        own.next_state += 1;
        own.sad.push(Entry::new(id, state, now, &mut self.random).ok_or(Refused::Invalid)?);
        Ok(id)
    }

    /// `ip xfrm state update` (`xfrm_state_update`): limits, output-mark and `if_id` change; a key never does.
    pub fn update_state(&mut self, stack: StackId, state: &State) -> Result<(), Refused> {
        let own = self.stacks.get_mut(stack.0).ok_or(Refused::Invalid)?;
        let found = own.sad.iter().rposition(|entry| StateKey::of(state).finds(&entry.state));
        let at = found.ok_or(Refused::NoState)?;
        if own.sad.get(at).is_some_and(|entry| entry.larval) {
            own.sad.remove(at);
            return self.add_state(stack, state.clone()).map(|_| ());
        }
        let kept = &mut own.sad.get_mut(at).ok_or(Refused::NoState)?.state;
        if state.encap.is_some() && kept.encap.is_none() {
            return Err(Refused::Invalid);
        }
        let limits = state.stats.map(|stats| stats.limits).unwrap_or_default();
        kept.stats.get_or_insert_default().limits = limits;
        kept.encap = state.encap.or(kept.encap);
        kept.output_mark = state.output_mark.or(kept.output_mark);
        kept.if_id = state.if_id.or(kept.if_id);
        Ok(())
    }

    /// Removes a state: the kernel does so when one is past its hard limit.
    pub(super) fn remove_state(&mut self, stack: StackId, id: StateId) {
        if let Some(own) = self.stack_mut(stack) {
            own.sad.retain(|entry| entry.id != id);
        }
    }

    /// `ip xfrm policy add`, or with `update` `ip xfrm policy update`, which also adds.
    pub fn add_policy(&mut self, stack: StackId, mut policy: Policy, update: bool) -> Result<(), Refused> {
        let added = self.now();
        let own = self.stacks.get_mut(stack.0).ok_or(Refused::Invalid)?;
        let same = own.spd.iter().position(|entry| {
            let other = &entry.policy;
            other.dir == policy.dir
                && other.selector == policy.selector
                && other.mark == policy.mark
                && other.if_id.unwrap_or(0) == policy.if_id.unwrap_or(0)
                && other.ptype == policy.ptype
        });
        if same.is_some() && !update {
            return Err(Refused::Exists);
        }
        if let Some(old) = same.and_then(|at| own.spd.get(at)) {
            policy.index = old.policy.index;
        } else if policy.index.is_none() {
            let spd = &own.spd;
            let taken = |index| spd.iter().any(|entry| entry.policy.index == Some(index));
            policy.index = Some(own.policy_indexes.next(policy.dir, taken));
        }
        let entry = PolicyEntry { policy, added, used: None };
        if let Some(at) = same {
            own.spd.remove(at);
        }
        own.spd.push(entry);
        Ok(())
    }
}

/// The state that an input packet is for (`xfrm_state_lookup`); of several the newest.
pub(super) fn for_input(sad: &mut [Entry], key: StateKey) -> Option<&mut Entry> {
    sad.iter_mut().rev().find(|entry| key.finds(&entry.state))
}

/// The state that a template of an outgoing policy takes (`xfrm_state_find`): one with the very source before one with
/// 0.0.0.0, and of several the newest. `ends` are the template's outer addresses.
pub(super) fn for_template<'a>(
    sad: &'a [Entry],
    policy: &Policy,
    template: &Template,
    ends: (IpAddr, IpAddr),
    flow: &Flow,
) -> Option<&'a Entry> {
    sad.iter()
        .filter(|entry| !entry.larval && policy.takes(template, ends, flow, &entry.state))
        .max_by_key(|entry| (entry.state.src == ends.0, entry.added))
}

/// Whether a template names an SPI that a state of another kind has, so that no state can be asked for either
/// (`xfrm_state_find`).
pub(super) fn blocks_template(sad: &[Entry], policy: &Policy, template: &Template, ends: (IpAddr, IpAddr)) -> bool {
    let key = policy.in_the_way(template, ends);
    key.is_some_and(|key| sad.iter().any(|entry| key.finds(&entry.state)))
}

/// The policy that is asked about a packet: of those that judge it the first by rank, then the oldest
/// (`xfrm_policy_lookup_bytype`).
pub(super) fn policy_for<'a>(spd: &'a mut [PolicyEntry], dir: Direction, flow: &Flow) -> Option<&'a mut PolicyEntry> {
    spd.iter_mut().filter(|entry| entry.policy.judges(dir, flow)).min_by_key(|entry| entry.policy.rank())
}

/// The newest numbers of a window in words of 32, as many as it is wide.
fn bitmap(window: &ReplayWindow, size: u32) -> Vec<u32> {
    let mut words = vec![0; size.div_ceil(32) as usize];
    if let Some(first) = words.first_mut() {
        *first = window.bitmap();
    }
    words
}

fn civil(time: Timestamp) -> Option<jiff::civil::DateTime> {
    let seconds = i64::try_from(time.0 / 1_000_000_000).ok()?;
    let stamp = jiff::Timestamp::from_second(seconds).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(stamp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xfrm::{parse_policies, parse_states};

    /// A SAD in the order in which the states were added, a second apart.
    fn sad(states: &str) -> Vec<Entry> {
        let states = parse_states(states).items.into_iter().zip(1..);
        let mut random = Random::of_seed(1);
        let entry =
            |(state, at): (State, u64)| Entry::new(StateId(at), state, Timestamp(at * 1_000_000_000), &mut random);
        states.map(entry).collect::<Option<_>>().expect("windows of 0")
    }

    #[test]
    fn of_several_states_the_one_of_the_very_source_is_taken_then_the_newest() {
        let policy = "src 10.0.0.0/24 dst 10.0.1.0/24 dir out priority 0 \
            tmpl src 10.0.0.66 dst 10.0.1.236 proto esp reqid 1 mode tunnel";
        let policy = &parse_policies(policy).items[0];
        let template = &policy.templates[0];
        let (src, dst) = ([10, 0, 0, 144].into(), [10, 0, 1, 165].into());
        let flow = Flow { src, dst, proto: 1, sport: 8, dport: 0, mark: 0, if_id: 0, dev: None };
        let taken = |sources: &[&str]| {
            let text = sources.iter().zip(3..).fold(String::new(), |text, (src, spi)| {
                text + &format!("src {src} dst 10.0.1.236 proto esp spi {spi} reqid 1 mode tunnel\n")
            });
            let sad = sad(&text);
            let ends = template.ends((flow.src, flow.dst));
            for_template(&sad, policy, template, ends, &flow).map(|entry| entry.state.spi.0)
        };
        assert_eq!(taken(&["10.0.0.66", "0.0.0.0"]), Some(3), "the wildcard is newer, and not asked");
        assert_eq!(taken(&["10.0.0.66", "0.0.0.0", "10.0.0.66"]), Some(5));
        assert_eq!(taken(&["0.0.0.0", "10.0.0.67"]), Some(3));
        assert_eq!(taken(&["10.0.0.67"]), None);
    }
}
