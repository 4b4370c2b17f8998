// What a page of the catalogue costs at a thousand, a hundred thousand and a million recordings, on a local D1 in workerd:
// `npm run bench:catalogue` writes bench/catalogue.md. Rows read are D1's own count and the same on every machine; times are
// not, their ratio nearly is. The cost has to stay flat: a ratio that does not is a query to be mended.
import { writeFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { sortField } from '../src/catalog/order.ts'
import type { Key } from '../src/catalog/order.ts'
import { groupsOf, valueKey } from '../src/catalog/terms.ts'
import type { Recording } from '../src/recording/recording.ts'
import { filledD1 } from './catalogue/database.ts'
import type { LocalD1 } from './catalogue/database.ts'
import { queries } from './catalogue/queries.ts'
import type { Query } from './catalogue/queries.ts'
import type { Asked, Cost } from './catalogue/worker.ts'
import { endMs, recordings, roomName, running } from './catalogue/shape.ts'

const sizes = process.argv.slice(2).map(Number)
if (sizes.length === 0) sizes.push(1_000, 100_000, 1_000_000)
const limit = 50
const rounds = 10

/** The key of the row so many before the last one, by looking at every row: what a walk through all pages comes to. */
function lastKeys(file: DatabaseSync): Map<string, Key> {
  const keys = new Map<string, Key>()
  for (const [name, query] of Object.entries(queries)) {
    const field = sortField(query.sort)
    if (field === null) continue
    const column = field === 'sizeBytes' ? 'size_bytes' : 'duration_ms'
    const groups = groupsOf({ ...query, minDurationMs: null, maxDurationMs: null })
    const terms = groups.flatMap((group) => group.map((term) => ` f${term} `))
    const conditions = ["phase = 'finished'", ...terms.map(() => 'instr(terms, ?) > 0')]
    if (query.minDurationMs !== null) conditions.push(`duration_ms >= ${query.minDurationMs}`)
    const row = file
      .prepare(
        `SELECT ${column} AS value, position FROM recordings WHERE ${conditions.join(' AND ')}
         ORDER BY ${column} IS NULL DESC, ${column}, position DESC LIMIT 1 OFFSET ?`,
      )
      .get(...terms, limit)
    if (row === undefined) continue
    const value = row['value'] === null ? null : Number(row['value'])
    keys.set(name, { value: valueKey(value), position: Number(row['position']) })
  }
  return keys
}

/** By start the last page is the first one of the other direction. */
async function lastKey(
  catalogue: LocalD1,
  query: Query,
  known: Key | undefined,
): Promise<Key | null> {
  if (sortField(query.sort) !== null) return known ?? null
  const sort = query.sort === 'startedAt' ? '-startedAt' : 'startedAt'
  return (await catalogue.ask({ list: { ...query, sort, limit, after: null } })).next
}

async function costsAt(count: number): Promise<Map<string, Cost>> {
  let keys = new Map<string, Key>()
  const startedAt = performance.now()
  const catalogue = await filledD1(count, (file) => (keys = lastKeys(file)))
  console.log(`${count} recordings in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  const costs = new Map<string, Cost>()
  const measure = async (name: string, asked: Asked): Promise<void> => {
    const cost = await catalogue.ask({ ...asked, rounds })
    costs.set(name, cost)
    const figures = `${String(cost.rowsRead).padStart(6)} rows  ${cost.ms.toFixed(2)} ms`
    console.log(`${name.padEnd(52)} ${figures}`)
  }
  for (const [name, query] of Object.entries(queries)) {
    await measure(`${name} | first`, { list: { ...query, limit, after: null } })
    const after = await lastKey(catalogue, query, keys.get(name))
    if (after !== null) await measure(`${name} | last`, { list: { ...query, limit, after } })
  }
  const toDay = Math.floor(endMs / 86_400_000)
  for (const [name, days, room] of [
    ['a week', 7, null],
    ['30 days', 30, null],
    ['366 days', 366, null],
    ['366 days of one room', 366, roomName(1)],
  ] as const) {
    const stats = { fromDay: toDay - days + 1, toDay, roomName: room, mostRooms: 10 }
    await measure(`stats, ${name} | `, { stats })
  }
  await catalogue.close()
  return costs
}

/** Rows that D1 writes for a recording from start to ready, each word of LiveKit by itself. */
async function rowsWritten(): Promise<number> {
  const catalogue = await filledD1(1_000, () => undefined)
  const [some] = recordings(running + 1)
  if (some === undefined) throw new Error('There is no recording.')
  const plain: Recording = {
    ...some,
    egressId: 'EG_life',
    title: null,
    metadata: {},
    attention: null,
  }
  const life: Partial<Recording>[] = [
    { status: 'starting', startedAtMs: null },
    { status: 'active' },
    { status: 'ending' },
    { status: 'processing' },
    { status: 'ready' },
  ]
  const { rowsWritten: rows } = await catalogue.ask({
    puts: life.map((change) => ({ ...plain, ...change })),
  })
  await catalogue.close()
  return rows
}

const bySize = new Map<number, Map<string, Cost>>()
for (const size of sizes) bySize.set(size, await costsAt(size))
writeFileSync(`${import.meta.dirname}/catalogue.md`, report(bySize, await rowsWritten()))

function report(costs: Map<number, Map<string, Cost>>, written: number): string {
  const [small, large] = [sizes[0] ?? 0, sizes.at(-1) ?? 0]
  const names = [...(costs.get(large)?.keys() ?? [])]
  const cell = (size: number, name: string, pick: (cost: Cost) => string): string => {
    const cost = costs.get(size)?.get(name)
    return cost === undefined ? '' : pick(cost)
  }
  const lines = names.map((name) => {
    const [query, page] = name.split(' | ')
    const ratio =
      (costs.get(large)?.get(name)?.ms ?? 0) / (costs.get(small)?.get(name)?.ms ?? Number.NaN)
    return [
      query,
      page,
      cell(large, name, ({ shown }) => String(shown)),
      ...sizes.map((size) => cell(size, name, ({ rowsRead }) => String(rowsRead))),
      Number.isNaN(ratio) ? '' : ratio.toFixed(1),
      ...sizes.map((size) => cell(size, name, ({ ms }) => ms.toFixed(2))),
    ].join(' | ')
  })
  const numbers = sizes.map((size) => size.toLocaleString('en'))
  const head = [
    'query',
    'page',
    'shown',
    ...numbers.map((size) => `rows read of ${size}`),
    `time, ${numbers.at(-1)} : ${numbers[0]}`,
    ...numbers.map((size) => `ms of ${size}`),
  ]
  return `# What a page of the catalogue costs

Made by \`npm run bench:catalogue\`: a local D1 in workerd, filled with ${numbers.join(', ')} recordings of one seeded shape
(three years, 5,000 rooms of which a few have most recordings, failures, titles, metadata; ${running} are running). A page has
${limit} recordings; the last page begins at the cursor that a walk through all pages ends at. "Rows read" is what D1 charges: two for
each recording shown (its entry in the index and the row itself), those of the row that tells whether there is more, and what a
filter had to pass over. What is open is looked through whenever a filter may let it pass. Times are the quickest of ${rounds} rounds, without the
way to D1 and back.

A plain recording costs **${written} rows written** from start to ready.

| ${head.join(' | ')} |
|${head.map((_, index) => (index < 2 ? '---' : '---:')).join('|')}|
${lines.map((line) => `| ${line} |`).join('\n')}
`
}
