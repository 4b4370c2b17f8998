// What the catalogue knows of the temp folder: whose a key is, what has been told, what nobody claims. Rows exist only for
// objects that have stayed longer than they should, so that a sweep of a healthy folder writes nothing.
import type { ObjectFact } from '../recording/observation.ts'
import type { Status } from '../recording/status.ts'

export interface Claim {
  egressId: string
  /** Of the recording in the catalogue; `null` when it has none. */
  status: Status | null
  /** A playlist of it names segments that were not there. */
  lacksSegments?: boolean
}

export interface KnownObject {
  key: string
  etag: string
  lastModifiedMs: number
  egressId: string | null
}

export interface Orphan {
  key: string
  etag: string
  sizeBytes: number
  lastModifiedMs: number
  firstSeenMs: number
}

interface ObjectRow {
  temp_key: string
  etag: string
  size_bytes: number
  last_modified_ms: number
  first_seen_ms: number
  egress_id: string | null
}

/**
 * The status that the sweep goes by. What no list shows, because LiveKit said that it never knew it, counts as lost: its row
 * keeps the word of the webhook that spoke of it.
 */
const knownStatus = `CASE r.listed WHEN 0 THEN 'lost' ELSE r.status END AS status`

/** Whose these keys and folders are, in one query. */
export async function readClaims(
  database: D1Database,
  keys: string[],
): Promise<Map<string, Claim>> {
  const { results } = await database
    .prepare(
      `SELECT c.temp_key, c.egress_id, ${knownStatus},
         json_extract(r.recording, '$.attention') = 'missing-segments' AS lacks_segments
       FROM json_each(?1) k
       JOIN claims c ON c.temp_key = k.value LEFT JOIN recordings r ON r.egress_id = c.egress_id`,
    )
    .bind(JSON.stringify(keys))
    .all<{
      temp_key: string
      egress_id: string
      status: Status | null
      lacks_segments: number | null
    }>()
  return new Map(
    results.map(({ temp_key: key, egress_id: egressId, status, lacks_segments: lacks }) => [
      key,
      { egressId, status, lacksSegments: lacks === 1 },
    ]),
  )
}

/** Where a recording stands, as far as the sweep goes by it. */
export interface Standing {
  status: Status
  /** LiveKit's last word that was heard of it. */
  egressStatus: string | null
  /** LiveKit's end of it, as far as anybody heard of one. */
  egressEndedAtMs: number | null
  /** Nobody but the bucket told of its end: LiveKit would know more. */
  isOfTheBucket: boolean
}

/** Of these recordings in the catalogue; those that it lacks are left out. */
export async function readStandings(
  database: D1Database,
  egressIds: string[],
): Promise<Map<string, Standing>> {
  const { results } = await database
    .prepare(
      `SELECT r.egress_id, ${knownStatus}, json_extract(r.recording, '$.egressStatus') AS egress_status,
         json_extract(r.recording, '$.egressEndedAtMs') AS egress_ended_at_ms,
         json_extract(r.recording, '$.recoveredBy') IN ('manifest', 'object') AS of_the_bucket
       FROM json_each(?1) k JOIN recordings r ON r.egress_id = k.value`,
    )
    .bind(JSON.stringify(egressIds))
    .all<{
      egress_id: string
      status: Status
      egress_status: string | null
      egress_ended_at_ms: number | null
      of_the_bucket: number | null
    }>()
  return new Map(
    results.map((row) => [
      row.egress_id,
      {
        status: row.status,
        egressStatus: row.egress_status,
        egressEndedAtMs: row.egress_ended_at_ms,
        isOfTheBucket: row.of_the_bucket === 1,
      },
    ]),
  )
}

/** The known objects between two keys, the first one excluded; `toKey: null` is the end of the folder. */
export async function readKnownObjects(
  database: D1Database,
  afterKey: string,
  toKey: string | null,
): Promise<KnownObject[]> {
  const { results } = await database
    .prepare(
      `SELECT temp_key, etag, last_modified_ms, egress_id FROM temp_objects
       WHERE temp_key > ?1 AND (?2 IS NULL OR temp_key <= ?2)`,
    )
    .bind(afterKey, toKey)
    .all<Pick<ObjectRow, 'temp_key' | 'etag' | 'last_modified_ms' | 'egress_id'>>()
  return results.map((row) => ({
    key: row.temp_key,
    etag: row.etag,
    lastModifiedMs: row.last_modified_ms,
    egressId: row.egress_id,
  }))
}

