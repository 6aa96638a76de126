-- jobs_queued and jobs_running are in its place.
DROP INDEX jobs_unfinished;
