//! Spans added up by what they have in common. Pure.

use model::Nanos;
use model::order::{sort_by, sort_with};
use model::trace::{Trace, Tree};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    /// The first of its rows in order of start.
    pub first: u32,
    pub count: u64,
    pub errors: u64,
    pub total: Nanos,
    pub self_time: Nanos,
    pub critical: Nanos,
    pub p50: Nanos,
    pub p95: Nanos,
    pub longest: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Name,
    Count,
    Errors,
    Total,
    SelfTime,
    Critical,
    P50,
    P95,
    Longest,
}

impl Column {
    pub const ALL: [Column; 9] = [
        Column::Name,
        Column::Count,
        Column::Errors,
        Column::Total,
        Column::SelfTime,
        Column::Critical,
        Column::P50,
        Column::P95,
        Column::Longest,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Column::Name => "Group",
            Column::Count => "Spans",
            Column::Errors => "Errors",
            Column::Total => "Total",
            Column::SelfTime => "Self",
            Column::Critical => "Critical",
            Column::P50 => "p50",
            Column::P95 => "p95",
            Column::Longest => "Longest",
        }
    }

    /// What the number means where its name alone does not say it.
    pub fn meaning(self) -> Option<&'static str> {
        match self {
            Column::SelfTime => Some("Time in which no child ran"),
            Column::Critical => Some(
                "Time the trace waited for them. More than Self where a message was consumed while it was still being \
                 sent: nobody waits for its consumer",
            ),
            _ => None,
        }
    }

    fn number(self, group: &Group) -> u64 {
        match self {
            Column::Name => 0,
            Column::Count => group.count,
            Column::Errors => group.errors,
            Column::Total => group.total.0,
            Column::SelfTime => group.self_time.0,
            Column::Critical => group.critical.0,
            Column::P50 => group.p50.0,
            Column::P95 => group.p95.0,
            Column::Longest => group.longest.0,
        }
    }
}

/// `key` numbers the group of each row, and `name` names a number; a row without a group is left out. `critical` is
/// the time a row has on the critical path.
pub fn groups(
    trace: &Trace,
    tree: &Tree,
    key: impl Fn(usize) -> Option<u32>,
    name: impl Fn(u32) -> String,
    critical: impl Fn(u32) -> u64,
) -> Vec<Group> {
    let mut rows: Vec<(u32, u64, u32)> =
        (0..trace.len()).filter_map(|row| Some((key(row)?, trace.length[row], row as u32))).collect();
    sort_by(&mut rows, |(key, length, _)| ((*key).into(), *length));
    let quantile = |chunk: &[(u32, u64, u32)], q: f64| {
        let rank = ((chunk.len() as f64 * q).ceil() as usize).clamp(1, chunk.len());
        Nanos(chunk[rank - 1].1)
    };
    let group = |chunk: &[(u32, u64, u32)]| {
        let sum = |of: &dyn Fn(u32) -> u64| chunk.iter().map(|(_, _, row)| of(*row)).sum::<u64>();
        Group {
            name: name(chunk[0].0),
            first: chunk.iter().map(|(_, _, row)| *row).min().unwrap_or_default(),
            count: chunk.len() as u64,
            errors: sum(&|row| u64::from(trace.is_error(row as usize))),
            total: Nanos(chunk.iter().map(|(_, length, _)| *length).fold(0, u64::saturating_add)),
            self_time: Nanos(sum(&|row| tree.self_time[row as usize])),
            critical: Nanos(sum(&|row| critical(row))),
            p50: quantile(chunk, 0.5),
            p95: quantile(chunk, 0.95),
            longest: quantile(chunk, 1.0),
        }
    };
    rows.chunk_by(|a, b| a.0 == b.0).map(group).collect()
}

/// Names go up from a, numbers down from the greatest, unless turned round.
pub fn sort(groups: &mut Vec<Group>, column: Column, is_reversed: bool) {
    sort_with(groups, |a, b| {
        let order = match column {
            Column::Name => a.name.cmp(&b.name),
            _ => column.number(b).cmp(&column.number(a)).then_with(|| a.name.cmp(&b.name)),
        };
        if is_reversed { order.reverse() } else { order }
    });
}

#[cfg(test)]
mod tests {
    //! Five spans of two services, added up and sorted.
    use model::trace::{Builder, SpanRow};
    use model::{SpanId, Status, Timestamp, TraceId};

    use super::*;

    #[test]
    fn spans_add_up_and_sort() {
        let mut builder = Builder::new();
        for (id, parent, service, start, length) in
            [(1, 0, "shop", 0, 100), (2, 1, "db", 10, 10), (3, 1, "db", 30, 20), (4, 1, "db", 60, 30)]
        {
            builder.push(&SpanRow {
                span_id: SpanId(id),
                parent_id: SpanId(parent),
                service: service.into(),
                start: Timestamp(start),
                duration: Nanos(length),
                status: if id == 3 { Status::Error } else { Status::Unset },
                ..SpanRow::default()
            });
        }
        let trace = builder.finish(TraceId([1; 16]));
        let tree = Tree::new(&trace);
        let of = |row: usize| Some(trace.service[row]);
        let mut found = groups(&trace, &tree, of, |n| trace.text(n).to_owned(), |_| 1);
        sort(&mut found, Column::Count, false);
        assert_eq!(
            found[0],
            Group {
                name: "db".into(),
                first: 1,
                count: 3,
                errors: 1,
                total: Nanos(60),
                self_time: Nanos(60),
                critical: Nanos(3),
                p50: Nanos(20),
                p95: Nanos(30),
                longest: Nanos(30),
            }
        );
        assert_eq!((found[1].name.as_str(), found[1].self_time), ("shop", Nanos(40)));
        sort(&mut found, Column::Name, true);
        assert_eq!(found[0].name, "shop");
        assert!(groups(&trace, &tree, |_| None, |_| String::new(), |_| 0).is_empty());
    }
}
