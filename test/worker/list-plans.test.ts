// How the catalogue finds what a list asks for: the plan of every statement, and the rows that D1 charges. Written for a
// query that is quick today and looks at every recording in a year.
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { noFilter } from '../../src/catalog/filter.ts'
import type { Filter } from '../../src/catalog/filter.ts'
import { listRecordings } from '../../src/catalog/list.ts'
import { sorts } from '../../src/catalog/order.ts'
import type { Key, Sort } from '../../src/catalog/order.ts'
import type { Reader } from '../../src/catalog/recordings.ts'
import { readStats } from '../../src/catalog/stats.ts'
import { catalogued } from './story.ts'

const limit = 5
const running = 3
const finished = 60
const newYearMs = Date.parse('2026-01-01T00:00:00.000Z')

const filters: [string, Partial<Filter>][] = [
  ['none', {}],
  ['room', { roomName: 'standup' }],
  ['status', { statuses: ['ready'] }],
  ['several statuses', { statuses: ['active', 'ready', 'deleted'] }],
  ['kind', { kind: 'room_composite' }],
  ['from and to', { fromMs: newYearMs, toMs: newYearMs + 10 * 86_400_000 }],
  ['minDurationMs', { minDurationMs: 30_000 }],
  ['maxDurationMs', { maxDurationMs: 100_000 }],
  ['q', { text: 'weekly boa' }],
  ['metadata', { metadata: [['customer', 'acme']] }],
  ['attention', { attention: true }],
]

const combinations: [string, Partial<Filter>][] = [
  ...filters,
  ['room and status', { roomName: 'standup', statuses: ['ready', 'failed'] }],
  ['all of them', Object.assign({}, ...filters.map(([, filter]) => filter)) as Partial<Filter>],
]

/** Reads as the catalogue does, and keeps what was asked. */
class Listening {
  readonly asked: { sql: string; values: unknown[] }[] = []
  rowsRead = 0

  prepare(sql: string) {
    return this.#statement(sql, [])
  }

  #statement(sql: string, values: unknown[]) {
    const statement = {
      sql,
      values,
      bind: (...bound: unknown[]) => this.#statement(sql, bound),
      all: async () => (await this.batch([{ sql, values }]))[0],
    }
    return statement
  }

  async batch(statements: { sql: string; values: unknown[] }[]) {
    this.asked.push(...statements)
    const results = await env.DB.batch(
      statements.map(({ sql, values }) => env.DB.prepare(sql).bind(...values)),
    )
    for (const { meta } of results) this.rowsRead += meta.rows_read
    return results
  }

  async plans(): Promise<string[]> {
    const plans = this.asked.map(async ({ sql, values }) => {
      const explained = env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...values)
      const { results } = await explained.all<{ detail: string }>()
      return results.map(({ detail }) => detail)
    })
    return (await Promise.all(plans)).flat()
  }
}

async function ask(filter: Partial<Filter>, sort: Sort, after: Key | null = null) {
  const listening = new Listening()
  const query = { ...noFilter, ...filter, sort, limit, after }
  const page = await listRecordings(listening as unknown as Reader, query)
  return { listening, ...page }
}

beforeEach(async () => {
  for (let index = 0; index < finished + running; index += 1) {
    await catalogued({
      status: index < finished ? 'ready' : 'active',
      startedAtMs: newYearMs + index * 3_600_000,
      title: 'Weekly board',
      metadata: { customer: 'acme' },
      attention: 'size-mismatch',
      sizeBytes: 1_000 + index,
      durationMs: 60_000 + index,
    })
  }
})

describe('the plan of a list', () => {
  it.each(combinations)('goes through an index in every order: %s', async (_, filter) => {
    for (const sort of sorts) {
      const first = await ask(filter, sort)
      const second = await ask(filter, sort, first.next)
      for (const plan of [
        ...(await first.listening.plans()),
        ...(await second.listening.plans()),
      ]) {
        // Of virtual tables SQLite says SCAN whatever they do; `M` is a match, `=` a row, the rest a range of terms.
        const isIndexed =
          /^(SEARCH|CO-ROUTINE|COMPOUND|LEFT-MOST|UNION ALL|MATERIALIZE|CORRELATED|LIST|SCALAR)/.test(
            plan,
          ) ||
          plan.startsWith('SCAN recordings USING INDEX recordings_open') ||
          /^SCAN \w+ (EXISTS )?VIRTUAL TABLE INDEX (\d+:.*(M|=)|1539:)/.test(plan) ||
          /^SCAN (k|t|search|value|json_each|\(subquery-\d+\))( VIRTUAL TABLE.*)?$/.test(plan) ||
          // What is open is sorted by size: as much as LiveKit records at the moment.
          (plan === 'USE TEMP B-TREE FOR ORDER BY' && sort.startsWith('-') && sort !== '-startedAt')
        expect(isIndexed, `${sort}: ${plan}`).toBe(true)
      }
    }
  })

  it('of counts by day and room reads counts only', async () => {
    for (const roomName of [null, 'standup']) {
      const listening = new Listening()
      await readStats(listening as unknown as Reader, {
        fromDay: 20_000,
        toDay: 20_100,
        roomName,
        mostRooms: 10,
      })
      expect((await listening.plans()).join('\n')).not.toContain('recordings')
      expect(listening.asked.map(({ sql }) => sql).join('\n')).not.toMatch(/FROM recordings/)
    }
  })
})

describe('the rows that D1 reads for a page', () => {
  it.each(filters)(
    'by start are those of the page and one more, on every page: %s',
    async (_, filter) => {
      // An entry of the index and the row itself.
      const most = 2 * (limit + 1) + 2 * running
      for (const sort of ['-startedAt', 'startedAt'] as const) {
        let after: Key | null = null
        do {
          const { listening, next } = await ask(filter, sort, after)
          expect(listening.rowsRead).toBeLessThanOrEqual(most)
          after = next
        } while (after !== null)
      }
    },
  )

  it.each([
    ['none', {}],
    ['room', { roomName: 'standup' }],
  ])('by size or duration are bounded alike, on every page: %s', async (_, filter) => {
    for (const sort of ['-sizeBytes', '-durationMs'] as const) {
      let after: Key | null = null
      do {
        const { listening, next } = await ask(filter, sort, after)
        // Its term, its place in the page, its document, and the row itself.
        expect(listening.rowsRead).toBeLessThanOrEqual(4 * (limit + 1) + 4 * running)
        after = next
      } while (after !== null)
    }
  })

  it('are few for words that nothing has', async () => {
    const { listening, rows } = await ask({ text: 'xylophone' }, '-startedAt')
    expect([rows, listening.rowsRead]).toEqual([[], running])
  })
})
