//! OTLP/gRPC load at an offered rate, or as much as is taken, over several connections.
//!
//! At an offered rate latencies are counted from when a request was due, not from when the driver got round to
//! sending it, so that a stalled server is seen by every request it held up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use bytes::{Buf, BufMut, Bytes};
use model::{Nanos, Timestamp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::Options;
use crate::pool::Pool;
use crate::stats::Latencies;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const PAUSE_WHEN_REFUSED: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub struct Plan {
    /// Spans a second; none means as many as are taken.
    pub rate: Option<f64>,
    pub connections: usize,
    pub in_flight_each: usize,
    pub duration: Duration,
}

impl Plan {
    pub fn of(options: &Options, rate: Option<f64>, duration: Duration) -> Plan {
        let (connections, in_flight_each) = (options.connections, options.in_flight);
        Plan { rate, connections, in_flight_each, duration }
    }
}

#[derive(Debug, Default)]
pub struct Outcome {
    pub offered: u64,
    pub accepted: u64,
    /// Refused for good by a partial success.
    pub rejected: u64,
    pub failed: u64,
    pub failure: Option<String>,
    /// Requests that were asked to come back and did.
    pub pushed_back: u64,
    pub sent_bytes: u64,
    pub acks: Latencies,
    pub wall: Duration,
}

/// What the connections of one run share.
struct Run {
    pool: Arc<Pool>,
    plan: Plan,
    start: Instant,
    due_spans: AtomicU64,
}

pub async fn drive(pool: &Arc<Pool>, otlp_grpc: &str, plan: &Plan) -> anyhow::Result<Outcome> {
    let mut channels = Vec::new();
    for _ in 0..plan.connections {
        channels.push(connect(otlp_grpc).await?);
    }
    let start = Instant::now();
    let run = Arc::new(Run { pool: pool.clone(), plan: plan.clone(), start, due_spans: AtomicU64::new(0) });
    let mut workers = JoinSet::new();
    for channel in channels {
        for _ in 0..plan.in_flight_each {
            workers.spawn(run.clone().work(channel.clone()));
        }
    }
    let mut total = Outcome::default();
    while let Some(part) = workers.join_next().await {
        total.add(part?);
    }
    total.wall = start.elapsed();
    Ok(total)
}

pub async fn connect(otlp_grpc: &str) -> anyhow::Result<Channel> {
    let endpoint =
        Endpoint::from_shared(otlp_grpc.to_owned())?.timeout(Duration::from_secs(60)).tcp_nodelay(true);
    endpoint.connect().await.with_context(|| format!("cannot connect to {otlp_grpc}"))
}

impl Run {
    async fn work(self: Arc<Run>, channel: Channel) -> Outcome {
        let mut out = Outcome::default();
        let deadline = self.start + self.plan.duration;
        while Instant::now() < deadline {
            let draw = self.pool.draw();
            let before = self.due_spans.fetch_add(draw.spans, Ordering::Relaxed);
            let mut due = Instant::now();
            if let Some(rate) = self.plan.rate {
                due = self.start + Duration::from_secs_f64(before as f64 / rate);
                if due >= deadline {
                    self.pool.give_back(draw);
                    break;
                }
                tokio::time::sleep_until(due).await;
            }
            out.offered += draw.spans;
            let bytes = Bytes::from(self.pool.bytes(draw, now()));
            out.sent_bytes += bytes.len() as u64;
            if !self.export(&channel, bytes, draw.spans, due, &mut out).await {
                self.pool.give_back(draw);
            }
        }
        out
    }

    /// Sends one request until it is taken, or refused for good, which makes it false.
    async fn export(
        &self,
        channel: &Channel,
        bytes: Bytes,
        spans: u64,
        due: Instant,
        out: &mut Outcome,
    ) -> bool {
        let give_up = self.start + self.plan.duration + Duration::from_secs(60);
        loop {
            match export_once(channel, bytes.clone()).await {
                Ok(rejected) => {
                    out.rejected += rejected;
                    out.accepted += spans.saturating_sub(rejected);
                    out.acks.add(due.elapsed());
                    return true;
                }
                Err(status) if may_pass(&status) && Instant::now() < give_up => {
                    out.pushed_back += 1;
                    tokio::time::sleep(PAUSE_WHEN_REFUSED).await;
                }
                Err(status) => {
                    out.failed += spans;
                    out.failure = Some(format!("{:?}: {}", status.code(), status.message()));
                    return false;
                }
            }
        }
    }
}

/// One request; the answer is how many of its spans were rejected.
pub async fn export_once(channel: &Channel, bytes: Bytes) -> Result<u64, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|e| Status::unavailable(e.to_string()))?;
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(EXPORT);
    let answer = grpc.unary(Request::new(bytes), path, AlreadyEncoded).await?;
    let rejected = answer.into_inner().partial_success.map_or(0, |p| p.rejected_spans);
    Ok(u64::try_from(rejected).unwrap_or_default())
}

fn may_pass(status: &Status) -> bool {
    matches!(status.code(), Code::ResourceExhausted | Code::Unavailable)
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(0).plus(Nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

impl Outcome {
    fn add(&mut self, part: Outcome) {
        self.offered += part.offered;
        self.accepted += part.accepted;
        self.rejected += part.rejected;
        self.failed += part.failed;
        self.failure = part.failure.or_else(|| self.failure.take());
        self.pushed_back += part.pushed_back;
        self.sent_bytes += part.sent_bytes;
        self.acks.merge(part.acks);
    }
}

/// Hands over bytes that are protobuf already.
struct AlreadyEncoded;

impl Codec for AlreadyEncoded {
    type Encode = Bytes;
    type Decode = ExportTraceServiceResponse;
    type Encoder = AlreadyEncoded;
    type Decoder = AlreadyEncoded;

    fn encoder(&mut self) -> AlreadyEncoded {
        AlreadyEncoded
    }

    fn decoder(&mut self) -> AlreadyEncoded {
        AlreadyEncoded
    }
}

impl Encoder for AlreadyEncoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.reserve(item.len());
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for AlreadyEncoded {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<ExportTraceServiceResponse>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        ExportTraceServiceResponse::decode(bytes).map(Some).map_err(|e| Status::internal(e.to_string()))
    }
}

#[cfg(test)]
mod tests;
