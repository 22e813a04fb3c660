//! What to say about the fields of `ip xfrm state` and `ip xfrm policy`.

use super::note::Note;
use crate::esp::Secret;
use crate::listing::{Place, Span};
use crate::xfrm::{
    Action, Algorithm, AlgorithmKind, Direction, Entry, Field, Key, Level, Limits, Mark, Mode, Policy, Prefix, Proto,
    Replay, State, StateFlags, Template,
};

/// Cilium's magic numbers in bits 8 to 11 of a mark (`bpf/lib/common.h`).
pub(super) mod magic {
    pub(in super::super) const MASK: u32 = 0xf00;
    pub(in super::super) const DECRYPT: u32 = 0xd00;
    pub(in super::super) const ENCRYPT: u32 = 0xe00;
    pub(in super::super) const TO_PROXY: u32 = 0x200;
    pub(in super::super) const FROM_PROXY: u32 = 0xa00;
}

/// The bits of a mark that hold the key id.
const KEY_BITS: u32 = 0xf000;
/// The priority of Cilium's fwd policies, 0xB9F.
const FWD_PRIORITY: u32 = 2975;

/// What a state is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    Decrypt,
    Encrypt,
    Unknown,
}

fn task(state: &State) -> Task {
    match state.mark.map(|mark| mark.value & mark.mask & magic::MASK) {
        Some(magic::DECRYPT) => Task::Decrypt,
        Some(magic::ENCRYPT) => Task::Encrypt,
        _ => Task::Unknown,
    }
}

/// The notes for the field at `place`, which is of `entry`; `text` is how it stands there, keys masked.
pub(super) fn note(place: &Place<Field>, entry: &Entry, text: &str) -> Note {
    match entry {
        Entry::State(state) => of_state(place.field, state, place.span, text),
        Entry::Policy(policy) => of_policy(place, policy, text),
    }
}

fn of_state(field: Field, state: &State, span: Span, text: &str) -> Note {
    let note = Note::of(field.id(), span);
    match field {
        Field::StateSrc
        | Field::StateDst
        | Field::StateProto
        | Field::StateSpi
        | Field::StateReqid
        | Field::StateMode => identity(note, field, state),
        Field::ReplayWindow if state.replay_window == 0 => note.variant("off"),
        Field::ReplayWindow => note.with("window", state.replay_window),
        Field::StateFlag if state.flags.0 == 0 => note.variant("none"),
        Field::StateFlag if state.flags.has(StateFlags::ESN) => note.variant("esn").with("flags", state.flags),
        Field::StateFlag => note.with("flags", state.flags),
        Field::ExtraFlag => note.with("flags", state.extra_flags.unwrap_or_default()),
        Field::StateMark => state_mark(note, state.mark),
        Field::OutputMark => output_mark(note, state),
        Field::Auth | Field::AuthTrunc | Field::Aead | Field::Enc | Field::Comp => algorithm(note, field, state),
        Field::Encap => {
            let ports = state.encap.map_or((0, 0), |encap| (encap.sport, encap.dport));
            note.with("sport", ports.0).with("dport", ports.1)
        }
        Field::Seq | Field::Oseq => sequence(note, field, state),
        Field::StateSelector => {
            let Some(selector) = &state.selector else { return note };
            let any = selector.src.len == 0 && selector.dst.len == 0 && selector.proto.is_none();
            let note = note.with("src", selector.src).with("dst", selector.dst);
            if any { note.variant("any") } else { note }
        }
        Field::Limits => limits(note, state.stats.map(|stats| stats.limits)),
        Field::StateUsage => {
            let usage = state.stats.unwrap_or_default().usage;
            let note = note.with("packets", usage.packets).with("bytes", usage.bytes);
            if usage.packets == 0 { note.variant("none") } else { note }
        }
        Field::StatsFailed => match state.stats.unwrap_or_default().failed {
            0 => note,
            failed => note.variant("some").with("failed", failed),
        },
        _ => note.with("text", text),
    }
}

fn identity(note: Note, field: Field, state: &State) -> Note {
    match (field, task(state)) {
        (Field::StateSrc, _) if state.src.is_unspecified() => note.variant("any").with("addr", state.src),
        (Field::StateSrc | Field::StateDst, Task::Encrypt) => {
            note.variant("encrypt").with("addr", if field == Field::StateSrc { state.src } else { state.dst })
        }
        (Field::StateDst, Task::Decrypt) => note.variant("decrypt").with("addr", state.dst),
        (Field::StateProto, _) if state.proto == Proto::Esp => note.variant("esp"),
        (Field::StateProto, _) => note.with("proto", state.proto),
        (Field::StateSpi, _) if is_key_id(state.spi.0) => note.with("spi", state.spi).with("key", state.spi.0),
        (Field::StateSpi, _) => note.variant("large").with("spi", state.spi),
        (Field::StateReqid, _) => note.with("reqid", state.reqid),
        (Field::StateMode, _) => mode(note, state.mode),
        _ => note,
    }
}

