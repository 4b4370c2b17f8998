// /v1/keys: API keys for programs that should not hold ADMIN_TOKEN. A key is shown when it is made and never again; whoever
// makes keys may do everything in every room, so that no key can make one that is allowed more than itself.
import { createRoute, z } from '@hono/zod-openapi'
import { hashOf, newKey } from '../access/api-key.ts'
import { scopes } from '../access/scopes.ts'
import { insertKey, listKeys, mostKeys, revokeKey } from '../catalog/keys.ts'
import type { ApiKey } from '../catalog/keys.ts'
import { logInfo } from '../log.ts'
import { problem } from '../problem.ts'
import { guarded, guardRefusals } from './access.ts'
import { bodyRefusals, jsonBody, newRoutes, refusal } from './context.ts'
import { time, timeOf } from './recording-json.ts'

const KeySchema = z
  .object({
    keyId: z.string().openapi({ example: 'k7wq2m9xw4cd8vna' }),
    name: z.string().openapi({ example: 'nightly export' }),
    scopes: z.array(z.enum(scopes)).openapi({ example: ['read', 'play'] }),
    room: z.string().nullable().openapi({ description: 'The only room it reaches; null is all' }),
    createdAt: time,
    expiresAt: time.nullable(),
    lastUsedOn: z.iso
      .date()
      .nullable()
      .openapi({ description: 'Day of the last use (UTC); null before the first' }),
  })
  .openapi('ApiKey')

const KeyRequest = z
  .strictObject({
    name: z.string().min(1).max(100),
    scopes: z.array(z.enum(scopes)).min(1).max(scopes.length),
    room: z.string().min(1).max(4096).nullable().default(null),
    expiresAt: z.iso.datetime({ offset: true }).nullable().default(null),
  })
  .openapi('ApiKeyRequest', { example: { name: 'nightly export', scopes: ['read', 'play'] } })

const create = createRoute({
  method: 'post',
  path: '/v1/keys',
  operationId: 'createKey',
  tags: ['Keys'],
  summary: 'Make an API key',
  ...guarded('admin', 'every', 'body'),
  request: { body: jsonBody(KeyRequest) },
  responses: {
    201: {
      description: 'The key, shown this once',
      content: {
        'application/json': {
          schema: z
            .object({
              ...KeySchema.shape,
              key: z.string().openapi({ description: 'The bearer itself: keep it secret' }),
            })
            .openapi('NewApiKey'),
        },
      },
    },
    ...bodyRefusals,
    409: refusal(`There are ${mostKeys} keys already`),
    ...guardRefusals,
  },
})

const list = createRoute({
  method: 'get',
  path: '/v1/keys',
  operationId: 'listKeys',
  tags: ['Keys'],
  summary: 'List the API keys that are not revoked, newest first',
  ...guarded('admin', 'every'),
  responses: {
    200: {
      description: 'All of them, without their secrets',
      content: { 'application/json': { schema: z.object({ keys: z.array(KeySchema) }) } },
    },
    ...guardRefusals,
  },
})

const revoke = createRoute({
  method: 'delete',
  path: '/v1/keys/{keyId}',
  operationId: 'revokeKey',
  tags: ['Keys'],
  summary: 'Revoke an API key',
  description: 'It stops working at once.',
  ...guarded('admin', 'every'),
  request: { params: z.object({ keyId: z.string() }) },
  responses: {
    204: { description: 'Revoked, now or before' },
    404: refusal('No such key'),
    ...guardRefusals,
  },
})

export const keyRoutes = newRoutes()
  .openapi(create, async (context) => {
    const { name, scopes: wanted, room, expiresAt } = context.req.valid('json')
    const nowMs = Date.now()
    const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt)
    if (expiresAtMs !== null && expiresAtMs <= nowMs) {
      throw problem(400, 'bad-expiry', 'expiresAt lies in the past.')
    }
    const { keyId, key } = newKey()
    const made: ApiKey = {
      keyId,
      name,
      scopes: scopes.filter((scope) => wanted.includes(scope)),
      roomName: room,
      createdAtMs: nowMs,
      expiresAtMs,
      revokedAtMs: null,
      lastUsedDayMs: null,
    }
    if (!(await insertKey(context.env.DB, made, await hashOf(key)))) {
      throw problem(409, 'too-many-keys', `There are ${mostKeys} keys already: revoke one.`)
    }
    logInfo('key.made', { keyId, scopes: made.scopes.join(' '), isForOneRoom: room !== null })
    context.header('cache-control', 'no-store')
    return context.json({ ...keyJson(made), key }, 201)
  })
  .openapi(list, async (context) => {
    const keys = await listKeys(context.env.DB)
    return context.json({ keys: keys.map(keyJson) }, 200)
  })
  .openapi(revoke, async (context) => {
    const { keyId } = context.req.valid('param')
    if (!(await revokeKey(context.env.DB, keyId, Date.now()))) {
      throw problem(404, 'key-not-found', 'There is no such key.')
    }
    logInfo('key.revoked', { keyId })
    return context.body(null, 204)
  })

function keyJson(key: ApiKey): z.infer<typeof KeySchema> {
  const { keyId, name, scopes: held, roomName, createdAtMs, expiresAtMs, lastUsedDayMs } = key
  return {
    keyId,
    name,
    scopes: held,
    room: roomName,
    createdAt: new Date(createdAtMs).toISOString(),
    expiresAt: timeOf(expiresAtMs),
    lastUsedOn: timeOf(lastUsedDayMs)?.slice(0, 10) ?? null,
  }
}
