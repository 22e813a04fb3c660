//! What the kernel makes of the words of `ip -6 route` (net/ipv6/route.c, Linux 6.1).

use std::net::{IpAddr, Ipv6Addr};

use super::Run;
use super::words::Failed;
use crate::datapath::{Refusal, RouteAnswer, RouteFlow};
use crate::route::{CacheUsage, Got, Preference, Route, RouteFlags, RouteType, Scope, print_routes, print_routes_json};
use crate::xfrm::Prefix;

/// The metric of routes that were given none (`IP6_RT_PRIO_USER`).
const METRIC: u32 = 1024;

impl Run<'_> {
    /// What iproute2 and the kernel add to the words: device, metric, checks.
    pub(super) fn complete6(&self, mut route: Route) -> Result<Route, Failed> {
        let stack = self.stack()?;
        route.scope = Scope::GLOBAL;
        route.metric = Some(route.metric.unwrap_or(METRIC));
        route.pref = Some(Preference::Medium);
        if matches!(route.kind, RouteType::Blackhole | RouteType::Unreachable | RouteType::Prohibit | RouteType::Throw)
        {
            route.dev = Some("lo".to_owned());
            return Ok(route);
        }
        if let Some(IpAddr::V6(via)) = route.via
            && !route.flags.has(RouteFlags::ONLINK)
            && !via.is_unicast_link_local()
        {
            let flow = RouteFlow {
                dst: via.into(),
                src: Ipv6Addr::UNSPECIFIED.into(),
                mark: 0,
                tos: 0,
                iif: "lo".to_owned(),
                oif: route.dev.clone(),
            };
            let way = match stack.route(&flow) {
                RouteAnswer::Found { route: way, .. } if way.via.is_none() => way,
                _ => return Err(Failed::netlink("No route to host")),
            };
            if way.kind == RouteType::Local {
                return Err(Failed::kernel("Gateway can not be a local address."));
            }
            route.dev = route.dev.or(way.dev);
        }
        let Some(name) = &route.dev else {
            return Err(if route.via.is_some() {
                Failed::kernel("Egress device not specified.")
            } else {
                Failed::netlink("No such device")
            });
        };
        if stack.device(name).is_some_and(|device| !device.up) {
            return Err(Failed::netlink("Network is down"));
        }
        if let Some(src) = route.src
            && !stack.has_address(src)
        {
            return Err(Failed::kernel("Invalid source address."));
        }
        Ok(route)
    }

    /// `ip -6 route get`: the route that was found, with the source that a packet would have.
    pub(super) fn got6(
        &self,
        dst: Ipv6Addr,
        src: Option<IpAddr>,
        mark: Option<u32>,
        iif: Option<String>,
        oif: Option<String>,
    ) -> Result<String, Failed> {
        let stack = self.stack()?;
        let flow = RouteFlow {
            dst: dst.into(),
            src: src.unwrap_or(Ipv6Addr::UNSPECIFIED.into()),
            mark: mark.unwrap_or(0),
            tos: 0,
            iif: iif.clone().unwrap_or_else(|| "lo".to_owned()),
            oif,
        };
        let route = match stack.route(&flow) {
            RouteAnswer::Found { route, .. } => *route,
            RouteAnswer::Nothing => return Err(Failed::netlink("Network is unreachable")),
            RouteAnswer::Refused(Refusal::Blackhole) => return Err(Failed::netlink("Invalid argument")),
            RouteAnswer::Refused(Refusal::Unreachable) => return Err(Failed::netlink("No route to host")),
            RouteAnswer::Refused(Refusal::Prohibit) => return Err(Failed::netlink("Permission denied")),
        };
        let device = crate::datapath::device_of(&route).unwrap_or_default().to_owned();
        let chosen = route.src.or_else(|| stack.select_source6(&device, dst).map(IpAddr::from));
        let learned = stack.path_mtu6(dst, self.cluster.now());
        let mut found = Route {
            dst: Prefix::host(dst.into()),
            from: Some(Prefix::host(flow.src)),
            src: chosen,
            got: Some(Got {
                mark: mark.filter(|mark| *mark != 0),
                uid: None,
                iif,
                cache: None,
                usage: CacheUsage::default(),
            }),
            ..route
        };
        if let Some((mtu, left)) = learned {
            found.metrics = crate::route::Metrics::mtu_of(mtu);
            found.expires = Some(left.cast_signed());
        }
        if found.kind == RouteType::Local {
            found.dev = Some("lo".to_owned());
        }
        let style = self.route_style(true);
        Ok(if self.options.json { print_routes_json([&found], style) } else { print_routes([&found], style) })
    }
}
