-- What became of everything that was sent, counted by the doors: a row for each minute, sender, outcome and reason.
-- The same minute may come in several rows, which are added up when parts are merged, and when they are read.
-- Ids never enter an example, so that nothing of a deleted trace stays here.
CREATE TABLE IF NOT EXISTS receipts (
    tenant LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta(4), Default),
    outcome LowCardinality(String),
    reason LowCardinality(String),
    service LowCardinality(String),
    key LowCardinality(String),
    door LowCardinality(String),
    kind LowCardinality(String),
    items SimpleAggregateFunction(sum, UInt64),
    requests SimpleAggregateFunction(sum, UInt64),
    -- Any example will do, but one is better than none.
    example SimpleAggregateFunction(max, String)
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(minute)
ORDER BY (tenant, minute, outcome, reason, service, key, door, kind)
TTL minute + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)', non_replicated_deduplication_window = 1000;
