//! The guided shell: line editing, `:` commands, jobs, the live packet feed.
