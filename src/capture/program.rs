//! A BPF program as text, as `tcpdump -d` shows it (libpcap 1.10 `bpf_image.c`).

/// One instruction of a compiled filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What it does (`BPF_LD | BPF_H | BPF_ABS`).
    pub code: u16,
    /// How many instructions further it goes on if it is true.
    pub jump_true: u8,
    /// The same if it is not.
    pub jump_false: u8,
    /// Its operand.
    pub k: u32,
}

impl Instruction {
    /// The line of `tcpdump -d` for the instruction at a place of its program.
    pub fn line(self, at: usize) -> String {
        let (name, operand) = self.words(at);
        let line = format!("({at:03}) {name:<8} ");
        let next = |jump: u8| at + 1 + usize::from(jump);
        if self.code & 7 == class::JMP && self.code & 0xf0 != 0 {
            return format!("{line}{operand:<16} jt {}\tjf {}", next(self.jump_true), next(self.jump_false));
        }
        line + &operand
    }

    /// The line of `tcpdump -dd`: an initialiser in C.
    pub fn c_line(self) -> String {
        format!("{{ {:#x}, {}, {}, {:#010x} }},", self.code, self.jump_true, self.jump_false, self.k)
    }

    fn words(self, at: usize) -> (&'static str, String) {
        let k = self.k;
        let hex = || format!("#{k:#x}");
        let decimal = || format!("#{k}");
        match self.code {
            0x06 => ("ret", decimal()),
            0x16 => ("ret", "A".to_owned()),
            0x20 => ("ld", format!("[{k}]")),
            0x28 => ("ldh", format!("[{k}]")),
            0x30 => ("ldb", format!("[{k}]")),
            0x80 => ("ld", "#pktlen".to_owned()),
            0x40 => ("ld", format!("[x + {k}]")),
            0x48 => ("ldh", format!("[x + {k}]")),
            0x50 => ("ldb", format!("[x + {k}]")),
            0x00 => ("ld", hex()),
            0x01 => ("ldx", hex()),
            0xb1 => ("ldxb", format!("4*([{k}]&0xf)")),
            0x60 => ("ld", format!("M[{k}]")),
            0x61 => ("ldx", format!("M[{k}]")),
            0x02 => ("st", format!("M[{k}]")),
            0x03 => ("stx", format!("M[{k}]")),
            0x05 => ("ja", (at + 1 + k as usize).to_string()),
            0x25 => ("jgt", hex()),
            0x35 => ("jge", hex()),
            0x15 => ("jeq", hex()),
            0x45 => ("jset", hex()),
            0x2d => ("jgt", "x".to_owned()),
            0x3d => ("jge", "x".to_owned()),
            0x1d => ("jeq", "x".to_owned()),
            0x4d => ("jset", "x".to_owned()),
            0x0c | 0x1c | 0x2c | 0x3c | 0x9c | 0x5c | 0x4c | 0xac | 0x6c | 0x7c => (self.operation(), "x".to_owned()),
            0x04 | 0x14 | 0x24 | 0x34 | 0x94 | 0x64 | 0x74 => (self.operation(), decimal()),
            0x54 | 0x44 | 0xa4 => (self.operation(), hex()),
            0x84 => ("neg", String::new()),
            0x07 => ("tax", String::new()),
            0x87 => ("txa", String::new()),
            code => ("unimp", format!("{code:#x}")),
        }
    }

    fn operation(self) -> &'static str {
        match self.code & 0xf0 {
            0x00 => "add",
            0x10 => "sub",
            0x20 => "mul",
            0x30 => "div",
            0x40 => "or",
            0x50 => "and",
            0x60 => "lsh",
            0x70 => "rsh",
            0x90 => "mod",
            _ => "xor",
        }
    }
}

/// Instruction classes.
mod class {
    pub(super) const JMP: u16 = 5;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_print_as_libpcap_prints_them() {
        let lines = |code, jump_true, jump_false, k| {
            let instruction = Instruction { code, jump_true, jump_false, k };
            (instruction.line(7), instruction.c_line())
        };
        let jump = "(007) jeq      #0x800           jt 8\tjf 10".to_owned();
        assert_eq!(lines(0x15, 0, 2, 0x800), (jump, "{ 0x15, 0, 2, 0x00000800 },".to_owned()));
        assert_eq!(lines(0x28, 0, 0, 12).0, "(007) ldh      [12]");
        assert_eq!(lines(0xb1, 0, 0, 14).0, "(007) ldxb     4*([14]&0xf)");
        assert_eq!(lines(0x05, 0, 0, 3).0, "(007) ja       11");
        assert_eq!(lines(0x06, 0, 0, 262_144).0, "(007) ret      #262144");
        assert_eq!(lines(0x07, 0, 0, 0).0, "(007) tax      ");
    }
}
