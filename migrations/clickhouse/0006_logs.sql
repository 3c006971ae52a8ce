-- Log lines, in trace order like spans: what they are asked for most is the log of a trace. Lines without a trace lie
-- together at the front, in order of time. Values are tagged text, as in `origins`, and keep their types.
CREATE TABLE IF NOT EXISTS logs (
    tenant LowCardinality(String),
    received DateTime('UTC') CODEC(Delta(4), Default),
    trace_id FixedString(16) CODEC(Default),
    span_id UInt64 CODEC(Default),
    -- When it happened; when it was observed or received, if the sender does not say.
    time DateTime64(9, 'UTC') CODEC(Delta(8), Default),
    observed UInt64 CODEC(Delta(8), Default),
    service LowCardinality(String),
    severity UInt8,
    severity_text LowCardinality(String),
    event_name LowCardinality(String),
    body String,
    attributes Map(LowCardinality(String), String),
    dropped_attributes UInt32,
    flags UInt32,
    origin UInt64,
    INDEX i_time time TYPE minmax GRANULARITY 1,
    INDEX i_service_severity (service, severity) TYPE set(256) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (trace_id, time)
TTL received + INTERVAL 14 DAY DELETE
SETTINGS index_granularity = 2048, ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000;
