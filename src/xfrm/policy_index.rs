use super::Direction;

/// Gives policies the numbers that the kernel gives them (`index` of `ip -s xfrm policy`, `xfrm_gen_index`).
///
/// One counter a network namespace goes up by 8 for each new policy; the direction is in the low three bits. The first
/// `out` policy is 1, an `in` policy after it 8, a `fwd` policy after that 18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyIndexes {
    counter: u32,
}

impl PolicyIndexes {
    /// The number of the next policy; `taken` says which numbers are in use.
    pub fn next(&mut self, dir: Direction, taken: impl Fn(u32) -> bool) -> u32 {
        loop {
            let index = self.counter | u32::from(dir.number());
            self.counter = self.counter.wrapping_add(8);
            let index = if index == 0 { 8 } else { index };
            if !taken(index) {
                return index;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that Linux 6.18 gave when the policies were added in this order.
    #[test]
    fn indexes_are_those_of_the_kernel() {
        use Direction::{Fwd, In, Out};
        let mut indexes = PolicyIndexes::default();
        let added = [Out, Out, Fwd, In, In, Out].map(|dir| indexes.next(dir, |_| false));
        assert_eq!(added, [1, 9, 18, 24, 32, 41]);

        let mut indexes = PolicyIndexes::default();
        let mut taken = Vec::new();
        for _ in 0..2 {
            let index = indexes.next(In, |index| taken.contains(&index));
            taken.push(index);
        }
        assert_eq!(taken, [8, 16], "0 is no number, and 8 is taken then");
    }
}
