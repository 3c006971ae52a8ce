-- Which origins sent spans, by minute: what version of a service ran when. Filled by the engine itself: what a batch
-- adds twice does no harm here.
CREATE TABLE IF NOT EXISTS origin_minutes (
    tenant LowCardinality(String),
    day Date,
    time DateTime('UTC') CODEC(Delta(4), Default),
    service LowCardinality(String),
    origin UInt64,
    spans SimpleAggregateFunction(sum, UInt64)
)
ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY (tenant, service, time, origin)
TTL day + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)';

CREATE MATERIALIZED VIEW IF NOT EXISTS origin_minutes_of_spans TO origin_minutes AS
    SELECT tenant, toDate(received) AS day, toStartOfMinute(toDateTime(start, 'UTC')) AS time, service, origin,
        count() AS spans
    FROM spans GROUP BY tenant, day, time, service, origin;
