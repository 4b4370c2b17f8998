// Who may call the API: the bearer of ADMIN_TOKEN, or of a LiveKit access token with `roomRecord` that one of the
// configured keys signed. A token that names a room sees and touches that room only. Secrets are compared in constant
// time; a refusal never says which part was wrong.
import type { MiddlewareHandler } from 'hono'
import { TokenVerifier } from 'livekit-server-sdk'
import type { Config } from '../config.ts'
import { keyPairOf } from '../livekit/credentials.ts'
import { problem } from '../problem.ts'
import type { Recording } from '../recording/recording.ts'
import type { AppEnv } from './context.ts'

/** `room: null` is every room. */
export interface Access {
  room: string | null
}

const clockToleranceSeconds = 60

/** Lets through who may call the API and puts what they may see on the context. */
export const requireAccess: MiddlewareHandler<AppEnv> = async (context, next) => {
  const header = context.req.header('authorization') ?? ''
  const token = /^Bearer (\S+)$/i.exec(header)?.[1]
  if (token === undefined) {
    throw problem(
      401,
      'not-signed-in',
      'The API takes `Authorization: Bearer <ADMIN_TOKEN or LiveKit access token>`.',
    )
  }
  context.set('access', await accessOf(token, context.get('config')))
  await next()
}

/** True when the caller may know of the recording. */
export function maySee(access: Access, recording: Recording): boolean {
  return access.room === null || access.room === recording.roomName
}

async function accessOf(token: string, config: Config): Promise<Access> {
  if (await isEqual(token, config.adminToken)) return { room: null }
  const { apiKey, secret, isKnown } = keyPairOf(token, config.livekit)
  const claims = await new TokenVerifier(apiKey, secret)
    .verify(token, clockToleranceSeconds)
    .catch(() => null)
  if (claims === null || !isKnown) throw problem(401, 'not-signed-in', 'The token is not valid.')
  if (claims.video?.roomRecord !== true) {
    throw problem(403, 'no-record-grant', 'The token has no `roomRecord` grant.')
  }
  return { room: claims.video.room || null }
}

async function isEqual(a: string, b: string): Promise<boolean> {
  const encoder = new TextEncoder()
  // Hashes have one length, so that the comparison does not tell the secret's.
  const [left, right] = await Promise.all(
    [a, b].map((text) => crypto.subtle.digest('SHA-256', encoder.encode(text))),
  )
  return left !== undefined && right !== undefined && crypto.subtle.timingSafeEqual(left, right)
}
