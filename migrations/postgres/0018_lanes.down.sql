CREATE OR REPLACE FUNCTION count_new_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_counts (status, priority, shard, jobs, episodes)
        SELECT status, priority, pg_backend_pid() % 16, count(*), sum(episodes_total)
        FROM after GROUP BY status, priority ORDER BY status, priority
        ON CONFLICT (status, priority, shard)
        DO UPDATE SET jobs = job_counts.jobs + excluded.jobs, episodes = job_counts.episodes + excluded.episodes;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_changed_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
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

DROP TABLE open_jobs;
ALTER TABLE jobs DROP COLUMN lane;
