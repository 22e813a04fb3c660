use super::{Line, Look, Role, Span, inline};

/// A layer or field of a packet, as one row of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRow {
    /// How deep it stands; layers are at 0.
    pub depth: usize,
    /// Its name.
    pub name: String,
    /// What it says.
    pub value: String,
    /// Its octets in hex, `0a 00 00 42`; empty for a layer.
    pub octets: String,
    /// What it means here, as Markdown of one line.
    pub meaning: Option<String>,
}

/// The column at which octets stand, where there is room for them beside the field.
const OCTETS_AT: usize = 46;

/// Rows as a tree: a field's octets beside it, what it means below it.
pub fn fields(rows: &[FieldRow], look: &Look) -> Vec<Line> {
    let mut lines = Vec::new();
    for row in rows {
        let indent = " ".repeat(row.depth.min(8) * 2);
        if row.depth == 0 && !lines.is_empty() {
            lines.push(Line::default());
        }
        let (name, value) = if row.depth == 0 { (Role::Heading, Role::Text) } else { (Role::Text, Role::Block) };
        let mut line = Line::text(indent.clone()).and(row.name.clone(), name);
        if !row.value.is_empty() {
            line = line.and(": ", Role::Text).and(row.value.clone(), value);
        }
        let line = look.spelled(&line);
        let beside = !look.plain && line.width() < OCTETS_AT && OCTETS_AT + row.octets.len() <= look.width;
        if row.octets.is_empty() {
            lines.extend(line.wrapped(look.width));
        } else if beside {
            let blank = " ".repeat(OCTETS_AT - line.width());
            lines.push(line.and(blank, Role::Text).and(row.octets.clone(), Role::Quiet));
        } else {
            lines.extend(line.wrapped(look.width));
            lines.extend(under(&Line::of(format!("[{}]", row.octets), Role::Quiet), indent.len() + 4, look));
        }
        if let Some(meaning) = &row.meaning {
            let arrow = if look.plain { "" } else { "→ " };
            let mut said = Line::of(arrow, Role::Emphasis);
            for span in inline(meaning).0 {
                let role = if span.role == Role::Text { Role::Emphasis } else { span.role };
                said.push(Span::new(span.text, role));
            }
            lines.extend(under(&look.spelled(&said), indent.len() + 4, look));
        }
    }
    lines
}

fn under(line: &Line, indent: usize, look: &Look) -> Vec<Line> {
    let indent = indent.min(look.width / 3);
    let wrapped = line.wrapped(look.width.saturating_sub(indent));
    wrapped
        .into_iter()
        .map(|part| {
            let mut full = Line::default();
            full.push(Span::new(" ".repeat(indent), Role::Text));
            full.append(part);
            full
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<FieldRow> {
        let row = |depth, name: &str, value: &str, octets: &str, meaning: Option<&str>| FieldRow {
            depth,
            name: name.into(),
            value: value.into(),
            octets: octets.into(),
            meaning: meaning.map(str::to_owned),
        };
        vec![
            row(0, "Encapsulating Security Payload", "SPI 0x00000003, seq 1", "", None),
            row(1, "ESP SPI", "0x00000003 (3)", "00 00 00 03", Some("the id of the key")),
        ]
    }

    fn shown(width: usize, plain: bool) -> Vec<String> {
        let look = Look { width, colour: false, unicode: !plain, plain };
        fields(&rows(), &look).iter().map(Line::plain).collect()
    }

    #[test]
    fn octets_stand_beside_and_meanings_below() {
        assert_eq!(
            shown(80, false),
            [
                "Encapsulating Security Payload: SPI 0x00000003, seq 1",
                "  ESP SPI: 0x00000003 (3)                     00 00 00 03",
                "      → the id of the key",
            ]
        );
    }

    #[test]
    fn without_room_octets_stand_below_too() {
        assert_eq!(
            shown(40, false)[2..],
            ["  ESP SPI: 0x00000003 (3)", "      [00 00 00 03]", "      → the id of the key"]
        );
        assert_eq!(shown(80, true)[1..3], ["  ESP SPI: 0x00000003 (3)", "      [00 00 00 03]"]);
    }
}
