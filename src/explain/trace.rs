use crate::datapath::{
    Drop, HookAction, HookPoint, HookVerdict, Hop, PolicyVerdict, RouteAnswer, RoutePurpose, Stage, Trace, TraceEnd,
};
use crate::packet::{PacketType, Printer};
use crate::route::RouteType;
use crate::words::{FluentValue, Words};
use crate::xfrm::{Policy, State};

/// One thing that happened to a packet on its way, in words and in values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceStep {
    /// Where: the name of the stack.
    pub place: String,
    /// At which device, where there is one.
    pub device: Option<String>,
    /// What kind of thing, by a word that stays the same in every language.
    pub stage: &'static str,
    /// What, and why, in the reader's language.
    pub words: String,
    /// The mark before and after.
    pub mark: (u32, u32),
    /// The packet after it, as tcpdump prints it.
    pub packet: String,
    /// The packet's octets after it.
    pub octets: Vec<u8>,
    /// What took part, by name: `rule`, `table`, `route`, `policy`, `state`, `spi`, `seq`, `counter`, …
    pub parts: Vec<(&'static str, String)>,
}

/// Says a trace: each hop, and at the end what became of the packet.
pub fn trace_steps(trace: &Trace, words: &Words) -> (Vec<TraceStep>, String) {
    let steps = trace.hops.iter().map(|hop| step(hop, words)).collect();
    let end = match &trace.end {
        TraceEnd::Delivered(place) => words.say("trace-end-delivered", &[("place", place.as_str().into())]),
        TraceEnd::Dropped(place, drop) => words.say(
            "trace-end-dropped",
            &[("place", place.as_str().into()), ("why", dropped(*drop, words).into()), ("name", drop.name().into())],
        ),
        TraceEnd::Waits(place) => words.say("trace-end-waits", &[("place", place.as_str().into())]),
        TraceEnd::Leaves(place) => words.say("trace-end-leaves", &[("place", place.as_str().into())]),
    };
    (steps, end)
}

fn step(hop: &Hop, words: &Words) -> TraceStep {
    let mut packet = String::new();
    Printer::default().print_ip(&hop.octets, &mut packet);
    let said = Said { words, hop };
    let (stage, text, parts) = said.stage();
    TraceStep {
        place: hop.place.clone(),
        device: hop.device.clone(),
        stage,
        words: text,
        mark: (hop.mark_before, hop.mark_after),
        packet,
        octets: hop.octets.clone(),
        parts,
    }
}

/// A hop that is put into words.
struct Said<'a> {
    words: &'a Words,
    hop: &'a Hop,
}

type Told = (&'static str, String, Vec<(&'static str, String)>);

