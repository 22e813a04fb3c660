use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{Block, Line, Role, Span, Table, sanitised};

/// Markdown (CommonMark with tables) as blocks. HTML is shown as it stands; links show their text and then, where it
/// differs, their address.
pub fn markdown(text: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        reader.take(event);
    }
    reader.finish()
}

/// The first paragraph of a Markdown text, as one line: for sentences that stand inside something else. What is no
/// paragraph in Markdown (it begins like a list, say) is taken as it stands.
pub fn inline(text: &str) -> Line {
    markdown(text)
        .into_iter()
        .find_map(|block| match block {
            Block::Paragraph(line) | Block::Heading(_, line) => Some(line),
            _ => None,
        })
        .unwrap_or_else(|| Line::text(sanitised(text)))
}

/// Blocks under construction: the innermost container is last.
#[derive(Default)]
struct Reader {
    done: Vec<Block>,
    open: Vec<Container>,
    line: Line,
    roles: Vec<Role>,
    link: Option<(String, String)>,
    code: Option<String>,
    table: Option<Table>,
    row: Vec<Line>,
}

enum Container {
    Quote(Vec<Block>),
    List(Option<u64>, Vec<Vec<Block>>),
    Item(Vec<Block>),
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.push(&text, None),
            },
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.push(&text, Some(Role::Code));
            }
            Event::Html(text) | Event::InlineHtml(text) => self.push(&text, None),
            Event::SoftBreak => self.soft_break(),
            Event::HardBreak => self.line.push(Span::new("\n", Role::Text)),
            Event::Rule => self.add(Block::Rule),
            Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::BlockQuote(_) => self.open.push(Container::Quote(Vec::new())),
            Tag::List(first) => {
                self.flush();
                self.open.push(Container::List(first, Vec::new()));
            }
            Tag::Item => self.open.push(Container::Item(Vec::new())),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.flush();
                self.code = Some(String::new());
            }
            Tag::Emphasis => self.roles.push(Role::Emphasis),
            Tag::Strong => self.roles.push(Role::Strong),
            Tag::Link { dest_url, .. } => self.link = Some((dest_url.into_string(), self.line.plain())),
            Tag::Table(_) => self.table = Some(Table::default()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.flush(),
            TagEnd::Heading(level) => {
                let text = std::mem::take(&mut self.line);
                self.add(Block::Heading(depth(level), text));
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => self.close(),
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                self.add(Block::Code(code.lines().map(sanitised).collect()));
            }
            TagEnd::Emphasis | TagEnd::Strong => {
                self.roles.pop();
            }
            TagEnd::Link => {
                if let Some((address, before)) = self.link.take()
                    && !address.starts_with('#')
                    && self.line.plain().get(before.len()..) != Some(&address)
                {
                    self.push(&format!(" <{address}>"), None);
                }
            }
            TagEnd::TableCell => self.row.push(std::mem::take(&mut self.line)),
            TagEnd::TableHead => {
                let header = std::mem::take(&mut self.row);
                if let Some(table) = &mut self.table {
                    table.header = header;
                }
            }
            TagEnd::TableRow => {
                let row = std::mem::take(&mut self.row);
                if let Some(table) = &mut self.table {
                    table.rows.push(row);
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    self.add(Block::Table(table));
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, text: &str, role: Option<Role>) {
        let role = role.or(self.roles.last().copied()).unwrap_or_default();
        self.line.push(Span::new(sanitised(text), role));
    }

    /// A line end in the source is a blank, except between two Chinese characters, where it is nothing.
    fn soft_break(&mut self) {
        let wide = self.line.0.last().and_then(|span| span.text.chars().last()).is_some_and(is_wide);
        if !wide {
            self.line.push(Span::new(" ", self.roles.last().copied().unwrap_or_default()));
        }
    }

    /// Text that no paragraph holds (a tight list's item) becomes one.
    fn flush(&mut self) {
        if !self.line.0.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.add(Block::Paragraph(line));
        }
    }

    fn close(&mut self) {
        self.flush();
        match self.open.pop() {
            Some(Container::Quote(blocks)) => self.add(Block::Quote(blocks)),
            Some(Container::List(first, items)) => self.add(Block::List(first, items)),
            Some(Container::Item(blocks)) => match self.open.last_mut() {
                Some(Container::List(_, items)) => items.push(blocks),
                _ => blocks.into_iter().for_each(|block| self.add(block)),
            },
            None => {}
        }
    }

    fn add(&mut self, block: Block) {
        match self.open.last_mut() {
            Some(Container::Quote(blocks) | Container::Item(blocks)) => blocks.push(block),
            Some(Container::List(_, items)) => items.push(vec![block]),
            None => self.done.push(block),
        }
    }

    fn finish(mut self) -> Vec<Block> {
        self.flush();
        self.done
    }
}

fn depth(level: HeadingLevel) -> u8 {
    level as u8
}

fn is_wide(letter: char) -> bool {
    unicode_width::UnicodeWidthChar::width(letter) == Some(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_keep_their_roles() {
        let line = inline("Type `ip x s` and **read** the *mark*.");
        let roles: Vec<Role> = line.0.iter().map(|span| span.role).collect();
        assert_eq!(roles, [Role::Text, Role::Code, Role::Text, Role::Strong, Role::Text, Role::Emphasis, Role::Text]);
    }

    #[test]
    fn a_sentence_never_vanishes() {
        assert_eq!(inline("- is no option").plain(), "- is no option");
        assert_eq!(inline("> quoted").plain(), "> quoted");
        assert_eq!(inline("").plain(), "");
    }

    #[test]
    fn a_line_end_between_chinese_characters_is_no_blank() {
        assert_eq!(inline("内核先\n加密").plain(), "内核先加密");
        assert_eq!(inline("the\nkernel").plain(), "the kernel");
    }

    #[test]
    fn a_table_keeps_its_cells() {
        let blocks = markdown("| mark | meaning |\n|---|---|\n| `0xd00` | decrypt |\n");
        let [Block::Table(table)] = blocks.as_slice() else { panic!("{blocks:?}") };
        assert_eq!(table.header.iter().map(Line::plain).collect::<Vec<_>>(), ["mark", "meaning"]);
        assert_eq!(table.rows[0][0], Line::of("0xd00", Role::Code));
    }

    #[test]
    fn nested_lists_nest() {
        let blocks = markdown("1. one\n   - deep\n2. two\n");
        let [Block::List(Some(1), items)] = blocks.as_slice() else { panic!("{blocks:?}") };
        assert!(matches!(items[0].as_slice(), [Block::Paragraph(_), Block::List(None, _)]));
        assert_eq!(items.len(), 2);
    }

    #[test]
    fn a_link_says_where_it_leads() {
        assert_eq!(
            inline("see [RFC 4106](https://rfc.example/4106)").plain(),
            "see RFC 4106 <https://rfc.example/4106>"
        );
        assert_eq!(inline("<https://rfc.example/4106>").plain(), "https://rfc.example/4106");
    }

    #[test]
    fn escape_sequences_in_a_lesson_are_not_obeyed() {
        assert_eq!(inline("a\u{1b}[2Jb").plain(), "a^[[2Jb");
    }
}
