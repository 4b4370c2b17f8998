// /v1/sweeps: runs the sweep of the temp folder and of LiveKit's list now, and shows the last reports.
import { createRoute, z } from '@hono/zod-openapi'
import { listReports } from '../catalog/sweeps.ts'
import type { Config } from '../config.ts'
import { problem } from '../problem.ts'
import { guarded, guardRefusals } from './access.ts'
import { newRoutes, refusal } from './context.ts'

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
    missing: z.number().int().openapi({
      description: 'Recordings whose final files were found gone, or back, and looked at',
    }),
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
  operationId: 'runSweep',
  tags: ['Bucket'],
  summary: 'Sweep the temp folder and LiveKit’s list now',
  ...guarded('record', 'every'),
  responses: {
    200: {
      description: 'What it found',
      content: { 'application/json': { schema: ReportSchema } },
    },
    409: refusal('Another sweep is under way'),
    ...guardRefusals,
  },
})

const list = createRoute({
  method: 'get',
  path: '/v1/sweeps',
  operationId: 'listSweeps',
  tags: ['Bucket'],
  summary: 'The last reports, newest first',
  ...guarded('read', 'every'),
  responses: {
    200: {
      description: 'At most 50',
      content: { 'application/json': { schema: z.object({ sweeps: z.array(ReportSchema) }) } },
    },
    ...guardRefusals,
  },
})

/** How it is done is handed in: routes know nothing of it. `null`: another sweep is under way. */
export interface SweepOperations {
  sweep(env: Env, config: Config): Promise<z.infer<typeof ReportSchema> | null>
}

export function sweepRoutes(operations: SweepOperations) {
  return newRoutes()
    .openapi(run, async (context) => {
      const report = await operations.sweep(context.env, context.get('config'))
      if (report === null) throw problem(409, 'sweep-under-way', 'Another sweep is under way.')
      return context.json(report, 200)
    })
    .openapi(list, async (context) =>
      context.json({ sweeps: await listReports(context.env.DB) }, 200),
    )
}