fn mode(note: Note, mode: Mode) -> Note {
    match mode {
        Mode::Tunnel => note.variant("tunnel"),
        Mode::Transport => note.variant("transport"),
        _ => note.with("mode", mode),
    }
}

/// Cilium's secret knows the ids 1 to 15.
fn is_key_id(spi: u32) -> bool {
    (1..=15).contains(&spi)
}

fn state_mark(note: Note, mark: Option<Mark>) -> Note {
    let Some(mark) = mark else { return note };
    match mark.value & mark.mask & magic::MASK {
        _ if mark.mask == 0 => note.variant("any").with("mark", mark),
        magic::DECRYPT => note.variant("decrypt").with("mask", format!("{:#x}", mark.mask)),
        magic::ENCRYPT if mark.mask & KEY_BITS != 0 => note
            .variant("encrypt")
            .with("value", format!("{:x}", mark.value))
            .with("key", (mark.value & KEY_BITS) >> 12),
        _ => note.with("mark", mark),
    }
}

fn output_mark(note: Note, state: &State) -> Note {
    let Some(output) = state.output_mark else { return note };
    match output.value & magic::MASK {
        magic::DECRYPT => note.variant("decrypt"),
        magic::ENCRYPT => note.variant("encrypt"),
        _ => note.with("mark", output.mark()),
    }
}

fn algorithm(note: Note, field: Field, state: &State) -> Note {
    let of_field = |algorithm: &&Algorithm| {
        matches!(
            (field, algorithm.kind),
            (Field::Auth, AlgorithmKind::Auth)
                | (Field::AuthTrunc, AlgorithmKind::AuthTrunc { .. })
                | (Field::Aead, AlgorithmKind::Aead { .. })
                | (Field::Enc, AlgorithmKind::Enc)
                | (Field::Comp, AlgorithmKind::Comp)
        )
    };
    let Some(algorithm) = state.algorithms.iter().find(of_field) else { return note };
    let note = note.with("name", &algorithm.name).with("icv", algorithm.kind.trailing_bits().unwrap_or_default());
    let (bits, fingerprint) = match &algorithm.key {
        Key::Known(secret) => (secret.len() * 8, secret.fingerprint()),
        Key::Hidden(_) => (0, "–".to_owned()),
    };
    let note = note.with("bits", bits).with("fingerprint", fingerprint);
    match (field, algorithm.key.known()) {
        (Field::Aead, None) => note.variant("hidden"),
        (Field::Aead, Some(secret)) if algorithm.name.starts_with("rfc4106(gcm(") => {
            note.variant("gcm").with("aes", aes_bits(secret))
        }
        _ => note,
    }
}

/// The AES key is what comes before the 4 octets of salt.
fn aes_bits(secret: &Secret) -> usize {
    secret.len().saturating_sub(4) * 8
}

fn sequence(note: Note, field: Field, state: &State) -> Note {
    let Some(replay) = &state.replay else { return note };
    let window = match replay {
        Replay::Short { .. } => u32::from(state.replay_window),
        Replay::Esn { window, .. } => *window,
    };
    match field {
        Field::Seq if window == 0 => note.variant("off"),
        Field::Seq => note.with("seq", replay.received()),
        _ => match replay.sent() {
            0 => note.variant("none"),
            _ if task(state) == Task::Decrypt => note.with("oseq", replay.sent()),
            sent => note.variant("some").with("oseq", sent).with("next", sent.saturating_add(1)),
        },
    }
}

fn limits(note: Note, limits: Option<Limits>) -> Note {
    if limits.unwrap_or_default() == Limits::default() { note.variant("none") } else { note }
}

