DROP TABLE dead_letters;
DROP INDEX jobs_due;
ALTER TABLE jobs DROP COLUMN interruptions;
ALTER TABLE jobs DROP COLUMN lease_alone;
ALTER TABLE jobs DROP COLUMN lease_claim;
ALTER TABLE jobs DROP COLUMN lease_message;
