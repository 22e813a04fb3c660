//! One TCP connection: RFC 9293's states with Linux 6.1's choices where a capture shows them (net/ipv4/tcp_input.c,
//! tcp_output.c, tcp_minisocks.c). It knows no network: segments come in by [`Connection::arrives`], go out by
//! [`Connection::take_segments`], and [`Connection::tick`] is called when [`Connection::deadline`] has come.
//!
//! Not modelled: fast retransmission and selective acknowledgements (the option is offered, as Linux does), urgent data,
//! keep-alive, and that buffers grow.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use super::receiver::Receiver;
use super::segment::{Options, Segment};
use crate::packet::Timestamp;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;
/// The least and the greatest retransmission time-out (`TCP_RTO_MIN`, `TCP_RTO_MAX`); before a measurement it is a second.
const RTO_MIN: u64 = 200 * MILLISECOND;
const RTO_MAX: u64 = 120 * SECOND;
/// How often a SYN, a SYN-ACK and anything else is repeated (`tcp_syn_retries`, `tcp_synack_retries`, `tcp_retries2`).
const RETRIES: [u32; 3] = [6, 5, 15];
/// The tick of the clock after which a timer goes off, late.
const JIFFY: u64 = 4 * MILLISECOND;
/// How long TIME-WAIT and a FIN-WAIT-2 whose program is gone last.
const LINGER: u64 = 60 * SECOND;
/// Segments sent before the first acknowledgement (`TCP_INIT_CWND`).
const FIRST_FLIGHT: usize = 10;
/// The most that one write to the device takes, in octets.
const OFFLOAD_MAX: usize = 64_000;
/// Octets of IPv4 and TCP headers, and of the timestamps in every later segment.
const HEADERS: u32 = 40;
const TIMESTAMPS: usize = 12;

/// The states of RFC 9293 section 3.3.2; a listener is a socket of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// A SYN is out.
    SynSent,
    /// A SYN came and was answered.
    SynReceived,
    /// Data may go both ways.
    Established,
    /// Our FIN is out.
    FinWait1,
    /// Our FIN is acknowledged.
    FinWait2,
    /// Their FIN came.
    CloseWait,
    /// Both FINs are out, ours is not acknowledged.
    Closing,
    /// Their FIN came before ours, which is not acknowledged.
    LastAck,
    /// Over, but for segments that may still be under way.
    TimeWait,
    /// Over.
    Closed,
}

/// Why a connection ended before its time, or never began: what `connect` and `read` answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// ECONNREFUSED.
    #[error("Connection refused")]
    Refused,
    /// ECONNRESET.
    #[error("Connection reset by peer")]
    Reset,
    /// ETIMEDOUT.
    #[error("Connection timed out")]
    TimedOut,
    /// ENETUNREACH.
    #[error("Network is unreachable")]
    NetUnreachable,
    /// EHOSTUNREACH.
    #[error("No route to host")]
    HostUnreachable,
    /// ENOPROTOOPT.
    #[error("Protocol not available")]
    NoProtocol,
}

/// An address and a port.
pub type End = (Ipv4Addr, u16);

/// What is random or given when a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Our end.
    pub local: End,
    /// The other.
    pub remote: End,
    /// The longest packet of the route.
    pub mtu: u32,
    /// The initial sequence number.
    pub isn: u32,
    /// The offset of our clock in the timestamps option.
    pub clock_offset: u32,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what was agreed on, and two things that programs do, each by itself"
)]
pub struct Connection {
    /// Its state.
    pub state: State,
    /// Our end.
    pub local: End,
    /// The other.
    pub remote: End,
    /// Why it ended, until the program is told.
    pub failure: Option<Failure>,
    /// Whether no program holds it any more.
    pub orphan: bool,
    /// How many segments were sent a second time since this was last set to 0.
    pub repeated: u64,
    pub(super) receiver: Receiver,
    mtu: u32,
    clock_offset: u32,
    /// What the other side takes in one segment, before options.
    peer_mss: u16,
    timestamps: bool,
    sack: bool,
    /// The oldest number not acknowledged, the next to be sent, and the highest sent so far.
    una: u32,
    nxt: u32,
    top: u32,
    /// The other side's window in octets, and by how many bits it is shifted.
    window: u32,
    scale: u8,
    /// The congestion window, in octets.
    congestion: usize,
    /// Where slow start ends.
    threshold: usize,
    /// What is not acknowledged, and then what was never sent.
    buffer: VecDeque<u8>,
    /// Whether a FIN follows the buffer that is not acknowledged.
    fin: bool,
    rto: u64,
    /// Smoothed round-trip time and its variation, in nanoseconds.
    smoothed: Option<(u64, u64)>,
    /// The end of the segment that is being timed, and when it was sent.
    timed: Option<(u32, Timestamp)>,
    retries: u32,
    /// When to retransmit, probe, or forget.
    retransmit: Option<Timestamp>,
    over: Option<Timestamp>,
    out: Vec<Segment>,
}

