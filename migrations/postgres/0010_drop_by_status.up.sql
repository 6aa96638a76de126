-- no-transaction
-- Ends are counted where they happen, and jobs_unfinished finds the others.
DROP INDEX CONCURRENTLY jobs_by_status;
