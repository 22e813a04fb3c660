//! XFRM: which packets are transformed, by which state, and what comes of it (net/xfrm/xfrm_policy.c, xfrm_output.c,
//! xfrm_input.c, net/ipv4/esp4.c; Linux 6.1).

use std::net::{IpAddr, Ipv4Addr};

use super::buffer::Buffer;
use super::cluster::{Cluster, Event};
use super::counters::XfrmCounter;
use super::device::{IfIndex, Port, StackId};
use super::hop::{Drop, PolicyVerdict, RoutePurpose, Stage};
use super::ipv4::{self, Ipv4Header, icmp, protocol};
use super::routing::RouteFlow;
use super::sad::{self, Entry, StateId};
use super::send::{Dst, Outgoing, header_needs_ident};
use super::skb::{Skb, ethertype};
use super::tcp::segments;
use crate::esp::{OpenError, Replay};
use crate::packet::EspHeader;
use crate::xfrm::{Action, Direction, Flow, Level, Mode, Policy, Proto, StateFlags, StateKey, templates_accept};

/// Where a packet goes, and what is done to it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    /// Nothing: a plain route.
    Plain(Dst),
    /// It is transformed and then goes another way.
    Bundle(Bundle),
}

/// A route with the transformations on top of it (the kernel's `xfrm_dst` chain).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    /// The states, the innermost first.
    states: Vec<StateId>,
    /// The route of the outermost packet.
    outer: Dst,
    /// The longest packet that still fits when it is transformed.
    mtu: u32,
}

/// SPI and sequence number (RFC 4303 section 2).
const ESP_HEADER_LEN: usize = 8;
/// More transformations than this on one packet are an attack (`XFRM_MAX_DEPTH`).
const MAX_DEPTH: usize = 6;

impl Path {
    pub(super) fn mtu(&self) -> u32 {
        match self {
            Self::Plain(dst) => dst.mtu,
            Self::Bundle(bundle) => bundle.mtu,
        }
    }

    pub(super) fn device(&self) -> IfIndex {
        match self {
            Self::Plain(dst) => dst.device,
            Self::Bundle(bundle) => bundle.outer.device,
        }
    }
}

impl Cluster {
    /// Whether no OUT policy fits a packet and the default is to block then.
    pub(super) fn default_blocks(&self, stack: StackId, out: &Outgoing, source: Ipv4Addr, dst: &Dst) -> bool {
        let Some(own) = self.stack(stack) else { return false };
        let loopback = own.device_at(dst.device).is_some_and(super::Device::is_loopback);
        if loopback || own.default_policy.of(Direction::Out) != Action::Block {
            return false;
        }
        let packet = ipv4::packet(ipv4::between(source, out.destination, out.protocol, 64), &out.payload);
        let flow = own.flow_of(&packet, out.mark, Some(dst.device));
        flow.is_some_and(|flow| own.spd.iter().all(|entry| !entry.policy.judges(Direction::Out, &flow)))
    }

    /// Asks the OUT policies about a packet that has a route (`xfrm_lookup`).
    pub(super) fn path_out(&mut self, stack: StackId, skb: &Skb, dst: Dst) -> Result<Path, Drop> {
        let now = self.now();
        let Some(own) = self.stack_mut(stack) else { return Ok(Path::Plain(dst)) };
        let loopback = own.device_at(dst.device).is_some_and(super::Device::is_loopback);
        let blocks = own.default_policy.of(Direction::Out) == Action::Block;
        if loopback || !blocks && !own.spd.iter().any(|entry| entry.policy.dir == Direction::Out) {
            return Ok(Path::Plain(dst));
        }
        let Some(flow) = own.flow_of(&skb.octets, skb.mark, Some(dst.device)) else {
            return Ok(Path::Plain(dst));
        };
        let found = sad::policy_for(&mut own.spd, Direction::Out, &flow).map(|entry| {
            entry.used = Some(now);
            entry.policy.clone()
        });
        let Some(policy) = found else {
            if blocks {
                return Err(Drop::NoPolicy);
            }
            self.note_policy(stack, skb, Direction::Out, None, PolicyVerdict::NoneNeeded);
            return Ok(Path::Plain(dst));
        };
        if policy.action == Action::Block {
            return Err(self.refuse(stack, skb, Direction::Out, &policy, XfrmCounter::XfrmOutPolBlock));
        }
        if policy.templates.is_empty() {
            self.note_policy(stack, skb, Direction::Out, Some(&policy), PolicyVerdict::Pass);
            return Ok(Path::Plain(dst));
        }
        match self.bundle(stack, skb, &policy, &flow, dst) {
            Ok(Path::Plain(dst)) => {
                self.note_policy(stack, skb, Direction::Out, Some(&policy), PolicyVerdict::Pass);
                Ok(Path::Plain(dst))
            }
            Ok(path) => Ok(path),
            Err(counter) => Err(self.refuse(stack, skb, Direction::Out, &policy, counter)),
        }
    }

