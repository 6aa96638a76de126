-- The oldest queued job of a line, and those whose messages were lost.
CREATE INDEX jobs_queued_in_line ON jobs (priority, lane, submitted_at) WHERE status = 'queued';
