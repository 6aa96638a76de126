-- Who may use the service.
CREATE TABLE users (
    id            UUID PRIMARY KEY NOT NULL,
    name          TEXT COLLATE "C" NOT NULL UNIQUE,
    role          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    disabled_at   TIMESTAMPTZ
);
-- Whether an enabled admin is left.
CREATE INDEX users_enabled ON users (role) WHERE disabled_at IS NULL;

-- Logins: of the refresh tokens of each, one may be used next.
CREATE TABLE sessions (
    id         UUID PRIMARY KEY NOT NULL,
    user_id    UUID NOT NULL REFERENCES users (id),
    refresh_id UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    ended_at   TIMESTAMPTZ
);
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
-- What is cleaned up.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Secrets of programs, by their SHA-256.
CREATE TABLE service_tokens (
    id                  UUID PRIMARY KEY NOT NULL,
    name                TEXT NOT NULL,
    role                TEXT NOT NULL,
    requests_per_minute BIGINT,
    hash                BYTEA NOT NULL CHECK (length(hash) = 32),
    created_at          TIMESTAMPTZ NOT NULL,
    created_by          TEXT NOT NULL,
    expires_at          TIMESTAMPTZ,
    last_used_at        TIMESTAMPTZ,
    revoked_at          TIMESTAMPTZ
);
CREATE UNIQUE INDEX service_tokens_by_name ON service_tokens (name) WHERE revoked_at IS NULL;
CREATE INDEX service_tokens_by_time ON service_tokens (created_at DESC, id DESC);

-- Ids of the keys that sign tokens. The keys themselves are in no database.
CREATE TABLE signing_keys (
    id         UUID PRIMARY KEY NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ
);
CREATE INDEX signing_keys_by_time ON signing_keys (created_at DESC, id DESC);

-- What was done, by whom.
CREATE TABLE audit_log (
    id      UUID PRIMARY KEY NOT NULL,
    at      TIMESTAMPTZ NOT NULL,
    actor   TEXT NOT NULL,
    address TEXT,
    action  TEXT NOT NULL,
    target  TEXT NOT NULL,
    detail  JSON NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (at DESC, id DESC);
CREATE INDEX audit_log_by_actor ON audit_log (actor, at DESC, id DESC);
CREATE INDEX audit_log_by_action ON audit_log (action, at DESC, id DESC);

-- Entries never change, whoever asks.
CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
-- Also in sessions that switch ordinary triggers off.
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_is_append_only;
