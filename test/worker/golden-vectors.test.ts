// The golden webhooks, byte for byte as livekit-server signs them, through the Worker's own door. Each must be understood;
// each must be refused, and leave nothing behind, once any part of it was altered.
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import vectors from '../vectors/livekit-webhooks.json'
import { download, upload } from './outside.ts'
import { asAdmin, eventually, objectOf, request, stored, timeline, until } from './story.ts'

/** Its own copy of the bytes, which a test may alter. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text))
}

type Vector = (typeof vectors.vectors)[number]

async function send(
  vector: Vector,
  bytes: Uint8Array<ArrayBuffer> = bytesOf(vector.body),
  authorization: string | null = vector.headers.authorization,
): Promise<Response> {
  const headers = new Headers(vector.headers)
  if (authorization === null) headers.delete('authorization')
  else headers.set('authorization', authorization)
  return request('/webhooks/livekit', { method: 'POST', body: bytes, headers })
}

function named(number: string): Vector {
  const vector = vectors.vectors.find(({ name }) => name.startsWith(number))
  if (vector === undefined) throw new Error(`there is no golden webhook ${number}`)
  return vector
}

function egressIdOf(vector: Vector): string | null {
  const { egressInfo } = JSON.parse(vector.body) as { egressInfo: { egressId?: string } }
  return egressInfo.egressId ?? null
}

/** The bytes with one of them changed. */
function changed(body: string, position: number): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(body)
  bytes[position] = (bytes[position] ?? 0) ^ 1
  return bytes
}

function withPart(token: string, index: number, change: (part: string) => string): string {
  return token
    .split('.')
    .map((part, at) => (at === index ? change(part) : part))
    .join('.')
}

function base64Url(text: string): string {
  return btoa(text).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')
}

/** The token with other claims, and the signature of the old ones. */
function withClaims(token: string, claims: Record<string, unknown>): string {
  return withPart(token, 1, (part) => {
    const known = JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/'))) as object
    return base64Url(JSON.stringify({ ...known, ...claims }))
  })
}

function flipped(part: string, at: number): string {
  return `${part.slice(0, at)}${part[at] === 'A' ? 'B' : 'A'}${part.slice(at + 1)}`
}

function otherToken(vector: Vector): string {
  const other = vectors.vectors.find(({ name }) => name !== vector.name)
  return other?.headers.authorization ?? ''
}

const expected: Record<string, Partial<RecordingJson> | null> = {
  '01': { status: 'starting', kind: 'room_composite', roomName: 'team-standup' },
  '02': { status: 'active', startedAt: '2026-01-01T00:00:03.123Z', endedAt: null },
  '03': { status: 'ending' },
  '04': { status: 'processing', durationMs: 60_000, endedAt: '2026-01-01T00:01:03.123Z' },
  '05': { status: 'processing', durationMs: 60_000 },
  '06': {
    status: 'aborted',
    files: [],
    error: { code: 'egress-aborted', message: 'Start signal not received' },
  },
  '07': {
    status: 'aborted',
    files: [],
    error: { code: 'egress-aborted', message: 'Stop called before pipeline could start' },
  },
  '08': { status: 'failed', files: [] },
  '10': { status: 'processing', limitReached: true, durationMs: 10_797_000 },
  '11': { status: 'failed', error: { code: 'egress-failed', message: 'signal: killed' } },
  // Without an egress id it is nobody's.
  '12': null,
  '13': { status: 'processing' },
  '14': { status: 'starting', kind: 'track', files: [] },
  '16': { status: 'starting', kind: 'web', roomName: null },
  '17': { status: 'starting', kind: 'template', roomName: 'team-standup' },
  '20': { status: 'processing', kind: 'track', durationMs: 62_000 },
}

