// POST /v1/recordings: starts a recording, once. Whoever repeats the request with its Idempotency-Key gets the recording
// that the first one started. A start that LiveKit has not answered is no failure and no success: the caller is told to
// repeat with the key, and a repeat never starts a second egress.
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { problem } from '../problem.ts'
import type { StartOrder, StartResult } from '../recording/start.ts'
import type { Access } from '../access/scopes.ts'
import { guarded, guardRefusals, visibleRoom } from './access.ts'
import { bodyRefusals, jsonBody, newRoutes, publicBase, refusal } from './context.ts'
import type { AppEnv } from './context.ts'
import { currentAnswer, currentJson } from './find.ts'
import { liveKitProblem } from './livekit-problem.ts'
import { StartBodySchema, orderOf } from './start-body.ts'

const started = {
  ...currentAnswer,
  headers: currentAnswer.headers.extend({
    location: z.url().openapi({ description: 'Where the recording is read' }),
  }),
}

/** A start that nobody knows of yet is usually known by then. */
const againAfterSeconds = 5

const start = createRoute({
  method: 'post',
  path: '/v1/recordings',
  operationId: 'startRecording',
  tags: ['Recordings'],
  summary: 'Start a recording',
  description:
    'With an `Idempotency-Key` (kept for 24 hours) the request can be repeated: it starts one egress, whatever got lost.',
  ...guarded('record', 'own', 'body'),
  request: {
    headers: z.object({
      'idempotency-key': z
        .string()
        .min(1)
        .max(255)
        .optional()
        .openapi({ description: 'Names this start' }),
    }),
    body: jsonBody(StartBodySchema),
  },
  responses: {
    ...bodyRefusals,
    ...guardRefusals,
    201: { description: 'LiveKit has started it', ...started },
    200: { description: 'It was started before, under this key', ...started },
    400: refusal('The body is malformed, each fault by name; or LiveKit says so'),
    403: refusal('Lacks the scope, is bound to another room, or LiveKit refuses our key'),
    404: refusal('LiveKit: the room, the participant or the track does not exist'),
    409: refusal('`exclusive`, and a recording of the room runs (`egressId`)'),
    422: refusal('The key was used for another body'),
    429: refusal('LiveKit: too many egresses; or too many refused requests'),
    502: refusal('LiveKit refused for another reason'),
    503: refusal('LiveKit has no egress service free, or cannot be asked'),
    504: {
      ...refusal('Nobody knows yet: repeat the request with `idempotencyKey`'),
      headers: { 'retry-after': { description: 'Seconds', schema: { type: 'integer' } } },
    },
  },
})

export const startRoutes = newRoutes().openapi(start, async (context) => {
  const order = orderOf(context.req.valid('json'))
  await assertRoom(context, order)
  const key = context.req.valid('header')['idempotency-key'] ?? crypto.randomUUID()
  const result = await context.env.START.getByName(
    await startName(context.get('access'), key),
  ).start({
    order,
    bodyHash: await hashOf(canonical(order)),
    webhookUrl: webhookUrl(context),
  })
  if (result.kind === 'unknown') context.header('retry-after', String(againAfterSeconds))
  if (result.kind !== 'started') throw refusalOf(result, key)
  const { egressId, isRepeat } = result
  context.header('location', `${publicBase(context, '/v1/')}/v1/recordings/${egressId}`)
  return context.json(await currentJson(context, egressId), isRepeat ? 200 : 201)
})

/** A web page belongs to no room: it is for callers who may record in all of them. */
async function assertRoom(context: Context<AppEnv>, { type, roomName }: StartOrder): Promise<void> {
  await visibleRoom(context, type === 'web' ? '' : roomName)
}

function refusalOf(result: Exclude<StartResult, { kind: 'started' }>, key: string): Error {
  switch (result.kind) {
    case 'busy':
      return problem(
        409,
        'room-busy',
        result.egressId === null
          ? 'A recording of the room is being started.'
          : `The room is being recorded by ${result.egressId}.`,
        { egressId: result.egressId },
      )
    case 'other-order':
      return problem(422, 'key-reused', 'The Idempotency-Key was used for another body.')
    case 'trouble':
      return problem(503, result.code, result.message)
    case 'unknown':
      return problem(
        504,
        'start-unknown',
        'LiveKit has not answered, and may have started it all the same. Repeat the request with this Idempotency-Key: it never starts a second one.',
        { idempotencyKey: key },
      )
    case 'refused':
      return liveKitProblem(result.refusal)
    default:
      return result satisfies never
  }
}

/** The same key of two callers who may see different rooms names two starts. */
async function startName({ room }: Access, key: string): Promise<string> {
  return `ST_${(await hashOf(JSON.stringify([room, key]))).slice(0, 24)}`
}

/** Where LiveKit can reach us: where we are told to be, or where this request came in, if that is a public address. */
function webhookUrl(context: Context<AppEnv>): string | null {
  const base = publicBase(context, '/v1/')
  const isConfigured = context.get('config').publicUrl !== null
  return isConfigured || base.startsWith('https://') ? `${base}/webhooks/livekit` : null
}

/** One text for one order, in whatever order its fields came. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
