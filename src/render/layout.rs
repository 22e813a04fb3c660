use super::{Block, Line, Look, Role, Span};

/// Blocks as lines of at most `look.width` cells, with a blank line between two blocks.
pub fn layout(blocks: &[Block], look: &Look) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for block in blocks {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(block_lines(block, look));
    }
    lines
}

fn block_lines(block: &Block, look: &Look) -> Vec<Line> {
    match block {
        Block::Heading(level, text) => heading(*level, text, look),
        Block::Paragraph(text) => paragraph(text, look),
        // Code is not wrapped: what is copied from the screen must be what was meant. It loses its indent before it
        // loses its line.
        Block::Code(code) => {
            let widest = code.iter().map(|line| textwrap::core::display_width(line)).max().unwrap_or(0);
            let indent = if widest + 2 <= look.width { "  " } else { "" };
            code.iter().map(|line| Line::text(indent).and(line.clone(), Role::Block)).collect()
        }
        Block::List(first, items) => list(*first, items, look),
        Block::Quote(blocks) => {
            let bar = if look.plain { "" } else { "│ " };
            prefixed(layout(blocks, &narrower(look, 2)), &Span::new(bar, Role::Quiet), bar)
        }
        Block::Table(table) => table.lines(look),
        Block::Lines(lines) => lines.clone(),
        Block::Rule if look.plain => Vec::new(),
        Block::Rule => vec![Line::of("─".repeat(look.width.min(40)), Role::Quiet)],
    }
}

fn heading(level: u8, text: &Line, look: &Look) -> Vec<Line> {
    let mut lines = look.spelled(&Line::of(text.plain(), Role::Heading)).wrapped(look.width);
    if level <= 2 && !look.colour && !look.plain {
        let widest = lines.iter().map(Line::width).max().unwrap_or(0);
        lines.push(Line::text("─".repeat(widest)));
    }
    lines
}

fn paragraph(text: &Line, look: &Look) -> Vec<Line> {
    let shown = look.spelled(text);
    split_at_newlines(&shown).iter().flat_map(|line| line.wrapped(look.width)).collect()
}

/// A hard break in Markdown arrives as a newline inside a span.
fn split_at_newlines(line: &Line) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    for span in &line.0 {
        for (number, part) in span.text.split('\n').enumerate() {
            if number > 0 {
                lines.push(Line::default());
            }
            if let Some(last) = lines.last_mut()
                && !part.is_empty()
            {
                last.push(Span::new(part, span.role));
            }
        }
    }
    lines
}

fn list(first: Option<u64>, items: &[Vec<Block>], look: &Look) -> Vec<Line> {
    let mut lines = Vec::new();
    let loose = items.iter().any(|item| item.iter().filter(|block| matches!(block, Block::Paragraph(_))).count() > 1);
    for (number, item) in (first.unwrap_or(1)..).zip(items) {
        let sign = match first {
            Some(_) => format!("{number}. "),
            None => look.letters("• ").into_owned(),
        };
        let indent = " ".repeat(textwrap::core::display_width(&sign));
        if loose && !lines.is_empty() {
            lines.push(Line::default());
        }
        let inner = item_lines(item, &narrower(look, indent.len()));
        lines.extend(prefixed(inner, &Span::new(sign, Role::Quiet), &indent));
    }
    lines
}

/// As [`layout`], but a nested list follows its text without a blank line.
fn item_lines(item: &[Block], look: &Look) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for block in item {
        if !lines.is_empty() && !matches!(block, Block::List(..)) {
            lines.push(Line::default());
        }
        lines.extend(block_lines(block, look));
    }
    lines
}

fn prefixed(lines: Vec<Line>, first: &Span, rest: &str) -> Vec<Line> {
    let mut out = Vec::with_capacity(lines.len());
    for (number, line) in lines.into_iter().enumerate() {
        let sign = if number == 0 { first.clone() } else { Span::new(rest, Role::Quiet) };
        let mut full = Line::default();
        if number == 0 || line.width() > 0 {
            full.push(sign);
        }
        full.append(line);
        out.push(full);
    }
    out
}

fn narrower(look: &Look, by: usize) -> Look {
    Look { width: look.width.saturating_sub(by).max(8), ..*look }
}

#[cfg(test)]
mod tests {
    use super::super::markdown;
    use super::*;

    fn shown(text: &str, look: Look) -> String {
        super::super::paint(&layout(&markdown(text), &look), &look)
    }

    const NARROW: Look = Look { width: 40, colour: false, unicode: true, plain: false };

    #[test]
    fn a_step_reads_well_at_forty_columns() {
        let text = "# Marks\n\nThe mark `0x3e00` says *encrypt* with **SPI 3**, which the kernel reads.\n\n\
                    1. type `ip x s`\n2. look for the `mark` line, which is the third one\n   - deep\n\n\
                    > A mark never leaves the node.\n\n```\nip xfrm state\n```\n";
        assert_eq!(
            shown(text, NARROW),
            "Marks\n─────\n\nThe mark `0x3e00` says encrypt with SPI\n3, which the kernel reads.\n\n\
             1. type `ip x s`\n2. look for the `mark` line, which is\n   the third one\n   • deep\n\n\
             │ A mark never leaves the node.\n\n  ip xfrm state\n"
        );
    }

    #[test]
    fn a_screen_reader_gets_no_drawing() {
        let look = Look { plain: true, unicode: false, ..NARROW };
        let text = "# Marks\n\n> quoted\n\n---\n\n- one\n";
        assert_eq!(shown(text, look), "Marks\n\nquoted\n\n\n\n* one\n".replace("\n\n\n\n", "\n\n\n"));
    }
}
