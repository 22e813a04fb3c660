//! The lines of `ip addr` and `ip link`: which fields stand where, and what to say about them.

use std::net::IpAddr;

use super::note::Note;
use crate::listing::{Place, Reader, Span, Unread, fields};

fields! {
    /// A field of `ip addr` or `ip link`.
    LinkField:
    /// The number in front.
    Index "link-index",
    /// The name.
    Name "link-name",
    /// The part after `@`.
    Peer "link-peer",
    /// The words in angle brackets.
    Flags "link-flags",
    /// `mtu`.
    Mtu "link-mtu",
    /// `qdisc`.
    Qdisc "link-qdisc",
    /// `state`.
    State "link-state",
    /// `group`.
    Group "link-group",
    /// `qlen`.
    Qlen "link-qlen",
    /// `link/ether`.
    Mac "link-mac",
    /// `brd` of the link.
    Brd "link-brd",
    /// `link-netns`, `link-netnsid`.
    Netns "link-netns",
    /// What `-d` adds.
    Details "link-details",
    /// `inet`.
    Inet "addr-inet",
    /// `inet6`.
    Inet6 "addr-inet6",
    /// `brd` of an address.
    AddrBrd "addr-brd",
    /// `scope`.
    Scope "addr-scope",
    /// `valid_lft`.
    Lifetime "addr-lifetime",
}

/// The notes for the lines of `ip addr` and `ip link` in `text`, and the lines that could not be read.
pub(super) fn notes(text: &str) -> (Vec<Note>, Vec<Unread>) {
    let mut walk = Walk { reader: Reader::new(text), dev: String::new(), notes: Vec::new() };
    while let Some(word) = walk.reader.peek() {
        let here = walk.reader.here();
        if let Err(reason) = walk.line(word, here) {
            walk.reader.refuse(here.line, reason);
        }
        walk.reader.skip_line(here.line);
    }
    (walk.notes, walk.reader.into_unread())
}

struct Walk<'a> {
    reader: Reader<'a>,
    /// The device that the lines belong to.
    dev: String,
    notes: Vec<Note>,
}

