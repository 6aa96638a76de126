-- A job: who submitted what, where it is in its life, and who holds its lease.
CREATE TABLE jobs (
    id               BLOB    PRIMARY KEY NOT NULL,
    version          INTEGER NOT NULL,
    subject          TEXT    NOT NULL,
    request_hash     TEXT    NOT NULL,
    retry_of         BLOB,
    agent_type       TEXT    NOT NULL,
    priority         TEXT    NOT NULL,
    parameters       TEXT    NOT NULL,
    agent_state      TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    attempt          INTEGER NOT NULL DEFAULT 0,
    lease_epoch      INTEGER NOT NULL DEFAULT 0,
    lease_owner      TEXT,
    lease_expires_at TEXT,
    submitted_at     TEXT    NOT NULL,
    started_at       TEXT,
    finished_at      TEXT,
    not_before       TEXT,
    dispatched_at    TEXT,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    episodes_done    INTEGER NOT NULL DEFAULT 0,
    episodes_total   INTEGER NOT NULL,
    verdict          TEXT
);

-- Listings run from the newest to the oldest.
CREATE INDEX jobs_by_submission ON jobs (submitted_at DESC, id DESC);
-- The dispatcher looks at unfinished jobs alone, however many have ended.
CREATE INDEX jobs_unfinished ON jobs (submitted_at) WHERE status IN ('queued', 'running');
-- The ledger counts by status.
CREATE INDEX jobs_by_status ON jobs (status);

-- One row per environment of a job, from its acceptance on; the result comes when the environment is finished, the
-- comparison when the job is.
CREATE TABLE evaluations (
    job_id      BLOB    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    environment TEXT    NOT NULL,
    result      TEXT,
    baseline_id BLOB,
    regression  TEXT,
    PRIMARY KEY (job_id, position)
);
CREATE INDEX evaluations_by_environment ON evaluations (environment, job_id);

CREATE TABLE job_labels (
    job_id BLOB NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (job_id, name)
);
CREATE INDEX job_labels_by_value ON job_labels (name, value, job_id);

-- Every failed attempt. The last one is the error of a failed job.
CREATE TABLE job_failures (
    job_id  BLOB    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    at      TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    reason  TEXT    NOT NULL,
    PRIMARY KEY (job_id, attempt)
);
