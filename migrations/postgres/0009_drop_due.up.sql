-- no-transaction
-- jobs_undispatched is in its place. The release before looks for what is due by scanning until it is gone.
DROP INDEX CONCURRENTLY jobs_due;
