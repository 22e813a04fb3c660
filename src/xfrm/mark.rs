use std::fmt;

/// A mark and its mask, host byte order, as in `mark 0x3e00/0xff00` (kernel `struct xfrm_mark`) or `fwmark 0xd00/0xf00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The value; the kernel stores it as given, not masked.
    pub value: u32,
    /// The bits that are compared (or, for an output-mark, replaced).
    pub mask: u32,
}

impl Mark {
    /// Whether a packet that carries `mark` fits: the masked bits are equal to the value.
    pub fn fits(self, mark: u32) -> bool {
        mark & self.mask == self.value
    }

    /// The mark after an output-mark was applied: masked bits replaced, the others kept
    /// (kernel `xfrm_smark_get`: `(mark & ~m) | v`).
    #[must_use]
    pub fn applied_to(self, mark: u32) -> u32 {
        (mark & !self.mask) | self.value
    }
}

impl fmt::Display for Mark {
    /// Prints with C's `%#x`, under which zero is `0`: `0xe00/0xf00`, `0/0xf00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (separator, word) in [("", self.value), ("/", self.mask)] {
            f.write_str(separator)?;
            if word == 0 { f.write_str("0")? } else { write!(f, "{word:#x}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_mark_replaces_only_its_own_bits() {
        let output = Mark { value: 0xe00, mask: 0xf00 };
        assert_eq!(output.applied_to(0x6445_3d00), 0x6445_3e00);
    }

    #[test]
    fn a_zero_value_prints_as_c_does() {
        assert_eq!(Mark { value: 0, mask: 0xf00 }.to_string(), "0/0xf00");
    }
}
