//! Capture files and pipes: pcap, pcapng, gzip of these; BPF filters; writers. Memory stays constant in the size of a
//! capture.

mod buffer;
mod error;
mod filter;
mod pcap;
mod pcapng;
mod program;
mod reader;
mod writer;

pub use error::CaptureError;
pub use filter::{Filter, FilterError};
pub use program::Instruction;
pub use reader::{Interface, Precision, Reader, Record};
pub use writer::{Format, Writer};
