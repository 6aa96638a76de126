ALTER TABLE jobs DROP COLUMN reserved_until;
DROP TRIGGER jobs_count_endings ON jobs;
DROP FUNCTION count_job_endings();
DROP TABLE job_endings;