impl Walk<'_> {
    fn note(&self, field: LinkField, open: Span) -> Note {
        let place = Place { item: 0, field, span: open.to(self.reader.last()) };
        Note::of(place.field.id(), place.span)
    }

    fn line(&mut self, word: &str, here: Span) -> Result<(), String> {
        match word {
            _ if word.strip_suffix(':').is_some_and(|index| index.parse::<u32>().is_ok()) => self.device(here),
            _ if word.starts_with("link/") => self.hardware(here),
            "inet" | "inet6" => self.address(word, here),
            "valid_lft" => {
                self.reader.skip(self.reader.rest_of_line().len());
                let note = self.note(LinkField::Lifetime, here);
                self.notes.push(note);
                Ok(())
            }
            "veth" | "altname" | "vxlan" | "bridge" | "bridge_slave" => {
                self.reader.skip(self.reader.rest_of_line().len());
                let note = self.note(LinkField::Details, here);
                self.notes.push(note);
                Ok(())
            }
            _ => Err("a line of `ip addr` begins with a number, `link/…`, `inet` or `valid_lft`".to_owned()),
        }
    }

    /// `4: cilium_host@cilium_net: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP group default qlen 1000`.
    fn device(&mut self, here: Span) -> Result<(), String> {
        self.reader.skip(1);
        let index = self.note(LinkField::Index, here);
        self.notes.push(index);
        let at = self.reader.here();
        let whole = self.reader.word("the name of a device")?.trim_end_matches(':');
        let (name, peer) = whole.split_once('@').map_or((whole, None), |(name, peer)| (name, Some(peer)));
        name.clone_into(&mut self.dev);
        let name_span = Span { end: at.start + name.len(), ..at };
        self.notes.push(named(Note::of(LinkField::Name.id(), name_span), name));
        if let Some(peer) = peer {
            let span = Span { start: name_span.end, end: name_span.end + 1 + peer.len(), ..at };
            self.notes.push(Note::of(LinkField::Peer.id(), span));
        }
        let at = self.reader.here();
        let flags =
            self.reader.read("flags such as <BROADCAST,UP>", |word| word.strip_prefix('<')?.strip_suffix('>'))?;
        let note = self.note(LinkField::Flags, at).with("flags", flags);
        self.notes.push(if flags.split(',').any(|flag| flag == "NOARP") { note.variant("noarp") } else { note });
        while !self.reader.at_line_start() {
            let at = self.reader.here();
            let Some(word) = self.reader.next_token() else { break };
            let field = match word.text {
                "mtu" => LinkField::Mtu,
                "qdisc" => LinkField::Qdisc,
                "state" => LinkField::State,
                "group" => LinkField::Group,
                "qlen" => LinkField::Qlen,
                _ => LinkField::Details,
            };
            let value = if field == LinkField::Details { word.text } else { self.reader.word("a value")? };
            let note = self.note(field, at);
            self.notes.push(match field {
                LinkField::Mtu => note.with("mtu", value),
                LinkField::Qdisc => note.with("text", value),
                _ => note,
            });
        }
        Ok(())
    }

    /// `link/ether 06:46:f6:67:0c:1b brd ff:ff:ff:ff:ff:ff link-netnsid 0`.
    fn hardware(&mut self, here: Span) -> Result<(), String> {
        self.reader.skip(1);
        let mac = self.reader.word("a MAC address")?.to_owned();
        let note = self.note(LinkField::Mac, here).with("mac", mac);
        self.notes.push(note);
        while !self.reader.is_done() && !self.reader.at_line_start() {
            let at = self.reader.here();
            match self.reader.next_token().map(|token| token.text) {
                Some("brd") => {
                    self.reader.word("a MAC address")?;
                    let note = self.note(LinkField::Brd, at);
                    self.notes.push(note);
                }
                Some("link-netns" | "link-netnsid") => {
                    self.reader.word("a network namespace")?;
                    let note = self.note(LinkField::Netns, at);
                    self.notes.push(note);
                }
                _ => {
                    self.reader.skip(if self.reader.at_line_start() { 0 } else { self.reader.rest_of_line().len() });
                    let note = self.note(LinkField::Details, at);
                    self.notes.push(note);
                }
            }
        }
        Ok(())
    }

    /// `inet 10.0.0.66/32 scope link cilium_host`.
    fn address(&mut self, word: &str, here: Span) -> Result<(), String> {
        self.reader.skip(1);
        let text = self.reader.word("an address such as 10.0.0.66/32")?;
        let addr: Option<IpAddr> = text.split('/').next().and_then(|addr| addr.parse().ok());
        let addr = addr.ok_or_else(|| format!("expected an address such as 10.0.0.66/32, found `{text}`"))?;
        let field = if word == "inet" { LinkField::Inet } else { LinkField::Inet6 };
        let note = self.note(field, here).with("addr", text);
        self.notes.push(match addr {
            IpAddr::V4(_) if self.dev == "cilium_host" => note.variant("cilium-host"),
            IpAddr::V4(_) if self.dev == "eth0" && !text.ends_with("/32") => note.variant("node"),
            IpAddr::V6(addr) if addr.is_unicast_link_local() => note.variant("link"),
            _ => note,
        });
        while !self.reader.is_done() && !self.reader.at_line_start() {
            let at = self.reader.here();
            match self.reader.next_token().map(|token| token.text) {
                Some("brd") => {
                    self.reader.word("an address")?;
                    let note = self.note(LinkField::AddrBrd, at);
                    self.notes.push(note);
                }
                Some("scope") => {
                    self.reader.word("a scope")?;
                    let note = self.note(LinkField::Scope, at);
                    self.notes.push(note);
                }
                // The label, and flags such as `nodad`.
                _ => {}
            }
        }
        Ok(())
    }
}

fn named(note: Note, name: &str) -> Note {
    match name {
        "cilium_host" => note.variant("cilium-host"),
        "cilium_net" => note.variant("cilium-net"),
        "cilium_vxlan" => note.variant("vxlan"),
        "eth0" => note.variant("eth0"),
        "lo" => note.variant("lo"),
        "lxc_health" => note.variant("lxc-health"),
        _ if name.starts_with("lxc") => note.variant("lxc").with("name", name),
        _ => note.with("name", name),
    }
}
