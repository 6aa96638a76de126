DROP TABLE dead_letters;
ALTER TABLE jobs DROP COLUMN interruptions;
ALTER TABLE jobs DROP COLUMN lease_alone;
ALTER TABLE jobs DROP COLUMN lease_message;
