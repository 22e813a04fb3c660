use std::net::Ipv4Addr;

use super::connection::Start;
use super::*;
use crate::packet::Timestamp;

const A: End = (Ipv4Addr::new(10, 0, 0, 144), 48932);
const B: End = (Ipv4Addr::new(10, 0, 1, 165), 8080);
const MILLISECOND: u64 = 1_000_000;

/// Two ends, and a wire between them that loses what it is told to.
struct Wire {
    now: Timestamp,
    a: Connection,
    b: Connection,
    /// Every segment that was sent, and whether A sent it.
    seen: Vec<(bool, Segment)>,
    /// Which of them are lost, by their place in `seen`.
    lost: Vec<usize>,
}

impl Wire {
    /// A connection that is open, over the course's routes: packets of at most 1423 octets.
    fn open(lost: &[usize]) -> Self {
        let now = Timestamp(0);
        let start = |local, remote, isn| Start { local, remote, mtu: 1423, isn, clock_offset: 7000 };
        let mut a = Connection::connect(start(A, B, u32::MAX - 2), now);
        let syn = a.take_segments().remove(0);
        let b = Connection::accept(start(B, A, 1000), &syn, now);
        let mut wire = Self { now, a, b, seen: vec![(true, syn)], lost: lost.to_vec() };
        wire.settle();
        wire
    }

    /// Carries segments to and fro until both ends are silent.
    fn settle(&mut self) {
        loop {
            let sent = [(true, self.a.take_segments()), (false, self.b.take_segments())];
            if sent.iter().all(|(_, segments)| segments.is_empty()) {
                return;
            }
            for (from_a, segments) in sent {
                for segment in segments {
                    let lost = self.lost.contains(&self.seen.len());
                    self.seen.push((from_a, segment.clone()));
                    let to = if from_a { &mut self.b } else { &mut self.a };
                    if !lost {
                        to.arrives(&segment, self.now);
                    }
                }
            }
        }
    }

    /// Goes on to the next timer.
    fn wait(&mut self) {
        let next = [self.a.deadline(), self.b.deadline()].into_iter().flatten().min().expect("a timer");
        self.now = self.now.max(next);
        self.a.tick(self.now);
        self.b.tick(self.now);
        self.settle();
    }

    fn read_b(&mut self) -> Vec<u8> {
        let (data, _) = self.b.read(self.now);
        self.settle();
        data
    }
}

#[test]
fn the_windows_and_options_of_the_handshake_are_those_that_were_recorded() {
    let wire = Wire::open(&[]);
    let [(_, syn), (_, answer), (_, last)] = &wire.seen[..] else { panic!("{:?}", wire.seen) };
    assert_eq!((syn.window, syn.options.mss, syn.options.window_scale), (65001, Some(1383), Some(7)));
    assert_eq!((answer.window, answer.options.mss), (64437, Some(1383)));
    assert_eq!((last.window, last.len(), last.ack), (508, 0, Some(1001)));
    assert_eq!(answer.options.timestamps, Some((7000, 7000)));
    assert_eq!((wire.a.state, wire.b.state), (State::Established, State::Established));
}

#[test]
fn data_is_acknowledged_at_once_and_a_fin_with_the_answering_fin() {
    let mut wire = Wire::open(&[]);
    wire.a.write(b"hello\n", wire.now);
    wire.settle();
    assert_eq!(wire.read_b(), b"hello\n");
    wire.a.shut(wire.now);
    wire.settle();
    assert_eq!(wire.b.state, State::CloseWait);
    wire.b.close(wire.now);
    wire.settle();
    let flags = |(from_a, segment): &(bool, Segment)| {
        (
            *from_a,
            segment.payload.len(),
            segment.psh,
            segment.fin,
            segment.ack.map(|ack| ack.wrapping_add(2)),
            segment.window,
        )
    };
    let later: Vec<_> = wire.seen.iter().skip(3).map(flags).collect();
    // As recorded: P. 1:7; ack 7, win 504; F. 7; F. 1 ack 8; ack 2.
    assert_eq!(
        later,
        [
            (true, 6, true, false, Some(1003), 508),
            (false, 0, false, false, Some(6), 504),
            (true, 0, false, true, Some(1003), 508),
            (false, 0, false, true, Some(7), 504),
            (true, 0, false, false, Some(1004), 508),
        ]
    );
    assert_eq!((wire.a.state, wire.b.state), (State::TimeWait, State::Closed));
    wire.a.close(wire.now);
    wire.wait();
    assert_eq!((wire.a.state, wire.now), (State::Closed, Timestamp(60_000 * MILLISECOND)));
}

#[test]
fn a_fin_before_any_data_is_acknowledged_at_once_and_sent_once() {
    let mut wire = Wire::open(&[]);
    wire.a.close(wire.now);
    wire.settle();
    assert_eq!((wire.a.state, wire.b.state), (State::FinWait2, State::CloseWait));
    wire.b.close(wire.now);
    wire.settle();
    let later: Vec<(bool, bool)> = wire.seen.iter().skip(3).map(|(from_a, segment)| (*from_a, segment.fin)).collect();
    assert_eq!(later, [(true, true), (false, false), (false, true), (true, false)]);
}

#[test]
fn an_acknowledgement_waits_40_milliseconds_where_nothing_else_goes_out() {
    let mut wire = Wire::open(&[]);
    wire.a.write(b"hello", wire.now);
    wire.settle();
    wire.a.shut(wire.now);
    wire.settle();
    assert_eq!(wire.a.state, State::FinWait1);
    wire.wait();
    assert_eq!((wire.a.state, wire.now), (State::FinWait2, Timestamp(40 * MILLISECOND)));
}

