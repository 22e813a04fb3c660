//! What esplain does on the machine that the tests run on, without a kernel of its own: one binary, since each links
//! slowly, and since its tests run side by side.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it skips")]

mod author;
mod call;
mod captures;
mod course;
mod damage;
mod datapath;
mod decrypt;
mod iproute2;
mod lines;
mod predict;
mod recording;
mod shared;
mod simulator;
mod tcpdump;
mod trace;
