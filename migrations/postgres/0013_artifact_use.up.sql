-- When a job last named it, to the hour: what no job has named for as long as jobs are kept belongs to none. Null: when it was stored.
ALTER TABLE artifacts ADD COLUMN used_at TIMESTAMPTZ;
