-- Where a job waits among those of its priority. Those of before there were lanes wait in the first one.
ALTER TABLE jobs ADD COLUMN lane BIGINT NOT NULL DEFAULT 0;

-- Jobs of each submitter that have not ended, counted like job_counts by the change itself, whoever makes it.
CREATE TABLE open_jobs (
    subject TEXT   NOT NULL,
    shard   BIGINT NOT NULL,
    jobs    BIGINT NOT NULL,
    PRIMARY KEY (subject, shard)
) WITH (fillfactor = 50);

-- Both triggers count here before they count in job_counts. Of most transactions that change jobs several times, only the first
-- change opens or ends one, so that they hold no rows of job_counts when they wait for one of open_jobs. Exceptions are a claim
-- that expires another worker's lease and then ends the job, and batches of such: two of them whose processes share a shard may
-- wait for each other. PostgreSQL ends one, and its caller repeats it.
CREATE OR REPLACE FUNCTION count_new_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO open_jobs (subject, shard, jobs)
        SELECT subject, pg_backend_pid() % 16, count(*)
        FROM after WHERE status IN ('queued', 'running') GROUP BY subject ORDER BY subject
        ON CONFLICT (subject, shard) DO UPDATE SET jobs = open_jobs.jobs + excluded.jobs;
    INSERT INTO job_counts (status, priority, shard, jobs, episodes)
        SELECT status, priority, pg_backend_pid() % 16, count(*), sum(episodes_total)
        FROM after GROUP BY status, priority ORDER BY status, priority
        ON CONFLICT (status, priority, shard)
        DO UPDATE SET jobs = job_counts.jobs + excluded.jobs, episodes = job_counts.episodes + excluded.episodes;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_changed_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Most changes end no job.
    IF EXISTS (SELECT FROM after WHERE status NOT IN ('queued', 'running')) THEN
        INSERT INTO open_jobs (subject, shard, jobs)
            SELECT subject, pg_backend_pid() % 16, sum(job) FROM (
                SELECT subject, 1 AS job FROM after WHERE status IN ('queued', 'running')
                UNION ALL SELECT subject, -1 FROM before WHERE status IN ('queued', 'running')
            ) AS change GROUP BY subject HAVING sum(job) <> 0 ORDER BY subject
            ON CONFLICT (subject, shard) DO UPDATE SET jobs = open_jobs.jobs + excluded.jobs;
    END IF;
    INSERT INTO job_counts (status, priority, shard, jobs, episodes)
        SELECT status, priority, pg_backend_pid() % 16, sum(job), sum(episodes) FROM (
            SELECT status, priority, 1 AS job, episodes_total AS episodes FROM after
            UNION ALL SELECT status, priority, -1, -episodes_total FROM before
        ) AS change GROUP BY status, priority HAVING sum(job) <> 0 ORDER BY status, priority
        ON CONFLICT (status, priority, shard)
        DO UPDATE SET jobs = job_counts.jobs + excluded.jobs, episodes = job_counts.episodes + excluded.episodes;
    RETURN NULL;
END $$;

-- The new column has locked the table: nobody changes a job until this is committed.
INSERT INTO open_jobs (subject, shard, jobs)
    SELECT subject, 0, count(*) FROM (
        SELECT subject FROM jobs WHERE status = 'queued' UNION ALL SELECT subject FROM jobs WHERE status = 'running'
    ) AS open GROUP BY subject;