impl Connection {
    /// Begins a connection: the SYN is ready to be sent.
    pub fn connect(start: Start, now: Timestamp) -> Self {
        let mut own = Self::new(start, State::SynSent);
        own.receiver.open(own.advertised_mss());
        own.send_syn(now);
        own
    }

    /// Answers a SYN that came to a listener: the SYN-ACK is ready to be sent.
    pub fn accept(start: Start, syn: &Segment, now: Timestamp) -> Self {
        let mut own = Self::new(start, State::SynReceived);
        own.take_options(syn);
        let room = if own.timestamps { TIMESTAMPS as u32 } else { 0 };
        own.receiver.open(own.advertised_mss().saturating_sub(room));
        own.receiver.begin(syn.seq.wrapping_add(1));
        own.window = u32::from(syn.window);
        own.send_syn(now);
        own
    }

    fn new(start: Start, state: State) -> Self {
        let Start { local, remote, mtu, isn, clock_offset } = start;
        Self {
            state,
            local,
            remote,
            failure: None,
            orphan: false,
            repeated: 0,
            receiver: Receiver::default(),
            mtu,
            clock_offset,
            peer_mss: 536,
            timestamps: true,
            sack: true,
            una: isn,
            nxt: isn,
            top: isn,
            window: 0,
            scale: 0,
            congestion: 0,
            threshold: usize::MAX,
            buffer: VecDeque::new(),
            fin: false,
            rto: SECOND,
            smoothed: None,
            timed: None,
            retries: 0,
            retransmit: None,
            over: None,
            out: Vec::new(),
        }
    }

    /// The segments that are to be sent, in order.
    pub fn take_segments(&mut self) -> Vec<Segment> {
        std::mem::take(&mut self.out)
    }

    /// When [`Connection::tick`] has something to do.
    pub fn deadline(&self) -> Option<Timestamp> {
        [self.retransmit, self.over, self.receiver.delayed].into_iter().flatten().min()
    }

    /// The payload of a full segment, in octets.
    pub fn payload_max(&self) -> usize {
        let own = self.mtu.saturating_sub(HEADERS) as usize;
        own.min(usize::from(self.peer_mss)).saturating_sub(if self.timestamps { TIMESTAMPS } else { 0 }).max(1)
    }

