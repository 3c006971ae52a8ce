//! Facets and heatmaps of more pieces than are looked through one by one.

use serde_json::{Value, json};

use crate::server::{TestServer, now};

/// Traces of one span each that are sent, and as how many each is stored: more than `OVERVIEW_MAX_PIECES` in all.
const SENT: u64 = 20;
const COPIES: u64 = 12_500;
const HOUR_NANOS: u64 = 3_600_000_000_000;
/// Several hundred matches are this far off at most, four times what is usual; the few dozen of a part of them twice that.
const TOLERANCE: f64 = 0.25;

/// One in twenty is `rare`, seven are `often`, the others `usual`.
fn tier(number: u64) -> &'static str {
    match number {
        0 => "rare",
        1..=7 => "often",
        _ => "usual",
    }
}

async fn very_many(server: &TestServer) {
    let start = now().0 - HOUR_NANOS / 2;
    let span = |number: u64| {
        json!({ "trace_id": format!("{:032x}", number + 1), "span_id": format!("{:016x}", number + 1),
            "service_name": "cart", "operation_name": "add", "start_time_unix_ns": start.to_string(),
            "duration_ms": 5 << (number % 3), "status": if number.is_multiple_of(4) { "error" } else { "ok" },
            "tags": { "tier": tier(number) } })
    };
    let spans: Vec<Value> = (0..SENT).map(span).collect();
    let (status, _) =
        server.post("/v1/spans", "application/json", json!(spans).to_string().into_bytes()).await;
    assert_eq!(status, 202);
    server.stored(SENT as usize).await;
    // Copies lie between each other in time, so that no index knows where the rare ones are.
    for (table, time) in [("spans", "start"), ("pieces", "first")] {
        let copied = format!(
            "INSERT INTO {table} SELECT {table}.* REPLACE(
                reinterpretAsFixedString(sipHash128(trace_id, number)) AS trace_id,
                {time} + toIntervalMicrosecond(number) AS {time})
             FROM {table} CROSS JOIN numbers(1, {}) AS copies",
            COPIES - 1
        );
        assert!(server.sql(&copied).await.is_some(), "{table}");
        let count = format!("SELECT count() FROM {table} WHERE tenant = 'default'");
        server.sql_becomes(&count, &(SENT * COPIES).to_string()).await;
    }
}

#[track_caller]
fn is_about(what: &str, told: &Value, expected: u64, tolerance: f64) {
    let off = (told.as_f64().unwrap() - expected as f64).abs() / expected as f64;
    assert!(off <= tolerance, "{what}: {told} instead of {expected}");
}

#[tokio::test]
async fn of_very_many_pieces_runs_of_ids_are_a_fair_sample() {
    let server = TestServer::start_with(&["--settle-after-secs", "600"]).await;
    very_many(&server).await;
    let from = now().0 - HOUR_NANOS;
    let samples = async || server.metric("skein_query_limits_reached_total").await;
    assert_eq!(samples().await, 0.0);

    // Every trace matches: how many there are is counted in all pieces, what they are like is sampled.
    let (status, facets) = server.get(&format!("/api/facets?start={from}&fields=span.tier")).await;
    assert_eq!(status, 200, "{facets}");
    assert_eq!(samples().await, 1.0, "runs of ids were read");
    is_about("all", &facets["traces"], SENT * COPIES, 0.02);
    assert!(facets["sampled"].as_f64().unwrap() < 0.1, "{facets}");
    let values = facets["facets"][0]["values"].as_array().unwrap();
    let told = |tier: &str, what: &str| &values.iter().find(|value| value["value"] == tier).unwrap()[what];
    is_about("usual", told("usual", "traces"), 12 * COPIES, TOLERANCE);
    is_about("often", told("often", "traces"), 7 * COPIES, TOLERANCE);
    is_about("failed among the usual", told("usual", "errors"), 3 * COPIES, 2.0 * TOLERANCE);

    // A third of them does: how many is an estimate too.
    let often = format!("start={from}&q=tier%3Doften");
    let (_, facets) = server.get(&format!("/api/facets?{often}&fields=resource.service.name")).await;
    is_about("often", &facets["traces"], 7 * COPIES, TOLERANCE);
    let (status, map) = server.get(&format!("/api/heatmap?{often}&columns=10")).await;
    assert_eq!(status, 200, "{map}");
    is_about("often in the map", &map["traces"], 7 * COPIES, TOLERANCE);
    assert_eq!(samples().await, 3.0);

    // Too few for runs: pieces name them.
    let (_, facets) =
        server.get(&format!("/api/facets?start={from}&q=tier%3Drare&fields=resource.service.name")).await;
    is_about("rare", &facets["traces"], COPIES, 0.02);
    assert_eq!(samples().await, 3.0);
}
