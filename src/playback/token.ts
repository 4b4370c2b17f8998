// Playback tokens: plain JWTs that an app can mint in any language with PLAYBACK_SECRET. A token names one recording and
// nothing else can be reached with it. Only HS256 is accepted: a token must not choose how it is verified.
import { SignJWT, errors, jwtVerify } from 'jose'

export const playbackAudience = 'roomtape-playback'
const algorithm = 'HS256'

export interface PlaybackClaims {
  egressId: string
  expiresAtMs: number
  /** Names a link that was made by the API, which can be revoked and capped. */
  linkId: string | null
  /** The viewer may have the file, not only watch it. */
  download: boolean
  viewer: string | null
}

export type Verified =
  | { kind: 'valid'; claims: PlaybackClaims }
  | { kind: 'refused'; code: 'link-expired' | 'link-invalid' }

/** Verifies a token and reads what it allows. */
export async function verifyPlaybackToken(token: string, secret: string): Promise<Verified> {
  try {
    const { payload } = await jwtVerify(token, await keyOf(secret), {
      audience: playbackAudience,
      algorithms: [algorithm],
      requiredClaims: ['exp', 'sub'],
    })
    const { sub, exp, jti } = payload
    if (sub === undefined || exp === undefined) return { kind: 'refused', code: 'link-invalid' }
    return {
      kind: 'valid',
      claims: {
        egressId: sub,
        expiresAtMs: exp * 1000,
        linkId: jti ?? null,
        download: payload['download'] === true,
        viewer: typeof payload['viewer'] === 'string' ? payload['viewer'] : null,
      },
    }
  } catch (error) {
    const isExpired = error instanceof errors.JWTExpired
    return { kind: 'refused', code: isExpired ? 'link-expired' : 'link-invalid' }
  }
}

export async function signPlaybackToken(claims: PlaybackClaims, secret: string): Promise<string> {
  const jwt = new SignJWT({
    ...(claims.download ? { download: true } : {}),
    ...(claims.viewer === null ? {} : { viewer: claims.viewer }),
  })
    .setProtectedHeader({ alg: algorithm })
    .setAudience(playbackAudience)
    .setSubject(claims.egressId)
    .setExpirationTime(Math.floor(claims.expiresAtMs / 1000))
  if (claims.linkId !== null) jwt.setJti(claims.linkId)
  return jwt.sign(encode(secret))
}

let lastKey: { secret: string; key: CryptoKey } | null = null

/** The key of the secret, made once: an isolate has one secret. */
async function keyOf(secret: string): Promise<CryptoKey> {
  if (lastKey?.secret === secret) return lastKey.key
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encode(secret), hmac, false, ['verify'])
  lastKey = { secret, key }
  return key
}

function encode(secret: string): Uint8Array {
  return new TextEncoder().encode(secret)
}
