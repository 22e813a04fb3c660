use super::canvas::{Canvas, Ink, width_of};
use crate::decrypt::Verdict;
use crate::packet::{Node, Tree};
use crate::render::{Line, Look, Role};
use crate::words::Words;

/// The octets of one opened ESP packet in tunnel mode, from the outer IP header to the ICV.
#[derive(Debug, Clone, PartialEq)]
pub struct EspLayout {
    /// What stands above it.
    pub title: String,
    /// The fields in the order of the wire.
    pub fields: Vec<EspField>,
    /// What the two brackets say: covered by the ICV, encrypted.
    pub covered: (String, String),
}

/// A field of the packet.
#[derive(Debug, Clone, PartialEq)]
pub struct EspField {
    /// Its name.
    pub name: String,
    /// What it says in this packet.
    pub value: String,
    /// The first octet, from the start of the outer IP header.
    pub offset: usize,
    /// How many octets it has.
    pub len: usize,
    /// Whether it is ciphertext on the wire.
    pub encrypted: bool,
    /// Whether the ICV covers it.
    pub authenticated: bool,
}

impl EspLayout {
    /// The layout of a frame that was opened, its link header left out; `None` of one that was not.
    pub fn of(frame: &[u8], verdict: &Verdict<'_>, words: &Words, title: String) -> Option<Self> {
        let start = verdict.outer?.start;
        let packet = frame.get(start..)?;
        let esp = verdict.esp().next()?;
        let opened = esp.opened?;
        let say = |id: &str| words.say(id, &[]);
        let mut fields = Vec::new();
        let outer = Tree::of_ip(packet);
        let header = outer.layers.first()?;
        fields.push(EspField::plain(say("picture-esp-outer"), header.value.clone(), 0, header.range.len()));
        let at = esp.offset.checked_sub(start)?;
        let own = esp.tree();
        let field = |id: &str| own.children.iter().find(|node| node.id == id);
        let add = |fields: &mut Vec<EspField>, node: &Node, name: &str, encrypted: bool, authenticated: bool| {
            if !node.range.is_empty() {
                fields.push(EspField {
                    name: say(name),
                    value: node.value.clone(),
                    offset: at + node.range.start,
                    len: node.range.len(),
                    encrypted,
                    authenticated,
                });
            }
        };
        add(&mut fields, field("esp.spi")?, "picture-esp-spi", false, true);
        add(&mut fields, field("esp.sequence")?, "picture-esp-seq", false, true);
        add(&mut fields, field("esp.iv")?, "picture-esp-iv", false, false);
        // What is inside, layer by layer, as far as it is one IP packet.
        let payload = esp.packet.get(opened.payload.clone())?;
        let inner = Tree::of_ip(payload);
        for layer in &inner.layers {
            fields.push(EspField {
                name: words.say("picture-esp-inner", &[("layer", layer.name.into())]),
                value: layer.value.clone(),
                offset: at + opened.payload.start + layer.range.start,
                len: layer.range.len(),
                encrypted: true,
                authenticated: true,
            });
        }
        add(&mut fields, field("esp.pad")?, "picture-esp-pad", true, true);
        add(&mut fields, field("esp.pad_len")?, "picture-esp-pad-len", true, true);
        add(&mut fields, field("esp.protocol")?, "picture-esp-next", true, true);
        add(&mut fields, field("esp.icv")?, "picture-esp-icv", false, false);
        Some(Self { title, fields, covered: (say("picture-esp-covered"), say("picture-esp-encrypted")) })
    }

