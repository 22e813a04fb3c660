//! esplain: a guided shell that teaches how Cilium's IPsec really moves a packet.
//!
//! The library is a house of rooms: a pure middle (`esp`, `xfrm`, `route`, `packet`, `decrypt`, `datapath`,
//! `command`, `explain`, `course`) that knows neither files nor clock nor terminal, and thin edges around it
//! (`capture`, `lab`, `render`, `shell`, `replay`, `cli`). `ARCHITECTURE.md` states which room may use which,
//! and `tests/architecture.rs` keeps it so.

pub mod capture;
pub mod cli;
pub mod command;
pub mod course;
pub mod datapath;
pub mod decrypt;
pub mod esp;
pub mod explain;
pub mod lab;
pub mod listing;
pub mod packet;
pub mod profile;
pub mod render;
pub mod replay;
pub mod route;
pub mod shell;
pub mod trouble;
pub mod words;
pub mod xfrm;
