//! What the traces of a slice add to the figures of calls and call paths. A trace that was known before adds only what
//! has changed since: it is added as it is and taken away as it was.

use hashbrown::hash_map::Entry;
use hashbrown::{Equivalent, HashMap};
use model::Nanos;
use model::hist::bucket_of;
use model::trace::NO_ROW;
use model::trace::call::NodeKind;

use super::analysis::Analysed;
use super::work::WorkSums;
use crate::limits::{SETTLE_PATHS_MAX, SETTLE_PATHS_MAX_DEPTH};
use crate::storage::settled::{EdgeRecord, PathRecord};
use crate::storage::work::WorkRecord;

const EDGE_STEP_SECS: u64 = 60;
const PATH_STEP_SECS: u64 = 600;
const NS: u64 = 1_000_000_000;

#[derive(Default)]
pub struct Sums {
    tenants: Vec<String>,
    edges: HashMap<EdgeKey, Edge>,
    paths: HashMap<PathKey, Path>,
    work: WorkSums,
    /// Traces looked at, to tell whether a path has met the one at hand before.
    traces: u64,
    /// Spans whose call path was not counted, because there were too many.
    pub uncounted: u64,
}

#[derive(PartialEq, Eq, Hash)]
struct EdgeKey {
    tenant: u32,
    time: u32,
    client: (NodeKind, String),
    server: (NodeKind, String),
}

/// The same as an [`EdgeKey`], its names not its own.
#[derive(Hash)]
struct EdgeSeen<'t> {
    tenant: u32,
    time: u32,
    client: (NodeKind, &'t str),
    server: (NodeKind, &'t str),
}

impl Equivalent<EdgeKey> for EdgeSeen<'_> {
    fn equivalent(&self, key: &EdgeKey) -> bool {
        let same =
            |seen: (NodeKind, &str), known: &(NodeKind, String)| seen.0 == known.0 && seen.1 == known.1;
        self.tenant == key.tenant
            && self.time == key.time
            && same(self.client, &key.client)
            && same(self.server, &key.server)
    }
}

impl From<&EdgeSeen<'_>> for EdgeKey {
    fn from(seen: &EdgeSeen<'_>) -> EdgeKey {
        let owned = |(kind, name): (NodeKind, &str)| (kind, name.to_owned());
        EdgeKey {
            tenant: seen.tenant,
            time: seen.time,
            client: owned(seen.client),
            server: owned(seen.server),
        }
    }
}

#[derive(Default)]
struct Edge {
    calls: i64,
    errors: i64,
    duration: i64,
    hist: Hist,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PathKey {
    tenant: u32,
    time: u32,
    path: u64,
}

#[derive(Default)]
struct Path {
    parent: u64,
    root: (String, String),
    name: (String, String),
    /// The last trace that had it.
    met_in: u64,
    traces: i64,
    spans: i64,
    errors: i64,
    duration: i64,
    self_time: i64,
    critical: i64,
    hist: Hist,
}

/// Buckets in the order they were met: there are few in one slice.
#[derive(Default)]
struct Hist(Vec<(u16, i64)>);

impl Hist {
    fn add(&mut self, duration: u64, times: i64) {
        let bucket = bucket_of(Nanos(duration));
        match self.0.iter_mut().find(|(known, _)| *known == bucket) {
            Some((_, count)) => *count += times,
            None => self.0.push((bucket, times)),
        }
    }

    fn finish(mut self) -> Vec<(u16, i64)> {
        self.0.retain(|(_, count)| *count != 0);
        self.0.sort_unstable();
        self.0
    }
}

impl Sums {
    /// A trace that stands for so many.
    pub fn add(&mut self, tenant: &str, trace: &Analysed, stands_for: u64) {
        self.count(tenant, trace, signed(stands_for));
    }

    pub fn take_away(&mut self, tenant: &str, trace: &Analysed, stands_for: u64) {
        self.count(tenant, trace, -signed(stands_for));
    }

    fn count(&mut self, tenant: &str, trace: &Analysed, times: i64) {
        let tenant = self.tenant(tenant);
        self.traces += 1;
        self.count_calls(tenant, trace, times);
        self.count_paths(tenant, trace, times);
        self.work.count(tenant, trace, times);
    }

