use super::{Line, Look, Role, Span, inline};

/// A cluster, for drawing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Map {
    /// What stands above it: which lab this is.
    pub title: String,
    /// The nodes.
    pub nodes: Vec<MapNode>,
    /// What joins them.
    pub wire: String,
    /// What is said below it.
    pub legend: Vec<String>,
    /// The words before the numbers of packets, for readers who hear the map.
    pub packets: String,
}

/// A node of the map.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MapNode {
    /// Its short name.
    pub name: String,
    /// Whether the learner is there; said in this word.
    pub here: Option<String>,
    /// Its pods and devices, from the pod to the wire.
    pub rows: Vec<MapRow>,
}

/// A pod or a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MapRow {
    /// Its name.
    pub name: String,
    /// Its address, or what else is to be said.
    pub what: String,
    /// The packets that were seen there, by their numbers.
    pub packets: Vec<usize>,
    /// Whether the row below it is the other end of its veth.
    pub pair: bool,
}

/// The narrowest box that two fit beside each other.
const NARROWEST_BOX: usize = 36;

impl Map {
    /// The map as boxes, two beside each other where the width allows; as sentences for a screen reader.
    pub fn lines(&self, look: &Look) -> Vec<Line> {
        let mut lines = Line::of(self.title.clone(), Role::Heading).wrapped(look.width);
        lines.push(Line::default());
        if look.plain {
            lines.extend(self.told(look));
        } else {
            lines.extend(self.drawn(look));
        }
        for sentence in &self.legend {
            let mut said = Line::default();
            for span in inline(sentence).0 {
                let role = if span.role == Role::Text { Role::Quiet } else { span.role };
                said.push(Span::new(span.text, role));
            }
            lines.extend(look.spelled(&said).wrapped(look.width));
        }
        lines
    }

    fn drawn(&self, look: &Look) -> Vec<Line> {
        let two = look.width >= 2 * NARROWEST_BOX + 2;
        let width = if two { (look.width.min(84) - 2) / 2 } else { look.width.min(60) };
        let mut lines = Vec::new();
        for (number, pair) in self.nodes.chunks(if two { 2 } else { 1 }).enumerate() {
            let boxes: Vec<Vec<Line>> = pair.iter().map(|node| node.boxed(width)).collect();
            let height = boxes.iter().map(Vec::len).max().unwrap_or(0);
            for at in 0..height {
                let mut line = Line::default();
                for (column, lines) in boxes.iter().enumerate() {
                    if column > 0 {
                        line.push(Span::new("  ", Role::Text));
                    }
                    line.append(lines.get(at).cloned().unwrap_or_else(|| Line::text(" ".repeat(width))));
                }
                lines.push(line);
            }
            if number == 0 {
                let across = if two && pair.len() > 1 { 2 * width + 2 } else { width };
                lines.push(wire(&self.wire, across));
            }
        }
        lines
    }

    fn told(&self, look: &Look) -> Vec<Line> {
        let mut lines = Vec::new();
        for node in &self.nodes {
            let here = node.here.as_ref().map_or_else(String::new, |here| format!(" ({here})"));
            lines.push(Line::text(format!("{}{here}:", node.name)));
            for row in &node.rows {
                let mut text = format!("  {} {}", row.name, row.what).trim_end().to_owned();
                if !row.packets.is_empty() {
                    let numbers: Vec<String> = row.packets.iter().map(ToString::to_string).collect();
                    text = format!("{text}; {} {}", self.packets, numbers.join(", "));
                }
                lines.extend(Line::text(text).wrapped(look.width));
            }
        }
        lines.extend(Line::text(self.wire.clone()).wrapped(look.width));
        lines
    }
}

impl MapNode {
    fn boxed(&self, width: usize) -> Vec<Line> {
        let inside = width.saturating_sub(4);
        let mut title = format!(" {} ", self.name);
        if let Some(here) = &self.here {
            title = format!(" {} ({here}) ", self.name);
        }
        let used = textwrap::core::display_width(&title);
        let mut lines = vec![
            Line::of("┌", Role::Quiet)
                .and(title, Role::Device)
                .and(format!("{}┐", "─".repeat(width.saturating_sub(used + 2))), Role::Quiet),
        ];
        let names = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(0).min(16);
        for row in &self.rows {
            lines.push(row.boxed(names, inside));
        }
        lines.push(Line::of(format!("└{}┘", "─".repeat(width.saturating_sub(2))), Role::Quiet));
        lines
    }
}

