ALTER TABLE jobs DROP COLUMN reserved_until;
DROP TRIGGER jobs_count_endings;
DROP TABLE job_endings;
