-- The letters of one group, and those that have none yet.
CREATE INDEX dead_letters_by_fingerprint ON dead_letters (fingerprint, at, id);
