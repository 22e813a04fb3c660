use std::time::Duration;

use super::install;
use crate::lab::PlaceKind;
use crate::lab::sim::process::{Call, Io, Process, Step};
use crate::lab::sim::{Files, World};
use crate::packet::Timestamp;

/// What any place has: coreutils, grep, sed, awk, procps, bash.
const EVERYWHERE: &[&str] = &[
    "/bin/bash",
    "/bin/sh",
    "/usr/bin/awk",
    "/usr/bin/base64",
    "/usr/bin/basename",
    "/usr/bin/cat",
    "/usr/bin/chmod",
    "/usr/bin/clear",
    "/usr/bin/cp",
    "/usr/bin/cut",
    "/usr/bin/date",
    "/usr/bin/dd",
    "/usr/bin/dirname",
    "/usr/bin/echo",
    "/usr/bin/egrep",
    "/usr/bin/env",
    "/usr/bin/false",
    "/usr/bin/fgrep",
    "/usr/bin/grep",
    "/usr/bin/head",
    "/usr/bin/hostname",
    "/usr/bin/id",
    "/usr/bin/kill",
    "/usr/bin/ls",
    "/usr/bin/mkdir",
    "/usr/bin/mv",
    "/usr/bin/nice",
    "/usr/bin/nohup",
    "/usr/bin/nproc",
    "/usr/bin/od",
    "/usr/bin/pgrep",
    "/usr/bin/pidof",
    "/usr/bin/pkill",
    "/usr/bin/printenv",
    "/usr/bin/printf",
    "/usr/bin/ps",
    "/usr/bin/realpath",
    "/usr/bin/reset",
    "/usr/bin/rm",
    "/usr/bin/rmdir",
    "/usr/bin/sed",
    "/usr/bin/seq",
    "/usr/bin/setsid",
    "/usr/bin/sleep",
    "/usr/bin/sort",
    "/usr/bin/stdbuf",
    "/usr/bin/sync",
    "/usr/bin/tail",
    "/usr/bin/tee",
    "/usr/bin/test",
    "/usr/bin/timeout",
    "/usr/bin/touch",
    "/usr/bin/tr",
    "/usr/bin/true",
    "/usr/bin/uname",
    "/usr/bin/uniq",
    "/usr/bin/watch",
    "/usr/bin/wc",
    "/usr/bin/which",
    "/usr/bin/whoami",
    "/usr/bin/yes",
];

/// What the learner's machine has besides.
const MACHINE: &[&str] = &[
    "/usr/bin/docker",
    "/usr/bin/hexdump",
    "/usr/bin/nsenter",
    "/usr/bin/sudo",
    "/usr/bin/xxd",
    "/usr/local/bin/helm",
    "/usr/local/bin/kind",
    "/usr/local/bin/kubectl",
    "/usr/bin/nc",
    "/usr/bin/nstat",
    "/usr/bin/ss",
    "/usr/sbin/bridge",
    "/usr/sbin/ip",
    "/usr/sbin/tc",
    "/usr/bin/ping",
    "/usr/bin/tcpdump",
];

/// What a kind node has besides (kind's images/base/Dockerfile): iproute2 and util-linux, but neither ping nor tcpdump.
/// `sudo` is the one addition: a real node is root's and has none, and habit types it all the same.
const NODE: &[&str] = &[
    "/usr/bin/apt",
    "/usr/bin/apt-get",
    "/usr/bin/dpkg",
    "/usr/bin/nsenter",
    "/usr/bin/nstat",
    "/usr/bin/ss",
    "/usr/sbin/bridge",
    "/usr/sbin/ip",
    "/usr/sbin/sysctl",
    "/usr/sbin/tc",
    "/usr/bin/kubectl",
    "/usr/bin/sudo",
];

/// What the pods' image (nicolaka/netshoot) has besides.
const POD: &[&str] = &[
    "/sbin/ifconfig",
    "/sbin/ip",
    "/sbin/route",
    "/sbin/bridge",
    "/sbin/ss",
    "/sbin/sysctl",
    "/sbin/tc",
    "/usr/bin/hexdump",
    "/usr/bin/nc",
    "/usr/bin/nstat",
    "/usr/bin/ping",
    "/usr/bin/tcpdump",
    "/usr/bin/xxd",
    "/usr/bin/sudo",
];

