//! A queue in memory, and doors over loopback, for the tests of this folder.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use model::{SpanId, TraceId};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::intake::Intake;
use super::metrics::IngestMetrics;
use super::{cors, otlp_grpc, otlp_http};
use crate::listen::{ListenMetrics, Listener};
use crate::queue::{Batch, Queue, QueueError, Record};
use crate::wire::otlp::samples::{good_span, request_of};

/// How the queue answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Takes,
    Full,
    Closed,
    Broken,
}

#[derive(Default)]
pub struct MemoryQueue {
    pub mood: Mutex<Mood>,
    pub records: Mutex<Vec<Record>>,
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn append(&self, record: Record) -> Result<(), QueueError> {
        match *self.mood.lock().unwrap() {
            Mood::Takes => {
                self.records.lock().unwrap().push(record);
                Ok(())
            }
            Mood::Full => Err(QueueError::Full { used_bytes: 9, max_bytes: 9 }),
            Mood::Closed => Err(QueueError::Closed),
            Mood::Broken => Err(QueueError::Io(std::io::Error::other("no space"))),
        }
    }

    async fn next_batch(&self) -> Result<Option<Batch>, QueueError> {
        Ok(None)
    }

    async fn acknowledge(&self, _batch_id: u64) -> Result<(), QueueError> {
        Ok(())
    }

    async fn close(&self) {
        *self.mood.lock().unwrap() = Mood::Closed;
    }
}

/// Both doors on free ports, before one queue.
pub struct Doors {
    pub queue: Arc<MemoryQueue>,
    pub intake: Arc<Intake>,
    pub metrics: IngestMetrics,
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Doors {
    pub async fn open() -> Doors {
        Doors::with_budget(crate::limits::INTAKE_IN_FLIGHT_MAX_BYTES).await
    }

    pub async fn with_budget(max_bytes: usize) -> Doors {
        let queue = Arc::new(MemoryQueue::default());
        let metrics = IngestMetrics::default();
        let intake = Arc::new(Intake::with_budget(queue.clone(), metrics.clone(), max_bytes));
        let http_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (http, grpc) = (http_listener.local_addr().unwrap(), grpc_listener.local_addr().unwrap());
        let grpc_listener = Listener::new(grpc_listener, None, ListenMetrics::default()).unwrap();
        let router = cors::allow(otlp_http::router(intake.clone()), &["https://shop.example".to_owned()]);
        let tasks = vec![
            tokio::spawn(async move { axum::serve(http_listener, router).await.unwrap() }),
            tokio::spawn(otlp_grpc::serve(grpc_listener, intake.clone(), std::future::pending())),
        ];
        Doors { queue, intake, metrics, http, grpc, tasks }
    }

    pub fn set(&self, mood: Mood) {
        *self.queue.mood.lock().unwrap() = mood;
    }

    /// The spans that were made durable.
    pub fn stored_spans(&self) -> u32 {
        self.queue.records.lock().unwrap().iter().map(|record| record.spans).sum()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// Nothing may stay reserved once all requests are answered.
    pub async fn assert_idle(&self) {
        for _ in 0..1000 {
            if self.intake.budget().used() == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(self.intake.budget().used(), 0);
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub fn request(spans: u64) -> ExportTraceServiceRequest {
    request_of((1..=spans).map(good_span).collect())
}

pub fn body(spans: u64) -> Bytes {
    request(spans).encode_to_vec().into()
}

/// A simple JSON span.
pub fn simple_span(id: u64) -> serde_json::Value {
    serde_json::json!({
        "trace_id": TraceId([3; 16]).to_string(), "span_id": SpanId(id).to_string(), "service_name": "cart",
        "operation_name": "GET", "start_time_unix_ns": "1700000000000000000", "duration_ms": 1,
    })
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// As the Collector's exporters pack, over HTTP and over gRPC.
pub fn snappy_frames(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.into_inner().unwrap()
}

pub fn snappy_block(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}
