// The door of the webhooks, when what comes is not LiveKit's, is too much, too slow or no JSON, or when we ourselves
// cannot store it. LiveKit drops an event after any answer but a 5xx, so which number is answered decides what is lost.
import { env } from 'cloudflare:workers'
import { SignJWT } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { egressEvent, signed, wholeLife } from '../egress-events.ts'
import { upload } from './outside.ts'
import {
  codeOf,
  inStorage,
  read,
  recorded,
  request,
  stored,
  timeline,
  until,
  webhook,
} from './story.ts'

const encoder = new TextEncoder()
const door = 'https://roomtape.test/webhooks/livekit'

function anEvent(more: Record<string, unknown> = {}) {
  return egressEvent('egress_started', 'EGRESS_STARTING', recorded(), more)
}

async function hash(body: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', encoder.encode(body))
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
}

async function hexHash(body: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', encoder.encode(body))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A token like LiveKit's; what is given replaces its claims. */
async function token(
  body: string,
  claims: Record<string, unknown> = {},
  { secret = env.LIVEKIT_API_SECRET, alg = 'HS256' } = {},
): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const all = {
    iss: env.LIVEKIT_API_KEY,
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: nowSeconds + 300,
    sha256: await hash(body),
    ...claims,
  }
  return new SignJWT(all).setProtectedHeader({ alg, typ: 'JWT' }).sign(encoder.encode(secret))
}

async function send(body: BodyInit, authorization: string | null): Promise<Response> {
  const headers: Record<string, string> = { 'content-type': 'application/webhook+json' }
  if (authorization !== null) headers['authorization'] = authorization
  return request('/webhooks/livekit', { method: 'POST', body, headers })
}

/** The app itself, with a part of its environment out of order. */
async function sendTo(parts: Partial<Env>, event: unknown): Promise<Response> {
  const { body, headers } = await signed(event, env.LIVEKIT_API_KEY, env.LIVEKIT_API_SECRET)
  return app.fetch(new Request(door, { method: 'POST', body, headers }), { ...env, ...parts })
}

function url(base64Text: string): string {
  return base64Text.replaceAll('+', '-').replaceAll('/', '_')
}

function base64(part: unknown): string {
  return btoa(JSON.stringify(part)).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')
}

/** What is computed over secrets and bodies for the answer to one webhook. */
async function work(sent: string, authorization: string) {
  const digest = vi.spyOn(crypto.subtle, 'digest')
  const verify = vi.spyOn(crypto.subtle, 'verify')
  const { status } = await send(sent, authorization)
  const hashedBytes = digest.mock.calls.reduce((sum, [, data]) => sum + data.byteLength, 0)
  const signatures = verify.mock.calls.length
  vi.restoreAllMocks()
  return { status, hashedBytes, signatures }
}

/** A namespace whose objects fail in this way, call after call; after the last they are well. */
function failing(...errors: unknown[]) {
  const observe = vi.fn(async () => {
    const error = errors.length > 1 ? errors.shift() : errors[0]
    if (error === null) return { isNew: true }
    throw error
  })
  const getByName = vi.fn(() => ({ observe, add: observe }))
  return { calls: observe, stubs: getByName, namespace: { getByName } as never }
}

