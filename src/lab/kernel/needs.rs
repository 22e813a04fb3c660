use std::path::{Path, PathBuf};

use super::holder::Holder;
use crate::words::Said;

/// One thing that the kernel lab needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What it is.
    pub what: Needed,
    /// Why it is not there, in the words of who said so; `None` when it is there.
    pub lacks: Option<Said>,
    /// The command that mends it, where one does.
    pub mend: Option<Said>,
}

/// The kinds of what is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// A program that can be called.
    Program(&'static str),
    /// Namespaces that this user may make.
    Namespaces,
    /// Something that the kernel has, and the option of its configuration.
    Kernel(&'static str),
}

/// The programs, and the packages of Debian, Fedora, Arch and Alpine that bring them.
const PROGRAMS: &[(&str, [&str; 4])] = &[
    ("unshare", ["util-linux", "util-linux", "util-linux", "util-linux-misc"]),
    ("nsenter", ["util-linux", "util-linux", "util-linux", "util-linux-misc"]),
    ("bash", ["bash", "bash", "bash", "bash"]),
    ("ip", ["iproute2", "iproute", "iproute2", "iproute2"]),
    ("tc", ["iproute2", "iproute-tc", "iproute2", "iproute2-tc"]),
    ("tcpdump", ["tcpdump", "tcpdump", "tcpdump", "tcpdump"]),
    ("ping", ["iputils-ping", "iputils", "iputils", "iputils-ping"]),
];

/// What the kernel must have: the option, the module, and a script that needs it. They are tried in a lab of their own.
const KERNEL: &[(&str, &str, &str)] = &[
    ("CONFIG_VETH", "veth", "ip link add name try0 type veth peer name try1"),
    ("CONFIG_BRIDGE", "bridge", "ip link add name try2 type bridge"),
    (
        "CONFIG_XFRM_USER",
        "xfrm_user",
        "ip xfrm policy add src 10.9.0.0/24 dst 10.9.1.0/24 dir out mark 0x3e00 mask 0xff00 tmpl src 10.9.0.1 dst 10.9.1.1 proto esp reqid 1 mode tunnel",
    ),
    (
        "CONFIG_INET_ESP",
        "esp4",
        "ip xfrm state add src 10.9.0.1 dst 10.9.1.1 proto esp spi 3 reqid 1 mode tunnel aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128",
    ),
    ("CONFIG_IP_MULTIPLE_TABLES", "", "ip rule add fwmark 0xe00/0xf00 lookup 200"),
    ("CONFIG_NET_SCH_INGRESS", "sch_ingress", "tc qdisc add dev lo clsact"),
    (
        "CONFIG_NET_CLS_U32",
        "cls_u32",
        "tc filter add dev lo ingress prio 1 protocol ip u32 match ip protocol 50 0xff flowid 1:1",
    ),
    (
        "CONFIG_NET_CLS_FLOWER",
        "cls_flower",
        "tc filter add dev lo ingress prio 2 protocol ip flower dst_ip 10.9.0.0/24",
    ),
    (
        "CONFIG_NET_CLS_MATCHALL",
        "cls_matchall",
        "tc filter add dev lo ingress prio 3 protocol all matchall classid 1:1",
    ),
    (
        "CONFIG_NET_ACT_SKBEDIT",
        "act_skbedit",
        "tc filter add dev lo egress prio 1 protocol ip u32 match u32 0 0 action skbedit mark 1 ptype host",
    ),
];

/// Looks whether everything is there. `program` is this program, which tries the kernel inside namespaces of its own.
pub fn needs(program: &Path) -> Vec<Need> {
    let mut needs: Vec<Need> = PROGRAMS
        .iter()
        .map(|(name, packages)| Need {
            what: Needed::Program(name),
            lacks: find(name).is_none().then(|| format!("{name}: command not found").into()),
            mend: find(name).is_none().then(|| install(packages).into()),
        })
        .collect();
    if needs
        .iter()
        .any(|need| need.lacks.is_some() && matches!(need.what, Needed::Program("unshare" | "nsenter" | "ip")))
    {
        // Nothing more can be tried.
        return needs;
    }
    match Holder::start(program) {
        Ok(holder) => {
            needs.push(Need { what: Needed::Namespaces, lacks: None, mend: None });
            needs.extend(filters(rustix::process::geteuid().is_root(), super::groups::can_pretend));
            needs.extend(KERNEL.iter().map(|(option, module, attempt)| {
                let said = holder.run("script", attempt).unwrap_or_else(|trouble| trouble.to_string());
                let said = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
                let lacks = (!said.is_empty()).then(|| said.into());
                let mend = lacks.as_ref().map(|_: &Said| load(option, module));
                Need { what: Needed::Kernel(option), lacks, mend }
            }));
        }
        Err(trouble) => {
            let (lacks, mend) = restricted(&trouble.causes.join("; "));
            needs.push(Need { what: Needed::Namespaces, lacks: Some(lacks), mend: Some(mend) });
        }
    }
    needs
}

/// An ordinary user's lab filters one system call (`groups`); root's has no need to. `attempt` tries it.
fn filters(root: bool, attempt: impl FnOnce() -> std::io::Result<()>) -> Option<Need> {
    if root {
        return None;
    }
    let option = "CONFIG_SECCOMP_FILTER";
    let lacks = attempt().err().map(|error| Said::of("kernel-no-seccomp", &[("error", &error)]));
    // Root's own namespaces do without.
    let mend = lacks.as_ref().map(|_| {
        if has_full_kernel() {
            Said::of("kernel-as-root-or-full", &[("option", &option)])
        } else {
            Said::of("kernel-as-root-or-other", &[("option", &option)])
        }
    });
    Some(Need { what: Needed::Kernel(option), lacks, mend })
}

/// Where a program is, also where an ordinary user's PATH does not look.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The command that installs a package here.
fn install([debian, fedora, arch, alpine]: &[&str; 4]) -> String {
    let known = [
        ("apt-get", "install -y", debian),
        ("dnf", "install -y", fedora),
        ("pacman", "-S", arch),
        ("apk", "add", alpine),
    ];
    let found = known.into_iter().find(|(manager, ..)| find(manager).is_some());
    let (manager, verb, package) = found.unwrap_or(("apt-get", "install -y", debian));
    format!("sudo {manager} {verb} {package}")
}

/// Why namespaces are refused, and what allows them.
fn restricted(said: &str) -> (Said, Said) {
    if rustix::process::geteuid().is_root() {
        return (Said::of("kernel-root-restricted", &[("said", &said)]), Said::of("kernel-privileged", &[]));
    }
    let value = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).ok()?;
        text.trim().parse::<u64>().ok()
    };
    for (name, bad, good) in [
        ("kernel.unprivileged_userns_clone", 0, "1"),
        ("user.max_user_namespaces", 0, "15000"),
        ("kernel.apparmor_restrict_unprivileged_userns", 1, "0"),
    ] {
        if value(name) == Some(bad) {
            let lacks = Said::of("kernel-sysctl-is", &[("said", &said), ("name", &name), ("value", &bad)]);
            return (lacks, format!("sudo sysctl -w {name}={good}").into());
        }
    }
    (said.into(), "sudo esplain --lab kernel".into())
}

