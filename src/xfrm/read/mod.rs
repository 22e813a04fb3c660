//! Reads `ip xfrm state` and `ip xfrm policy`, in whatever state the text arrives.
//!
//! The reader goes word by word and does not look at line breaks: tabs may have become spaces, lines may have been
//! joined, wrapped, quoted or numbered. A word that opens nothing known makes its line "unread"; reading goes on at the
//! next word that does.

mod key;
mod lifetime;
mod policy;
mod state;

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Direction, Field, Mark, Mode, Offload, OffloadMode, Policy, Prefix, Proto, Selector, State, StateDirection,
    UpperProto,
};
use crate::esp::Spi;
use crate::listing::{Listing, Place, Reader, Span, is_command, is_noise, quoted};

/// One entry of a listing that may show both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Of `ip xfrm state`.
    State(Box<State>),
    /// Of `ip xfrm policy`.
    Policy(Box<Policy>),
}

/// Reads the states of a text; policies in between are passed over.
pub fn parse_states(text: &str) -> Listing<State> {
    parse(text).0.filter_map(|entry| match entry {
        Entry::State(state) => Some(*state),
        Entry::Policy(_) => None,
    })
}

/// Reads the policies of a text; states in between are passed over.
pub fn parse_policies(text: &str) -> Listing<Policy> {
    parse(text).0.filter_map(|entry| match entry {
        Entry::Policy(policy) => Some(*policy),
        Entry::State(_) => None,
    })
}

/// Reads states and policies, and where each field of them stands.
pub fn parse(text: &str) -> (Listing<Entry>, Vec<Place<Field>>) {
    read_from(text, Vec::new(), Draft::is_complete)
}

/// Reads a text that may begin in the middle of an entry, as an excerpt does. What stands before the first `src … dst …`
/// becomes an entry with the addresses `0.0.0.0`, for its fields only: it is no state or policy of anybody's.
pub fn parse_excerpt(text: &str) -> (Listing<Entry>, Vec<Place<Field>>) {
    let mut reader = Reader::new(text);
    let mut of_policy = false;
    while let Some(word) = reader.next_token().map(|token| token.text).filter(|word| *word != "src") {
        of_policy |= matches!(word, "priority" | "tmpl" | "level" | "enc-mask");
    }
    let starts_whole = Reader::new(text).peek() == Some("src");
    let first = if of_policy {
        let any = Selector::between(Prefix::ANY_V4, Prefix::ANY_V4);
        Entry::Policy(Box::new(Policy::allow(Direction::Out, any)))
    } else {
        Draft::void(0).entry
    };
    let entries = if starts_whole { Vec::new() } else { vec![Draft::new(first, 1)] };
    // The second line of an entry may be missing as well (`… | grep src`).
    read_from(text, entries, |draft| !draft.void)
}

fn read_from(text: &str, entries: Vec<Draft>, is_whole: fn(&Draft) -> bool) -> (Listing<Entry>, Vec<Place<Field>>) {
    let mut parser = Parser { reader: Reader::new(text), entries, places: Vec::new() };
    parser.run();
    let complete = parser.entries.iter().map(is_whole).collect::<Vec<_>>();
    // An entry that lacks its identity is left out, and with it the places of its fields.
    let renumbered: Vec<Option<usize>> = complete
        .iter()
        .scan(0, |next, complete| {
            Some(complete.then(|| {
                *next += 1;
                *next - 1
            }))
        })
        .collect();
    let mut reader = parser.reader;
    for draft in parser.entries.iter().filter(|draft| !is_whole(draft)) {
        reader.refuse(draft.line, draft.lack());
    }
    let places = parser
        .places
        .into_iter()
        .filter_map(|place| Some(Place { item: renumbered.get(place.item).copied().flatten()?, ..place }))
        .collect();
    let items = parser.entries.into_iter().filter(is_whole).map(|draft| draft.entry).collect();
    (Listing { items, unread: reader.into_unread() }, places)
}

