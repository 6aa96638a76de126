-- Leases that may have expired, and what runs.
CREATE INDEX jobs_running ON jobs (lease_expires_at) WHERE status = 'running';
