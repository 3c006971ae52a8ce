//! What the demo sends, and when, against a sender that only remembers.

use std::collections::HashSet;
use std::sync::Mutex;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::sync::oneshot;
use tonic::{Request, Response};

use super::*;

type Received = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// Refuses the first requests as a busy server does, then keeps everything.
struct Receiver {
    busy_answers: AtomicU64,
    received: Received,
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if self.busy_answers.load(Ordering::Relaxed) > 0 {
            self.busy_answers.fetch_sub(1, Ordering::Relaxed);
            return Err(Status::resource_exhausted("queue full"));
        }
        self.received.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn receiver(busy_answers: u64) -> (String, Received) {
    let received = Received::default();
    let service = Receiver { busy_answers: AtomicU64::new(busy_answers), received: received.clone() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(service))
            .serve_with_incoming(incoming),
    );
    (endpoint, received)
}

fn span_count(requests: &[ExportTraceServiceRequest]) -> usize {
    let scopes = requests.iter().flat_map(|r| &r.resource_spans).flat_map(|r| &r.scope_spans);
    scopes.map(|s| s.spans.len()).sum()
}

fn backfilled(seed: u64, started: Timestamp, minutes: u64) -> usize {
    let shop = Shop::new(seed);
    let from = started.minus(Nanos::from_secs(minutes * 60));
    let visits = shop.arrivals(from, BACKFILL_RATE).take_while(|at| *at < started);
    visits.flat_map(|at| shop.visit_at(at)).flatten().filter(|s| s.end() <= started).count()
}

#[tokio::test]
async fn the_past_arrives_whole_although_the_server_is_busy_at_first() {
    let (endpoint, received) = receiver(2).await;
    let config = DemoConfig { endpoint, rate: 5.0, backfill: 2, seed: 3, ca: None };
    let endpoint = Endpoint::from_shared(config.endpoint.clone()).unwrap();
    let sender = Sender { client: TraceServiceClient::new(endpoint.connect_lazy()), sent: Arc::default() };
    let mut demo = Demo::new(&config, sender);
    demo.backfill(Nanos::from_secs(120)).await;
    let expected = backfilled(3, demo.started, 2);
    assert!(expected > 1_000);
    assert_eq!(span_count(&received.lock().unwrap()), expected);
    assert_eq!(demo.sender.sent.spans.load(Ordering::Relaxed), expected as u64);
}

#[tokio::test]
async fn live_spans_come_from_each_instance_by_itself_and_after_their_end() {
    let (endpoint, received) = receiver(0).await;
    let config = DemoConfig { endpoint, rate: 60.0, backfill: 0, seed: 4, ca: None };
    let (stop, stopped) = oneshot::channel::<()>();
    let demo = tokio::spawn(run(config, async { drop(stopped.await) }));
    let deadline = Instant::now() + Duration::from_secs(20);
    while span_count(&received.lock().unwrap()) < 200 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send(()).unwrap();
    demo.await.unwrap().unwrap();
    let requests = received.lock().unwrap();
    assert!(span_count(&requests) >= 200);
    let mut services = HashSet::new();
    for request in requests.iter() {
        assert_eq!(request.resource_spans.len(), 1, "one instance a request");
        let resource = request.resource_spans[0].resource.as_ref().unwrap();
        services.insert(format!("{:?}", resource.attributes.iter().find(|kv| kv.key == "service.name")));
        let spans = request.resource_spans[0].scope_spans.iter().flat_map(|s| &s.spans);
        let latest = spans.map(|s| s.end_time_unix_nano).max().unwrap();
        assert!(latest <= now().0);
    }
    assert!(services.len() > 5);
}

#[tokio::test]
async fn a_rate_of_nothing_is_refused() {
    let config =
        DemoConfig { endpoint: "http://127.0.0.1:1".to_owned(), rate: 0.0, backfill: 0, seed: 1, ca: None };
    let error = run(config, std::future::ready(())).await.unwrap_err();
    assert!(error.to_string().contains("--rate"), "{error}");
}
