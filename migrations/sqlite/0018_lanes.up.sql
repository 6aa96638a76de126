-- Where a job waits among those of its priority. Those of before there were lanes wait in the first one.
ALTER TABLE jobs ADD COLUMN lane BIGINT NOT NULL DEFAULT 0;

-- Jobs of each submitter that have not ended, counted like job_counts by the change itself, whoever makes it.
CREATE TABLE open_jobs (
    subject TEXT   NOT NULL,
    shard   BIGINT NOT NULL,
    jobs    BIGINT NOT NULL,
    PRIMARY KEY (subject, shard)
);
CREATE TRIGGER jobs_open_new AFTER INSERT ON jobs WHEN new.status IN ('queued', 'running')
BEGIN
    INSERT INTO open_jobs (subject, shard, jobs) VALUES (new.subject, 0, 1)
        ON CONFLICT (subject, shard) DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER jobs_open_changed AFTER UPDATE OF status ON jobs
    WHEN (old.status IN ('queued', 'running')) <> (new.status IN ('queued', 'running'))
BEGIN
    INSERT INTO open_jobs (subject, shard, jobs) VALUES (new.subject, 0, iif(new.status IN ('queued', 'running'), 1, -1))
        ON CONFLICT (subject, shard) DO UPDATE SET jobs = jobs + excluded.jobs;
END;
INSERT INTO open_jobs (subject, shard, jobs)
    SELECT subject, 0, count(*) FROM jobs WHERE status IN ('queued', 'running') GROUP BY subject;
