-- Ends are counted where they happen, and jobs_unfinished finds the others.
DROP INDEX jobs_by_status;
