//! Finds ESP in a frame wherever it hides (VLAN, UDP 4500, VXLAN, ESP in ESP), picks the SA, opens it, and says how
//! that went. The one place where `packet`, `xfrm` and `esp` meet.
//!
//! Pure: frames and SAs come in as values, verdicts go out as values.