/// What the Cilium agent's image has besides.
pub(in crate::lab::sim) const AGENT: &[&str] = &["/usr/bin/cilium", "/usr/sbin/ip", "/usr/sbin/sysctl"];

/// The packages that apt knows, with the programs in each.
const PACKAGES: &[(&str, &str, usize, &[&str])] = &[
    ("tcpdump", "4.99.0-2", 496, &["/usr/bin/tcpdump"]),
    (
        "net-tools",
        "1.60+git20181103.0eebece-1ubuntu2",
        204,
        &["/usr/sbin/ifconfig", "/usr/sbin/route", "/usr/sbin/arp"],
    ),
    ("netcat-openbsd", "1.217-3ubuntu1", 40, &["/usr/bin/nc", "/usr/bin/netcat"]),
    ("iputils-ping", "3:20210202-1", 45, &["/usr/bin/ping"]),
    ("xxd", "2:8.2.2434-3ubuntu3", 52, &["/usr/bin/xxd"]),
    ("bsdextrautils", "2.36.1-8ubuntu1", 86, &["/usr/bin/hexdump", "/usr/bin/hd"]),
    ("procps", "2:3.3.17-5ubuntu3", 381, &[]),
    ("iproute2", "5.10.0-4ubuntu2", 868, &[]),
    ("hostname", "3.23", 11, &[]),
    ("sudo", "1.9.5p2-3ubuntu2", 700, &["/usr/bin/sudo"]),
];

/// Lists of the distribution's packages as the image has them; the release is past its end of life, so they are gone from there.
const SOURCES: &str = "\
# See http://help.ubuntu.com/community/UpgradeNotes for how to upgrade to
# newer versions of the distribution.
deb http://archive.ubuntu.com/ubuntu/ impish main restricted
deb http://archive.ubuntu.com/ubuntu/ impish-updates main restricted
deb http://archive.ubuntu.com/ubuntu/ impish universe
deb http://archive.ubuntu.com/ubuntu/ impish-updates universe
deb http://security.ubuntu.com/ubuntu/ impish-security main restricted
deb http://security.ubuntu.com/ubuntu/ impish-security universe
";

/// The file that says that package lists were fetched.
const FETCHED: &str = "/var/lib/apt/lists/fetched";

/// Lays the programs and usual folders of a kind of place into its files.
pub(in crate::lab::sim) fn install_base(files: &mut Files, kind: PlaceKind) {
    for folder in ["/root", "/tmp", "/etc", "/var/log", "/var/lib/apt/lists", "/home", "/proc", "/sys", "/dev"] {
        let made = files.make_folders(folder);
        debug_assert!(made.is_ok(), "{folder}: {made:?}");
    }
    let more = match kind {
        PlaceKind::Machine => MACHINE,
        PlaceKind::Node => NODE,
        PlaceKind::Pod => POD,
    };
    for path in EVERYWHERE.iter().chain(more) {
        install(files, path);
    }
    if kind == PlaceKind::Node {
        let laid = files
            .make_folders("/etc/apt")
            .and_then(|()| files.write("/etc/apt/sources.list", SOURCES.as_bytes()))
            .and_then(|()| files.write("/etc/os-release", OS_RELEASE.as_bytes()));
        debug_assert!(laid.is_ok(), "{laid:?}");
    }
}

/// Makes an Ubuntu node one of today's node image, which is Debian's.
pub(in crate::lab::sim) fn modernise(files: &mut Files) {
    // A file that is not there is as good as removed.
    let _ = files.remove("/etc/apt/sources.list");
    let laid = files
        .make_folders("/etc/apt/sources.list.d")
        .and_then(|()| files.write(DEBIAN_SOURCES, DEBIAN.as_bytes()))
        .and_then(|()| files.write("/etc/os-release", DEBIAN_RELEASE.as_bytes()));
    debug_assert!(laid.is_ok(), "{laid:?}");
}

const DEBIAN_SOURCES: &str = "/etc/apt/sources.list.d/debian.sources";
/// As debian:bookworm-slim has it.
const DEBIAN: &str = "Types: deb\n# http://snapshot.debian.org/archive/debian/20250317T000000Z\nURIs: http://deb.debian.org/debian\n\
Suites: bookworm bookworm-updates\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n";
const DEBIAN_RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n\
VERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n";

