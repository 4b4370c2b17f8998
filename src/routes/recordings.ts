// /v1/recordings: list, read, timeline, play. Reads come from the catalogue, which scales; the timeline comes from the
// egress's object, which alone has it. Paging is by position, never by offset: rows that arrive meanwhile shift nothing.
import { createRoute, z } from '@hono/zod-openapi'
import { listRecordings } from '../catalog/recordings.ts'
import type { Entry } from '../recording/state.ts'
import { summaryOf } from '../recording/summary.ts'
import { statuses } from '../recording/status.ts'
import { guarded, guardRefusals, visibleRoom } from './access.ts'
import { newRoutes, refusal } from './context.ts'
import { formatCursor, parseCursor } from './cursor.ts'
import { currentJson, findRecording } from './find.ts'
import { RecordingSchema, toJson } from './recording-json.ts'
import { redirectByApi } from './redirect.ts'

const EgressId = z.object({ egressId: z.string().openapi({ example: 'EG_2aB3cD4eF5gH' }) })
const timeMs = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

const PositionCursor = z.object({ sortAtMs: z.number(), egressId: z.string() })

const list = createRoute({
  method: 'get',
  path: '/v1/recordings',
  operationId: 'listRecordings',
  tags: ['Recordings'],
  summary: 'List recordings, newest first',
  ...guarded('read'),
  request: {
    query: z.object({
      room: z.string().optional(),
      status: z
        .union([z.enum(statuses), z.array(z.enum(statuses))])
        .optional()
        .openapi({ description: 'Repeatable' }),
      from: timeMs
        .optional()
        .openapi({ description: 'Started at or after', type: 'string', format: 'date-time' }),
      to: timeMs
        .optional()
        .openapi({ description: 'Started before', type: 'string', format: 'date-time' }),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.string().optional(),
    }),
  },
  responses: {
    200: {
      description: 'One page',
      content: {
        'application/json': {
          schema: z.object({
            recordings: z.array(RecordingSchema),
            nextCursor: z.string().nullable(),
          }),
        },
      },
    },
    400: refusal('A filter is malformed'),
    ...guardRefusals,
  },
})

const read = createRoute({
  method: 'get',
  path: '/v1/recordings/{egressId}',
  operationId: 'readRecording',
  tags: ['Recordings'],
  summary: 'Read one recording',
  ...guarded('read'),
  request: { params: EgressId },
  responses: {
    200: {
      description: 'The recording',
      content: { 'application/json': { schema: RecordingSchema } },
    },
    404: refusal('No such recording'),
    ...guardRefusals,
  },
})

const timeline = createRoute({
  method: 'get',
  path: '/v1/recordings/{egressId}/timeline',
  operationId: 'readTimeline',
  tags: ['Recordings'],
  summary: 'Read everything that was observed, decided and done',
  ...guarded('read'),
  request: { params: EgressId },
  responses: {
    200: {
      description: 'Oldest first',
      content: {
        'application/json': {
          schema: z.object({
            items: z.array(
              z.object({
                at: z.iso.datetime(),
                source: z
                  .string()
                  .openapi({ description: 'webhook, livekit, manifest, object, api, or roomtape' }),
                type: z.string(),
                summary: z.string().openapi({ description: 'In one sentence' }),
                detail: z.record(z.string(), z.unknown()),
              }),
            ),
          }),
        },
      },
    },
    404: refusal('No such recording'),
    ...guardRefusals,
  },
})

const play = createRoute({
  method: 'get',
  path: '/v1/recordings/{egressId}/play',
  operationId: 'playRecording',
  tags: ['Playback'],
  summary: 'Go to a presigned URL of a file',
  ...guarded('play'),
  request: {
    params: EgressId,
    query: z.object({
      file: z
        .string()
        .optional()
        .openapi({ description: 'Name of a file; the main file when left out' }),
      download: z.enum(['0', '1']).optional(),
    }),
  },
  responses: {
    302: { description: 'To the store' },
    404: refusal('No such recording or file'),
    409: refusal('Not playable, with the reason'),
    ...guardRefusals,
  },
})

export const recordingRoutes = newRoutes()
  .openapi(list, async (context) => {
    const { room, status, from, to, limit, cursor } = context.req.valid('query')
    const roomName = await visibleRoom(context, room)
    const { rows, next } = await listRecordings(context.env.DB, {
      roomName,
      statuses: status === undefined ? [] : [status].flat(),
      fromMs: from ?? null,
      toMs: to ?? null,
      limit,
      after: cursor === undefined ? null : parseCursor(cursor, PositionCursor),
    })
    const recordings = rows.map((row) => toJson(row.recording, row.updatedAtMs))
    return context.json({ recordings, nextCursor: next === null ? null : formatCursor(next) }, 200)
  })
  .openapi(read, async (context) => {
    return context.json(await currentJson(context, context.req.valid('param').egressId), 200)
  })
  .openapi(timeline, async (context) => {
    const { egressId } = context.req.valid('param')
    await findRecording(context, egressId)
    const entries = JSON.parse(
      await context.env.RECORDING.getByName(egressId).timeline(),
    ) as Entry[]
    const items = entries.map(({ atMs, ...entry }) => ({
      at: new Date(atMs).toISOString(),
      ...entry,
      summary: summaryOf(entry),
    }))
    return context.json({ items }, 200)
  })
  .openapi(play, async (context) => {
    const { recording } = await findRecording(context, context.req.valid('param').egressId)
    const { file, download } = context.req.valid('query')
    return redirectByApi(context, recording, file ?? null, download === '1')
  })