#[test]
fn a_lost_syn_is_repeated_after_one_two_and_four_seconds_and_given_up_after_the_sixth() {
    let mut own = Connection::connect(Start { local: A, remote: B, mtu: 1423, isn: 5, clock_offset: 0 }, Timestamp(0));
    assert_eq!(own.take_segments().len(), 1);
    let mut times = Vec::new();
    while let Some(next) = own.deadline() {
        own.tick(next);
        times.extend(own.take_segments().iter().filter(|segment| segment.syn).map(|_| next.0 / (1000 * MILLISECOND)));
    }
    assert_eq!(times, [1, 3, 7, 15, 31, 63]);
    assert_eq!((own.state, own.failure), (State::Closed, Some(Failure::TimedOut)));
}

#[test]
fn a_reset_for_the_syn_is_a_refusal() {
    let start = Start { local: A, remote: B, mtu: 1423, isn: 5, clock_offset: 0 };
    let mut own = Connection::connect(start, Timestamp(0));
    let reset = Segment { source: B.1, destination: A.1, rst: true, ack: Some(6), ..Segment::default() };
    own.arrives(&Segment { ack: Some(9), ..reset.clone() }, Timestamp(0));
    assert_eq!(own.state, State::SynSent, "an acknowledgement of something else is none of ours");
    own.arrives(&reset, Timestamp(0));
    assert_eq!((own.state, own.failure), (State::Closed, Some(Failure::Refused)));
}

#[test]
fn a_long_segment_is_cut_as_it_was_recorded() {
    let mut wire = Wire::open(&[]);
    wire.a.write(&[0; 4000], wire.now);
    let long = wire.a.take_segments();
    assert_eq!(long.len(), 1, "one piece through the devices of the sender's machine");
    assert_eq!((long[0].payload.len(), long[0].psh), (4000, true));
    let mut header = ipv4::between(A.0, B.0, protocol::TCP, 64);
    (header.dont_fragment, header.identification) = (true, 41724);
    let packets = segments(&ipv4::packet(header, &long[0].partial(A.0, B.0)), wire.a.payload_max() as u16);
    let read: Vec<(u32, usize, bool, u16)> = packets
        .iter()
        .map(|octets| {
            let header = ipv4::header(octets).expect("a header");
            let segment = Segment::read(ipv4::payload(octets)).expect("a segment");
            assert!(sums_up(A.0, B.0, protocol::TCP, ipv4::payload(octets)));
            (segment.seq.wrapping_add(2), segment.payload.len(), segment.psh, header.identification)
        })
        .collect();
    assert_eq!(read, [(0, 1371, false, 41724), (1371, 1371, false, 41725), (2742, 1258, true, 41726)]);
}

#[test]
fn a_closed_window_is_probed_and_opens_when_the_program_reads() {
    let mut wire = Wire::open(&[]);
    let data: Vec<u8> = (0..200_000_u32).map(|at| at as u8).collect();
    wire.a.write(&data, wire.now);
    wire.settle();
    let held = wire.b.readable();
    assert!((60_000..=66_000).contains(&held), "{held}");
    wire.wait();
    assert_eq!(wire.b.readable(), held);
    let mut read = Vec::new();
    while read.len() < data.len() {
        let more = wire.read_b();
        if more.is_empty() {
            wire.wait();
        }
        read.extend(more);
    }
    assert!(read == data);
}

#[test]
fn what_is_not_read_when_the_program_goes_resets_the_connection() {
    let mut wire = Wire::open(&[]);
    wire.a.write(b"unread", wire.now);
    wire.settle();
    wire.b.close(wire.now);
    wire.settle();
    assert!(wire.seen.last().is_some_and(|(from_a, segment)| !from_a && segment.rst));
    assert_eq!((wire.a.state, wire.a.failure), (State::Closed, Some(Failure::Reset)));
}

proptest::proptest! {
    #[test]
    fn whatever_is_lost_all_data_arrives_in_order_and_both_ends_close(
        lost in proptest::collection::vec(1_usize..60, 0..12),
        sizes in proptest::collection::vec(1_usize..6000, 1..8),
    ) {
        let mut wire = Wire::open(&lost);
        let mut sent = Vec::new();
        for (at, size) in sizes.iter().enumerate() {
            let data = vec![at as u8; *size];
            wire.a.write(&data, wire.now);
            sent.extend(data);
            wire.settle();
        }
        while !wire.a.is_open() {
            wire.wait();
        }
        wire.a.close(wire.now);
        wire.settle();
        let mut read = Vec::new();
        for _ in 0..200 {
            read.extend(wire.read_b());
            if wire.b.read(wire.now).1 {
                wire.b.close(wire.now);
                wire.settle();
            }
            if wire.a.state == State::Closed && wire.b.state == State::Closed {
                break;
            }
            wire.wait();
        }
        proptest::prop_assert!(read == sent, "{} of {} octets", read.len(), sent.len());
        proptest::prop_assert_eq!((wire.a.state, wire.b.state), (State::Closed, State::Closed));
    }

    #[test]
    fn no_octets_make_a_connection_panic(
        segments in proptest::collection::vec((proptest::collection::vec(0_u8.., 0..60), 0_u32..4), 0..20),
    ) {
        let mut wire = Wire::open(&[]);
        for (octets, near) in segments {
            let Some(mut segment) = Segment::read(&octets) else { continue };
            // Numbers near the window get farther.
            segment.seq = 1001_u32.wrapping_add(segment.seq >> (8 * near));
            segment.ack = segment.ack.map(|ack| u32::MAX.wrapping_sub(1).wrapping_add(ack >> (8 * near)));
            wire.a.arrives(&segment, wire.now);
            let _ = wire.a.take_segments();
            if let Some(next) = wire.a.deadline() {
                wire.a.tick(next);
            }
        }
    }
}
