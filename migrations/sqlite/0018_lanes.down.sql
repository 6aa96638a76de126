DROP TRIGGER jobs_open_changed;
DROP TRIGGER jobs_open_new;
DROP TABLE open_jobs;
ALTER TABLE jobs DROP COLUMN lane;
