//! Tells another system when an anomaly begins and ends: a POST of JSON, again with growing pauses until it is taken
//! or given up. Whoever listens may get the same twice, and knows it by its id and event.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::view::Anomaly;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::limits::{WEBHOOK_ATTEMPTS, WEBHOOK_PAUSE_MAX, WEBHOOK_QUEUE_MAX, WEBHOOK_TIMEOUT};

const FIRST_PAUSE: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, Default)]
pub struct WebhookMetrics {
    pub sent: Counter,
    pub retried: Counter,
    /// There was no room, or every attempt failed.
    pub given_up: Counter,
}

impl WebhookMetrics {
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("skein_anomaly_webhook");
        registry.register("sent", "Events that the webhook took", self.sent.clone());
        registry.register("retried", "Attempts that failed and were repeated", self.retried.clone());
        registry.register("given_up", "Events that were not taken", self.given_up.clone());
    }
}

/// Where events are put; they are sent in order, one at a time.
#[derive(Clone)]
pub struct Webhook {
    waiting: mpsc::Sender<Value>,
    metrics: WebhookMetrics,
}

impl Webhook {
    /// Sends in the background, for as long as anybody may tell anything.
    pub fn start(url: String, metrics: WebhookMetrics) -> Webhook {
        let (waiting, events) = mpsc::channel(WEBHOOK_QUEUE_MAX);
        tokio::spawn(send_all(url, events, metrics.clone()));
        Webhook { waiting, metrics }
    }

    /// `event` is `open` or `close`.
    pub fn tell(&self, event: &str, tenant: &str, anomaly: &Anomaly) {
        let body = json!({
            "event": event,
            "tenant": tenant,
            "reason": anomaly.reason(),
            "anomaly": model::json::anomaly(anomaly),
        });
        if self.waiting.try_send(body).is_err() {
            self.metrics.given_up.inc();
        }
    }
}

type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

#[derive(Debug, Error)]
enum SendError {
    #[error("it cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("it answered {0}")]
    Refused(StatusCode),
    #[error("it did not answer in time")]
    Late,
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
}

/// Over TLS a webhook shows a certificate of a public authority.
fn client() -> Result<Client, rustls::Error> {
    let provider = rustls::crypto::ring::default_provider();
    let connector = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider)?;
    let connector = connector.https_or_http().enable_http1().build();
    Ok(hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector))
}

async fn post(client: &Client, url: &str, body: Bytes) -> Result<(), SendError> {
    let request = Request::post(url).header(CONTENT_TYPE, "application/json").body(Full::new(body))?;
    let answer = tokio::time::timeout(WEBHOOK_TIMEOUT, client.request(request)).await;
    match answer.map_err(|_| SendError::Late)?.map_err(SendError::Unreachable)?.status() {
        status if status.is_success() => Ok(()),
        status => Err(SendError::Refused(status)),
    }
}

async fn send_all(url: String, mut events: mpsc::Receiver<Value>, metrics: WebhookMetrics) {
    let client = match client() {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "the webhook cannot be used"),
    };
    while let Some(event) = events.recv().await {
        let body = Bytes::from(event.to_string());
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        while let Err(error) = post(&client, &url, body.clone()).await {
            if attempt == WEBHOOK_ATTEMPTS {
                metrics.given_up.inc();
                let error = anyhow::Error::from(error);
                tracing::warn!(error = format!("{error:#}"), "an anomaly could not be told to the webhook");
                break;
            }
            metrics.retried.inc();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(WEBHOOK_PAUSE_MAX);
            attempt += 1;
        }
        if attempt < WEBHOOK_ATTEMPTS {
            metrics.sent.inc();
        }
    }
}

/// A URL that events can be posted to.
pub fn check_url(url: &str) -> Result<(), String> {
    let problem = || format!("'{url}' is not an http:// or https:// URL");
    let uri: http::Uri = url.parse().map_err(|_| problem())?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    if is_web && uri.host().is_some_and(|host| !host.is_empty()) { Ok(()) } else { Err(problem()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_taken() {
        for url in ["https://hooks.example/x?y=1", "http://127.0.0.1:9/a"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in ["hooks.example", "ftp://h/x", "http://", "/path", ""] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
