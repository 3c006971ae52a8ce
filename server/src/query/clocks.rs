//! How far apart the clocks of a trace's hosts are, learned from the calls of other traces of its root operation around
//! its time. Asked when somebody wants to see bars where they belong; nothing of it is stored.

use std::collections::{BTreeSet, HashMap};

use model::trace::hosts::Crossings;
use model::trace::{HostClock, HostClocks, Trace};
use model::{ApiError, AttrValue, Origin, Scope, TraceId};

use super::{Queries, list};
use crate::limits::{CLOCK_MAX_HOSTS, CLOCK_WINDOW_SECS};
use crate::storage::reader::{Origins, Plan};

/// What names a clock, best first: processes of one machine share it.
const HOST_KEYS: [&str; 5] = ["k8s.node.name", "host.id", "host.name", "k8s.pod.name", "service.instance.id"];

/// As `outlines_plan`, with a span's origin in place of its peer.
fn placed_plan(scope: &Scope, traces: &[TraceId]) -> Plan {
    let sql = format!(
        "SELECT trace_id, span_id, parent_id, service, operation, kind, status,
            toUnixTimestamp64Nano(start) AS start, duration, flags, toString(origin) AS peer
         FROM spans WHERE tenant = {{tenant:String}} AND trace_id IN ({})",
        list(traces)
    );
    Plan::new(scope, sql)
}

impl Queries {
    /// The hosts of a trace's rows, in the order in which the trace travels, and their clocks beside the root's.
    pub async fn host_clocks(&self, scope: &Scope, trace: TraceId) -> Result<HostClocks, ApiError> {
        let (mut ids, _) = self.peer_ids(scope, trace, CLOCK_WINDOW_SECS).await?;
        ids.insert(0, trace);
        let traces = self.outlines(&placed_plan(scope, &ids)).await?;
        let origins: BTreeSet<u64> =
            traces.iter().flat_map(|trace| trace.peer.iter().map(|peer| origin_of(trace, *peer))).collect();
        let origins = self.reader.origins(scope, origins.into_iter()).await?;
        let (own, others): (Vec<Trace>, Vec<Trace>) = traces.into_iter().partition(|t| t.trace_id == trace);
        let Some(own) = own.into_iter().next() else {
            return Err(super::trace::unknown_trace(trace));
        };
        let mut hosts = Hosts::new(&origins);
        let mut crossings = Crossings::default();
        let host_of = hosts.of(&own);
        let of_own = hosts.names.len();
        crossings.add(&own, &host_of);
        for other in &others {
            crossings.add(other, &hosts.of(other));
        }
        if hosts.passed_over > 0 {
            self.reached.note("clock_hosts");
        }
        let root = own.root_row().map_or(0, |row| host_of[row]);
        let clocks = crossings.clocks(hosts.names.len(), root);
        let host = |(name, ahead): (String, _)| HostClock { name, ahead };
        Ok(HostClocks {
            hosts: hosts.names.into_iter().zip(clocks).take(of_own).map(host).collect(),
            host_of,
        })
    }
}

fn origin_of(trace: &Trace, peer: u32) -> u64 {
    trace.text(peer).parse().unwrap_or_default()
}

/// Names of hosts, each with a number.
struct Hosts<'o> {
    origins: &'o Origins,
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    passed_over: u64,
}

impl<'o> Hosts<'o> {
    fn new(origins: &'o Origins) -> Hosts<'o> {
        Hosts { origins, names: Vec::new(), numbers: HashMap::new(), passed_over: 0 }
    }

    /// The host of each row. Beyond the limit they have none, and their clocks are not told.
    fn of(&mut self, trace: &Trace) -> Vec<u32> {
        let mut known: HashMap<(u32, u32), u32> = HashMap::new();
        (0..trace.len())
            .map(|row| {
                let of = (trace.peer[row], trace.service[row]);
                *known.entry(of).or_insert_with(|| {
                    let origin = self.origins.get(&origin_of(trace, of.0));
                    self.number(name_of(origin.map(|origin| &**origin), trace.text(of.1)))
                })
            })
            .collect()
    }

    fn number(&mut self, name: String) -> u32 {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        if self.names.len() >= CLOCK_MAX_HOSTS {
            self.passed_over += 1;
            return u32::MAX;
        }
        let number = self.names.len() as u32;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }
}

/// A service that does not say where it runs is taken to run in one place.
fn name_of(origin: Option<&Origin>, service: &str) -> String {
    let resource = origin.map(|origin| origin.resource.as_slice()).unwrap_or_default();
    let named = HOST_KEYS.iter().find_map(|key| {
        let (_, value) = resource.iter().find(|(known, _)| known == key)?;
        match value {
            AttrValue::Str(name) if !name.is_empty() => Some(name.clone()),
            _ => None,
        }
    });
    named.unwrap_or_else(|| service.to_owned())
}

#[cfg(test)]
mod tests {
    //! What a clock is known by.
    use super::*;

    #[test]
    fn a_machine_is_named_before_what_runs_on_it() {
        let text = |text: &str| AttrValue::Str(text.to_owned());
        let resource = vec![
            ("service.instance.id".to_owned(), text("cart-1")),
            ("host.name".to_owned(), text("rack-7")),
            ("host.id".to_owned(), text("")),
        ];
        let origin = Origin { resource, ..Origin::default() };
        assert_eq!(name_of(Some(&origin), "cart"), "rack-7");
        assert_eq!(name_of(None, "cart"), "cart");
    }
}
