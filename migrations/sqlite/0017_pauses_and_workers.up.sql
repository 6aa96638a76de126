-- What is not begun for a while, and why. A pause that is over stays until what it held is released.
CREATE TABLE pauses (
    id        BLOB PRIMARY KEY NOT NULL,
    scope     TEXT NOT NULL,
    value     TEXT NOT NULL,
    reason    TEXT NOT NULL,
    paused_by TEXT NOT NULL,
    since     TEXT NOT NULL,
    until     TEXT,
    ended_at  TEXT
);

-- Queued jobs that a pause holds. No message stands for them, and none is to be published: their dispatched_at is the end
-- of the year 9999, so that dispatchers of any version leave them alone.
CREATE TABLE held_jobs (
    job_id   BLOB PRIMARY KEY NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    pause_id BLOB NOT NULL REFERENCES pauses (id),
    priority TEXT NOT NULL,
    episodes BIGINT NOT NULL
);
CREATE INDEX held_jobs_by_pause ON held_jobs (pause_id, job_id);

-- What a worker says of itself, and that it is to drain. Workers of former versions say less.
ALTER TABLE workers ADD COLUMN host TEXT;
ALTER TABLE workers ADD COLUMN version TEXT;
ALTER TABLE workers ADD COLUMN started_at TEXT;
ALTER TABLE workers ADD COLUMN running TEXT;
ALTER TABLE workers ADD COLUMN draining BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workers ADD COLUMN drain_requested_at TEXT;
