use super::canvas::{Canvas, Ink, width_of};
use crate::render::{Map, MapNode};

const MARGIN: f32 = 20.0;
const ROW: f32 = 34.0;
const GAP: f32 = 10.0;
const BOX: f32 = 340.0;

/// Two nodes above the wire, the others below it.
pub(super) fn svg(map: &Map) -> String {
    let width = 2.0 * BOX + 3.0 * MARGIN;
    let mut canvas = Canvas::new(width);
    canvas.text("title", (MARGIN, 34.0), &map.title);
    let top = 52.0;
    let above = map.nodes.len().min(2);
    let height = |nodes: &[MapNode]| nodes.iter().map(height_of).fold(0.0, f32::max);
    let wire = top + height(map.nodes.get(..above).unwrap_or_default()) + 30.0;
    for (at, node) in map.nodes.iter().take(above).enumerate() {
        let x = if at == 0 { MARGIN } else { 2.0 * MARGIN + BOX };
        node_box(&mut canvas, node, (x, top));
        // eth0 is the last of a node's rows, and stands next to the wire.
        let eth0 = (x + BOX / 2.0, top + height_of(node) - GAP);
        canvas.line(Ink::Device, eth0, (eth0.0, wire));
    }
    canvas.rect(Ink::Wire, (MARGIN, wire), (width - 2.0 * MARGIN, 26.0));
    canvas.centred("name", (width / 2.0, wire + 18.0), &map.wire);
    let below = wire + 26.0 + 30.0;
    for (at, node) in map.nodes.iter().skip(above).enumerate() {
        let x = if at % 2 == 0 { MARGIN } else { 2.0 * MARGIN + BOX };
        canvas.line(Ink::Device, (x + BOX / 2.0, wire + 26.0), (x + BOX / 2.0, below));
        node_box(&mut canvas, node, (x, below));
    }
    let mut y = below + height(map.nodes.get(above..).unwrap_or_default()) + 26.0;
    for sentence in &map.legend {
        canvas.text("quiet", (MARGIN, y), &sentence.replace('`', ""));
        y += 20.0;
    }
    canvas.finish(y, &map.title)
}

fn height_of(node: &MapNode) -> f32 {
    node.rows.iter().fold(34.0, |height, _| height + ROW + GAP)
}

fn node_box(canvas: &mut Canvas, node: &MapNode, (x, y): (f32, f32)) {
    canvas.rect(Ink::Node, (x, y), (BOX, height_of(node)));
    let here = node.here.as_ref().map_or_else(String::new, |here| format!(" ({here})"));
    canvas.text("name", (x + 12.0, y + 22.0), &format!("{}{here}", node.name));
    let mut top = y + 34.0;
    for row in &node.rows {
        let ink = if row.name.starts_with("pod") { Ink::Pod } else { Ink::Device };
        canvas.rect(ink, (x + 12.0, top), (BOX - 24.0, ROW));
        canvas.text("name", (x + 24.0, top + 22.0), &row.name);
        canvas.text("quiet", (x + 36.0 + width_of(&row.name), top + 22.0), &row.what);
        let numbers: Vec<String> = row.packets.iter().map(ToString::to_string).collect();
        let numbers = numbers.join(" ");
        canvas.text("cipher", (x + BOX - 24.0 - width_of(&numbers), top + 22.0), &numbers);
        if row.pair {
            // The two ends of a veth.
            canvas.line(Ink::Device, (x + 60.0, top + ROW), (x + 60.0, top + ROW + GAP));
        }
        top += ROW + GAP;
    }
}
