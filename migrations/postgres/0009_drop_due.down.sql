-- no-transaction
CREATE INDEX CONCURRENTLY jobs_due ON jobs (coalesce(not_before, submitted_at)) WHERE status = 'queued' AND dispatched_at IS NULL;
