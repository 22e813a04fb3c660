use std::collections::HashMap;
use std::sync::Arc;

use crate::capture::Interface;
use crate::packet::{Cooked, FrameView, LinkType};

/// The names of devices: by ifindex as `ip link` lists them, else as the capture says.
#[derive(Debug, Default)]
pub(super) struct Devices {
    by_index: HashMap<u32, Arc<str>>,
    by_interface: Vec<Option<Arc<str>>>,
}

/// So many ifindexes without a name are remembered; more are seen only in made-up captures.
const MOST: usize = 4096;

impl Devices {
    /// Reads the text of `ip link` or `ip addr` (also with `-o` or `-d`): lines such as `4: cilium_host@cilium_net: <…`.
    pub(super) fn read(text: &str) -> Self {
        let by_index = text.lines().filter_map(|line| {
            let (index, rest) = line.split_once(": ")?;
            let name = rest.split([':', '@', ' ']).next().filter(|name| !name.is_empty())?;
            Some((index.trim().parse().ok()?, Arc::from(name)))
        });
        Self { by_index: by_index.collect(), by_interface: Vec::new() }
    }

    /// The device that a frame was seen on: the one of its cooked header, or that of the interface.
    pub(super) fn of(&mut self, frame: &FrameView<'_>, interface: usize, interfaces: &[Interface]) -> Option<Arc<str>> {
        let ifindex = (frame.link == LinkType::LinuxSll2).then(|| Cooked::read_v2(frame.octets)?.ifindex).flatten();
        let Some(ifindex) = ifindex else { return self.of_interface(interface, interfaces) };
        if let Some(name) = self.by_index.get(&ifindex) {
            return Some(Arc::clone(name));
        }
        // A capture on "any" names no device; one that was decrypted names each.
        if let Some(name) = self.of_interface(interface, interfaces).filter(|name| &**name != "any") {
            return Some(name);
        }
        let name: Arc<str> = format!("if{ifindex}").into();
        if self.by_index.len() < MOST {
            self.by_index.insert(ifindex, Arc::clone(&name));
        }
        Some(name)
    }

    fn of_interface(&mut self, interface: usize, interfaces: &[Interface]) -> Option<Arc<str>> {
        if self.by_interface.len() != interfaces.len() {
            self.by_interface = interfaces.iter().map(|interface| interface.name.as_deref().map(Arc::from)).collect();
        }
        self.by_interface.get(interface)?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_ip_link_are_found_by_their_index() {
        let text = "1: lo: <LOOPBACK> mtu 65536\n    link/loopback 00:00\n3: cilium_host@cilium_net: <BROADCAST>\n\
                    7: eth0@if8    inet 172.18.0.2/16 scope global eth0";
        let devices = Devices::read(text);
        let names: Vec<_> = [1, 2, 3, 7].map(|index| devices.by_index.get(&index).map(|name| &**name)).into();
        assert_eq!(names, [Some("lo"), None, Some("cilium_host"), Some("eth0")]);
    }
}