/// How a module comes in; a kernel without it must be exchanged.
fn load(option: &str, module: &str) -> Said {
    let list = format!("/lib/modules/{}/modules.dep", release().trim());
    let there = std::fs::read_to_string(list).unwrap_or_default();
    let known = !module.is_empty() && there.lines().any(|line| line.contains(&format!("/{module}.ko")));
    if known {
        return format!("sudo modprobe {module}").into();
    }
    if has_full_kernel() {
        Said::of("kernel-full", &[("option", &option)])
    } else {
        Said::of("kernel-other", &[("option", &option)])
    }
}

/// Whether the distribution has a full kernel, of which an option that a small one lacks is a module.
fn has_full_kernel() -> bool {
    find("apt-get").is_some() && !release().contains("generic")
}

fn release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_user_without_seccomp_filters_is_told_what_does_without_them() {
        let refused = || Err(std::io::Error::from_raw_os_error(rustix::io::Errno::NOSYS.raw_os_error()));
        assert_eq!(filters(true, refused), None, "root needs none");
        let need = filters(false, refused).expect("a need");
        assert_eq!(need.what, Needed::Kernel("CONFIG_SECCOMP_FILTER"));
        let lacks = need.lacks.expect("it lacks");
        assert!(lacks.contains("Function not implemented"), "{lacks}");
        assert!(need.mend.expect("a remedy").starts_with("sudo esplain --lab kernel"));
        let there = filters(false, || Ok(())).expect("a need");
        assert_eq!((there.lacks, there.mend), (None, None));
    }
}
