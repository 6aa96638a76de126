CREATE TABLE eval_baselines (
    id              UUID    PRIMARY KEY NOT NULL,
    agent_type      TEXT COLLATE "C" NOT NULL,
    environment     TEXT COLLATE "C" NOT NULL,
    mean_reward     DOUBLE PRECISION NOT NULL,
    statistics      JSON NOT NULL,
    hyperparameters JSON NOT NULL,
    version         BIGINT NOT NULL CHECK (version > 0),
    rank            BIGINT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    source_job      UUID,
    UNIQUE (agent_type, environment, rank),
    UNIQUE (agent_type, environment, version),
    UNIQUE (source_job, environment)
);
