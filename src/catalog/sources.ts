// The statements that read one shelf in the order of a list. Each begins at a key and stops after a page: no OFFSET, no
// count, nothing sorted but what is open. D1 binds numbers as reals, and FTS5 takes only an integer for a bound of its rows:
// without the CAST it would walk to it.
import type { Filter } from './filter.ts'
import type { ListQuery } from './list.ts'
import { compareKeys, keyOf, sortField } from './order.ts'
import type { Key } from './order.ts'
import { placeAtMs, toRow } from './recordings.ts'
import type { CatalogueRow, Reader } from './recordings.ts'
import {
  groupsOf,
  noValueKey,
  phaseOf,
  shelfLetter,
  statusTerm,
  valueKey,
  valueScope,
} from './terms.ts'
import type { Phase } from './terms.ts'

export interface Entry {
  key: Key
  row: CatalogueRow
}

/** What a shelf has behind the page before, in the order of the list. */
export interface Found {
  entries: Entry[]
  /** Everything up to here was examined; `null`: there is no more. */
  until: Key | null
}

export interface Source {
  statements: D1PreparedStatement[]
  read(results: Record<string, unknown>[][]): Found
}

/** Terms of the index that one page may look at where the order and the filter are two different indexes. */
const mostExamined = 500

type Value = string | number

/** What is open, by its own small index; in the order of a value sorted, for there is as much of it as LiveKit records. */
export function openSource(database: Reader, query: ListQuery): Source {
  const { conditions, values } = new Conditions()
    .and("phase = 'open'")
    .and('position BETWEEN ? AND ?', ...placesOf(query))
    .andEach(groupsOf({ ...query, ...noRange }), (terms) => [
      terms.map(() => 'instr(terms, ?) > 0').join(' OR '),
      ...terms.map((term) => ` ${shelfLetter('open')}${term} `),
    ])
    .andIf(
      query.statuses.length > 0,
      `status IN (${query.statuses.map(() => '?').join(', ')})`,
      ...query.statuses,
    )
    .andIf(query.minDurationMs !== null, 'duration_ms >= ?', query.minDurationMs ?? 0)
    .andIf(query.maxDurationMs !== null, 'duration_ms <= ?', query.maxDurationMs ?? 0)
    .and(...afterValue(query))
  const sql = `SELECT position, recording, updated_at_ms FROM recordings
    WHERE ${conditions.join(' AND ')} ORDER BY ${openOrder(query)} LIMIT ?`
  return {
    statements: [database.prepare(sql).bind(...values, query.limit + 1)],
    read: ([rows = []]) => foundOf(query, rows),
  }
}

/** A finished shelf by start: the rows of the inverted index are in this order. */
export function searchSource(database: Reader, query: ListQuery, phase: Phase): Source {
  const direction = query.sort === 'startedAt' ? 'ASC' : 'DESC'
  const sql = `SELECT s.rowid AS position, r.recording, r.updated_at_ms
    FROM search s CROSS JOIN recordings r ON r.egress_id = s.egress_id
    WHERE s.search MATCH ? AND s.rowid BETWEEN CAST(? AS INTEGER) AND CAST(? AS INTEGER)
    ORDER BY s.rowid ${direction} LIMIT ?`
  const expression = expressionOf(phase, [...statusGroup(query, phase), ...groupsOf(query)], 'all:')
  return {
    statements: [database.prepare(sql).bind(expression, ...placesOf(query), query.limit + 1)],
    read: ([rows = []]) => foundOf(query, rows),
  }
}

/**
 * A finished shelf by size or duration: what else has the value where the last page ended, the terms that keep the values
 * sorted, then what has no value. Whatever more the filter asks is looked up row by row, for a bounded number of rows.
 */