impl Said<'_> {
    fn say(&self, id: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        self.words.say(id, args)
    }

    fn stage(&self) -> Told {
        let device = self.hop.device.as_deref().unwrap_or_default();
        let octets = self.hop.octets.len();
        match &self.hop.stage {
            Stage::Sent => ("sent", self.say("trace-sent", &[]), vec![]),
            Stage::Seen { kind } => {
                let direction = match kind {
                    PacketType::Host => "In",
                    PacketType::Broadcast => "B",
                    PacketType::Multicast => "M",
                    PacketType::OtherHost => "P",
                    PacketType::Outgoing => "Out",
                    PacketType::Unknown(_) => "?",
                };
                let args = [("device", device.into()), ("direction", direction.into()), ("octets", octets.into())];
                ("seen", self.say("trace-seen", &args), vec![("direction", direction.to_owned())])
            }
            Stage::Hook { point, program, actions, verdict } => self.hook(*point, program, actions, *verdict),
            Stage::Route { purpose, flow, answer } => self.route(*purpose, flow.mark, answer),
            Stage::Policy { dir, policy, verdict } => self.policy(&dir.to_string(), policy.as_deref(), *verdict),
            Stage::Encrypted { state, seq, before } => {
                let args = [
                    ("state", state_words(state).into()),
                    ("before", (*before).into()),
                    ("after", octets.into()),
                    ("seq", format!("{seq:#x}").into()),
                ];
                ("encrypted", self.say("trace-encrypted", &args), state_parts(state, *seq))
            }
            Stage::Decrypted { state, seq } => {
                let args = [
                    ("state", state_words(state).into()),
                    ("after", octets.into()),
                    ("seq", format!("{seq:#x}").into()),
                    ("device", device.into()),
                ];
                ("decrypted", self.say("trace-decrypted", &args), state_parts(state, *seq))
            }
            Stage::Forwarded { ttl } => {
                let args = [("device", device.into()), ("ttl", (*ttl).into())];
                ("forwarded", self.say("trace-forwarded", &args), vec![("ttl", ttl.to_string())])
            }
            Stage::Neighbour { address, mac } => {
                let mut parts = vec![("next-hop", address.to_string())];
                let text = match mac {
                    Some(mac) => {
                        parts.push(("mac", mac.to_string()));
                        let args = [("address", address.to_string().into()), ("mac", mac.to_string().into())];
                        self.say("trace-neighbour", &args)
                    }
                    None => self.say("trace-neighbour-asked", &[("address", address.to_string().into())]),
                };
                ("neighbour", text, parts)
            }
            Stage::Fragmented { mtu, pieces } => {
                let args = [("mtu", (*mtu).into()), ("pieces", (*pieces).into())];
                ("fragmented", self.say("trace-fragmented", &args), vec![("mtu", mtu.to_string())])
            }
            Stage::Delivered { protocol } => {
                let args = [("protocol", (*protocol).into())];
                ("delivered", self.say("trace-delivered", &args), vec![("protocol", protocol.to_string())])
            }
            Stage::Complaint { kind, code, to, mtu } => {
                let args = [
                    ("type", (*kind).into()),
                    ("code", (*code).into()),
                    ("to", to.to_string().into()),
                    ("mtu", mtu.map_or_else(|| "-".to_owned(), |mtu| mtu.to_string()).into()),
                ];
                ("complaint", self.say("trace-complaint", &args), vec![("to", to.to_string())])
            }
            Stage::Dropped(drop) => {
                let why = dropped(*drop, self.words);
                let args = [("why", why.into()), ("name", drop.name().into())];
                ("dropped", self.say("trace-dropped", &args), vec![("reason", drop.name().to_owned())])
            }
        }
    }

    fn hook(&self, point: HookPoint, program: &str, actions: &[HookAction], verdict: HookVerdict) -> Told {
        let point = match point {
            HookPoint::Ingress => "ingress",
            HookPoint::Egress => "egress",
        };
        let mut done: Vec<String> = actions.iter().map(|action| self.action(action)).collect();
        match verdict {
            HookVerdict::Pass => {}
            HookVerdict::Redirect(_) => done.push(self.say("trace-hook-redirect", &[])),
            HookVerdict::Drop(why) => done.push(self.say("trace-hook-drop", &[("why", why.into())])),
        }
        if done.is_empty() {
            done.push(self.say("trace-hook-nothing", &[]));
        }
        let separator = self.say("trace-and", &[]);
        let args = [
            ("program", program.into()),
            ("point", point.into()),
            ("device", self.hop.device.as_deref().unwrap_or_default().into()),
            ("done", done.join(&separator).into()),
        ];
        let parts = vec![("program", program.to_owned()), ("point", point.to_owned())];
        ("hook", self.say("trace-hook", &args), parts)
    }

    fn action(&self, action: &HookAction) -> String {
        match action {
            HookAction::SetMark(mark) => self.say("trace-hook-mark", &[("mark", hex(*mark).into())]),
            HookAction::ForHost => self.say("trace-hook-host", &[]),
            HookAction::Ipcache { tunnel_endpoint: Some(node), key_id, identity } if *key_id != 0 => self.say(
                "trace-hook-ipcache",
                &[
                    ("node", node.to_string().into()),
                    ("key", u32::from(*key_id).into()),
                    ("identity", (*identity).into()),
                ],
            ),
            HookAction::Ipcache { identity, .. } => {
                self.say("trace-hook-ipcache-clear", &[("identity", (*identity).into())])
            }
            HookAction::Routed { ttl } => self.say("trace-hook-ttl", &[("ttl", (*ttl).into())]),
            HookAction::Decrypt => self.say("trace-hook-decrypt", &[]),
            HookAction::Decrypted => self.say("trace-hook-decrypted", &[]),
            HookAction::AnsweredArp => self.say("trace-hook-arp", &[]),
        }
    }

    fn route(&self, purpose: RoutePurpose, mark: u32, answer: &RouteAnswer) -> Told {
        let purpose = match purpose {
            RoutePurpose::Input => "input",
            RoutePurpose::Output => "output",
            RoutePurpose::Outer => "outer",
            RoutePurpose::ReversePath => "reverse",
        };
        let mut parts = vec![("purpose", purpose.to_owned()), ("mark", hex(mark))];
        let purpose_words = self.say("trace-route-purpose", &[("purpose", purpose.into())]);
        let text = match answer {
            RouteAnswer::Found { rule, route } => {
                let (rule, table) = (rule.to_string().replace('\t', " "), route.table.to_string());
                let local = if route.kind == RouteType::Local { "local" } else { "on" };
                let mut bare = (**route).clone();
                bare.table = crate::route::TableId::MAIN;
                let shown = bare.to_string();
                let args = [
                    ("purpose", purpose_words.into()),
                    ("rule", rule.clone().into()),
                    ("table", table.clone().into()),
                    ("route", shown.clone().into()),
                    ("to", local.into()),
                ];
                parts.extend([("rule", rule), ("table", table), ("route", shown)]);
                self.say("trace-route", &args)
            }
            RouteAnswer::Refused(_) => self.say("trace-route-refused", &[("purpose", purpose_words.into())]),
            RouteAnswer::Nothing => self.say("trace-route-nothing", &[("purpose", purpose_words.into())]),
        };
        ("route", text, parts)
    }

    fn policy(&self, dir: &str, policy: Option<&Policy>, verdict: PolicyVerdict) -> Told {
        let shown = policy.map(policy_words).unwrap_or_default();
        let mut parts = vec![("dir", dir.to_owned())];
        if policy.is_some() {
            parts.push(("policy", shown.clone()));
        }
        let args = [("dir", dir.into()), ("policy", shown.into())];
        let text = match verdict {
            PolicyVerdict::NoneNeeded => self.say("trace-policy-none", &args[..1]),
            PolicyVerdict::Pass => self.say("trace-policy-pass", &args),
            PolicyVerdict::Transform(spi) => {
                parts.push(("spi", spi.to_string()));
                let [dir, policy] = args;
                self.say("trace-policy-transform", &[dir, policy, ("spi", spi.to_string().into())])
            }
            PolicyVerdict::Refused(counter) => {
                parts.push(("counter", counter.name().to_owned()));
                let [dir, policy] = args;
                self.say("trace-policy-refused", &[dir, policy, ("counter", counter.name().into())])
            }
        };
        ("policy", text, parts)
    }
}

