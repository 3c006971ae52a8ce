//! The spans of a chunk of traces, gathered as they come and taken apart by trace once all are there. Names are
//! numbers throughout: each is looked at once a block and written out once a trace.

use std::collections::HashMap;

use model::TraceId;
use model::trace::path::hash_text;
use model::trace::{NumberedRow, Trace};

use crate::storage::native::read::Dictionary;
use crate::storage::settled::{Known, Quiet, SpanBlock, TraceKey};

/// A trace that is waiting for its spans, and what it was known to be.
pub struct Waiting<'q> {
    pub quiet: &'q Quiet,
    pub known: Option<Known>,
}

pub struct Gathering<'q> {
    waiting: Vec<Waiting<'q>>,
    number_of: HashMap<&'q TraceKey, u32>,
    names: Names,
    spans: Vec<Seen>,
    /// How many traces each stands for.
    stands_for: Vec<u64>,
}

struct Seen {
    trace: u32,
    received: u32,
    row: NumberedRow,
}

/// The spans of one trace.
pub struct Gathered {
    pub trace: Named,
    /// The spans it was known by before, once more.
    pub before: Option<Named>,
    pub first_received: u32,
    pub last_received: u32,
    /// How many traces it stands for, when others were left out by sampling.
    pub stands_for: u64,
}

/// A trace with the hashes of its names.
pub struct Named {
    pub trace: Trace,
    pub hashes: Vec<u64>,
}

impl<'q> Gathering<'q> {
    pub fn new(waiting: Vec<Waiting<'q>>) -> Gathering<'q> {
        let number_of = waiting.iter().map(|trace| &trace.quiet.key).zip(0..).collect();
        let expected = waiting.iter().map(|trace| trace.quiet.spans).sum::<u64>();
        let spans = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
        let stands_for = vec![0; waiting.len()];
        Gathering { waiting, number_of, names: Names::new(), spans, stands_for }
    }

    pub fn add(&mut self, block: &SpanBlock<'_>) {
        let services = self.names.numbers(block.service);
        let operations = self.names.numbers(block.operation);
        let peers = self.names.numbers(block.peer);
        let mut key = TraceKey::default();
        let mut last = None;
        for row in 0..block.rows() {
            // A part of the table holds the spans of a trace side by side.
            let this = (block.trace_id(row), block.tenant.index[row]);
            let trace = match last {
                Some((known, trace)) if known == this => trace,
                _ => self.trace_of(&mut key, this.0, &block.tenant.keys[this.1 as usize]),
            };
            last = Some((this, trace));
            let Some(trace) = trace else { continue };
            let stands_for = &mut self.stands_for[trace as usize];
            *stands_for = block.stands_for(row).max(*stands_for);
            let mut span = block.span(row);
            span.service = services[span.service as usize];
            span.operation = operations[span.operation as usize];
            span.peer = peers[span.peer as usize];
            self.spans.push(Seen { trace, received: block.received(row), row: span });
        }
    }

    /// Another tenant's trace of the same id may be there too.
    fn trace_of(&self, key: &mut TraceKey, trace_id: TraceId, tenant: &str) -> Option<u32> {
        key.trace_id = trace_id;
        if key.tenant != tenant {
            tenant.clone_into(&mut key.tenant);
        }
        self.number_of.get(&*key).copied()
    }

    /// Every trace of which there are spans.
    pub fn each(mut self, mut each: impl FnMut(&Waiting<'q>, Gathered)) {
        let mut starts = vec![0usize; self.waiting.len() + 1];
        for seen in &self.spans {
            starts[seen.trace as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; self.spans.len()];
        for (seen, number) in self.spans.iter().zip(0..) {
            order[next[seen.trace as usize]] = number;
            next[seen.trace as usize] += 1;
        }
        for (number, waiting) in self.waiting.iter().enumerate() {
            let of_it = &order[starts[number]..starts[number + 1]];
            if !of_it.is_empty() {
                let stands_for = self.stands_for[number];
                let gathered = gathered(&mut self.names, &self.spans, of_it, waiting);
                each(waiting, Gathered { stands_for, ..gathered });
            }
        }
    }
}

fn gathered(names: &mut Names, spans: &[Seen], of_it: &[u32], waiting: &Waiting<'_>) -> Gathered {
    let spans = || of_it.iter().map(|number| &spans[*number as usize]);
    let id = waiting.quiet.key.trace_id;
    let before = waiting.known.and_then(|known| {
        let rows: Vec<NumberedRow> =
            spans().filter(|seen| seen.received <= known.last_received).map(|seen| seen.row).collect();
        (!rows.is_empty()).then(|| names.trace(id, rows))
    });
    Gathered {
        trace: names.trace(id, spans().map(|seen| seen.row).collect()),
        before,
        first_received: spans().map(|seen| seen.received).min().unwrap_or_default(),
        last_received: spans().map(|seen| seen.received).max().unwrap_or_default(),
        stands_for: 1,
    }
}

/// The names of a chunk, each with its number within the trace at hand.
struct Names {
    numbers: HashMap<String, u32, foldhash::fast::RandomState>,
    names: Vec<Name>,
    /// Those that have a number in the trace at hand.
    used: Vec<u32>,
}

struct Name {
    text: String,
    hash: u64,
    here: u32,
}

const UNUSED: u32 = u32::MAX;

impl Names {
    fn new() -> Names {
        let mut names = Names { numbers: HashMap::default(), names: Vec::new(), used: Vec::new() };
        names.number_of("");
        names
    }

    fn number_of(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(Name { text: text.to_owned(), hash: hash_text(text), here: UNUSED });
        self.numbers.insert(text.to_owned(), number);
        number
    }

    fn numbers(&mut self, dictionary: &Dictionary) -> Vec<u32> {
        dictionary.keys.iter().map(|key| self.number_of(key)).collect()
    }

    /// The trace with a list of its own names, the empty one first.
    fn trace(&mut self, id: TraceId, mut rows: Vec<NumberedRow>) -> Named {
        for used in self.used.drain(..) {
            self.names[used as usize].here = UNUSED;
        }
        self.here(0);
        for row in &mut rows {
            row.service = self.here(row.service);
            row.operation = self.here(row.operation);
            row.peer = self.here(row.peer);
        }
        let used = || self.used.iter().map(|number| &self.names[*number as usize]);
        let strings = used().map(|name| name.text.clone()).collect();
        let hashes = used().map(|name| name.hash).collect();
        Named { trace: Trace::of_rows(id, strings, rows), hashes }
    }

    fn here(&mut self, number: u32) -> u32 {
        let name = &mut self.names[number as usize];
        if name.here == UNUSED {
            name.here = self.used.len() as u32;
            self.used.push(number);
        }
        name.here
    }
}
