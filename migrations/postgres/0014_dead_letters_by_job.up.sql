-- no-transaction
-- The dead letter of a job goes with it.
CREATE INDEX CONCURRENTLY dead_letters_by_job ON dead_letters (job_id);
