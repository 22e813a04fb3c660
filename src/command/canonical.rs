use super::keyword;

/// A command in one spelling, with its options set aside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Canonical {
    /// The words that are not options, spelled out: `ip route show table 200`, `kubectl get pods`.
    pub words: Vec<String>,
    /// The options in their order, by one name each, without dashes: `stats`, `n`, `namespace`.
    pub options: Vec<Flag>,
}

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its name: `stats` for `ip -s`, `i` for `tcpdump -i` and `--interface`, `namespace` for `kubectl -n`.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<String>,
}

impl Canonical {
    /// Whether an option was given.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|flag| flag.name == name)
    }

    /// The value of an option; the last one when it was given several times.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|flag| flag.name == name).and_then(|flag| flag.value.as_deref())
    }

    /// All values of an option, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |flag| flag.name == name).filter_map(|flag| flag.value.as_deref())
    }

    /// The words joined with spaces.
    pub fn line(&self) -> String {
        self.words.join(" ")
    }

    fn set(&mut self, name: impl Into<String>, value: Option<String>) {
        self.options.push(Flag { name: name.into(), value });
    }
}

/// Brings a command into its one spelling. The words are without wrappers, see [`super::unwrap`].
///
/// `ip` is spelled out by iproute2's own keyword order: `ip x s` is `ip xfrm state list`, `ip r s t 200` is
/// `ip route show table 200`, `ip a s eth0` is `ip address show dev eth0`; a verb left away is put in. What is not known
/// here stays as it was typed.
pub fn canonical(words: &[String]) -> Canonical {
    let Some((program, arguments)) = words.split_first() else { return Canonical::default() };
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "ip" => ip(arguments),
        "kubectl" | "k" | "oc" => kubectl(arguments),
        _ => match LETTERS.iter().find(|known| known.names.contains(&name)) {
            Some(known) => known.read(arguments),
            None => Canonical {
                words: std::iter::once(name.to_owned()).chain(arguments.iter().cloned()).collect(),
                options: Vec::new(),
            },
        },
    }
}

fn ip(arguments: &[String]) -> Canonical {
    let mut found = Canonical { words: vec!["ip".to_owned()], options: Vec::new() };
    let mut rest = arguments.iter();
    let mut object = None;
    while let Some(word) = rest.next() {
        let Some(option) = word.strip_prefix('-') else {
            object = Some(word);
            break;
        };
        let spelled = format!("-{}", option.trim_start_matches('-'));
        // `-color=always` is spelled with its value in one word.
        let (spelled, inline) = match spelled.split_once('=') {
            Some((spelled, value)) => (spelled.to_owned(), Some(value.to_owned())),
            None => (spelled, None),
        };
        match keyword::ip_option(&spelled) {
            Some(name) => {
                let value = if keyword::ip_option_takes_value(&spelled) { rest.next().cloned() } else { inline };
                match (name, value.as_deref()) {
                    ("family", Some("inet")) => found.set("4", None),
                    ("family", Some("inet6")) => found.set("6", None),
                    _ => found.set(name, value),
                }
            }
            None => found.words.push(word.clone()),
        }
    }
    let Some(object) = object else { return found };
    let Some(mut name) = keyword::find(keyword::OBJECTS, object) else {
        found.words.push(object.clone());
        found.words.extend(rest.cloned());
        return found;
    };
    found.words.push(name.to_owned());
    if name == "xfrm" {
        let Some(word) = rest.next() else { return found };
        match keyword::find(keyword::XFRM_OBJECTS, word) {
            Some(sub) => {
                found.words.push(sub.to_owned());
                name = match sub {
                    "state" => "xfrm state",
                    "policy" => "xfrm policy",
                    _ => sub,
                };
            }
            None => found.words.push(word.clone()),
        }
    }
    let Some(verbs) = keyword::verbs(name) else {
        found.words.extend(rest.cloned());
        return found;
    };
    let default = if name.starts_with("xfrm") || name == "netns" { "list" } else { "show" };
    let verb = match rest.as_slice().first().map(|word| keyword::find(verbs, word)) {
        None => default,
        Some(Some(verb)) => {
            rest.next();
            verb
        }
        // `ip` knows no such verb; it stays, so that nobody takes this for the listing.
        Some(None) => {
            found.words.extend(rest.cloned());
            return found;
        }
    };
    found.words.push(verb.to_owned());
    let Some(table) = keyword::arguments(name, verb) else {
        found.words.extend(rest.cloned());
        return found;
    };
    ip_arguments(name, verb, table, rest.as_slice(), &mut found.words);
    found
}

