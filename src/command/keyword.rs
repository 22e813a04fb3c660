//! iproute2's keywords, in the order in which it compares them (iproute2 v6.1.0, `ip/*.c`). The order is what gives an
//! abbreviation its meaning: `ip r` is a route because `route` is compared before `rule`.

/// One keyword: what it is called here, how it may be spelled, whether a value follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    /// The name used here.
    pub name: &'static str,
    /// The spellings that iproute2 compares with, in its order.
    pub spellings: &'static [&'static str],
    /// Whether the whole word must be typed (iproute2 compares with `strcmp` instead of `matches`).
    pub whole: bool,
    /// Whether the next word is its value.
    pub valued: bool,
}

/// Whether `word` abbreviates `keyword`, as iproute2's `matches()` decides (lib/utils.c): any non-empty beginning.
pub fn matches(word: &str, keyword: &str) -> bool {
    !word.is_empty() && keyword.starts_with(word)
}

/// The keyword that iproute2 takes `word` for: the first of the table that fits.
pub fn find(table: &[Keyword], word: &str) -> Option<&'static str> {
    find_keyword(table, word).map(|keyword| keyword.name)
}

/// As [`find`], with all that is known about the keyword.
pub fn find_keyword(table: &[Keyword], word: &str) -> Option<Keyword> {
    let fits = |keyword: &&Keyword| {
        keyword.spellings.iter().any(|spelling| if keyword.whole { word == *spelling } else { matches(word, spelling) })
    };
    table.iter().find(fits).copied()
}

/// The table of the verbs of an object of [`OBJECTS`] (of `xfrm`: of [`XFRM_OBJECTS`], named `xfrm state` and so on).
pub fn verbs(object: &str) -> Option<&'static [Keyword]> {
    Some(match object {
        "address" => ADDRESS_VERBS,
        "link" => LINK_VERBS,
        "route" => ROUTE_VERBS,
        "rule" => RULE_VERBS,
        "neigh" => NEIGH_VERBS,
        "netns" => NETNS_VERBS,
        "xfrm state" => STATE_VERBS,
        "xfrm policy" => POLICY_VERBS,
        _ => return None,
    })
}

/// The table of the words that may follow an object and its verb.
pub fn arguments(object: &str, verb: &str) -> Option<&'static [Keyword]> {
    Some(match (object, verb) {
        ("route", "show" | "flush" | "save") => ROUTE_SELECTORS,
        ("route", "get") => ROUTE_GET,
        ("route", "add" | "change" | "replace" | "prepend" | "append" | "test" | "delete") => ROUTE_MODIFY,
        ("rule", "show" | "flush" | "save") => RULE_SELECTORS,
        ("rule", "add" | "delete") => RULE_MODIFY,
        ("address", "show" | "flush" | "save") => ADDRESS_SELECTORS,
        ("link", "show") => LINK_SELECTORS,
        ("neigh", "show" | "flush") => NEIGH_SELECTORS,
        ("xfrm state", "list" | "deleteall") => STATE_SELECTORS,
        ("xfrm policy", "list" | "deleteall") => POLICY_SELECTORS,
        _ => return None,
    })
}

/// The long name of a global option of `ip`, from its spelling with one dash (`-s` is `stats`).
pub fn ip_option(option: &str) -> Option<&'static str> {
    find(IP_OPTIONS, option.strip_prefix('-')?)
}

/// Whether a global option of `ip` takes the next word.
pub fn ip_option_takes_value(option: &str) -> bool {
    option.strip_prefix('-').and_then(|option| find_keyword(IP_OPTIONS, option)).is_some_and(|found| found.valued)
}

