DROP TABLE replay_items;
DROP TABLE replays;
ALTER TABLE job_failures DROP COLUMN worker;
ALTER TABLE dead_letters DROP COLUMN note;
ALTER TABLE dead_letters DROP COLUMN replayed_as;
ALTER TABLE dead_letters DROP COLUMN state_since;
ALTER TABLE dead_letters DROP COLUMN replays;
ALTER TABLE dead_letters DROP COLUMN fingerprint;
ALTER TABLE dead_letters DROP COLUMN state;
