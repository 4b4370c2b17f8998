// Links made by the API. The token itself says what it allows; the row exists so that a link can be listed and revoked.
import type { Recording } from '../recording/recording.ts'
import type { CatalogueRow } from './recordings.ts'

export interface Link {
  linkId: string
  egressId: string
  download: boolean
  viewer: string | null
  maxPlays: number | null
  createdAtMs: number
  expiresAtMs: number
  revokedAtMs: number | null
}

interface LinkRow {
  link_id: string
  egress_id: string
  download: number
  viewer: string | null
  max_plays: number | null
  created_at_ms: number
  expires_at_ms: number
  revoked_at_ms: number | null
}

export async function insertLink(database: D1Database, link: Link): Promise<void> {
  await database
    .prepare(
      `INSERT INTO links (link_id, egress_id, download, viewer, max_plays, created_at_ms, expires_at_ms)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
    )
    .bind(
      link.linkId,
      link.egressId,
      link.download ? 1 : 0,
      link.viewer,
      link.maxPlays,
      link.createdAtMs,
      link.expiresAtMs,
    )
    .run()
}

/** The links of one recording, newest first. */
export async function listLinks(
  database: D1Database,
  egressId: string,
  limit: number,
): Promise<Link[]> {
  const { results } = await database
    .prepare('SELECT * FROM links WHERE egress_id = ?1 ORDER BY created_at_ms DESC LIMIT ?2')
    .bind(egressId, limit)
    .all<LinkRow>()
  return results.map(toLink)
}

export async function readLink(database: D1Database, linkId: string): Promise<Link | null> {
  const row = await database
    .prepare('SELECT * FROM links WHERE link_id = ?1')
    .bind(linkId)
    .first<LinkRow>()
  return row === null ? null : toLink(row)
}

/** Revokes a link; revoked twice is revoked. */
export async function revokeLink(
  database: D1Database,
  linkId: string,
  nowMs: number,
): Promise<void> {
  await database
    .prepare('UPDATE links SET revoked_at_ms = ?2 WHERE link_id = ?1 AND revoked_at_ms IS NULL')
    .bind(linkId, nowMs)
    .run()
}

/** Recording and link of one redirect, in one read. A token that an app minted has no link row. */
export async function readForPlayback(
  database: D1Database,
  egressId: string,
  linkId: string | null,
): Promise<{ row: CatalogueRow; link: Pick<Link, 'maxPlays' | 'revokedAtMs'> | null } | null> {
  const row = await database
    .prepare(
      `SELECT r.recording, r.updated_at_ms, l.link_id, l.max_plays, l.revoked_at_ms
       FROM recordings r LEFT JOIN links l ON l.link_id = ?2 AND l.egress_id = r.egress_id
       WHERE r.egress_id = ?1 AND r.listed = 1`,
    )
    .bind(egressId, linkId)
    .first<
      Omit<LinkRow, 'link_id'> & {
        recording: string
        updated_at_ms: number
        link_id: string | null
      }
    >()
  if (row === null) return null
  return {
    row: { recording: JSON.parse(row.recording) as Recording, updatedAtMs: row.updated_at_ms },
    link: row.link_id === null ? null : { maxPlays: row.max_plays, revokedAtMs: row.revoked_at_ms },
  }
}

function toLink(row: LinkRow): Link {
  return {
    linkId: row.link_id,
    egressId: row.egress_id,
    download: row.download === 1,
    viewer: row.viewer,
    maxPlays: row.max_plays,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
  }
}