fn ip_arguments(object: &str, verb: &str, table: &[keyword::Keyword], given: &[String], words: &mut Vec<String>) {
    let mut rest = given.iter();
    while let Some(word) = rest.next() {
        match keyword::find_keyword(table, word) {
            // `to` is a filler for routes: `ip route get to 10.0.1.165`.
            Some(found) if found.name == "to" && !found.valued => {}
            Some(found) => {
                words.push(found.name.to_owned());
                if found.valued {
                    words.extend(rest.next().cloned());
                }
            }
            // A device may stand without `dev` behind `ip addr show` and `ip link show`.
            None if verb == "show" && matches!(object, "address" | "link") => {
                words.push("dev".to_owned());
                words.push(word.clone());
            }
            None => words.push(word.clone()),
        }
    }
}

/// A tool whose options are read by getopt: which letters take a value, and which long names are which letters.
struct Letters {
    names: &'static [&'static str],
    valued: &'static str,
    long: &'static [(&'static str, &'static str)],
    /// Long options without a value and without a letter; every other long one takes a value where `=` gives none.
    bare: &'static [&'static str],
    /// Long options may stand with one dash or without a letter (`helm`, `docker`, `kind`): unknown ones take a value.
    long_valued: bool,
}

const LETTERS: &[Letters] = &[
    Letters {
        names: &["tcpdump"],
        valued: "BcCEFGijmMQrsTVwWyzZ",
        long: &[
            ("interface", "i"),
            ("direction", "Q"),
            ("snapshot-length", "s"),
            ("no-promiscuous-mode", "p"),
            ("number", "#"),
            ("packet-buffered", "U"),
            ("list-interfaces", "D"),
            ("linktype", "y"),
            ("buffer-size", "B"),
            ("dont-verify-checksums", "K"),
            ("monitor-mode", "I"),
            ("version", "version"),
        ],
        bare: &["print", "immediate-mode"],
        long_valued: false,
    },
    Letters { names: &["ping", "ping4", "ping6"], valued: "cFiIlmMpQsStTwW", long: &[], bare: &[], long_valued: false },
    Letters {
        names: &["grep", "egrep", "fgrep"],
        valued: "ABCefmdD",
        long: &[
            ("ignore-case", "i"),
            ("invert-match", "v"),
            ("extended-regexp", "E"),
            ("fixed-strings", "F"),
            ("only-matching", "o"),
            ("line-number", "n"),
            ("count", "c"),
            ("quiet", "q"),
            ("word-regexp", "w"),
            ("after-context", "A"),
            ("before-context", "B"),
            ("context", "C"),
            ("regexp", "e"),
        ],
        bare: &[],
        long_valued: false,
    },
    Letters { names: &["route"], valued: "A", long: &[], bare: &["inet", "inet6"], long_valued: false },
    Letters { names: &["sysctl"], valued: "", long: &[("values", "n"), ("all", "a")], bare: &[], long_valued: false },
    Letters {
        names: &["cilium", "cilium-dbg"],
        valued: "no",
        long: &[("namespace", "n"), ("output", "o")],
        bare: &[
            "all-addresses",
            "all-controllers",
            "all-health",
            "all-nodes",
            "all-redirects",
            "brief",
            "verbose",
            "wait",
            "debug",
        ],
        long_valued: true,
    },
    Letters {
        names: &["helm"],
        valued: "nfo",
        long: &[
            ("n", "namespace"),
            ("f", "values"),
            ("o", "output"),
            ("i", "install"),
            ("a", "all"),
            ("A", "all-namespaces"),
        ],
        bare: &[
            "install",
            "create-namespace",
            "wait",
            "atomic",
            "devel",
            "dry-run",
            "debug",
            "reuse-values",
            "reset-values",
            "generate-name",
            "force",
            "all",
            "all-namespaces",
            "short",
            "versions",
            "force-update",
            "no-hooks",
            "replace",
        ],
        long_valued: true,
    },
    Letters {
        names: &["kind"],
        valued: "nqv",
        long: &[("n", "name"), ("q", "quiet"), ("v", "verbosity")],
        bare: &["retain", "all", "all-clusters", "internal", "quiet"],
        long_valued: true,
    },
    Letters {
        names: &["docker", "podman", "nerdctl"],
        valued: "fenuw",
        long: &[
            ("f", "filter"),
            ("a", "all"),
            ("q", "quiet"),
            ("e", "env"),
            ("n", "last"),
            ("u", "user"),
            ("w", "workdir"),
        ],
        bare: &[
            "all",
            "quiet",
            "no-trunc",
            "size",
            "latest",
            "interactive",
            "tty",
            "detach",
            "privileged",
            "follow-link",
        ],
        long_valued: true,
    },
];

