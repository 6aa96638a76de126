-- no-transaction
DROP INDEX CONCURRENTLY jobs_queued_in_line;
