-- jobs_undispatched is in its place.
DROP INDEX jobs_due;
