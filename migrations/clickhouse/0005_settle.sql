-- When a piece became visible, by the engine's clock: a trace is quiet when none of its pieces has for a while. What was
-- stored before this counts from its arrival.
ALTER TABLE pieces ADD COLUMN IF NOT EXISTS stored DateTime('UTC') DEFAULT received CODEC(Delta(4), Default);
ALTER TABLE pieces MATERIALIZE COLUMN stored SETTINGS mutations_sync = 2;
ALTER TABLE pieces MODIFY COLUMN stored DateTime('UTC') DEFAULT now() CODEC(Delta(4), Default);
ALTER TABLE pieces ADD INDEX IF NOT EXISTS i_stored stored TYPE minmax GRANULARITY 1;

-- Whom a call went to, as its attributes name it: `database:postgresql/orders`.
ALTER TABLE spans ADD COLUMN IF NOT EXISTS peer LowCardinality(String) AFTER kind;

-- What is known of a trace as a whole once it has been quiet for a while. A trace with late spans is settled again, in
-- a later slice: the latest row counts.
CREATE TABLE IF NOT EXISTS traces (
    tenant LowCardinality(String),
    class LowCardinality(String),
    trace_id FixedString(16) CODEC(NONE),
    -- The end of the slice of time in which its last piece was stored.
    slice DateTime('UTC') CODEC(Delta(4), Default),
    -- Arrival of its first and last span, and of the last one known when it was settled before; the epoch if it was not.
    first_received DateTime('UTC') CODEC(Delta(4), Default),
    last_received DateTime('UTC') CODEC(Delta(4), Default),
    known_received DateTime('UTC') CODEC(Delta(4), Default),
    start DateTime64(9, 'UTC') CODEC(Delta(8), Default),
    duration UInt64 CODEC(T64, Default),
    root_service LowCardinality(String),
    root_operation LowCardinality(String),
    -- 1 ok, 2 error, 3 partial: as the query language counts.
    status UInt8,
    spans UInt64 CODEC(T64, Default),
    errors UInt64 CODEC(T64, Default),
    orphans UInt64 CODEC(T64, Default),
    depth UInt32 CODEC(T64, Default),
    -- The same for all traces with the same set of call paths.
    shape UInt64 CODEC(NONE),
    -- Why parents are missing, with how many.
    causes Map(LowCardinality(String), UInt64),
    -- Nanoseconds of the critical path, by service.
    critical Map(LowCardinality(String), UInt64),
    -- The largest groups of equal siblings.
    repeats Nested (
        service LowCardinality(String),
        operation LowCardinality(String),
        count UInt32,
        duration UInt64
    )
)
ENGINE = ReplacingMergeTree(slice)
PARTITION BY (class, toDate(first_received))
ORDER BY (tenant, trace_id)
TTL first_received + INTERVAL 30 DAY DELETE
SETTINGS index_granularity = 512, ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)';

-- Calls from service to service (databases, queues and outside systems among them) by minute of their start. A slice
-- adds what its traces add to what they were known to before, so numbers may be negative: only sums mean something.
CREATE TABLE IF NOT EXISTS edges (
    tenant LowCardinality(String),
    time DateTime('UTC') CODEC(Delta(4), Default),
    -- As `model` numbers kinds of nodes.
    client_kind UInt8,
    client LowCardinality(String),
    server_kind UInt8,
    server LowCardinality(String),
    slice DateTime('UTC') CODEC(Delta(4), Default),
    calls Int64,
    errors Int64,
    duration Int64,
    hist Map(UInt16, Int64)
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(slice)
ORDER BY (tenant, time, client_kind, client, server_kind, server, slice)
TTL slice + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)';

-- Time and calls by call path, in tens of minutes of their traces' start, summed like `edges`.
CREATE TABLE IF NOT EXISTS paths (
    tenant LowCardinality(String),
    time DateTime('UTC') CODEC(Delta(4), Default),
    root_service LowCardinality(String),
    root_operation LowCardinality(String),
    -- As `model` numbers call paths; zero above a root.
    path UInt64 CODEC(NONE),
    parent UInt64 CODEC(NONE),
    slice DateTime('UTC') CODEC(Delta(4), Default),
    service LowCardinality(String),
    operation LowCardinality(String),
    traces Int64,
    spans Int64,
    errors Int64,
    duration Int64,
    self_time Int64,
    critical Int64,
    hist Map(UInt16, Int64)
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(slice)
ORDER BY (tenant, root_service, root_operation, path, time, slice)
TTL slice + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, default_compression_codec = 'ZSTD(1)';

-- The slices that are done, without gaps but for times in which nothing was stored.
CREATE TABLE IF NOT EXISTS slices (
    slice DateTime('UTC'),
    traces UInt64,
    spans UInt64,
    again UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY slice
TTL slice + INTERVAL 30 DAY DELETE;
