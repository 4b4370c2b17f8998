-- The catalogue: what lists and playback read. Written by the egress's object alone, which keeps the truth; this table can
-- be lost and filled again. `recording` is the whole recording as JSON, the columns beside it are what queries search by.
-- WITHOUT ROWID halves the rows written. D1 charges an index entry when it is written and not when it goes, so the table
-- has one index only, of what is still open; what is finished is found through `search` (0003), written once, at the end.
CREATE TABLE recordings (
  egress_id TEXT PRIMARY KEY,
  -- Grows with each change; a write with a smaller one is late and refused.
  revision INTEGER NOT NULL,
  status TEXT NOT NULL,
  -- The shelf it stands on: 'open' until LiveKit and the move are through with it, then 'finished', later 'deleted'; NULL
  -- for what no list shows.
  phase TEXT,
  room_name TEXT,
  -- Start of the media, or when we first heard of it while nobody has said.
  sort_at_ms INTEGER NOT NULL,
  -- Its place in every list by start, and its row in `search`: sort_at_ms * 2048 and a tie-break. No two rows that a list
  -- shows have the same one.
  position INTEGER NOT NULL,
  duration_ms INTEGER,
  size_bytes INTEGER,
  -- What it is found by, as src/catalog/terms.ts writes it.
  terms TEXT NOT NULL,
  -- 0 for what turned out to be no recording (a test event).
  listed INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  recording TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- As many entries as LiveKit is running egresses.
CREATE INDEX recordings_open ON recordings (position) WHERE phase = 'open';

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
