// Which of the configured key pairs a token claims to be signed with. The claim is only a claim: whoever uses the secret
// that it leads to must verify the signature with it.
import { decodeJwt } from 'jose'
import type { Config } from '../config.ts'

export interface KeyPair {
  apiKey: string
  secret: string
  /** False for a stand-in: the key is not configured, and verification must fail, in the usual time. */
  isKnown: boolean
}

/** The key pair that the token's issuer names; a stand-in with a random secret when there is none such. */
export function keyPairOf(token: string, livekit: Config['livekit']): KeyPair {
  const issuer = issuerOf(token)
  const secret = issuer === null ? undefined : livekit.keys.get(issuer)
  return issuer === null || secret === undefined
    ? { apiKey: issuer ?? 'unknown', secret: crypto.randomUUID(), isKnown: false }
    : { apiKey: issuer, secret, isKnown: true }
}

function issuerOf(token: string): string | null {
  try {
    return decodeJwt(token).iss ?? null
  } catch {
    // Not a JWT at all; verification will say so.
    return null
  }
}
