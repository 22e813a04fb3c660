//! States and policies as iproute2 prints them: `ip xfrm state`, `ip xfrm policy`, with `-s` and `-o`
//! (iproute2 6.1 `ip/ipxfrm.c`; the fields of later versions where those print them).

use std::fmt::{self, Write};

use super::{
    Action, Algorithm, Hidden, Key, Level, Limit, Limits, Offload, OffloadMode, OutputMark, Policy, Replay, Selector,
    State, StateDirection, Template, Usage,
};

/// Which options `ip` was called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Style {
    /// `-s`: counters, lifetimes, and numbers in two bases.
    pub stats: bool,
    /// `-o`: an entry a line, with `\` where the lines would end.
    pub oneline: bool,
    /// `nokeys`: `<<Keys hidden>>` for every key.
    pub nokeys: bool,
}

impl Style {
    /// The options that the text of a listing shows.
    pub fn of(text: &str) -> Self {
        Self {
            stats: text.contains("lifetime config:"),
            oneline: text.lines().any(|line| line.contains("\\\t")),
            nokeys: text.contains("<<Keys hidden>>"),
        }
    }
}

/// Prints states as `ip xfrm state` does.
pub fn print_states<'a>(states: impl IntoIterator<Item = &'a State>, style: Style) -> String {
    print(states, style, state)
}

/// Prints policies as `ip xfrm policy` does.
pub fn print_policies<'a>(policies: impl IntoIterator<Item = &'a Policy>, style: Style) -> String {
    print(policies, style, policy)
}

impl fmt::Display for State {
    /// Prints the state as `ip xfrm state list nokeys` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_states([self], Style { nokeys: true, ..Style::default() }))
    }
}

impl fmt::Display for Policy {
    /// Prints the policy as `ip xfrm policy` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_policies([self], Style::default()))
    }
}

/// Prints entries one by one; the line breaks inside an entry (`_SL_` in iproute2) depend on `-o`.
fn print<T>(entries: impl IntoIterator<Item = T>, style: Style, one: fn(&mut Out, T) -> fmt::Result) -> String {
    let mut out = Out { text: String::new(), style };
    for entry in entries {
        // Writing to a String cannot fail.
        let _ = one(&mut out, entry);
        if style.oneline {
            out.text.push('\n');
        }
    }
    out.text
}

struct Out {
    text: String,
    style: Style,
}

impl Out {
    /// Ends a line: a line end, or with `-o` a backslash.
    fn end(&mut self) {
        self.text.push(if self.style.oneline { '\\' } else { '\n' });
    }

    /// Writes a whole line.
    fn line(&mut self, line: fmt::Arguments<'_>) -> fmt::Result {
        self.text.write_fmt(line)?;
        self.end();
        Ok(())
    }
}

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}

fn state(out: &mut Out, state: &State) -> fmt::Result {
    let Style { stats: with_stats, .. } = out.style;
    out.line(format_args!("src {} dst {}", state.src, state.dst))?;
    write!(out, "\tproto {} ", state.proto)?;
    if with_stats || state.proto.is_ipsec() || state.spi.0 != 0 {
        spi(out, state.spi.0)?;
    }
    reqid(out, state.reqid)?;
    out.line(format_args!("mode {}", state.mode))?;

    write!(out, "\treplay-window {} ", state.replay_window)?;
    if with_stats {
        // The kernel's number in decimal after a `0x`: iproute2 prints `seq 0x%08u`.
        write!(out, "seq 0x{:08} ", state.acquire_seq)?;
    }
    if with_stats || state.flags.0 != 0 {
        write!(out, "flag {}", state.flags)?;
    }
    if with_stats {
        if let Some(extra) = state.extra_flags {
            write!(out, "extra_flag {extra}")?;
        }
        write!(out, " (0x{:08b})", state.flags.0)?;
    }
    out.end();

    attributes_of_state(out, state)?;

    if let Some(selector) = &state.selector {
        out.write_str("\tsel ")?;
        print_selector(out, selector)?;
    }
    if with_stats {
        let shown = state.stats.unwrap_or_default();
        lifetime(out, &shown.limits, &shown.usage)?;
        out.line(format_args!("\tstats:"))?;
        out.line(format_args!(
            "\t  replay-window {} replay {} failed {}",
            shown.outside_window, shown.replayed, shown.failed
        ))?;
    }
    security_context(out, state.security_context.as_deref())
}

