// One object that knows every egress there ever was, and which of them have work left. A lost catalogue is filled again
// from it, and the sweep asks it whom to wake when an alarm was lost. It knows nothing else of a recording.
import { DurableObject } from 'cloudflare:workers'

/** The one name of the registry. */
export const registryName = 'egresses'

const schema = `
  CREATE TABLE IF NOT EXISTS egress (
    egress_id TEXT PRIMARY KEY,
    is_open INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS open_egress ON egress (changed_at_ms) WHERE is_open = 1;
`

export class RegistryObject extends DurableObject<Env> {
  constructor(context: DurableObjectState, env: Env) {
    super(context, env)
    this.ctx.storage.sql.exec(schema)
  }

  /** Notes an egress, or that it has work to do, or none. */
  async put(egressId: string, isOpen: boolean): Promise<void> {
    this.ctx.storage.sql.exec(
      `INSERT INTO egress (egress_id, is_open, changed_at_ms) VALUES (?1, ?2, ?3)
       ON CONFLICT (egress_id) DO UPDATE SET is_open = ?2, changed_at_ms = ?3`,
      egressId,
      isOpen ? 1 : 0,
      Date.now(),
    )
  }

  /** Takes up to `limit` egresses that have had work since before then, and puts them at the end of the line. */
  async takeSleepers(beforeMs: number, limit: number): Promise<string[]> {
    const rows = this.#ids(
      'SELECT egress_id FROM egress WHERE is_open = 1 AND changed_at_ms < ? ORDER BY changed_at_ms LIMIT ?',
      beforeMs,
      limit,
    )
    for (const egressId of rows) {
      this.ctx.storage.sql.exec(
        'UPDATE egress SET changed_at_ms = ?2 WHERE egress_id = ?1',
        egressId,
        Date.now(),
      )
    }
    return rows
  }

  /** Egress ids in order, after the given one. */
  async list(afterEgressId: string, limit: number): Promise<string[]> {
    return this.#ids(
      'SELECT egress_id FROM egress WHERE egress_id > ? ORDER BY egress_id LIMIT ?',
      afterEgressId,
      limit,
    )
  }

  #ids(sql: string, ...bindings: SqlStorageValue[]): string[] {
    return this.ctx.storage.sql
      .exec<{ egress_id: string }>(sql, ...bindings)
      .toArray()
      .map((row) => row.egress_id)
  }
}
