// /healthz: this Worker answers. /readyz: each thing that it depends on was really asked, just now, and the answer of each
// in words. /metrics: what is counted exactly, as Prometheus text.
import { createRoute, z } from '@hono/zod-openapi'
import type { Config } from '../config.ts'
import { LiveKitEgress } from '../livekit/egress.ts'
import { messageOf } from '../log.ts'
import { S3 } from '../storage/s3.ts'
import { guarded, guardRefusals } from './access.ts'
import { newRoutes } from './context.ts'

const CheckSchema = z.object({ ok: z.boolean(), fault: z.string().nullable() })
const ReadySchema = z.object({
  status: z.enum(['ready', 'not-ready']),
  checks: z.object({ catalogue: CheckSchema, store: CheckSchema, livekit: CheckSchema }),
  bucketCors: z
    .object({
      allowedOrigins: z.array(z.string()),
      allowedMethods: z.array(z.string()),
      allowedHeaders: z.array(z.string()),
      exposeHeaders: z.array(z.string()),
    })
    .openapi({
      description:
        'The CORS rule that the bucket needs for players by script (hls.js); not checked',
    }),
})

const alive = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'isAlive',
  tags: ['Operation'],
  summary: 'Answer',
  responses: {
    200: {
      description: 'This Worker answers, whatever else does not',
      content: { 'application/json': { schema: z.object({ status: z.literal('alive') }) } },
    },
  },
})

/** Apart from the others: it answers with a faulty configuration, too. */
export const aliveRoutes = newRoutes().openapi(alive, (context) =>
  context.json({ status: 'alive' as const }, 200),
)

const ready = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'isReady',
  tags: ['Operation'],
  summary: 'Ask the catalogue, the store and LiveKit',
  responses: {
    200: { description: 'All answer', content: { 'application/json': { schema: ReadySchema } } },
    503: {
      description: 'At least one does not',
      content: { 'application/json': { schema: ReadySchema } },
    },
  },
})

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  operationId: 'readMetrics',
  tags: ['Operation'],
  summary: 'Read what is counted',
  ...guarded('read', 'every'),
  responses: {
    200: {
      description: 'Prometheus text',
      content: { 'text/plain': { schema: z.string() } },
    },
    ...guardRefusals,
  },
})

export const healthRoutes = newRoutes()
  .openapi(ready, async (context) => {
    const checks = await checkAll(context.env.DB, context.get('config'))
    const isReady = Object.values(checks).every((check) => check.ok)
    context.header('cache-control', 'no-store')
    return isReady
      ? context.json({ status: 'ready' as const, checks, bucketCors }, 200)
      : context.json({ status: 'not-ready' as const, checks, bucketCors }, 503)
  })
  .openapi(metrics, async (context) => {
    const withoutEgress = await context.env.COUNTER.getByName('webhooks-without-egress').read()
    return context.text(
      '# HELP roomtape_webhooks_without_egress_total Egress webhooks that named no egress: auto egresses that could not start.\n' +
        '# TYPE roomtape_webhooks_without_egress_total counter\n' +
        `roomtape_webhooks_without_egress_total ${withoutEgress}\n`,
      200,
    )
  })

/** After a redirect from another origin the browser tells the store `Origin: null`, so that no list of origins would do. */
const bucketCors = {
  allowedOrigins: ['*'],
  allowedMethods: ['GET', 'HEAD'],
  allowedHeaders: ['*'],
  exposeHeaders: ['Content-Length', 'Content-Range', 'ETag', 'Accept-Ranges'],
}

async function checkAll(database: D1Database, config: Config) {
  const [catalogue, store, livekit] = await Promise.all([
    asked(async () => database.prepare('SELECT 1 FROM recordings LIMIT 1').all()),
    asked(async () => new S3(config.storage).probe()),
    asked(async () => new LiveKitEgress(config.livekit).list({ active: true, pageToken: null })),
  ])
  return { catalogue, store, livekit }
}

async function asked(ask: () => Promise<unknown>): Promise<z.infer<typeof CheckSchema>> {
  try {
    await ask()
    return { ok: true, fault: null }
  } catch (error) {
    return { ok: false, fault: messageOf(error) }
  }
}
