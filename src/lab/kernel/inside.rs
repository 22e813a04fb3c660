//! What runs inside the lab's namespaces: `esplain` itself, called by a hidden name (`esplain kernel-lab …`).
//!
//! `hold` is process 1 of the lab. It lives as long as somebody holds the other end of its standard input; the kernel
//! ends everything else in its PID namespace with it, and the namespaces go when the last process in them goes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mount::{MountFlags, mount};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};
use rustix::termios::tcsetpgrp;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::lab::line::LINE;

/// The lab's own folder, on a tmpfs that only the lab sees.
pub(super) const FOLDER: &str = "/run/esplain";
/// Where `ip netns` keeps names.
pub(super) const NETNS: &str = "/run/netns";
/// Programs of the lab that stand before the machine's: their names and texts.
const SHIMS: &[(&str, &str)] = &[
    // As root it would become a user of its own, whom the lab's user namespace does not know.
    ("tcpdump", "#!/bin/sh\nPATH=${PATH#*:}\nexec tcpdump -Z root \"$@\"\n"),
    (
        // Whoever is root needs none, and sudo's own program does not work in a user namespace.
        "sudo",
        "#!/bin/sh\nwhile :; do case $1 in -u | -g) shift 2 ;; --) shift; break ;; -*) shift ;; *=*) export \"$1\"; shift ;; *) break ;; esac; done\nexec \"$@\"\n",
    ),
];
/// Where to go, and as what.
#[derive(Debug, Clone)]
pub struct Door {
    /// The process id of `hold`, as this process sees it.
    pub holder: u32,
    /// The namespace's name; `None` for the lab's own, from which all others are made.
    pub place: Option<String>,
}

