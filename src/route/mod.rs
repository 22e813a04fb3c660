//! The routing policy database (RPDB: `ip rule`) and the forwarding tables (FIB: `ip route`): text both ways, and lookup.

mod field;
mod json;
mod lookup;
mod metrics;
mod names;
#[expect(clippy::module_inception, reason = "the noun of this file is the route, as the noun of the next is the rule")]
mod route;
mod route_read;
mod route_text;
mod rule;
mod rule_text;

pub use field::Field;
pub use lookup::{
    Answer, LookupTrace, Query, RouteMiss, RuleMiss, RuleOutcome, RuleStep, TableLookup, lookup, lookup_table,
};
pub use metrics::{Metric, MetricName, MetricValue, Metrics};
pub use names::{Protocol, RouteType, Scope, TableId};
pub use route::{CacheUsage, Got, NextHop, Preference, Route, RouteFlags};
pub use route_read::{parse_routes, read_routes};
pub use route_text::{RouteStyle, print_routes, print_routes_json};
pub use rule::{Device, Rule, RuleAction};
pub use rule_text::{parse_rules, print_rules, print_rules_json, read_rules};
