use crate::listing::fields;

fields! {
    /// A field of `ip rule` or `ip route`, as the reader of the text tells them apart.
    Field:
    /// The number in front of a rule.
    RulePriority "rule-priority",
    /// `not`.
    RuleNot "rule-not",
    /// `from` of a rule.
    RuleFrom "rule-from",
    /// `to`.
    RuleTo "rule-to",
    /// `tos` or `dscp` of a rule.
    RuleTos "rule-tos",
    /// `fwmark`.
    RuleFwmark "rule-fwmark",
    /// `iif` of a rule.
    RuleIif "rule-iif",
    /// `oif`.
    RuleOif "rule-oif",
    /// `lookup [l3mdev-table]`.
    RuleL3mdev "rule-l3mdev",
    /// `uidrange`.
    RuleUidrange "rule-uidrange",
    /// `ipproto`, `sport`, `dport`.
    RuleUpper "rule-upper",
    /// `tun_id`.
    RuleTunId "rule-tun-id",
    /// `lookup`.
    RuleLookup "rule-lookup",
    /// `goto`.
    RuleGoto "rule-goto",
    /// `nop`.
    RuleNop "rule-nop",
    /// `blackhole`, `unreachable`, `prohibit`.
    RuleDrop "rule-drop",
    /// `suppress_prefixlength`, `suppress_ifgroup`.
    RuleSuppress "rule-suppress",
    /// `realms` of a rule.
    RuleRealms "rule-realms",
    /// `proto` of a rule.
    RuleProto "rule-proto",
    /// The type in front of a route.
    RouteType "route-type",
    /// The destination.
    RouteDst "route-dst",
    /// `from` of a route.
    RouteFrom "route-from",
    /// `nhid`.
    RouteNhid "route-nhid",
    /// `encap` of a route.
    RouteEncap "route-encap",
    /// `tos` of a route.
    RouteTos "route-tos",
    /// `via`.
    RouteVia "route-via",
    /// `dev`.
    RouteDev "route-dev",
    /// `table`.
    RouteTable "route-table",
    /// `proto` of a route.
    RouteProto "route-proto",
    /// `scope`.
    RouteScope "route-scope",
    /// `src`.
    RouteSrc "route-src",
    /// `metric`.
    RouteMetric "route-metric",
    /// `linkdown` and its like.
    RouteFlag "route-flag",
    /// `mark` of `ip route get`.
    RouteMark "route-mark",
    /// `realm` of a route.
    RouteRealms "route-realms",
    /// `uid` of `ip route get`.
    RouteUid "route-uid",
    /// `cache` of `ip route get`.
    RouteCache "route-cache",
    /// `expires`.
    RouteExpires "route-expires",
    /// `error`.
    RouteError "route-error",
    /// `mtu`.
    RouteMtu "route-mtu",
    /// `advmss` and the other metrics.
    RouteMetrics "route-metrics",
    /// `iif` of `ip route get`.
    RouteIif "route-iif",
    /// `pref`.
    RoutePref "route-pref",
    /// `nh_info`.
    RouteNhInfo "route-nh-info",
    /// `nexthop`.
    RouteNextHop "route-nexthop",
    /// `weight`.
    RouteWeight "route-weight",
}
