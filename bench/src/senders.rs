//! Does an application notice when Skein is slow or gone? Calls a second of a traced function, with the Rust SDK as it
//! comes (batches in the background), while Skein is healthy, hung (its process stopped) and dead (its port closed).

use std::hash::Hasher;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::Options;
use crate::process::Skein;
use crate::report::{Report, table};

const STATES: [State; 4] = [State::NoExporter, State::Healthy, State::Hung, State::Dead];
const EXPORT_TIMEOUT: Duration = Duration::from_secs(2);
const ROUNDS: usize = 2;
static WORK: [u8; 40_000] = [b'x'; 40_000];

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NoExporter,
    Healthy,
    Hung,
    Dead,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::NoExporter => "no exporter",
            State::Healthy => "healthy",
            State::Hung => "hung",
            State::Dead => "dead",
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Figures {
    per_second: f64,
    p99: Duration,
    longest: Duration,
}

pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let length = Duration::from_secs(options.seconds.min(5));
    report.heading("The Rust SDK while Skein is healthy, hung or dead");
    let head = ["Skein is", "calls/s", "of no exporter", "p99 of a call", "longest call"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut base = 0.0;
    for state in STATES {
        let mut all = Vec::new();
        for _ in 0..ROUNDS {
            all.push(measured(state, options, length).await?);
        }
        let mean = all.iter().map(|figures| figures.per_second).sum::<f64>() / all.len() as f64;
        let p99 = all.iter().map(|figures| figures.p99).max().unwrap_or_default();
        let longest = all.iter().map(|figures| figures.longest).max().unwrap_or_default();
        if state == State::NoExporter {
            base = mean;
        }
        report.say(&format!("{}: {mean:.0} calls/s", state.name()));
        rows.push(vec![
            state.name().to_owned(),
            format!("{mean:.0}"),
            format!("{:.2}", mean / base),
            format!("{} µs", p99.as_micros()),
            format!("{:.1} ms", longest.as_secs_f64() * 1e3),
        ]);
    }
    report.text(&table(&rows));
    report.text(
        "A call hashes 40 kB inside one span with six attributes; gRPC, the SDK's batching processor, a time-out of 2 s. \
         Means of two runs, the worse of two for p99 and longest.",
    );
    Ok(())
}

async fn measured(state: State, options: &Options, length: Duration) -> anyhow::Result<Figures> {
    let skein = Skein::start(&options.skein, options.dir.as_deref()).await?;
    let endpoint = skein.addresses.otlp_grpc.clone();
    let resource = Resource::builder_empty().with_service_name("sender").build();
    let provider = SdkTracerProvider::builder().with_resource(resource);
    let provider = if state == State::NoExporter {
        provider
    } else {
        let exporter =
            SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT);
        provider.with_batch_exporter(exporter.build()?)
    };
    let provider = provider.build();
    let skein = match state {
        State::Dead => {
            skein.stop().await?;
            None
        }
        _ => Some(skein),
    };
    if let (State::Hung, Some(skein)) = (state, &skein) {
        skein.signal("STOP").await?;
    }
    let calling = provider.clone();
    let figures = tokio::task::spawn_blocking(move || calls(&calling, length)).await?;
    if let Some(skein) = skein {
        skein.signal("CONT").await?;
        tokio::task::spawn_blocking(move || drop(provider.shutdown())).await?;
        skein.stop().await?;
    }
    Ok(figures)
}

fn calls(provider: &SdkTracerProvider, length: Duration) -> Figures {
    let tracer = provider.tracer("sender");
    let mut took = Vec::new();
    let began = Instant::now();
    while began.elapsed() < length {
        let call = Instant::now();
        let mut span = tracer.start("call");
        span.set_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.path", "/cart"),
            KeyValue::new("user.id", "u-17"),
            KeyValue::new("items", 3),
            KeyValue::new("gift", true),
            KeyValue::new("w", 0.5),
        ]);
        let mut hash = std::hash::DefaultHasher::new();
        hash.write(&WORK);
        std::hint::black_box(hash.finish());
        span.end();
        took.push(call.elapsed());
    }
    let per_second = took.len() as f64 / began.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |q: f64| took.get(((took.len() as f64 * q) as usize).min(took.len().saturating_sub(1)));
    Figures {
        per_second,
        p99: at(0.99).copied().unwrap_or_default(),
        longest: took.last().copied().unwrap_or_default(),
    }
}