/// An entry while it is read.
struct Draft {
    entry: Entry,
    /// Where it began.
    line: usize,
    /// A state: its `proto` line was read. A policy: its `dir` line was read.
    identified: bool,
    /// Its first line could not be read, so what follows belongs to nothing.
    void: bool,
}

impl Draft {
    fn new(entry: Entry, line: usize) -> Self {
        Self { entry, line, identified: false, void: false }
    }

    fn void(line: usize) -> Self {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let state = State::esp_tunnel(nowhere, nowhere, Spi(0));
        Self { void: true, ..Self::new(Entry::State(Box::new(state)), line) }
    }

    fn is_complete(&self) -> bool {
        self.identified && !self.void
    }

    fn lack(&self) -> &'static str {
        match self.entry {
            Entry::State(_) => "a state needs a second line such as `proto esp spi 0x00000003 reqid 1 mode tunnel`",
            Entry::Policy(_) => "a policy needs a second line such as `dir out priority 0`",
        }
    }
}

/// Why a word could not be read.
type Read<T> = Result<T, String>;

/// A word that opens a field, with what reads the field after that word was taken.
type Opener<'a> = (&'static str, fn(&mut Parser<'a>, Span) -> Read<()>);

struct Parser<'a> {
    reader: Reader<'a>,
    entries: Vec<Draft>,
    places: Vec<Place<Field>>,
}

