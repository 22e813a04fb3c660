//! The routing policy database (RPDB: `ip rule`) and the forwarding tables (FIB: `ip route`): text both ways, and lookup.
