use std::net::IpAddr;

use jiff::civil::DateTime;

use super::{Algorithm, AlgorithmKind, EncapType, ExtraFlags, Limits, Mark, Mode, Proto, Selector, StateFlags, Usage};
use crate::esp::Spi;

/// An XFRM state: one direction of one secured association (an SA of RFC 4301), one entry of `ip xfrm state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Outer source. On input the kernel does not compare it, so `0.0.0.0` takes every sender.
    pub src: IpAddr,
    /// Outer destination; with SPI, protocol and mark the key of the input lookup.
    pub dst: IpAddr,
    /// The protocol, ESP in all that Cilium makes.
    pub proto: Proto,
    /// The SPI; 0 for a protocol that has none.
    pub spi: Spi,
    /// Ties the state to the templates that may use it; 0 is none.
    pub reqid: u32,
    /// Tunnel or transport.
    pub mode: Mode,
    /// Size of the anti-replay window in packets, 0 for none. With ESN the size is in [`Replay::Esn`].
    pub replay_window: u8,
    /// The sequence number of the kernel's request to a key daemon (`seq` of `-s`), 0 for a state added by hand.
    pub acquire_seq: u32,
    /// `noecn`, `esn` and so on.
    pub flags: StateFlags,
    /// More flags; only `-s` shows them.
    pub extra_flags: Option<ExtraFlags>,
    /// The packet's mark must fit this.
    pub mark: Option<Mark>,
    /// What the packet's mark becomes after the transformation.
    pub output_mark: Option<OutputMark>,
    /// The transformations in the order in which iproute2 prints them: auth, aead, enc, comp.
    pub algorithms: Vec<Algorithm>,
    /// ESP inside UDP or TCP.
    pub encap: Option<Encap>,
    /// Care-of address (Mobile IPv6).
    pub coa: Option<IpAddr>,
    /// When it last carried a packet, in the local time of the node that printed it.
    pub lastused: Option<DateTime>,
    /// Where the sequence numbers stand.
    pub replay: Option<Replay>,
    /// A device that does the work.
    pub offload: Option<Offload>,
    /// The XFRM interface it belongs to.
    pub if_id: Option<u32>,
    /// Traffic flow confidentiality: pad payloads to this many octets.
    pub tfcpad: Option<u32>,
    /// The options of an IP-TFS state as printed after `iptfs-opts `.
    pub iptfs: Option<String>,
    /// The direction the state was made for (iproute2 6.11 and later, where the creator said it).
    pub dir: Option<StateDirection>,
    /// The CPU it is for (iproute2 6.18 and later).
    pub pcpu: Option<u32>,
    /// Which inner packets may use it; `None` when the listing has no `sel` line.
    pub selector: Option<Selector>,
    /// What only `ip -s` shows; `None` when the listing had no `-s`.
    pub stats: Option<StateStats>,
    /// The security context (SELinux labelled IPsec).
    pub security_context: Option<String>,
}

impl State {
    /// A state with these addresses, ESP in tunnel mode, and nothing else set.
    pub fn esp_tunnel(src: IpAddr, dst: IpAddr, spi: Spi) -> Self {
        Self {
            src,
            dst,
            proto: Proto::Esp,
            spi,
            reqid: 0,
            mode: Mode::Tunnel,
            replay_window: 0,
            acquire_seq: 0,
            flags: StateFlags::default(),
            extra_flags: None,
            mark: None,
            output_mark: None,
            algorithms: Vec::new(),
            encap: None,
            coa: None,
            lastused: None,
            replay: Some(Replay::default()),
            offload: None,
            if_id: None,
            tfcpad: None,
            iptfs: None,
            dir: None,
            pcpu: None,
            selector: None,
            stats: None,
            security_context: None,
        }
    }

    /// The algorithm that encrypts and authenticates in one, if the state has one.
    pub fn aead(&self) -> Option<&Algorithm> {
        self.algorithms.iter().find(|algorithm| matches!(algorithm.kind, AlgorithmKind::Aead { .. }))
    }

