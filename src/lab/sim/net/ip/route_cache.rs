//! `ip route show cache`: what packets have taught about routes (net/ipv4/route.c `fnhe_dump_bucket`).

use super::Run;
use super::route::Filter;
use super::words::Failed;
use crate::datapath::RouteFlow;
use crate::route::{Route, print_routes, print_routes_json};

impl Run<'_> {
    /// The path MTUs that routers told of, each as the route of a packet there.
    pub(super) fn list_path_mtus(&self, filter: &Filter) -> Result<String, Failed> {
        let stack = self.stack()?;
        let now = self.cluster.now();
        let mut found: Vec<Route> = Vec::new();
        for note in stack.path_mtus.iter().filter(|note| note.until > now && filter.takes(&note.route)) {
            let flow = RouteFlow::to(note.destination);
            let route = self.got(note.destination, None, &flow, None, None, &note.route)?;
            // The tables are dumped for nobody in particular: no source address, no user.
            let got = route.got.map(|got| crate::route::Got { uid: None, ..got });
            found.push(Route { src: None, got, ..route });
        }
        let style = self.route_style(true);
        Ok(if self.options.json { print_routes_json(&found, style) } else { print_routes(&found, style) })
    }
}