    /// `xfrm_resolve_and_create_bundle`: a state for each template, then the route of what comes out.
    fn bundle(
        &mut self,
        stack: StackId,
        skb: &Skb,
        policy: &Policy,
        flow: &Flow,
        dst: Dst,
    ) -> Result<Path, XfrmCounter> {
        let Some(own) = self.stack(stack) else { return Ok(Path::Plain(dst)) };
        let mut states: Vec<&Entry> = Vec::new();
        let mut addresses = (flow.src, flow.dst);
        for template in &policy.templates {
            let ends = template.ends(addresses);
            match sad::for_template(&own.sad, policy, template, ends, flow) {
                Some(entry) => {
                    states.push(entry);
                    addresses = ends;
                }
                None if template.level == Level::Use => {}
                // A state of that SPI with another reqid or mode is in the way of a new one (EEXIST).
                None if sad::blocks_template(&own.sad, policy, template, ends) => {
                    return Err(XfrmCounter::XfrmOutPolError);
                }
                None => return Err(XfrmCounter::XfrmOutNoStates),
            }
        }
        let (Some(first), Some(last)) = (states.first(), states.last()) else { return Ok(Path::Plain(dst)) };
        let verdict = PolicyVerdict::Transform(first.state.spi);
        let ids: Vec<StateId> = states.iter().map(|entry| entry.id).collect();
        let overheads: Vec<Overhead> = states.iter().map(|entry| Overhead::of(entry)).collect();
        let mark = last.state.output_mark.map_or(0, |output| output.mark().applied_to(skb.mark));
        let (IpAddr::V4(src), IpAddr::V4(to)) = (last.state.src, last.state.dst) else {
            return Err(XfrmCounter::XfrmOutBundleGenError);
        };
        let tunnel = last.state.mode == Mode::Tunnel;
        if tunnel && !own.has_address(src.into()) {
            return Err(XfrmCounter::XfrmOutBundleGenError);
        }
        let outer = if tunnel {
            let route_flow =
                RouteFlow { dst: to.into(), src: src.into(), mark, tos: 0, iif: "lo".to_owned(), oif: None };
            let answer = own.route(&route_flow);
            let note = answer.clone();
            self.note_policy(stack, skb, Direction::Out, Some(policy), verdict);
            let outer = self.output_dst(stack, to, answer);
            self.note(stack, outer.as_ref().ok().map(|outer| outer.device), skb, mark, || Stage::Route {
                purpose: RoutePurpose::Outer,
                flow: route_flow,
                answer: note,
            });
            outer.map_err(|_| XfrmCounter::XfrmOutBundleGenError)?
        } else {
            self.note_policy(stack, skb, Direction::Out, Some(policy), verdict);
            dst
        };
        let mtu = overheads.iter().rev().fold(outer.mtu, |mtu, overhead| overhead.mtu(mtu));
        Ok(Path::Bundle(Bundle { states: ids, outer, mtu }))
    }

    /// Octets that the states of a path put before a packet (`dst->header_len`).
    pub(super) fn headers_of(&self, stack: StackId, path: &Path) -> usize {
        let (Path::Bundle(bundle), Some(own)) = (path, self.stack(stack)) else { return 0 };
        bundle.states.iter().filter_map(|id| own.state(*id)).map(headers).sum()
    }

    /// `xfrm_output`: transforms, then sends what came out.
    pub(super) fn transform_out(&mut self, stack: StackId, mut skb: Skb, bundle: &Bundle) {
        if let Some(size) = skb.gso_size.take() {
            // `xfrm_output_gso`: each segment is a packet of its own from here on.
            for octets in segments(&skb.octets, size) {
                let buffer = Buffer::of_packet(octets.len());
                self.transform_out(stack, Skb { octets, buffer, partial: false, ..skb.clone() }, bundle);
            }
            return;
        }
        skb.finish_checksum();
        for id in &bundle.states {
            if let Err(reason) = self.seal(stack, &mut skb, *id, bundle) {
                return self.drop(stack, Some(bundle.outer.device), &skb, reason);
            }
        }
        self.ip_output(stack, skb, &bundle.outer);
    }

