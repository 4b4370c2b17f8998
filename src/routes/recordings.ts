// /v1/recordings/{egressId}: read, timeline, play. One recording is read from its own object, which has an edit before the
// catalogue does, and alone has the timeline; what plays is found in the catalogue.
import { createRoute, z } from '@hono/zod-openapi'
import type { Entry } from '../recording/state.ts'
import { summaryOf } from '../recording/summary.ts'
import { guarded, guardRefusals } from './access.ts'
import { bookmarkHeaders, BookmarkSchema } from './catalogue.ts'
import { newRoutes, refusal } from './context.ts'
import { etagHeader } from './etag.ts'
import { currentJson, findRecording } from './find.ts'
import { EgressIdParams, RecordingSchema } from './recording-json.ts'
import { fileAnswers, redirectByApi } from './redirect.ts'

const read = createRoute({
  method: 'get',
  path: '/v1/recordings/{egressId}',
  operationId: 'readRecording',
  tags: ['Recordings'],
  summary: 'Read one recording',
  ...guarded('read'),
  request: { params: EgressIdParams, headers: BookmarkSchema },
  responses: {
    200: {
      description: 'The recording',
      headers: bookmarkHeaders.extend(etagHeader),
      content: { 'application/json': { schema: RecordingSchema } },
    },
    400: refusal('A parameter is malformed'),
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
  request: { params: EgressIdParams },
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
    params: EgressIdParams,
    query: z.object({
      file: z
        .string()
        .optional()
        .openapi({ description: 'Name of a file; the main file when left out' }),
      download: z.enum(['0', '1']).optional(),
    }),
  },
  responses: {
    ...fileAnswers,
    400: refusal('A parameter is malformed'),
    ...guardRefusals,
  },
})

export const recordingRoutes = newRoutes()
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
