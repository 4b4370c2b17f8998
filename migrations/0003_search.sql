-- How finished recordings are found and counted. Triggers write here, in the transaction of the guarded write and only when
-- the guard let it through: a late, doubled or refused write changes nothing.

-- One inverted index answers every filter and every combination of them: each recording is a document of terms (room,
-- status, kind, metadata, words and their beginnings, …), its rowid is its position, so ORDER BY rowid is the list's order.
-- `detail=none`: only which document has which term. `ascii`: terms come folded; letters of other scripts are left alone.
CREATE VIRTUAL TABLE search USING fts5 (
  terms,
  egress_id UNINDEXED,
  content = '',
  contentless_delete = 1,
  contentless_unindexed = 1,
  detail = none,
  tokenize = "ascii tokenchars ':'"
);

-- The same index read by its terms, which it keeps sorted: the order by size and by duration.
CREATE VIRTUAL TABLE search_terms USING fts5vocab (search, instance);

CREATE TRIGGER search_begins AFTER INSERT ON recordings
WHEN new.phase IN ('finished', 'deleted')
BEGIN
  INSERT INTO search (rowid, terms, egress_id) VALUES (new.position, new.terms, new.egress_id);
END;

CREATE TRIGGER search_joins AFTER UPDATE ON recordings
WHEN new.phase IN ('finished', 'deleted')
  AND (old.phase IS NULL OR old.phase = 'open' OR old.position <> new.position)
BEGIN
  INSERT INTO search (rowid, terms, egress_id) VALUES (new.position, new.terms, new.egress_id);
END;

CREATE TRIGGER search_changes AFTER UPDATE ON recordings
WHEN old.phase IN ('finished', 'deleted') AND new.phase IN ('finished', 'deleted')
  AND old.position = new.position AND old.terms <> new.terms
BEGIN
  UPDATE search SET terms = new.terms, egress_id = new.egress_id WHERE rowid = old.position;
END;

CREATE TRIGGER search_leaves AFTER UPDATE ON recordings
WHEN old.phase IN ('finished', 'deleted')
  AND (new.phase IS NULL OR new.phase = 'open' OR old.position <> new.position)
BEGIN
  DELETE FROM search WHERE rowid = old.position;
END;

CREATE TRIGGER search_forgets AFTER DELETE ON recordings
WHEN old.phase IN ('finished', 'deleted')
BEGIN
  DELETE FROM search WHERE rowid = old.position;
END;

