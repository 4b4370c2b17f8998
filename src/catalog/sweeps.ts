// The sweep's lease, its position and its last reports. The lease keeps two sweeps apart; when its holder dies it runs out.

export interface SweepPosition {
  /** Last key of the temp folder that was dealt with; `null` at the beginning. */
  afterKey: string | null
  /** Page of LiveKit's list; `null` at the beginning. */
  livekitPage: string | null
  /** Last egress whose final files were looked for; `null` at the beginning. */
  finalEgressId: string | null
}

export interface SweepReport {
  sweepId: string
  startedAt: string
  finishedAt: string
  trigger: 'cron' | 'api'
  /** Objects of the temp folder that were looked at. */
  seen: number
  /** Recordings that nobody had told of. */
  adopted: number
  /** Recordings that were told what they did not know. */
  recovered: number
  /** Objects that nobody claims, noted in this run. */
  orphans: number
  /** Recordings that had work and were woken. */
  woken: number
  /** Recordings whose final files are not what the catalogue says, told to look. */
  missing: number
  errors: string[]
  /** Where the next run goes on; `null` when this one came to the end. */
  cursor: string | null
  subrequests: number
}

const keptReports = 50

/** Takes the lease. @returns where to go on, or `null` when somebody else is sweeping */
export async function takeLease(
  database: D1Database,
  nowMs: number,
  untilMs: number,
): Promise<SweepPosition | null> {
  const row = await database
    .prepare(
      "UPDATE sweep SET lease_until_ms = ?2 WHERE name = 'temp' AND lease_until_ms <= ?1 RETURNING position",
    )
    .bind(nowMs, untilMs)
    .first<{ position: string }>()
  if (row === null) return null
  const position = JSON.parse(row.position) as Partial<SweepPosition>
  const { afterKey = null, livekitPage = null, finalEgressId = null } = position
  return { afterKey, livekitPage, finalEgressId }
}

/** Keeps how far the sweep has come; with `leaseUntilMs` in the past the lease is given back. */
export async function savePosition(
  database: D1Database,
  position: SweepPosition,
  leaseUntilMs: number,
): Promise<void> {
  await database
    .prepare("UPDATE sweep SET position = ?1, lease_until_ms = ?2 WHERE name = 'temp'")
    .bind(JSON.stringify(position), leaseUntilMs)
    .run()
}

export async function saveReport(database: D1Database, report: SweepReport): Promise<void> {
  await database.batch([
    database
      .prepare('INSERT INTO sweep_reports (sweep_id, report) VALUES (?1, ?2)')
      .bind(report.sweepId, JSON.stringify(report)),
    database
      .prepare(
        `DELETE FROM sweep_reports WHERE sweep_id < (
           SELECT sweep_id FROM sweep_reports ORDER BY sweep_id DESC LIMIT 1 OFFSET ?1)`,
      )
      .bind(keptReports - 1),
  ])
}

/** The last reports, newest first. */
export async function listReports(database: D1Database): Promise<SweepReport[]> {
  const { results } = await database
    .prepare('SELECT report FROM sweep_reports ORDER BY sweep_id DESC LIMIT ?1')
    .bind(keptReports)
    .all<{ report: string }>()
  return results.map(({ report }) => JSON.parse(report) as SweepReport)
}
