/// The memory that holds a packet's octets, as far as it can end a packet (`struct sk_buff`'s head, net/core/skbuff.c).
///
/// Every new header goes into the room before the octets. Where that is too small, Linux 6.1's `pskb_expand_head` asks
/// `kmalloc` for the old size and the new room together, and `kmalloc` gives the next power of two, all of which counts as
/// the old size the next time. So a packet that is wrapped again and again doubles its memory with every second layer
/// until `kmalloc` gives no more: a loop of ESP in ESP ends there, and nothing counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buffer {
    /// Octets that `kmalloc` gave.
    size: usize,
    /// Free octets before the network header.
    headroom: usize,
}

/// `LL_RESERVED_SPACE` of an Ethernet device: its header's 14 octets, rounded up.
const LINK_LAYER: usize = 16;
/// What stands behind the octets: `struct skb_shared_info`, in whole cache lines.
const SHARED_INFO: usize = 320;
/// The most that `kmalloc` gives (`KMALLOC_MAX_SIZE`).
const LARGEST: usize = 4 << 20;

impl Buffer {
    /// That of a packet of this host (`__ip_append_data`).
    pub(super) fn of_packet(len: usize) -> Self {
        let data = (len + LINK_LAYER + 15).next_multiple_of(64);
        Self { size: (data + SHARED_INFO).next_power_of_two(), headroom: LINK_LAYER }
    }

    /// Makes room for headers and the link layer's (`skb_cow`); `false` when there is no memory for it.
    pub(super) fn make_room(&mut self, headers: usize) -> bool {
        let need = LINK_LAYER + headers;
        if need <= self.headroom {
            return true;
        }
        let more = (need - self.headroom).next_multiple_of(64);
        let size = (self.size + more).next_power_of_two();
        if size > LARGEST {
            return false;
        }
        (self.size, self.headroom) = (size, self.headroom + more);
        true
    }

    /// A header was put before the octets.
    pub(super) fn push(&mut self, header: usize) {
        self.headroom = self.headroom.saturating_sub(header);
    }

    /// A header was taken off.
    pub(super) fn pull(&mut self, header: usize) {
        self.headroom += header;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a packet can be wrapped in ESP with GCM: an IP header, ESP's 8 octets, 8 of IV.
    fn layers(len: usize) -> usize {
        let mut buffer = Buffer::of_packet(len);
        let mut layers = 0;
        while layers < 100 && buffer.make_room(36) {
            buffer.push(36);
            layers += 1;
        }
        layers
    }

    #[test]
    fn a_packet_is_wrapped_as_often_as_linux_6_1_did_it() {
        // By `ping -s` on a kernel: 0, 56 and 120 octets gave 23 layers, 150 and 180 gave 21.
        assert_eq!([28, 84, 148, 178, 208].map(layers), [23, 23, 23, 21, 21]);
    }
}
