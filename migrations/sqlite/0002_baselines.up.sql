CREATE TABLE eval_baselines (
    id              BLOB    PRIMARY KEY NOT NULL,
    agent_type      TEXT    NOT NULL,
    environment     TEXT    NOT NULL,
    mean_reward     DOUBLE PRECISION NOT NULL,
    statistics      TEXT    NOT NULL,
    hyperparameters TEXT    NOT NULL,
    version         INTEGER NOT NULL CHECK (version > 0),
    rank            INTEGER NOT NULL,
    created_at      TEXT    NOT NULL,
    source_job      BLOB,
    UNIQUE (agent_type, environment, rank),
    UNIQUE (agent_type, environment, version),
    UNIQUE (source_job, environment)
);
