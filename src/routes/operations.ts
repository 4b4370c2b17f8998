// /v1/sweeps, /v1/orphans, reconcile and rebuild: what an operator does when something was lost. For ADMIN_TOKEN and for
// tokens that name no room: the temp folder belongs to no room.
import { createRoute, z } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import type { Config } from '../config.ts'
import { listReports } from '../catalog/sweeps.ts'
import { dismissOrphan, listOrphans } from '../catalog/temp-objects.ts'
import { problem } from '../problem.ts'
import { isSafeKey, isUnder } from '../recording/keys.ts'
import type { Recording } from '../recording/recording.ts'
import { requireAccess } from './access.ts'
import { newRoutes, refusal } from './context.ts'
import type { AppEnv } from './context.ts'
import { findRecording } from './find.ts'
import { formatCursor, parseCursor } from './cursor.ts'
import { RecordingSchema, toJson } from './recording-json.ts'

const security = [{ bearer: [] }]
const mostOrphans = 200

const requireEveryRoom: MiddlewareHandler<AppEnv> = async (context, next) => {
  if (context.get('access').room !== null) {
    throw problem(403, 'other-room', 'The token is for one room; this needs one for all of them.')
  }
  await next()
}
const middleware = [requireAccess, requireEveryRoom]

const ReportSchema = z
  .object({
    sweepId: z.string(),
    startedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime(),
    trigger: z.enum(['cron', 'api']),
    seen: z
      .number()
      .int()
      .openapi({ description: 'Objects of the temp folder that were looked at' }),
    adopted: z.number().int().openapi({ description: 'Recordings that nobody had told of' }),
    recovered: z
      .number()
      .int()
      .openapi({ description: 'Recordings that were told what they lacked' }),
    orphans: z
      .number()
      .int()
      .openapi({ description: 'Objects that nobody claims, noted in this run' }),
    woken: z.number().int().openapi({ description: 'Recordings with work that were woken' }),
    errors: z.array(z.string()),
    cursor: z
      .string()
      .nullable()
      .openapi({ description: 'Where the next run goes on; null at the end' }),
    subrequests: z.number().int(),
  })
  .openapi('SweepReport')

const run = createRoute({
  method: 'post',
  path: '/v1/sweeps',
  summary: 'Sweep the temp folder and LiveKit’s list now',
  security,
  middleware,
  responses: {
    200: {
      description: 'What it found',
      content: { 'application/json': { schema: ReportSchema } },
    },
    401: refusal('Not signed in'),
    403: refusal('The token is for one room'),
    409: refusal('Another sweep is under way'),
  },
})

const list = createRoute({
  method: 'get',
  path: '/v1/sweeps',
  summary: 'The last reports, newest first',
  security,
  middleware,
  responses: {
    200: {
      description: 'At most 50',
      content: { 'application/json': { schema: z.object({ sweeps: z.array(ReportSchema) }) } },
    },
    401: refusal('Not signed in'),
    403: refusal('The token is for one room'),
  },
})

const orphans = createRoute({
  method: 'get',
  path: '/v1/orphans',
  summary: 'Objects in the temp folder that no egress claims, past the grace period',
  security,
  middleware,
  responses: {
    200: {
      description: `The ${mostOrphans} oldest`,
      content: {
        'application/json': {
          schema: z.object({
            orphans: z.array(
              z.object({
                key: z.string(),
                sizeBytes: z.number().int(),
                lastModified: z.iso.datetime(),
                firstSeenAt: z.iso.datetime(),
              }),
            ),
          }),
        },
      },
    },
    401: refusal('Not signed in'),
    403: refusal('The token is for one room'),
  },
})

const OrphanKey = z.object({ key: z.string().min(1).max(1024) })

const adopt = createRoute({
  method: 'post',
  path: '/v1/orphans/adopt',
  summary: 'Make a recording of an orphan',
  security,
  middleware,
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: OrphanKey.extend({
            roomName: z.string().min(1).max(4096).optional(),
            title: z.string().min(1).max(1000).optional(),
          }),
        },
      },
    },
  },
  responses: {
    201: {
      description: 'The recording',
      content: { 'application/json': { schema: RecordingSchema } },
    },
    400: refusal('The key is none'),
    401: refusal('Not signed in'),
    403: refusal('The token is for one room'),
    404: refusal('No such object in the temp folder'),
  },
})

const dismiss = createRoute({
  method: 'post',
  path: '/v1/orphans/dismiss',
  summary: 'Stop reporting an orphan; it is kept',
  security,
  middleware,
  request: { body: { required: true, content: { 'application/json': { schema: OrphanKey } } } },
  responses: {
    204: { description: 'Not reported any more' },
    401: refusal('Not signed in'),
    403: refusal('The token is for one room'),
    404: refusal('No such orphan'),
  },
})

const reconcile = createRoute({
  method: 'post',
  path: '/v1/recordings/{egressId}/reconcile',
  summary: 'Look at LiveKit and the bucket now, and try again what had been given up',
  security,
  middleware: [requireAccess] as const,
  request: { params: z.object({ egressId: z.string() }) },
  responses: {
    200: {
      description: 'The recording after it',
      content: { 'application/json': { schema: RecordingSchema } },
    },
    401: refusal('Not signed in'),
    404: refusal('No such recording'),
  },
})

const StepSchema = {
  seen: z.number().int().openapi({ description: 'Objects that were looked at in this step' }),
  adopted: z.number().int(),
  errors: z.array(z.string()),
  nextCursor: z.string().nullable().openapi({ description: 'Ask again with it; null when done' }),
}

