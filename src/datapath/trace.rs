use std::net::Ipv4Addr;

use super::cluster::Cluster;
use super::device::StackId;
use super::hop::{Drop, Hop, Stage};
use super::ipv4::protocol;
use super::rebuild::Assumed;
use super::send::{Outgoing, SendError};

/// The way of one packet through a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// What happened to it, in order.
    pub hops: Vec<Hop>,
    /// What happened to what it brought about: the reply, or an ICMP error.
    pub answers: Vec<Hop>,
    /// What had to be assumed to tell this; nothing where the model itself is the lab.
    pub assumed: Vec<Assumed>,
    /// How it ended.
    pub end: TraceEnd,
}

/// How the way of a packet ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceEnd {
    /// It reached the stack of that name.
    Delivered(String),
    /// It was dropped in the stack of that name.
    Dropped(String, Drop),
    /// It waits for something: a neighbour that does not answer.
    Waits(String),
    /// It left the stack of that name for somebody of whom nothing is known.
    Leaves(String),
}

impl Cluster {
    /// Sends an echo request with `size` octets of data and follows it. Nothing of it remains: counters, sequence numbers
    /// and neighbours are afterwards what they were.
    pub fn trace_echo(&self, from: StackId, to: Ipv4Addr, size: usize, mark: u32) -> Result<Trace, SendError> {
        let mut copy = self.clone();
        copy.take_hops();
        copy.record();
        let (_, ident) = copy.open_ping(from, None);
        let out = Outgoing { mark, ..Outgoing::new(to, protocol::ICMP, vec![0; size]) };
        let journey = copy.echo(from, ident, 1, out)?;
        copy.deliver();
        let is_ip = |hop: &Hop| hop.octets.first().is_some_and(|first| first >> 4 == 4);
        let (hops, others): (Vec<Hop>, Vec<Hop>) =
            copy.take_hops().into_iter().filter(is_ip).partition(|hop| hop.journey == journey);
        // The network between rebuilt nodes is nobody's stack.
        let beyond = |hop: &&Hop| hop.place.is_empty() && hop.stage == Stage::Dropped(Drop::NoCarrier);
        let left = hops.iter().any(|hop| beyond(&hop));
        let of_a_place = |hops: Vec<Hop>| hops.into_iter().filter(|hop| !hop.place.is_empty()).collect::<Vec<_>>();
        let (hops, answers) = (of_a_place(hops), of_a_place(others));
        // A bridge shows a frame to more than the one it is for; what others did with it is not its way.
        let last = hops
            .iter()
            .rposition(|hop| matches!(hop.stage, Stage::Delivered { protocol } if protocol != protocol::ESP));
        let end = match last.and_then(|at| hops.get(at)) {
            Some(hop) => TraceEnd::Delivered(hop.place.clone()),
            None if left => TraceEnd::Leaves(hops.last().map_or_else(String::new, |hop| hop.place.clone())),
            None => hops
                .iter()
                .rev()
                .find_map(|hop| match hop.stage {
                    Stage::Dropped(drop) => Some(TraceEnd::Dropped(hop.place.clone(), drop)),
                    _ => None,
                })
                .unwrap_or_else(|| TraceEnd::Waits(hops.last().map_or_else(String::new, |hop| hop.place.clone()))),
        };
        Ok(Trace { hops, answers, assumed: Vec::new(), end })
    }
}
