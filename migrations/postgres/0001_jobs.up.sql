-- A job: who submitted what, where it is in its life, and who holds its lease.
CREATE TABLE jobs (
    id               UUID    PRIMARY KEY NOT NULL,
    version          BIGINT NOT NULL,
    subject          TEXT    NOT NULL,
    request_hash     TEXT    NOT NULL,
    retry_of         UUID,
    agent_type       TEXT    NOT NULL,
    priority         TEXT    NOT NULL,
    parameters       JSON NOT NULL,
    agent_state      JSON NOT NULL,
    status           TEXT    NOT NULL,
    attempt          BIGINT NOT NULL DEFAULT 0,
    lease_epoch      BIGINT NOT NULL DEFAULT 0,
    lease_owner      TEXT,
    lease_expires_at TIMESTAMPTZ,
    submitted_at     TIMESTAMPTZ NOT NULL,
    started_at       TIMESTAMPTZ,
    finished_at      TIMESTAMPTZ,
    not_before       TIMESTAMPTZ,
    dispatched_at    TIMESTAMPTZ,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    episodes_done    BIGINT NOT NULL DEFAULT 0,
    episodes_total   BIGINT NOT NULL,
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
    job_id      UUID    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    environment TEXT    NOT NULL,
    result      JSON,
    baseline_id UUID,
    regression  JSON,
    PRIMARY KEY (job_id, position)
);
CREATE INDEX evaluations_by_environment ON evaluations (environment, job_id);

CREATE TABLE job_labels (
    job_id UUID NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (job_id, name)
);
CREATE INDEX job_labels_by_value ON job_labels (name, value, job_id);

-- Every failed attempt. The last one is the error of a failed job.
CREATE TABLE job_failures (
    job_id  UUID    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    attempt BIGINT NOT NULL,
    at      TIMESTAMPTZ NOT NULL,
    kind    TEXT    NOT NULL,
    reason  TEXT    NOT NULL,
    PRIMARY KEY (job_id, attempt)
);
