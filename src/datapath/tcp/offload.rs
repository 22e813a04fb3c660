//! Segmentation offload: a long segment travels in one piece through devices of this machine, and is cut where it has to
//! be (net/ipv4/tcp_offload.c `tcp_gso_segment`).

use super::segment::Segment;
use crate::datapath::ipv4;

/// The packets, each with `size` octets of data at most, that a long TCP packet becomes; checksums are set.
pub(in crate::datapath) fn segments(octets: &[u8], size: u16) -> Vec<Vec<u8>> {
    let (Some(header), Some(long)) = (ipv4::header(octets), Segment::read(ipv4::payload(octets))) else {
        return Vec::new();
    };
    let (from, to) = (ipv4::source(&header), ipv4::destination(&header));
    let size = usize::from(size).max(1);
    let count = long.payload.len().div_ceil(size);
    long.payload
        .chunks(size)
        .enumerate()
        .map(|(at, data)| {
            let last = at + 1 == count;
            let segment = Segment {
                seq: long.seq.wrapping_add((at * size) as u32),
                fin: long.fin && last,
                psh: long.psh && last,
                payload: data.to_vec(),
                ..long
            };
            let mut own = header.clone();
            own.identification = header.identification.wrapping_add(at as u16);
            ipv4::packet(own, &segment.whole(from, to))
        })
        .collect()
}
