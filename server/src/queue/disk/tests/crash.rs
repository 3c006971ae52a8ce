//! Random histories of appends, failures, restarts and power cuts, held against a model in memory.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write;

use futures::future::join_all;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// At the same time; the sizes of their bodies.
    Append(Vec<u16>),
    Take,
    /// One of the batches taken and not yet acknowledged.
    Acknowledge(prop::sample::Index),
    FailWriteAfter(u16),
    FailSync,
    FailCuts(bool),
    Restart,
    LosePower {
        syncs_before: u8,
        group: Vec<u16>,
        kept: u8,
        garbage: Vec<u8>,
    },
}

fn sizes() -> impl Strategy<Value = Vec<u16>> {
    proptest::collection::vec(prop_oneof![8 => 8u16..200, 1 => 200u16..900], 1..8)
}

fn step() -> impl Strategy<Value = Step> {
    let garbage = proptest::collection::vec(any::<u8>(), 0..80);
    let power = (0u8..4, sizes(), any::<u8>(), garbage).prop_map(|(syncs_before, group, kept, garbage)| {
        Step::LosePower { syncs_before, group, kept, garbage }
    });
    prop_oneof![
        10 => sizes().prop_map(Step::Append),
        6 => Just(Step::Take),
        4 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
        1 => (0u16..900).prop_map(Step::FailWriteAfter),
        1 => Just(Step::FailSync),
        1 => any::<bool>().prop_map(Step::FailCuts),
        1 => Just(Step::Restart),
        2 => power,
    ]
}

#[derive(Default)]
struct Model {
    sent: u64,
    acknowledged: Vec<Record>,
    /// Answered with an I/O error: may turn up, once.
    uncertain: Vec<Record>,
    /// Every batch ever seen, in the order of its first appearance.
    batches: Vec<Batch>,
    by_token: HashMap<String, usize>,
    taken_in_this_run: HashSet<String>,
    outstanding: Vec<Batch>,
    stored: HashSet<String>,
}

impl Model {
    fn next_record(&mut self, size: u16) -> Record {
        self.sent += 1;
        let mut next = record(self.sent, usize::from(size));
        next.received = Timestamp(self.sent);
        next
    }

    fn see(&mut self, batch: Batch) {
        let token = batch.token.clone();
        assert!(!self.stored.contains(&token), "{token} was acknowledged and came back");
        assert!(self.taken_in_this_run.insert(token.clone()), "{token} was handed out twice in one run");
        if let Some(seen) = self.by_token.get(&token) {
            assert_eq!(self.batches[*seen].records, batch.records, "{token} changed");
        } else {
            self.by_token.insert(token, self.batches.len());
            self.batches.push(batch.clone());
        }
        self.outstanding.push(batch);
    }

    fn start_run(&mut self) {
        self.taken_in_this_run.clear();
        self.outstanding.clear();
    }

    /// Everything came out: acknowledged records once and in order, others at most once.
    fn check(&self) {
        let uncertain: HashSet<u64> = self.uncertain.iter().map(|r| r.received.0).collect();
        let mut seen = HashSet::new();
        let mut certain = Vec::new();
        for record in self.batches.iter().flat_map(|b| &b.records) {
            let number = record.received.0;
            assert!(seen.insert(number), "record {number} is in two batches");
            if !uncertain.contains(&number) {
                certain.push(record.clone());
            }
        }
        assert_eq!(certain, self.acknowledged);
    }
}

struct Run {
    fixture: Fixture,
    disk: Arc<FaultyDisk>,
    queue: Option<DiskQueue>,
    model: Model,
}

impl Run {
    fn new() -> Run {
        let fixture = Fixture::with(|o| {
            o.segment_max_bytes = 700;
            o.segment_max_spans = 8;
            o.max_bytes = 6_000;
        });
        let disk = FaultyDisk::new();
        let queue = Some(fixture.open_on(&disk));
        Run { fixture, disk, queue, model: Model::default() }
    }

    fn queue(&self) -> &DiskQueue {
        self.queue.as_ref().unwrap()
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Append(sizes) => self.append(&sizes).await,
            Step::Take if self.queue().ledger.nothing_waits() => {}
            Step::Take => {
                let batch = take(self.queue()).await;
                self.model.see(batch);
            }
            Step::Acknowledge(_) if self.model.outstanding.is_empty() => {}
            Step::Acknowledge(index) => {
                let at = index.index(self.model.outstanding.len());
                let batch = self.model.outstanding.remove(at);
                self.queue().acknowledge(batch.id).await.unwrap();
                self.model.stored.insert(batch.token);
            }
            Step::FailWriteAfter(bytes) => self.disk.set(|d| d.room_bytes = Some(usize::from(bytes))),
            Step::FailSync => self.disk.set(|d| d.syncs_left = Some(0)),
            Step::FailCuts(fail) => self.disk.set(|d| d.cuts_fail = fail),
            Step::Restart => self.restart(),
            Step::LosePower { syncs_before, group, kept, garbage } => {
                self.disk.set(|d| {
                    d.syncs_left = Some(usize::from(syncs_before));
                    d.dies_with_sync = true;
                });
                self.append(&group).await;
                self.append(&group).await;
                self.disk.die();
                self.queue = None;
                self.disk.lose_power(kept);
                self.litter(&garbage);
                self.restart();
            }
        }
        assert!(self.fixture.bytes_on_disk() <= 6_000 + 2_000, "room for one unfinished group");
    }

    async fn append(&mut self, sizes: &[u16]) {
        let records: Vec<Record> = sizes.iter().map(|size| self.model.next_record(*size)).collect();
        let answers = join_all(records.iter().map(|r| self.queue().append(r.clone()))).await;
        for (record, answer) in records.into_iter().zip(answers) {
            match answer {
                Ok(()) => self.model.acknowledged.push(record),
                Err(QueueError::Io(_)) => self.model.uncertain.push(record),
                Err(QueueError::Full { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn restart(&mut self) {
        self.queue = None;
        self.disk = FaultyDisk::new();
        self.queue = Some(self.fixture.open_on(&self.disk));
        self.model.start_run();
        assert_eq!(self.fixture.metrics.damaged_segments.get(), 0, "a torn end is no damage");
    }

    /// Puts bytes behind the end of the newest segment, where a write was going on.
    fn litter(&self, garbage: &[u8]) {
        let paths = fs::read_dir(self.fixture.dir()).unwrap().map(|e| e.unwrap().path());
        let Some(newest) = paths.max() else { return };
        File::options().append(true).open(newest).unwrap().write_all(garbage).unwrap();
    }
}

async fn live_through(steps: Vec<Step>) {
    let mut run = Run::new();
    for step in steps {
        run.step(step).await;
    }
    // twice, the second time after everything was handed out and nothing acknowledged
    for _ in 0..2 {
        run.restart();
        for batch in drain(run.queue()).await {
            run.model.see(batch);
        }
    }
    run.model.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acknowledged_is_lost_doubled_or_reshuffled(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(live_through(steps));
    }
}
