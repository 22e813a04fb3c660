/// The receiver's anti-replay window (RFC 4303 section 3.4.3 and appendix A; Linux net/xfrm/xfrm_replay.c).
///
/// The right edge is the highest sequence number whose ICV was right; below it lies a bit for each number, as many as
/// the window is wide. A packet is checked before its ICV is verified ([`check`](Self::check)) and recorded after
/// ([`accept`](Self::accept)), so that a forged packet cannot move the window.
///
/// Size 0 is `replay-window 0`: nothing is checked and nothing is recorded, as Cilium's states have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayWindow {
    size: u32,
    top: u64,
    /// The bit of number `n` is bit `n % (64 * bits.len())`; those below the left edge are stale.
    bits: Vec<u64>,
}

/// Why a sequence number is refused; the kernel counts each as `XfrmInStateSeqError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Replay {
    /// 0 is never sent: the first packet of an SA is number 1.
    #[error("sequence number 0, which no sender uses")]
    Zero,
    /// The number was seen before (`replay` in the `stats:` of `ip -s xfrm state`).
    #[error("sequence number {seq} was received before")]
    Seen {
        /// The number.
        seq: u64,
    },
    /// The number is left of the window (`replay-window` in the `stats:` of `ip -s xfrm state`).
    #[error("sequence number {seq} is left of the window, which begins at {left}")]
    TooOld {
        /// The number.
        seq: u64,
        /// The smallest number that would still be taken.
        left: u64,
    },
}

impl ReplayWindow {
    /// The widest window that Linux takes (`XFRMA_REPLAY_ESN_MAX`).
    pub const MAX_SIZE: u32 = 4096;

    /// An empty window of `size` numbers, or `None` for a size over [`MAX_SIZE`](Self::MAX_SIZE).
    pub fn new(size: u32) -> Option<Self> {
        (size <= Self::MAX_SIZE).then(|| Self { size, top: 0, bits: vec![0; size.div_ceil(64) as usize] })
    }

    /// The window as if `top` were the highest number accepted and nothing below it had come: what the kernel makes of
    /// `replay-seq`.
    #[must_use]
    pub fn resumed_at(self, top: u64) -> Self {
        Self { top, ..self }
    }

    /// How many numbers it holds; 0 is off.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The right edge: the highest number accepted, 0 before the first (`seq` in `anti-replay context`).
    pub fn top(&self) -> u64 {
        self.top
    }

    /// The newest 32 numbers as `ip xfrm state` prints them (`bitmap`): bit 0 is the right edge, bit 1 the one before.
    pub fn bitmap(&self) -> u32 {
        (0..self.size.min(32))
            .filter(|&back| self.top.checked_sub(u64::from(back)).is_some_and(|seq| seq > 0 && self.holds(seq)))
            .fold(0, |bitmap, back| bitmap | 1 << back)
    }

    /// The whole sequence number behind the 32 bits on the wire, for an SA with ESN (RFC 4303 appendix A2.2).
    ///
    /// It is the number nearest to the window: one far left of it is taken to be of the next 2^32. Where the appendix
    /// would arrive before the first 2^32 (a window at the very start) this stays in it.
    pub fn infer(&self, low: u32) -> u64 {
        let (top_high, top_low) = (self.top >> 32, self.top as u32);
        let size = self.size.max(1);
        let left = top_low.wrapping_sub(size - 1);
        let high = match (top_low >= size - 1, low >= left) {
            (true, false) => top_high.saturating_add(1).min(u64::from(u32::MAX)),
            (false, true) => top_high.saturating_sub(1),
            (true, true) | (false, false) => top_high,
        };
        high << 32 | u64::from(low)
    }

    /// Whether a packet with this number may be new; says nothing about its ICV.
    pub fn check(&self, seq: u64) -> Result<(), Replay> {
        if self.size == 0 || seq > self.top {
            return Ok(());
        }
        if seq == 0 {
            return Err(Replay::Zero);
        }
        if self.top - seq >= u64::from(self.size) {
            return Err(Replay::TooOld { seq, left: self.left() });
        }
        if self.holds(seq) { Err(Replay::Seen { seq }) } else { Ok(()) }
    }

    /// Records a number whose packet's ICV was right; moves the window when the number is right of it.
    pub fn accept(&mut self, seq: u64) -> Result<(), Replay> {
        self.check(seq)?;
        if self.size == 0 || seq == 0 {
            return Ok(());
        }
        let capacity = 64 * self.bits.len() as u64;
        if seq > self.top {
            if seq - self.top >= capacity {
                self.bits.fill(0);
            } else {
                (self.top + 1..seq).for_each(|skipped| self.set(skipped, false));
            }
            self.top = seq;
        }
        self.set(seq, true);
        Ok(())
    }

    /// The smallest number inside the window.
    fn left(&self) -> u64 {
        (self.top + 1).saturating_sub(u64::from(self.size)).max(1)
    }

