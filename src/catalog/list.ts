// One page of the catalogue: merged from the shelves that the filter allows, each read in order through its own index, all
// of them in one transaction. A page reads what it shows and one row more of each, however many recordings there are. Where
// the index only approximates the filter, rows that do not pass are left out, and the page comes back shorter, with the
// cursor behind what was examined.
import type { Filter } from './filter.ts'
import { matches } from './filter.ts'
import { compareKeys, sortField } from './order.ts'
import type { Key, Sort } from './order.ts'
import type { CatalogueRow, Reader } from './recordings.ts'
import { openSource, searchSource, valueSource } from './sources.ts'
import type { Entry, Found } from './sources.ts'
import { phaseOf } from './terms.ts'

export interface ListQuery extends Filter {
  sort: Sort
  limit: number
  /** Where the page before ended. */
  after: Key | null
}

/** One page, and where the next one begins. */
export async function listRecordings(
  database: Reader,
  query: ListQuery,
): Promise<{ rows: CatalogueRow[]; next: Key | null }> {
  const sources = shelvesOf(query).map((phase) => {
    if (phase === 'open') return openSource(database, query)
    return sortField(query.sort) === null
      ? searchSource(database, query, phase)
      : valueSource(database, query, phase)
  })
  const results = await database.batch<Record<string, unknown>>(
    sources.flatMap(({ statements }) => statements),
  )
  let read = 0
  const found = sources.map((source) => {
    const own = results.slice(read, (read += source.statements.length))
    return source.read(own.map((result) => result.results))
  })
  return pageOf(found, query)
}

/** The shelves that recordings of the filter may stand on. */
function shelvesOf({ statuses }: Filter) {
  return statuses.length === 0
    ? (['open', 'finished'] as const)
    : [...new Set(statuses.map(phaseOf))]
}

function pageOf(found: Found[], query: ListQuery): { rows: CatalogueRow[]; next: Key | null } {
  const order = (a: Key, b: Key): number => compareKeys(query.sort, a, b)
  const ends = found.flatMap(({ until }) => (until === null ? [] : [until]))
  // Behind the end of one shelf the others may not be shown: something of it may belong between them.
  const end = ends.toSorted(order)[0] ?? null
  const passing: Entry[] = found
    .flatMap(({ entries }) => entries)
    .filter(
      ({ key, row }) => (end === null || order(key, end) <= 0) && matches(row.recording, query),
    )
    .toSorted((a, b) => order(a.key, b.key))
  const page = passing.slice(0, query.limit)
  const isFull = passing.length > query.limit
  return { rows: page.map(({ row }) => row), next: isFull ? (page.at(-1)?.key ?? null) : end }
}
