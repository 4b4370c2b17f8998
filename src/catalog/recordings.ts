// The rows of the catalogue in D1: one guarded write, and the read of one. Only an egress's object writes here. A write with
// a smaller revision is late, and the guard in the statement itself refuses it; what follows from a row (search, stats) is
// written by triggers in the same transaction.
import { hash } from '../recording/hash.ts'
import { Trouble } from '../recording/ports.ts'
import type { Catalogue } from '../recording/ports.ts'
import type { Recording } from '../recording/recording.ts'
import { messageOf } from '../log.ts'
import { sortAtMs } from './filter.ts'
import { phaseOf, termsOf } from './terms.ts'

/** The database, or a session of it that a replica may answer. */
export type Reader = Pick<D1DatabaseSession, 'prepare' | 'batch'>

export interface CatalogueRow {
  recording: Recording
  updatedAtMs: number
}

/** Places for recordings of one millisecond, before they reach into the next. */
const placesPerMs = 2048
/** Greater than any place: in the year 2109. */
const mostMs = 2 ** 42 - 1

/** The first place of a millisecond. */
export function placeAtMs(ms: number): number {
  return Math.min(Math.max(ms, 0), mostMs) * placesPerMs
}

/** The first place from the wanted one on that no other recording has. */
const freePlace = `(
  WITH RECURSIVE place (at) AS (
    SELECT CAST(?7 AS INTEGER)
    UNION ALL
    SELECT at + 1 FROM place
    WHERE EXISTS (SELECT 1 FROM search WHERE rowid = at)
      OR EXISTS (SELECT 1 FROM recordings WHERE phase = 'open' AND position = at)
  ) SELECT max(at) FROM place)`

const upsert = `
  INSERT INTO recordings (egress_id, revision, status, phase, room_name, sort_at_ms, position, duration_ms, size_bytes,
    terms, listed, updated_at_ms, recording)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ${freePlace}, ?8, ?9, ?10, ?11, ?12, ?13)
  ON CONFLICT (egress_id) DO UPDATE SET
    revision = excluded.revision, status = excluded.status, phase = excluded.phase, room_name = excluded.room_name,
    sort_at_ms = excluded.sort_at_ms,
    position = CASE
      WHEN recordings.sort_at_ms = excluded.sort_at_ms AND recordings.phase IS NOT NULL THEN recordings.position
      ELSE excluded.position END,
    duration_ms = excluded.duration_ms, size_bytes = excluded.size_bytes, terms = excluded.terms,
    listed = excluded.listed, updated_at_ms = excluded.updated_at_ms, recording = excluded.recording
  WHERE excluded.revision > recordings.revision`

/** The same without the columns of the index: a change that keeps shelf and place writes one row instead of two. */
const update = `
  UPDATE recordings SET revision = ?2, status = ?3, room_name = ?5, duration_ms = ?8, size_bytes = ?9, terms = ?10,
    updated_at_ms = ?12, recording = ?13
  WHERE egress_id = ?1 AND revision < ?2 AND phase IS ?4 AND sort_at_ms = ?6 AND listed = ?11`

/** A name may be used again and again: what lies there next is that of the recording that began last. */
const claimKey = `
  INSERT INTO claims (temp_key, egress_id) VALUES (?1, ?2)
  ON CONFLICT (temp_key) DO UPDATE SET egress_id = excluded.egress_id
  WHERE ?3 > (SELECT sort_at_ms FROM recordings WHERE egress_id = claims.egress_id)`

export class CatalogueRecordings implements Catalogue {
  readonly #database: D1Database

  constructor(database: D1Database) {
    this.#database = database
  }

  async put(recording: Recording, revision: number, claims: string[] = []): Promise<void> {
    const values = valuesOf(recording, revision)
    const database = this.#database
    const claim = database.prepare(claimKey)
    try {
      const [updated] = await database.batch([
        database.prepare(update).bind(...values),
        ...claims.map((key) => claim.bind(key, recording.egressId, sortAtMs(recording))),
      ])
      if (updated?.meta.changes !== 0) return
      await database
        .prepare(upsert)
        .bind(...values)
        .run()
    } catch (cause) {
      throw new Trouble('catalogue-unavailable', messageOf(cause), { cause })
    }
  }
}

/** The columns of a row, its place being the one that it wants. */
export function valuesOf(recording: Recording, revision: number) {
  const atMs = sortAtMs(recording)
  return [
    recording.egressId,
    revision,
    recording.status,
    recording.listed ? phaseOf(recording.status) : null,
    recording.roomName,
    atMs,
    placeAtMs(atMs) + (parseInt(hash(recording.egressId).slice(0, 4), 16) % placesPerMs),
    recording.durationMs,
    recording.sizeBytes,
    termsOf(recording),
    recording.listed ? 1 : 0,
    Date.now(),
    JSON.stringify(recording),
  ]
}

/** One recording; `null` when the catalogue has none. */
export async function readRecording(
  database: Reader,
  egressId: string,
): Promise<CatalogueRow | null> {
  const row = await database
    .prepare('SELECT recording, updated_at_ms FROM recordings WHERE egress_id = ?1')
    .bind(egressId)
    .first<{ recording: string; updated_at_ms: number }>()
  return row === null ? null : toRow(row)
}

export function toRow(row: { recording: string; updated_at_ms: number }): CatalogueRow {
  return { recording: JSON.parse(row.recording) as Recording, updatedAtMs: row.updated_at_ms }
}