    fn place(&self, seq: u64) -> (usize, u64) {
        let bit = seq % (64 * self.bits.len() as u64).max(1);
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    fn holds(&self, seq: u64) -> bool {
        let (word, bit) = self.place(seq);
        self.bits.get(word).is_some_and(|word| word & bit != 0)
    }

    fn set(&mut self, seq: u64, seen: bool) {
        let (word, bit) = self.place(seq);
        if let Some(word) = self.bits.get_mut(word) {
            if seen { *word |= bit } else { *word &= !bit }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn window(size: u32) -> ReplayWindow {
        ReplayWindow::new(size).unwrap()
    }

    #[test]
    fn a_replayed_sequence_number_is_refused() {
        let mut window = window(32);
        for seq in [1, 2, 5, 3] {
            assert_eq!(window.accept(seq), Ok(()));
        }
        assert_eq!(window.accept(3), Err(Replay::Seen { seq: 3 }));
        assert_eq!(window.accept(4), Ok(()));
        assert_eq!((window.top(), window.bitmap()), (5, 0b11111));
    }

    #[test]
    fn a_window_that_resumes_refuses_what_lies_left_of_it_and_takes_the_rest() {
        let mut window = window(32).resumed_at(20_000);
        assert_eq!((window.top(), window.bitmap()), (20_000, 0));
        assert_eq!(window.check(19_968), Err(Replay::TooOld { seq: 19_968, left: 19_969 }));
        assert_eq!(window.accept(19_969), Ok(()));
        assert_eq!(window.accept(20_000), Ok(()));
        assert_eq!(window.bitmap(), 1 << 31 | 1);
    }

    #[test]
    fn a_number_left_of_the_window_is_refused_with_the_edge() {
        let mut window = window(32);
        window.accept(100).unwrap();
        assert_eq!(window.check(69), Ok(()));
        assert_eq!(window.check(68), Err(Replay::TooOld { seq: 68, left: 69 }));
    }

    #[test]
    fn a_window_of_size_zero_takes_everything_again_and_again() {
        let mut window = window(0);
        for seq in [7, 7, 0, 3, 7] {
            assert_eq!(window.accept(seq), Ok(()));
        }
        assert_eq!((window.top(), window.bitmap()), (0, 0));
    }

    #[test]
    fn sequence_number_zero_is_refused_by_a_window_that_is_on() {
        assert_eq!(window(32).check(0), Err(Replay::Zero));
    }

    #[test]
    fn a_window_wider_than_linux_takes_does_not_exist() {
        assert_eq!(ReplayWindow::new(4097), None);
        assert_eq!(window(4096).size(), 4096);
    }

    #[test]
    fn the_high_half_is_inferred_as_in_appendix_a() {
        let high = |top: u64, low: u32| {
            let mut window = window(64);
            window.accept(top).unwrap();
            window.infer(low) >> 32
        };
        // Case A, the window inside one 2^32: ahead of it or in it stays, left of it is the next.
        assert_eq!(high(0x5_0000_1000, 0x1001), 5);
        assert_eq!(high(0x5_0000_1000, 0x1000 - 63), 5);
        assert_eq!(high(0x5_0000_1000, 0x1000 - 64), 6);
        // Case B, the window across two: its left part is of the one before.
        assert_eq!(high(0x5_0000_0010, 0xffff_fff0), 4);
        assert_eq!(high(0x5_0000_0010, 0x11), 5);
        assert_eq!(high(0x5_0000_0010, 0xffff_0000), 5);
        // There is nothing before the first 2^32.
        assert_eq!(high(3, 0xffff_fff0), 0);
    }

    proptest! {
        #[test]
        fn a_window_agrees_with_a_set_of_all_numbers(
            size in prop_oneof![Just(32_u32), Just(64), Just(100), Just(4096), 1_u32..200],
            steps in prop::collection::vec((0_u64..3, 0_u64..300), 1..200),
        ) {
            let mut window = window(size);
            let (mut seen, mut top) = (HashSet::new(), 0_u64);
            for (kind, distance) in steps {
                let seq = if kind == 0 { top.saturating_sub(distance) } else { top + distance };
                let fresh = seq > 0 && seq + u64::from(size) > top && !seen.contains(&seq);
                prop_assert_eq!(window.accept(seq).is_ok(), fresh);
                if fresh {
                    seen.insert(seq);
                    top = top.max(seq);
                }
                prop_assert_eq!(window.top(), top);
            }
        }

        #[test]
        fn a_number_near_the_window_is_inferred_whole(top in 0_u64..1 << 50, ahead in 0_u64..1 << 30, back in 0_u64..64) {
            let mut window = window(64);
            window.accept(top).ok();
            prop_assert_eq!(window.infer((top + ahead) as u32), top + ahead);
            let before = top.saturating_sub(back);
            prop_assert_eq!(window.infer(before as u32), before);
        }

        #[test]
        fn a_window_never_panics(size in 0_u32..=4096, seqs in prop::collection::vec(any::<u64>(), 0..50)) {
            let mut window = window(size);
            for seq in seqs {
                let _ = window.accept(seq);
                let _ = (window.infer(seq as u32), window.bitmap());
            }
        }
    }
}