-- What has finished and is not deleted, by the UTC day of its start: days since 1970. Room '' is no room.
CREATE TABLE stats_by_day (
  day INTEGER PRIMARY KEY,
  ready INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  aborted INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stats_by_room (
  day INTEGER NOT NULL,
  room_name TEXT NOT NULL,
  ready INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  aborted INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  PRIMARY KEY (day, room_name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER stats_begin AFTER INSERT ON recordings
WHEN new.phase = 'finished'
BEGIN
  INSERT INTO stats_by_day VALUES (
    new.sort_at_ms / 86400000,
    new.status = 'ready', new.status = 'failed', new.status = 'aborted', new.status = 'lost',
    coalesce(new.duration_ms, 0), coalesce(new.size_bytes, 0)
  ) ON CONFLICT (day) DO UPDATE SET
    ready = ready + excluded.ready, failed = failed + excluded.failed,
    aborted = aborted + excluded.aborted, lost = lost + excluded.lost,
    duration_ms = duration_ms + excluded.duration_ms, size_bytes = size_bytes + excluded.size_bytes;
  INSERT INTO stats_by_room VALUES (
    new.sort_at_ms / 86400000, coalesce(new.room_name, ''),
    new.status = 'ready', new.status = 'failed', new.status = 'aborted', new.status = 'lost',
    coalesce(new.duration_ms, 0), coalesce(new.size_bytes, 0)
  ) ON CONFLICT (day, room_name) DO UPDATE SET
    ready = ready + excluded.ready, failed = failed + excluded.failed,
    aborted = aborted + excluded.aborted, lost = lost + excluded.lost,
    duration_ms = duration_ms + excluded.duration_ms, size_bytes = size_bytes + excluded.size_bytes;
END;

CREATE TRIGGER stats_leave AFTER UPDATE ON recordings
WHEN old.phase = 'finished'
  AND (old.phase IS NOT new.phase OR old.status <> new.status OR old.sort_at_ms <> new.sort_at_ms
    OR old.room_name IS NOT new.room_name
    OR old.duration_ms IS NOT new.duration_ms OR old.size_bytes IS NOT new.size_bytes)
BEGIN
  UPDATE stats_by_day SET
    ready = ready - (old.status = 'ready'), failed = failed - (old.status = 'failed'),
    aborted = aborted - (old.status = 'aborted'), lost = lost - (old.status = 'lost'),
    duration_ms = duration_ms - coalesce(old.duration_ms, 0),
    size_bytes = size_bytes - coalesce(old.size_bytes, 0)
  WHERE day = old.sort_at_ms / 86400000;
  UPDATE stats_by_room SET
    ready = ready - (old.status = 'ready'), failed = failed - (old.status = 'failed'),
    aborted = aborted - (old.status = 'aborted'), lost = lost - (old.status = 'lost'),
    duration_ms = duration_ms - coalesce(old.duration_ms, 0),
    size_bytes = size_bytes - coalesce(old.size_bytes, 0)
  WHERE day = old.sort_at_ms / 86400000 AND room_name = coalesce(old.room_name, '');
END;

CREATE TRIGGER stats_join AFTER UPDATE ON recordings
WHEN new.phase = 'finished'
  AND (old.phase IS NOT new.phase OR old.status <> new.status OR old.sort_at_ms <> new.sort_at_ms
    OR old.room_name IS NOT new.room_name
    OR old.duration_ms IS NOT new.duration_ms OR old.size_bytes IS NOT new.size_bytes)
BEGIN
  INSERT INTO stats_by_day VALUES (
    new.sort_at_ms / 86400000,
    new.status = 'ready', new.status = 'failed', new.status = 'aborted', new.status = 'lost',
    coalesce(new.duration_ms, 0), coalesce(new.size_bytes, 0)
  ) ON CONFLICT (day) DO UPDATE SET
    ready = ready + excluded.ready, failed = failed + excluded.failed,
    aborted = aborted + excluded.aborted, lost = lost + excluded.lost,
    duration_ms = duration_ms + excluded.duration_ms, size_bytes = size_bytes + excluded.size_bytes;
  INSERT INTO stats_by_room VALUES (
    new.sort_at_ms / 86400000, coalesce(new.room_name, ''),
    new.status = 'ready', new.status = 'failed', new.status = 'aborted', new.status = 'lost',
    coalesce(new.duration_ms, 0), coalesce(new.size_bytes, 0)
  ) ON CONFLICT (day, room_name) DO UPDATE SET
    ready = ready + excluded.ready, failed = failed + excluded.failed,
    aborted = aborted + excluded.aborted, lost = lost + excluded.lost,
    duration_ms = duration_ms + excluded.duration_ms, size_bytes = size_bytes + excluded.size_bytes;
END;

CREATE TRIGGER stats_forget AFTER DELETE ON recordings
WHEN old.phase = 'finished'
BEGIN
  UPDATE stats_by_day SET
    ready = ready - (old.status = 'ready'), failed = failed - (old.status = 'failed'),
    aborted = aborted - (old.status = 'aborted'), lost = lost - (old.status = 'lost'),
    duration_ms = duration_ms - coalesce(old.duration_ms, 0),
    size_bytes = size_bytes - coalesce(old.size_bytes, 0)
  WHERE day = old.sort_at_ms / 86400000;
  UPDATE stats_by_room SET
    ready = ready - (old.status = 'ready'), failed = failed - (old.status = 'failed'),
    aborted = aborted - (old.status = 'aborted'), lost = lost - (old.status = 'lost'),
    duration_ms = duration_ms - coalesce(old.duration_ms, 0),
    size_bytes = size_bytes - coalesce(old.size_bytes, 0)
  WHERE day = old.sort_at_ms / 86400000 AND room_name = coalesce(old.room_name, '');
END;