fn of_policy(place: &Place<Field>, policy: &Policy, text: &str) -> Note {
    let note = Note::of(place.field.id(), place.span);
    match place.field {
        Field::PolicySrc | Field::PolicyDst => selector(note, place.field, policy),
        Field::PolicyDir => match policy.dir {
            Direction::In => note.variant("in"),
            Direction::Out => note.variant("out"),
            Direction::Fwd => note.variant("fwd"),
            Direction::Other(_) => note.with("dir", policy.dir),
        },
        Field::PolicyAction => match policy.action {
            Action::Allow => note.variant("allow"),
            Action::Block => note.variant("block"),
            Action::Other(_) => note,
        },
        Field::PolicyPriority => match policy.priority {
            0 => note.variant("zero"),
            FWD_PRIORITY => note.variant("fwd"),
            priority => note.with("priority", priority),
        },
        Field::PolicyFlag if policy.flags.0 == 0 => note.variant("none"),
        Field::PolicyFlag => note.with("flags", policy.flags),
        Field::PolicyMark => policy_mark(note, policy),
        Field::Limits => limits(note, policy.stats.map(|stats| stats.limits)),
        Field::TemplateSrc
        | Field::TemplateDst
        | Field::TemplateProto
        | Field::TemplateSpi
        | Field::TemplateReqid
        | Field::TemplateMode
        | Field::TemplateLevel => match nearest_template(policy, place, text) {
            Some(template) => of_template(note, place.field, policy, template),
            None => note,
        },
        _ => note.with("text", text),
    }
}

fn selector(note: Note, field: Field, policy: &Policy) -> Note {
    let prefix: Prefix = if field == Field::PolicySrc { policy.selector.src } else { policy.selector.dst };
    let note = note.with("prefix", prefix);
    let encrypts = encrypts(policy);
    match (field, policy.dir) {
        _ if prefix.len == 0 => note.variant("any"),
        (Field::PolicySrc, Direction::Out) if encrypts => note.variant("pods"),
        (Field::PolicyDst, Direction::Out) if encrypts => note.variant("remote"),
        (Field::PolicyDst, Direction::In) => note.variant("local"),
        _ => note,
    }
}

fn encrypts(policy: &Policy) -> bool {
    policy.mark.is_some_and(|mark| mark.value & mark.mask & magic::MASK == magic::ENCRYPT)
}

fn policy_mark(note: Note, policy: &Policy) -> Note {
    let Some(mark) = policy.mark else { return note };
    match mark.value & mark.mask & magic::MASK {
        magic::DECRYPT => note.variant("decrypt"),
        magic::ENCRYPT if mark.mask & KEY_BITS != 0 => {
            note.variant("encrypt").with("key", (mark.value & KEY_BITS) >> 12)
        }
        magic::ENCRYPT if policy.action == Action::Block => note.variant("guard"),
        magic::TO_PROXY => note.variant("proxy"),
        0 if mark.mask & magic::MASK != 0 => note.variant("none").with("mask", format!("{:#x}", mark.mask)),
        _ => note.with("mark", mark),
    }
}

/// The template that a field belongs to. A policy of Cilium has one; among several, what stands in the text tells.
fn nearest_template<'a>(policy: &'a Policy, place: &Place<Field>, text: &str) -> Option<&'a Template> {
    let value = text.split_whitespace().last().unwrap_or_default();
    let says = |template: &&Template| match place.field {
        Field::TemplateSrc => template.src.to_string() == value,
        Field::TemplateDst => template.dst.to_string() == value,
        Field::TemplateProto => template.proto.to_string() == value,
        Field::TemplateSpi => value.starts_with(&template.spi.to_string()),
        Field::TemplateReqid => value.split('(').next() == Some(template.reqid.to_string().as_str()),
        Field::TemplateMode => template.mode.to_string() == value,
        _ => template.level.to_string() == value,
    };
    policy.templates.iter().find(says).or_else(|| policy.templates.first())
}

fn of_template(note: Note, field: Field, policy: &Policy, template: &Template) -> Note {
    let out = policy.dir == Direction::Out && encrypts(policy);
    match field {
        Field::TemplateSrc | Field::TemplateDst => {
            let addr = if field == Field::TemplateSrc { template.src } else { template.dst };
            let note = note.with("addr", addr);
            match field {
                _ if out => note.variant("encrypt"),
                Field::TemplateSrc if addr.is_unspecified() => note.variant("any"),
                _ => note,
            }
        }
        Field::TemplateProto => note.with("proto", template.proto),
        Field::TemplateSpi if template.spi.0 == 0 => note.variant("any"),
        Field::TemplateSpi => note.with("spi", template.spi),
        Field::TemplateReqid => note.with("reqid", template.reqid),
        Field::TemplateLevel => match template.level {
            Level::Use => note.variant("use"),
            Level::Required => note.variant("required"),
            Level::Other(_) => note,
        },
        _ => note,
    }
}