impl MapRow {
    fn boxed(&self, names: usize, inside: usize) -> Line {
        let name = Line::text(format!("{:names$}  ", self.name));
        let mut numbers = self.packets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        if numbers.len() > inside.saturating_sub(name.width() + 1) {
            // The first and the last say the most of a long row.
            let ends = [self.packets.first(), self.packets.last()].into_iter().flatten();
            numbers = ends.map(ToString::to_string).collect::<Vec<_>>().join("…");
        }
        // Where a packet was seen matters more than what the device is: the description makes room for the numbers.
        let taken = if numbers.is_empty() { 0 } else { textwrap::core::display_width(&numbers) + 1 };
        let left = name.and(self.what.clone(), Role::Quiet).wrapped(inside.saturating_sub(taken));
        let left = left.into_iter().next().unwrap_or_default();
        let blank = inside.saturating_sub(left.width() + textwrap::core::display_width(&numbers));
        let mut line = Line::of("│ ", Role::Quiet);
        line.append(left);
        line.push(Span::new(" ".repeat(blank), Role::Text));
        line.push(Span::new(numbers, Role::Cipher));
        line.and(" │", Role::Quiet)
    }
}

fn wire(name: &str, width: usize) -> Line {
    let name = format!(" {name} ");
    let side = width.saturating_sub(textwrap::core::display_width(&name)) / 2;
    let rest = width.saturating_sub(textwrap::core::display_width(&name) + side);
    Line::of("═".repeat(side), Role::Quiet).and(name, Role::Strong).and("═".repeat(rest), Role::Quiet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, what: &str, packets: &[usize]) -> MapRow {
        MapRow { name: name.into(), what: what.into(), packets: packets.to_vec(), pair: false }
    }

    fn map() -> Map {
        let node = |name: &str, here: Option<&str>, packets: &[usize]| MapNode {
            name: name.into(),
            here: here.map(str::to_owned),
            rows: vec![row("pod-a", "10.0.0.144", &[]), row("eth0", "172.18.0.3", packets)],
        };
        Map {
            title: "The cluster (simulated)".into(),
            nodes: vec![
                node("worker", Some("you"), &[4, 5]),
                node("worker2", None, &[]),
                node("control-plane", None, &[]),
            ],
            wire: "kind network".into(),
            legend: vec![],
            packets: "packets".into(),
        }
    }

    fn drawn(width: usize, plain: bool) -> Vec<String> {
        let look = Look { width, colour: false, unicode: !plain, plain };
        map().lines(&look).iter().map(Line::plain).collect()
    }

    #[test]
    fn two_nodes_stand_beside_each_other_at_eighty_columns() {
        let lines = drawn(80, false);
        assert_eq!(lines[2], format!("┌ worker (you) {}┐  ┌ worker2 {}┐", "─".repeat(23), "─".repeat(28)));
        assert_eq!(
            lines[4],
            format!("│ eth0   172.18.0.3{}4 5 │  │ eth0   172.18.0.3{} │", " ".repeat(15), " ".repeat(18))
        );
        assert!(lines[6].contains(" kind network "));
        assert!(lines.iter().all(|line| textwrap::core::display_width(line) <= 80));
    }

    #[test]
    fn at_forty_columns_they_stand_below_each_other() {
        let lines = drawn(40, false);
        assert!(lines.iter().all(|line| textwrap::core::display_width(line) <= 40), "{lines:#?}");
        assert_eq!(lines.iter().filter(|line| line.starts_with('┌')).count(), 3);
    }

    #[test]
    fn a_long_description_makes_room_for_the_numbers() {
        let line = row("cilium_net", "peer of cilium_host", &[3]).boxed(16, 36).plain();
        assert_eq!(line, "│ cilium_net        peer of          3 │");
    }

    #[test]
    fn a_screen_reader_hears_sentences() {
        assert_eq!(drawn(80, true)[2..5], ["worker (you):", "  pod-a 10.0.0.144", "  eth0 172.18.0.3; packets 4, 5"]);
    }
}
