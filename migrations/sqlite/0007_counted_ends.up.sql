-- Ended jobs, by status. What counts them is the change itself, whoever makes it, so that nobody has to look at a job
-- again after its end.
CREATE TABLE job_endings (
    status TEXT   NOT NULL,
    shard  BIGINT NOT NULL,
    jobs   BIGINT NOT NULL,
    PRIMARY KEY (status, shard)
);
CREATE TRIGGER jobs_count_endings AFTER UPDATE OF status ON jobs
    WHEN old.status IN ('queued', 'running') AND new.status NOT IN ('queued', 'running')
BEGIN
    INSERT INTO job_endings (status, shard, jobs) VALUES (new.status, 0, 1)
        ON CONFLICT (status, shard) DO UPDATE SET jobs = jobs + 1;
END;
INSERT INTO job_endings (status, shard, jobs)
    SELECT status, 0, count(*) FROM jobs WHERE status NOT IN ('queued', 'running') GROUP BY status;

-- Until then one dispatcher has the job in hand, and the others leave it alone.
ALTER TABLE jobs ADD COLUMN reserved_until TIMESTAMPTZ;
