-- The oldest queued job of a priority, and those whose messages were lost.
CREATE INDEX jobs_queued ON jobs (priority, submitted_at) WHERE status = 'queued';
