DROP TABLE job_failures;
DROP TABLE job_labels;
DROP TABLE evaluations;
DROP TABLE jobs;
