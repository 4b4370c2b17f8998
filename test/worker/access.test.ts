// Who may call the API, and what each caller sees. Every route of the API document that asks for a bearer is tried with
// every kind of wrong one; what a good one opens is tried on its own room (other rooms: other-rooms.test.ts).
import { env } from 'cloudflare:workers'
import { AccessToken } from 'livekit-server-sdk'
import { beforeEach, describe, expect, it } from 'vitest'
import { hasScope, recorderAccess } from '../../src/access/scopes.ts'
import { app } from '../../src/app.ts'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { egressEvent, signed, wholeLife } from '../egress-events.ts'
import { addressOf, guardedOperations } from './api-document.ts'
import type { Operation } from './api-document.ts'
import { upload } from './outside.ts'
import {
  asAdmin,
  asBearer,
  catalogued,
  codeOf,
  liveKitToken,
  recorded,
  request,
  until,
  webhooks,
} from './story.ts'

async function call(operation: Operation, token: string | null): Promise<Response> {
  const address = addressOf(operation)
  const init = { method: operation.method }
  return token === null ? request(address, init) : asBearer(token, address, init)
}

async function signedBy(apiKey: string, secret: string, ttl = '5m'): Promise<string> {
  const token = new AccessToken(apiKey, secret, { ttl })
  token.addGrant({ roomRecord: true })
  return token.toJwt()
}

describe('the API', () => {
  it('has more than a few routes that ask for a bearer', async () => {
    expect((await guardedOperations()).length).toBeGreaterThan(10)
  })

  it('asks for a bearer on every route below /v1', () => {
    const below = app.routes.filter(({ path }) => path.startsWith('/v1'))
    const handlers = Map.groupBy(below, ({ method, path }) => `${method} ${path}`)
    for (const [route, chain] of handlers) {
      expect(chain.length, `${route} has its handler alone`).toBeGreaterThan(1)
    }
  })

  it.each<[string, () => Promise<string | null> | string | null]>([
    ['no token', () => null],
    ['garbage', () => 'garbage'],
    ['garbage that looks like a token', () => 'a.b.c'],
    ['the admin token and a letter more', () => `${env.ADMIN_TOKEN}x`],
    ['the beginning of the admin token', () => env.ADMIN_TOKEN.slice(0, -1)],
    ['the secret of the key pair', () => env.LIVEKIT_API_SECRET],
    ['a token of an unknown key', () => signedBy('APIunknown', 'a'.repeat(32))],
    ['a token of a known key with another secret', () => signedBy('APIsecond', 'a'.repeat(32))],
    ['a token that expired', () => liveKitToken({ roomRecord: true }, '-2m')],
    [
      'an altered token',
      async () => {
        const [header, , signature] = (await liveKitToken({ roomRecord: true })).split('.')
        const claims = { iss: env.LIVEKIT_API_KEY, exp: 4_102_444_800, video: { roomRecord: true } }
        return `${header}.${btoa(JSON.stringify(claims)).replaceAll('=', '')}.${signature}`
      },
    ],
    [
      'a token without a signature',
      () => {
        const claims = { iss: env.LIVEKIT_API_KEY, exp: 4_102_444_800, video: { roomRecord: true } }
        return [{ alg: 'none' }, claims, null]
          .map((part) => (part === null ? '' : btoa(JSON.stringify(part)).replaceAll('=', '')))
          .join('.')
      },
    ],
  ])('answers 401 to %s, on every route', async (_, made) => {
    const token = await made()
    for (const operation of await guardedOperations()) {
      const response = await call(operation, token)
      const answer = [response.status, await codeOf(response)]
      expect(answer, operation.name).toEqual([401, 'not-signed-in'])
    }
  })

  it.each(['Basic', 'Token', '', 'Bearer Bearer'])(
    'answers 401 to the admin token behind another word than Bearer: %j',
    async (scheme) => {
      const authorization = `${scheme} ${env.ADMIN_TOKEN}`.trim()
      const response = await request('/v1/recordings', { headers: { authorization } })
      expect(response.status).toBe(401)
    },
  )

  it.each<[string, () => Promise<string>]>([
    ['that may only join', () => liveKitToken({ roomJoin: true, room: 'standup' })],
    ['that may administer a room', () => liveKitToken({ roomAdmin: true, room: 'standup' })],
    ['that may not record', () => liveKitToken({ roomRecord: false })],
    [
      'of a webhook',
      async () => {
        const sent = await signed({ event: 'x' }, env.LIVEKIT_API_KEY, env.LIVEKIT_API_SECRET)
        return sent.headers['authorization'] ?? ''
      },
    ],
  ])('answers 403 to a LiveKit token %s, on every route', async (_, made) => {
    const token = await made()
    for (const operation of await guardedOperations()) {
      const response = await call(operation, token)
      const answer = [response.status, await codeOf(response)]
      expect(answer, operation.name).toEqual([403, 'no-record-grant'])
    }
  })

  it('opens to the admin token, to a recorder’s token, and to one that another configured key signed', async () => {
    const { egressId } = await catalogued()
    const second = await signedBy('APIsecond', 'second-secret-0123456789abcdef')
    for (const token of [env.ADMIN_TOKEN, await liveKitToken({ roomRecord: true }), second]) {
      const response = await asBearer(token, `/v1/recordings/${egressId}`)
      expect(response.status).toBe(200)
    }
  })

  it('tells nobody which part of a token was wrong', async () => {
    const refusals = [
      await signedBy('APIunknown', 'a'.repeat(32)),
      await signedBy('APIsecond', 'a'.repeat(32)),
      await liveKitToken({ roomRecord: true }, '-2m'),
      'garbage',
    ].map(async (token) => (await asBearer(token, '/v1/recordings')).text())
    expect(new Set(await Promise.all(refusals)).size).toBe(1)
  })
})

