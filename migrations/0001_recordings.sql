-- The catalogue: what lists and playback read. Written by the egress's object alone, which keeps the truth; this table can
-- be lost and filled again. `recording` is the whole recording as JSON, the columns beside it are what queries search by.
-- WITHOUT ROWID halves the rows written. Indexes begin with what is compared for equality and end with the order of the
-- list and the id, so that a page reads its own rows and no others.
CREATE TABLE recordings (
  egress_id TEXT PRIMARY KEY,
  -- Grows with each change; a write with a smaller one is late and refused.
  revision INTEGER NOT NULL,
  status TEXT NOT NULL,
  room_name TEXT,
  -- Start of the media, or when we first heard of it while nobody has said.
  sort_at_ms INTEGER NOT NULL,
  -- 0 for what turned out to be no recording (a test event).
  listed INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  recording TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX recordings_by_start ON recordings (sort_at_ms, egress_id) WHERE listed = 1;
CREATE INDEX recordings_by_room ON recordings (room_name, sort_at_ms, egress_id) WHERE listed = 1;

-- Links made by the API. A link that an app minted itself has no row and cannot be revoked.
CREATE TABLE links (
  link_id TEXT PRIMARY KEY,
  egress_id TEXT NOT NULL,
  download INTEGER NOT NULL,
  viewer TEXT,
  max_plays INTEGER,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX links_by_recording ON links (egress_id, created_at_ms);
