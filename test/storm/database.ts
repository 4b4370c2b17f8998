// D1 as the catalogue and the sweep see it: the real statements on SQLite in memory, under the weather. A batch may fail, be
// done without an answer, or land hours later, after newer writes: what a network does to a request.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue } from 'node:sqlite'
import { CatalogueRecordings } from '../../src/catalog/recordings.ts'
import { Trouble } from '../../src/recording/ports.ts'
import type { Catalogue } from '../../src/recording/ports.ts'
import type { Recording } from '../../src/recording/recording.ts'
import { Crash } from './world.ts'
import type { World } from './world.ts'

const migrations = join(import.meta.dirname, '../../migrations')
const schema = readdirSync(migrations)
  .toSorted()
  .map((name) => readFileSync(join(migrations, name), 'utf8'))
const tables = ['recordings', 'claims', 'temp_objects']

/** One SQLite for all seeds of a process, and its statements: creating one takes longer than a seed. */
const shared = new DatabaseSync(':memory:')
for (const sql of schema) shared.exec(sql)
const prepared = new Map<string, ReturnType<DatabaseSync['prepare']>>()

function prepare(sql: string): ReturnType<DatabaseSync['prepare']> {
  const known = prepared.get(sql)
  if (known !== undefined) return known
  const statement = shared.prepare(sql)
  prepared.set(sql, statement)
  return statement
}

function isRead(sql: string): boolean {
  return /^\s*SELECT/i.test(sql)
}

interface Result {
  results: unknown[]
  meta: { changes: number }
}

class Statement {
  readonly #database: StormDatabase
  readonly sql: string
  readonly values: SQLInputValue[]

  constructor(database: StormDatabase, sql: string, values: SQLInputValue[] = []) {
    this.#database = database
    this.sql = sql
    this.values = values
  }

  bind(...values: SQLInputValue[]): Statement {
    return new Statement(this.#database, this.sql, values)
  }

  async all(): Promise<Result> {
    return this.#database.request([this]).at(0) ?? { results: [], meta: { changes: 0 } }
  }

  async run(): Promise<Result> {
    return this.all()
  }

  async first(): Promise<unknown> {
    const { results } = await this.all()
    return results[0] ?? null
  }
}

export class StormDatabase {
  readonly #world: World
  readonly #rewrite: (sql: string) => string

  /** @param rewrite makes other statements of them: for planted bugs */
  constructor(world: World, rewrite: (sql: string) => string) {
    this.#world = world
    this.#rewrite = rewrite
    for (const table of tables) prepare(`DELETE FROM ${table}`).run()
  }

  /** As the Worker's code takes it. */
  get asD1(): D1Database {
    const database = {
      prepare: (sql: string) => new Statement(this, sql),
      batch: async (statements: Statement[]) => this.request(statements),
    }
    return database as unknown as D1Database
  }

  /** One request to D1: all of its statements or none. */
  request(statements: Statement[]): Result[] {
    const world = this.#world
    const isWrite = statements.some(({ sql }) => !isRead(sql))
    const fate = world.call('catalogue', isWrite ? 'write' : 'read')
    if (fate === 'not-done') {
      if (isWrite && world.random.chance(world.weather.lostAnswer * 5)) this.#later(statements)
      throw new Error('D1_ERROR: no answer')
    }
    const results = this.#perform(statements)
    world.afterCall('catalogue', isWrite ? 'write' : 'read')
    if (fate === 'answer-lost') throw new Error('D1_ERROR: the answer was lost')
    return results
  }

  /** A request that was given up for lost and arrives all the same. */
  #later(statements: Statement[]): void {
    const world = this.#world
    const atMs = world.nowMs + world.random.pick([5_000, 60_000, 600_000, 7_200_000])
    world.tell(() => `a write to the catalogue is under way until ${new Date(atMs).toISOString()}`)
    world.at(atMs, () => {
      world.tell(() => 'the late write reaches the catalogue')
      this.#perform(statements)
    })
  }

  #perform(statements: Statement[]): Result[] {
    return statements.map(({ sql, values }) => {
      const statement = prepare(this.#rewrite(sql))
      if (isRead(sql)) return { results: statement.all(...values), meta: { changes: 0 } }
      return { results: [], meta: { changes: Number(statement.run(...values).changes) } }
    })
  }

  /** The row as it stands, without weather. */
  recording(egressId: string): Recording | null {
    const row = prepare('SELECT recording FROM recordings WHERE egress_id = ?').get(egressId)
    const json = row?.['recording']
    return typeof json === 'string' ? (JSON.parse(json) as Recording) : null
  }

  /** Keys that nobody claims, as the sweep noted them. */
  orphans(): string[] {
    return prepare('SELECT temp_key FROM temp_objects WHERE egress_id IS NULL')
      .all()
      .map((row) => String(row['temp_key']))
  }
}

/** The real catalogue; it wraps whatever goes wrong, and a crash must not be wrapped. */
export function stormCatalogue(database: StormDatabase): Catalogue {
  const catalogue = new CatalogueRecordings(database.asD1)
  return {
    put: async (recording, revision, claims) => {
      try {
        await catalogue.put(recording, revision, claims)
      } catch (error) {
        if (error instanceof Trouble && error.cause instanceof Crash) throw error.cause
        throw error
      }
    },
  }
}
