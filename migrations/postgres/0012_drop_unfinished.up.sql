-- no-transaction
-- jobs_queued and jobs_running are in its place.
DROP INDEX CONCURRENTLY jobs_unfinished;
