DROP TRIGGER jobs_announce_end;
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
ALTER TABLE jobs DROP COLUMN callback_url;
