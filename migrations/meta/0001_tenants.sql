-- Whose data there is. Ids are text and times integers, so that SQLite and Postgres read this file alike.
CREATE TABLE tenants (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    -- Reserved tenants hold what Skein itself produces.
    reserved BIGINT NOT NULL,
    created_unix_s BIGINT NOT NULL
);

INSERT INTO tenants (id, name, reserved, created_unix_s) VALUES ('default', 'Default', 0, 0);
INSERT INTO tenants (id, name, reserved, created_unix_s) VALUES ('skein', 'Skein itself', 1, 0);