    /// `xfrm_output_one` for one state.
    fn seal(&mut self, stack: StackId, skb: &mut Skb, id: StateId, bundle: &Bundle) -> Result<(), Drop> {
        let refuse = |counter| Err(Drop::Xfrm(counter));
        let now = self.now();
        let before = skb.octets.len();
        let mark_before = skb.mark;
        let Some(inner) = ipv4::header(&skb.octets) else { return refuse(XfrmCounter::XfrmOutStateModeError) };
        if inner.dont_fragment && !skb.ignore_df && before > bundle.mtu as usize {
            self.complain(stack, skb, icmp::UNREACHABLE, icmp::FRAGMENTATION_NEEDED, Some(bundle.mtu));
            return Err(Drop::TooBig);
        }
        self.spend(9_000 + before as u64 * 6);
        let default_ttl = self.stack(stack).map_or(64, |own| own.sysctl.default_ttl);
        let Some(entry) = self.stack_mut(stack).and_then(|own| own.state_mut(id)) else {
            return refuse(XfrmCounter::XfrmOutStateInvalid);
        };
        if let Some(output) = entry.state.output_mark {
            skb.mark = output.mark().applied_to(skb.mark);
        }
        if entry.is_expired(now) {
            self.remove_state(stack, id);
            return refuse(XfrmCounter::XfrmOutStateExpired);
        }
        let esn = entry.state.flags.has(StateFlags::ESN);
        let seq = entry.sent + 1;
        if !esn && seq > u64::from(u32::MAX) {
            return refuse(XfrmCounter::XfrmOutStateSeqError);
        }
        entry.sent = seq;
        let tunnel = entry.state.mode == Mode::Tunnel;
        entry.count(before, now);
        let Ok(sa) = &entry.sa else { return refuse(XfrmCounter::XfrmOutStateProtoError) };
        let seq_iv = entry.iv.iv(seq);
        let mut iv = vec![0; sa.iv_len().saturating_sub(seq_iv.len())];
        iv.extend_from_slice(&seq_iv);
        iv.truncate(sa.iv_len());
        let (next_header, payload) = if tunnel {
            (protocol::IPIP, skb.octets.as_slice())
        } else {
            (inner.protocol.0, ipv4::payload(&skb.octets))
        };
        let mut sealed = Vec::new();
        if sa.seal(seq, &iv, next_header, payload, &mut sealed).is_err() {
            return refuse(XfrmCounter::XfrmOutStateProtoError);
        }
        let state = entry.state.clone();
        let grown = headers(entry);
        if !skb.buffer.make_room(grown) {
            return refuse(XfrmCounter::XfrmOutError);
        }
        skb.buffer.push(grown);
        let header = match (tunnel, state.src, state.dst) {
            (true, IpAddr::V4(src), IpAddr::V4(dst)) => {
                let mut outer = ipv4::between(src, dst, protocol::ESP, bundle.outer.ttl.unwrap_or(default_ttl));
                outer.dont_fragment = inner.dont_fragment && !state.flags.has(StateFlags::NOPMTUDISC);
                ipv4::set_tos(&mut outer, outer_tos(&state, ipv4::tos(&inner)));
                outer
            }
            (true, ..) => return refuse(XfrmCounter::XfrmOutStateModeError),
            (false, ..) => Ipv4Header { protocol: protocol::ESP.into(), ..inner },
        };
        skb.octets = ipv4::packet(header, &sealed);
        if tunnel && header_needs_ident(skb) {
            let ident = self.ident(stack, &skb.octets);
            ipv4::rewrite(&mut skb.octets, |header| header.identification = ident);
        }
        self.note(stack, Some(bundle.outer.device), skb, mark_before, || Stage::Encrypted {
            state: Box::new(state),
            seq,
            before,
        });
        Ok(())
    }

    /// `xfrm_input`: finds the state of an ESP packet, decrypts it, lets it come in again.
    pub(super) fn transform_in(&mut self, port: Port, mut skb: Skb, header: &Ipv4Header) {
        if let Err(counter) = self.open_esp(port, &mut skb, header) {
            self.drop(port.stack, Some(port.device), &skb, Drop::Xfrm(counter));
        }
    }

