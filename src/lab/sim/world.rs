use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::files::Files;
use super::net::Net;
use crate::packet::Timestamp;

/// The virtual clock's first moment: Wednesday, 2023-02-01 02:00:00 UTC, soon after Cilium v1.13.0-rc5 appeared.
pub const DAWN: Timestamp = Timestamp(1_675_216_800_000_000_000);

/// Everything of the simulated lab that a `save` keeps: clock, random numbers, network, files.
#[derive(Debug, Clone)]
pub struct World {
    /// The virtual clock.
    now: Timestamp,
    /// The one source of randomness; the same seed gives the same lab.
    pub random: ChaCha8Rng,
    /// Network stacks, links and the packets under way.
    pub net: Net,
    /// The files of each place.
    pub files: BTreeMap<String, Files>,
}

impl World {
    /// A machine with the tools on it and no cluster yet.
    pub fn new(seed: u64) -> Self {
        let files = BTreeMap::from([("machine".to_owned(), Files::default())]);
        Self { now: DAWN, random: ChaCha8Rng::seed_from_u64(seed), net: Net::new(seed, DAWN), files }
    }

    /// The time on the virtual clock. It stands still while a process is stepped.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The time a while from now, for [`super::Step::Wait`].
    pub fn after(&self, wait: Duration) -> Timestamp {
        Timestamp(self.now.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// The scheduler's: moves the clock on, never back.
    pub(super) fn set_now(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }
}
