// /v1/orphans: objects of the temp folder that no egress claims. A person makes a recording of one, or says that it is none;
// nothing here deletes one.
import { createRoute, z } from '@hono/zod-openapi'
import { dismissOrphan, listOrphans } from '../catalog/temp-objects.ts'
import type { Config } from '../config.ts'
import { problem } from '../problem.ts'
import { isSafeKey, isUnder } from '../recording/keys.ts'
import type { Recording } from '../recording/recording.ts'
import { guarded, guardRefusals } from './access.ts'
import { bodyRefusals, jsonBody, newRoutes, refusal } from './context.ts'
import { RecordingSchema, toJson } from './recording-json.ts'

const mostOrphans = 200

const list = createRoute({
  method: 'get',
  path: '/v1/orphans',
  operationId: 'listOrphans',
  tags: ['Bucket'],
  summary: 'Objects in the temp folder that no egress claims, past the grace period',
  ...guarded('read', 'every'),
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
                attention: z.literal('orphan').openapi({ description: 'As recordings have it' }),
              }),
            ),
          }),
        },
      },
    },
    ...guardRefusals,
  },
})

const OrphanKey = z
  .strictObject({ key: z.string().min(1).max(1024) })
  .openapi({ example: { key: 'temp/3f2a/video.mp4' } })

const adopt = createRoute({
  method: 'post',
  path: '/v1/orphans/adopt',
  operationId: 'adoptOrphan',
  tags: ['Bucket'],
  summary: 'Make a recording of an orphan',
  ...guarded('record', 'every', 'body'),
  request: {
    body: jsonBody(
      OrphanKey.extend({
        roomName: z.string().min(1).max(4096).optional(),
        title: z.string().min(1).max(1000).optional(),
      }).openapi({ example: { key: 'temp/3f2a/video.mp4', roomName: 'standup' } }),
    ),
  },
  responses: {
    201: {
      description: 'The recording',
      content: { 'application/json': { schema: RecordingSchema } },
    },
    ...bodyRefusals,
    404: refusal('No such object in the temp folder'),
    409: refusal('An egress claims the object'),
    ...guardRefusals,
  },
})

const dismiss = createRoute({
  method: 'post',
  path: '/v1/orphans/dismiss',
  operationId: 'dismissOrphan',
  tags: ['Bucket'],
  summary: 'Stop reporting an orphan; it is kept',
  ...guarded('record', 'every', 'body'),
  request: { body: jsonBody(OrphanKey) },
  responses: {
    204: { description: 'Not reported any more' },
    ...bodyRefusals,
    404: refusal('No such orphan'),
    ...guardRefusals,
  },
})

/** How it is done is handed in: routes know nothing of it. */
export interface OrphanOperations {
  adoptOrphan(
    env: Env,
    config: Config,
    orphan: { key: string; roomName: string | null; title: string | null },
  ): Promise<
    | { kind: 'adopted'; recording: Recording }
    | { kind: 'not-found' }
    | { kind: 'claimed'; egressId: string }
  >
}

export function orphanRoutes(operations: OrphanOperations) {
  return newRoutes()
    .openapi(list, async (context) => {
      const beforeMs = Date.now() - context.get('config').graceMs
      const found = await listOrphans(context.env.DB, beforeMs, mostOrphans)
      const orphans = found.map(({ key, sizeBytes, lastModifiedMs, firstSeenMs }) => ({
        key,
        sizeBytes,
        lastModified: new Date(lastModifiedMs).toISOString(),
        firstSeenAt: new Date(firstSeenMs).toISOString(),
        attention: 'orphan' as const,
      }))
      return context.json({ orphans }, 200)
    })
    .openapi(adopt, async (context) => {
      const { key, roomName, title } = context.req.valid('json')
      const config = context.get('config')
      if (!isSafeKey(key) || !isUnder(config.tempPrefix, key)) {
        throw problem(400, 'bad-key', `An orphan is an object under ${config.tempPrefix}.`)
      }
      const orphan = { key, roomName: roomName ?? null, title: title ?? null }
      const adopted = await operations.adoptOrphan(context.env, config, orphan)
      if (adopted.kind === 'not-found') {
        throw problem(404, 'object-not-found', 'There is no such object.')
      }
      if (adopted.kind === 'claimed') {
        throw problem(409, 'object-claimed', `The object belongs to ${adopted.egressId}.`)
      }
      return context.json(toJson(adopted.recording, Date.now()), 201)
    })
    .openapi(dismiss, async (context) => {
      const { key } = context.req.valid('json')
      const isOrphan = await dismissOrphan(context.env.DB, key, Date.now())
      if (!isOrphan) throw problem(404, 'orphan-not-found', 'There is no such orphan.')
      return context.body(null, 204)
    })
}
