//! The model of a cluster's datapath: network stacks, devices, marks, hooks; it walks one packet through them and gives
//! the hops, each with its reason and its bytes.
//!
//! One model, three uses: it forwards the simulator's packets, tells the way of one packet for `esplain trace` and
//! `:trace`, and does so for real nodes too, rebuilt from the text of their tools ([`rebuild`]). Knows no Docker, no
//! netlink, no real time; randomness is an argument.
//!
//! The engine follows Linux 6.1's order step by step; each file names the kernel's functions it stands for. IPv6 has
//! neighbour discovery, multicast reports, forwarding and ICMPv6; neither XFRM nor UDP and TCP over it.

mod arp;
mod buffer;
mod cilium;
mod cluster;
mod counters;
mod device;
mod filter;
mod hook;
mod hop;
mod icmp;
mod ip_options;
pub mod ipv4;
mod ipv6;
mod kind;
mod larval;
mod neighbour;
mod programs;
pub mod rebuild;
mod receive;
mod routing;
mod sad;
mod send;
mod sighting;
mod skb;
mod socket;
mod stack;
mod tap;
mod tcp;
mod trace;
mod transform;
mod udp;

pub use cilium::{CiliumNode, IpsecKey};
pub use cluster::{Cluster, Random};
pub use counters::{Counters, Mib, XfrmCounter, XfrmStat};
pub use device::{
    Address, AddressScope, Device, DeviceConf, DeviceKind, DeviceStatistics, IfIndex, Mac, Port, StackId,
};
pub use filter::{Filter, FilterKind, FilterStatistics, NotFiltered};
pub use hook::{
    CiliumMaps, CiliumProgram, Endpoint, Hook, HookAction, HookPoint, HookVerdict, Peer, Program, common_key, mark,
};
pub use hop::{Drop, Hop, PolicyVerdict, RouteAnswer, RoutePurpose, Stage};
pub use ip_options::option;
pub use ipv6::{Outgoing6, icmp6, quoted_seq};
pub use kind::Node;
pub use neighbour::{Neighbour, NeighbourState};
pub use routing::{Refusal, RouteFlow, device_of, gateway_of, rules6};
pub use sad::{DefaultPolicy, Entry, PolicyEntry, Refused, StateId};
pub use send::{Outgoing, PathMtu, SendError};
pub use sighting::{Comparison, Ends, Missing, Predicted, Reason, Sighting, compare, echo_of, predicted};
pub use skb::{Journey, Skb};
pub use socket::{Received, Socket, SocketId, SocketKind};
pub use stack::{PathMtuNote, Stack, Sysctl, network};
pub use tap::{Sight, TapId};
pub use tcp::{Connection, End, Failure, State as TcpState};
pub use trace::{Trace, TraceEnd};
