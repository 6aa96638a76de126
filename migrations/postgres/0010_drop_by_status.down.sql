-- no-transaction
CREATE INDEX CONCURRENTLY jobs_by_status ON jobs (status);