impl Letters {
    fn read(&self, arguments: &[String]) -> Canonical {
        let name = self.names.first().copied().unwrap_or_default();
        let mut found = Canonical { words: vec![name.to_owned()], options: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                found.words.extend(rest.by_ref().cloned());
            } else if let Some(option) = word.strip_prefix("--") {
                self.long(option, &mut rest, &mut found);
            } else if word.len() > 1 && word.starts_with('-') && !is_number(word) {
                self.short(word, &mut rest, &mut found);
            } else {
                found.words.push(word.clone());
            }
        }
        found
    }

    fn long(&self, option: &str, rest: &mut std::slice::Iter<'_, String>, found: &mut Canonical) {
        let (option, mut value) = match option.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None => (option, None),
        };
        let name = self.long.iter().find(|(long, _)| *long == option).map_or(option, |(_, name)| *name);
        let bare = self.bare.contains(&option) || self.bare.contains(&name);
        let valued = if name.len() == 1 { self.valued.contains(name) } else { self.long_valued && !bare };
        if value.is_none() && valued {
            value = rest.next().cloned();
        }
        found.set(name, value);
    }

    fn short(&self, word: &str, rest: &mut std::slice::Iter<'_, String>, found: &mut Canonical) {
        for (at, letter) in word.char_indices().skip(1) {
            let name = letter.to_string();
            let named =
                self.long.iter().find(|(short, _)| *short == name).map_or(name.clone(), |(_, long)| (*long).to_owned());
            if self.valued.contains(letter) {
                let inline = word.get(at + letter.len_utf8()..).filter(|value| !value.is_empty());
                let inline = inline.map(|value| value.strip_prefix('=').unwrap_or(value).to_owned());
                let value = inline.or_else(|| rest.next().cloned());
                found.set(named, value);
                return;
            }
            found.set(named, None);
        }
    }
}

/// Whether `-15` is a negative number, as `head -15` and `kill -9` have it, and not a row of letters.
fn is_number(word: &str) -> bool {
    word.len() > 1 && word.chars().skip(1).all(|letter| letter.is_ascii_digit())
}

/// kubectl's options that take no value.
const KUBECTL_BARE: &[&str] = &[
    "all-namespaces",
    "watch",
    "watch-only",
    "show-labels",
    "no-headers",
    "stdin",
    "tty",
    "force",
    "ignore-not-found",
    "wait",
    "all",
    "previous",
    "follow",
    "overwrite",
    "rm",
    "recursive",
    "client",
    "short",
    "show-managed-fields",
    "timestamps",
    "dry-run",
    "quiet",
    "show-kind",
    "server-side",
    "record",
    "minify",
    "raw",
    "flatten",
    "attach",
    "privileged",
];

