// API keys in D1. A key is read from the primary database at each request that comes with one, so that a revoked key stops
// working at once: never through a session that a replica may answer, never from a cache.
import type { Scope } from '../access/scopes.ts'

export interface ApiKey {
  keyId: string
  name: string
  scopes: Scope[]
  /** `null` is every room. */
  roomName: string | null
  createdAtMs: number
  expiresAtMs: number | null
  revokedAtMs: number | null
  /** Midnight (UTC) of the day of the last use. */
  lastUsedDayMs: number | null
}

interface KeyRow {
  key_id: string
  name: string
  secret_sha256: string
  scopes: string
  room_name: string | null
  created_at_ms: number
  expires_at_ms: number | null
  revoked_at_ms: number | null
  last_used_day_ms: number | null
}

const dayMs = 24 * 3_600_000

/** How many keys can be in use, so that a list can show them all. */
export const mostKeys = 500

/** @returns false when there are as many keys as there may be */
export async function insertKey(
  database: D1Database,
  key: ApiKey,
  secretSha256: string,
): Promise<boolean> {
  const { meta } = await database
    .prepare(
      `INSERT INTO keys (key_id, name, secret_sha256, scopes, room_name, created_at_ms, expires_at_ms)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
       WHERE (SELECT count(*) FROM keys WHERE revoked_at_ms IS NULL) < ?8`,
    )
    .bind(
      key.keyId,
      key.name,
      secretSha256,
      JSON.stringify(key.scopes),
      key.roomName,
      key.createdAtMs,
      key.expiresAtMs,
      mostKeys,
    )
    .run()
  return meta.changes > 0
}

/** A key and the hash of its secret, whatever became of it. */
export async function readKey(
  database: D1Database,
  keyId: string,
): Promise<{ key: ApiKey; secretSha256: string } | null> {
  const row = await database
    .prepare('SELECT * FROM keys WHERE key_id = ?1')
    .bind(keyId)
    .first<KeyRow>()
  return row === null ? null : { key: toKey(row), secretSha256: row.secret_sha256 }
}

/** The keys that are not revoked, newest first. */
export async function listKeys(database: D1Database): Promise<ApiKey[]> {
  const { results } = await database
    .prepare('SELECT * FROM keys WHERE revoked_at_ms IS NULL ORDER BY created_at_ms DESC LIMIT ?1')
    .bind(mostKeys)
    .all<KeyRow>()
  return results.map(toKey)
}

/** Revokes a key; revoked twice is revoked. @returns false when there is none */
export async function revokeKey(
  database: D1Database,
  keyId: string,
  nowMs: number,
): Promise<boolean> {
  const { meta } = await database
    .prepare('UPDATE keys SET revoked_at_ms = coalesce(revoked_at_ms, ?2) WHERE key_id = ?1')
    .bind(keyId, nowMs)
    .run()
  return meta.changes > 0
}

/** Notes the day of a use, unless it is noted already. */
export async function noteUse(database: D1Database, key: ApiKey, nowMs: number): Promise<void> {
  const day = Math.floor(nowMs / dayMs) * dayMs
  if (key.lastUsedDayMs !== null && key.lastUsedDayMs >= day) return
  await database
    .prepare(
      'UPDATE keys SET last_used_day_ms = ?2 WHERE key_id = ?1 AND last_used_day_ms IS NOT ?2',
    )
    .bind(key.keyId, day)
    .run()
}

function toKey(row: KeyRow): ApiKey {
  return {
    keyId: row.key_id,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    roomName: row.room_name,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
    lastUsedDayMs: row.last_used_day_ms,
  }
}