    fn open_esp(&mut self, port: Port, skb: &mut Skb, header: &Ipv4Header) -> Result<(), XfrmCounter> {
        let stack = port.stack;
        self.spend(9_000 + skb.octets.len() as u64 * 6);
        let now = self.now();
        let mark_before = skb.mark;
        let mut packet = ipv4::payload(&skb.octets).to_vec();
        let Some(esp) = EspHeader::read(&packet) else { return Err(XfrmCounter::XfrmInHdrError) };
        let (spi, low) = (esp.spi, esp.seq);
        if skb.secpath.len() >= MAX_DEPTH {
            return Err(XfrmCounter::XfrmInBufferError);
        }
        let Some(own) = self.stack_mut(stack) else { return Ok(()) };
        let key = StateKey { dst: ipv4::destination(header).into(), spi, proto: Proto::Esp, mark: skb.mark };
        let Some(entry) = sad::for_input(&mut own.sad, key) else {
            return Err(XfrmCounter::XfrmInNoStates);
        };
        if entry.larval {
            return Err(XfrmCounter::XfrmAcquireError);
        }
        if let Some(output) = entry.state.output_mark {
            skb.mark = output.mark().applied_to(skb.mark);
        }
        if entry.state.encap.is_some() {
            return Err(XfrmCounter::XfrmInStateMismatch);
        }
        let esn = entry.state.flags.has(StateFlags::ESN);
        let seq = if esn { entry.window.infer(low) } else { u64::from(low) };
        if let Err(refused) = entry.window.check(seq) {
            match refused {
                Replay::Seen { .. } => entry.replayed += 1,
                Replay::TooOld { .. } | Replay::Zero => entry.outside_window += 1,
            }
            return Err(XfrmCounter::XfrmInStateSeqError);
        }
        if entry.is_expired(now) {
            let id = entry.id;
            self.remove_state(stack, id);
            return Err(XfrmCounter::XfrmInStateExpired);
        }
        let Ok(sa) = &entry.sa else { return Err(XfrmCounter::XfrmInStateProtoError) };
        let opened = match sa.open(&mut packet, (seq >> 32) as u32) {
            Ok(opened) => opened,
            Err(error) => {
                if matches!(error, OpenError::BadIcv { .. }) {
                    entry.failed += 1;
                }
                return Err(XfrmCounter::XfrmInStateProtoError);
            }
        };
        // Between the two nobody else used the window; the kernel has to look again.
        let _ = entry.window.accept(seq);
        let payload = packet.get(opened.payload.clone()).unwrap_or_default().to_vec();
        entry.count(payload.len(), now);
        skb.buffer.pull(headers(entry));
        let state = entry.state.clone();
        let tunnel = state.mode == Mode::Tunnel;
        skb.octets = match (tunnel, opened.next_header) {
            (true, protocol::IPIP) => payload,
            (true, _) => return Err(XfrmCounter::XfrmInStateModeError),
            (false, next) => ipv4::packet(Ipv4Header { protocol: next.into(), ..header.clone() }, &payload),
        };
        if tunnel {
            if !decapsulate_ecn(&state, header, &mut skb.octets) {
                return Err(XfrmCounter::XfrmInStateModeError);
            }
            skb.ethertype = ethertype::IPV4;
        }
        skb.secpath.push(state.clone());
        self.note(stack, Some(port.device), skb, mark_before, || Stage::Decrypted { state: Box::new(state), seq });
        let again = skb.clone();
        if tunnel {
            self.schedule(0, Event::Again(port, again));
        } else {
            self.receive_ip(port, again);
        }
        Ok(())
    }

    /// Asks the IN or FWD policies about a packet (`__xfrm_policy_check`).
    pub(super) fn policy_check(&mut self, stack: StackId, dir: Direction, skb: &mut Skb) -> Result<(), Drop> {
        let now = self.now();
        let Some(own) = self.stack_mut(stack) else { return Ok(()) };
        let loopback = skb.received_on.and_then(|index| own.device_at(index)).is_some_and(super::Device::is_loopback);
        let blocks = own.default_policy.of(dir) == Action::Block && !loopback;
        if skb.secpath.is_empty() && !blocks && !own.spd.iter().any(|entry| entry.policy.dir == dir) {
            return Ok(());
        }
        let Some(flow) = own.flow_of(&skb.octets, skb.mark, skb.received_on) else { return Ok(()) };
        let misfit = |state: &crate::xfrm::State| state.selector.as_ref().is_some_and(|selector| !selector.fits(&flow));
        if skb.secpath.iter().any(misfit) {
            return Err(Drop::Xfrm(XfrmCounter::XfrmInStateMismatch));
        }
        let found = sad::policy_for(&mut own.spd, dir, &flow).map(|entry| {
            entry.used = Some(now);
            entry.policy.clone()
        });
        let Some(policy) = found else {
            if blocks || skb.secpath.iter().any(|state| state.mode != Mode::Transport) {
                let verdict = PolicyVerdict::Refused(XfrmCounter::XfrmInNoPols);
                self.note_policy(stack, skb, dir, None, verdict);
                return Err(Drop::Xfrm(XfrmCounter::XfrmInNoPols));
            }
            self.note_policy(stack, skb, dir, None, PolicyVerdict::NoneNeeded);
            return Ok(());
        };
        if policy.action == Action::Block {
            return Err(self.refuse(stack, skb, dir, &policy, XfrmCounter::XfrmInPolBlock));
        }
        if !templates_accept(&policy.templates, &skb.secpath) {
            return Err(self.refuse(stack, skb, dir, &policy, XfrmCounter::XfrmInTmplMismatch));
        }
        self.note_policy(stack, skb, dir, Some(&policy), PolicyVerdict::Pass);
        Ok(())
    }

