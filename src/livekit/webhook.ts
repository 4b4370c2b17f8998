// Verifies and decodes one webhook. LiveKit gives up an event after any answer below 500, so the only refusals are those
// that no retry could mend. What is authentic but not understood is kept raw: `receive` of the SDK throws for both, and
// the two must never be confused. Wrong key and altered body must take the same time.
import { TokenVerifier, WebhookReceiver } from 'livekit-server-sdk'
import type { Config } from '../config.ts'
import { isEgressId } from '../recording/keys.ts'
import { observation, wordOf } from '../recording/observation.ts'
import type { EgressFacts, Observation } from '../recording/observation.ts'
import { isTerminal } from '../recording/seen.ts'
import { keyPairOf } from './credentials.ts'
import { factsOf } from './egress-info.ts'
import { child, count, parseObject, text } from './json.ts'
import type { Json } from './json.ts'
import { scrub } from './scrub.ts'

/** Clocks of LiveKit and ours may differ by so much, in seconds; LiveKit's own receiver allows the same. */
const clockToleranceSeconds = 60
/** Longer messages are kept without their raw text; the facts are taken all the same. */
const longestRawBytes = 64 * 1024

export type Received =
  | { kind: 'egress'; egressId: string; observation: Observation }
  /** Authentic, and nothing that belongs to a recording. */
  | { kind: 'not-ours'; event: string; reason: 'other-event' | 'no-egress-id'; about: NotOurs }
  | { kind: 'not-json' }
  | { kind: 'refused'; reason: string }

/** What is worth a line in the log of an event without an egress. */
export interface NotOurs {
  roomName: string | null
  error: string | null
}

/** Verifies the signature over exactly these bytes, then reads what they say. */
export async function receiveWebhook(
  body: Uint8Array,
  authorization: string | null,
  livekit: Config['livekit'],
  nowMs: number,
): Promise<Received> {
  if (authorization === null || authorization === '') {
    return { kind: 'refused', reason: 'There is no Authorization header.' }
  }
  const refusal = await verify(body, authorization, livekit)
  if (refusal !== null) return { kind: 'refused', reason: refusal }
  const event = parseObject(decode(body))
  return event === null ? { kind: 'not-json' } : read(event, body.length, nowMs)
}

async function verify(
  body: Uint8Array,
  token: string,
  livekit: Config['livekit'],
): Promise<string | null> {
  const { apiKey, secret, isKnown } = keyPairOf(token, livekit)
  const decoded = decode(body)
  try {
    await new WebhookReceiver(apiKey, secret).receive(decoded, token, false, clockToleranceSeconds)
    return isKnown ? null : 'The API key is not known.'
  } catch {
    // Refused, or authentic and not decodable: told apart below, and only by signature and hash.
  }
  // The hash is taken whatever the signature says, so that refusals do not differ by its time.
  const hash = await sha256(body)
  try {
    const claims = await new TokenVerifier(apiKey, secret).verify(token, clockToleranceSeconds)
    if (!isKnown) return 'The API key is not known.'
    return claims.sha256 === hash ? null : 'The body is not the one that was signed.'
  } catch {
    // An altered body was encoded and hashed by the receiver too, a body under a wrong key was not.
    await sha256(new TextEncoder().encode(decoded))
    return isKnown ? 'The token is not valid.' : 'The API key is not known.'
  }
}

function read(event: Json, sizeBytes: number, nowMs: number): Received {
  const name = text(event, 'event') ?? 'unknown'
  const info = child(event, 'egressInfo')
  if (info === null) {
    // An event of an egress that carries none is one without its id.
    const reason = name.startsWith('egress_') ? 'no-egress-id' : 'other-event'
    return { kind: 'not-ours', event: name, reason, about: { roomName: null, error: null } }
  }
  const egressId = text(info, 'egressId')
  const facts = name === 'egress_ended' ? endedFacts(event, info, nowMs) : factsOf(info)
  if (egressId === null || !isEgressId(egressId)) {
    const { roomName, error } = facts
    return { kind: 'not-ours', event: name, reason: 'no-egress-id', about: { roomName, error } }
  }
  // An event without an id is its own duplicate when it says the same.
  const id = text(event, 'id') ?? `${name}:${wordOf(facts)}`
  const raw = sizeBytes <= longestRawBytes ? { raw: scrub(event) } : {}
  const seen = observation({
    id,
    source: 'webhook',
    type: name,
    observedAtMs: nowMs,
    egress: facts,
    ...raw,
  })
  return { kind: 'egress', egressId, observation: seen }
}

/**
 * The event says that it is the end, whatever the word: one that we do not know, or none, which reads as STARTING, and with
 * that nothing ever ended.
 */
function endedFacts(event: Json, info: Json, nowMs: number): EgressFacts {
  const facts = factsOf(info)
  if (isTerminal(facts)) return facts
  const status = facts.status === 'EGRESS_STARTING' ? 'unknown:none' : facts.status
  const createdAtSeconds = count(event, 'createdAt') ?? Math.floor(nowMs / 1000)
  const toldAtUs = facts.updatedAtUs ?? createdAtSeconds * 1e6
  const terminalAtMs = facts.terminalAtMs ?? Math.floor(toldAtUs / 1000)
  return { ...facts, status, updatedAtUs: toldAtUs, terminalAtMs }
}

/** Keeps a byte order mark: it was signed too. */
function decode(body: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(body)
}

async function sha256(body: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', body)
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
}