describe('a golden webhook', () => {
  it('is expected to mean something, each of them', () => {
    expect(Object.keys(expected).toSorted()).toEqual(
      vectors.vectors.map(({ name }) => name.slice(0, 2)),
    )
  })

  it('is signed for the keys of this configuration', () => {
    expect([vectors.apiKey, vectors.apiSecret]).toEqual([
      env.LIVEKIT_API_KEY,
      env.LIVEKIT_API_SECRET,
    ])
  })

  it.each(vectors.vectors)('$name is taken and understood', async (vector) => {
    const response = await send(vector)
    const meaning = expected[vector.name.slice(0, 2)]
    expect([response.status, await response.json()]).toEqual([200, { stored: meaning !== null }])
    const egressId = egressIdOf(vector)
    if (egressId === null || !meaning) return
    const recording = await until(egressId, ({ status }) => status === meaning.status)
    const [first] = await timeline(egressId)
    expect(recording).toMatchObject(meaning)
    const { id, event, egressInfo } = JSON.parse(vector.body) as {
      id: string
      event: string
      egressInfo: { status?: string }
    }
    expect(first).toMatchObject({ source: 'webhook', type: event, detail: { id } })
    expect(recording.egressStatus).toBe(egressInfo.status ?? 'EGRESS_STARTING')
  })

  it('after the other makes a recording that is ready and plays', async () => {
    const sizeBytes = 7_340_032
    await upload('tmp/rec_01/video.mp4', new Uint8Array(sizeBytes))
    await upload('tmp/rec_01/EG_2aB3cD4eF5gH.json', '{}', 'application/json')
    for (const number of ['01', '02', '03', '04']) await send(named(number))
    const ready = await until('EG_2aB3cD4eF5gH', ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ sizeBytes, durationMs: 60_000, error: null, attention: null })
    expect((await asAdmin('/v1/recordings/EG_2aB3cD4eF5gH/play')).status).toBe(302)
    for (const key of ['tmp/rec_01/video.mp4', 'tmp/rec_01/EG_2aB3cD4eF5gH.json']) {
      const isGone = async () => (await download(key)) === null
      await eventually(isGone).toBe(true)
    }
    expect(await download('recordings/EG_2aB3cD4eF5gH/EG_2aB3cD4eF5gH.json')).toBe('{}')
  })
})

describe('W18: a golden webhook that was altered is refused with 401 and leaves nothing behind', () => {
  it.each(vectors.vectors)('$name', async (vector) => {
    const { body } = vector
    const { authorization: token } = vector.headers
    const whole = bytesOf(body)
    const status = body.indexOf('egress_')
    const alterations: [string, Uint8Array<ArrayBuffer>, string | null][] = [
      ...[0, status, Math.floor(body.length / 2), body.length - 1].map(
        (at): [string, Uint8Array<ArrayBuffer>, string] => [`byte ${at}`, changed(body, at), token],
      ),
      ['a byte less', whole.slice(0, -1), token],
      ['a space more', bytesOf(`${body} `), token],
      ['written anew', bytesOf(JSON.stringify(JSON.parse(body), null, 1)), token],
      ['begin of the signature', whole, withPart(token, 2, (part) => flipped(part, 0))],
      ['middle of the signature', whole, withPart(token, 2, (part) => flipped(part, 20))],
      ['no signature', whole, withPart(token, 2, () => '')],
      ['another key', whole, withClaims(token, { iss: 'APIsecond' })],
      ['a later expiry', whole, withClaims(token, { exp: 4_102_444_801 })],
      ['no hash', whole, withClaims(token, { sha256: undefined })],
      [
        'no algorithm',
        whole,
        withPart(
          withPart(token, 0, () => base64Url('{"alg":"none"}')),
          2,
          () => '',
        ),
      ],
      ['the prefix `Bearer`', whole, `Bearer ${token}`],
      ['no header', whole, null],
      ['the token of another webhook', whole, otherToken(vector)],
    ]
    const before = await stored()
    for (const [name, bytes, authorization] of alterations) {
      const response = await send(vector, bytes, authorization)
      expect(response.status, name).toBe(401)
      await response.arrayBuffer()
    }
    expect(await stored()).toEqual(before)
    const egressId = egressIdOf(vector)
    if (egressId !== null) expect(await objectOf(egressId).read()).toBeNull()
  })
})
