-- API keys. Of a key there is only its SHA-256: whoever reads this table can call nothing.
CREATE TABLE keys (
  key_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  secret_sha256 TEXT NOT NULL,
  -- JSON array.
  scopes TEXT NOT NULL,
  -- NULL is every room.
  room_name TEXT,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  revoked_at_ms INTEGER,
  -- The day of the last use, as the time of its midnight: one write a day and key at most.
  last_used_day_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_in_use ON keys (created_at_ms) WHERE revoked_at_ms IS NULL;
