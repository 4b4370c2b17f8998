// The catalogue of recordings in D1: one guarded write, and reads that touch the rows they return. Only an egress's object
// writes here. A write with a smaller revision is late, and the guard in the statement itself refuses it.
import { Trouble } from '../recording/ports.ts'
import type { Catalogue } from '../recording/ports.ts'
import type { Recording } from '../recording/recording.ts'
import type { Status } from '../recording/status.ts'
import { messageOf } from '../log.ts'

export interface CatalogueRow {
  recording: Recording
  updatedAtMs: number
}

export interface ListQuery {
  roomName: string | null
  statuses: Status[]
  fromMs: number | null
  toMs: number | null
  limit: number
  /** The row before the page. */
  after: Position | null
}

/** Where a row stands in the list: no two rows stand at one position. */
export interface Position {
  sortAtMs: number
  egressId: string
}

const upsert = `
  INSERT INTO recordings (egress_id, revision, status, room_name, sort_at_ms, listed, updated_at_ms, recording)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
  ON CONFLICT (egress_id) DO UPDATE SET
    revision = excluded.revision, status = excluded.status, room_name = excluded.room_name,
    sort_at_ms = excluded.sort_at_ms, listed = excluded.listed, updated_at_ms = excluded.updated_at_ms,
    recording = excluded.recording
  WHERE excluded.revision > recordings.revision`

/** The same without the columns of the indexes: a change of status then writes one row instead of three. */
const update = `
  UPDATE recordings SET revision = ?2, status = ?3, updated_at_ms = ?7, recording = ?8
  WHERE egress_id = ?1 AND revision < ?2 AND room_name IS ?4 AND sort_at_ms = ?5 AND listed = ?6`

export class CatalogueRecordings implements Catalogue {
  readonly #database: D1Database

  constructor(database: D1Database) {
    this.#database = database
  }

  async put(recording: Recording, revision: number, claims: string[] = []): Promise<void> {
    const values = [
      recording.egressId,
      revision,
      recording.status,
      recording.roomName,
      sortAtMs(recording),
      recording.listed ? 1 : 0,
      Date.now(),
      JSON.stringify(recording),
    ]
    const database = this.#database
    const claim = database.prepare(
      'INSERT INTO claims (temp_key, egress_id) VALUES (?1, ?2) ON CONFLICT (temp_key) DO NOTHING',
    )
    try {
      const [updated] = await database.batch([
        database.prepare(update).bind(...values),
        ...claims.map((key) => claim.bind(key, recording.egressId)),
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

/** One recording; `null` when the catalogue has none. */
export async function readRecording(
  database: D1Database,
  egressId: string,
): Promise<CatalogueRow | null> {
  const row = await database
    .prepare('SELECT recording, updated_at_ms FROM recordings WHERE egress_id = ?1')
    .bind(egressId)
    .first<{ recording: string; updated_at_ms: number }>()
  return row === null ? null : toRow(row)
}

/** One page, newest first, and whether more follow. */
export async function listRecordings(
  database: D1Database,
  query: ListQuery,
): Promise<{ rows: CatalogueRow[]; next: Position | null }> {
  const conditions = ['listed = 1']
  const bindings: (string | number)[] = []
  const where = (condition: string, ...values: (string | number)[]): void => {
    conditions.push(condition)
    bindings.push(...values)
  }
  if (query.roomName !== null) where('room_name = ?', query.roomName)
  if (query.statuses.length > 0)
    where('status IN (SELECT value FROM json_each(?))', JSON.stringify(query.statuses))
  if (query.fromMs !== null) where('sort_at_ms >= ?', query.fromMs)
  if (query.toMs !== null) where('sort_at_ms < ?', query.toMs)
  if (query.after !== null)
    where('(sort_at_ms, egress_id) < (?, ?)', query.after.sortAtMs, query.after.egressId)
  const { results } = await database
    .prepare(
      `SELECT recording, updated_at_ms FROM recordings WHERE ${conditions.join(' AND ')}
       ORDER BY sort_at_ms DESC, egress_id DESC LIMIT ?`,
    )
    .bind(...bindings, query.limit + 1)
    .all<{ recording: string; updated_at_ms: number }>()
  const rows = results.slice(0, query.limit).map(toRow)
  const last = rows.at(-1)?.recording
  const hasMore = results.length > query.limit && last !== undefined
  return { rows, next: hasMore ? { sortAtMs: sortAtMs(last), egressId: last.egressId } : null }
}

function toRow(row: { recording: string; updated_at_ms: number }): CatalogueRow {
  return { recording: JSON.parse(row.recording) as Recording, updatedAtMs: row.updated_at_ms }
}

function sortAtMs(recording: Recording): number {
  return recording.startedAtMs ?? recording.createdAtMs
}
