//! Packets: link types, layers, broken bytes read as far as they go, tcpdump's one line, the layered tree.
//!
//! Knows neither keys nor files.

mod checksum;
mod cooked;
mod frame;
mod header;
mod layer;
mod layers;
pub mod line;
mod link;
pub mod tree;

pub use checksum::{checksum, transport_checksum};
pub use cooked::{Cooked, PacketType};
pub use frame::{Frame, FrameView, Timestamp};
pub use header::{EspHeader, IcmpHeader, VxlanHeader};
pub use layer::{Data, Layer, Located, Reason, Stop};
pub use layers::{Dissection, Layers, NAT_T_PORT, VXLAN_PORTS};
pub use line::Printer;
pub use link::LinkType;
pub use tree::{Node, Tree};
