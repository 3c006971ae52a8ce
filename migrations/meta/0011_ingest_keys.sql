-- Keys that senders of spans show. The key itself is told once and kept nowhere: only the SHA-256 of its secret is,
-- which is enough as the secret is random. Revoked keys stay, to say what they were.
CREATE TABLE ingest_keys (
    id TEXT PRIMARY KEY NOT NULL,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    -- 0: as many as come.
    spans_per_second BIGINT NOT NULL,
    created_unix_ms BIGINT NOT NULL,
    -- 0: never.
    last_used_unix_ms BIGINT NOT NULL,
    revoked_unix_ms BIGINT NOT NULL
);