    /// The algorithm that encrypts, if the state has one of its own.
    pub fn enc(&self) -> Option<&Algorithm> {
        self.algorithms.iter().find(|algorithm| algorithm.kind == AlgorithmKind::Enc)
    }

    /// The algorithm that authenticates, if the state has one of its own.
    pub fn auth(&self) -> Option<&Algorithm> {
        self.algorithms
            .iter()
            .find(|algorithm| matches!(algorithm.kind, AlgorithmKind::Auth | AlgorithmKind::AuthTrunc { .. }))
    }
}

/// An output-mark (kernel `XFRMA_SET_MARK`): `output-mark 0xe00/0xf00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OutputMark {
    /// The new bits.
    pub value: u32,
    /// Which bits are replaced; old kernels and iproute2 know none and replace all.
    pub mask: Option<u32>,
}

impl OutputMark {
    /// The mark and the mask that the kernel works with.
    pub fn mark(self) -> Mark {
        Mark { value: self.value, mask: self.mask.unwrap_or(u32::MAX) }
    }
}

impl From<Mark> for OutputMark {
    fn from(mark: Mark) -> Self {
        Self { value: mark.value, mask: Some(mark.mask) }
    }
}

/// ESP in UDP or TCP: `encap type espinudp sport 4500 dport 4500 addr 0.0.0.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encap {
    /// Which encapsulation.
    pub kind: EncapType,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Original address of the peer behind the NAT.
    pub addr: IpAddr,
}

/// Where the sequence numbers of a state stand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Replay {
    /// `anti-replay context: seq 0x0, oseq 0x5, bitmap 0x00000000`.
    Short {
        /// The highest sequence number received, if a window is on.
        seq: u32,
        /// The last sequence number sent.
        oseq: u32,
        /// Which of the last 32 were received, the newest in the lowest bit.
        bitmap: u32,
    },
    /// `anti-replay esn context:`, for windows past 32 and for ESN.
    Esn {
        /// Upper and lower half of the highest sequence number received.
        seq: (u32, u32),
        /// Upper and lower half of the last sequence number sent.
        oseq: (u32, u32),
        /// Window in packets.
        window: u32,
        /// The bitmap in words of 32 bits, lowest word first (iproute2 prints the highest first).
        bitmap: Vec<u32>,
    },
}

impl Replay {
    /// The last sequence number sent, with its upper half where ESN has one.
    pub fn sent(&self) -> u64 {
        match self {
            Self::Short { oseq, .. } => u64::from(*oseq),
            Self::Esn { oseq: (high, low), .. } => u64::from(*high) << 32 | u64::from(*low),
        }
    }

    /// The highest sequence number received, with its upper half where ESN has one.
    pub fn received(&self) -> u64 {
        match self {
            Self::Short { seq, .. } => u64::from(*seq),
            Self::Esn { seq: (high, low), .. } => u64::from(*high) << 32 | u64::from(*low),
        }
    }
}

impl Default for Replay {
    fn default() -> Self {
        Self::Short { seq: 0, oseq: 0, bitmap: 0 }
    }
}

/// A device that encrypts: `crypto offload parameters: dev eth2 dir out mode packet`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Offload {
    /// The device.
    pub dev: String,
    /// The direction; iproute2 prints none for a policy.
    pub dir: Option<StateDirection>,
    /// `crypto` or `packet`; iproute2 before 6.2 prints none.
    pub mode: Option<OffloadMode>,
}

/// How much a device takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OffloadMode {
    /// The cipher only.
    Crypto,
    /// Headers, policy and all.
    Packet,
}

/// The direction a state was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateDirection {
    /// It decrypts.
    In,
    /// It encrypts.
    Out,
}

/// What `ip -s xfrm state` adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StateStats {
    /// `lifetime config:`.
    pub limits: Limits,
    /// `lifetime current:`.
    pub usage: Usage,
    /// Packets older than the window.
    pub outside_window: u32,
    /// Packets received twice.
    pub replayed: u32,
    /// Packets whose ICV did not fit, each also counted as `XfrmInStateProtoError`.
    pub failed: u32,
}