const OS_RELEASE: &str = "PRETTY_NAME=\"Ubuntu 21.10\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"21.10\"\nVERSION=\"21.10 (Impish Indri)\"\n\
VERSION_CODENAME=impish\nID=ubuntu\nID_LIKE=debian\n";

/// Addresses and suites of a file of the newer form (sources.list(5), "DEB822-STYLE FORMAT"), one stanza.
fn stanza(text: &str) -> Vec<(String, String)> {
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let suites = field("Suites");
    field("URIs").iter().flat_map(|uri| suites.iter().map(|suite| (uri.clone(), suite.clone()))).collect()
}

/// `apt-get` and `apt`.
pub(super) fn program(name: &str, call: &Call) -> Option<Box<dyn Process>> {
    if !matches!(name, "apt-get" | "apt" | "dpkg") {
        return None;
    }
    let words: Vec<String> = call.arguments().iter().filter(|word| !word.starts_with('-')).cloned().collect();
    let yes =
        call.arguments().iter().any(|word| matches!(word.as_str(), "-y" | "--yes" | "-qy" | "-yq" | "-qqy" | "-yqq"));
    let quiet = call.arguments().iter().any(|word| word.starts_with("-q"));
    Some(Box::new(Apt {
        name: name.to_owned(),
        call: call.clone(),
        words,
        yes,
        quiet,
        until: None,
        lines: Vec::new(),
        status: 0,
    }))
}

/// An apt at work: what it prints comes line by line over some virtual time.
struct Apt {
    name: String,
    call: Call,
    words: Vec<String>,
    yes: bool,
    quiet: bool,
    until: Option<Timestamp>,
    /// What is still to be printed, in reverse, each after its wait.
    lines: Vec<(Duration, String)>,
    status: i32,
}

impl Process for Apt {
    fn step(&mut self, world: &mut World, io: &mut Io) -> Step {
        if self.until.is_none() {
            self.begin(world, io);
            self.lines.reverse();
        }
        if let Some(until) = self.until.filter(|until| world.now() < *until) {
            return Step::Wait(Some(until));
        }
        match self.lines.pop() {
            None => Step::Exit(self.status),
            Some((wait, line)) => {
                io.print(line);
                let until = world.after(wait);
                self.until = Some(until);
                Step::Wait(Some(until))
            }
        }
    }
}

impl Apt {
    fn begin(&mut self, world: &mut World, io: &mut Io) {
        self.until = Some(world.now());
        match self.words.first().map(String::as_str) {
            Some("update") => self.update(world),
            Some("install") => self.install(world, io),
            Some("upgrade" | "remove" | "purge" | "autoremove" | "clean" | "list" | "search" | "show") => {
                io.complain(format!("{}: of this tool the simulated lab knows `update` and `install`\n", self.name));
                self.status = 100;
            }
            _ => {
                let what = self.words.first().map_or("", String::as_str);
                io.complain(format!("E: Invalid operation {what}\n"));
                self.status = 100;
            }
        }
    }

    fn say(&mut self, millis: u64, line: impl Into<String>) {
        self.lines.push((Duration::from_millis(millis), line.into()));
    }

