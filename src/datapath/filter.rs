//! tc filters with a skbedit action, at a device's clsact qdisc.

use super::hook::{Hook, HookPoint, Program};
use super::ipv4::{self, Ipv4Header};
use super::skb::{Skb, ethertype};
use super::{IfIndex, Stack};
use crate::packet::Timestamp;
use crate::xfrm::Prefix;

/// One filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Its preference: the lowest is asked first.
    pub preference: u16,
    /// Its number among those of its preference, from 1.
    pub handle: u32,
    /// The destination it is for; `None` is any.
    pub destination: Option<Prefix>,
    /// The IP protocol it is for; `None` is any.
    pub protocol: Option<u8>,
    /// `skbedit mark`.
    pub mark: Option<u32>,
    /// `skbedit mark VALUE/MASK`: the bits that are set; `None` is all.
    pub mark_mask: Option<u32>,
    /// `skbedit ptype host`.
    pub to_host: bool,
    /// The number of its action in the stack.
    pub action: u32,
    /// What it has counted.
    pub statistics: FilterStatistics,
}

/// The classifiers that the model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FilterKind {
    /// Takes every frame.
    Matchall,
    /// Takes IPv4 packets by their addresses.
    Flower,
    /// Takes IPv4 packets by octets of their header: here the protocol. Unlike `flower` it sees ESP as one.
    U32,
}

/// What `tc -s filter show` tells of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilterStatistics {
    /// How often it was asked.
    pub hits: u64,
    /// How often it matched.
    pub packets: u64,
    /// The octets of what matched.
    pub octets: u64,
    /// When it was added.
    pub installed: Timestamp,
    /// When it first matched.
    pub first_used: Option<Timestamp>,
    /// When it last matched.
    pub used: Option<Timestamp>,
}

/// Why a filter was not added, or none deleted: what the kernel answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotFiltered {
    /// No clsact qdisc.
    #[error("Error: Parent Qdisc doesn't exists.")]
    NoQdisc,
    /// The same is there.
    #[error("RTNETLINK answers: File exists")]
    Exists,
    /// The preference has filters for another EtherType.
    #[error("Error: Filter with specified priority/protocol not found.")]
    OtherProtocol,
    /// The preference has filters of another classifier.
    #[error("Error: Specified filter kind does not match existing one.")]
    OtherKind,
    /// Nothing of that preference.
    #[error("Error: Cannot find specified filter chain.")]
    NoChain,
}

/// Where the kernel begins to choose preferences (`tcf_auto_prio`), downwards.
const FIRST_CHOICE: u16 = 0xc000;

impl Filter {
    /// What it is matched with.
    pub fn kind(&self) -> FilterKind {
        match (self.destination, self.protocol) {
            (Some(_), _) => FilterKind::Flower,
            (None, Some(_)) => FilterKind::U32,
            (None, None) => FilterKind::Matchall,
        }
    }

    /// Whether a frame is one that it is asked about.
    fn looks_at(&self, skb: &Skb) -> bool {
        self.kind() == FilterKind::Matchall || skb.ethertype == ethertype::IPV4
    }

    fn fits(&self, header: Option<&Ipv4Header>) -> bool {
        self.destination.is_none_or(|prefix| header.is_some_and(|own| prefix.contains(ipv4::destination(own).into())))
            && self.protocol.is_none_or(|number| header.is_some_and(|own| number == own.protocol.0))
    }

    /// The mark of a packet that has `mark` and matches.
    pub(super) fn marked(&self, mark: u32) -> Option<u32> {
        let bits = self.mark_mask.unwrap_or(u32::MAX);
        self.mark.map(|value| mark & !bits | value & bits)
    }
}

/// The first filter that takes a frame; on the way all that are asked count it.
pub(super) fn ask<'f>(filters: &'f mut [Filter], skb: &Skb, point: HookPoint, now: Timestamp) -> Option<&'f Filter> {
    let header = (skb.ethertype == ethertype::IPV4).then(|| ipv4::header(&skb.octets)).flatten();
    // On the way in the Ethernet header is already taken off.
    let link_layer = if point == HookPoint::Egress { 14 } else { 0 };
    for filter in filters.iter_mut().filter(|filter| filter.looks_at(skb)) {
        let fits = filter.fits(header.as_ref());
        let counted = &mut filter.statistics;
        counted.hits += 1;
        if fits {
            counted.packets += 1;
            counted.octets += skb.octets.len() as u64 + link_layer;
            counted.first_used.get_or_insert(now);
            counted.used = Some(now);
            return Some(filter);
        }
    }
    None
}

