//! The routing policy database (RPDB: `ip rule`) and the forwarding tables (FIB: `ip route`): text both ways, and lookup.

mod metrics;
mod names;
#[expect(clippy::module_inception, reason = "the noun of this file is the route, as the noun of the next is the rule")]
mod route;
mod rule;

pub use metrics::{Metric, MetricName, MetricValue, Metrics};
pub use names::{Protocol, RouteType, Scope, TableId};
pub use route::{Got, NextHop, Preference, Route, RouteFlags};
pub use rule::{Device, Rule, RuleAction};
