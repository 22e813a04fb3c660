//! What the programs at the tc hooks do: Cilium's BPF, or tc's own filters.

use super::cluster::Cluster;
use super::device::Port;
use super::filter::{self, Filter};
use super::hook::{CiliumProgram, Endpoint, HookAction, HookPoint, HookVerdict, Program, common_key, mark};
use super::hop::Stage;
use super::ipv4::{self, Arp, Ipv4Header, protocol};
use super::skb::{Ethernet, Skb, ethertype};
use crate::packet::PacketType;

/// What a program knows of the packet it handles, and what it has done.
struct Run<'a> {
    stack: &'a super::Stack,
    port: Port,
    skb: &'a mut Skb,
    actions: Vec<HookAction>,
}

impl Cluster {
    /// Runs the program at a hook, if there is one.
    pub(super) fn run_hook(&mut self, port: Port, point: HookPoint, skb: &mut Skb) -> HookVerdict {
        let now = self.now();
        let Some(stack) = self.stacks.get_mut(port.stack.0) else { return HookVerdict::Pass };
        let hook = stack.hooks.iter_mut().find(|hook| hook.device == port.device && hook.point == point);
        let filter = match hook.map(|hook| &mut hook.program) {
            Some(Program::Tc(filters)) => filter::ask(filters, skb, point, now).cloned(),
            _ => None,
        };
        let Some(stack) = self.stacks.get(port.stack.0) else { return HookVerdict::Pass };
        let Some(hook) = stack.hook(port.device, point) else { return HookVerdict::Pass };
        let (mark_before, program) = (skb.mark, hook.program.name());
        let mut run = Run { stack, port, skb, actions: Vec::new() };
        let verdict = match &hook.program {
            Program::Cilium(CiliumProgram::FromContainer) => run.container_sends(),
            Program::Cilium(CiliumProgram::FromHost) => run.host_sends(),
            Program::Cilium(CiliumProgram::ToHost) => run.host_receives(),
            Program::Cilium(CiliumProgram::FromNetwork) => run.network_sends(),
            Program::Tc(_) => run.tc(filter.as_ref()),
        };
        let actions = run.actions;
        self.spend(1_500);
        self.note(port.stack, Some(port.device), skb, mark_before, || Stage::Hook { point, program, actions, verdict });
        verdict
    }
}

