use svg::Document;
use svg::node::element::{Group, Line, Rectangle, Style, Text};

/// The size of letters, in pixels; a letter of the fixed-width font is 0.6 of it.
pub(super) const LETTER: f32 = 13.0;

/// A sheet that is drawn on from top to bottom.
pub(super) struct Canvas {
    width: f32,
    all: Group,
}

/// What something is, which is its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Node,
    Device,
    Pod,
    Wire,
    Clear,
    Cipher,
    Header,
    Quiet,
}

impl Ink {
    fn class(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Device => "device",
            Self::Pod => "pod",
            Self::Wire => "wire",
            Self::Clear => "clear",
            Self::Cipher => "cipher",
            Self::Header => "header",
            Self::Quiet => "quiet",
        }
    }
}

/// Every colour stands here. Text is dark on light: the sheet brings its own background, whatever it is shown on.
const STYLE: &str = "
text { font-family: 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', 'Noto Sans CJK SC', 'WenQuanYi Zen Hei Mono', monospace; font-size: 13px; fill: #1b2733; }
text.title { font-size: 17px; font-weight: bold; }
text.name { font-weight: bold; }
text.quiet { fill: #5b6b7a; }
text.clear { fill: #a33b12; }
text.cipher { fill: #0b6b4f; }
rect.sheet { fill: #ffffff; }
rect.node { fill: #f2f6fa; stroke: #9fb3c8; }
rect.device { fill: #ffffff; stroke: #6b7f93; }
rect.pod { fill: #fff1e0; stroke: #d98324; }
rect.wire { fill: #dfe7ef; stroke: none; }
rect.clear { fill: #ffe3d6; stroke: #d1603d; }
rect.cipher { fill: #d8f3e6; stroke: #2a9d6f; }
rect.header { fill: #e4ecf7; stroke: #7189ad; }
rect.quiet { fill: #f4f4f4; stroke: #b9b9b9; }
line { stroke-width: 2; stroke: #6b7f93; }
line.clear { stroke: #d1603d; }
line.cipher { stroke: #2a9d6f; }
line.quiet { stroke: #d5dde5; stroke-width: 1; }
";

impl Canvas {
    pub(super) fn new(width: f32) -> Self {
        Self { width, all: Group::new() }
    }

    pub(super) fn rect(&mut self, ink: Ink, (x, y): (f32, f32), (width, height): (f32, f32)) {
        self.add(
            Rectangle::new()
                .set("class", ink.class())
                .set("x", x)
                .set("y", y)
                .set("width", width)
                .set("height", height)
                .set("rx", 4),
        );
    }

    pub(super) fn line(&mut self, ink: Ink, from: (f32, f32), to: (f32, f32)) {
        self.add(
            Line::new().set("class", ink.class()).set("x1", from.0).set("y1", from.1).set("x2", to.0).set("y2", to.1),
        );
    }

    pub(super) fn text(&mut self, class: &str, (x, y): (f32, f32), text: &str) {
        self.add(Text::new(text).set("class", class).set("x", x).set("y", y));
    }

    pub(super) fn centred(&mut self, class: &str, (x, y): (f32, f32), text: &str) {
        self.add(Text::new(text).set("class", class).set("x", x).set("y", y).set("text-anchor", "middle"));
    }

    /// The document, cut below `height`.
    pub(super) fn finish(self, height: f32, title: &str) -> String {
        let sheet = Rectangle::new().set("class", "sheet").set("width", self.width).set("height", height).set("rx", 6);
        let document = Document::new()
            .set("width", self.width)
            .set("height", height)
            .set("viewBox", (0, 0, self.width, height))
            .set("role", "img")
            .add(svg::node::element::Title::new(title))
            .add(Style::new(STYLE))
            .add(sheet)
            .add(self.all);
        format!("{document}\n")
    }

    fn add(&mut self, node: impl svg::Node) {
        let all = std::mem::take(&mut self.all);
        self.all = all.add(node);
    }
}

/// The width of a text, in pixels.
pub(super) fn width_of(text: &str) -> f32 {
    // A screen's cells: a Chinese letter takes two.
    f32::from(u16::try_from(textwrap::core::display_width(text)).unwrap_or(u16::MAX)) * LETTER * 0.602
}
