// POST /webhooks/livekit: the door of the first witness. One object call, one storage transaction, no other I/O. LiveKit
// retries only after 5xx, drops an event after any other answer, and drops what waits behind a slow one for 30 s
// (livekit.md §0): so 200 means "stored, or not ours", 401 "not LiveKit's", 413 and 400 "never LiveKit's", and our own
// trouble is 503 and nothing else. No Retry-After: LiveKit obeys it to the letter and loses what waits behind.
import { createRoute, z } from '@hono/zod-openapi'
import { receiveWebhook } from '../livekit/webhook.ts'
import type { Received } from '../livekit/webhook.ts'
import { logError, logInfo, messageOf } from '../log.ts'
import { problem } from '../problem.ts'
import { newRoutes, refusal } from './context.ts'
import { readBody } from './body.ts'

const longestBodyBytes = 1024 * 1024
const longestReadMs = 10_000
const longestObjectCallMs = 8_000

const webhook = createRoute({
  method: 'post',
  path: '/webhooks/livekit',
  operationId: 'takeWebhook',
  tags: ['Webhooks'],
  summary: 'Take a webhook from LiveKit',
  description:
    'The raw body as LiveKit signed it, of any content type, with LiveKit’s JWT in `Authorization` (no `Bearer`).',
  responses: {
    200: {
      description: 'Stored, or nothing that belongs to a recording',
      content: { 'application/json': { schema: z.object({ stored: z.boolean() }) } },
    },
    400: refusal('Signed, and no JSON'),
    401: refusal('Not signed by a known key, or not this body'),
    408: refusal('The body did not arrive in time'),
    413: refusal('More than 1 MiB'),
    503: refusal('Could not be stored: send it again'),
  },
})

export const webhookRoutes = newRoutes().openapi(webhook, async (context) => {
  const { livekit } = context.get('config')
  const authorization = context.req.header('authorization') ?? null
  const body = await readBody(context.req.raw, longestBodyBytes, longestReadMs)
  if (body === 'too-large') throw problem(413, 'too-large', 'A webhook has at most 1 MiB.')
  if (body === 'too-slow') throw problem(408, 'too-slow', 'The body did not arrive in time.')
  const received = await receiveWebhook(body, authorization, livekit, Date.now())
  switch (received.kind) {
    case 'refused':
      logError('webhook.refused', { reason: received.reason })
      throw problem(401, 'not-signed', received.reason)
    case 'not-json':
      logError('webhook.not-json')
      throw problem(400, 'not-json', 'The body is signed, and no JSON object.')
    case 'not-ours':
      await note(context.env, received)
      return context.json({ stored: false }, 200)
    case 'egress':
      await store(context.env, received)
      return context.json({ stored: true }, 200)
    default:
      return received satisfies never
  }
})

async function store(
  env: Env,
  { egressId, observation }: Received & { kind: 'egress' },
): Promise<void> {
  const { type } = observation
  try {
    const { isNew } = await withRetry(() => env.RECORDING.getByName(egressId).observe(observation))
    logInfo('webhook.stored', { egressId, type, isNew })
  } catch (error) {
    logError('webhook.not-stored', { egressId, type, error: messageOf(error) })
    throw problem(503, 'not-stored', 'The event could not be stored. Send it again.')
  }
}

/** An auto egress that could not start has no id (livekit.md §0.6): counted and told, and nobody's recording. */
async function note(
  env: Env,
  { event, reason, about }: Received & { kind: 'not-ours' },
): Promise<void> {
  if (reason === 'other-event') return
  logError('webhook.without-egress', { type: event, roomName: about.roomName, error: about.error })
  try {
    await withRetry(() => env.COUNTER.getByName('webhooks-without-egress').add(null))
  } catch (error) {
    throw problem(503, 'not-stored', `The event could not be counted. Send it again.`, {
      cause: messageOf(error),
    })
  }
}

/** Once more where the platform says that it helps: observations are idempotent, and each try needs a stub of its own. */
async function withRetry<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await withinMs(call(), longestObjectCallMs)
  } catch (error) {
    const isRetryable =
      error instanceof Error &&
      'retryable' in error &&
      error.retryable === true &&
      !('overloaded' in error)
    if (!isRetryable) throw error
    return withinMs(call(), longestObjectCallMs)
  }
}

async function withinMs<T>(call: Promise<T>, limitMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the object did not answer within ${limitMs} ms`)),
      limitMs,
    )
  })
  try {
    return await Promise.race([call, late])
  } finally {
    clearTimeout(timer)
  }
}
