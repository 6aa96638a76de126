-- Jobs by status and priority, with the episodes that they ask for. What counts them is the change itself, whoever makes
-- it, so that nobody has to look at all jobs; a job that is deleted after its end stays counted.
CREATE TABLE job_counts (
    status   TEXT   NOT NULL,
    priority TEXT   NOT NULL,
    shard    BIGINT NOT NULL,
    jobs     BIGINT NOT NULL,
    episodes BIGINT NOT NULL,
    PRIMARY KEY (status, priority, shard)
);
CREATE TRIGGER jobs_count_new AFTER INSERT ON jobs
BEGIN
    INSERT INTO job_counts (status, priority, shard, jobs, episodes)
        VALUES (new.status, new.priority, 0, 1, new.episodes_total)
        ON CONFLICT (status, priority, shard)
        DO UPDATE SET jobs = jobs + 1, episodes = episodes + excluded.episodes;
END;
CREATE TRIGGER jobs_count_changed AFTER UPDATE OF status ON jobs WHEN old.status <> new.status
BEGIN
    INSERT INTO job_counts (status, priority, shard, jobs, episodes)
        VALUES (new.status, new.priority, 0, 1, new.episodes_total), (old.status, old.priority, 0, -1, -old.episodes_total)
        ON CONFLICT (status, priority, shard)
        DO UPDATE SET jobs = jobs + excluded.jobs, episodes = episodes + excluded.episodes;
END;
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
