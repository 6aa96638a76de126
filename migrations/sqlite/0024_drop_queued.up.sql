-- jobs_queued_in_line is in its place. The release before looks through all that is queued until it is gone.
DROP INDEX jobs_queued;
