//! A capture of the guide's in the embedded lab: a tap, and the frames at it that its filter wants.

use super::World;
use crate::capture::Filter;
use crate::datapath::TapId;
use crate::packet::{Frame, LinkType};
use crate::trouble::Trouble;
use crate::words::Said;

/// A capture of the guide's.
pub(super) struct Watch {
    place: String,
    device: String,
    tap: TapId,
    link: LinkType,
    filter: Option<Filter>,
}

impl Watch {
    /// Looks at a device of a place from now on, or at all of them (`any`).
    ///
    /// # Errors
    ///
    /// The place has no network or no such device; the filter is none.
    pub(super) fn begin(place: String, device: &str, filter: &str, world: &mut World) -> Result<Self, Trouble> {
        let cluster = &mut world.net.cluster;
        let stack =
            cluster.find(&place).ok_or_else(|| Trouble::unusable(Said::of("sim-no-network", &[("place", &place)])))?;
        let (index, link) = if device == "any" {
            (None, LinkType::LinuxSll2)
        } else {
            let found = cluster.stack(stack).and_then(|stack| stack.device(device));
            let found = found.ok_or_else(|| {
                Trouble::unusable(Said::of("sim-no-device", &[("place", &place), ("device", &device)]))
                    .hint(Said::of("sim-list-devices", &[("place", &place)]))
            })?;
            (Some(found.index), LinkType::Ethernet)
        };
        let filter =
            if filter.trim().is_empty() {
                None
            } else {
                let compiled = Filter::compile(link, filter);
                Some(compiled.map_err(|error| {
                    Trouble::usage(Said::of("trouble-filter", &[("filter", &filter)])).because(&error)
                })?)
            };
        let tap = cluster.tap(stack, index);
        Ok(Self { place, device: device.to_owned(), tap, link, filter })
    }

    /// Opens the tap anew, where its place and device are there.
    pub(super) fn open(&mut self, world: &mut World) {
        let cluster = &mut world.net.cluster;
        let Some(stack) = cluster.find(&self.place) else { return };
        let index = cluster.stack(stack).and_then(|stack| stack.device(&self.device)).map(|device| device.index);
        if self.device == "any" || index.is_some() {
            self.tap = cluster.tap(stack, index);
        }
    }

    pub(super) fn frames(&self, world: &mut World) -> Vec<Frame> {
        let sights = world.net.cluster.seen(self.tap);
        let wanted = sights.iter().filter(|sight| !sight.is_left_out());
        let frames =
            wanted.map(|sight| if self.link == LinkType::LinuxSll2 { sight.cooked() } else { sight.ethernet() });
        frames.filter(|frame| self.filter.as_ref().is_none_or(|filter| filter.matches(&frame.octets))).collect()
    }

    /// Looks no more; what came last.
    pub(super) fn end(self, world: &mut World) -> Vec<Frame> {
        let frames = self.frames(world);
        world.net.cluster.untap(self.tap);
        frames
    }
}
