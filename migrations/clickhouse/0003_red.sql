-- Rate, errors and durations of 100 % of spans, in 10-second buckets of their start. The histogram's buckets are
-- those of the `model` crate: 32 to each power of two of nanoseconds.
CREATE TABLE IF NOT EXISTS red (
    tenant LowCardinality(String),
    day Date,
    time DateTime('UTC') CODEC(Delta(4), Default),
    service LowCardinality(String),
    operation LowCardinality(String),
    kind UInt8,
    calls SimpleAggregateFunction(sum, UInt64),
    errors SimpleAggregateFunction(sum, UInt64),
    duration_sum SimpleAggregateFunction(sum, UInt64),
    hist SimpleAggregateFunction(sumMap, Map(UInt16, UInt64))
)
ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY (tenant, toStartOfHour(time), service, operation, kind, time)
TTL day + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)', non_replicated_deduplication_window = 1000;