const fn word(name: &'static str, spellings: &'static [&'static str]) -> Keyword {
    Keyword { name, spellings, whole: false, valued: false }
}

const fn value(name: &'static str, spellings: &'static [&'static str]) -> Keyword {
    Keyword { name, spellings, whole: false, valued: true }
}

const fn whole(name: &'static str, spellings: &'static [&'static str]) -> Keyword {
    Keyword { name, spellings, whole: true, valued: false }
}

const fn whole_value(name: &'static str, spellings: &'static [&'static str]) -> Keyword {
    Keyword { name, spellings, whole: true, valued: true }
}

/// Global options (ip/ip.c, `main`), without their dash.
const IP_OPTIONS: &[Keyword] = &[
    value("loops", &["loops"]),
    value("family", &["family"]),
    whole("4", &["4"]),
    whole("6", &["6"]),
    whole("0", &["0"]),
    whole("M", &["M"]),
    whole("B", &["B"]),
    word("human", &["human", "human-readable"]),
    word("iec", &["iec"]),
    word("stats", &["stats", "statistics"]),
    word("details", &["details"]),
    word("resolve", &["resolve"]),
    word("oneline", &["oneline"]),
    word("timestamp", &["timestamp"]),
    word("tshort", &["tshort"]),
    word("version", &["Version"]),
    word("force", &["force"]),
    value("batch", &["batch"]),
    word("brief", &["brief"]),
    word("json", &["json"]),
    word("pretty", &["pretty"]),
    value("rcvbuf", &["rcvbuf"]),
    word("color", &["color"]),
    word("help", &["help"]),
    value("netns", &["netns"]),
    word("numeric", &["Numeric"]),
    word("all", &["all"]),
    whole("echo", &["echo"]),
];

/// Objects (ip/ip.c, `cmds`).
pub const OBJECTS: &[Keyword] = &[
    word("address", &["address"]),
    word("addrlabel", &["addrlabel"]),
    word("maddress", &["maddress"]),
    word("route", &["route"]),
    word("rule", &["rule"]),
    word("neigh", &["neighbor", "neighbour"]),
    word("ntable", &["ntable", "ntbl"]),
    word("link", &["link"]),
    word("l2tp", &["l2tp"]),
    word("fou", &["fou"]),
    word("ila", &["ila"]),
    word("macsec", &["macsec"]),
    word("tunnel", &["tunnel", "tunl"]),
    word("tuntap", &["tuntap", "tap"]),
    word("token", &["token"]),
    word("tcp_metrics", &["tcpmetrics", "tcp_metrics"]),
    word("monitor", &["monitor"]),
    word("xfrm", &["xfrm"]),
    word("mroute", &["mroute"]),
    word("mrule", &["mrule"]),
    word("netns", &["netns"]),
    word("netconf", &["netconf"]),
    word("vrf", &["vrf"]),
    word("sr", &["sr"]),
    word("nexthop", &["nexthop"]),
    word("mptcp", &["mptcp"]),
    word("ioam", &["ioam"]),
    word("stats", &["stats"]),
    word("help", &["help"]),
];

/// What `ip xfrm` knows (ip/ipxfrm.c, `do_xfrm`).
pub const XFRM_OBJECTS: &[Keyword] =
    &[word("state", &["state"]), word("policy", &["policy"]), word("monitor", &["monitor"]), word("help", &["help"])];

/// ip/xfrm_state.c, `do_xfrm_state`.
const STATE_VERBS: &[Keyword] = &[
    word("add", &["add"]),
    word("update", &["update"]),
    word("allocspi", &["allocspi"]),
    word("delete", &["delete"]),
    word("deleteall", &["deleteall", "delall"]),
    word("list", &["list", "show", "lst"]),
    word("get", &["get"]),
    word("flush", &["flush"]),
    word("count", &["count"]),
    word("help", &["help"]),
];

/// ip/xfrm_policy.c, `do_xfrm_policy`.
const POLICY_VERBS: &[Keyword] = &[
    word("add", &["add"]),
    word("update", &["update"]),
    word("delete", &["delete"]),
    word("deleteall", &["deleteall", "delall"]),
    word("list", &["list", "show", "lst"]),
    word("get", &["get"]),
    word("flush", &["flush"]),
    word("count", &["count"]),
    word("set", &["set"]),
    word("setdefault", &["setdefault"]),
    word("getdefault", &["getdefault"]),
    word("help", &["help"]),
];

/// ip/iproute.c, `do_iproute`.
const ROUTE_VERBS: &[Keyword] = &[
    word("show", &["list", "show", "lst"]),
    word("get", &["get"]),
    word("add", &["add"]),
    word("change", &["change", "chg"]),
    word("replace", &["replace"]),
    word("prepend", &["prepend"]),
    word("append", &["append"]),
    word("test", &["test"]),
    word("delete", &["delete"]),
    word("flush", &["flush"]),
    word("save", &["save"]),
    word("restore", &["restore"]),
    word("showdump", &["showdump"]),
    word("help", &["help"]),
];

/// ip/iprule.c, `do_iprule`.
const RULE_VERBS: &[Keyword] = &[
    word("show", &["list", "lst", "show"]),
    word("save", &["save"]),
    word("restore", &["restore"]),
    word("add", &["add"]),
    word("delete", &["delete"]),
    word("flush", &["flush"]),
    word("help", &["help"]),
];

/// ip/ipaddress.c, `do_ipaddr`.
const ADDRESS_VERBS: &[Keyword] = &[
    word("add", &["add"]),
    word("change", &["change", "chg"]),
    word("replace", &["replace"]),
    word("delete", &["delete"]),
    word("show", &["show", "lst", "list"]),
    word("flush", &["flush"]),
    word("save", &["save"]),
    word("showdump", &["showdump"]),
    word("restore", &["restore"]),
    word("help", &["help"]),
];

/// ip/iplink.c, `do_iplink`.
const LINK_VERBS: &[Keyword] = &[
    word("add", &["add"]),
    word("set", &["set", "change"]),
    word("replace", &["replace"]),
    word("delete", &["delete"]),
    word("show", &["show", "lst", "list"]),
    word("xstats", &["xstats"]),
    word("afstats", &["afstats"]),
    word("property", &["property"]),
    word("help", &["help"]),
];

/// ip/ipneigh.c, `do_ipneigh`.
const NEIGH_VERBS: &[Keyword] = &[
    word("add", &["add"]),
    word("change", &["change", "chg"]),
    word("replace", &["replace"]),
    word("delete", &["delete"]),
    word("get", &["get"]),
    word("show", &["show", "lst", "list"]),
    word("flush", &["flush"]),
    word("help", &["help"]),
];

/// ip/ipnetns.c, `do_netns`.
const NETNS_VERBS: &[Keyword] = &[
    word("list", &["list", "show", "lst"]),
    word("list-id", &["list-id"]),
    word("help", &["help"]),
    word("add", &["add"]),
    word("set", &["set"]),
    word("delete", &["delete"]),
    word("identify", &["identify"]),
    word("pids", &["pids"]),
    word("exec", &["exec"]),
    word("monitor", &["monitor"]),
    word("attach", &["attach"]),
];

/// ip/iproute.c, `iproute_list_flush_or_save`.
const ROUTE_SELECTORS: &[Keyword] = &[
    value("table", &["table"]),
    value("vrf", &["vrf"]),
    word("cached", &["cached", "cloned"]),
    whole_value("tos", &["tos"]),
    value("tos", &["dsfield"]),
    value("protocol", &["protocol"]),
    value("scope", &["scope"]),
    value("type", &["type"]),
    whole_value("dev", &["dev", "oif"]),
    whole_value("iif", &["iif"]),
    value("mark", &["mark"]),
    value("metric", &["metric", "priority", "preference"]),
    whole_value("via", &["via"]),
    whole_value("src", &["src"]),
    value("realms", &["realms"]),
    value("from", &["from"]),
    whole("to", &["to"]),
    value("root", &["root"]),
    value("match", &["match"]),
    value("exact", &["exact"]),
];

/// ip/iproute.c, `iproute_get`.
const ROUTE_GET: &[Keyword] = &[
    whole("to", &["to"]),
    value("from", &["from"]),
    whole_value("tos", &["tos", "dsfield"]),
    value("iif", &["iif"]),
    value("mark", &["mark"]),
    value("dev", &["oif", "dev"]),
    word("notify", &["notify"]),
    word("connected", &["connected"]),
    value("vrf", &["vrf"]),
    value("uid", &["uid"]),
    word("fibmatch", &["fibmatch"]),
    whole_value("as", &["as"]),
    whole_value("sport", &["sport"]),
    whole_value("dport", &["dport"]),
    whole_value("ipproto", &["ipproto"]),
];

/// ip/iproute.c, `iproute_modify`.
const ROUTE_MODIFY: &[Keyword] = &[
    whole_value("src", &["src"]),
    whole_value("as", &["as"]),
    whole_value("via", &["via"]),
    whole_value("from", &["from"]),
    whole_value("tos", &["tos"]),
    value("tos", &["dsfield"]),
    whole_value("expires", &["expires"]),
    value("metric", &["metric", "priority", "preference"]),
    whole_value("scope", &["scope"]),
    whole_value("mtu", &["mtu"]),
    whole_value("hoplimit", &["hoplimit"]),
    whole_value("advmss", &["advmss"]),
    whole_value("rtt", &["rtt"]),
    whole_value("window", &["window"]),
    value("realms", &["realms"]),
    whole("onlink", &["onlink"]),
    value("protocol", &["protocol"]),
    value("table", &["table"]),
    whole_value("vrf", &["vrf"]),
    whole_value("dev", &["dev", "oif"]),
    whole("to", &["to"]),
];

/// ip/iprule.c, `iprule_list_flush_or_save`.
const RULE_SELECTORS: &[Keyword] = &[
    value("pref", &["preference", "order", "priority"]),
    whole("not", &["not"]),
    value("from", &["from"]),
    whole_value("to", &["to", "dst"]),
    whole_value("tos", &["tos", "dsfield"]),
    whole_value("fwmark", &["fwmark"]),
    whole_value("iif", &["iif", "dev"]),
    whole_value("oif", &["oif"]),
    whole("l3mdev", &["l3mdev"]),
    whole_value("uidrange", &["uidrange"]),
    value("tun_id", &["tun_id"]),
    value("table", &["lookup", "table"]),
    value("protocol", &["protocol"]),
    whole_value("ipproto", &["ipproto"]),
    whole_value("sport", &["sport"]),
    whole_value("dport", &["dport"]),
];

/// ip/iprule.c, `iprule_modify`.
const RULE_MODIFY: &[Keyword] = &[
    whole("not", &["not"]),
    value("from", &["from"]),
    whole_value("to", &["to"]),
    value("pref", &["preference", "order", "priority"]),
    whole_value("tos", &["tos", "dsfield"]),
    whole_value("fwmark", &["fwmark"]),
    value("realms", &["realms"]),
    value("protocol", &["protocol"]),
    value("tun_id", &["tun_id"]),
    value("table", &["table", "lookup"]),
    value("suppress_prefixlength", &["suppress_prefixlength", "sup_pl"]),
    whole_value("iif", &["dev", "iif"]),
    whole_value("oif", &["oif"]),
    whole("l3mdev", &["l3mdev"]),
    whole_value("uidrange", &["uidrange"]),
    whole_value("nat", &["nat", "map-to"]),
    whole_value("ipproto", &["ipproto"]),
    whole_value("sport", &["sport"]),
    whole_value("dport", &["dport"]),
    whole_value("goto", &["goto"]),
];

/// ip/ipaddress.c, `ipaddr_list_flush_or_save`.
const ADDRESS_SELECTORS: &[Keyword] = &[
    whole_value("to", &["to"]),
    whole_value("scope", &["scope"]),
    whole("up", &["up"]),
    whole("dynamic", &["dynamic"]),
    whole("permanent", &["permanent"]),
    whole("secondary", &["secondary"]),
    whole("primary", &["primary"]),
    whole("tentative", &["tentative"]),
    whole("deprecated", &["deprecated"]),
    whole_value("label", &["label"]),
    whole_value("group", &["group"]),
    whole_value("master", &["master"]),
    whole_value("vrf", &["vrf"]),
    whole("nomaster", &["nomaster"]),
    whole_value("type", &["type"]),
    whole_value("dev", &["dev"]),
];

/// ip/ipaddress.c, `ipaddr_list_flush_or_save` as called for links.
const LINK_SELECTORS: &[Keyword] = ADDRESS_SELECTORS;

/// ip/ipneigh.c, `do_show_or_flush`.
const NEIGH_SELECTORS: &[Keyword] = &[
    whole_value("dev", &["dev"]),
    whole_value("master", &["master"]),
    whole_value("vrf", &["vrf"]),
    whole("nomaster", &["nomaster"]),
    whole("unused", &["unused"]),
    whole_value("nud", &["nud"]),
    whole("proxy", &["proxy"]),
    value("protocol", &["protocol"]),
    whole("to", &["to"]),
];

/// ip/xfrm_state.c, `xfrm_state_list_or_deleteall`.
const STATE_SELECTORS: &[Keyword] = &[
    whole("nokeys", &["nokeys"]),
    whole_value("mode", &["mode"]),
    whole_value("reqid", &["reqid"]),
    whole_value("flag", &["flag"]),
    whole_value("src", &["src"]),
    whole_value("dst", &["dst"]),
    whole_value("proto", &["proto"]),
    whole_value("spi", &["spi"]),
];

/// ip/xfrm_policy.c, `xfrm_policy_list_or_deleteall`.
const POLICY_SELECTORS: &[Keyword] = &[
    whole("nosock", &["nosock"]),
    whole_value("dir", &["dir"]),
    whole_value("index", &["index"]),
    whole_value("ptype", &["ptype"]),
    whole_value("action", &["action"]),
    whole_value("priority", &["priority"]),
    whole_value("flag", &["flag"]),
    whole_value("src", &["src"]),
    whole_value("dst", &["dst"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keyword_that_fits_wins() {
        for (word, object) in [
            ("a", "address"),
            ("addr", "address"),
            ("r", "route"),
            ("ro", "route"),
            ("ru", "rule"),
            ("n", "neigh"),
            ("nei", "neigh"),
            ("net", "netns"),
            ("l", "link"),
            ("m", "maddress"),
            ("t", "tunnel"),
            ("x", "xfrm"),
            ("s", "sr"),
        ] {
            assert_eq!(find(OBJECTS, word), Some(object), "{word}");
        }
        assert_eq!(find(OBJECTS, "rx"), None);
        assert_eq!(find(OBJECTS, ""), None);
        assert_eq!(find(STATE_VERBS, "s"), Some("list"));
        assert_eq!(find(STATE_VERBS, "d"), Some("delete"));
        assert_eq!(find(ROUTE_VERBS, "l"), Some("show"));
        assert_eq!(find(ROUTE_SELECTORS, "t"), Some("table"));
    }

    #[test]
    fn options_of_one_letter_mean_what_ip_takes_them_for() {
        for (option, name) in
            [("-s", "stats"), ("-d", "details"), ("-b", "batch"), ("-br", "brief"), ("-j", "json"), ("-n", "netns")]
        {
            assert_eq!(ip_option(option), Some(name));
        }
        assert_eq!(ip_option("-z"), None);
    }
}
