//! The load's pace and counts, against a door that only counts.

use std::collections::HashSet;
use std::sync::Mutex;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest,
};
use tonic::Response;

use super::*;

/// Asks every third request to come back, and rejects one span of every other.
#[derive(Clone, Default)]
struct Receiver {
    calls: Arc<AtomicU64>,
    spans: Arc<Mutex<HashSet<Vec<u8>>>>,
    traces: Arc<Mutex<HashSet<Vec<u8>>>>,
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % 3 == 1 {
            return Err(Status::resource_exhausted("queue full"));
        }
        let scopes = request.into_inner().resource_spans.into_iter().flat_map(|r| r.scope_spans);
        for span in scopes.flat_map(|s| s.spans) {
            self.spans.lock().unwrap().insert(span.span_id);
            self.traces.lock().unwrap().insert(span.trace_id);
        }
        let partial_success =
            Some(ExportTracePartialSuccess { rejected_spans: 1, error_message: String::new() });
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

async fn receiver() -> (String, Receiver) {
    let receiver = Receiver::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = TraceServiceServer::new(receiver.clone()).max_decoding_message_size(64 << 20);
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
    (address, receiver)
}

#[tokio::test]
async fn every_span_is_sent_once_although_some_must_come_back() {
    let (address, receiver) = receiver().await;
    let pool = Arc::new(Pool::new(1, 3_000, &[300]));
    let plan =
        Plan { rate: Some(8_000.0), connections: 2, in_flight_each: 2, duration: Duration::from_secs(1) };
    let outcome = drive(&pool, &address, &plan).await.unwrap();
    let requests = outcome.acks.count() as u64;
    assert!(outcome.offered >= 7_000 && outcome.pushed_back > 0 && outcome.failed == 0);
    assert_eq!(outcome.rejected, requests);
    assert_eq!(outcome.accepted, outcome.offered - requests);
    assert_eq!(receiver.spans.lock().unwrap().len() as u64, outcome.offered);
    let traces = receiver.traces.lock().unwrap();
    let mut rng = traffic::rng::Rng::new(3);
    for _ in 0..500 {
        let trace = pool.sent_trace(&mut rng, pool.drawn(), 1..=300).unwrap();
        assert!(traces.contains(&trace.id.0[..]), "a trace that was never sent");
    }
}

#[tokio::test]
async fn an_offered_rate_is_kept() {
    let (address, _receiver) = receiver().await;
    let pool = Arc::new(Pool::new(2, 500, &[100]));
    let plan =
        Plan { rate: Some(2_000.0), connections: 1, in_flight_each: 4, duration: Duration::from_secs(2) };
    let outcome = drive(&pool, &address, &plan).await.unwrap();
    // All that was due in two seconds; the last request may be larger than what was left.
    assert!((3_700..=4_400).contains(&outcome.offered), "{}", outcome.offered);
}
