//! `ss` of iproute2 6.1, for TCP and UDP over IPv4.

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::datapath::{Socket, SocketKind, Stack, TcpState};
use crate::lab::TerminalSize;
use crate::lab::sim::{Call, Io, Process, Step, World};

/// A `ss` call; it does all it does in one step.
pub(super) struct Ss {
    call: Call,
}

/// What is asked for.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
struct Asked {
    tcp: bool,
    udp: bool,
    listening: bool,
    all: bool,
    headless: bool,
    summary: bool,
    /// `state NAME`: the one that is shown, without its column.
    state: Option<&'static str>,
    /// `sport = :N` and `dport = :N`.
    ports: [Option<u16>; 2],
}

/// One socket as a line.
struct Row {
    protocol: &'static str,
    state: &'static str,
    queues: [usize; 2],
    ends: [(Ipv4Addr, u16); 2],
}

impl Ss {
    pub(super) fn new(call: &Call) -> Self {
        Self { call: call.clone() }
    }
}

impl Process for Ss {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        let now = world.now();
        world.net.run_until(now);
        let Some((_, stack)) = world.net.stack_of(&self.call.network) else { return Step::Exit(1) };
        let asked = match read(self.call.arguments()) {
            Ok(asked) => asked,
            Err((out, err, status)) => {
                io.print(out);
                io.complain(err);
                return Step::Exit(status);
            }
        };
        io.print(if asked.summary { summary(stack) } else { list(stack, &asked, self.call.terminal) });
        Step::Exit(0)
    }
}

fn read(arguments: &[String]) -> Result<Asked, (&'static str, String, i32)> {
    let mut asked = Asked::default();
    let mut filter: Vec<&str> = Vec::new();
    for word in arguments {
        let letters = match word.as_str() {
            "--tcp" => "t",
            "--udp" => "u",
            "--listening" => "l",
            "--all" => "a",
            "--numeric" => "n",
            "--no-header" => "H",
            "--summary" => "s",
            "--version" => "V",
            "--ipv4" => "4",
            long if long.starts_with("--") => {
                return Err(("", format!("ss: unrecognized option '{long}'\n"), 255));
            }
            short => {
                let Some(letters) = short.strip_prefix('-') else {
                    filter.push(short);
                    continue;
                };
                letters
            }
        };
        for letter in letters.chars() {
            match letter {
                't' => asked.tcp = true,
                'u' => asked.udp = true,
                'l' => asked.listening = true,
                'a' => asked.all = true,
                'H' => asked.headless = true,
                's' => asked.summary = true,
                // What is not shown: names, owners, timers.
                'n' | 'r' | 'p' | '4' => {}
                'V' => return Err(("ss utility, iproute2-6.1.0\n", String::new(), 0)),
                other => {
                    let text = super::elsewhere(&format!("-{other}"));
                    return Err(("", format!("ss: {text}\n"), 255));
                }
            }
        }
    }
    let mut rest = filter.as_slice();
    if let ["state", name, after @ ..] = rest
        && let Some((_, shown)) = STATES.iter().find(|(own, _)| own == name)
    {
        asked.state = Some(*shown).filter(|shown| !shown.is_empty());
        asked.all = true;
        rest = after;
    }
    while let [which @ ("sport" | "dport"), "=" | "==" | "eq", port, after @ ..] = rest {
        let number = port.trim_start_matches(':').parse().ok();
        let at = usize::from(*which == "dport");
        if let (Some(number), Some(place)) = (number, asked.ports.get_mut(at)) {
            *place = Some(number);
        }
        rest = after.strip_prefix(&["and"][..]).unwrap_or(after);
    }
    if let [word, ..] = rest {
        return Err(("", format!("ss: bison bellows (while parsing filter): \"syntax error!\" near {word}\n"), 255));
    }
    if !asked.tcp && !asked.udp {
        (asked.tcp, asked.udp) = (true, true);
    }
    Ok(asked)
}

fn list(stack: &Stack, asked: &Asked, terminal: Option<TerminalSize>) -> String {
    let fits = |row: &Row| {
        let waits = ["LISTEN", "UNCONN"].contains(&row.state);
        let over = ["TIME-WAIT", "SYN-RECV"].contains(&row.state);
        let state = asked.all || if asked.listening { waits } else { !waits && !over };
        let protocol = if row.protocol == "tcp" { asked.tcp } else { asked.udp };
        let ports = asked.ports.iter().zip(row.ends).all(|(wished, end)| wished.is_none_or(|port| port == end.1));
        state && protocol && ports && asked.state.is_none_or(|state| state == row.state)
    };
    let rows = rows(stack).into_iter().filter(fits);
    let both = asked.tcp && asked.udp;
    let mut table: Vec<[String; 9]> = Vec::new();
    if !asked.headless {
        let head = ["Netid", "State", "Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port", "Process"];
        table.push(head.map(str::to_owned));
    }
    for row in rows {
        let address = |(address, _): (Ipv4Addr, u16)| format!("{address}:");
        let port = |(_, port): (Ipv4Addr, u16)| if port == 0 { "*".to_owned() } else { port.to_string() };
        let ([received, sent], [local, peer]) = (row.queues.map(|queue| format!("{queue:<6}")), row.ends);
        let (protocol, state) = (row.protocol.to_owned(), row.state.to_owned());
        table.push([
            protocol,
            state,
            received,
            sent,
            address(local),
            port(local),
            address(peer),
            port(peer),
            String::new(),
        ]);
    }
    for row in &mut table {
        if !both {
            row[0].clear();
        }
        if asked.state.is_some() {
            row[1].clear();
        }
    }
    render(&table, terminal)
}