/** A body without an announced length. */
function streamOf(chunks: Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.iterator]()
  return new ReadableStream({
    pull(controller) {
      const next = iterator.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
  })
}

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('W18: a webhook that LiveKit did not sign is refused with 401 and leaves nothing behind', () => {
  const body = JSON.stringify(anEvent())
  // Its hash in base64 has a sign that base64url writes otherwise.
  const urlBody = '{"event":"egress_started","n":3}'
  it.each<[string, () => Promise<[string, string | null]>]>([
    ['no Authorization header', async () => [body, null]],
    ['an empty Authorization header', async () => [body, '']],
    ['a header that is no token', async () => [body, 'let-me-in']],
    ['our own admin token', async () => [body, env.ADMIN_TOKEN]],
    ['`Bearer` before the token', async () => [body, `Bearer ${await token(body)}`]],
    ['an altered body', async () => [`${body} `, await token(body)]],
    ['an empty body', async () => ['', await token(body)]],
    ['another secret', async () => [body, await token(body, {}, { secret: 'a'.repeat(32) })]],
    ['an unknown key', async () => [body, await token(body, { iss: 'APIunknown' })]],
    ['no key', async () => [body, await token(body, { iss: undefined })]],
    [
      'a known key and the secret of another known key',
      async () => [body, await token(body, {}, { secret: 'second-secret-0123456789abcdef' })],
    ],
    ['no hash of the body', async () => [body, await token(body, { sha256: undefined })]],
    ['an empty hash', async () => [body, await token(body, { sha256: '' })]],
    [
      'a hash that is a list',
      async () => [body, await token(body, { sha256: [await hash(body)] })],
    ],
    [
      'a hash as base64url',
      async () => [urlBody, await token(urlBody, { sha256: url(await hash(urlBody)) })],
    ],
    [
      'a hash without its padding',
      async () => [body, await token(body, { sha256: (await hash(body)).replace('=', '') })],
    ],
    [
      'a hash in hexadecimal',
      async () => [body, await token(body, { sha256: await hexHash(body) })],
    ],
    [
      'a hash without its first letter',
      async () => [body, await token(body, { sha256: (await hash(body)).slice(1) })],
    ],
    [
      'a token that is not valid before tomorrow',
      async () => [body, await token(body, { nbf: Math.floor(Date.now() / 1000) + 86_400 })],
    ],
    ['two tokens', async () => [body, `${await token(body)}, ${await token(body)}`]],
    [
      'a token and its beginning once more',
      async () => [body, `${await token(body)}.${await token(body)}`],
    ],
    ['`Bearer` in lower case', async () => [body, `bearer ${await token(body)}`]],
    ['a token that expired', async () => [body, await token(body, { exp: 1_767_225_600 })]],
    ['a token that never expires', async () => [body, await token(body, { exp: undefined })]],
    [
      'no signature, by `alg: none`',
      async () => {
        const [, claims] = (await token(body)).split('.')
        return [body, `${base64({ alg: 'none', typ: 'JWT' })}.${claims}.`]
      },
    ],
    [
      'the signature of other claims',
      async () => {
        const [header, , signature] = (await token(body)).split('.')
        const claims = { iss: env.LIVEKIT_API_KEY, exp: 4_102_444_800, sha256: await hash(body) }
        return [body, `${header}.${base64(claims)}.${signature}`]
      },
    ],
  ])('%s', async (_, made) => {
    const before = await stored()
    const response = await send(...(await made()))
    expect(response.status).toBe(401)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await codeOf(response)).toBe('not-signed')
    expect(await stored()).toEqual(before)
  })

  it('does the same work for a wrong secret, an unknown key and an altered body', async () => {
    // Times are compared in test/livekit/webhook.test.ts: workerd's clock stands still while a request computes.
    const ofAlteredBody = await work(body.replace('standup', 'handout'), await token(body))
    expect(ofAlteredBody).toEqual({ status: 401, hashedBytes: 2 * body.length, signatures: 2 })
    expect(await work(body, await token(body, {}, { secret: 'a'.repeat(32) }))).toEqual(
      ofAlteredBody,
    )
    expect(await work(body, await token(body, { iss: 'APIunknown' }))).toEqual(ofAlteredBody)
  })

  it('takes the same event when its own key signed it, and when the second configured key did', async () => {
    expect((await send(body, await token(body))).status).toBe(200)
    const secret = 'second-secret-0123456789abcdef'
    expect((await send(body, await token(body, { iss: 'APIsecond' }, { secret }))).status).toBe(200)
  })
})

