DROP TABLE replay_items;
DROP TABLE replays;
ALTER TABLE job_failures DROP COLUMN worker;
ALTER TABLE dead_letters
    DROP COLUMN note,
    DROP COLUMN replayed_as,
    DROP COLUMN state_since,
    DROP COLUMN replays,
    DROP COLUMN fingerprint,
    DROP COLUMN state;
