//! The receiving half of a connection: order, window, and when to acknowledge.

use super::connection::{Early, is_before};
use super::segment::Segment;
use crate::packet::Timestamp;

/// What the kernel gives of a socket's buffer to the window: half of `tcp_rmem`'s 131072 octets.
const SPACE: u32 = 65_536;
/// The shift that lets a window reach `tcp_rmem`'s greatest value of 6 MiB.
const SCALE: u8 = 7;
/// `TCP_ATO_MIN`: how long an acknowledgement waits for data to go with.
const DELAY: u64 = 40_000_000;
/// `TCP_MAX_QUICKACKS`.
const QUICK: u32 = 16;

/// What came, and what may come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that happened once")]
pub(super) struct Receiver {
    /// What waits to be read.
    pub inbox: Vec<u8>,
    /// The next number expected.
    pub next: u32,
    /// Whether the other side's FIN came.
    pub ended: bool,
    /// The clock that came last in order (RFC 7323's TS.Recent).
    pub recent: u32,
    /// Whether windows are scaled, and by how many bits ours are.
    pub scales: bool,
    pub scale: u8,
    /// When an acknowledgement is due that still waits.
    pub delayed: Option<Timestamp>,
    /// The end of the window that was last announced.
    edge: u32,
    /// `rcv_ssthresh`: the most that is announced.
    most: u32,
    /// The number up to which was acknowledged.
    told: u32,
    early: Early,
    /// How many segments are still acknowledged at once; 0 before the first data came.
    quick: u32,
    began: bool,
    /// Whether data goes both ways, so that acknowledgements wait for it.
    interactive: bool,
    /// When data last came.
    came: Option<Timestamp>,
}

impl Receiver {
    /// Sets the first window: whole segments of this length (`tcp_select_initial_window`).
    pub(super) fn open(&mut self, mss: u32) {
        self.most = if mss == 0 || mss > SPACE { SPACE } else { (SPACE / mss * mss).min(0xffff) };
        (self.scale, self.scales) = (SCALE, true);
    }

    /// The other side's numbers begin here.
    pub(super) fn begin(&mut self, next: u32) {
        (self.next, self.told) = (next, next);
        self.edge = next.wrapping_add(self.most);
        if !self.scales {
            self.scale = 0;
        }
    }

    /// The window of a SYN, which is never scaled.
    pub(super) fn first_window(&self) -> u16 {
        u16::try_from(self.most).unwrap_or(u16::MAX)
    }

    /// The window for a segment that goes out now, as its header has it (`tcp_select_window`); with it goes the
    /// acknowledgement.
    pub(super) fn window(&mut self) -> u16 {
        let window = self.announced();
        self.edge = self.next.wrapping_add(window);
        self.told = self.next;
        self.delayed = None;
        u16::try_from(window >> self.scale).unwrap_or(u16::MAX)
    }

    /// The window to announce: never one that ends before the last one did.
    fn announced(&self) -> u32 {
        let free = SPACE.saturating_sub(self.inbox.len() as u32);
        let unit = 1 << self.scale;
        // Under a sixteenth of the buffer none is announced (`__tcp_select_window`).
        let wished = if free < SPACE / 16 { 0 } else { free.min(self.most).next_multiple_of(unit) };
        let before = if is_before(self.next, self.edge) { self.edge.wrapping_sub(self.next) } else { 0 };
        if wished < before { before.next_multiple_of(unit) } else { wished }
    }

    /// Whether the window is now twice what the other side knows: it is told then (`tcp_cleanup_rbuf`).
    pub(super) fn opens_much(&self) -> bool {
        let known = if is_before(self.next, self.edge) { self.edge.wrapping_sub(self.next) } else { 0 };
        2 * known <= SPACE && self.announced() >= 2 * known && self.announced() > 0
    }

    /// Whether a segment falls into the window and is not older than what came (RFC 7323's PAWS).
    pub(super) fn wants(&self, segment: &Segment) -> bool {
        let end = segment.seq.wrapping_add(segment.len());
        let old = segment.options.timestamps.is_some_and(|(value, _)| is_before(value, self.recent));
        let fits = !is_before(end, self.told) && !is_before(self.edge, segment.seq);
        let known = segment.len() > 0 && !is_before(self.next, end);
        fits && !known && (!old || segment.rst)
    }

    /// Keeps the clock of a segment that is next in order.
    pub(super) fn remember(&mut self, segment: &Segment) {
        if let Some((value, _)) = segment.options.timestamps
            && !is_before(self.told, segment.seq)
        {
            self.recent = value;
        }
    }

    /// Takes data and FIN; whether an acknowledgement is due at once (`__tcp_ack_snd_check`).
    pub(super) fn take(&mut self, segment: &Segment, full: usize, now: Timestamp) -> bool {
        if segment.len() == 0 || self.ended {
            return false;
        }
        if is_before(self.next, segment.seq) {
            self.early.insert(segment.seq, (segment.payload.clone(), segment.fin));
            return true;
        }
        let filled = !self.early.is_empty();
        self.append(segment.seq, &segment.payload, segment.fin);
        while let Some(entry) = self.early.first_entry()
            && !is_before(self.next, *entry.key())
        {
            let (seq, (payload, fin)) = entry.remove_entry();
            self.append(seq, &payload, fin);
        }
        if !segment.payload.is_empty() {
            if !self.began {
                self.began = true;
                self.quick = QUICK;
            }
            self.came = Some(now);
        }
        if self.ended {
            // From here on nothing comes that could be acknowledged together with this.
            self.interactive = true;
        }
        let much = self.next.wrapping_sub(self.told) as usize > full;
        let quick = self.quick > 0 && !self.interactive;
        if quick {
            self.quick -= 1;
        }
        // Before any data came the delay is no time at all (`tcp_send_delayed_ack` with an ATO of 0).
        if filled || much || quick || !self.began {
            return true;
        }
        self.delayed.get_or_insert(Timestamp(now.0.saturating_add(DELAY)));
        false
    }

    /// Data goes out: when it answers what has just come, acknowledgements wait for such data from now on.
    pub(super) fn answers(&mut self, now: Timestamp) {
        self.interactive |= self.came.is_some_and(|came| now.0.saturating_sub(came.0) < DELAY);
    }

    fn append(&mut self, seq: u32, payload: &[u8], fin: bool) {
        let known = self.next.wrapping_sub(seq) as usize;
        if let Some(fresh) = payload.get(known..) {
            self.inbox.extend_from_slice(fresh);
            self.next = self.next.wrapping_add(fresh.len() as u32);
            if fin {
                self.next = self.next.wrapping_add(1);
                self.ended = true;
            }
        }
    }
}
