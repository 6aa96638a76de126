DROP INDEX jobs_queued_in_line;
