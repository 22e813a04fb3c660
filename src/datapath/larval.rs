//! States without a key: an SPI that is kept free until a key exchange has found one.

use super::cluster::{Cluster, Event};
use super::device::StackId;
use super::sad::{Entry, Refused, StateId};
use crate::esp::Spi;
use crate::xfrm::{Limits, Prefix, Replay, Selector, State, StateStats};

/// How long an SPI is kept (`net.core.xfrm_acq_expires`), in seconds.
const KEPT: u64 = 30;
/// How often an SPI is drawn before the range counts as full.
const DRAWS: u64 = 1000;

impl Cluster {
    /// `ip xfrm state allocspi` (net/xfrm/xfrm_state.c `xfrm_alloc_spi`): a larval state for `wanted`'s addresses with an
    /// SPI of the range that none has yet. Gone after 30 seconds unless `ip xfrm state update` makes it a whole one.
    pub fn allocate_spi(&mut self, stack: StackId, wanted: State, (least, most): (u32, u32)) -> Result<State, Refused> {
        if least > most {
            return Err(Refused::Invalid);
        }
        let now = self.now();
        let width = u64::from(most - least) + 1;
        let taken: Vec<Spi> = self.stacks.get(stack.0).map_or_else(Vec::new, |own| {
            let same = own.sad.iter().map(|entry| &entry.state);
            same.filter(|state| state.dst == wanted.dst && state.proto == wanted.proto).map(|state| state.spi).collect()
        });
        let draws = (0..width.min(DRAWS)).map(|_| Spi(least + self.random.below(width) as u32));
        let spi = draws.into_iter().find(|spi| !taken.contains(spi)).ok_or(Refused::NoPolicy)?;
        let selector = Selector::between(Prefix::host(wanted.src), Prefix::host(wanted.dst));
        let mut limits = Limits::default();
        limits.add_seconds.hard = KEPT;
        let state = State {
            spi,
            selector: Some(Selector { uid: Some(0), ..selector }),
            replay: Some(Replay::Short { seq: 0, oseq: 0, bitmap: 0 }),
            stats: Some(StateStats { limits, ..StateStats::default() }),
            ..wanted
        };
        let own = self.stacks.get_mut(stack.0).ok_or(Refused::Invalid)?;
        let id = StateId(own.next_state);
        own.next_state += 1;
        let entry = Entry::new(id, state, now, &mut self.random).ok_or(Refused::Invalid)?;
        let listed = entry.listed();
        own.sad.push(Entry { larval: true, ..entry });
        self.schedule(KEPT * 1_000_000_000, Event::Larval(stack, id));
        Ok(listed)
    }

    /// The time for a larval state is over.
    pub(super) fn larval_timer(&mut self, stack: StackId, id: StateId) {
        if let Some(own) = self.stack_mut(stack) {
            own.sad.retain(|entry| entry.id != id || !entry.larval);
        }
    }
}
