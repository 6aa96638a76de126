-- The dead letter of a job goes with it.
CREATE INDEX dead_letters_by_job ON dead_letters (job_id);
