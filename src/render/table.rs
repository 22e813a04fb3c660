use super::{Line, Look, Role};

/// A table; every row has as many cells as `header`, missing ones are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// The names of the columns.
    pub header: Vec<Line>,
    /// The rows.
    pub rows: Vec<Vec<Line>>,
}

/// Cells between two columns.
const GAP: usize = 2;
/// A column that must give way is never made narrower than this.
const NARROWEST: usize = 12;

impl Table {
    /// A table of plain cells.
    pub fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|name| Line::from(*name)).collect(), rows: Vec::new() }
    }

    /// The lines of the table: columns where they fit (the widest one wrapped if need be), else a group of
    /// `name: value` lines for each row, which is also what a screen reader gets.
    pub fn lines(&self, look: &Look) -> Vec<Line> {
        let spelled = |row: &Vec<Line>| row.iter().map(|cell| look.spelled(cell)).collect();
        let table = Self { header: spelled(&self.header), rows: self.rows.iter().map(spelled).collect() };
        match table.widths(look) {
            Some(widths) if !look.plain => table.columns(&widths),
            _ => table.flat(look),
        }
    }

    fn widths(&self, look: &Look) -> Option<Vec<usize>> {
        let columns = self.header.len();
        let mut widths: Vec<usize> = self.header.iter().map(Line::width).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let room = look.width.checked_sub(GAP * columns.saturating_sub(1))?;
        loop {
            let total: usize = widths.iter().sum();
            if total <= room {
                return Some(widths);
            }
            let widest = widths.iter_mut().max()?;
            let wanted = widest.saturating_sub(total - room).max(NARROWEST);
            if wanted >= *widest {
                return None;
            }
            *widest = wanted;
        }
    }

    fn columns(&self, widths: &[usize]) -> Vec<Line> {
        let mut lines = Vec::new();
        if self.header.iter().any(|cell| cell.width() > 0) {
            let header: Vec<Line> = self.header.iter().map(|cell| Line::of(cell.plain(), Role::Heading)).collect();
            lines.extend(row_lines(&header, widths));
            let across = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
            lines.push(Line::of("─".repeat(across), Role::Quiet));
        }
        for row in &self.rows {
            lines.extend(row_lines(row, widths));
        }
        lines
    }

    fn flat(&self, look: &Look) -> Vec<Line> {
        let mut lines = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            if number > 0 {
                lines.push(Line::default());
            }
            for (name, cell) in self.header.iter().zip(row) {
                if cell.width() == 0 {
                    continue;
                }
                let mut line = Line::default();
                if name.width() > 0 {
                    line.push(super::Span::new(format!("{}: ", name.plain()), Role::Strong));
                }
                line.append(cell.clone());
                lines.extend(line.wrapped(look.width));
            }
        }
        lines
    }
}

/// One row, its cells wrapped to their widths.
fn row_lines(row: &[Line], widths: &[usize]) -> Vec<Line> {
    let cells: Vec<Vec<Line>> = row.iter().zip(widths).map(|(cell, width)| cell.wrapped(*width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    (0..height)
        .map(|at| {
            let mut line = Line::default();
            for (number, (cell, width)) in cells.iter().zip(widths).enumerate() {
                let part = cell.get(at).cloned().unwrap_or_default();
                let blank = width.saturating_sub(part.width());
                line.append(part);
                if number + 1 < cells.len() {
                    line.push(super::Span::new(" ".repeat(blank + GAP), Role::Text));
                }
            }
            line
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["mark", "meaning"]);
        table.rows.push(vec!["0xd00".into(), "decrypt: the packet came in encrypted".into()]);
        table.rows.push(vec!["0xe00".into(), "encrypt".into()]);
        table
    }

    fn lines(width: usize, plain: bool) -> Vec<String> {
        let look = Look { width, colour: false, unicode: true, plain };
        table().lines(&look).iter().map(Line::plain).collect()
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(
            lines(80, false),
            [
                "mark   meaning",
                "────────────────────────────────────────────",
                "0xd00  decrypt: the packet came in encrypted",
                "0xe00  encrypt",
            ]
        );
    }

    #[test]
    fn the_widest_column_gives_way() {
        assert_eq!(lines(30, false)[2..4], ["0xd00  decrypt: the packet", "       came in encrypted"]);
    }

    #[test]
    fn a_table_too_narrow_or_read_aloud_becomes_name_and_value() {
        let expected =
            ["mark: 0xd00", "meaning: decrypt: the packet came in encrypted", "", "mark: 0xe00", "meaning: encrypt"];
        assert_eq!(lines(80, true), expected);
        assert_eq!(lines(16, false)[0], "mark: 0xd00");
    }
}
