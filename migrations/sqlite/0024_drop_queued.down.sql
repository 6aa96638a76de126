CREATE INDEX jobs_queued ON jobs (priority, submitted_at) WHERE status = 'queued';