/// Process 1 of the lab, called through `unshare --mount --pid --fork …`. Writes `ready PID` (its number outside) and
/// stays until its standard input ends.
pub fn hold() -> io::Result<u8> {
    // The proc file system that is still the outer one knows this process by its outer number.
    let outside = std::fs::read_link("/proc/self")?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let told = |what: &'static str| move |error: rustix::io::Errno| io::Error::other(format!("{what}: {error}"));
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    mount("proc", "/proc", "proc", quiet | MountFlags::NOEXEC, None).map_err(told("cannot mount /proc"))?;
    mount("lab", "/run", "tmpfs", quiet, Some(c"mode=755")).map_err(told("cannot mount a tmpfs on /run"))?;
    // A mount namespace can only be kept on a mount that does not spread.
    for folder in ["", "/ns", "/bin", "/kept", "/etc"] {
        std::fs::create_dir_all(format!("{FOLDER}{folder}"))?;
    }
    std::fs::create_dir_all(NETNS)?;
    mount("lab", &*format!("{FOLDER}/ns"), "tmpfs", quiet, Some(c"mode=755")).map_err(told("cannot mount a tmpfs"))?;
    rustix::mount::mount_change(&*format!("{FOLDER}/ns"), rustix::mount::MountPropagationFlags::PRIVATE)?;
    for (name, text) in SHIMS {
        let path = format!("{FOLDER}/bin/{name}");
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    // No tool of the lab asks a name server: captures hold the learner's packets only.
    std::fs::write(format!("{FOLDER}/etc/nsswitch.conf"), "hosts: files\nnetworks: files\n")?;
    let mut out = io::stdout();
    writeln!(out, "ready {}", outside.display())?;
    out.flush()?;
    std::thread::spawn(|| {
        let mut octets = [0; 64];
        while io::stdin().read(&mut octets).is_ok_and(|read| read > 0) {}
        // Process 1: this ends the lab.
        std::process::exit(0);
    });
    loop {
        // Orphans of the lab come here; nothing else would take notice of their end.
        if rustix::process::wait(rustix::process::WaitOptions::empty()).is_err() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Goes into the lab. Children of this process are in its PID namespace; this process itself stays where it was.
fn enter(door: &Door) -> io::Result<()> {
    let own = |name: &str| format!("/proc/self/ns/{name}");
    let lab = |name: &str| format!("/proc/{}/ns/{name}", door.holder);
    // All are opened before the first is entered: from inside, /proc is another one.
    let mut doors: Vec<(OwnedFd, LinkNameSpaceType)> = Vec::new();
    for (name, kind) in [
        ("user", LinkNameSpaceType::User),
        ("pid", LinkNameSpaceType::ProcessID),
        ("ipc", LinkNameSpaceType::InterProcessCommunication),
        ("uts", LinkNameSpaceType::HostNameAndNISDomainName),
        ("net", LinkNameSpaceType::Network),
        ("mnt", LinkNameSpaceType::Mount),
    ] {
        // Entering one's own user namespace is refused.
        if std::fs::read_link(own(name))? != std::fs::read_link(lab(name))? {
            doors.push((File::open(lab(name))?.into(), kind));
        }
    }
    for (door, kind) in doors {
        move_into_link_name_space(door.as_fd(), Some(kind))?;
    }
    let Some(place) = &door.place else { return Ok(()) };
    let network = File::open(format!("{NETNS}/{place}"))?;
    let kept = |kind: &str| File::open(format!("{FOLDER}/ns/{place}.{kind}"));
    let (names, files) = (kept("uts"), kept("mount"));
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
    if let (Ok(names), Ok(files)) = (names, files) {
        move_into_link_name_space(names.as_fd(), Some(LinkNameSpaceType::HostNameAndNISDomainName))?;
        move_into_link_name_space(files.as_fd(), Some(LinkNameSpaceType::Mount))?;
    }
    Ok(())
}

/// Runs a line of the learner's at a place; gives a shell's exit status. With `terminal`, standard input is one, and
/// becomes the line's controlling terminal.
pub fn line(door: &Door, line: &str, terminal: bool) -> io::Result<u8> {
    let kept = format!("{FOLDER}/kept/{}", door.place.as_deref().unwrap_or("lab"));
    let mut command = Command::new("bash");
    command.args(["-c", LINE, "bash", &kept, line]);
    run(door, command, if terminal { Streams::Terminal } else { Streams::Pipes })
}

/// Runs a command at a place on this process's own streams.
pub fn exec(door: &Door, words: &[String]) -> io::Result<u8> {
    let Some((program, arguments)) = words.split_first() else { return Ok(0) };
    let mut command = Command::new("/usr/bin/env");
    command.arg("--").arg(program).args(arguments);
    run(door, command, Streams::Inherited)
}

/// Builds what standard input says, as JSON; complaints go to standard error.
pub fn build(door: &Door) -> io::Result<u8> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let works = serde_json::from_str(&text).map_err(io::Error::other)?;
    let own = File::open("/proc/self/ns")?;
    enter(door)?;
    let complaints = super::build::build(works, &own)?;
    for complaint in &complaints {
        writeln!(io::stderr(), "{complaint}")?;
    }
    Ok(u8::from(!complaints.is_empty()))
}

/// Runs a script of the lab's own.
pub fn script(door: &Door) -> io::Result<u8> {
    let mut command = Command::new("sh");
    command.arg("-s");
    run(door, command, Streams::Pipes)
}

/// What a command's streams are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Streams {
    /// Pipes of the lab's.
    Pipes,
    /// A terminal that nobody has yet.
    Terminal,
    /// Those of the caller, whatever they are.
    Inherited,
}

fn run(door: &Door, mut command: Command, streams: Streams) -> io::Result<u8> {
    let language = std::env::var("LANG").unwrap_or_else(|_| "C.UTF-8".to_owned());
    let term = std::env::var("TERM").ok().filter(|_| streams != Streams::Pipes).unwrap_or_else(|| "dumb".to_owned());
    if streams == Streams::Terminal {
        rustix::process::setsid()?;
        rustix::process::ioctl_tiocsctty(io::stdin())?;
    }
    // Signals of the group are for the line; this process waits for its end and hands on its status.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGQUIT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    // Asked before this process is inside, where /proc does not know it.
    let groups = std::fs::read_to_string(format!("/proc/{}/setgroups", door.holder)).unwrap_or_default();
    if groups.trim() == "deny" {
        super::groups::pretend_to_set()?;
    }
    enter(door)?;
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    command
        .env_clear()
        .env("PATH", format!("{FOLDER}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
        .envs([("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("SHELL", "/bin/bash")])
        .envs([("LANG", language.as_str()), ("TERM", term.as_str()), ("HOSTNAME", hostname.as_str())])
        .current_dir(if door.place.is_some() { "/root" } else { "/" });
    if streams == Streams::Terminal {
        return on_terminal(command);
    }
    let ended = command.spawn()?.wait()?;
    let status = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal)).unwrap_or(255);
    Ok(u8::try_from(status).unwrap_or(255))
}

/// Runs a line that has this process's terminal, in a process group of its own: a shell within can then have jobs. Says
/// on standard error what [`super::job`] hears.
fn on_terminal(mut command: Command) -> io::Result<u8> {
    command.process_group(0).stderr(io::stdout().as_fd().try_clone_to_owned()?);
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    // A line that looks at its terminal before it has it is stopped by the kernel, so it is told to go on.
    tcsetpgrp(io::stdin(), pid)?;
    kill_process_group(pid, Signal::CONT)?;
    let mut aside = io::stderr();
    aside.write_all(&[super::job::BEGUN])?;
    aside.write_all(&pid.as_raw_nonzero().get().to_ne_bytes())?;
    let status = loop {
        let Some((_, ended)) = waitpid(Some(pid), WaitOptions::UNTRACED)? else { continue };
        if ended.stopped() {
            // Nobody here would ever take it up again: an editor's "suspend" comes back at once.
            kill_process_group(pid, Signal::CONT)?;
            continue;
        }
        break ended.exit_status().or_else(|| ended.terminating_signal().map(|signal| 128 + signal)).unwrap_or(255);
    };
    aside.write_all(&[u8::try_from(status).unwrap_or(255)])?;
    // This process leads the session, and what was typed and not read goes with it: whoever wants that ends this.
    std::thread::sleep(AFTERWARDS);
    Ok(u8::try_from(status).unwrap_or(255))
}

/// Nobody needs longer to look at a terminal.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// Captures at a place and writes pcap to standard output, its header as soon as no packet can be missed any more. An
/// octet on standard input asks for everything that the kernel's ring holds and then a mark; its end for the same, and
/// for the end.
pub fn capture(door: &Door, device: &str, filter: &str) -> io::Result<u8> {
    enter(door)?;
    let any = device == "any";
    let inactive = pcap::Capture::from_device(device).map_err(io::Error::other)?;
    // Immediate mode gives every packet a slot of the whole snap length: not the largest, and a large ring.
    let mut capture = inactive
        .promisc(!any)
        .snaplen(SNAP_LEN)
        .buffer_size(RING)
        .immediate_mode(true)
        .timeout(20)
        .open()
        .map_err(io::Error::other)?;
    if any {
        capture.set_datalink(pcap::Linktype::LINUX_SLL2).map_err(io::Error::other)?;
    }
    if !filter.trim().is_empty() {
        capture.filter(filter, true).map_err(io::Error::other)?;
    }
    let mut capture = capture.setnonblock().map_err(io::Error::other)?;
    let (mut asked, held) = (0, io::stdin());
    let mut stop = false;
    let mut out = io::stdout().lock();
    out.write_all(&file_header(capture.get_datalink().0))?;
    out.flush()?;
    loop {
        loop {
            match capture.next_packet() {
                Ok(packet) => {
                    out.write_all(&record_header(packet.header))?;
                    out.write_all(packet.data)?;
                }
                Err(pcap::Error::TimeoutExpired | pcap::Error::NoMorePackets) => break,
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        if asked > 0 || stop {
            let mark = mark(capture.stats().map_or(0, |stats| stats.dropped));
            out.write_all(&mark.repeat(asked.max(1)))?;
        }
        out.flush()?;
        if stop {
            return Ok(0);
        }
        // Once more through the ring before the answer, and before the end.
        let mut ready = [PollFd::new(&held, PollFlags::IN)];
        let said = poll(&mut ready, Some(&LOOK)).is_ok_and(|ready| ready > 0);
        asked = if said { rustix::io::read(&held, &mut [0_u8; 64]).unwrap_or(0) } else { 0 };
        stop = said && asked == 0;
    }
}

/// More than an Ethernet frame of a 1500-octet MTU with everything in front of it; the lab's devices have no longer ones.
const SNAP_LEN: i32 = 2048;
/// Octets of the kernel's ring: some thousand frames.
const RING: i32 = 8 << 20;

/// How often the ring is looked at.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// The header of a pcap file with microseconds, in this machine's byte order.
fn file_header(link: i32) -> Vec<u8> {
    let mut header = Vec::with_capacity(24);
    header.extend(0xa1b2_c3d4_u32.to_ne_bytes());
    header.extend(2_u16.to_ne_bytes());
    header.extend(4_u16.to_ne_bytes());
    header.extend([0; 8]);
    header.extend(SNAP_LEN.to_ne_bytes());
    header.extend(link.to_ne_bytes());
    header
}

/// A record without octets: everything captured so far stands before it, and its seconds are the number of frames that
/// the kernel has dropped so far (libpcap `ps_drop`).
fn mark(dropped: u32) -> Vec<u8> {
    [dropped, 0, 0, 0].iter().flat_map(|value| value.to_ne_bytes()).collect()
}

fn record_header(header: &pcap::PacketHeader) -> Vec<u8> {
    #[expect(clippy::cast_sign_loss, reason = "packets come after 1970")]
    let time = [header.ts.tv_sec as u32, header.ts.tv_usec as u32];
    [time[0], time[1], header.caplen, header.len].iter().flat_map(|value| value.to_ne_bytes()).collect()
}