export function valueSource(database: Reader, query: ListQuery, phase: Phase): Source {
  const field = sortField(query.sort) ?? 'sizeBytes'
  const { after, limit, roomName } = query
  const scope = `${shelfLetter(phase)}${valueScope(field, roomName)}`
  const { minMs, maxMs } = rangeOfSort(query)
  // The terms are of one room already, and a range of what is sorted by is a range of them.
  const others = { roomName: null, ...(field === 'durationMs' && noRange) }
  const groups = [...statusGroup(query, phase), ...groupsOf({ ...query, ...others })]
  const places = placesOf({ ...query, after: null })
  const isPlain = groups.length === 0 && query.fromMs === null && query.toMs === null
  const expression = expressionOf(phase, groups, 'all:')
  const begin = [maxMs === null ? '' : valueKey(maxMs), after === null ? '' : `${after.value}0`]
  const from = `${scope}${begin.toSorted().at(-1)}`
  const to = `${scope}${minMs === null ? noValueKey : `${valueKey(minMs)}0`}`
  const terms = `SELECT term, doc FROM search_terms WHERE term >= ? AND term < ? ORDER BY term LIMIT ?`
  const termValues = [from, to, isPlain ? limit + 1 : mostExamined]
  const hasRange = minMs !== null || maxMs !== null
  const rest = new Rest(scope, expression, places, after)
  const filter = isPlain
    ? ''
    : `WHERE t.doc BETWEEN CAST(? AS INTEGER) AND CAST(? AS INTEGER)
         AND EXISTS (SELECT 1 FROM search f WHERE f.search MATCH ? AND f.rowid = t.doc)`
  const filterValues = isPlain ? [] : [...places, expression]
  const sql = `SELECT k.position, r.recording, r.updated_at_ms FROM (
      SELECT * FROM (${rest.sql}) UNION ALL
      SELECT * FROM (SELECT t.doc AS position FROM (${terms}) t ${filter}) UNION ALL
      SELECT * FROM (${rest.sql}) LIMIT ?
    ) k CROSS JOIN search s ON s.rowid = k.position CROSS JOIN recordings r ON r.egress_id = s.egress_id`
  const values = [
    ...rest.ofLastValue(limit + 1),
    ...termValues,
    ...filterValues,
    ...(hasRange ? rest.none() : rest.withoutValue(limit + 1)),
    limit + 1,
  ]
  const examined = `SELECT count(*) AS terms, max(term || printf(':%016d', doc)) AS last FROM (${terms})`
  return {
    statements: [
      database.prepare(sql).bind(...values),
      ...(isPlain ? [] : [database.prepare(examined).bind(...termValues)]),
    ],
    read: ([rows = [], bounds = []]) => {
      const { entries, until } = foundOf(query, rows)
      const reached = bounds.at(0)
      if (reached?.['terms'] !== mostExamined) return { entries, until }
      const last = String(reached['last'])
      const at = last.lastIndexOf(':')
      const bound = { value: last.slice(scope.length, at), position: Number(last.slice(at + 1)) }
      const isBefore = until !== null && compareKeys(query.sort, until, bound) < 0
      return { entries, until: isBefore ? until : bound }
    },
  }
}

const noRange = { minDurationMs: null, maxDurationMs: null }

/** The range of durations, where they are what is sorted by. */
function rangeOfSort({ sort, minDurationMs: minMs, maxDurationMs: maxMs }: ListQuery) {
  return sort === '-durationMs' ? { minMs, maxMs } : { minMs: null, maxMs: null }
}

/** Rows of one very value, by position: of the value where the last page ended, and of those that have none. */
class Rest {
  readonly sql = `SELECT rowid AS position FROM search WHERE search MATCH ?
    AND rowid BETWEEN CAST(? AS INTEGER) AND CAST(? AS INTEGER) ORDER BY rowid LIMIT ?`
  readonly #scope: string
  readonly #expression: string
  readonly #places: [number, number]
  readonly #after: Key | null

