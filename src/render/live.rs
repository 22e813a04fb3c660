use super::{Line, Look, Role, Span};

/// A captured packet as one entry of a list: where it was seen and what to know about it, then what it is, then what
/// was inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Its number in the guide's list.
    pub number: usize,
    /// The node, the device and the direction there, as tcpdump writes it: `worker cilium_host Out`.
    pub place: String,
    /// What to know about it: the same packet as another, the other form of one.
    pub note: String,
    /// tcpdump's line for it, from the addresses on.
    pub line: String,
    /// What it is, for colour: [`Role::Cipher`], [`Role::Clear`] or [`Role::Bad`].
    pub role: Role,
    /// What was inside, once opened, in words (with the space that their language puts behind them) and as tcpdump prints
    /// it; or why it could not be opened.
    pub inside: Option<(String, String)>,
}

/// What stands below an entry's first line is indented by this much, whatever its number: a ping's line then fits 80
/// columns.
const INDENT: usize = 2;

impl Live {
    /// The entry at a width; what does not fit on a line goes on under its own beginning.
    pub fn lines(&self, look: &Look) -> Vec<Line> {
        let number = format!("#{} ", self.number);
        let indent = INDENT;
        let mut head = Line::of(number, Role::Strong).and(self.place.clone(), Role::Device);
        if !self.note.is_empty() {
            head = head.and(format!(": {}", self.note), Role::Quiet);
        }
        let mut lines = hanging(&look.spelled(&head), indent, look.width);
        let line = Line::text(" ".repeat(indent)).and(self.line.clone(), self.role);
        lines.extend(hanging(&look.spelled(&line), indent + 2, look.width));
        if let Some((word, inside)) = &self.inside {
            let role = if self.role == Role::Bad { Role::Bad } else { Role::Clear };
            let line = Line::text(" ".repeat(indent)).and(word.clone(), Role::Strong).and(inside.clone(), role);
            lines.extend(hanging(&look.spelled(&line), indent + 2, look.width));
        }
        lines
    }
}

/// A line wrapped so that its continuation is indented.
pub fn hanging(line: &Line, indent: usize, width: usize) -> Vec<Line> {
    let indent = indent.min(width / 3);
    // Everything is wrapped to the narrower width but the first line, which has no indent to give.
    let mut rest = line.wrapped(width);
    if rest.len() <= 1 {
        return rest;
    }
    let first = rest.remove(0);
    let taken = first.plain().len();
    let text = line.plain();
    let blank = text.get(taken..).map_or(0, |rest| rest.len() - rest.trim_start().len());
    let tail = line.after(taken + blank);
    let mut lines = vec![first];
    for part in tail.wrapped(width.saturating_sub(indent)) {
        let mut full = Line::default();
        full.push(Span::new(" ".repeat(indent), Role::Text));
        full.append(part);
        lines.push(full);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Live {
        Live {
            number: 3,
            place: "worker cilium_net P".into(),
            note: "the same ESP packet as #2, seen again".into(),
            line: "10.0.0.66 > 10.0.1.236: ESP(spi=0x00000003,seq=0x1), length 120".into(),
            role: Role::Cipher,
            inside: Some((
                "decrypted: ".into(),
                "10.0.0.144 > 10.0.1.165: ICMP echo request, id 7, seq 1, length 64".into(),
            )),
        }
    }

    fn shown(width: usize) -> Vec<String> {
        let look = Look { width, colour: false, unicode: true, plain: false };
        live().lines(&look).iter().map(Line::plain).collect()
    }

    #[test]
    fn an_entry_fits_any_width_and_hangs_under_its_number() {
        assert_eq!(
            shown(80),
            [
                "#3 worker cilium_net P: the same ESP packet as #2, seen again",
                "  10.0.0.66 > 10.0.1.236: ESP(spi=0x00000003,seq=0x1), length 120",
                "  decrypted: 10.0.0.144 > 10.0.1.165: ICMP echo request, id 7, seq 1, length 64",
            ]
        );
        assert_eq!(
            shown(40)[2..5],
            ["  10.0.0.66 > 10.0.1.236:", "    ESP(spi=0x00000003,seq=0x1), length", "    120",]
        );
        assert!(shown(40).iter().all(|line| line.len() <= 40), "{:?}", shown(40));
    }
}
