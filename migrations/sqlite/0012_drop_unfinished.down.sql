CREATE INDEX jobs_unfinished ON jobs (submitted_at) WHERE status IN ('queued', 'running');
