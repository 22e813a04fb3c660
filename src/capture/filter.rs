use pcap::{BpfProgram, Capture, Linktype};

use super::Instruction;
use crate::packet::LinkType;

/// A compiled BPF filter expression (pcap-filter(7)), for frames of one link type.
pub struct Filter {
    program: BpfProgram,
}

/// Why an expression cannot be compiled; the text is libpcap's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(pub String);

impl Filter {
    /// Compiles an expression with libpcap.
    pub fn compile(link: LinkType, expression: &str) -> Result<Self, FilterError> {
        let number = i32::try_from(link.number()).unwrap_or(i32::MAX);
        // libpcap's DLT_RAW is 12; LINKTYPE_RAW, 101, is its name in files.
        let dlt = if link == LinkType::Raw { 12 } else { number };
        let program = Capture::dead(Linktype(dlt)).and_then(|capture| capture.compile(expression, true));
        program.map(|program| Self { program }).map_err(|error| {
            FilterError(match error {
                pcap::Error::PcapError(text) => text,
                other => other.to_string(),
            })
        })
    }

    /// The instructions. A program of libpcap's own ends with how many octets it keeps: that is `snap_len`.
    pub fn instructions(&self, snap_len: u32) -> Vec<Instruction> {
        let numbers = self.program.get_instructions().iter().filter_map(|instruction| {
            // The library shows the fields only as text.
            let words = instruction.to_string();
            let mut words = words.split_whitespace().map(str::parse::<u32>);
            let mut next = || words.next()?.ok();
            let (code, jump_true, jump_false, k) = (next()?, next()?, next()?, next()?);
            let keeps = code == 0x06 && k > 0;
            Some(Instruction {
                code: u16::try_from(code).ok()?,
                jump_true: u8::try_from(jump_true).ok()?,
                jump_false: u8::try_from(jump_false).ok()?,
                k: if keeps { snap_len } else { k },
            })
        });
        numbers.collect()
    }

    /// Whether a frame passes.
    pub fn matches(&self, octets: &[u8]) -> bool {
        self.program.filter(octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SLL2, IPv4, protocol ESP, from 10.0.0.66.
    fn esp_on_any() -> Vec<u8> {
        let mut octets = vec![8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        octets.extend([0x45, 0, 0, 28, 0, 1, 0, 0, 64, 50, 0, 0, 10, 0, 0, 66, 10, 0, 1, 236, 0, 0, 0, 3, 0, 0, 0, 1]);
        octets
    }

    #[test]
    fn expressions_work_on_cooked_frames() {
        for (expression, passes) in
            [("esp", true), ("icmp", false), ("host 10.0.0.66 and esp", true), ("", true), ("ip proto 50", true)]
        {
            let filter = Filter::compile(LinkType::LinuxSll2, expression).expect("a right expression");
            assert_eq!(filter.matches(&esp_on_any()), passes, "{expression}");
        }
    }

    #[test]
    fn a_bare_packet_is_filtered_as_one() {
        let filter = Filter::compile(LinkType::Raw, "dst 10.0.1.236").expect("a right expression");
        assert!(filter.matches(&esp_on_any()[20..]));
    }

    #[test]
    fn a_wrong_expression_is_refused_in_the_words_of_libpcap() {
        let error = Filter::compile(LinkType::Ethernet, "esp or or").err().expect("a wrong expression");
        assert!(error.to_string().contains("syntax error"), "{error}");
    }
}