    pub(super) fn svg(&self) -> String {
        const MARGIN: f32 = 20.0;
        const LENGTH: f32 = 60.0;
        const GAP: f32 = 2.0;
        // A name is written bold, which is no wider in a font of one width, but some fonts take a little more.
        let names = self.fields.iter().map(|field| width_of(&field.name)).fold(0.0, f32::max) * 1.04;
        let values = self.fields.iter().map(|field| width_of(&cut(&field.value))).fold(0.0, f32::max);
        let box_width = 12.0 + names + LENGTH + 18.0 + values + 12.0;
        let words = 40.0 + width_of(&self.covered.0).max(width_of(&self.covered.1));
        let width = 2.0 * MARGIN + 60.0 + box_width + words;
        let mut canvas = Canvas::new(width);
        canvas.text("title", (MARGIN, 34.0), &self.title);
        let left = MARGIN + 50.0;
        let mut y = 56.0;
        // A bracket beside the fields it holds: covered by the ICV, encrypted. The IV is neither: of it the nonce is made.
        let brackets: [(&str, &str, Ink, f32, Covers); 2] = [
            (&self.covered.0, "name", Ink::Device, 24.0, |field| field.authenticated),
            (&self.covered.1, "cipher", Ink::Cipher, 10.0, |field| field.encrypted),
        ];
        let mut told = [false; 2];
        for field in &self.fields {
            let height = field.height();
            let ink = match (field.encrypted, field.offset) {
                (true, _) => Ink::Cipher,
                (false, 0) => Ink::Quiet,
                (false, _) => Ink::Header,
            };
            canvas.text("quiet", (MARGIN, y + 18.0), &field.offset.to_string());
            canvas.rect(ink, (left, y), (box_width, height));
            let middle = y + height / 2.0 + 5.0;
            canvas.text("name", (left + 12.0, middle), &field.name);
            let length = format!("{} B", field.len);
            let values = left + 12.0 + names + LENGTH + 18.0;
            canvas.text("quiet", (values - 18.0 - width_of(&length), middle), &length);
            canvas.text("", (values, middle), &cut(&field.value));
            for ((words, class, ink, x, covers), told) in brackets.iter().zip(&mut told) {
                if covers(field) {
                    let x = left + box_width + x;
                    canvas.line(*ink, (x, y), (x, y + height + GAP));
                    if !*told {
                        canvas.text(class, (left + box_width + 36.0, y + 18.0), words);
                        *told = true;
                    }
                }
            }
            y += height + GAP;
        }
        canvas.finish(y + 14.0, &self.title)
    }

    pub(super) fn lines(&self, look: &Look) -> Vec<Line> {
        let mut lines = Line::of(self.title.clone(), Role::Heading).wrapped(look.width);
        let names = self.fields.iter().map(|field| textwrap::core::display_width(&field.name)).max().unwrap_or(0);
        for field in &self.fields {
            let role = if field.encrypted { Role::Cipher } else { Role::Text };
            let pad = " ".repeat(names.saturating_sub(textwrap::core::display_width(&field.name)));
            let sign = match (field.encrypted, field.authenticated) {
                (true, _) => '*',
                (false, true) => '+',
                (false, false) => ' ',
            };
            let line = Line::of(format!("{:>4} {:>3} B {sign} ", field.offset, field.len), Role::Quiet)
                .and(format!("{}{pad}  ", field.name), role)
                .and(cut(&field.value), Role::Text);
            lines.extend(look.spelled(&line).wrapped(look.width));
        }
        let (covered, encrypted) = &self.covered;
        lines.extend(Line::of(format!("+ {covered}"), Role::Quiet).wrapped(look.width));
        lines.extend(Line::of(format!("* {encrypted}, {covered}"), Role::Cipher).wrapped(look.width));
        lines
    }
}

/// Whether a bracket holds a field.
type Covers = fn(&EspField) -> bool;

impl EspField {
    fn plain(name: String, value: String, offset: usize, len: usize) -> Self {
        Self { name, value, offset, len, encrypted: false, authenticated: false }
    }

    /// Longer fields are taller, and none so tall that it hides the others.
    fn height(&self) -> f32 {
        match self.len {
            0..=4 => 28.0,
            5..=16 => 36.0,
            _ => 48.0,
        }
    }
}

/// A value as far as it fits beside its name.
fn cut(value: &str) -> String {
    const LONGEST: usize = 48;
    if value.chars().count() <= LONGEST {
        return value.to_owned();
    }
    value.chars().take(LONGEST - 1).chain(['…']).collect()
}
