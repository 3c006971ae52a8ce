-- Where searches find the ids of traces: narrow rows in the order searches ask for, time first. The trace id is
-- only carried, never ordered or indexed by.
CREATE TABLE IF NOT EXISTS search (
    tenant LowCardinality(String),
    received DateTime('UTC') CODEC(Delta(4), Default),
    bucket DateTime('UTC') CODEC(Delta(4), Default),
    error UInt8,
    service LowCardinality(String),
    operation LowCardinality(String),
    start DateTime64(9, 'UTC') CODEC(Delta(8), Default),
    duration UInt64 CODEC(T64, Default),
    kind UInt8,
    root UInt8,
    trace_id FixedString(16) CODEC(NONE),
    INDEX i_start start TYPE minmax GRANULARITY 1,
    INDEX i_duration duration TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (tenant, bucket, error, service, operation, start)
TTL received + INTERVAL 7 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)', non_replicated_deduplication_window = 1000;
