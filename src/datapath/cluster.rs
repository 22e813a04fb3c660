use std::collections::BTreeMap;
use std::net::IpAddr;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::device::{Device, DeviceKind, IfIndex, Mac, Port, StackId};
use super::hop::{Hop, Stage};
use super::ipv6::Timer;
use super::sad::StateId;
use super::skb::{Ethernet, Journey, Skb, ethertype};
use super::socket::SocketId;
use super::stack::Stack;
use super::tap::{Sight, Tap, TapId};
use crate::packet::{PacketType, Timestamp};

/// Stacks, the cables between them, a virtual clock and a seed: the same calls give the same octets.
///
/// A packet handed to [`Cluster::send`](Cluster::send) goes on as far as the first cable at once, and from there with
/// [`Cluster::run_until`]. Nothing here looks at a real clock.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The stacks; a [`StackId`] is a place in this list. A stack that is gone leaves an empty one behind.
    pub stacks: Vec<Stack>,
    /// The nodes of the kind cluster among them.
    pub nodes: Vec<super::Node>,
    pub(super) clock: Timestamp,
    pub(super) random: Random,
    /// The random numbers of IPv6, apart: what stacks send by themselves leaves those of the learner's packets as they are.
    random6: Random,
    /// Whether the two have changed places.
    uses_random6: bool,
    /// See [`Cluster::let_links_talk`].
    pub(super) links_talk: bool,
    pub(super) ping_rover: u16,
    events: BTreeMap<(Timestamp, u64), Event>,
    events_made: u64,
    taps: BTreeMap<TapId, Tap>,
    taps_made: u64,
    journeys: u64,
    hops: Option<Vec<Hop>>,
    /// Whether an event is being handled.
    happening: bool,
}

/// What will happen.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A frame reaches a device.
    Receive(Port, Skb),
    /// A decrypted packet comes in once more on the device its ESP packet came by.
    Again(Port, Skb),
    /// A neighbour's timer.
    Neighbour(Port, IpAddr),
    /// A larval state's time is over.
    Larval(StackId, StateId),
    /// The timer of a TCP connection.
    Tcp(StackId, SocketId),
    /// A timer of IPv6's at a device.
    Link(Port, Timer),
}

/// The seeded random numbers of a cluster.
#[derive(Debug, Clone)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// The stream of a seed.
    pub fn of_seed(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// That many random octets.
    pub fn octets<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.0.fill_bytes(&mut octets);
        octets
    }

    /// That many random hex digits.
    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits).filter_map(|_| char::from_digit(self.below(16) as u32, 16)).collect()
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// An Ethernet address as `eth_random_addr` makes it: unicast, locally administered.
    pub fn mac(&mut self) -> Mac {
        let mut octets = self.octets();
        octets[0] = octets[0] & 0xfe | 0x02;
        Mac(octets)
    }
}

