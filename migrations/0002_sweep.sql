-- What the sweep of the temp folder needs to know and remembers.

-- Temp keys, and folders with their final slash, that belong to a recording: whatever lies there is no orphan.
CREATE TABLE claims (
  temp_key TEXT PRIMARY KEY,
  egress_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Objects of the temp folder that have stayed there: those that were told to a recording's object, and those that nobody
-- claims. An object that is moved in time never gets a row.
CREATE TABLE temp_objects (
  temp_key TEXT PRIMARY KEY,
  etag TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  last_modified_ms INTEGER NOT NULL,
  first_seen_ms INTEGER NOT NULL,
  -- The recording that was told of it; NULL while nobody claims it.
  egress_id TEXT,
  dismissed_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX orphans ON temp_objects (first_seen_ms, temp_key)
  WHERE egress_id IS NULL AND dismissed_at_ms IS NULL;

-- One row: who sweeps until when, and how far the sweep has come.
CREATE TABLE sweep (
  name TEXT PRIMARY KEY,
  lease_until_ms INTEGER NOT NULL,
  position TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO sweep (name, lease_until_ms, position) VALUES ('temp', 0, '{}');

-- The last reports.
CREATE TABLE sweep_reports (
  sweep_id TEXT PRIMARY KEY,
  report TEXT NOT NULL
) STRICT, WITHOUT ROWID;