  constructor(scope: string, expression: string, places: [number, number], after: Key | null) {
    this.#scope = scope
    this.#expression = expression
    this.#places = places
    this.#after = after
  }

  ofLastValue(limit: number): Value[] {
    const after = this.#after
    return after === null || after.value === noValueKey
      ? this.none()
      : this.#of(after.value, after.position + 1, limit)
  }

  withoutValue(limit: number): Value[] {
    const isWithin = this.#after?.value === noValueKey
    return this.#of(noValueKey, isWithin ? (this.#after?.position ?? 0) + 1 : 0, limit)
  }

  #of(value: string, fromPlace: number, limit: number): Value[] {
    const [first, last] = this.#places
    const expression = `"${this.#scope}${value}" AND ${this.#expression}`
    return [expression, Math.max(first, fromPlace), last, limit]
  }

  none(): Value[] {
    return ['"none:"', 0, 0, 0]
  }
}

class Conditions {
  readonly conditions: string[] = []
  readonly values: Value[] = []

  and(condition: string, ...values: Value[]): this {
    this.conditions.push(`(${condition})`)
    this.values.push(...values)
    return this
  }

  andIf(isWanted: boolean, condition: string, ...values: Value[]): this {
    return isWanted ? this.and(condition, ...values) : this
  }

  andEach<T>(items: T[], conditionOf: (item: T) => [string, ...Value[]]): this {
    for (const item of items) this.and(...conditionOf(item))
    return this
  }
}

function foundOf(query: ListQuery, rows: Record<string, unknown>[]): Found {
  const entries = rows.map((found) => {
    const row = toRow(found as { recording: string; updated_at_ms: number })
    return { key: keyOf(query.sort, row.recording, Number(found['position'])), row }
  })
  return { entries, until: entries.length > query.limit ? (entries.at(-1)?.key ?? null) : null }
}

/** First and last place that the page may have, both included. */
function placesOf({ fromMs, toMs, after, sort }: ListQuery): [number, number] {
  const first = fromMs === null ? 0 : placeAtMs(fromMs)
  const last = toMs === null ? Number.MAX_SAFE_INTEGER : placeAtMs(toMs) - 1
  if (after === null || sortField(sort) !== null) return [first, last]
  return sort === 'startedAt'
    ? [Math.max(first, after.position + 1), last]
    : [first, Math.min(last, after.position - 1)]
}

function openOrder({ sort }: ListQuery): string {
  const field = sortField(sort)
  if (field !== null) return `${columns[field]} DESC, position`
  return sort === 'startedAt' ? 'position' : 'position DESC'
}

const columns = { sizeBytes: 'size_bytes', durationMs: 'duration_ms' }

/** Behind the last page in the order of a value; SQLite sorts NULL behind every value. */
function afterValue({ sort, after }: ListQuery): [string, ...Value[]] {
  const field = sortField(sort)
  if (field === null || after === null) return ['true']
  const column = columns[field]
  if (after.value === noValueKey) return [`${column} IS NULL AND position > ?`, after.position]
  const value = Number.MAX_SAFE_INTEGER - Number(after.value)
  return [
    `${column} < ? OR ${column} IS NULL OR (${column} = ? AND position > ?)`,
    value,
    value,
    after.position,
  ]
}

/** The statuses of the shelf, where it has more than are wanted. */
function statusGroup({ statuses }: Filter, phase: Phase): string[][] {
  const own = statuses.filter((status) => phaseOf(status) === phase)
  return own.length === 0 || phase === 'deleted' ? [] : [own.map(statusTerm)]
}

/** In FTS5's words. Terms are made of letters, digits and colons. */
function expressionOf(phase: Phase, groups: string[][], otherwise: string): string {
  const wanted = groups.length === 0 ? [[otherwise]] : groups
  return wanted
    .map((terms) => `(${terms.map((term) => `"${shelfLetter(phase)}${term}"`).join(' OR ')})`)
    .join(' AND ')
}
