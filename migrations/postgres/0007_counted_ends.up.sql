-- Ended jobs, by status. What counts them is the change itself, whoever makes it, so that nobody has to look at a job
-- again after its end. Several rows for each status, so that those who end jobs at the same time seldom wait for each other.
CREATE TABLE job_endings (
    status TEXT   NOT NULL,
    shard  BIGINT NOT NULL,
    jobs   BIGINT NOT NULL,
    PRIMARY KEY (status, shard)
) WITH (fillfactor = 50);

CREATE FUNCTION count_job_endings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_endings (status, shard, jobs)
        SELECT after.status, pg_backend_pid() % 16, count(*) FROM after JOIN before USING (id)
        WHERE before.status IN ('queued', 'running') AND after.status NOT IN ('queued', 'running')
        GROUP BY after.status ORDER BY after.status
        ON CONFLICT (status, shard) DO UPDATE SET jobs = job_endings.jobs + excluded.jobs;
    RETURN NULL;
END $$;

-- Nobody changes a job until this is committed: the count below is of this moment.
CREATE TRIGGER jobs_count_endings AFTER UPDATE ON jobs
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_job_endings();
INSERT INTO job_endings (status, shard, jobs)
    SELECT status, 0, count(*) FROM jobs WHERE status NOT IN ('queued', 'running') GROUP BY status;

-- Until then one dispatcher has the job in hand, and the others leave it alone.
ALTER TABLE jobs ADD COLUMN reserved_until TIMESTAMPTZ;
