//! The three pictures of the course, drawn from the models that the text is made of: the map, a trace, a verdict.
//!
//! A picture is data; it becomes SVG ([`Picture::svg`]) or lines of text ([`Picture::lines`]), in the language of the
//! words it was made with.

mod architecture;
mod canvas;
mod esp;
mod path;

pub use esp::{EspField, EspLayout};
pub use path::{Path, Stop};

use super::{Line, Look, Map};

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// Nodes, pods and devices.
    Architecture(Map),
    /// Where a packet was seen, one sight after the other.
    Path(Path),
    /// The octets of an ESP packet.
    Esp(EspLayout),
}

impl Picture {
    /// The picture as an SVG document.
    pub fn svg(&self) -> String {
        match self {
            Self::Architecture(map) => architecture::svg(map),
            Self::Path(path) => path.svg(),
            Self::Esp(layout) => layout.svg(),
        }
    }

    /// The picture as text, for terminals that show none.
    pub fn lines(&self, look: &Look) -> Vec<Line> {
        match self {
            Self::Architecture(map) => map.lines(look),
            Self::Path(path) => path.lines(look),
            Self::Esp(layout) => layout.lines(look),
        }
    }
}