impl Run<'_> {
    /// bpf_lxc.c: what a pod sends. Decides whether it is encrypted, and routes it at layer 3.
    fn container_sends(&mut self) -> HookVerdict {
        if self.skb.ethertype == ethertype::ARP {
            return self.answer_arp();
        }
        let Some(header) = self.ipv4() else { return HookVerdict::Pass };
        let maps = &self.stack.cilium;
        let Some(own) = maps.endpoints.iter().find(|endpoint| endpoint.device == self.port.device).cloned() else {
            return HookVerdict::Pass;
        };
        if ipv4::source(&header) != own.address {
            return HookVerdict::Drop("Invalid source ip");
        }
        let destination = ipv4::destination(&header);
        if let Some(local) = maps.endpoint(destination).cloned() {
            return self.deliver(&local);
        }
        let peer = maps.peer(destination).copied();
        let key_id = peer.map_or(0, |peer| common_key(maps.key_id, peer.key_id));
        if let Some(peer) = peer {
            self.actions.push(HookAction::Ipcache {
                tunnel_endpoint: peer.tunnel_endpoint,
                key_id,
                identity: peer.identity,
            });
        }
        if let Some(refused) = self.route(&header) {
            return refused;
        }
        let encrypts = key_id != 0 && peer.is_some_and(|peer| peer.tunnel_endpoint.is_some());
        self.set_mark(if encrypts { mark::encrypt(own.identity, key_id) } else { mark::identity(own.identity) });
        HookVerdict::Pass
    }

    /// bpf_host.c on the egress of cilium_host: what the host's stack sends to pods, and ESP on its way out.
    fn host_sends(&mut self) -> HookVerdict {
        let Some(header) = self.ipv4() else { return HookVerdict::Pass };
        if self.skb.mark & mark::MAGIC_MASK == mark::ENCRYPT {
            // `inherit_identity_host_sends` takes the identity out of the mark and leaves none.
            self.set_mark(0);
            return HookVerdict::Pass;
        }
        self.set_mark(0);
        match self.stack.cilium.endpoint(ipv4::destination(&header)).cloned() {
            Some(local) => self.deliver(&local),
            None => HookVerdict::Pass,
        }
    }

    /// bpf_host.c on the ingress of cilium_net: what left through cilium_host comes in again, for this host.
    fn host_receives(&mut self) -> HookVerdict {
        self.skb.kind = PacketType::Host;
        self.actions.push(HookAction::ForHost);
        if self.skb.mark != 0 {
            self.set_mark(0);
        }
        HookVerdict::Pass
    }

    /// bpf_network.c on the ingress of eth0 (bpf/lib/encrypt.h `do_decrypt`).
    fn network_sends(&mut self) -> HookVerdict {
        let Some(header) = self.ipv4() else { return HookVerdict::Pass };
        if header.protocol.0 == protocol::ESP {
            self.actions.push(HookAction::Decrypt);
            self.set_mark(mark::DECRYPT);
            self.skb.kind = PacketType::Host;
            return HookVerdict::Pass;
        }
        if self.skb.mark & mark::MAGIC_MASK != mark::DECRYPT {
            return HookVerdict::Pass;
        }
        self.actions.push(HookAction::Decrypted);
        self.set_mark(0);
        match self.stack.device("cilium_host") {
            Some(host) => HookVerdict::Redirect(host.index),
            None => HookVerdict::Pass,
        }
    }

    /// The action of the filter that takes the packet.
    fn tc(&mut self, filter: Option<&Filter>) -> HookVerdict {
        let Some(filter) = filter else { return HookVerdict::Pass };
        if let Some(mark) = filter.marked(self.skb.mark) {
            self.set_mark(mark);
        }
        if filter.to_host {
            self.skb.kind = PacketType::Host;
            self.actions.push(HookAction::ForHost);
        }
        HookVerdict::Pass
    }

    /// bpf/lib/l3.h `ipv4_local_delivery`: to a pod of this node, past the host's stack.
    fn deliver(&mut self, endpoint: &Endpoint) -> HookVerdict {
        let Some(header) = self.ipv4() else { return HookVerdict::Pass };
        if let Some(refused) = self.route(&header) {
            return refused;
        }
        self.skb.ethernet = Some(Ethernet { destination: endpoint.mac, source: endpoint.node_mac });
        HookVerdict::Redirect(endpoint.device)
    }

    /// `ipv4_l3`: one TTL less, or the end.
    fn route(&mut self, header: &Ipv4Header) -> Option<HookVerdict> {
        if header.time_to_live <= 1 {
            return Some(HookVerdict::Drop("Invalid packet"));
        }
        let ttl = header.time_to_live - 1;
        ipv4::rewrite(&mut self.skb.octets, |header| header.time_to_live = ttl);
        self.actions.push(HookAction::Routed { ttl });
        None
    }

    /// bpf_lxc.c `tail_handle_arp`: the program answers for every address, with the MAC of its device.
    fn answer_arp(&mut self) -> HookVerdict {
        let Some(arp) = Arp::read(&self.skb.octets).filter(|arp| !arp.reply) else { return HookVerdict::Pass };
        let Some(device) = self.stack.device_at(self.port.device) else { return HookVerdict::Pass };
        if self.stack.cilium.endpoints.iter().any(|endpoint| endpoint.address == arp.target.1) {
            return HookVerdict::Pass;
        }
        let reply = Arp { reply: true, sender: (device.mac, arp.target.1), target: arp.sender };
        self.skb.octets = reply.octets();
        self.skb.ethernet = Some(Ethernet { destination: arp.sender.0, source: device.mac });
        self.actions.push(HookAction::AnsweredArp);
        HookVerdict::Redirect(self.port.device)
    }

    fn set_mark(&mut self, value: u32) {
        self.skb.mark = value;
        self.actions.push(HookAction::SetMark(value));
    }

    fn ipv4(&self) -> Option<Ipv4Header> {
        (self.skb.ethertype == ethertype::IPV4).then(|| ipv4::header(&self.skb.octets)).flatten()
    }
}
