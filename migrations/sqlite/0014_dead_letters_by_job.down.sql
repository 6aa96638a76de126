DROP INDEX dead_letters_by_job;
