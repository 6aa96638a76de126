-- What was held waits for a message again.
UPDATE jobs SET dispatched_at = NULL WHERE status = 'queued' AND id IN (SELECT job_id FROM held_jobs);
DROP TABLE held_jobs;
DROP TABLE pauses;
ALTER TABLE workers DROP COLUMN drain_requested_at;
ALTER TABLE workers DROP COLUMN draining;
ALTER TABLE workers DROP COLUMN running;
ALTER TABLE workers DROP COLUMN started_at;
ALTER TABLE workers DROP COLUMN version;
ALTER TABLE workers DROP COLUMN host;