/**
 * Notes objects that have stayed, with the recording that was told, and forgets those that are gone. Two statements at most,
 * however many objects: the smallest plan allows 50 queries to an invocation. A row that says the same already is not written.
 */
export async function noteObjects(
  database: D1Database,
  stayed: { object: ObjectFact; egressId: string | null }[],
  goneKeys: string[],
  nowMs: number,
): Promise<void> {
  const rows = stayed.map(({ object, egressId }) => ({ ...object, egressId }))
  const note = database
    .prepare(
      `INSERT INTO temp_objects (temp_key, etag, size_bytes, last_modified_ms, first_seen_ms, egress_id)
       SELECT value ->> 'key', value ->> 'etag', value ->> 'sizeBytes', value ->> 'lastModifiedMs', ?2,
         value ->> 'egressId'
       FROM json_each(?1) WHERE true
       ON CONFLICT (temp_key) DO UPDATE SET etag = excluded.etag, size_bytes = excluded.size_bytes,
         last_modified_ms = excluded.last_modified_ms, egress_id = excluded.egress_id
       WHERE etag IS NOT excluded.etag OR last_modified_ms IS NOT excluded.last_modified_ms
         OR egress_id IS NOT excluded.egress_id`,
    )
    .bind(JSON.stringify(rows), nowMs)
  const forget = database
    .prepare('DELETE FROM temp_objects WHERE temp_key IN (SELECT value FROM json_each(?1))')
    .bind(JSON.stringify(goneKeys))
  const statements = [...(goneKeys.length > 0 ? [forget] : []), ...(rows.length > 0 ? [note] : [])]
  if (statements.length > 0) await database.batch(statements)
}

/** Orphans that were first seen before then, oldest first. */
export async function listOrphans(
  database: D1Database,
  seenBeforeMs: number,
  limit: number,
): Promise<Orphan[]> {
  const { results } = await database
    .prepare(
      `SELECT temp_key, etag, size_bytes, last_modified_ms, first_seen_ms, egress_id FROM temp_objects
       WHERE egress_id IS NULL AND dismissed_at_ms IS NULL AND first_seen_ms <= ?1
       ORDER BY first_seen_ms, temp_key LIMIT ?2`,
    )
    .bind(seenBeforeMs, limit)
    .all<ObjectRow>()
  return results.map((row) => ({
    key: row.temp_key,
    etag: row.etag,
    sizeBytes: row.size_bytes,
    lastModifiedMs: row.last_modified_ms,
    firstSeenMs: row.first_seen_ms,
  }))
}

/** Stops reporting an orphan. @returns false when it is none */
export async function dismissOrphan(
  database: D1Database,
  key: string,
  nowMs: number,
): Promise<boolean> {
  const { meta } = await database
    .prepare(
      'UPDATE temp_objects SET dismissed_at_ms = ?2 WHERE temp_key = ?1 AND egress_id IS NULL',
    )
    .bind(key, nowMs)
    .run()
  return meta.changes > 0
}

/** An orphan belongs to a recording from now on. */
export async function claimOrphan(
  database: D1Database,
  key: string,
  egressId: string,
): Promise<void> {
  await database
    .prepare('UPDATE temp_objects SET egress_id = ?2 WHERE temp_key = ?1')
    .bind(key, egressId)
    .run()
}

/** Notes whose these keys are; a key that somebody claims already stays theirs. */
export async function noteClaims(
  database: D1Database,
  egressId: string,
  keys: string[],
): Promise<void> {
  await database
    .prepare(
      `INSERT INTO claims (temp_key, egress_id) SELECT value, ?2 FROM json_each(?1) WHERE true
       ON CONFLICT (temp_key) DO NOTHING`,
    )
    .bind(JSON.stringify(keys), egressId)
    .run()
}
