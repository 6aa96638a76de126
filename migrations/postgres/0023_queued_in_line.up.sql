-- no-transaction
-- The oldest queued job of a line, and those whose messages were lost.
CREATE INDEX CONCURRENTLY jobs_queued_in_line ON jobs (priority, lane, submitted_at) WHERE status = 'queued';