/// kubectl's letters and their long names; the second list takes values.
const KUBECTL_LETTERS: &[(char, &str, bool)] = &[
    ('n', "namespace", true),
    ('o', "output", true),
    ('l', "selector", true),
    ('f', "filename", true),
    ('c', "container", true),
    ('L', "label-columns", true),
    ('p', "patch", true),
    ('v', "v", true),
    ('s', "server", true),
    ('k', "kustomize", true),
    ('A', "all-namespaces", false),
    ('w', "watch", false),
    ('i', "stdin", false),
    ('t', "tty", false),
    ('R', "recursive", false),
    ('h', "help", false),
    ('q', "quiet", false),
];

fn kubectl(arguments: &[String]) -> Canonical {
    let mut found = Canonical { words: vec!["kubectl".to_owned()], options: Vec::new() };
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            found.words.push(word.clone());
            found.words.extend(rest.by_ref().cloned());
        } else if let Some(option) = word.strip_prefix("--") {
            match option.split_once('=') {
                Some((name, value)) => found.set(name, Some(value.to_owned())),
                None if KUBECTL_BARE.contains(&option) => found.set(option, None),
                None => {
                    let value = rest.next().cloned();
                    found.set(option, value);
                }
            }
        } else if word.len() > 1 && word.starts_with('-') {
            for (at, letter) in word.char_indices().skip(1) {
                let known = KUBECTL_LETTERS.iter().find(|(known, ..)| *known == letter);
                let (name, valued) =
                    known.map_or((letter.to_string(), false), |(_, name, valued)| ((*name).to_owned(), *valued));
                if valued {
                    let inline = word.get(at + letter.len_utf8()..).filter(|value| !value.is_empty());
                    let inline = inline.map(|value| value.strip_prefix('=').unwrap_or(value).to_owned());
                    let value = inline.or_else(|| rest.next().cloned());
                    found.set(name, value);
                    break;
                }
                found.set(name, None);
            }
        } else {
            found.words.push(word.clone());
        }
    }
    let verb = found.words.get(1).cloned().unwrap_or_default();
    if ["get", "describe", "delete", "label", "annotate", "patch", "edit", "wait", "scale"].contains(&verb.as_str())
        && let Some(resource) = found.words.get_mut(2)
    {
        *resource = resource.split(',').map(resource_name).collect::<Vec<_>>().join(",");
    }
    found
}

/// The plural of a Kubernetes resource from any of its names, short or long: `po`, `pod` and `pods` are `pods`;
/// `po/x` is `pods/x`. Names that are not known stay.
pub fn resource_name(typed: &str) -> String {
    let (kind, name) = match typed.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (typed, None),
    };
    let lower = kind.to_lowercase();
    let bare = lower.split('.').next().unwrap_or_default();
    let plural = RESOURCES.iter().find(|names| names.contains(&bare)).and_then(|names| names.first()).copied();
    let plural = plural.unwrap_or(kind);
    name.map_or_else(|| plural.to_owned(), |name| format!("{plural}/{name}"))
}

