-- Jobs by status and priority, with the episodes that they ask for. What counts them is the change itself, whoever makes
-- it, so that nobody has to look at all jobs; a job that is deleted after its end stays counted. Several rows for each, so
-- that those who change jobs at the same time seldom wait for each other.
CREATE TABLE job_counts (
    status   TEXT   NOT NULL,
    priority TEXT   NOT NULL,
    shard    BIGINT NOT NULL,
    jobs     BIGINT NOT NULL,
    episodes BIGINT NOT NULL,
    PRIMARY KEY (status, priority, shard)
) WITH (fillfactor = 50);

CREATE FUNCTION count_new_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_counts (status, priority, shard, jobs, episodes)
        SELECT status, priority, pg_backend_pid() % 16, count(*), sum(episodes_total)
        FROM after GROUP BY status, priority ORDER BY status, priority
        ON CONFLICT (status, priority, shard)
        DO UPDATE SET jobs = job_counts.jobs + excluded.jobs, episodes = job_counts.episodes + excluded.episodes;
    RETURN NULL;
END $$;

CREATE FUNCTION count_changed_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_counts (status, priority, shard, jobs, episodes)
        SELECT status, priority, pg_backend_pid() % 16, sum(job), sum(episodes) FROM (
            SELECT status, priority, 1 AS job, episodes_total AS episodes FROM after
            UNION ALL SELECT status, priority, -1, -episodes_total FROM before
        ) AS change GROUP BY status, priority HAVING sum(job) <> 0 ORDER BY status, priority
        ON CONFLICT (status, priority, shard)
        DO UPDATE SET jobs = job_counts.jobs + excluded.jobs, episodes = job_counts.episodes + excluded.episodes;
    RETURN NULL;
END $$;

-- Nobody changes a job until this is committed: the count below is of this moment.
CREATE TRIGGER jobs_count_new AFTER INSERT ON jobs
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_new_jobs();
CREATE TRIGGER jobs_count_changed AFTER UPDATE ON jobs
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_changed_jobs();
INSERT INTO job_counts (status, priority, shard, jobs, episodes)
    SELECT status, priority, 0, count(*), sum(episodes_total) FROM jobs GROUP BY status, priority;

-- Until then one dispatcher has the job in hand, and the others leave it alone.
ALTER TABLE jobs ADD COLUMN reserved_until TIMESTAMPTZ;

-- Workers as they were last seen, with what they lately did: episodes and the seconds that these took.
CREATE TABLE workers (
    name     TEXT   PRIMARY KEY NOT NULL,
    seen_at  TIMESTAMPTZ NOT NULL,
    slots    BIGINT NOT NULL,
    busy     BIGINT NOT NULL,
    episodes DOUBLE PRECISION NOT NULL,
    seconds  DOUBLE PRECISION NOT NULL
);
