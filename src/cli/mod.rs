//! The command line: one file a subcommand, each a thin edge over the rooms.