fn attributes_of_state(out: &mut Out, state: &State) -> fmt::Result {
    match (state.mark, state.output_mark) {
        (Some(mark), output) => {
            write!(out, "\tmark {mark} ")?;
            if let Some(output) = output {
                output_mark(out, output)?;
            }
            out.end();
        }
        (None, Some(output)) => {
            out.write_str("\t")?;
            output_mark(out, output)?;
            out.end();
        }
        (None, None) => {}
    }
    for one in &state.algorithms {
        algorithm(out, one)?;
    }
    if let Some(encap) = state.encap {
        out.line(format_args!(
            "\tencap type {} sport {} dport {} addr {}",
            encap.kind, encap.sport, encap.dport, encap.addr
        ))?;
    }
    if let Some(coa) = state.coa {
        out.line(format_args!("\tcoa {coa}"))?;
    }
    if let Some(lastused) = state.lastused {
        out.line(format_args!("\tlastused {}", time(Some(lastused))))?;
    }
    if let Some(replay) = &state.replay {
        print_replay(out, replay)?;
    }
    if let Some(offload) = &state.offload {
        print_offload(out, offload)?;
    }
    if let Some(if_id) = state.if_id {
        out.line(format_args!("\tif_id {}", hash_x(if_id)))?;
    }
    if let Some(tfcpad) = state.tfcpad {
        out.line(format_args!("\ttfcpad {tfcpad}"))?;
    }
    if let Some(iptfs) = &state.iptfs {
        out.line(format_args!("\tiptfs-opts {iptfs}"))?;
    }
    if let Some(dir) = state.dir {
        out.line(format_args!("\tdir {dir}"))?;
    }
    if let Some(pcpu) = state.pcpu {
        out.line(format_args!("\tpcpu-num {pcpu}"))?;
    }
    Ok(())
}

fn policy(out: &mut Out, policy: &Policy) -> fmt::Result {
    let stats = out.style.stats;
    print_selector(out, &policy.selector)?;
    security_context(out, policy.security_context.as_deref())?;
    write!(out, "\t{} {} ", if policy.socket { "socket" } else { "dir" }, policy.dir)?;
    if stats || policy.action != Action::Allow {
        write!(out, "action {} ", policy.action)?;
    }
    if stats {
        write!(out, "index {} ", policy.index.unwrap_or_default())?;
    }
    write!(out, "priority {} ", policy.priority)?;
    if let Some(ptype) = policy.ptype {
        write!(out, "ptype {ptype} ")?;
    }
    if stats {
        write!(out, "share {} ", policy.share)?;
    }
    if stats || policy.flags.0 != 0 {
        write!(out, "flag {}", policy.flags)?;
    }
    if stats {
        write!(out, " (0x{:08b})", policy.flags.0)?;
    }
    out.end();
    if stats {
        let stats = policy.stats.unwrap_or_default();
        lifetime(out, &stats.limits, &stats.usage)?;
    }
    if let Some(mark) = policy.mark {
        out.line(format_args!("\tmark {mark} "))?;
    }
    for one in &policy.templates {
        template(out, one)?;
    }
    if let Some(offload) = &policy.offload {
        print_offload(out, offload)?;
    }
    if let Some(if_id) = policy.if_id {
        out.line(format_args!("\tif_id {}", hash_x(if_id)))?;
    }
    Ok(())
}

fn template(out: &mut Out, template: &Template) -> fmt::Result {
    let stats = out.style.stats;
    out.line(format_args!("\ttmpl src {} dst {}", template.src, template.dst))?;
    write!(out, "\t\tproto {} ", template.proto)?;
    if stats || template.spi.0 != 0 {
        spi(out, template.spi.0)?;
    }
    reqid(out, template.reqid)?;
    out.line(format_args!("mode {}", template.mode))?;
    if stats || template.level != Level::Required {
        write!(out, "\t\tlevel {} ", template.level)?;
        if stats {
            write!(out, "share {} ", template.share)?;
        }
        out.end();
    }
    if stats {
        let [enc, auth, comp] = template.algorithms;
        out.line(format_args!("\t\tenc-mask {enc:08x} auth-mask {auth:08x} comp-mask {comp:08x}"))?;
    }
    Ok(())
}

fn spi(out: &mut Out, spi: u32) -> fmt::Result {
    write!(out, "spi {spi:#010x}")?;
    if out.style.stats {
        write!(out, "({spi})")?;
    }
    out.write_str(" ")
}

fn reqid(out: &mut Out, reqid: u32) -> fmt::Result {
    write!(out, "reqid {reqid}")?;
    if out.style.stats {
        write!(out, "({reqid:#010x})")?;
    }
    out.write_str(" ")
}

fn output_mark(out: &mut Out, output: OutputMark) -> fmt::Result {
    write!(out, "output-mark {:#x}", output.value)?;
    match output.mask {
        Some(mask) => write!(out, "/{mask:#x}"),
        None => Ok(()),
    }
}

