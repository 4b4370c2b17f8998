// The storage of one recording's object: a journal of everything that was observed, decided and done, and the state as
// JSON. The state is only a shortcut: when its row is missing, broken or of another version, it is folded again from the
// journal, and the looks into the store find out what had been done. Nothing is written for an id that was only asked for.
import { logError, messageOf } from '../log.ts'
import { observe, settle } from '../recording/lifecycle.ts'
import type { Observation } from '../recording/observation.ts'
import { nothingSeen } from '../recording/seen.ts'
import { newState } from '../recording/state.ts'
import type { Entry, RecordingState } from '../recording/state.ts'
import type { Memory } from './work.ts'

const schema = `
  CREATE TABLE IF NOT EXISTS state (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    json TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS journal (
    id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    detail TEXT NOT NULL,
    observation TEXT
  ) STRICT, WITHOUT ROWID;
`

type EntryRow = { at_ms: number; source: string; type: string; detail: string }

export class Journal implements Memory {
  readonly #storage: DurableObjectStorage
  readonly #egressId: string
  #state: RecordingState | null = null

  constructor(storage: DurableObjectStorage, egressId: string) {
    this.#storage = storage
    this.#egressId = egressId
  }

  state(): RecordingState {
    this.#state ??= this.#load()
    return this.#state
  }

  has(id: string): boolean {
    return this.#exists() && this.#rows('SELECT 1 FROM journal WHERE id = ?', id).length > 0
  }

  /** Every entry, oldest first. */
  entries(): Entry[] {
    if (!this.#exists()) return []
    const rows = this.#rows<EntryRow>(
      'SELECT at_ms, source, type, detail FROM journal ORDER BY sequence',
    )
    return rows.map(({ at_ms: atMs, detail, ...same }) => ({
      atMs,
      ...same,
      detail: readDetail(detail),
    }))
  }

  commit(state: RecordingState, entries: Entry[], observation?: Observation): void {
    let { sequence } = state
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec(schema)
      if (observation !== undefined) {
        const { id, observedAtMs: atMs, source, type } = observation
        const entry = { atMs, source, type, detail: detailOf(observation) }
        sequence = this.#insert(id, sequence, entry, JSON.stringify(observation))
      }
      for (const entry of entries) {
        sequence = this.#insert(`step:${sequence + 1}`, sequence, entry, null)
      }
      const json = JSON.stringify({ ...state, sequence })
      this.#storage.sql.exec(
        'INSERT INTO state (id, json) VALUES (0, ?) ON CONFLICT (id) DO UPDATE SET json = excluded.json',
        json,
      )
    })
    this.#state = { ...state, sequence }
  }

  #insert(id: string, sequence: number, entry: Entry, observation: string | null): number {
    const written = this.#storage.sql.exec(
      `INSERT INTO journal (id, sequence, at_ms, source, type, detail, observation)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
      id,
      sequence + 1,
      entry.atMs,
      entry.source,
      entry.type,
      JSON.stringify(entry.detail),
      observation,
    )
    return written.rowsWritten > 0 ? sequence + 1 : sequence
  }

  #load(): RecordingState {
    if (!this.#exists()) return newState(this.#egressId)
    const [row] = this.#rows<{ json: string }>('SELECT json FROM state')
    const state = row === undefined ? null : parseState(row.json, this.#egressId)
    return state ?? this.#replay()
  }

  /** The state as the journal tells it. What was done in the store is found out by looking. */
  #replay(): RecordingState {
    logError('state.replayed', { egressId: this.#egressId })
    let state = newState(this.#egressId)
    const rows = this.#rows<{ observation: string | null; sequence: number }>(
      'SELECT observation, sequence FROM journal ORDER BY sequence',
    )
    for (const { observation, sequence } of rows) {
      state = { ...state, sequence }
      if (observation === null) continue
      try {
        state = observe(state, JSON.parse(observation) as Observation)
      } catch (error) {
        logError('journal.unreadable', { egressId: this.#egressId, error: messageOf(error) })
      }
    }
    return settle(state)
  }

  #exists(): boolean {
    return this.#rows("SELECT 1 FROM sqlite_master WHERE name = 'journal'").length > 0
  }

  #rows<Row extends Record<string, SqlStorageValue>>(
    sql: string,
    ...bindings: SqlStorageValue[]
  ): Row[] {
    return this.#storage.sql.exec<Row>(sql, ...bindings).toArray()
  }
}

function parseState(json: string, egressId: string): RecordingState | null {
  try {
    const state = JSON.parse(json) as RecordingState
    const isWhole =
      state.version === 1 &&
      [state.files, state.folders].every((works) => Array.isArray(works)) &&
      [state.seen, state.livekit, state.catalogue, state.registry].every(
        (part) => typeof part === 'object' && part !== null,
      )
    // From before a field was known of: nothing was seen of it yet.
    const seen = { ...nothingSeen, ...state.seen }
    return isWhole ? { ...newState(egressId), ...state, seen } : null
  } catch {
    // A broken row; the journal has it all.
    return null
  }
}

/** A line that cannot be read any more must not hide the others. */
function readDetail(json: string): Entry['detail'] {
  try {
    return JSON.parse(json) as Entry['detail']
  } catch {
    return { unreadable: json }
  }
}

/** What an observation said, short enough for a line of the timeline. */
function detailOf({ egress, objects, wishes, raw, id }: Observation): Entry['detail'] {
  // The address of a backup is the file: it is kept for the work and shown to nobody.
  const outputs = egress?.outputs?.map((output) => ({ ...output, backupUrl: undefined })) ?? null
  const said = egress === null ? {} : withoutEmpty({ ...egress, outputs })
  const seen = objects.length === 0 ? {} : { objects }
  return { id, ...said, ...seen, ...wishes, ...(raw === undefined ? {} : { raw }) }
}

function withoutEmpty(facts: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).filter(([, value]) => value !== null && value !== false && value !== 0),
  )
}