const rebuild = createRoute({
  method: 'post',
  path: '/v1/rebuild',
  summary: 'Fill a lost catalogue again, one step',
  security,
  middleware,
  request: { query: z.object({ cursor: z.string().optional() }) },
  responses: {
    200: {
      description: 'What the step did',
      content: {
        'application/json': {
          schema: z.object({
            republished: z.number().int(),
            adopted: StepSchema.adopted,
            errors: StepSchema.errors,
            nextCursor: StepSchema.nextCursor,
          }),
        },
      },
    },
    400: refusal('The cursor is none'),
    401: refusal('Not signed in'),
    403: refusal('The token is for one room'),
  },
})

const importFolder = createRoute({
  method: 'post',
  path: '/v1/imports',
  summary: 'Adopt recordings that lie under a prefix of the bucket, one step',
  security,
  middleware,
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({ prefix: z.string().min(1).max(1024), cursor: z.string().optional() }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'What the step did',
      content: { 'application/json': { schema: z.object(StepSchema) } },
    },
    400: refusal('The prefix lies in the temp folder, or the cursor is none'),
    401: refusal('Not signed in'),
    403: refusal('The token is for one room'),
  },
})

/** What operators can start; the application hands it in, because routes know nothing of how it is done. */
export interface Operations {
  sweep(env: Env, config: Config): Promise<z.infer<typeof ReportSchema> | null>
  adoptOrphan(
    env: Env,
    config: Config,
    orphan: { key: string; roomName: string | null; title: string | null },
  ): Promise<Recording | null>
  rebuildStep(env: Env, config: Config, position: RebuildPosition): Promise<RebuildAnswer>
  importStep(
    env: Env,
    config: Config,
    prefix: string,
    position: ImportPosition,
  ): Promise<ImportAnswer>
}

interface RebuildAnswer {
  republished: number
  adopted: number
  errors: string[]
  next: RebuildPosition | null
}
interface ImportAnswer {
  seen: number
  adopted: number
  errors: string[]
  next: ImportPosition | null
}
const RebuildCursor = z.object({ part: z.enum(['objects', 'bucket']), after: z.string() })
type RebuildPosition = z.infer<typeof RebuildCursor>
const ImportCursor = z.object({
  pass: z.enum(['manifests', 'media']),
  afterKey: z.string().nullable(),
})
type ImportPosition = z.infer<typeof ImportCursor>

export function operationRoutes(operations: Operations) {
  return newRoutes()
    .openapi(run, async (context) => {
      const report = await operations.sweep(context.env, context.get('config'))
      if (report === null) throw problem(409, 'sweep-under-way', 'Another sweep is under way.')
      return context.json(report, 200)
    })
    .openapi(rebuild, async (context) => {
      const { cursor } = context.req.valid('query')
      const from: RebuildPosition =
        cursor === undefined ? { part: 'objects', after: '' } : parseCursor(cursor, RebuildCursor)
      const { next, ...done } = await operations.rebuildStep(
        context.env,
        context.get('config'),
        from,
      )
      return context.json({ ...done, nextCursor: next && formatCursor(next) }, 200)
    })
    .openapi(importFolder, async (context) => {
      const { prefix, cursor } = context.req.valid('json')
      const config = context.get('config')
      if (isUnder(config.tempPrefix, prefix) || isUnder(prefix, config.tempPrefix)) {
        throw problem(400, 'bad-prefix', 'The temp folder is swept, not imported.')
      }
      const from: ImportPosition =
        cursor === undefined
          ? { pass: 'manifests', afterKey: null }
          : parseCursor(cursor, ImportCursor)
      const { next, ...done } = await operations.importStep(context.env, config, prefix, from)
      return context.json({ ...done, nextCursor: next && formatCursor(next) }, 200)
    })
    .openapi(list, async (context) =>
      context.json({ sweeps: await listReports(context.env.DB) }, 200),
    )
    .openapi(orphans, async (context) => {
      const beforeMs = Date.now() - context.get('config').graceMs
      const found = await listOrphans(context.env.DB, beforeMs, mostOrphans)
      return context.json(
        {
          orphans: found.map(({ key, sizeBytes, lastModifiedMs, firstSeenMs }) => ({
            key,
            sizeBytes,
            lastModified: new Date(lastModifiedMs).toISOString(),
            firstSeenAt: new Date(firstSeenMs).toISOString(),
          })),
        },
        200,
      )
    })
    .openapi(adopt, async (context) => {
      const { key, roomName, title } = context.req.valid('json')
      const config = context.get('config')
      if (!isSafeKey(key) || !isUnder(config.tempPrefix, key)) {
        throw problem(400, 'bad-key', `An orphan is an object under ${config.tempPrefix}.`)
      }
      const orphan = { key, roomName: roomName ?? null, title: title ?? null }
      const recording = await operations.adoptOrphan(context.env, config, orphan)
      if (recording === null) throw problem(404, 'object-not-found', 'There is no such object.')
      return context.json(toJson(recording, Date.now()), 201)
    })
    .openapi(dismiss, async (context) => {
      const { key } = context.req.valid('json')
      const isOrphan = await dismissOrphan(context.env.DB, key, Date.now())
      if (!isOrphan) throw problem(404, 'orphan-not-found', 'There is no such orphan.')
      return context.body(null, 204)
    })
    .openapi(reconcile, async (context) => {
      const { egressId } = context.req.valid('param')
      await findRecording(context, egressId)
      const recording = await context.env.RECORDING.getByName(egressId).reconcile()
      if (recording === null)
        throw problem(404, 'recording-not-found', 'There is no such recording.')
      return context.json(toJson(recording, Date.now()), 200)
    })
}
