-- What operations did themselves, by minute of their spans' start, summed like `edges`. A call that nobody answered
-- carries the peer it went to. Durations are in coarse buckets: four to each power of two.
CREATE TABLE IF NOT EXISTS work (
    tenant LowCardinality(String),
    time DateTime('UTC') CODEC(Delta(4), Default),
    service LowCardinality(String),
    operation LowCardinality(String),
    kind UInt8,
    peer LowCardinality(String),
    slice DateTime('UTC') CODEC(Delta(4), Default),
    spans Int64,
    roots Int64,
    errors Int64,
    -- Failed spans without a failed child.
    own_errors Int64,
    duration Int64,
    self_time Int64,
    critical Int64,
    lengths Map(UInt16, Int64),
    own_times Map(UInt16, Int64),
    -- How long messages lay before they were taken.
    lags Map(UInt16, Int64)
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(slice)
ORDER BY (tenant, time, service, operation, kind, peer, slice)
TTL slice + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)';

-- What was not as it was: the latest row of each counts.
CREATE TABLE IF NOT EXISTS anomalies (
    tenant LowCardinality(String),
    id String,
    start DateTime('UTC'),
    last_seen DateTime('UTC'),
    -- The epoch while it lasts.
    closed DateTime('UTC'),
    judged DateTime('UTC'),
    body String
)
ENGINE = ReplacingMergeTree(judged)
ORDER BY (tenant, id)
TTL last_seen + INTERVAL 30 DAY DELETE
SETTINGS default_compression_codec = 'ZSTD(1)';

-- Up to when each tenant's figures were judged, and since when they are known.
CREATE TABLE IF NOT EXISTS judged (
    tenant LowCardinality(String),
    until DateTime('UTC'),
    known_since DateTime('UTC')
)
ENGINE = ReplacingMergeTree(until)
ORDER BY tenant;
