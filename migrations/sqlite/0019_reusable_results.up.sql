-- Which results answer which question again: the digest of all that decides an evaluation's bytes, for those that took long.
CREATE TABLE reusable_results (
    job_id   BLOB    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    question TEXT    NOT NULL,
    PRIMARY KEY (job_id, position)
);
CREATE INDEX reusable_results_by_question ON reusable_results (question);
