//! One TCP segment as numbers and as octets (RFC 9293 section 3.1, options of RFC 7323 and RFC 2018).

use std::net::Ipv4Addr;

use etherparse::{TcpHeader, TcpOptionElement};

use crate::datapath::ipv4::{checksum, protocol};

/// A segment without addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the header")]
pub struct Segment {
    /// The sender's port.
    pub source: u16,
    /// The receiver's port.
    pub destination: u16,
    /// The number of the first octet of `payload`, or of the SYN.
    pub seq: u32,
    /// The next octet that the sender expects; `None` without the ACK flag.
    pub ack: Option<u32>,
    /// The window as the header has it: not scaled.
    pub window: u16,
    /// SYN.
    pub syn: bool,
    /// FIN.
    pub fin: bool,
    /// RST.
    pub rst: bool,
    /// PSH.
    pub psh: bool,
    /// The options.
    pub options: Options,
    /// The data.
    pub payload: Vec<u8>,
}

/// The options that the model knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The longest payload that the sender takes, in octets.
    pub mss: Option<u16>,
    /// By how many bits the sender's later windows are shifted.
    pub window_scale: Option<u8>,
    /// Selective acknowledgements are permitted.
    pub sack_permitted: bool,
    /// The sender's clock and the clock value it echoes, both in milliseconds from an offset of their own.
    pub timestamps: Option<(u32, u32)>,
}

impl Segment {
    /// Reads a segment; `None` for octets that are none.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let (header, payload) = TcpHeader::from_slice(octets).ok()?;
        let mut options = Options::default();
        // What a damaged option hides is not there, as for the kernel.
        for option in header.options_iterator().map_while(Result::ok) {
            match option {
                TcpOptionElement::MaximumSegmentSize(mss) => options.mss = Some(mss),
                TcpOptionElement::WindowScale(bits) => options.window_scale = Some(bits.min(14)),
                TcpOptionElement::SelectiveAcknowledgementPermitted => options.sack_permitted = true,
                TcpOptionElement::Timestamp(value, echo) => options.timestamps = Some((value, echo)),
                TcpOptionElement::Noop | TcpOptionElement::SelectiveAcknowledgement(..) => {}
            }
        }
        Some(Self {
            source: header.source_port,
            destination: header.destination_port,
            seq: header.sequence_number,
            ack: header.ack.then_some(header.acknowledgment_number),
            window: header.window_size,
            syn: header.syn,
            fin: header.fin,
            rst: header.rst,
            psh: header.psh,
            options,
            payload: payload.to_vec(),
        })
    }

    /// How many sequence numbers it takes.
    pub fn len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.syn) + u32::from(self.fin)
    }

    /// Its octets between two addresses, with the checksum left to the device: the field holds the sum of the
    /// pseudo-header alone (CHECKSUM_PARTIAL), as captures on the sending host show it.
    pub fn partial(&self, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
        let mut octets = self.octets();
        let sum = pseudo_sum(from, to, protocol::TCP, octets.len());
        octets.splice(16..18, sum.to_be_bytes());
        octets
    }

    /// Its octets between two addresses, whole.
    pub fn whole(&self, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
        let mut octets = self.partial(from, to);
        let sum = checksum(&octets);
        octets.splice(16..18, sum.to_be_bytes());
        octets
    }

    /// The octets with a checksum of zero.
    fn octets(&self) -> Vec<u8> {
        let mut header = TcpHeader::new(self.source, self.destination, self.seq, self.window);
        header.ack = self.ack.is_some();
        header.acknowledgment_number = self.ack.unwrap_or(0);
        (header.syn, header.fin, header.rst, header.psh) = (self.syn, self.fin, self.rst, self.psh);
        // At most 24 octets: they always fit.
        let _ = header.set_options_raw(&self.options.octets());
        let mut octets = header.to_bytes().to_vec();
        octets.extend_from_slice(&self.payload);
        octets
    }
}

impl Options {
    /// In the order and with the padding of `tcp_options_write` (net/ipv4/tcp_output.c).
    fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        if let Some(mss) = self.mss {
            octets.extend_from_slice(&[2, 4]);
            octets.extend_from_slice(&mss.to_be_bytes());
        }
        match (self.timestamps, self.sack_permitted) {
            (Some(_), true) => octets.extend_from_slice(&[4, 2]),
            (Some(_), false) => octets.extend_from_slice(&[1, 1]),
            (None, true) => octets.extend_from_slice(&[1, 1, 4, 2]),
            (None, false) => {}
        }
        if let Some((value, echo)) = self.timestamps {
            octets.extend_from_slice(&[8, 10]);
            octets.extend_from_slice(&value.to_be_bytes());
            octets.extend_from_slice(&echo.to_be_bytes());
        }
        if let Some(bits) = self.window_scale {
            octets.extend_from_slice(&[1, 3, 3, bits]);
        }
        octets
    }
}

/// The folded sum of the pseudo-header of TCP and UDP (RFC 9293 section 3.1), not complemented.
pub(in crate::datapath) fn pseudo_sum(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, length: usize) -> u16 {
    let [a, b] = (length as u16).to_be_bytes();
    let mut header = [from.octets(), to.octets()].concat();
    header.extend_from_slice(&[0, protocol, a, b]);
    !checksum(&header)
}

/// Whether the checksum over the pseudo-header and a whole segment or datagram is right.
pub(in crate::datapath) fn sums_up(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, octets: &[u8]) -> bool {
    // 0 and 0xffff are the same number in ones' complement.
    pseudo_sum(from, to, protocol, octets.len()) % 0xffff == checksum(octets) % 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_has_linuxs_options_and_the_sum_of_the_pseudo_header() {
        let (from, to) = (Ipv4Addr::new(10, 0, 0, 144), Ipv4Addr::new(10, 0, 1, 165));
        let syn = Segment {
            source: 48932,
            destination: 8080,
            seq: 3_761_745_214,
            window: 65001,
            syn: true,
            options: Options {
                mss: Some(1383),
                window_scale: Some(7),
                sack_permitted: true,
                timestamps: Some((3_060_557_236, 0)),
            },
            ..Segment::default()
        };
        // As recorded: "cksum 0x1663 (incorrect -> 0xabe2)".
        let partial = syn.partial(from, to);
        assert_eq!(partial.len(), 40);
        assert_eq!(partial[16..18], [0x16, 0x63]);
        assert_eq!(syn.whole(from, to)[16..18], [0xab, 0xe2]);
        assert_eq!(Segment::read(&partial), Some(syn));
    }
}
