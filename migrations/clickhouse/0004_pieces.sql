-- What searches look through: one row for the spans of a trace that arrived in one batch. It says
-- when, which operations of which services (with their longest spans as buckets of the `model` crate's histogram), the
-- ranges of numeric attributes, and tokens (hashes, see `storage/token.rs`) of everything else that can be asked for.
-- A row is a hint, never the truth: what it names is verified on `spans`. The trace id is only carried.
CREATE TABLE IF NOT EXISTS pieces (
    tenant LowCardinality(String),
    received DateTime('UTC') CODEC(Delta(4), Default),
    bucket DateTime('UTC') CODEC(Delta(4), Default),
    error UInt8,
    first DateTime64(9, 'UTC') CODEC(Delta(8), Default),
    length UInt64 CODEC(T64, Default),
    trace_id FixedString(16) CODEC(NONE),
    spans UInt32 CODEC(T64, Default),
    errors UInt32 CODEC(T64, Default),
    groups Nested (
        service LowCardinality(String),
        operation LowCardinality(String),
        longest UInt16,
        failed UInt8
    ),
    -- Rounded, and so to be compared with bounds that are rounded the same way.
    numbers Nested (
        key LowCardinality(String),
        min Float32,
        max Float32
    ),
    tokens Array(UInt32),
    INDEX i_received received TYPE minmax GRANULARITY 1,
    INDEX i_length length TYPE minmax GRANULARITY 1,
    INDEX i_service groups.service TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX i_operation groups.operation TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX i_tokens tokens TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (tenant, bucket, error, first)
TTL received + INTERVAL 7 DAY DELETE
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)',
    non_replicated_deduplication_window = 1000;
