// POST /v1/recordings/{egressId}/stop and …/layout: what LiveKit is told about an egress that runs. A stop is a wish that is
// stored before LiveKit hears of it: an outage delays it and never loses it, so the answer is never an error of LiveKit's.
import { createRoute, z } from '@hono/zod-openapi'
import { LiveKitControl } from '../livekit/control.ts'
import { problem } from '../problem.ts'
import { guarded, guardRefusals, requireScope } from './access.ts'
import { bodyRefusals, jsonBody, newRoutes, refusal } from './context.ts'
import { currentAnswer, currentJson, findCurrent } from './find.ts'
import { liveKitProblem } from './livekit-problem.ts'
import { EgressIdParams } from './recording-json.ts'

const stop = createRoute({
  method: 'post',
  path: '/v1/recordings/{egressId}/stop',
  operationId: 'stopRecording',
  tags: ['Recordings'],
  summary: 'Stop a recording; stopping twice is stopping once',
  description:
    'With `discard` (scope `delete`) everything of it is thrown away, also of a recording that has ended. There is no trash for it.',
  ...guarded('record', 'own', 'body'),
  request: {
    params: EgressIdParams,
    body: {
      required: false,
      content: {
        'application/json': {
          schema: z.strictObject({
            discard: z.boolean().optional().openapi({ description: 'Stop, and throw it away' }),
          }),
        },
      },
    },
  },
  responses: {
    ...guardRefusals,
    200: { description: 'LiveKit ends it, or it had ended', ...currentAnswer },
    202: {
      description: 'LiveKit does not answer; it is told again until it has ended',
      ...currentAnswer,
    },
    ...bodyRefusals,
    404: refusal('No such recording'),
    409: refusal('`discard`, and a legal hold'),
  },
})

const layout = createRoute({
  method: 'post',
  path: '/v1/recordings/{egressId}/layout',
  operationId: 'changeLayout',
  tags: ['Recordings'],
  summary: 'Change the layout of a recording that runs',
  ...guarded('record', 'own', 'body'),
  request: {
    params: EgressIdParams,
    body: jsonBody(
      z
        .strictObject({ layout: z.string().min(1).max(256) })
        .openapi({ example: { layout: 'speaker' } }),
    ),
  },
  responses: {
    ...guardRefusals,
    200: { description: 'LiveKit has taken it', ...currentAnswer },
    ...bodyRefusals,
    400: refusal('The body is malformed, or LiveKit does not take the layout'),
    404: refusal('No such recording'),
    409: refusal('The recording does not run, or has no layout'),
    502: refusal('LiveKit refused for another reason'),
    504: refusal('LiveKit does not answer; trying again does no harm'),
  },
})

export const controlRoutes = newRoutes()
  .openapi(stop, async (context) => {
    const { egressId } = context.req.valid('param')
    const isDiscard = context.req.valid('json').discard === true
    if (isDiscard) await requireScope(context, 'delete')
    await findCurrent(context, egressId)
    const recording = context.env.RECORDING.getByName(egressId)
    if (isDiscard && (await recording.remove('now')) === 'held') {
      throw problem(409, 'legal-hold', 'A legal hold keeps the recording.')
    }
    const outcome = await recording.stop()
    return context.json(await currentJson(context, egressId), outcome === 'unsettled' ? 202 : 200)
  })
  .openapi(layout, async (context) => {
    const { egressId } = context.req.valid('param')
    const { recording } = await findCurrent(context, egressId)
    if (recording.status !== 'starting' && recording.status !== 'active') {
      throw problem(409, 'not-running', `The recording is ${recording.status}.`)
    }
    const control = new LiveKitControl(context.get('config').livekit)
    const answered = await control.updateLayout(egressId, context.req.valid('json').layout)
    if (answered.kind === 'unknown') throw problem(504, 'livekit-silent', answered.why)
    if (answered.kind === 'refused') {
      const { refusal: no } = answered
      // LiveKit's list and its egress service may disagree about what runs.
      const isNotRunning = [404, 408, 412].includes(no.status)
      throw isNotRunning ? liveKitProblem(no, 409, 'not-running') : liveKitProblem(no)
    }
    return context.json(await currentJson(context, egressId), 200)
  })
