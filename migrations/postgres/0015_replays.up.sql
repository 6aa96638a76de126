-- What became of a dead letter: it is open until it is replayed, as the job that it names, or discarded. Rows of the
-- release before this one have no fingerprint until a worker gives them theirs.
ALTER TABLE dead_letters
    ADD COLUMN state       TEXT   NOT NULL DEFAULT 'open',
    ADD COLUMN fingerprint TEXT,
    ADD COLUMN replays     BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN state_since TIMESTAMPTZ,
    ADD COLUMN replayed_as UUID,
    ADD COLUMN note        TEXT;

-- Who made the attempt that failed.
ALTER TABLE job_failures ADD COLUMN worker TEXT;

-- A replay: which letters, how, and how far it has come. Its counts change with its items, in the same transaction.
CREATE TABLE replays (
    id           UUID PRIMARY KEY NOT NULL,
    request_hash TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    created_by   TEXT NOT NULL,
    selection    JSON NOT NULL,
    plan         JSON NOT NULL,
    note         TEXT,
    state        TEXT NOT NULL,
    reason       TEXT,
    selected     BOOLEAN NOT NULL,
    selected_at  TIMESTAMPTZ,
    selected_id  UUID,
    total        BIGINT NOT NULL,
    queued       BIGINT NOT NULL DEFAULT 0,
    succeeded    BIGINT NOT NULL DEFAULT 0,
    failed       BIGINT NOT NULL DEFAULT 0,
    refused      BIGINT NOT NULL DEFAULT 0,
    refusals     JSON NOT NULL,
    pace         JSON NOT NULL,
    next_at      TIMESTAMPTZ NOT NULL,
    ended_at     TIMESTAMPTZ
);
CREATE INDEX replays_by_time ON replays (created_at DESC, id DESC);

CREATE TABLE replay_items (
    replay_id UUID   NOT NULL REFERENCES replays (id) ON DELETE CASCADE,
    position  BIGINT NOT NULL,
    letter_id UUID   NOT NULL,
    outcome   TEXT   NOT NULL,
    refusal   TEXT,
    detail    TEXT,
    job_id    UUID,
    PRIMARY KEY (replay_id, position)
);
-- Letters are replayed in the order of their positions; what is under way is a few among many.
CREATE INDEX replay_items_under_way ON replay_items (replay_id, position) WHERE outcome = 'queued';
