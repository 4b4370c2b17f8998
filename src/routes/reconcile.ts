// POST /v1/recordings/{egressId}/reconcile: somebody has repaired something and wants it looked at now.
import { createRoute, z } from '@hono/zod-openapi'
import { problem } from '../problem.ts'
import { guarded, guardRefusals } from './access.ts'
import { newRoutes, refusal } from './context.ts'
import { findRecording } from './find.ts'
import { RecordingSchema, toJson } from './recording-json.ts'

const reconcile = createRoute({
  method: 'post',
  path: '/v1/recordings/{egressId}/reconcile',
  operationId: 'reconcileRecording',
  tags: ['Recordings'],
  summary: 'Look at LiveKit and the bucket now, and try again what had been given up',
  ...guarded('record'),
  request: { params: z.object({ egressId: z.string() }) },
  responses: {
    200: {
      description: 'The recording after it',
      content: { 'application/json': { schema: RecordingSchema } },
    },
    404: refusal('No such recording'),
    ...guardRefusals,
  },
})

export const reconcileRoutes = newRoutes().openapi(reconcile, async (context) => {
  const { egressId } = context.req.valid('param')
  await findRecording(context, egressId)
  const recording = await context.env.RECORDING.getByName(egressId).reconcile()
  if (recording === null) throw problem(404, 'recording-not-found', 'There is no such recording.')
  return context.json(toJson(recording, Date.now()), 200)
})
