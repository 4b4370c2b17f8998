// Who may call the API, and for what. A bearer is ADMIN_TOKEN, an API key, or a LiveKit access token with `roomRecord` that
// one of the configured keys signed. Each route asks for one scope; a caller that is bound to a room sees and touches that
// room only. Secrets are compared in constant time, a refusal never says which part was wrong. ADMIN_TOKEN and LiveKit
// tokens are checked without any request to the outside: while the catalogue is away they still open, and API keys do not.
import { waitUntil } from 'cloudflare:workers'
import type { Context, MiddlewareHandler } from 'hono'
import { TokenVerifier } from 'livekit-server-sdk'
import { hashOf, isSameSecret, keyIdOf } from '../access/api-key.ts'
import { adminAccess, hasScope, recorderAccess } from '../access/scopes.ts'
import type { Access, Scope } from '../access/scopes.ts'
import { noteUse, readKey } from '../catalog/keys.ts'
import type { ApiKey } from '../catalog/keys.ts'
import { keyPairOf } from '../livekit/credentials.ts'
import { logError, messageOf } from '../log.ts'
import { problem } from '../problem.ts'
import type { Recording } from '../recording/recording.ts'
import { limitBody } from './body.ts'
import { refusal } from './context.ts'
import type { AppEnv } from './context.ts'
import { refused, tooManyRefusals } from './refused.ts'

const clockToleranceSeconds = 60

/**
 * The door of a route, and its description: `...guarded('read')`.
 * @param scope that a caller must have
 * @param rooms `every`: not for a caller that is bound to one room, because what the route is about belongs to no room
 * @param takes `body`: the route reads one, which must not be endless
 */
export function guarded(
  scope: Scope,
  rooms: 'every' | 'own' = 'own',
  takes: 'body' | 'nothing' = 'nothing',
) {
  const door: MiddlewareHandler<AppEnv> = async (context, next) => {
    context.set('access', await accessOf(context))
    await requireScope(context, scope)
    if (rooms === 'every') await requireEveryRoom(context)
    if (takes === 'body') await limitBody(context)
    await next()
  }
  return {
    // OpenAPI 3.1 lets a bearer's list name what it needs.
    security: [{ bearer: [scope] }],
    middleware: door,
  }
}

/** What every guarded route may answer beside its own. */
export const guardRefusals = {
  401: refusal('Not signed in'),
  403: refusal('Lacks the scope, or is bound to another room'),
  429: tooManyRefusals,
  503: refusal('Something that we need does not answer: try again'),
}

/** For a request that asks for more than its route does. @throws a 403 problem */
export async function requireScope(context: Context<AppEnv>, scope: Scope): Promise<void> {
  if (hasScope(context.get('access'), scope)) return
  const detail = `This needs the scope \`${scope}\`.`
  throw await refused(context, problem(403, 'scope-missing', detail, { scope }))
}

/** True when the caller may know of the recording. */
export function maySee({ room }: Access, recording: Recording): boolean {
  return room === null || room === recording.roomName
}

/** The room to which the caller is bound, or which it asks for. @throws a 403 problem when they differ */
export async function visibleRoom(
  context: Context<AppEnv>,
  asked: string | undefined,
): Promise<string | null> {
  const { room } = context.get('access')
  if (room === null || asked === undefined || asked === room) return room ?? asked ?? null
  throw await refused(context, problem(403, 'other-room', 'You are bound to another room.'))
}

async function requireEveryRoom(context: Context<AppEnv>): Promise<void> {
  if (context.get('access').room === null) return
  const detail = 'You are bound to one room; this concerns all of them.'
  throw await refused(context, problem(403, 'other-room', detail))
}

async function accessOf(context: Context<AppEnv>): Promise<Access> {
  const header = context.req.header('authorization') ?? ''
  const token = /^Bearer (\S+)$/i.exec(header)?.[1]
  const access = token === undefined ? 'not-signed-in' : await bearerAccess(context, token)
  if (access === 'no-record-grant') {
    const detail = 'The LiveKit token has no `roomRecord` grant.'
    throw await refused(context, problem(403, access, detail))
  }
  if (access === 'not-signed-in') {
    const detail =
      'The API takes `Authorization: Bearer` with ADMIN_TOKEN, an API key or a LiveKit access token that is valid.'
    throw await refused(context, problem(401, access, detail))
  }
  return access
}

async function bearerAccess(
  context: Context<AppEnv>,
  token: string,
): Promise<Access | 'not-signed-in' | 'no-record-grant'> {
  const { adminToken, livekit } = context.get('config')
  if (await isSameSecret(token, adminToken)) return adminAccess
  const keyId = keyIdOf(token)
  if (keyId !== null) return (await keyAccess(context.env.DB, keyId, token)) ?? 'not-signed-in'
  const { apiKey, secret, isKnown } = keyPairOf(token, livekit)
  const claims = await new TokenVerifier(apiKey, secret)
    .verify(token, clockToleranceSeconds)
    .catch(() => null)
  if (claims === null || !isKnown) return 'not-signed-in'
  return claims.video?.roomRecord === true ? recorderAccess(claims.video.room) : 'no-record-grant'
}

async function keyAccess(
  database: D1Database,
  keyId: string,
  token: string,
): Promise<Access | null> {
  const [found, hash] = await Promise.all([readKey(database, keyId), hashOf(token)])
  // An unknown key is compared with as well, and takes the same time.
  const isSame = await isSameSecret(hash, found?.secretSha256 ?? '')
  const nowMs = Date.now()
  if (found === null || !isSame || !isInUse(found.key, nowMs)) return null
  waitUntil(
    noteUse(database, found.key, nowMs).catch((error: unknown) =>
      logError('key.use-not-noted', { keyId, error: messageOf(error) }),
    ),
  )
  return { room: found.key.roomName, scopes: found.key.scopes }
}

function isInUse({ revokedAtMs, expiresAtMs }: ApiKey, nowMs: number): boolean {
  return revokedAtMs === null && (expiresAtMs === null || nowMs < expiresAtMs)
}