    fn refuse(&mut self, stack: StackId, skb: &Skb, dir: Direction, policy: &Policy, counter: XfrmCounter) -> Drop {
        self.note_policy(stack, skb, dir, Some(policy), PolicyVerdict::Refused(counter));
        Drop::Xfrm(counter)
    }

    fn note_policy(
        &mut self,
        stack: StackId,
        skb: &Skb,
        dir: Direction,
        policy: Option<&Policy>,
        verdict: PolicyVerdict,
    ) {
        self.note(stack, None, skb, skb.mark, || Stage::Policy { dir, policy: policy.cloned().map(Box::new), verdict });
    }
}

/// What a state adds to a packet.
struct Overhead {
    sa: Option<crate::esp::Sa>,
    tunnel: bool,
}

impl Overhead {
    fn of(entry: &Entry) -> Self {
        Self { sa: entry.sa.as_ref().ok().cloned(), tunnel: entry.state.mode == Mode::Tunnel }
    }

    /// The longest packet that fits `mtu` once it is transformed (`xfrm_state_mtu`).
    fn mtu(&self, mtu: u32) -> u32 {
        let Some(sa) = &self.sa else { return mtu };
        let room = (mtu as usize).saturating_sub(ipv4::HEADER_LEN);
        let kept = if self.tunnel { 0 } else { ipv4::HEADER_LEN };
        sa.longest_payload(room).map_or(0, |longest| (longest + kept) as u32)
    }
}

/// Octets that a state puts before a packet (`props.header_len`): an IP header in tunnel mode, ESP's header, the IV.
fn headers(entry: &Entry) -> usize {
    let tunnel = if entry.state.mode == Mode::Tunnel { ipv4::HEADER_LEN } else { 0 };
    tunnel + ESP_HEADER_LEN + entry.sa.as_ref().map_or(0, crate::esp::Sa::iv_len)
}

/// DSCP and ECN of the outer header (`xfrm4_tunnel_encap_add`, `INET_ECN_encapsulate`): both copied, CE made ECT(0).
fn outer_tos(state: &crate::xfrm::State, inner: u8) -> u8 {
    let dscp = match state.extra_flags {
        Some(flags) if flags.has(crate::xfrm::ExtraFlags::DONT_ENCAP_DSCP) => 0,
        _ => inner & 0xfc,
    };
    let ecn = match inner & 3 {
        _ if state.flags.has(StateFlags::NOECN) => 0,
        3 => 2,
        other => other,
    };
    dscp | ecn
}

/// RFC 6040 as `ipip_ecn_decapsulate` does it: a mark of congestion outside is carried inside where the inner packet can
/// bear one.
fn decapsulate_ecn(state: &crate::xfrm::State, outer: &Ipv4Header, inner: &mut [u8]) -> bool {
    if ipv4::header(inner).is_none() {
        return false;
    }
    if state.flags.has(StateFlags::DECAP_DSCP) {
        let dscp = ipv4::tos(outer) & 0xfc;
        ipv4::rewrite(inner, |header| {
            let ecn = ipv4::tos(header) & 3;
            ipv4::set_tos(header, dscp | ecn);
        });
    }
    if !state.flags.has(StateFlags::NOECN) && ipv4::tos(outer) & 3 == 3 {
        ipv4::rewrite(inner, |header| {
            let tos = ipv4::tos(header);
            if tos & 3 != 0 {
                ipv4::set_tos(header, tos | 3);
            }
        });
    }
    true
}
