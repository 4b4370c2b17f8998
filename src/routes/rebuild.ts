// /v1/rebuild and /v1/imports: fill a catalogue from what the bucket and the objects hold. Both go step by step, each within
// the requests that one invocation may make; the caller asks again with the cursor until there is none.
import { createRoute, z } from '@hono/zod-openapi'
import type { Config } from '../config.ts'
import { problem } from '../problem.ts'
import { isUnder } from '../recording/keys.ts'
import { guarded, guardRefusals } from './access.ts'
import { bodyRefusals, jsonBody, newRoutes, refusal } from './context.ts'
import { formatCursor, parseCursor } from './cursor.ts'

const StepSchema = {
  seen: z.number().int().openapi({ description: 'Objects that were looked at in this step' }),
  adopted: z.number().int(),
  errors: z.array(z.string()),
  nextCursor: z.string().nullable().openapi({ description: 'Ask again with it; null when done' }),
}

const rebuild = createRoute({
  method: 'post',
  path: '/v1/rebuild',
  operationId: 'rebuildCatalogue',
  tags: ['Bucket'],
  summary: 'Fill a lost catalogue again, one step',
  ...guarded('admin', 'every'),
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
    ...guardRefusals,
  },
})

const importFolder = createRoute({
  method: 'post',
  path: '/v1/imports',
  operationId: 'importRecordings',
  tags: ['Bucket'],
  summary: 'Adopt recordings that lie under a prefix of the bucket, one step',
  ...guarded('admin', 'every', 'body'),
  request: {
    body: jsonBody(
      z
        .strictObject({ prefix: z.string().min(1).max(1024), cursor: z.string().optional() })
        .openapi({ example: { prefix: 'old-recordings/' } }),
    ),
  },
  responses: {
    200: {
      description: 'What the step did',
      content: { 'application/json': { schema: z.object(StepSchema) } },
    },
    ...bodyRefusals,
    400: refusal('The prefix lies in the temp folder, or the cursor is none'),
    ...guardRefusals,
  },
})

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

/** How it is done is handed in: routes know nothing of it. */
export interface RebuildOperations {
  rebuildStep(env: Env, config: Config, position: RebuildPosition): Promise<RebuildAnswer>
  importStep(
    env: Env,
    config: Config,
    prefix: string,
    position: ImportPosition,
  ): Promise<ImportAnswer>
}

export function rebuildRoutes(operations: RebuildOperations) {
  return newRoutes()
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
}
