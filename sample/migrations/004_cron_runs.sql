-- One row for each run of a job. No unique key: a tick that ran twice must be seen, not hidden.
CREATE TABLE IF NOT EXISTS cron_runs (
  job TEXT NOT NULL,
  tick TEXT NOT NULL,
  replica TEXT NOT NULL,
  fencing_token BIGINT NOT NULL
);