describe('W22: the clock of LiveKit', () => {
  const body = JSON.stringify(anEvent())
  const token45s = async (aheadSeconds: number) => {
    const at = Math.floor(Date.now() / 1000) + aheadSeconds
    return token(body, { iat: at, nbf: at, exp: at + 300 })
  }

  it.each([45, -45])('may be %i s off when the token is fresh', async (aheadSeconds) => {
    expect((await send(body, await token45s(aheadSeconds))).status).toBe(200)
  })

  it.each([45, -45])(
    'may be %i s off in every time that it tells, and the recording ends as any other',
    async (aheadSeconds) => {
      const endedAtMs = Date.now() + aheadSeconds * 1000
      const story = recorded({ startedAtMs: endedAtMs - 20_000, endedAtMs })
      await upload(story.filename, '0123456789')
      for (const event of wholeLife(story)) {
        const said = JSON.stringify(event)
        const at = Math.floor(Date.now() / 1000) + aheadSeconds
        const claims = { iat: at, nbf: at, exp: at + 300 }
        expect((await send(said, await token(said, claims))).status).toBe(200)
      }
      const ready = await until(story.egressId, ({ status }) => status === 'ready')
      expect(ready).toMatchObject({ durationMs: 20_000, attention: null, partial: false })
    },
  )

  it('may be 45 s behind when the token is at the end of its five minutes', async () => {
    expect((await send(body, await token45s(-300 - 45))).status).toBe(200)
  })

  it.each([75, -300 - 75])(
    'is refused when a token is off by more than a minute: %i s',
    async (seconds) => {
      expect((await send(body, await token45s(seconds))).status).toBe(401)
    },
  )
})

describe('W19: what cannot be stored is answered with 503, so that LiveKit sends it again', () => {
  it('when the storage of the object is out of order', async () => {
    const { namespace } = failing(new Error('Internal error in Durable Object storage'))
    const response = await sendTo({ RECORDING: namespace }, anEvent())
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBeNull()
    expect(await codeOf(response)).toBe('not-stored')
  })

  it('when the object is overloaded, without calling it a second time', async () => {
    const overloaded = Object.assign(new Error('too many requests queued'), {
      overloaded: true,
      retryable: true,
    })
    const { namespace, calls } = failing(overloaded)
    const response = await sendTo({ RECORDING: namespace }, anEvent())
    expect([response.status, calls.mock.calls.length]).toEqual([503, 1])
    expect(response.headers.get('retry-after')).toBeNull()
  })

  it('but not when a second call of a moving object succeeds, with a stub of its own', async () => {
    const moving = Object.assign(new Error('the object is being moved'), { retryable: true })
    const { namespace, stubs } = failing(moving, null)
    const response = await sendTo({ RECORDING: namespace }, anEvent())
    expect([response.status, stubs.mock.calls.length]).toEqual([200, 2])
  })

  it('when the object does not answer at all, after eight seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const observe = vi.fn(() => new Promise<never>(() => {}))
    const answered = sendTo({ RECORDING: { getByName: () => ({ observe }) } as never }, anEvent())
    await vi.waitUntil(() => observe.mock.calls.length > 0 && vi.getTimerCount() > 0)
    await vi.advanceTimersByTimeAsync(8_000)
    const response = await answered
    expect([response.status, observe.mock.calls.length]).toEqual([503, 1])
  })

  it('when the object’s own tables refuse: nothing of it is half taken, and it is taken when it comes again', async () => {
    const story = recorded()
    const [started, active] = wholeLife(story)
    expect((await webhook(started)).status).toBe(200)
    const rename = async (from: string, to: string) =>
      inStorage(story.egressId, ({ sql }) => {
        sql.exec(`ALTER TABLE state RENAME COLUMN ${from} TO ${to}`)
      })
    await rename('json', 'away')
    const response = await webhook(active)
    expect([response.status, await codeOf(response)]).toEqual([503, 'not-stored'])
    await rename('away', 'json')
    expect((await read(story.egressId)).status).toBe('starting')
    expect((await webhook(active)).status).toBe(200)
    await until(story.egressId, (recording) => recording.status === 'active')
    const words = (await timeline(story.egressId)).filter(({ source }) => source === 'webhook')
    expect(words).toHaveLength(2)
  })

  it('when an event without an egress cannot be counted', async () => {
    const { namespace } = failing(new Error('Internal error in Durable Object storage'))
    const response = await sendTo({ COUNTER: namespace }, anEvent({ egressId: '' }))
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBeNull()
  })

  it('and the same event is stored when it comes again', async () => {
    const story = recorded()
    const event = egressEvent('egress_started', 'EGRESS_STARTING', story)
    const { namespace } = failing(new Error('Internal error in Durable Object storage'))
    expect((await sendTo({ RECORDING: namespace }, event)).status).toBe(503)
    expect((await webhook(event)).status).toBe(200)
    await until(story.egressId, (recording) => recording.status === 'starting')
  })
})

