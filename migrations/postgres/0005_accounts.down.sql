DROP TABLE audit_log;
DROP FUNCTION audit_log_is_append_only();
DROP TABLE signing_keys;
DROP TABLE service_tokens;
DROP TABLE sessions;
DROP TABLE users;
