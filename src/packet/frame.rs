use super::LinkType;

/// Nanoseconds since 1970-01-01 UTC, as a capture says (or a virtual clock).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

/// One captured frame: the octets with the link header in front, and what the capture says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// When it was captured.
    pub time: Timestamp,
    /// What the first octets are.
    pub link: LinkType,
    /// The name of the device it was seen on, where the capture (or the lab that made it) knows it. For LINUX_SLL2 the
    /// header holds only an ifindex.
    pub device: Option<String>,
    /// The captured octets, the link header first.
    pub octets: Vec<u8>,
    /// The frame's length on the wire, in octets; more than `octets.len()` when a snap length cut it.
    pub original_len: u32,
}

/// A frame that is borrowed: what [`Frame`] holds, without owning it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameView<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// What the first octets are.
    pub link: LinkType,
    /// The name of the device, where it is known.
    pub device: Option<&'a str>,
    /// The captured octets, the link header first.
    pub octets: &'a [u8],
    /// The frame's length on the wire, in octets.
    pub original_len: u32,
}

impl Frame {
    /// The frame, borrowed.
    pub fn view(&self) -> FrameView<'_> {
        FrameView {
            time: self.time,
            link: self.link,
            device: self.device.as_deref(),
            octets: &self.octets,
            original_len: self.original_len,
        }
    }
}

impl FrameView<'_> {
    /// A copy that owns its octets.
    pub fn to_frame(&self) -> Frame {
        Frame {
            time: self.time,
            link: self.link,
            device: self.device.map(str::to_owned),
            octets: self.octets.to_vec(),
            original_len: self.original_len,
        }
    }
}
