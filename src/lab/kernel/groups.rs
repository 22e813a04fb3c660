//! Groups in a user namespace of one user: there are none to change, and the kernel refuses to try.

use std::io;

use seccompiler::{apply_filter, sock_filter};

/// Lets `setgroups(2)` succeed without doing anything, for this thread and all that it starts.
///
/// An ordinary user's own user namespace has `/proc/PID/setgroups` at `deny` (user_namespaces(7)), so `initgroups(3)`
/// fails there even for its root; tcpdump, for one, calls that before it opens a capture, and ends (tcpdump.c 4.99,
/// `droproot`). Nobody in such a namespace has groups to lose: saying yes changes nothing but the answer. A processor
/// whose numbers are not known here is left as it is.
pub(super) fn pretend_to_set() -> io::Result<()> {
    let Some((architecture, setgroups)) = numbers(std::env::consts::ARCH) else { return Ok(()) };
    // Elsewhere a child of this process calls with another processor's numbers (32-bit programs): those pass.
    let program = [
        load(ARCHITECTURE),
        unless(architecture, 3),
        load(NUMBER),
        unless(setgroups, 1),
        answer(SUCCESS),
        answer(ALLOW),
    ];
    apply_filter(&program).map_err(io::Error::other)
}

/// Whether [`pretend_to_set`] works here: tried in a thread that ends at once, since a filter cannot be taken off again.
pub(super) fn can_pretend() -> io::Result<()> {
    let tried = std::thread::spawn(pretend_to_set).join();
    tried.unwrap_or_else(|_| Err(io::Error::other("the attempt ended early")))
}

/// `AUDIT_ARCH_*` (include/uapi/linux/audit.h) and the number of `setgroups`.
fn numbers(processor: &str) -> Option<(u32, u32)> {
    match processor {
        "x86_64" => Some((0xc000_003e, 116)),
        "aarch64" => Some((0xc000_00b7, 159)),
        "riscv64" => Some((0xc000_00f3, 159)),
        _ => None,
    }
}

/// Offsets in `struct seccomp_data` (include/uapi/linux/seccomp.h).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// `SECCOMP_RET_ERRNO` with error 0: the call is not made, and its answer is success.
const SUCCESS: u32 = 0x0005_0000;
/// `SECCOMP_RET_ALLOW`.
const ALLOW: u32 = 0x7fff_0000;

/// `BPF_LD | BPF_W | BPF_ABS`.
const fn load(offset: u32) -> sock_filter {
    sock_filter { code: 0x20, jt: 0, jf: 0, k: offset }
}

/// `BPF_JMP | BPF_JEQ | BPF_K`: goes on if it is `value`, else jumps over `over` instructions.
const fn unless(value: u32, over: u8) -> sock_filter {
    sock_filter { code: 0x15, jt: 0, jf: over, k: value }
}

/// `BPF_RET | BPF_K`.
const fn answer(what: u32) -> sock_filter {
    sock_filter { code: 0x06, jt: 0, jf: 0, k: what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setgroups_succeeds_and_everything_else_is_as_before() {
        // In a thread of its own: a filter cannot be taken off again.
        let ended = std::thread::spawn(|| {
            pretend_to_set().expect("this kernel has seccomp filters");
            // An ordinary user may not do this; root may, and would then be in group 12345.
            std::process::Command::new("setpriv").args(["--groups", "12345", "id", "-G"]).output()
        });
        let Ok(output) = ended.join().expect("no panic") else {
            let _ = io::Write::write_all(&mut io::stderr(), b"skipped: no setpriv here\n");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("12345"), "{said}");
    }
}
