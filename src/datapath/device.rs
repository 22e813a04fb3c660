use std::fmt;
use std::net::IpAddr;

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The address of everybody.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the group bit is set: multicast, or broadcast.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The address of a multicast group (RFC 1112 section 6.4, RFC 2464 section 7).
    pub fn of_group(group: IpAddr) -> Self {
        match group {
            IpAddr::V4(group) => {
                let [_, b, c, d] = group.octets();
                Self([1, 0, 0x5e, b & 0x7f, c, d])
            }
            IpAddr::V6(group) => {
                let [.., a, b, c, d] = group.octets();
                Self([0x33, 0x33, a, b, c, d])
            }
        }
    }

    /// The IPv6 link-local address that Linux makes of it (modified EUI-64, RFC 4291 appendix A).
    pub fn link_local(self) -> IpAddr {
        let mut octets = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 0];
        octets[8..11].copy_from_slice(&self.0[..3]);
        octets[13..].copy_from_slice(&self.0[3..]);
        octets[8] ^= 2;
        IpAddr::from(octets)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02x}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// Names a stack of a [`Cluster`](super::Cluster).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub usize);

/// A device's number within its stack, from 1 (`lo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IfIndex(pub u32);

/// One device of one stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port {
    /// The stack.
    pub stack: StackId,
    /// The device in it.
    pub device: IfIndex,
}

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its number.
    pub index: IfIndex,
    /// Its name (`eth0`, `cilium_host`).
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Its Ethernet address; zero on `lo`.
    pub mac: Mac,
    /// The longest IP packet it sends, in octets.
    pub mtu: u32,
    /// IFF_UP.
    pub up: bool,
    /// IFF_NOARP: no neighbour is resolved, frames go to the device's own address.
    pub noarp: bool,
    /// Its addresses, in the order they were added.
    pub addresses: Vec<Address>,
    /// The `net.ipv4.conf.<device>` values.
    pub conf: DeviceConf,
    /// Frames and octets it moved.
    pub statistics: DeviceStatistics,
    /// What IPv6 knows of it.
    pub(super) six: super::ipv6::Link,
}

impl Device {
    /// A device that is down and has no address.
    pub fn new(index: IfIndex, name: impl Into<String>, kind: DeviceKind, mac: Mac, mtu: u32) -> Self {
        Self {
            index,
            name: name.into(),
            kind,
            mac,
            mtu,
            up: false,
            noarp: false,
            addresses: Vec::new(),
            conf: DeviceConf::default(),
            statistics: DeviceStatistics::default(),
            six: super::ipv6::Link::default(),
        }
    }

    /// Whether it is the loopback device.
    pub fn is_loopback(&self) -> bool {
        self.kind == DeviceKind::Loopback
    }

    /// The device at the other end of the cable.
    pub fn peer(&self) -> Option<Port> {
        match self.kind {
            DeviceKind::Veth { peer, .. } => peer,
            DeviceKind::Loopback | DeviceKind::Bridge { .. } => None,
        }
    }
}

/// The kinds of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceKind {
    /// `lo`.
    Loopback,
    /// One end of a veth pair.
    Veth {
        /// The other end; `None` once it was deleted.
        peer: Option<Port>,
        /// The bridge it is a port of.
        master: Option<IfIndex>,
    },
    /// A bridge; its ports are the veths whose master it is.
    Bridge {
        /// Where it has seen Ethernet addresses (the forwarding database).
        seen: std::collections::BTreeMap<Mac, IfIndex>,
    },
}

/// An address of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Bits of its prefix.
    pub prefix_len: u8,
    /// How far it is valid.
    pub scope: AddressScope,
    /// The subnet's broadcast address, where one was given (`brd`).
    pub broadcast: Option<IpAddr>,
    /// IFA_F_NODAD, printed by `ip addr`.
    pub nodad: bool,
}

/// How far an address is valid (`RT_SCOPE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressScope {
    /// Everywhere.
    Global,
    /// On the link.
    Link,
    /// In this host.
    Host,
}

/// What `sysctl net.ipv4.conf.<device>` says. The kernel combines some with the value of `all`
/// (include/linux/inetdevice.h): `rp_filter` is the greater of the two, `accept_local` and `send_redirects` either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sysctl of its own")]
pub struct DeviceConf {
    /// Forwards packets that come in here.
    pub forwarding: bool,
    /// 0 no source validation, 1 strict, 2 loose (RFC 3704).
    pub rp_filter: u8,
    /// Takes packets from outside whose source is an address of this host.
    pub accept_local: bool,
    /// Tells senders of a better first hop.
    pub send_redirects: bool,
    /// Looks a source up with the packet's mark.
    pub src_valid_mark: bool,
}

impl Default for DeviceConf {
    fn default() -> Self {
        Self { forwarding: false, rp_filter: 0, accept_local: false, send_redirects: true, src_valid_mark: false }
    }
}

/// What `ip -s link` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceStatistics {
    /// Frames received.
    pub rx_packets: u64,
    /// Octets received, Ethernet header and all.
    pub rx_bytes: u64,
    /// Frames received and dropped.
    pub rx_dropped: u64,
    /// Frames to groups received, where the device counts them: bridges do.
    pub multicast: u64,
    /// Frames sent.
    pub tx_packets: u64,
    /// Octets sent.
    pub tx_bytes: u64,
    /// Frames dropped before they were sent.
    pub tx_dropped: u64,
}
