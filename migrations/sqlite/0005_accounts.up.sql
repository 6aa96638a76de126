-- Who may use the service.
CREATE TABLE users (
    id            BLOB PRIMARY KEY NOT NULL,
    name          TEXT NOT NULL UNIQUE,
    role          TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    disabled_at   TEXT
);
-- Whether an enabled admin is left.
CREATE INDEX users_enabled ON users (role) WHERE disabled_at IS NULL;

-- Logins: of the refresh tokens of each, one may be used next.
CREATE TABLE sessions (
    id         BLOB PRIMARY KEY NOT NULL,
    user_id    BLOB NOT NULL REFERENCES users (id),
    refresh_id BLOB NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    ended_at   TEXT
);
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
-- What is cleaned up.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Secrets of programs, by their SHA-256.
CREATE TABLE service_tokens (
    id                  BLOB PRIMARY KEY NOT NULL,
    name                TEXT NOT NULL,
    role                TEXT NOT NULL,
    requests_per_minute INTEGER,
    hash                BLOB NOT NULL CHECK (length(hash) = 32),
    created_at          TEXT NOT NULL,
    created_by          TEXT NOT NULL,
    expires_at          TEXT,
    last_used_at        TEXT,
    revoked_at          TEXT
);
CREATE UNIQUE INDEX service_tokens_by_name ON service_tokens (name) WHERE revoked_at IS NULL;
CREATE INDEX service_tokens_by_time ON service_tokens (created_at DESC, id DESC);

-- Ids of the keys that sign tokens. The keys themselves are in no database.
CREATE TABLE signing_keys (
    id         BLOB PRIMARY KEY NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT
);
CREATE INDEX signing_keys_by_time ON signing_keys (created_at DESC, id DESC);

-- What was done, by whom.
CREATE TABLE audit_log (
    id      BLOB PRIMARY KEY NOT NULL,
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,
    address TEXT,
    action  TEXT NOT NULL,
    target  TEXT NOT NULL,
    detail  TEXT NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (at DESC, id DESC);
CREATE INDEX audit_log_by_actor ON audit_log (actor, at DESC, id DESC);
CREATE INDEX audit_log_by_action ON audit_log (action, at DESC, id DESC);

-- Entries never change, whoever asks.
CREATE TRIGGER audit_log_is_not_updated BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_log_is_not_deleted BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER audit_log_is_not_replaced BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
