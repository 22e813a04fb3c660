//! The model of a cluster's datapath: network stacks, devices, marks, hooks; it walks one packet through them and gives
//! the hops, each with its reason and its bytes.
//!
//! One model, three uses: it forwards the simulator's packets, explains a real node from the text of its `ip`
//! commands, and answers `:trace`. Knows no Docker, no netlink, no real time; randomness is an argument.