/// All sockets: UDP first, listeners before connections.
fn rows(stack: &Stack) -> Vec<Row> {
    let any = (Ipv4Addr::UNSPECIFIED, 0);
    let rank = |socket: &&Socket| match &socket.kind {
        SocketKind::Ping { .. } | SocketKind::Ping6 { .. } => 0,
        SocketKind::Udp { .. } => 1,
        SocketKind::Listener { .. } => 2,
        SocketKind::Tcp(_) => 3,
    };
    let mut sockets: Vec<&Socket> = stack.sockets.iter().collect();
    sockets.sort_by_key(rank);
    sockets
        .into_iter()
        .filter_map(|socket| match &socket.kind {
            SocketKind::Ping { .. } | SocketKind::Ping6 { .. } => None,
            SocketKind::Udp { port, ends, .. } => {
                let waiting = socket.inbox.iter().map(|datagram| datagram.message.len()).sum();
                let (local, peer) = ends.unwrap_or((Ipv4Addr::UNSPECIFIED, any));
                let state = if ends.is_some() { "ESTAB" } else { "UNCONN" };
                Some(Row { protocol: "udp", state, queues: [waiting, 0], ends: [(local, *port), peer] })
            }
            SocketKind::Listener { port } => {
                let waiting = stack.sockets.iter().filter(|other| other.came_to(socket.id)).count();
                let ends = [(Ipv4Addr::UNSPECIFIED, *port), any];
                Some(Row { protocol: "tcp", state: "LISTEN", queues: [waiting, 1], ends })
            }
            SocketKind::Tcp(connection) => {
                let state = state(connection.state)?;
                let queues = [connection.readable(), connection.unacknowledged()];
                Some(Row { protocol: "tcp", state, queues, ends: [connection.local, connection.remote] })
            }
        })
        .collect()
}

/// The names of states in filters, and how the column shows them.
const STATES: [(&str, &str); 13] = [
    ("all", ""),
    ("established", "ESTAB"),
    ("syn-sent", "SYN-SENT"),
    ("syn-recv", "SYN-RECV"),
    ("fin-wait-1", "FIN-WAIT-1"),
    ("fin-wait-2", "FIN-WAIT-2"),
    ("time-wait", "TIME-WAIT"),
    ("close-wait", "CLOSE-WAIT"),
    ("last-ack", "LAST-ACK"),
    ("listening", "LISTEN"),
    ("listen", "LISTEN"),
    ("closing", "CLOSING"),
    ("unconnected", "UNCONN"),
];

fn state(state: TcpState) -> Option<&'static str> {
    Some(match state {
        TcpState::SynSent => "SYN-SENT",
        TcpState::SynReceived => "SYN-RECV",
        TcpState::Established => "ESTAB",
        TcpState::FinWait1 => "FIN-WAIT-1",
        TcpState::FinWait2 => "FIN-WAIT-2",
        TcpState::CloseWait => "CLOSE-WAIT",
        TcpState::Closing => "CLOSING",
        TcpState::LastAck => "LAST-ACK",
        TcpState::TimeWait => "TIME-WAIT",
        TcpState::Closed => return None,
    })
}

/// Which columns end at the right edge, and which follow the one before without a blank.
const RIGHT: [usize; 2] = [4, 6];
const JOINED: [usize; 3] = [5, 7, 8];

/// misc/ss.c `render`: each column as wide as its widest; on a terminal what is left of the line is spread.
fn render(table: &[[String; 9]], terminal: Option<TerminalSize>) -> String {
    let mut widths: Vec<usize> =
        (0..9).map(|column| table.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    let first = widths.iter().position(|width| *width > 0).unwrap_or(0);
    for (column, width) in widths.iter_mut().enumerate() {
        *width += usize::from(*width > 0 && column > first && !JOINED.contains(&column));
    }
    if let Some(size) = terminal {
        let used: usize = widths.iter().sum();
        let columns = widths.iter().filter(|width| **width > 0).count().max(1);
        let pad = usize::from(size.columns).saturating_sub(used);
        let (each, mut more) = (pad / columns, pad % columns);
        for width in widths.iter_mut().rev().filter(|width| **width > 0) {
            *width += each + usize::from(more > 0);
            more = more.saturating_sub(1);
        }
    }
    let mut text = String::new();
    for row in table {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate().filter(|(_, (_, width))| **width > 0) {
            let blank = usize::from(column > first && !JOINED.contains(&column));
            let width = width.saturating_sub(blank);
            let gap = " ".repeat(blank);
            let _ = if RIGHT.contains(&column) {
                write!(text, "{gap}{cell:>width$}")
            } else {
                write!(text, "{gap}{cell:<width$}")
            };
        }
        text.push('\n');
    }
    text
}

fn summary(stack: &Stack) -> String {
    let rows = rows(stack);
    let count = |fits: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| fits(row)).count();
    let (tcp, udp) = (count(&|row| row.protocol == "tcp"), count(&|row| row.protocol == "udp"));
    let (open, over) =
        (count(&|row| row.protocol == "tcp" && row.state == "ESTAB"), count(&|row| row.state == "TIME-WAIT"));
    let live = tcp - over;
    let row = |name: &str, number: usize| format!("{name}\t  {number:<9} {number:<9} {:<9}\n", 0);
    format!(
        "Total: {}\nTCP:   {tcp} (estab {open}, closed {over}, orphaned 0, timewait {over})\n\n\
         Transport Total     IP        IPv6\n{}{}{}{}{}\n",
        live + udp,
        row("RAW", 0),
        row("UDP", udp),
        row("TCP", live),
        row("INET", live + udp),
        row("FRAG", 0)
    )
}