    /// Whether both ends know of each other.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::SynSent | State::SynReceived | State::Closed)
    }

    /// Octets that wait to be read.
    pub fn readable(&self) -> usize {
        self.receiver.inbox.len()
    }

    /// Octets that are not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.buffer.len()
    }

    /// Takes what came; empty and `true` at the end of what the other side sends.
    pub fn read(&mut self, now: Timestamp) -> (Vec<u8>, bool) {
        let data = std::mem::take(&mut self.receiver.inbox);
        if !data.is_empty() && self.is_open() && self.receiver.opens_much() {
            self.acknowledge(now);
        }
        let ended = self.receiver.ended || self.state == State::Closed;
        (data, ended)
    }

    /// Sends data, as soon as the other side takes it.
    pub fn write(&mut self, data: &[u8], now: Timestamp) {
        if matches!(self.state, State::SynSent | State::SynReceived | State::Established | State::CloseWait) {
            self.buffer.extend(data);
            self.transmit(now);
        }
    }

    /// Says that no more data follows: `shutdown(SHUT_WR)`.
    pub fn shut(&mut self, now: Timestamp) {
        match self.state {
            State::SynReceived | State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            _ => return,
        }
        self.fin = true;
        self.transmit(now);
    }

    /// No program holds it any more: `close`. What was not read is lost, and the other side is told so (RFC 9293 section
    /// 3.6).
    pub fn close(&mut self, now: Timestamp) {
        self.orphan = true;
        if self.state == State::SynSent {
            return self.end();
        }
        if !self.receiver.inbox.is_empty() && self.is_open() && self.state != State::TimeWait {
            return self.abort(now);
        }
        self.shut(now);
        if self.state == State::FinWait2 {
            self.over = Some(after(now, LINGER));
        }
    }

    /// Ends it with a reset.
    pub fn abort(&mut self, now: Timestamp) {
        let mut reset = self.segment(self.nxt, now);
        reset.rst = true;
        self.out.push(reset);
        self.end();
    }

    /// The network says that it cannot go on (an ICMP error). Only a connection that is not there yet ends by that
    /// (`tcp_v4_err`).
    pub fn fails(&mut self, failure: Failure) {
        if matches!(self.state, State::SynSent | State::SynReceived) {
            self.failure = Some(failure);
            self.end();
        }
    }

    /// A router says what fits: what was sent goes again, in shorter pieces.
    pub fn shorten(&mut self, mtu: u32, now: Timestamp) {
        if mtu < self.mtu && self.is_open() {
            self.mtu = mtu;
            self.nxt = self.una;
            self.timed = None;
            self.transmit(now);
        }
    }

    /// A timer may have gone off.
    pub fn tick(&mut self, now: Timestamp) {
        let due = |timer: Option<Timestamp>| timer.is_some_and(|timer| timer <= now);
        if due(self.over) {
            return self.end();
        }
        if due(self.receiver.delayed) {
            self.acknowledge(now);
        }
        if due(self.retransmit) {
            self.retransmit(now);
        }
    }

    fn retransmit(&mut self, now: Timestamp) {
        let [syn, syn_ack, others] = RETRIES;
        let most = match self.state {
            State::SynSent => syn,
            State::SynReceived => syn_ack,
            _ => others,
        };
        if self.retries >= most {
            self.failure = Some(Failure::TimedOut);
            return self.end();
        }
        self.retries += 1;
        self.rto = (self.rto * 2).min(RTO_MAX);
        self.timed = None;
        match self.state {
            State::SynSent | State::SynReceived => self.send_syn(now),
            _ if self.una == self.top && self.window == 0 => {
                // A probe of the window: a number that is long acknowledged, so that an answer comes.
                let probe = self.segment(self.una.wrapping_sub(1), now);
                self.out.push(probe);
                self.retransmit = Some(self.repeats(now));
            }
            _ => {
                self.threshold = (self.in_flight() / 2).max(2 * self.payload_max());
                self.congestion = self.payload_max();
                self.nxt = self.una;
                self.transmit(now);
            }
        }
    }

    fn send_syn(&mut self, now: Timestamp) {
        let first = self.nxt == self.una;
        let mut syn = self.segment(self.una, now);
        syn.syn = true;
        syn.window = self.receiver.first_window();
        syn.options.mss = Some(self.advertised_mss() as u16);
        syn.options.sack_permitted = self.sack;
        syn.options.window_scale = self.receiver.scales.then_some(self.receiver.scale);
        self.nxt = self.una.wrapping_add(1);
        self.top = self.nxt;
        if first {
            self.timed = Some((self.nxt, now));
        } else {
            self.repeated += 1;
        }
        self.retransmit = Some(self.repeats(now));
        self.out.push(syn);
    }

    /// Sends what the windows allow (`tcp_write_xmit`).
    fn transmit(&mut self, now: Timestamp) {
        if matches!(self.state, State::SynSent | State::SynReceived | State::TimeWait | State::Closed) {
            return;
        }
        let full = self.payload_max();
        loop {
            let sent = self.nxt.wrapping_sub(self.una) as usize;
            let left = self.buffer.len().saturating_sub(sent);
            let room = (self.window as usize).min(self.congestion.max(full)).saturating_sub(sent);
            let mut length = left.min(room).min(OFFLOAD_MAX / full * full);
            if length < left && length > full {
                length -= length % full;
            }
            let last = length == left;
            let fin = self.fin && last && sent <= self.buffer.len();
            // Half a segment waits for its acknowledgement, not for more room, unless nothing is under way.
            let silly = length < left && length < full && sent > 0;
            if length == 0 && !fin || silly {
                break;
            }
            let mut segment = self.segment(self.nxt, now);
            segment.payload = self.buffer.iter().skip(sent).take(length).copied().collect();
            segment.psh = last && length > 0;
            segment.fin = fin;
            let again = self.nxt != self.top;
            self.nxt = self.nxt.wrapping_add(segment.len());
            if again {
                self.repeated += 1;
            } else {
                self.timed.get_or_insert((self.nxt, now));
            }
            if is_before(self.top, self.nxt) {
                self.top = self.nxt;
            }
            if length > 0 {
                self.receiver.answers(now);
            }
            self.out.push(segment);
        }
        let waits = self.in_flight() > 0 || self.window == 0 && !self.buffer.is_empty();
        if !waits {
            self.retransmit = None;
        } else if self.retransmit.is_none_or(|timer| timer <= now) {
            self.retransmit = Some(self.repeats(now));
        }
    }

    fn in_flight(&self) -> usize {
        self.nxt.wrapping_sub(self.una) as usize
    }

    /// An acknowledgement alone.
    fn acknowledge(&mut self, now: Timestamp) {
        let segment = self.segment(self.nxt, now);
        self.out.push(segment);
    }

    /// A segment from a number on, with all that every segment has.
    fn segment(&mut self, seq: u32, now: Timestamp) -> Segment {
        let ack = (self.state != State::SynSent).then_some(self.receiver.next);
        let window = if ack.is_some() { self.receiver.window() } else { 0 };
        let clock = (now.0 / MILLISECOND) as u32;
        let stamp = (clock.wrapping_add(self.clock_offset), self.receiver.recent);
        Segment {
            source: self.local.1,
            destination: self.remote.1,
            seq,
            ack,
            window,
            options: Options { timestamps: self.timestamps.then_some(stamp), ..Options::default() },
            ..Segment::default()
        }
    }

    fn advertised_mss(&self) -> u32 {
        self.mtu.saturating_sub(HEADERS)
    }

    fn take_options(&mut self, syn: &Segment) {
        self.peer_mss = syn.options.mss.unwrap_or(536).max(64);
        self.sack = syn.options.sack_permitted;
        self.timestamps = syn.options.timestamps.is_some();
        self.receiver.recent = syn.options.timestamps.map_or(0, |(value, _)| value);
        self.receiver.scales = syn.options.window_scale.is_some();
        self.scale = syn.options.window_scale.unwrap_or(0);
        self.congestion = FIRST_FLIGHT * self.payload_max();
    }

    /// A segment comes (RFC 9293 section 3.10.7).
    pub fn arrives(&mut self, segment: &Segment, now: Timestamp) {
        match self.state {
            State::Closed => {}
            State::SynSent => self.answer_arrives(segment, now),
            State::TimeWait => self.late_arrives(segment, now),
            _ => self.next_arrives(segment, now),
        }
    }

    fn answer_arrives(&mut self, segment: &Segment, now: Timestamp) {
        let acknowledged = segment.ack == Some(self.nxt);
        if segment.rst && acknowledged {
            self.failure = Some(Failure::Refused);
            return self.end();
        }
        if segment.rst || !segment.syn || !acknowledged {
            return;
        }
        self.take_options(segment);
        self.receiver.begin(segment.seq.wrapping_add(1));
        self.window = u32::from(segment.window);
        self.una = self.nxt;
        self.state = State::Established;
        self.measure(now);
        self.retransmit = None;
        self.acknowledge(now);
        self.transmit(now);
    }

    /// Something comes to a connection that is over: the last acknowledgement was lost.
    fn late_arrives(&mut self, segment: &Segment, now: Timestamp) {
        if segment.rst {
            self.end();
        } else if segment.len() > 0 {
            self.over = Some(after(now, LINGER));
            self.acknowledge(now);
        }
    }

    fn next_arrives(&mut self, segment: &Segment, now: Timestamp) {
        if !self.receiver.wants(segment) {
            if !segment.rst {
                self.acknowledge(now);
            }
            return;
        }
        if segment.rst {
            if segment.seq == self.receiver.next {
                let refused = self.state == State::SynReceived;
                self.failure = Some(if refused { Failure::Refused } else { Failure::Reset });
                self.end();
            } else {
                self.acknowledge(now);
            }
            return;
        }
        if segment.syn {
            // The answer to our SYN was lost, or somebody guesses: said once more what we have (RFC 5961).
            return if self.state == State::SynReceived { self.send_syn(now) } else { self.acknowledge(now) };
        }
        let Some(ack) = segment.ack else { return };
        if is_before(self.top, ack) {
            return self.acknowledge(now);
        }
        self.receiver.remember(segment);
        if self.state == State::SynReceived {
            if ack != self.nxt {
                return;
            }
            self.una = ack;
            self.state = State::Established;
            self.measure(now);
            self.retransmit = None;
        }
        self.acknowledged(ack, segment, now);
        if self.state == State::Closed || self.state == State::TimeWait {
            return;
        }
        if self.orphan && !segment.payload.is_empty() && self.state != State::LastAck {
            // Nobody will read it.
            return self.abort(now);
        }
        let had_ended = self.receiver.ended;
        let at_once = self.receiver.take(segment, self.payload_max(), now);
        if self.receiver.ended && !had_ended {
            match self.state {
                State::Established => self.state = State::CloseWait,
                State::FinWait1 => self.state = State::Closing,
                State::FinWait2 => {
                    self.acknowledge(now);
                    return self.rest(now);
                }
                _ => {}
            }
        }
        let said = self.out.len();
        self.transmit(now);
        if at_once && self.out.len() == said {
            self.acknowledge(now);
        }
    }

    /// What an acknowledgement moves.
    fn acknowledged(&mut self, ack: u32, segment: &Segment, now: Timestamp) {
        let fresh = ack.wrapping_sub(self.una) as usize;
        let moves = is_before(self.una, ack);
        if moves || ack == self.una {
            self.window = u32::from(segment.window) << self.scale;
        }
        if !moves {
            return;
        }
        let octets = fresh.min(self.buffer.len());
        let fin_acknowledged = self.fin && fresh > self.buffer.len();
        self.buffer.drain(..octets);
        self.una = ack;
        if is_before(self.nxt, ack) {
            self.nxt = ack;
        }
        self.retries = 0;
        if self.timed.is_some_and(|(end, _)| !is_before(ack, end)) {
            self.measure(now);
        }
        let grown = if self.congestion < self.threshold {
            octets
        } else {
            self.payload_max() * self.payload_max() / self.congestion.max(1)
        };
        self.congestion = self.congestion.saturating_add(grown);
        self.retransmit = (self.in_flight() > 0).then(|| self.repeats(now));
        if !fin_acknowledged {
            return;
        }
        self.fin = false;
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                self.over = self.orphan.then(|| after(now, LINGER));
            }
            State::Closing => self.rest(now),
            State::LastAck => self.end(),
            _ => {}
        }
    }

    /// RFC 6298, with Linux's bounds.
    fn measure(&mut self, now: Timestamp) {
        let Some((_, sent)) = self.timed.take() else { return };
        let took = now.0.saturating_sub(sent.0);
        let (smoothed, variation) = match self.smoothed {
            None => (took, took / 2),
            Some((smoothed, variation)) => ((7 * smoothed + took) / 8, (3 * variation + smoothed.abs_diff(took)) / 4),
        };
        self.smoothed = Some((smoothed, variation));
        self.rto = (smoothed + (4 * variation).max(RTO_MIN)).min(RTO_MAX);
    }

    /// When what goes out now is sent again.
    fn repeats(&self, now: Timestamp) -> Timestamp {
        after(now, self.rto + JIFFY)
    }

    fn rest(&mut self, now: Timestamp) {
        self.state = State::TimeWait;
        self.retransmit = None;
        self.receiver.delayed = None;
        self.over = Some(after(now, LINGER));
    }

    fn end(&mut self) {
        self.state = State::Closed;
        (self.retransmit, self.over, self.receiver.delayed) = (None, None, None);
    }
}

/// Whether one sequence number comes before another (RFC 9293 section 3.4).
pub(super) fn is_before(one: u32, other: u32) -> bool {
    other.wrapping_sub(one).cast_signed() > 0
}

fn after(now: Timestamp, wait: u64) -> Timestamp {
    Timestamp(now.0.saturating_add(wait))
}

/// Segments that came before those in front of them, by sequence number.
pub(super) type Early = BTreeMap<u32, (Vec<u8>, bool)>;
