//! From meaning to screen: Markdown, packet trees, tables, maps become styled blocks; blocks become terminal text,
//! plain text or a cast.
//!
//! Three stages, each a plain function: Markdown becomes [`Block`]s ([`markdown()`]); blocks become [`Line`]s of a width
//! ([`layout()`]); lines become octets ([`paint()`]). A [`Look`] says what the reader's screen can show, and [`Console`] is
//! the one place where anything is written.

mod block;
mod cast;
mod cluster_map;
mod console;
mod display;
mod explained;
mod fields;
mod foreign;
mod image;
mod layout;
mod line;
mod live;
mod look;
mod map;
mod markdown;
mod paint;
mod picture;
mod table;

pub use block::Block;
pub use cast::Cast;
pub use cluster_map::Cluster;
pub use console::{Console, Printer};
pub use display::Display;
pub use explained::explained;
pub use fields::{FieldRow, fields};
pub use foreign::{Foreign, sanitised};
pub use image::{Image, ImageError, Protocol};
pub use layout::layout;
pub use line::{Line, Role, Span};
pub use live::{Live, hanging};
pub use look::{Colour, Look, Surroundings};
pub use map::{Map, MapNode, MapRow};
pub use markdown::{inline, markdown};
pub use paint::{ascii, paint};
pub use picture::{EspField, EspLayout, Path, Picture, Stop};
pub use table::Table;
