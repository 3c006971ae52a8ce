-- Spans that were refused at the door, by their ids: where a trace misses a parent, this tells that we turned it away.
-- Only so many of a request, and of a while, are written down; the receipts count all.
CREATE TABLE IF NOT EXISTS refused (
    tenant LowCardinality(String),
    received DateTime('UTC') CODEC(Delta(4), Default),
    trace_id FixedString(16) CODEC(Default),
    span_id UInt64 CODEC(NONE),
    reason LowCardinality(String),
    INDEX i_received received TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (tenant, trace_id, span_id)
TTL received + INTERVAL 30 DAY DELETE
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000;