/// Plurals first, then the other names that `kubectl api-resources` lists.
const RESOURCES: &[&[&str]] = &[
    &["pods", "pod", "po"],
    &["nodes", "node", "no"],
    &["services", "service", "svc"],
    &["namespaces", "namespace", "ns"],
    &["daemonsets", "daemonset", "ds"],
    &["deployments", "deployment", "deploy"],
    &["replicasets", "replicaset", "rs"],
    &["statefulsets", "statefulset", "sts"],
    &["secrets", "secret"],
    &["configmaps", "configmap", "cm"],
    &["serviceaccounts", "serviceaccount", "sa"],
    &["endpoints", "endpoint", "ep"],
    &["events", "event", "ev"],
    &["customresourcedefinitions", "customresourcedefinition", "crd", "crds"],
    &["ciliumnodes", "ciliumnode", "cn"],
    &["ciliumendpoints", "ciliumendpoint", "cep"],
    &["ciliumidentities", "ciliumidentity", "ciliumid"],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, words: &str, options: &str) {
        let typed: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let found = canonical(&typed);
        let shown: Vec<String> = found
            .options
            .iter()
            .map(|flag| flag.value.as_ref().map_or(flag.name.clone(), |value| format!("{}={value}", flag.name)))
            .collect();
        assert_eq!((found.line().as_str(), shown.join(" ").as_str()), (words, options), "{line}");
    }

    #[test]
    fn ip_is_spelled_out_in_its_own_keyword_order() {
        check("ip x s", "ip xfrm state list", "");
        check("ip xfrm state", "ip xfrm state list", "");
        check("ip -s x st ls", "ip xfrm state list", "stats");
        check("ip -s -d xfrm st l", "ip xfrm state list", "stats details");
        check("/sbin/ip x p", "ip xfrm policy list", "");
        check("ip x s list nokeys", "ip xfrm state list nokeys", "");
        check("ip ru", "ip rule show", "");
        check("ip rule list", "ip rule show", "");
        check("ip ru s ta 200", "ip rule show table 200", "");
        check("ip rule list lookup 200", "ip rule show table 200", "");
        check("ip r g 10.0.1.165 m 0x3e00", "ip route get 10.0.1.165 mark 0x3e00", "");
        check("ip r", "ip route show", "");
        check("ip r s t 200", "ip route show table 200", "");
        check("ip -4 ro li tab 200", "ip route show table 200", "4");
        check("ip route get to 10.0.1.165 mark 0x3e00", "ip route get 10.0.1.165 mark 0x3e00", "");
        check("ip a", "ip address show", "");
        check("ip a s cilium_host", "ip address show dev cilium_host", "");
        check("ip addr show dev cilium_host", "ip address show dev cilium_host", "");
        check("ip -br -family inet a", "ip address show", "brief 4");
        check("ip l sh eth0", "ip link show dev eth0", "");
        // As iproute2 has it: `set` is compared before `show`.
        check("ip l s eth0", "ip link set eth0", "");
        check("ip nonsense", "ip nonsense", "");
        check("ip x s frobnicate", "ip xfrm state frobnicate", "");
        check("ip --json --color=never ru", "ip rule show", "json color=never");
    }

    #[test]
    fn rows_of_letters_are_untangled() {
        check("tcpdump -pne -i any -w all-ipsec.cap", "tcpdump", "p n e i=any w=all-ipsec.cap");
        check("tcpdump -nnieth0 -c5 esp or icmp", "tcpdump esp or icmp", "n n i=eth0 c=5");
        check("tcpdump --interface=any --count -s0", "tcpdump", "i=any count s=0");
        check("tcpdump --interface any", "tcpdump", "i=any");
        check("ping -c 3 10.0.1.165 -s 1000", "ping 10.0.1.165", "c=3 s=1000");
        check("route -n", "route", "n");
        check("grep --ignore-case -A2 esp", "grep esp", "i A=2");
    }

    #[test]
    fn kubernetes_tools_are_read_with_their_long_names() {
        check("kubectl get po -A -owide", "kubectl get pods", "all-namespaces output=wide");
        check(
            "kubectl -n kube-system get secret/cilium-ipsec-keys -o yaml",
            "kubectl get secrets/cilium-ipsec-keys",
            "namespace=kube-system output=yaml",
        );
        check("kubectl get no,po", "kubectl get nodes,pods", "");
        check("kubectl taint nodes --all a:NoSchedule-", "kubectl taint nodes a:NoSchedule-", "all");
        check("kind create cluster --name x --config=k.yaml", "kind create cluster", "name=x config=k.yaml");
        check(
            "helm install cilium cilium/cilium --version 1.13.0-rc5 -n kube-system --set a=b --set=c=d --wait",
            "helm install cilium cilium/cilium",
            "version=1.13.0-rc5 namespace=kube-system set=a=b set=c=d wait",
        );
        check("docker ps -a --format x", "docker ps", "all format=x");
        check("cilium encrypt status", "cilium encrypt status", "");
    }

    #[test]
    fn what_is_not_known_stays() {
        check("foo -bar baz", "foo -bar baz", "");
        assert_eq!(canonical(&[]), Canonical::default());
    }
}