describe('W20: a body that is no webhook does no harm', () => {
  const megabyte = 1024 * 1024

  it('of 10 MB, announced, is refused with 413 and leaves nothing behind', async () => {
    const before = await stored()
    const body = 'x'.repeat(10_000_000)
    const response = await send(body, await token(body))
    expect([response.status, await codeOf(response)]).toEqual([413, 'too-large'])
    expect(await stored()).toEqual(before)
  })

  it('of 10 MB, not announced, is refused with 413 once it is too long, and not read further', async () => {
    const before = await stored()
    let sentBytes = 0
    const chunk = new Uint8Array(64 * 1024).fill(120)
    const chunks = (function* () {
      for (; sentBytes < 10_000_000; sentBytes += chunk.length) yield chunk.slice()
    })()
    const sent = new Request(door, {
      method: 'POST',
      body: streamOf(chunks),
      headers: { authorization: await token('') },
    })
    expect(sent.headers.get('content-length')).toBeNull()
    const response = await app.fetch(sent, env)
    expect(response.status).toBe(413)
    expect(sentBytes).toBeLessThan(2 * megabyte)
    expect(await stored()).toEqual(before)
  })

  it('of exactly 1 MiB is taken, with one byte more it is not', async () => {
    const event = anEvent({ details: '' })
    const length = JSON.stringify(event).length
    const body = JSON.stringify({ ...event, note: 'x'.repeat(megabyte - length - 10) })
    expect(body.length).toBe(megabyte)
    expect((await send(body, await token(body))).status).toBe(200)
    expect((await send(`${body} `, await token(`${body} `))).status).toBe(413)
  })

  it('that comes one byte at a time and never ends is given up after ten seconds with 408', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const before = await stored()
    let isCancelled = false
    let sentBytes = 0
    const drip = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 1_000))
        sentBytes += 1
        controller.enqueue(encoder.encode('{'))
      },
      cancel() {
        isCancelled = true
      },
    })
    const headers = { authorization: await token('{') }
    const answered = app.fetch(new Request(door, { method: 'POST', body: drip, headers }), env)
    await vi.advanceTimersByTimeAsync(10_000)
    const response = await answered
    expect([response.status, await codeOf(response)]).toEqual([408, 'too-slow'])
    expect(sentBytes).toBeGreaterThan(5)
    expect(isCancelled).toBe(true)
    vi.useRealTimers()
    expect(await stored()).toEqual(before)
  })

  it.each(['', 'event=egress_ended', '[]', 'null', '{"event":"egress_ended"'])(
    'is refused with 400 when it is signed and is no JSON object: %j',
    async (body) => {
      const before = await stored()
      const response = await send(body, await token(body))
      expect([response.status, await codeOf(response)]).toEqual([400, 'not-json'])
      expect(await stored()).toEqual(before)
    },
  )

  it.each(['GET', 'PUT', 'DELETE'])('and %s finds nothing at its address', async (method) => {
    expect((await request('/webhooks/livekit', { method })).status).toBe(404)
  })
})
