DROP INDEX jobs_undispatched;