impl Cluster {
    /// A cluster without stacks.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            stacks: Vec::new(),
            nodes: Vec::new(),
            clock: now,
            random: Random::of_seed(seed),
            random6: Random::of_seed(seed ^ 0x6666),
            uses_random6: false,
            links_talk: false,
            ping_rover: 0,
            events: BTreeMap::new(),
            events_made: 0,
            taps: BTreeMap::new(),
            taps_made: 0,
            journeys: 0,
            hops: None,
            happening: false,
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.clock
    }

    /// The cluster's random numbers.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Adds a stack.
    pub fn add_stack(&mut self, stack: Stack) -> StackId {
        self.stacks.push(stack);
        StackId(self.stacks.len() - 1)
    }

    /// The stack of that name.
    pub fn find(&self, name: &str) -> Option<StackId> {
        self.stacks.iter().position(|stack| stack.name == name).map(StackId)
    }

    /// A stack. An id that this cluster did not give finds nothing.
    pub fn stack(&self, id: StackId) -> Option<&Stack> {
        self.stacks.get(id.0)
    }

    /// A stack, to change it.
    pub fn stack_mut(&mut self, id: StackId) -> Option<&mut Stack> {
        self.stacks.get_mut(id.0)
    }

    /// Lays a cable: two veth devices that are each other's peer, both down. Ends are given as stack, name, number, MTU.
    pub fn add_veth(&mut self, a: (StackId, &str, IfIndex, Mac), b: (StackId, &str, IfIndex, Mac)) {
        for (own, other) in [(a, b), (b, a)] {
            let (stack, name, index, mac) = own;
            let peer = Some(Port { stack: other.0, device: other.2 });
            let device = Device::new(index, name, DeviceKind::Veth { peer, master: None }, mac, 1500);
            if let Some(stack) = self.stack_mut(stack) {
                stack.add_device(device);
            }
        }
    }

    /// Removes a device, and the other end of its cable.
    pub fn remove_device(&mut self, port: Port) {
        let gone = self.stack_mut(port.stack).and_then(|stack| stack.remove_device(port.device));
        let Some(peer) = gone.and_then(|device| device.peer()) else { return };
        if let Some(stack) = self.stack_mut(peer.stack) {
            stack.remove_device(peer.device);
        }
    }

    /// A number that grows whenever something is on its way.
    pub fn activity(&self) -> u64 {
        self.events_made
    }

    /// When something happens by itself next.
    pub fn next_event(&self) -> Option<Timestamp> {
        self.events.first_key_value().map(|((time, _), _)| *time)
    }

    /// Lets happen what is due until `time`, and moves the clock there.
    pub fn run_until(&mut self, time: Timestamp) {
        self.with_random6(Self::settle_links);
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > time {
                break;
            }
            let ((due, _), event) = entry.remove_entry();
            self.clock = self.clock.max(due);
            self.happen(event);
        }
        self.clock = self.clock.max(time);
    }

    /// Lets packets travel until none is under way; timers that come later stay.
    pub fn deliver(&mut self) {
        while let Some((&key, _)) =
            self.events.iter().find(|(_, event)| matches!(event, Event::Receive(..) | Event::Again(..)))
        {
            let Some(event) = self.events.remove(&key) else { break };
            self.clock = self.clock.max(key.0);
            self.happen(event);
        }
    }

    /// Opens a tap at a device, or at all (`None`).
    pub fn tap(&mut self, stack: StackId, device: Option<IfIndex>) -> TapId {
        self.taps_made += 1;
        let id = TapId(self.taps_made);
        self.taps.insert(id, Tap { stack, device, seen: Vec::new() });
        id
    }

    /// What a tap saw since the last call.
    pub fn seen(&mut self, tap: TapId) -> Vec<Sight> {
        self.taps.get_mut(&tap).map(|tap| std::mem::take(&mut tap.seen)).unwrap_or_default()
    }

    /// Closes a tap.
    pub fn untap(&mut self, tap: TapId) {
        self.taps.remove(&tap);
    }

    /// Closes every tap, as when all who looked are gone.
    pub fn untap_all(&mut self) {
        self.taps.clear();
    }

    /// Starts to keep the hops of every packet.
    pub fn record(&mut self) {
        self.hops.get_or_insert_with(Vec::new);
    }

    /// The hops kept so far, which are then forgotten.
    pub fn take_hops(&mut self) -> Vec<Hop> {
        self.hops.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A name for a new packet's way.
    pub fn new_journey(&mut self) -> Journey {
        self.journeys += 1;
        Journey(self.journeys)
    }

    /// Lets packets travel, as a softirq does behind a system call; not from within one.
    pub(super) fn deliver_unless_under_way(&mut self) {
        if !self.happening {
            self.deliver();
        }
    }

    fn happen(&mut self, event: Event) {
        let six = match &event {
            Event::Receive(_, skb) | Event::Again(_, skb) => skb.ethertype == ethertype::IPV6,
            Event::Neighbour(_, address) => address.is_ipv6(),
            Event::Link(..) => true,
            Event::Larval(..) | Event::Tcp(..) => false,
        };
        let before = std::mem::replace(&mut self.happening, true);
        if six {
            self.with_random6(|cluster| cluster.happen_now(event));
        } else {
            self.happen_now(event);
        }
        self.happening = before;
    }

    /// Does something with IPv6's random numbers.
    pub(super) fn with_random6<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        if self.uses_random6 {
            return act(self);
        }
        std::mem::swap(&mut self.random, &mut self.random6);
        self.uses_random6 = true;
        let done = act(self);
        self.uses_random6 = false;
        std::mem::swap(&mut self.random, &mut self.random6);
        done
    }

    fn happen_now(&mut self, event: Event) {
        match event {
            Event::Receive(port, skb) => self.receive(port, skb),
            Event::Again(port, skb) => self.receive_again(port, skb),
            Event::Neighbour(port, address) => self.neighbour_timer(port, address),
            Event::Larval(stack, id) => self.larval_timer(stack, id),
            Event::Tcp(stack, socket) => self.tcp_timer(stack, socket),
            Event::Link(port, timer) => self.link_timer(port, timer),
        }
    }

    pub(super) fn schedule(&mut self, after: u64, event: Event) {
        self.events_made += 1;
        self.events.insert((Timestamp(self.clock.0 + after), self.events_made), event);
    }

    /// Takes about that many nanoseconds of virtual time, as work does.
    pub(super) fn spend(&mut self, nanoseconds: u64) {
        let jitter = self.random.below(nanoseconds / 2 + 1);
        self.clock.0 += nanoseconds - nanoseconds / 4 + jitter;
    }

    /// Copies a frame to the taps that see it.
    pub(super) fn show(&mut self, port: Port, skb: &Skb, kind: PacketType, time: Timestamp) {
        self.note(port.stack, Some(port.device), skb, skb.mark, || Stage::Seen { kind });
        let watched = |tap: &Tap| tap.stack == port.stack && tap.device.is_none_or(|device| device == port.device);
        if !self.taps.values().any(watched) {
            return;
        }
        let Some(device) = self.stacks.get(port.stack.0).and_then(|stack| stack.device_at(port.device)) else {
            return;
        };
        let none = Ethernet { destination: Mac::default(), source: Mac::default() };
        let sight = Sight {
            time,
            device: port.device,
            name: device.name.clone(),
            loopback: device.is_loopback(),
            kind,
            ethernet: skb.ethernet.unwrap_or(none),
            ethertype: skb.ethertype,
            octets: skb.octets.clone(),
        };
        for tap in self.taps.values_mut().filter(|tap| watched(tap)) {
            tap.seen.push(sight.clone());
        }
    }

    /// Keeps a hop, if hops are kept.
    pub(super) fn note(
        &mut self,
        stack: StackId,
        device: Option<IfIndex>,
        skb: &Skb,
        mark_before: u32,
        stage: impl FnOnce() -> Stage,
    ) {
        let Some(hops) = &mut self.hops else { return };
        let Some(own) = self.stacks.get(stack.0) else { return };
        hops.push(Hop {
            journey: skb.journey,
            time: self.clock,
            stack,
            place: own.name.clone(),
            device: device.map(|index| own.device_name(index)),
            stage: stage(),
            mark_before,
            mark_after: skb.mark,
            octets: skb.octets.clone(),
        });
    }
}
