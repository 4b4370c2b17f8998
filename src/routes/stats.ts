// GET /v1/stats: how many recordings, how they ended, how long and how large, by day and by room. Read from counts that are
// kept with every write; no recording is looked at.
import { createRoute, z } from '@hono/zod-openapi'
import { readStats, totalOf } from '../catalog/stats.ts'
import type { Totals } from '../catalog/stats.ts'
import { problem } from '../problem.ts'
import { guarded, guardRefusals, visibleRoom } from './access.ts'
import { bookmarkHeaders, BookmarkSchema, catalogueOf } from './catalogue.ts'
import { newRoutes, refusal } from './context.ts'

const dayMs = 86_400_000
const mostDays = 366
const usualDays = 30

const day = z.iso.date().openapi({ example: '2026-01-31' })
const dayInput = z.iso.date().transform((text) => Date.parse(text) / dayMs)

const TotalsSchema = z
  .object({
    recordings: z.number().int(),
    ready: z.number().int(),
    failed: z.number().int(),
    aborted: z.number().int(),
    lost: z.number().int(),
    durationMs: z.number().int(),
    sizeBytes: z.number().int(),
  })
  .openapi('Totals')

const StatsSchema = z
  .object({
    from: day,
    to: day,
    total: TotalsSchema,
    days: z
      .array(TotalsSchema.extend({ day }))
      .openapi({ description: 'Days that have recordings, the first one first' }),
    rooms: z
      .array(TotalsSchema.extend({ roomName: z.string().nullable() }))
      .openapi({ description: 'The rooms with the most recordings' }),
    roomsFrom: day.openapi({
      description:
        'The rooms are counted from this day on: later than `from` where there were too many rooms to count',
    }),
  })
  .openapi('Stats')

const read = createRoute({
  method: 'get',
  path: '/v1/stats',
  operationId: 'readStats',
  tags: ['Recordings'],
  summary: 'Count recordings by day and by room',
  description:
    'Counts what has ended and is not deleted, by the UTC day of its start. Without `from` and `to`: the last thirty days.',
  ...guarded('read'),
  request: {
    query: z.object({
      from: dayInput.optional().openapi({ type: 'string', format: 'date' }),
      to: dayInput
        .optional()
        .openapi({ type: 'string', format: 'date', description: `At most ${mostDays} days` }),
      room: z.string().optional().openapi({ description: 'Of this room only' }),
      rooms: z.coerce.number().int().min(0).max(100).default(10).openapi({
        description: 'How many rooms',
      }),
    }),
    headers: BookmarkSchema,
  },
  responses: {
    200: {
      description: 'The counts',
      headers: bookmarkHeaders,
      content: { 'application/json': { schema: StatsSchema } },
    },
    400: refusal('The days are no range of days'),
    ...guardRefusals,
  },
})

export const statsRoutes = newRoutes().openapi(read, async (context) => {
  const { room, rooms: mostRooms, from, to } = context.req.valid('query')
  const toDay = to ?? (from === undefined ? Math.floor(Date.now() / dayMs) : from + usualDays - 1)
  const fromDay = from ?? toDay - usualDays + 1
  if (fromDay > toDay || toDay - fromDay >= mostDays) {
    throw problem(400, 'bad-request', `from, to: one day to ${mostDays} days, in this order.`)
  }
  const roomName = await visibleRoom(context, room)
  const stats = await readStats(catalogueOf(context), { fromDay, toDay, roomName, mostRooms })
  const answer = {
    from: dateOf(fromDay),
    to: dateOf(toDay),
    total: counted(totalOf(stats.days)),
    days: stats.days.map(({ day: number, ...totals }) => ({
      day: dateOf(number),
      ...counted(totals),
    })),
    rooms: stats.rooms.map(({ roomName: name, ...totals }) => ({
      roomName: name,
      ...counted(totals),
    })),
    roomsFrom: dateOf(stats.roomsFromDay),
  }
  return context.json(answer, 200)
})

function counted(totals: Totals) {
  const { ready, failed, aborted, lost } = totals
  return { recordings: ready + failed + aborted + lost, ...totals }
}

function dateOf(number: number): string {
  return new Date(number * dayMs).toISOString().slice(0, 10)
}
