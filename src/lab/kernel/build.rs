//! Making namespaces and telling them things, from inside the lab. One process does it all: in a small kernel a process
//! costs more than what it does.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind, move_mount, open_tree, unmount,
};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use serde::{Deserialize, Serialize};

use super::inside::{FOLDER, NETNS};

/// One thing to do. Not `Debug`: a batch may hold keys.
#[derive(Serialize, Deserialize)]
pub(super) enum Work {
    /// What `/etc/hosts` says in every place.
    Hosts(String),
    /// A new network namespace; a place has files and a host name of its own as well.
    Make { name: String, place: bool },
    /// A namespace that goes.
    Unmake(String),
    /// Values below `/proc/sys/net` of a namespace.
    Sysctl { name: String, values: Vec<(String, String)> },
    /// Lines for `ip` or `tc` in a namespace, in the lab's own with `None`. `careless` passes over what fails.
    Batch { tool: String, name: Option<String>, lines: String, careless: bool },
}

/// Does everything in order; this process is in the lab already. `own` is `/proc/self/ns` as it was outside. Gives what
/// went wrong, a line each.
pub(super) fn build(works: Vec<Work>, own: &File) -> io::Result<Vec<String>> {
    let home = Home { own, network: open_own(own, "net")?, files: open_own(own, "mnt")?, names: open_own(own, "uts")? };
    let mut complaints = Vec::new();
    for work in works {
        match work {
            Work::Hosts(text) => std::fs::write(format!("{FOLDER}/etc/hosts"), text)?,
            Work::Make { name, place } => {
                home.make(&name, place).map_err(|error| io::Error::other(format!("namespace {name}: {error}")))?;
            }
            Work::Unmake(name) => unmake(&name),
            Work::Sysctl { name, values } => {
                home.set(&name, &values).map_err(|error| io::Error::other(format!("values of {name}: {error}")))?;
            }
            Work::Batch { tool, name, lines, careless } => {
                let said = batch(&tool, name.as_deref(), &lines)?;
                if !careless {
                    complaints.extend(said.lines().map(str::to_owned));
                }
            }
        }
    }
    Ok(complaints)
}

/// The namespaces that this process comes back to.
struct Home<'a> {
    own: &'a File,
    network: OwnedFd,
    files: OwnedFd,
    names: OwnedFd,
}

impl Home<'_> {
    fn make(&self, name: &str, place: bool) -> io::Result<()> {
        // One of that name that was left half made.
        unmake(name);
        leave(UnshareFlags::NEWNET)?;
        let network = open_own(self.own, "net")?;
        keep(&network, &format!("{NETNS}/{name}"))?;
        if place {
            leave(UnshareFlags::NEWNS | UnshareFlags::NEWUTS)?;
            furnish(name)?;
            let (files, names) = (open_own(self.own, "mnt")?, open_own(self.own, "uts")?);
            self.back()?;
            keep(&files, &format!("{FOLDER}/ns/{name}.mount"))?;
            keep(&names, &format!("{FOLDER}/ns/{name}.uts"))?;
        }
        self.back()
    }

    fn set(&self, name: &str, values: &[(String, String)]) -> io::Result<()> {
        let network = File::open(format!("{NETNS}/{name}"))?;
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
        for (key, value) in values {
            // A value that this kernel does not have needs no setting.
            let _ = std::fs::write(format!("/proc/sys/net/{key}"), value);
        }
        self.back()
    }

    fn back(&self) -> io::Result<()> {
        for (door, kind) in [
            (&self.files, LinkNameSpaceType::Mount),
            (&self.names, LinkNameSpaceType::HostNameAndNISDomainName),
            (&self.network, LinkNameSpaceType::Network),
        ] {
            move_into_link_name_space(door.as_fd(), Some(kind))?;
        }
        std::env::set_current_dir("/")
    }
}

/// What a place has of its own. /sys is the network's, as `ip netns exec` has it; a tmpfs over the names of the
/// namespaces makes `ip` print `link-netnsid N` as on a real node, instead of names that no node has.
fn furnish(name: &str) -> io::Result<()> {
    rustix::system::sethostname(name.as_bytes())?;
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    for (folder, mode) in [(NETNS, c"mode=755"), ("/root", c"mode=700"), ("/home", c"mode=755"), ("/tmp", c"mode=1777")]
    {
        mount("lab", folder, "tmpfs", quiet, Some(mode))?;
    }
    // Where these are refused (a container hides parts of /sys), the lab is less like a node, and works.
    let _ = mount("lab", "/sys", "sysfs", quiet | MountFlags::NOEXEC, None);
    for file in ["hosts", "nsswitch.conf"] {
        let _ = mount_bind(format!("{FOLDER}/etc/{file}"), format!("/etc/{file}"));
    }
    Ok(())
}

#[expect(deprecated, reason = "only with CLONE_FILES is it unsafe; this process has one thread and keeps its files")]
fn leave(flags: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(flags)?)
}

/// The namespace of this process that `name` stands for.
fn open_own(own: &File, name: &str) -> io::Result<OwnedFd> {
    Ok(openat(own, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Gives a namespace a name in the file system, by which it stays.
fn keep(namespace: &OwnedFd, path: &str) -> io::Result<()> {
    let what = |what: &str, error: io::Error| io::Error::other(format!("{what} {path}: {error}"));
    File::create(path).map_err(|error| what("cannot make", error))?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let tree = open_tree(namespace, "", flags).map_err(|error| what("cannot keep", error.into()))?;
    move_mount(&tree, "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(|error| what("cannot keep", error.into()))
}

fn unmake(name: &str) {
    for path in [format!("{NETNS}/{name}"), format!("{FOLDER}/ns/{name}.mount"), format!("{FOLDER}/ns/{name}.uts")] {
        // What was never there is gone; what was kept twice goes twice.
        while unmount(&path, UnmountFlags::DETACH).is_ok() {}
        let _ = std::fs::remove_file(&path);
    }
    let _ = std::fs::remove_file(format!("{FOLDER}/kept/{name}"));
}

/// Gives what the tool complained of. `-force` goes on behind a line that fails.
fn batch(tool: &str, name: Option<&str>, lines: &str) -> io::Result<String> {
    let mut command = Command::new(tool);
    command.env("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin");
    if let Some(name) = name {
        command.args(["-n", name]);
    }
    command.args(["-force", "-batch", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // One that ends early says why.
        let _ = input.write_all(lines.as_bytes());
    }
    Ok(String::from_utf8_lossy(&child.wait_with_output()?.stderr).into_owned())
}
