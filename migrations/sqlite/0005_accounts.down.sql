DROP TABLE audit_log;
DROP TABLE signing_keys;
DROP TABLE service_tokens;
DROP TABLE sessions;
DROP TABLE users;
