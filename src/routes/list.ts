// GET /v1/recordings: every filter, every order, page by page. Paging is by key, never by offset, and a cursor belongs to
// the query that it was answered to: with another filter or order it would lead to a place that means nothing there.
import { createRoute, z } from '@hono/zod-openapi'
import type { Filter } from '../catalog/filter.ts'
import { listRecordings } from '../catalog/list.ts'
import { sortField, sorts } from '../catalog/order.ts'
import type { Key, Sort } from '../catalog/order.ts'
import { problem } from '../problem.ts'
import { hash } from '../recording/hash.ts'
import { recordingKinds } from '../recording/observation.ts'
import { statuses } from '../recording/status.ts'
import { guarded, guardRefusals, visibleRoom } from './access.ts'
import { bookmarkHeaders, BookmarkSchema, catalogueOf } from './catalogue.ts'
import { newRoutes, refusal } from './context.ts'
import { formatCursor, parseCursor } from './cursor.ts'
import { RecordingSchema, toJson } from './recording-json.ts'

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const count = z.coerce.number().int().min(0).openapi({ type: 'integer', minimum: 0 })
const mostMetadata = 10
const longestText = 256

function timeOf(description: string) {
  return time.optional().openapi({ description, type: 'string', format: 'date-time' })
}

const ListQuery = z.object({
  room: z.string().optional().openapi({ description: 'The room’s name, exactly' }),
  status: z
    .union([z.enum(statuses), z.array(z.enum(statuses))])
    .optional()
    .openapi({ description: 'Repeatable. Deleted recordings are listed only when asked for' }),
  kind: z.enum(recordingKinds).optional(),
  from: timeOf('Started at or after'),
  to: timeOf('Started before'),
  minDurationMs: count.optional(),
  maxDurationMs: count.optional(),
  q: z.string().max(longestText).optional().openapi({
    description:
      'Words in room, title and metadata, all of them, the last one or its beginning; in any script, without accents and case',
  }),
  metadata: z
    .record(z.string(), z.string())
    .optional()
    .openapi({
      param: { style: 'deepObject', explode: true },
      description: '`metadata[key]=value`, repeatable: recordings that have all of them',
    }),
  attention: z.enum(['true']).optional().openapi({ description: 'What a person should look at' }),
  sort: z.enum(sorts).default('-startedAt').openapi({
    description:
      'By start, newest or oldest first; by size or duration, greatest first and unknown last',
  }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().optional().openapi({ description: 'Of the page before, with the same query' }),
})

const list = createRoute({
  method: 'get',
  path: '/v1/recordings',
  operationId: 'listRecordings',
  tags: ['Recordings'],
  summary: 'List recordings',
  description:
    'A page costs the same however many recordings there are. So a filter that no index answers alone (a range of durations, ' +
    'or a filter together with the sort by size or duration) may give a page that is shorter than `limit`, or empty, while ' +
    '`nextCursor` is not null: there may be more behind it. The list has ended when `nextCursor` is null.',
  ...guarded('read'),
  request: { query: ListQuery, headers: BookmarkSchema },
  responses: {
    200: {
      description: 'One page',
      headers: bookmarkHeaders,
      content: {
        'application/json': {
          schema: z.object({
            recordings: z.array(RecordingSchema),
            nextCursor: z.string().nullable(),
          }),
        },
      },
    },
    400: refusal('A filter is malformed, or the cursor is of another query'),
    ...guardRefusals,
  },
})

const CursorSchema = z.object({
  of: z.string(),
  value: z.string().regex(/^(\d{16}|n)?$/),
  position: z.number().int().min(0),
})

export const listRoutes = newRoutes().openapi(list, async (context) => {
  const { sort, limit, cursor, ...wanted } = context.req.valid('query')
  const metadata = metadataOf(context.req.queries())
  const roomName = await visibleRoom(context, wanted.room)
  const filter = filterOf(wanted, roomName, metadata)
  const of = hash(JSON.stringify([sort, filter]))
  const after = cursor === undefined ? null : keyOfCursor(cursor, of, sort)
  const query = { ...filter, sort, limit, after }
  const { rows, next } = await listRecordings(catalogueOf(context), query)
  const recordings = rows.map((row) => toJson(row.recording, row.updatedAtMs))
  return context.json({ recordings, nextCursor: next && formatCursor({ of, ...next }) }, 200)
})

type Wanted = Omit<z.infer<typeof ListQuery>, 'sort' | 'limit' | 'cursor'>

function filterOf(wanted: Wanted, roomName: string | null, metadata: [string, string][]): Filter {
  return {
    roomName,
    statuses: wanted.status === undefined ? [] : [...new Set([wanted.status].flat())].toSorted(),
    kind: wanted.kind ?? null,
    fromMs: wanted.from ?? null,
    toMs: wanted.to ?? null,
    minDurationMs: wanted.minDurationMs ?? null,
    maxDurationMs: wanted.maxDurationMs ?? null,
    text: wanted.q?.trim() ?? '',
    metadata,
    attention: wanted.attention === 'true',
  }
}

/** The `metadata[key]=value` of a query. */
function metadataOf(queries: Record<string, string[]>): [string, string][] {
  const pairs = Object.entries(queries).flatMap(([name, values]) => {
    const key = /^metadata\[(.*)\]$/s.exec(name)?.[1]
    return key === undefined ? [] : values.map((value): [string, string] => [key, value])
  })
  if (pairs.length > mostMetadata) {
    throw problem(400, 'bad-request', `metadata: at most ${mostMetadata} at a time.`)
  }
  return pairs
}

function keyOfCursor(cursor: string, of: string, sort: Sort): Key {
  const { of: owner, ...key } = parseCursor(cursor, CursorSchema)
  if (owner !== of || (key.value === '') !== (sortField(sort) === null)) {
    throw problem(
      400,
      'cursor-of-another-query',
      'The cursor was answered to another query: filters and sort have to stay the same from page to page.',
    )
  }
  return key
}