impl Stack {
    /// Adds a clsact qdisc to a device; `false` when it has one.
    pub fn add_clsact(&mut self, device: IfIndex) -> bool {
        let has = self.hooks.iter().any(|hook| hook.device == device);
        if !has {
            self.hooks.push(Hook { device, point: HookPoint::Ingress, program: Program::Tc(Vec::new()) });
        }
        !has
    }

    /// Removes it with its filters and programs; `false` when there is none.
    pub fn remove_clsact(&mut self, device: IfIndex) -> bool {
        let before = self.hooks.len();
        self.hooks.retain(|hook| hook.device != device);
        self.hooks.len() < before
    }

    /// The filters at a hook.
    pub fn filters(&self, device: IfIndex, point: HookPoint) -> &[Filter] {
        match self.hook(device, point).map(|hook| &hook.program) {
            Some(Program::Tc(filters)) => filters,
            _ => &[],
        }
    }

    /// Adds a filter: preference 0 and handle 0 are for the kernel to choose. `replace` puts it in the place of the one of
    /// its handle.
    pub fn add_filter(
        &mut self,
        device: IfIndex,
        point: HookPoint,
        mut filter: Filter,
        replace: bool,
    ) -> Result<(), NotFiltered> {
        if !self.hooks.iter().any(|hook| hook.device == device) {
            return Err(NotFiltered::NoQdisc);
        }
        filter.action = self.free_action();
        let found = self.hooks.iter().position(|hook| hook.device == device && hook.point == point);
        let at = found.unwrap_or_else(|| {
            self.hooks.push(Hook { device, point, program: Program::Tc(Vec::new()) });
            self.hooks.len() - 1
        });
        let Some(Hook { program: Program::Tc(filters), .. }) = self.hooks.get_mut(at) else {
            // A BPF program has the lowest preference and takes everything.
            return Err(NotFiltered::OtherKind);
        };
        if filter.preference == 0 {
            let next = filters.iter().map(|own| own.preference).find(|own| *own >= 0x8000);
            filter.preference = next.map_or(FIRST_CHOICE, |next| next - 1);
        }
        let same: Vec<&Filter> = filters.iter().filter(|own| own.preference == filter.preference).collect();
        if let Some(first) = same.first() {
            let everything = |own: &Filter| own.kind() == FilterKind::Matchall;
            if everything(first) != everything(&filter) {
                return Err(NotFiltered::OtherProtocol);
            }
            if first.kind() != filter.kind() {
                return Err(NotFiltered::OtherKind);
            }
        }
        let alike = |own: &Filter| (own.destination, own.protocol) == (filter.destination, filter.protocol);
        let unique = filter.kind() != FilterKind::U32;
        let in_the_way = same.iter().any(|own| own.handle == filter.handle || unique && alike(own));
        // `mall_change` never changes the filter that is there.
        if in_the_way && (!replace || filter.kind() == FilterKind::Matchall) {
            return Err(NotFiltered::Exists);
        }
        if filter.handle == 0 {
            let known = same.iter().find(|own| replace && alike(own)).map(|own| own.handle);
            filter.handle = known.unwrap_or_else(|| 1 + same.iter().map(|own| own.handle).max().unwrap_or(0));
        }
        let place = |own: &Filter| (own.preference, own.handle);
        filters.retain(|own| place(own) != place(&filter));
        filters.insert(filters.partition_point(|own| place(own) < place(&filter)), filter);
        Ok(())
    }

    /// Deletes the filters of a preference, or all.
    pub fn delete_filters(
        &mut self,
        device: IfIndex,
        point: HookPoint,
        preference: Option<u16>,
    ) -> Result<(), NotFiltered> {
        if !self.hooks.iter().any(|hook| hook.device == device) {
            return Err(NotFiltered::NoQdisc);
        }
        let Some(hook) = self.hooks.iter_mut().find(|hook| hook.device == device && hook.point == point) else {
            return preference.map_or(Ok(()), |_| Err(NotFiltered::NoChain));
        };
        let Program::Tc(filters) = &mut hook.program else {
            // The program goes; the qdisc stays.
            hook.program = Program::Tc(Vec::new());
            return Ok(());
        };
        let before = filters.len();
        filters.retain(|filter| preference.is_some_and(|gone| filter.preference != gone));
        if preference.is_some() && filters.len() == before { Err(NotFiltered::NoChain) } else { Ok(()) }
    }

    /// The lowest number that no action of this stack has.
    fn free_action(&self) -> u32 {
        let taken = |number: u32| {
            self.hooks.iter().any(|hook| match &hook.program {
                Program::Tc(filters) => filters.iter().any(|filter| filter.action == number),
                Program::Cilium(_) => false,
            })
        };
        (1..u32::MAX).find(|number| !taken(*number)).unwrap_or(u32::MAX)
    }
}