impl<'a> Parser<'a> {
    const OPENERS: &'a [Opener<'a>] = &[
        ("src", Self::src),
        ("proto", Self::proto),
        ("replay-window", Self::replay_window),
        ("mark", Self::mark),
        ("output-mark", Self::output_mark),
        ("auth", |parser, open| parser.algorithm(open, Field::Auth)),
        ("auth-trunc", |parser, open| parser.algorithm(open, Field::AuthTrunc)),
        ("aead", |parser, open| parser.algorithm(open, Field::Aead)),
        ("enc", |parser, open| parser.algorithm(open, Field::Enc)),
        ("comp", |parser, open| parser.algorithm(open, Field::Comp)),
        ("encap", Self::encap),
        ("coa", Self::coa),
        ("lastused", Self::lastused),
        ("anti-replay", Self::anti_replay),
        ("crypto", Self::offload),
        ("if_id", Self::if_id),
        ("tfcpad", Self::tfcpad),
        ("iptfs-opts", Self::iptfs),
        ("pcpu-num", Self::pcpu),
        ("dir", |parser, open| parser.dir(open, false)),
        ("socket", |parser, open| parser.dir(open, true)),
        ("sel", Self::state_selector),
        ("lifetime", Self::lifetime),
        ("limit:", Self::limit),
        ("expire", Self::expire),
        ("add", Self::times),
        ("stats:", |_, _| Ok(())),
        ("tmpl", Self::template),
        ("level", Self::level),
        ("enc-mask", Self::algorithm_masks),
        ("security", Self::security_context),
    ];

    fn run(&mut self) {
        while let Some(word) = self.reader.peek() {
            let here = self.reader.here();
            if let Some((_, read)) = Self::OPENERS.iter().find(|(opener, _)| *opener == word) {
                self.reader.skip(1);
                let before = self.reader.mark();
                if let Err(reason) = read(self, here) {
                    self.reader.refuse(here.line, reason);
                    if word == "src" {
                        // What follows must not change the entry before.
                        self.entries.push(Draft::void(here.line));
                    }
                    self.reader.back(before);
                    self.skip_to_opener();
                }
            } else if word.contains("(bytes)") {
                let before = self.reader.mark();
                if let Err(reason) = self.usage(here) {
                    self.reader.refuse(here.line, reason);
                    self.reader.back(before + 1);
                    self.skip_to_opener();
                }
            } else {
                self.pass_over();
            }
        }
    }

    /// Passes words that open nothing: silently where they are known noise in front of a field, else the line is named.
    fn pass_over(&mut self) {
        let start = self.reader.at_line_start();
        let line = self.reader.here().line;
        let rest = self.reader.rest_of_line();
        let noise = rest.iter().take_while(|token| !Self::opens(token.text)).count();
        let only_noise = start && noise < rest.len() && rest.iter().take(noise).all(|token| is_noise(token.text));
        let command = start && is_command(rest.iter().map(|token| token.text));
        let whole = if command { rest.len() } else { noise };
        if !(only_noise || command) {
            let found = rest.first().map_or("", |token| token.text);
            let reason = format!("no field of `ip xfrm state` or `ip xfrm policy` begins with {}", quoted(found));
            self.reader.refuse(line, reason);
        }
        self.reader.skip(whole.max(1));
    }

    /// Passes the words of a field that could not be read, up to the next field of the same line. (With `-o`, or in a
    /// text that lost its line ends, there is more on the line.)
    fn skip_to_opener(&mut self) {
        let line = self.reader.last().line;
        let mut inside = self.reader.last_word();
        while let Some(word) = self.reader.peek().filter(|_| self.reader.here().line == line) {
            if Self::opens(word) && !(word == "src" && matches!(inside, Some("sel" | "tmpl"))) {
                break;
            }
            inside = Some(word);
            self.reader.skip(1);
        }
    }

    fn opens(word: &str) -> bool {
        Self::OPENERS.iter().any(|(opener, _)| *opener == word) || word.contains("(bytes)")
    }

    /// Notes where a field of the newest entry stands: from `open` to the word taken last.
    fn place(&mut self, field: Field, open: Span) {
        if let Some(item) = self.entries.len().checked_sub(1) {
            self.places.push(Place { item, field, span: open.to(self.reader.last()) });
        }
    }

    fn state(&mut self) -> Read<&mut State> {
        match self.entries.last_mut() {
            Some(Draft { entry: Entry::State(state), .. }) => Ok(state),
            Some(_) => Err("this belongs to a state, and a policy stands before it".to_owned()),
            None => Err("this belongs to a state, and no `src … dst …` line stands before it".to_owned()),
        }
    }

    fn policy(&mut self) -> Read<&mut Policy> {
        match self.entries.last_mut() {
            Some(Draft { entry: Entry::Policy(policy), .. }) => Ok(policy),
            Some(_) => Err("this belongs to a policy, and a state stands before it".to_owned()),
            None => Err("this belongs to a policy, and no `src … dst …` line stands before it".to_owned()),
        }
    }

    fn in_policy(&self) -> bool {
        matches!(self.entries.last(), Some(Draft { entry: Entry::Policy(_), .. }))
    }

    /// `src A dst B` opens a state, `src A/N dst B/N` a policy.
    fn src(&mut self, open: Span) -> Read<()> {
        if self.reader.peek().is_some_and(|word| word.contains('/')) {
            let item = self.entries.len();
            let selector = self.selector(open, Some((Field::PolicySrc, Field::PolicyDst)), item)?;
            let policy = Policy { ptype: None, ..Policy::allow(Direction::Out, selector) };
            self.entries.push(Draft::new(Entry::Policy(Box::new(policy)), open.line));
            return Ok(());
        }
        let src: IpAddr = self.reader.parsed("an address")?;
        let src_span = open.to(self.reader.last());
        let dst_open = self.reader.here();
        self.reader.expect("dst")?;
        let dst = self.reader.parsed("an address")?;
        let mut state = State::esp_tunnel(src, dst, Spi(0));
        state.replay = None;
        self.entries.push(Draft::new(Entry::State(Box::new(state)), open.line));
        let item = self.entries.len() - 1;
        self.places.push(Place { item, field: Field::StateSrc, span: src_span });
        self.place(Field::StateDst, dst_open);
        Ok(())
    }

    /// The words after `src` of a selector; `places` names the fields to note for the entry `item`.
    fn selector(&mut self, open: Span, places: Option<(Field, Field)>, item: usize) -> Read<Selector> {
        let mut note = |field: Option<Field>, span: Span| {
            self.places.extend(field.map(|field| Place { item, field, span }));
        };
        let src: Prefix = self.reader.parsed("an address and a length such as 10.0.0.0/24")?;
        let src_span = open.to(self.reader.last());
        let dst_open = self.reader.here();
        self.reader.expect("dst")?;
        let dst: Prefix = self.reader.parsed("an address and a length such as 10.0.1.0/24")?;
        note(places.map(|(src, _)| src), src_span);
        note(places.map(|(_, dst)| dst), dst_open.to(self.reader.last()));
        let mut selector = Selector::between(src, dst);
        let upper_open = self.reader.here();
        let before = self.reader.mark();
        self.upper(&mut selector)?;
        if self.reader.mark() != before {
            self.places.push(Place { item, field: Field::SelectorUpper, span: upper_open.to(self.reader.last()) });
        }
        Ok(selector)
    }

    /// `proto tcp sport 80 dport 443 dev eth0 uid 0`.
    fn upper(&mut self, selector: &mut Selector) -> Read<()> {
        loop {
            match self.reader.peek() {
                Some("proto") => {
                    self.reader.skip(1);
                    selector.proto = Some(self.reader.read("a protocol name or number", UpperProto::of_word)?);
                }
                Some("sport" | "type") => {
                    self.reader.skip(1);
                    selector.sport = Some(self.reader.parsed("a number up to 65535")?);
                }
                Some("dport" | "code") => {
                    self.reader.skip(1);
                    selector.dport = Some(self.reader.parsed("a number up to 65535")?);
                }
                Some("key") => {
                    self.reader.skip(1);
                    let key: u32 = self.reader.parsed("a GRE key")?;
                    selector.sport = Some((key >> 16) as u16);
                    selector.dport = Some((key & 0xffff) as u16);
                }
                Some("dev") => {
                    self.reader.skip(1);
                    selector.dev = Some(self.reader.word("a device")?.to_owned());
                }
                Some("uid") => {
                    self.reader.skip(1);
                    selector.uid = Some(self.reader.parsed("a user number")?);
                }
                _ => return Ok(()),
            }
        }
    }

    /// `proto esp spi 0x00000003(3) reqid 1(0x00000001) mode tunnel`.
    fn proto(&mut self, open: Span) -> Read<()> {
        let id = self.transform(open, [Field::StateProto, Field::StateSpi, Field::StateReqid, Field::StateMode])?;
        let state = self.state()?;
        if id.proto.is_ipsec() && id.spi.is_none() {
            return Err(format!("a state of {} has an SPI, such as `spi 0x00000003`", id.proto));
        }
        state.proto = id.proto;
        state.spi = id.spi.unwrap_or(Spi(0));
        state.reqid = id.reqid;
        state.mode = id.mode;
        if let Some(draft) = self.entries.last_mut() {
            draft.identified = true;
        }
        Ok(())
    }

    fn transform(&mut self, open: Span, fields: [Field; 4]) -> Read<Transform> {
        let [proto_field, spi_field, reqid_field, mode_field] = fields;
        let proto = self.reader.read("a protocol of XFRM such as `esp`", Proto::of_word)?;
        self.place(proto_field, open);
        let mut transform = Transform { proto, spi: None, reqid: 0, mode: Mode::Transport };
        let here = self.reader.here();
        if self.reader.take("spi") {
            transform.spi =
                Some(Spi(self.reader.read("an SPI such as 0x00000003", |word| number(before_parenthesis(word)))?));
            self.place(spi_field, here);
        }
        let here = self.reader.here();
        self.reader.expect("reqid")?;
        transform.reqid = self.reader.read("a number", |word| number(before_parenthesis(word)))?;
        self.place(reqid_field, here);
        let here = self.reader.here();
        self.reader.expect("mode")?;
        transform.mode = self.reader.read("a mode such as `tunnel`", Mode::of_word)?;
        self.place(mode_field, here);
        Ok(transform)
    }

    /// Takes the words of flags, and the `(0x00100000)` after them. iproute2 prints no blank between the last flag and
    /// `extra_flag`: the value says whether that was met.
    fn flags(&mut self, mut add: impl FnMut(&str) -> bool) -> bool {
        while let Some(word) = self.reader.peek() {
            // A number in hex on a new line is something else.
            let elsewhere = self.reader.at_line_start() && word.chars().all(|c| c.is_ascii_hexdigit());
            if elsewhere || Self::opens(word) {
                break;
            }
            if word.starts_with("(0x") {
                self.reader.skip(1);
                break;
            }
            if let Some(flag) = word.strip_suffix("extra_flag").filter(|flag| !flag.is_empty()) {
                let known = add(flag);
                if known {
                    self.reader.skip(1);
                }
                return known;
            }
            if !add(word) {
                break;
            }
            self.reader.skip(1);
        }
        false
    }

    fn mark(&mut self, open: Span) -> Read<()> {
        let mark = self.reader.read("a mark and a mask such as 0xd00/0xf00", mark)?;
        if self.in_policy() {
            self.policy()?.mark = Some(mark);
            self.place(Field::PolicyMark, open);
        } else {
            self.state()?.mark = Some(mark);
            self.place(Field::StateMark, open);
        }
        Ok(())
    }

    fn offload(&mut self, open: Span) -> Read<()> {
        self.reader.expect("offload")?;
        self.reader.expect("parameters:")?;
        self.reader.expect("dev")?;
        let mut offload = Offload { dev: self.reader.word("a device")?.to_owned(), dir: None, mode: None };
        if self.reader.take("dir") {
            offload.dir = Some(self.reader.read("`in` or `out`", state_direction)?);
        }
        if self.reader.take("mode") {
            offload.mode = Some(self.reader.read("`crypto` or `packet`", |word| match word {
                "crypto" => Some(OffloadMode::Crypto),
                "packet" => Some(OffloadMode::Packet),
                _ => None,
            })?);
        }
        if self.in_policy() {
            self.policy()?.offload = Some(offload);
        } else {
            self.state()?.offload = Some(offload);
        }
        self.place(Field::Offload, open);
        Ok(())
    }

    fn if_id(&mut self, open: Span) -> Read<()> {
        let if_id = self.reader.read("a number", number)?;
        if self.in_policy() {
            self.policy()?.if_id = Some(if_id);
        } else {
            self.state()?.if_id = Some(if_id);
        }
        self.place(Field::IfId, open);
        Ok(())
    }

    fn security_context(&mut self, open: Span) -> Read<()> {
        self.reader.expect("context")?;
        let context = self.reader.word("a security context")?.to_owned();
        match self.entries.last_mut().map(|draft| &mut draft.entry) {
            Some(Entry::State(state)) => state.security_context = Some(context),
            Some(Entry::Policy(policy)) => policy.security_context = Some(context),
            None => return Err("no `src … dst …` line stands before this".to_owned()),
        }
        self.place(Field::SecurityContext, open);
        Ok(())
    }
}

/// What the `proto` line of a state and of a template have in common.
struct Transform {
    proto: Proto,
    spi: Option<Spi>,
    reqid: u32,
    mode: Mode,
}

/// A number as C reads it: `0x3e00`, `0`, `15872`.
fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

fn before_parenthesis(word: &str) -> &str {
    word.split_once('(').map_or(word, |(before, _)| before)
}

fn mark(word: &str) -> Option<Mark> {
    let (value, mask) = word.split_once('/')?;
    Some(Mark { value: number(value)?, mask: number(mask)? })
}

fn state_direction(word: &str) -> Option<StateDirection> {
    match word {
        "in" => Some(StateDirection::In),
        "out" => Some(StateDirection::Out),
        _ => None,
    }
}
