-- What the dispatchers look for twice a second, in the order in which they take it.
CREATE INDEX jobs_undispatched ON jobs (priority, coalesce(not_before, submitted_at), id) WHERE status = 'queued' AND dispatched_at IS NULL;
