-- Blobs by the SHA-256 of their content.
CREATE TABLE artifacts (
    digest     TEXT PRIMARY KEY NOT NULL,
    bytes      BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