    fn tenant(&mut self, name: &str) -> u32 {
        let known = self.tenants.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.tenants.push(name.to_owned());
            self.tenants.len() - 1
        }) as u32
    }

    fn count_calls(&mut self, tenant: u32, analysed: &Analysed, times: i64) {
        for call in analysed.calls() {
            let key = EdgeSeen {
                tenant,
                time: step_of(analysed.trace.start.0.saturating_add(call.start), EDGE_STEP_SECS),
                client: (call.client.kind, call.client.name),
                server: (call.server.kind, call.server.name),
            };
            let edge = self.edges.entry_ref(&key).or_default();
            edge.calls += times;
            edge.errors += times * i64::from(call.error);
            edge.duration = edge.duration.saturating_add(times.saturating_mul(signed(call.duration)));
            edge.hist.add(call.duration, times);
        }
    }

    fn count_paths(&mut self, tenant: u32, analysed: &Analysed, times: i64) {
        let Analysed { trace, tree, clock, critical, paths, .. } = analysed;
        let Some(root) = trace.root_row() else { return };
        let names = |row: usize| (trace.service_name(row).to_owned(), trace.operation_name(row).to_owned());
        let self_times = clock.self_times(trace, tree);
        let time = step_of(trace.start.0, PATH_STEP_SECS);
        for row in 0..trace.len() {
            let is_full = self.paths.len() >= SETTLE_PATHS_MAX || tree.depth[row] >= SETTLE_PATHS_MAX_DEPTH;
            let path = match self.paths.entry(PathKey { tenant, time, path: paths[row] }) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(_) if is_full => {
                    self.uncounted += 1;
                    continue;
                }
                Entry::Vacant(new) => {
                    let above = tree.parent[row];
                    let parent = if above == NO_ROW { 0 } else { paths[above as usize] };
                    new.insert(Path { parent, root: names(root), name: names(row), ..Path::default() })
                }
            };
            if std::mem::replace(&mut path.met_in, self.traces) != self.traces {
                path.traces += times;
            }
            path.spans += times;
            path.errors += times * i64::from(trace.is_error(row));
            path.duration = path.duration.saturating_add(times.saturating_mul(signed(trace.length[row])));
            path.self_time = path.self_time.saturating_add(times.saturating_mul(signed(self_times[row])));
            path.critical = path.critical.saturating_add(times.saturating_mul(signed(critical.time[row])));
            path.hist.add(trace.length[row], times);
        }
    }

    /// Spans whose operation was not counted, because there were too many.
    pub fn operations_uncounted(&self) -> u64 {
        self.work.uncounted
    }

    pub fn finish(self, slice: u32) -> (Vec<EdgeRecord>, Vec<PathRecord>, Vec<WorkRecord>) {
        let tenant = |number: u32| self.tenants[number as usize].clone();
        let edge = |(key, edge): (EdgeKey, Edge)| EdgeRecord {
            tenant: tenant(key.tenant),
            time: key.time,
            client_kind: key.client.0 as u8,
            client: key.client.1,
            server_kind: key.server.0 as u8,
            server: key.server.1,
            slice,
            calls: edge.calls,
            errors: edge.errors,
            duration: edge.duration,
            hist: edge.hist.finish(),
        };
        let path = |(key, path): (PathKey, Path)| PathRecord {
            tenant: tenant(key.tenant),
            time: key.time,
            root_service: path.root.0,
            root_operation: path.root.1,
            path: key.path,
            parent: path.parent,
            slice,
            service: path.name.0,
            operation: path.name.1,
            traces: path.traces,
            spans: path.spans,
            errors: path.errors,
            duration: path.duration,
            self_time: path.self_time,
            critical: path.critical,
            hist: path.hist.finish(),
        };
        let (edges, paths) =
            (self.edges.into_iter().map(edge).collect(), self.paths.into_iter().map(path).collect());
        (edges, paths, self.work.finish(&self.tenants, slice))
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn step_of(time_ns: u64, step_secs: u64) -> u32 {
    let secs = time_ns / NS;
    u32::try_from(secs - secs % step_secs).unwrap_or(u32::MAX)
}
