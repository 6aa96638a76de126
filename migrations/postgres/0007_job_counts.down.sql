DROP TABLE workers;
ALTER TABLE jobs DROP COLUMN reserved_until;
DROP TRIGGER jobs_count_changed ON jobs;
DROP TRIGGER jobs_count_new ON jobs;
DROP FUNCTION count_changed_jobs();
DROP FUNCTION count_new_jobs();
DROP TABLE job_counts;
