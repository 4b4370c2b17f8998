// The verification of webhooks, without HTTP: every golden webhook passes, what it says is read or told apart, and a
// refusal takes the same time whatever was wrong, so that it tells nobody which keys are configured.
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { receiveWebhook } from '../../src/livekit/webhook.ts'
import vectors from '../vectors/livekit-webhooks.json'

const livekit = {
  url: new URL('http://livekit.test'),
  apiKey: vectors.apiKey,
  apiSecret: vectors.apiSecret,
  keys: new Map([[vectors.apiKey, vectors.apiSecret]]),
}
const nowMs = 1_767_225_700_000

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text))
}

function receive(body: string | Uint8Array<ArrayBuffer>, authorization: string | null) {
  const bytes = typeof body === 'string' ? bytesOf(body) : body
  return receiveWebhook(bytes, authorization, livekit, nowMs)
}

async function sign(body: Uint8Array<ArrayBuffer>, issuer: string, secret: string) {
  const digest = await crypto.subtle.digest('SHA-256', body)
  const sha256 = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return new SignJWT({ sha256 })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(issuer)
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(secret))
}

/** What is made of an event that LiveKit signed. */
async function said(event: unknown) {
  const body = bytesOf(typeof event === 'string' ? event : JSON.stringify(event))
  return receive(body, await sign(body, vectors.apiKey, vectors.apiSecret))
}

describe('a golden webhook', () => {
  it.each(vectors.vectors)('$name is authentic', async ({ body, headers, sha256 }) => {
    const digest = await crypto.subtle.digest('SHA-256', bytesOf(body))
    expect(Buffer.from(digest).toString('base64')).toBe(sha256)
    const received = await receive(body, headers.authorization)
    const { egressInfo } = JSON.parse(body) as { egressInfo: { egressId?: string } }
    expect(received).toMatchObject(
      egressInfo.egressId === undefined
        ? { kind: 'not-ours', reason: 'no-egress-id' }
        : { kind: 'egress', egressId: egressInfo.egressId, observation: { source: 'webhook' } },
    )
  })
})

describe('what a webhook says, once it is authentic', () => {
  it.each([
    ['its own time', { endedAt: '1767225665000000000' }, {}, 1_767_225_665_000],
    ['the time of the event', {}, { createdAt: '1767225670' }, 1_767_225_670_000],
    ['the time at which it came', {}, {}, nowMs],
  ])('an end without a status ended at %s', async (_, info, event, terminalAtMs) => {
    const egressInfo = { egressId: 'EG_2aB3cD4eF5gH', ...info }
    expect(await said({ event: 'egress_ended', egressInfo, ...event })).toMatchObject({
      observation: { egress: { status: 'unknown:none', terminalAtMs } },
    })
  })

  it.each(['', 'null', '[]', '"text"', '{"event":', 'event=egress_ended'])(
    'is refused as no JSON object when it is %j',
    async (body) => {
      expect(await said(body)).toEqual({ kind: 'not-json' })
    },
  )

  it('is nothing of ours without an egress', async () => {
    expect(await said({ event: 'room_finished', id: 'EV_1' })).toMatchObject({
      kind: 'not-ours',
      event: 'room_finished',
      reason: 'other-event',
    })
  })

  it.each([undefined, null, '', 5, '../EG_a', 'EG a', 'x'.repeat(65), 'EG_\u0000'])(
    'never becomes a recording under the id %j',
    async (egressId) => {
      const event = { event: 'egress_ended', id: 'EV_1', egressInfo: { egressId, roomName: 'r' } }
      expect(await said(event)).toMatchObject({ kind: 'not-ours', reason: 'no-egress-id' })
    },
  )

  it('is its own duplicate when an event has no id and says the same', async () => {
    const first = { updatedAt: '1000000', fileResults: [{ filename: 'tmp/a.mp4' }] }
    const [known, again, ...others] = await Promise.all(
      [
        first,
        first,
        { ...first, updatedAt: '2000000' },
        { ...first, retryCount: 1 },
        { ...first, backupStorageUsed: true },
        { ...first, fileResults: [{ filename: 'tmp/b.mp4' }] },
        { ...first, fileResults: [{ filename: 'tmp/a.mp4', size: '7' }] },
        { ...first, fileResults: [{ filename: 'tmp/a.mp4', location: 'https://s.example/a' }] },
        { ...first, segmentResults: [{ playlistName: 'tmp/i.m3u8' }] },
        { ...first, segmentResults: [{ playlistName: 'tmp/i.m3u8', size: '7' }] },
      ].map(async (more) => {
        const egressInfo = { egressId: 'EG_a', status: 'EGRESS_ACTIVE', ...more }
        const received = await said({ event: 'egress_updated', egressInfo })
        return received.kind === 'egress' ? received.observation.id : received.kind
      }),
    )
    expect(again).toBe(known)
    expect(new Set([known, ...others]).size).toBe(1 + others.length)
  })

  it('is taken without its raw text when it is very long', async () => {
    const egressInfo = { egressId: 'EG_a', status: 'EGRESS_ACTIVE', details: 'x'.repeat(70_000) }
    const received = await said({ event: 'egress_updated', id: 'EV_1', egressInfo })
    expect(received).toMatchObject({ kind: 'egress', observation: { type: 'egress_updated' } })
    expect(received).not.toHaveProperty('observation.raw')
  })

  it('is verified over its bytes, not over the text that they decode to', async () => {
    const bytes = bytesOf('{"event":"egress_ended","note":"?"}')
    bytes[bytes.indexOf(63)] = 0xff
    const received = await receive(bytes, await sign(bytes, vectors.apiKey, vectors.apiSecret))
    expect(received).toMatchObject({ kind: 'not-ours', event: 'egress_ended' })
  })
})

describe('W18: a refusal', () => {
  const body = bytesOf(JSON.stringify({ event: 'egress_ended', note: 'x'.repeat(500_000) }))
  const altered = body.slice()
  altered[altered.length - 3] = 0x79

  it('takes the same time for a wrong secret, an unknown key and an altered body', async () => {
    const attempts = {
      wrongSecret: [await sign(body, vectors.apiKey, 'another-secret-0123456789abcdef'), body],
      unknownKey: [await sign(body, 'APIunknown', 'another-secret-0123456789abcdef'), body],
      alteredBody: [await sign(body, vectors.apiKey, vectors.apiSecret), altered],
    } as const
    const times = { wrongSecret: [], unknownKey: [], alteredBody: [] } as Record<string, number[]>
    // In turns, so that whatever else the machine does falls on all of them.
    for (let round = 0; round < 60; round += 1) {
      for (const [name, [token, bytes]] of Object.entries(attempts)) {
        const before = performance.now()
        await receive(bytes, token)
        times[name]?.push(performance.now() - before)
      }
    }
    const medians = Object.fromEntries(
      Object.entries(times).map(([name, all]) => [name, all.toSorted((a, b) => a - b)[30] ?? 0]),
    )
    const [least = 0, , most = 0] = Object.values(medians).toSorted((a, b) => a - b)
    expect(most / least, JSON.stringify(medians)).toBeLessThan(1.25)
  })
})
