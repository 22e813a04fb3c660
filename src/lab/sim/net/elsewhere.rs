/// What a program says, behind its name, of a word that the embedded lab leaves to the kernel's. Without a line end.
pub(super) fn elsewhere(what: &str) -> String {
    format!("{what}: not in the simulated lab; the kernel lab has it: esplain learn --lab kernel")
}
