use super::{Line, Table};

/// A block of a text, before it has a width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading; 1 is the highest level.
    Heading(u8, Line),
    /// Running text.
    Paragraph(Line),
    /// Text that keeps its line breaks: a command, a tool's output.
    Code(Vec<String>),
    /// A list, numbered from the given number or with bullets.
    List(Option<u64>, Vec<Vec<Block>>),
    /// A quotation.
    Quote(Vec<Block>),
    /// A table.
    Table(Table),
    /// Lines that are already laid out, such as a map.
    Lines(Vec<Line>),
    /// A line across.
    Rule,
}
