//! The `esplain` command.

fn main() {}
