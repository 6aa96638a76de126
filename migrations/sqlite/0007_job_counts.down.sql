DROP TABLE workers;
ALTER TABLE jobs DROP COLUMN reserved_until;
DROP TRIGGER jobs_count_changed;
DROP TRIGGER jobs_count_new;
DROP TABLE job_counts;
