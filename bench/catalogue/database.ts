// A local D1 with so many recordings: the file that workerd reads, filled from here with the Worker's own statements, which
// is the same and a hundred times faster than a request each. The last ones are written one by one, as they are in life.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import { unstable_dev } from 'wrangler'
import type { Unstable_DevWorker } from 'wrangler'
import { CatalogueRecordings, valuesOf } from '../../src/catalog/recordings.ts'
import type { Recording } from '../../src/recording/recording.ts'
import { recordings } from './shape.ts'
import type { Asked, Cost } from './worker.ts'

const migrations = join(import.meta.dirname, '../../migrations')
const oneByOne = 500

export interface LocalD1 {
  ask(asked: Asked): Promise<Cost>
  close(): Promise<void>
}

/** @param look at the filled file, before D1 has it */
export async function filledD1(
  count: number,
  look: (file: DatabaseSync) => void,
): Promise<LocalD1> {
  const folder = mkdtempSync(join(tmpdir(), 'roomtape-bench-'))
  const state = join(folder, 'state')
  const configPath = join(folder, 'wrangler.json')
  writeFileSync(
    configPath,
    JSON.stringify({
      name: 'bench',
      main: join(import.meta.dirname, 'worker.ts'),
      compatibility_date: '2026-10-01',
      d1_databases: [{ binding: 'DB', database_name: 'bench', database_id: 'bench' }],
    }),
  )
  const open = async () =>
    unstable_dev(join(import.meta.dirname, 'worker.ts'), {
      config: configPath,
      persistTo: state,
      inspect: false,
      logLevel: 'error',
      experimental: { disableExperimentalWarning: true },
    })
  const first = await open()
  await asked(first, {})
  await first.stop()
  await fill(databaseFile(state), count, look)
  const worker = await open()
  return {
    ask: async (what) => asked(worker, what),
    close: async () => {
      await worker.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function asked(worker: Unstable_DevWorker, what: Asked): Promise<Cost> {
  const response = await worker.fetch('/', { method: 'POST', body: JSON.stringify(what) })
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as Cost
}

function databaseFile(folder: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const name = names.find((path) => /d1.*[0-9a-f]{64}\.sqlite$/.test(path))
  if (name === undefined) throw new Error(`workerd made no database in ${folder}.`)
  return join(folder, name)
}

async function fill(
  path: string,
  count: number,
  look: (file: DatabaseSync) => void,
): Promise<void> {
  const file = new DatabaseSync(path)
  file.exec('PRAGMA synchronous = OFF')
  for (const name of readdirSync(migrations).toSorted()) {
    file.exec(readFileSync(join(migrations, name), 'utf8'))
  }
  const all = recordings(count)
  fillAtOnce(file, all, count - oneByOne)
  const catalogue = new CatalogueRecordings(asD1(file))
  for (const recording of all) await catalogue.put(recording, 1, [`temp/${recording.egressId}/`])
  look(file)
  file.close()
}

/** Rows without their triggers, and what the triggers would have written, in one go. */
function fillAtOnce(file: DatabaseSync, all: Iterator<Recording>, count: number): void {
  const triggers = file
    .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    .all()
    .map(({ name, sql }) => ({ name: String(name), sql: String(sql) }))
  for (const { name } of triggers) file.exec(`DROP TRIGGER ${name}`)
  const insert = file.prepare(
    `INSERT INTO recordings VALUES (?, ?, ?, ?, ?, ?, CAST(? AS INTEGER), ?, ?, ?, ?, ?, ?)`,
  )
  file.exec('BEGIN')
  for (let number = 0; number < count; number += 1) {
    const next = all.next()
    if (next.done === true) break
    insert.run(...valuesOf(next.value, 1))
  }
  file.exec(`
    INSERT INTO search (rowid, terms, egress_id)
      SELECT position, terms, egress_id FROM recordings WHERE phase IN ('finished', 'deleted') ORDER BY position;
    INSERT INTO stats_by_room
      SELECT sort_at_ms / 86400000 AS day, coalesce(room_name, '') AS room,
        sum(status = 'ready'), sum(status = 'failed'), sum(status = 'aborted'), sum(status = 'lost'),
        total(duration_ms), total(size_bytes)
      FROM recordings WHERE phase = 'finished' GROUP BY day, room;
    INSERT INTO stats_by_day
      SELECT day, sum(ready), sum(failed), sum(aborted), sum(lost), sum(duration_ms), sum(size_bytes)
      FROM stats_by_room GROUP BY day;
    COMMIT`)
  for (const { sql } of triggers) file.exec(sql)
}

interface Statement {
  bind(...values: SQLInputValue[]): Statement
  run(): Promise<{ meta: { changes: number } }>
}

/** As much of D1 as a write needs. */
function asD1(file: DatabaseSync): D1Database {
  const known = new Map<string, StatementSync>()
  const prepared = (sql: string): StatementSync => {
    const statement = known.get(sql) ?? file.prepare(sql)
    known.set(sql, statement)
    return statement
  }
  const statementOf = (sql: string, values: SQLInputValue[]): Statement => ({
    bind: (...bound) => statementOf(sql, bound),
    run: async () => ({ meta: { changes: Number(prepared(sql).run(...values).changes) } }),
  })
  const database = {
    prepare: (sql: string) => statementOf(sql, []),
    batch: async (statements: Statement[]) => {
      const results = []
      for (const statement of statements) results.push(await statement.run())
      return results
    },
  }
  return database as unknown as D1Database
}
