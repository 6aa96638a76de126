-- Several workers share the queue: a lease knows the message that it was taken for, the claim that took it, and whether
-- other jobs ran beside it.
ALTER TABLE jobs ADD COLUMN lease_message UUID;
ALTER TABLE jobs ADD COLUMN lease_claim UUID;
ALTER TABLE jobs ADD COLUMN lease_alone BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE jobs ADD COLUMN interruptions BIGINT NOT NULL DEFAULT 0;

-- What the dispatchers look for twice a second, however many jobs wait with a message or have ended.
CREATE INDEX jobs_due ON jobs (coalesce(not_before, submitted_at)) WHERE status = 'queued' AND dispatched_at IS NULL;

-- What ended without a result: failed jobs, and messages that could not become one.
CREATE TABLE dead_letters (
    id     UUID PRIMARY KEY NOT NULL,
    job_id UUID REFERENCES jobs (id) ON DELETE CASCADE,
    at     TIMESTAMPTZ NOT NULL,
    kind   TEXT NOT NULL,
    reason TEXT NOT NULL,
    body   BYTEA
);
CREATE INDEX dead_letters_by_time ON dead_letters (at DESC, id DESC);
-- Jobs that failed before there were dead letters.
INSERT INTO dead_letters (id, job_id, at, kind, reason)
    SELECT jobs.id, jobs.id, jobs.finished_at, job_failures.kind, job_failures.reason
    FROM jobs JOIN job_failures ON job_failures.job_id = jobs.id
    WHERE jobs.status = 'failed'
      AND job_failures.attempt = (SELECT max(attempt) FROM job_failures AS later WHERE later.job_id = jobs.id);