    fn update(&mut self, world: &mut World) {
        let sources = world.read_file(&self.call, "/etc/apt/sources.list").unwrap_or_default();
        let text = String::from_utf8_lossy(&sources).into_owned();
        let listed = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("deb")).then(|| Some((words.next()?.to_owned(), words.next()?.to_owned())))?
        });
        let newer = world.read_file(&self.call, DEBIAN_SOURCES).unwrap_or_default();
        let found: Vec<(String, String)> = listed.chain(stanza(&String::from_utf8_lossy(&newer))).collect();
        let (mut number, mut failed, mut seen) = (0, Vec::new(), Vec::new());
        for (uri, suite) in found {
            if seen.contains(&(uri.clone(), suite.clone())) {
                continue;
            }
            seen.push((uri.clone(), suite.clone()));
            number += 1;
            let base = uri.trim_end_matches('/');
            if uri.contains("old-releases.ubuntu.com") || uri.contains("deb.debian.org") {
                self.say(150, format!("Get:{number} {base} {suite} InRelease [116 kB]\n"));
            } else {
                self.say(150, format!("Ign:{number} {base} {suite} InRelease\n"));
                failed.push((number, base.to_owned(), suite));
            }
        }
        let good = failed.is_empty() && number > 0;
        if good {
            self.say(400, "Fetched 22.9 MB in 2s (11.4 MB/s)\n");
            self.say(100, "Reading package lists...\n");
        } else {
            for (at, base, suite) in &failed {
                let address = if base.contains("security") { "91.189.91.83" } else { "91.189.91.81" };
                self.say(
                    20,
                    format!("Err:{} {base} {suite} Release\n  404  Not Found [IP: {address} 80]\n", at + number),
                );
            }
            self.say(100, "Reading package lists...\n");
            for (_, base, suite) in &failed {
                self.say(
                    0,
                    format!(
                        "E: The repository '{base} {suite} Release' does not have a Release file.\n\
                         N: Updating from such a repository can't be done securely, and is therefore disabled by default.\n\
                         N: See apt-secure(8) manpage for repository creation and user configuration details.\n"
                    ),
                );
            }
            self.status = 100;
        }
        if good {
            let written = world.write_file(&self.call, FETCHED, b"");
            debug_assert!(written.is_ok(), "{written:?}");
        }
    }

    fn install(&mut self, world: &mut World, io: &mut Io) {
        self.say(200, "Reading package lists...\n");
        self.say(150, "Building dependency tree...\n");
        self.say(50, "Reading state information...\n");
        let wanted: Vec<String> = self.words.iter().skip(1).cloned().collect();
        let fetched = world.read_file(&self.call, FETCHED).is_ok();
        let mut chosen = Vec::new();
        for name in &wanted {
            match PACKAGES.iter().find(|(known, ..)| known == name).filter(|_| fetched) {
                Some(package) => chosen.push(*package),
                None => {
                    self.say(0, format!("E: Unable to locate package {name}\n"));
                    self.status = 100;
                }
            }
        }
        if self.status != 0 {
            if fetched {
                self.say(0, "esplain: the simulated archive holds only the packages of this course\n");
            }
            return;
        }
        let have = |path: &&str| world.read_file(&self.call, path).is_ok();
        let (old, new): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|(.., programs)| programs.iter().all(have));
        for (name, version, ..) in old {
            self.say(0, format!("{name} is already the newest version ({version}).\n"));
        }
        let size: usize = new.iter().map(|(_, _, size, _)| size).sum();
        if !new.is_empty() {
            let names: Vec<&str> = new.iter().map(|(name, ..)| *name).collect();
            self.say(0, format!("The following NEW packages will be installed:\n  {}\n", names.join(" ")));
        }
        self.say(0, format!("0 upgraded, {} newly installed, 0 to remove and 0 not upgraded.\n", new.len()));
        if new.is_empty() {
            return;
        }
        self.say(100, format!("Need to get {size} kB of archives.\n"));
        self.say(0, format!("After this operation, {} kB of additional disk space will be used.\n", size * 3));
        if !self.yes && self.call.terminal.is_none() {
            // Without a terminal to ask, apt stops here.
            self.say(0, "Do you want to continue? [Y/n] Abort.\n");
            self.status = 1;
            return;
        }
        if !self.yes {
            let _ = io;
            self.say(
                300,
                "Do you want to continue? [Y/n] y   (answered by the simulated lab; -y answers beforehand)\n",
            );
        }
        let mirror = match world.read_file(&self.call, DEBIAN_SOURCES) {
            Ok(_) => "http://deb.debian.org/debian bookworm",
            Err(_) => "http://old-releases.ubuntu.com/ubuntu impish",
        };
        for (at, (name, version, size, _)) in new.iter().enumerate() {
            self.say(200, format!("Get:{} {mirror}/main amd64 {name} amd64 {version} [{size} kB]\n", at + 1));
        }
        self.say(100, format!("Fetched {size} kB in 1s ({size} kB/s)\n"));
        if !self.quiet {
            self.say(50, "debconf: delaying package configuration, since apt-utils is not installed\n");
        }
        for (name, version, ..) in &new {
            self.say(
                50,
                format!("Selecting previously unselected package {name}.\nUnpacking {name} ({version}) ...\n"),
            );
        }
        for (name, version, _, programs) in new {
            self.say(50, format!("Setting up {name} ({version}) ...\n"));
            let files = world.files.entry(self.call.place.clone()).or_default();
            for program in programs {
                install(files, program);
            }
        }
    }
}