/// What a reason for dropping means.
fn dropped(drop: Drop, words: &Words) -> String {
    let id = match drop {
        Drop::Xfrm(_) => "xfrm",
        Drop::OtherHost => "other-host",
        Drop::NoCarrier => "no-carrier",
        Drop::BadHeader => "bad-header",
        Drop::MartianSource => "martian-source",
        Drop::ReversePath => "reverse-path",
        Drop::MartianDestination => "martian-destination",
        Drop::NoRoute => "no-route",
        Drop::NotForwarding => "not-forwarding",
        Drop::Refused => "refused",
        Drop::TtlExceeded => "ttl",
        Drop::TooBig => "too-big",
        Drop::NoNeighbour => "no-neighbour",
        Drop::Hook(_) => "hook",
        Drop::NoSocket => "no-socket",
        Drop::NoProtocol => "no-protocol",
        Drop::NoPolicy => "no-policy",
        Drop::NoMemory => "no-memory",
    };
    words.say("trace-drop", &[("reason", id.into()), ("name", drop.name().into())])
}

fn state_words(state: &State) -> String {
    format!("src {} dst {} proto {} spi {}", state.src, state.dst, state.proto, state.spi)
}

fn state_parts(state: &State, seq: u64) -> Vec<(&'static str, String)> {
    vec![("state", state_words(state)), ("spi", state.spi.to_string()), ("seq", format!("{seq:#x}"))]
}

fn policy_words(policy: &Policy) -> String {
    let mark = policy.mark.map(|mark| format!(" mark {mark}")).unwrap_or_default();
    format!(
        "src {} dst {} dir {} priority {}{mark}",
        policy.selector.src, policy.selector.dst, policy.dir, policy.priority
    )
}

/// A mark as C's `%#x` prints it.
fn hex(mark: u32) -> String {
    if mark == 0 { "0".to_owned() } else { format!("{mark:#x}") }
}
