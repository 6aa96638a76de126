DROP TRIGGER jobs_announce_end ON jobs;
DROP FUNCTION announce_ended_job();
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
ALTER TABLE jobs DROP COLUMN callback_url;
