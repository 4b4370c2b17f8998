// The side of the benchmark that runs in workerd, beside D1: does what is asked with the Worker's own code, says what D1
// counted, and how long it takes. To take the time only the number of rows is asked for, many times in one request: the way
// to D1 and back is no part of it.
import { listRecordings } from '../../src/catalog/list.ts'
import type { ListQuery } from '../../src/catalog/list.ts'
import type { Key } from '../../src/catalog/order.ts'
import { CatalogueRecordings } from '../../src/catalog/recordings.ts'
import type { Reader } from '../../src/catalog/recordings.ts'
import { readStats } from '../../src/catalog/stats.ts'
import type { StatsQuery } from '../../src/catalog/stats.ts'
import type { Recording } from '../../src/recording/recording.ts'

export interface Asked {
  list?: ListQuery
  stats?: StatsQuery
  puts?: Recording[]
  rounds?: number
}

export interface Cost {
  rowsRead: number
  rowsWritten: number
  /** Recordings, or days, of the answer. */
  shown: number
  next: Key | null
  /** The quickest of many rounds: whatever else the machine does only adds to it. */
  ms: number
}

const copies = 20
const warmUp = 2

class AskedStatement {
  readonly sql: string
  readonly values: unknown[]
  readonly #database: ListeningDatabase

  constructor(database: ListeningDatabase, sql: string, values: unknown[] = []) {
    this.#database = database
    this.sql = sql
    this.values = values
  }

  bind(...values: unknown[]): AskedStatement {
    return new AskedStatement(this.#database, this.sql, values)
  }

  async all(): Promise<D1Result | undefined> {
    return (await this.#database.batch([this]))[0]
  }

  async run(): Promise<D1Result | undefined> {
    return this.all()
  }
}

/** Passes on what is asked, and keeps it. */
class ListeningDatabase {
  asked: AskedStatement[] = []
  rowsRead = 0
  rowsWritten = 0
  readonly #database: D1Database

  constructor(database: D1Database) {
    this.#database = database
  }

  prepare(sql: string): AskedStatement {
    return new AskedStatement(this, sql)
  }

  async batch(statements: AskedStatement[]): Promise<D1Result[]> {
    this.asked.push(...statements)
    const results = await this.#database.batch(
      statements.map(({ sql, values }) => this.#database.prepare(sql).bind(...values)),
    )
    for (const { meta } of results) {
      this.rowsRead += meta.rows_read
      this.rowsWritten += meta.rows_written
    }
    return results
  }

  async timeMs(rounds: number): Promise<number> {
    const many = Array.from({ length: copies }, () => this.asked).flat()
    const times: number[] = []
    for (let round = 0; round < rounds + warmUp; round += 1) {
      const statements = many.map(({ sql, values }) =>
        this.#database.prepare(`SELECT count(*) FROM (${sql})`).bind(...values),
      )
      const startedAt = performance.now()
      await this.#database.batch(statements)
      if (round >= warmUp) times.push((performance.now() - startedAt) / copies)
    }
    return Math.min(...times)
  }
}

async function answer(database: D1Database, asked: Asked): Promise<Cost> {
  const listening = new ListeningDatabase(database)
  const reader = listening as unknown as Reader
  let shown = 0
  let next: Key | null = null
  if (asked.list !== undefined) {
    const page = await listRecordings(reader, asked.list)
    shown = page.rows.length
    next = page.next
  }
  if (asked.stats !== undefined) shown = (await readStats(reader, asked.stats)).days.length
  for (const [index, recording] of (asked.puts ?? []).entries()) {
    const claims = index === 0 ? [`temp/${recording.egressId}/`] : []
    await new CatalogueRecordings(reader as D1Database).put(recording, index + 1, claims)
  }
  const { rowsRead, rowsWritten } = listening
  const ms = asked.rounds === undefined ? 0 : await listening.timeMs(asked.rounds)
  return { rowsRead, rowsWritten, shown, next, ms }
}

// oxlint-disable-next-line import/no-default-export -- a Worker is one
export default {
  fetch: async (request: Request, env: Pick<Env, 'DB'>) => {
    const asked: Asked = await request.json()
    if (Object.keys(asked).length === 0) await env.DB.exec('SELECT 1')
    return Response.json(await answer(env.DB, asked))
  },
}
