// Which final files the catalogue says there are, recording by recording in the order of their ids: what the sweep compares
// with the final folder. The primary key is the order, so that a page reads its own rows.
import type { Recording } from '../recording/recording.ts'

export type Placed = Pick<Recording, 'egressId' | 'files'>

/** Recordings after one id, up to another and with it; `null` is the end. */
export async function readPlaced(
  database: D1Database,
  range: { after: string; to: string | null; limit: number },
): Promise<Placed[]> {
  const { results } = await database
    .prepare(
      `SELECT egress_id, recording ->> '$.files' AS files FROM recordings
       WHERE egress_id > ?1 AND (?2 IS NULL OR egress_id <= ?2) AND status IN ('ready', 'failed')
       ORDER BY egress_id LIMIT ?3`,
    )
    .bind(range.after, range.to, range.limit)
    .all<{ egress_id: string; files: string }>()
  return results.map((row) => ({
    egressId: row.egress_id,
    files: JSON.parse(row.files) as Recording['files'],
  }))
}
