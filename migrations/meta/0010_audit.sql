-- What was done that cannot be undone, by whom and with what outcome. A line is written before the deed, so that
-- none is without one, and completed after it.
CREATE TABLE audit (
    id TEXT PRIMARY KEY NOT NULL,
    tenant TEXT NOT NULL,
    began_unix_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- started, done or failed; started for good means that the process ended in between.
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
);

CREATE INDEX audit_by_time ON audit (tenant, began_unix_ms);