describe('a LiveKit token for one room', () => {
  const room = 'standup'
  let token = ''
  let own: string

  beforeEach(async () => {
    token = await liveKitToken({ roomRecord: true, room })
    // Through the door, so that the objects know them as well as the catalogue.
    const stories = [recorded(), recorded({ roomName: 'board' })] as const
    for (const story of stories) {
      await upload(story.filename, '0123456789')
      await webhooks(...wholeLife(story))
    }
    const page = recorded()
    const noRoom = {
      roomName: '',
      roomId: '',
      roomComposite: null,
      web: { url: 'https://x.example' },
    }
    await webhooks(egressEvent('egress_started', 'EGRESS_STARTING', page, noRoom))
    for (const story of stories) await until(story.egressId, ({ status }) => status === 'ready')
    await until(page.egressId, ({ kind }) => kind === 'web')
    own = stories[0].egressId
  })

  it('lists its room only', async () => {
    for (const query of ['', `?room=${room}`, '?limit=1', '?status=ready&status=starting']) {
      const response = await asBearer(token, `/v1/recordings${query}`)
      const { recordings } = await response.json<{ recordings: RecordingJson[] }>()
      expect(recordings.map(({ egressId }) => egressId)).toEqual([own])
    }
    const elsewhere = await asBearer(token, '/v1/recordings?room=board')
    expect([elsewhere.status, await codeOf(elsewhere)]).toEqual([403, 'other-room'])
  })

  it('has no use for the cursor of somebody who sees more', async () => {
    const { nextCursor } = await (
      await asAdmin('/v1/recordings?limit=1')
    ).json<{ nextCursor: string }>()
    const cursor = encodeURIComponent(nextCursor)
    const response = await asBearer(token, `/v1/recordings?cursor=${cursor}`)
    expect([response.status, await codeOf(response)]).toEqual([400, 'cursor-of-another-query'])
  })

  it('reads, plays, shares and reconciles what is its own', async () => {
    const at = `/v1/recordings/${own}`
    expect((await asBearer(token, at)).status).toBe(200)
    expect((await asBearer(token, `${at}/timeline`)).status).toBe(200)
    expect((await asBearer(token, `${at}/play`)).status).toBe(302)
    expect((await asBearer(token, `${at}/reconcile`, { method: 'POST' })).status).toBe(200)
    const made = await asBearer(token, `${at}/links`, { method: 'POST' })
    expect(made.status).toBe(201)
    const { linkId } = await made.json<{ linkId: string }>()
    expect((await asBearer(token, `${at}/links`)).status).toBe(200)
    expect((await asBearer(token, `/v1/links/${linkId}`, { method: 'DELETE' })).status).toBe(204)
  })

  it('may not delete: the grant is for recording', async () => {
    const key = recorderAccess(room)
    expect(hasScope(key, 'record')).toBe(true)
    expect(hasScope(key, 'delete')).toBe(false)
  })
})
