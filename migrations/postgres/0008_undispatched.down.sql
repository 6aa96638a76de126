-- no-transaction
DROP INDEX CONCURRENTLY jobs_undispatched;