fn algorithm(out: &mut Out, algorithm: &Algorithm) -> fmt::Result {
    write!(out, "\t{} {} ", algorithm.kind.word(), algorithm.name)?;
    match &algorithm.key {
        Key::Known(secret) if out.style.nokeys || secret.is_empty() => {
            if out.style.nokeys {
                out.write_str("<<Keys hidden>>")?;
            }
        }
        Key::Known(secret) => {
            out.write_str("0x")?;
            for octet in secret.reveal() {
                write!(out, "{octet:02x}")?;
            }
            if out.style.stats {
                write!(out, " ({} bits)", secret.len() * 8)?;
            }
        }
        Key::Hidden(Hidden::ByIproute2) => out.write_str("<<Keys hidden>>")?,
        Key::Hidden(Hidden::ByHand) => out.write_str("<redacted>")?,
    }
    if let Some(bits) = algorithm.kind.trailing_bits() {
        write!(out, " {bits}")?;
    }
    out.end();
    Ok(())
}

fn print_replay(out: &mut Out, replay: &Replay) -> fmt::Result {
    match replay {
        Replay::Short { seq, oseq, bitmap } => {
            out.line(format_args!("\tanti-replay context: seq {seq:#x}, oseq {oseq:#x}, bitmap {bitmap:#010x}"))
        }
        Replay::Esn { seq, oseq, window, bitmap } => {
            out.line(format_args!("\tanti-replay esn context:"))?;
            out.line(format_args!(
                "\t seq-hi {:#x}, seq {:#x}, oseq-hi {:#x}, oseq {:#x}",
                seq.0, seq.1, oseq.0, oseq.1
            ))?;
            write!(out, "\t replay_window {window}, bitmap-length {}", bitmap.len())?;
            for (at, word) in bitmap.iter().rev().enumerate() {
                if at % 8 == 0 {
                    out.end();
                    out.write_str("\t ")?;
                }
                write!(out, "{word:08x} ")?;
            }
            out.end();
            Ok(())
        }
    }
}

fn print_offload(out: &mut Out, offload: &Offload) -> fmt::Result {
    write!(out, "\tcrypto offload parameters: dev {} ", offload.dev)?;
    if let Some(dir) = offload.dir {
        write!(out, "dir {dir}")?;
        if offload.mode.is_some() {
            out.write_str(" ")?;
        }
    }
    if let Some(mode) = offload.mode {
        write!(out, "mode {mode}")?;
    }
    out.end();
    Ok(())
}

fn print_selector(out: &mut Out, selector: &Selector) -> fmt::Result {
    write!(out, "src {} dst {} ", selector.src, selector.dst)?;
    if let Some(proto) = selector.proto {
        write!(out, "proto {proto} ")?;
    }
    let (has_type, has_key) = selector.proto.map_or((false, false), |proto| (proto.has_type(), proto.has_key()));
    if has_key && (selector.sport.is_some() || selector.dport.is_some()) {
        let half = |port: Option<u16>| u32::from(port.unwrap_or_default());
        write!(out, "key {} ", half(selector.sport) << 16 | half(selector.dport))?;
    } else {
        let (first, second) = if has_type { ("type", "code") } else { ("sport", "dport") };
        if let Some(sport) = selector.sport {
            write!(out, "{first} {sport} ")?;
        }
        if let Some(dport) = selector.dport {
            write!(out, "{second} {dport} ")?;
        }
    }
    if let Some(dev) = &selector.dev {
        write!(out, "dev {dev} ")?;
    }
    if out.style.stats {
        write!(out, "uid {}", selector.uid.unwrap_or_default())?;
    }
    out.end();
    Ok(())
}

fn lifetime(out: &mut Out, limits: &Limits, usage: &Usage) -> fmt::Result {
    out.line(format_args!("\tlifetime config:"))?;
    for (Limit { soft, hard }, unit) in [(limits.bytes, "bytes"), (limits.packets, "packets")] {
        let count = |limit: Option<u64>| limit.map_or_else(|| "(INF)".to_owned(), |limit| limit.to_string());
        out.line(format_args!("\t  limit: soft {}({unit}), hard {}({unit})", count(soft), count(hard)))?;
    }
    for (seconds, since) in [(limits.add_seconds, "add"), (limits.use_seconds, "use")] {
        out.line(format_args!("\t  expire {since}: soft {}(sec), hard {}(sec)", seconds.soft, seconds.hard))?;
    }
    out.line(format_args!("\tlifetime current:"))?;
    out.line(format_args!("\t  {}(bytes), {}(packets)", usage.bytes, usage.packets))?;
    out.line(format_args!("\t  add {} use {}", time(usage.added), time(usage.used)))
}

fn security_context(out: &mut Out, context: Option<&str>) -> fmt::Result {
    match context {
        Some(context) => out.line(format_args!("\tsecurity context {context} ")),
        None => Ok(()),
    }
}

fn time(time: Option<jiff::civil::DateTime>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// C's `%#x`, under which zero is `0`.
fn hash_x(value: u32) -> String {
    if value == 0 { "0".to_owned() } else { format!("{value:#x}") }
}

impl fmt::Display for StateDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::In => "in",
            Self::Out => "out",
        })
    }
}

impl fmt::Display for OffloadMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crypto => "crypto",
            Self::Packet => "packet",
        })
    }
}
