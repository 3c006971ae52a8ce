-- What every span is stored as, in trace order: nearly all reads are "everything of this trace".
-- Partitions follow the day of arrival, so that a sender with an absurd clock can never spread one insert over
-- hundreds of partitions. Granules are small, because a trace is a few dozen rows of many wide columns, and a granule
-- is read whole from every part the trace is in. Skip indexes refine queries that are bounded already; search has its own table.
CREATE TABLE IF NOT EXISTS spans (
    tenant LowCardinality(String),
    class LowCardinality(String),
    received DateTime('UTC') CODEC(Delta(4), Default),
    trace_id FixedString(16) CODEC(Default),
    span_id UInt64 CODEC(NONE),
    parent_id UInt64 CODEC(Default),
    start DateTime64(9, 'UTC') CODEC(Delta(8), Default),
    duration UInt64 CODEC(T64, Default),
    service LowCardinality(String),
    operation LowCardinality(String),
    kind UInt8,
    status UInt8,
    status_message String,
    error UInt8 MATERIALIZED status = 2,
    latency_bucket UInt8 MATERIALIZED toUInt8(least(31, floor(log2(duration / 1000 + 1)))),
    trace_state String,
    flags UInt32,
    origin UInt64,
    attr_str Map(LowCardinality(String), String),
    attr_int Map(LowCardinality(String), Int64),
    attr_dbl Map(LowCardinality(String), Float64),
    -- Booleans, arrays, maps, bytes and empty values as tagged text: a NUL and typed JSON.
    attr_other Map(LowCardinality(String), String),
    dropped_attributes UInt32,
    dropped_events UInt32,
    dropped_links UInt32,
    events Nested (
        time UInt64,
        name LowCardinality(String),
        attrs Map(LowCardinality(String), String),
        dropped UInt32
    ),
    links Nested (
        trace_id FixedString(16),
        span_id UInt64,
        trace_state String,
        flags UInt32,
        attrs Map(LowCardinality(String), String),
        dropped UInt32
    ),
    notes Array(LowCardinality(String)),
    INDEX i_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX i_start start TYPE minmax GRANULARITY 1,
    INDEX i_service_error (service, error) TYPE set(512) GRANULARITY 1,
    INDEX i_operation operation TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX i_latency (service, latency_bucket) TYPE set(1024) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (class, toDate(received))
ORDER BY (trace_id, start)
TTL received + INTERVAL 30 DAY DELETE
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000;

-- Who made a span: its resource and instrumentation scope, once per origin instead of once per span.
-- Attribute values are tagged text.
CREATE TABLE IF NOT EXISTS origins (
    tenant LowCardinality(String),
    id UInt64,
    seen Date,
    service LowCardinality(String),
    resource Map(LowCardinality(String), String),
    resource_schema_url String,
    resource_dropped UInt32,
    scope_name String,
    scope_version String,
    scope Map(LowCardinality(String), String),
    scope_schema_url String,
    scope_dropped UInt32
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY (tenant, id)
TTL seen + INTERVAL 400 DAY DELETE
SETTINGS default_compression_codec = 'ZSTD(1)', non_replicated_deduplication_window = 1000;
