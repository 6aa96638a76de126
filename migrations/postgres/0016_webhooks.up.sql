-- Where a signed message goes when the job has ended.
ALTER TABLE jobs ADD COLUMN callback_url TEXT;

-- The outbox of webhooks, and what became of them. `id` is what receivers know a message by. Attempts before a person
-- asked for it again are `spent`.
CREATE TABLE webhook_deliveries (
    id             UUID   PRIMARY KEY NOT NULL,
    job_id         UUID   NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    event          TEXT   NOT NULL,
    url            TEXT   NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    state          TEXT   NOT NULL DEFAULT 'pending',
    due_at         TIMESTAMPTZ NOT NULL,
    reserved_until TIMESTAMPTZ,
    attempt        BIGINT NOT NULL DEFAULT 0,
    spent          BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at, id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_by_job ON webhook_deliveries (job_id);
CREATE TABLE webhook_attempts (
    delivery_id  UUID   NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number       BIGINT NOT NULL,
    at           TIMESTAMPTZ NOT NULL,
    milliseconds BIGINT NOT NULL,
    status       BIGINT,
    error        TEXT,
    PRIMARY KEY (delivery_id, number)
);

CREATE FUNCTION announce_ended_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_deliveries (id, job_id, event, url, created_at, due_at)
        VALUES (new.id, new.id, 'job.' || new.status, new.callback_url, new.finished_at, new.finished_at)
        ON CONFLICT (id) DO NOTHING;
    RETURN NULL;
END $$;

-- Written with the end of a job, whoever ends it, the former version included. A job without an address costs the look at
-- one column that is null; the function is not called.
CREATE TRIGGER jobs_announce_end AFTER UPDATE OF status ON jobs FOR EACH ROW
    WHEN (new.callback_url IS NOT NULL AND old.status IN ('queued', 'running')
          AND new.status IN ('completed', 'failed', 'cancelled'))
    EXECUTE FUNCTION announce_ended_job();
