//! `ip maddress` (ip/ipmaddr.c): the multicast groups that each device listens to.

use std::fmt::Write;

use super::Run;
use super::words::{Failed, Family, Words};
use crate::datapath::{Device, Stack};

impl Run<'_> {
    pub(super) fn groups(&self, mut words: Words<'_>) -> Result<String, Failed> {
        match words.peek() {
            Some("show" | "list" | "lst") => {
                words.next();
            }
            Some(verb @ ("add" | "delete" | "del")) => return Err(Failed::elsewhere(&format!("ip maddress {verb}"))),
            _ => {}
        }
        let mut dev = None;
        while let Some(word) = words.next() {
            let name = if word == "dev" { words.value()? } else { word };
            if dev.replace(name).is_some() {
                return Err(Failed::garbage("dev", name));
            }
        }
        if self.options.json {
            return Err(Failed::elsewhere("ip -j maddress"));
        }
        let stack = self.stack()?;
        let devices = stack.devices.iter().filter(|device| dev.is_none_or(|name| name == device.name));
        Ok(devices.fold(String::new(), |text, device| text + &self.groups_of(stack, device)))
    }

    fn groups_of(&self, stack: &Stack, device: &Device) -> String {
        let family = self.options.family;
        let joined = stack.groups_of(device);
        let mut text = String::new();
        if matches!(family, Family::Any | Family::Other) && !device.is_loopback() {
            for (mac, users) in stack.link_groups_of(device) {
                let _ = writeln!(text, "\tlink  {mac}{}", shared(users));
            }
        }
        // The newest first.
        let (four, six): (Vec<_>, Vec<_>) = joined.into_iter().rev().partition(|(group, _)| group.is_ipv4());
        if matches!(family, Family::Any | Family::Inet) {
            for (group, users) in four {
                let _ = writeln!(text, "\tinet  {group}{}", shared(users));
            }
        }
        if matches!(family, Family::Any | Family::Inet6) {
            for (group, users) in six {
                let _ = writeln!(text, "\tinet6 {group}{}", shared(users));
            }
        }
        if text.is_empty() {
            return text;
        }
        format!("{}:\t{}\n{text}", device.index.0, device.name)
    }
}

/// How many want a group, where it is more than one.
fn shared(users: usize) -> String {
    if users > 1 { format!(" users {users}") } else { String::new() }
}
