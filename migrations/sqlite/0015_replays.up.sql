-- What became of a dead letter: it is open until it is replayed, as the job that it names, or discarded. Rows of the
-- release before this one have no fingerprint until a worker gives them theirs.
ALTER TABLE dead_letters ADD COLUMN state TEXT NOT NULL DEFAULT 'open';
ALTER TABLE dead_letters ADD COLUMN fingerprint TEXT;
ALTER TABLE dead_letters ADD COLUMN replays INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letters ADD COLUMN state_since TEXT;
ALTER TABLE dead_letters ADD COLUMN replayed_as BLOB;
ALTER TABLE dead_letters ADD COLUMN note TEXT;

-- Who made the attempt that failed.
ALTER TABLE job_failures ADD COLUMN worker TEXT;

-- A replay: which letters, how, and how far it has come. Its counts change with its items, in the same transaction.
CREATE TABLE replays (
    id           BLOB PRIMARY KEY NOT NULL,
    request_hash TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    selection    TEXT NOT NULL,
    plan         TEXT NOT NULL,
    note         TEXT,
    state        TEXT NOT NULL,
    reason       TEXT,
    selected     BOOLEAN NOT NULL,
    selected_at  TEXT,
    selected_id  BLOB,
    total        INTEGER NOT NULL,
    queued       INTEGER NOT NULL DEFAULT 0,
    succeeded    INTEGER NOT NULL DEFAULT 0,
    failed       INTEGER NOT NULL DEFAULT 0,
    refused      INTEGER NOT NULL DEFAULT 0,
    refusals     TEXT NOT NULL,
    pace         TEXT NOT NULL,
    next_at      TEXT NOT NULL,
    ended_at     TEXT
);
CREATE INDEX replays_by_time ON replays (created_at DESC, id DESC);

CREATE TABLE replay_items (
    replay_id BLOB   NOT NULL REFERENCES replays (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    letter_id BLOB   NOT NULL,
    outcome   TEXT   NOT NULL,
    refusal   TEXT,
    detail    TEXT,
    job_id    BLOB,
    PRIMARY KEY (replay_id, position)
);
-- Letters are replayed in the order of their positions; what is under way is a few among many.
CREATE INDEX replay_items_under_way ON replay_items (replay_id, position) WHERE outcome = 'queued';
