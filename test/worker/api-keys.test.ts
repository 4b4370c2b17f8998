// API keys: made, shown once, listed, used, revoked. A copy of the catalogue must be worth nothing to a thief, a revoked or
// expired key must open nothing from the next request on, and while the catalogue is away the other bearers still open.
import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { asAdmin, asBearer, catalogued, codeOf, eventually, liveKitToken } from './story.ts'
import { made, madeKey } from './api-keys.ts'
import type { KeyJson } from './api-keys.ts'

async function listedKeys(): Promise<KeyJson[]> {
  const response = await asAdmin('/v1/keys')
  expect(response.status).toBe(200)
  return (await response.json<{ keys: KeyJson[] }>()).keys
}

describe('an API key', () => {
  it('is shown once, when it is made, and is nowhere in the catalogue or the lists', async () => {
    const { key, ...shown } = await made({ name: 'nightly export', scopes: ['play', 'read'] })
    expect(shown).toMatchObject({
      name: 'nightly export',
      scopes: ['read', 'play'],
      room: null,
      expiresAt: null,
      lastUsedOn: null,
    })
    expect(key).toMatch(/^roomtape_[a-z0-9]{16}_[a-z0-9]{40}$/)
    expect(await listedKeys()).toEqual([shown])
    const secret = key.split('_')[2] ?? ''
    const { results } = await env.DB.prepare('SELECT * FROM keys').all()
    expect(JSON.stringify(results)).toContain(shown.keyId)
    expect(JSON.stringify(results)).not.toContain(secret)
    expect(JSON.stringify(await listedKeys())).not.toContain(secret)
  })

  it('opens what its scopes say and nothing else', async () => {
    const { egressId } = await catalogued()
    const key = await madeKey(['read'])
    expect((await asBearer(key, `/v1/recordings/${egressId}`)).status).toBe(200)
    const refusedPlay = await asBearer(key, `/v1/recordings/${egressId}/play`)
    expect(refusedPlay.status).toBe(403)
    expect(await refusedPlay.json()).toMatchObject({ code: 'scope-missing', scope: 'play' })
  })

  it('with the scope admin opens everything', async () => {
    const key = await madeKey(['admin'])
    expect((await asBearer(key, '/v1/recordings')).status).toBe(200)
    expect((await asBearer(key, '/v1/keys')).status).toBe(200)
  })

  it('that is bound to a room makes no keys and reaches no other room, whatever its scopes', async () => {
    const own = await catalogued({ roomName: 'standup' })
    const other = await catalogued({ roomName: 'board' })
    const key = await madeKey(['admin'], { room: 'standup' })
    expect((await asBearer(key, `/v1/recordings/${own.egressId}`)).status).toBe(200)
    expect((await asBearer(key, `/v1/recordings/${other.egressId}`)).status).toBe(404)
    expect(await codeOf(await asBearer(key, '/v1/keys'))).toBe('other-room')
    const body = JSON.stringify({ name: 'more', scopes: ['admin'] })
    const headers = { 'content-type': 'application/json' }
    const more = await asBearer(key, '/v1/keys', { method: 'POST', headers, body })
    expect(more.status).toBe(403)
  })

  it('opens nothing from the moment it is revoked, and cannot be told from one that never was', async () => {
    const { keyId, key } = await made({ scopes: ['read'] })
    expect((await asBearer(key, '/v1/recordings')).status).toBe(200)
    expect((await asAdmin(`/v1/keys/${keyId}`, { method: 'DELETE' })).status).toBe(204)
    expect((await asAdmin(`/v1/keys/${keyId}`, { method: 'DELETE' })).status).toBe(204)
    const revoked = await asBearer(key, '/v1/recordings')
    const unknown = await asBearer(`roomtape_${'a'.repeat(16)}_${'b'.repeat(40)}`, '/v1/recordings')
    const garbage = await asBearer('garbage', '/v1/recordings')
    const wrongSecret = await asBearer(`${key.slice(0, -8)}aaaaaaaa`, '/v1/recordings')
    const answers = [revoked, unknown, garbage, wrongSecret].map(async (answer) => [
      answer.status,
      await answer.text(),
    ])
    const [first, ...others] = await Promise.all(answers)
    expect(first?.[0]).toBe(401)
    for (const answer of others) expect(answer).toEqual(first)
    expect(await listedKeys()).toEqual([])
  })

  it('opens nothing after it has expired', async () => {
    const expiresAt = new Date(Date.now() + 60_000).toISOString()
    const { key } = await made({ scopes: ['read'], expiresAt })
    expect((await asBearer(key, '/v1/recordings')).status).toBe(200)
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.parse(expiresAt))
    const response = await asBearer(key, '/v1/recordings').finally(() => clock.mockRestore())
    expect([response.status, await codeOf(response)]).toEqual([401, 'not-signed-in'])
  })

  it('is listed with the day of its last use, for one write a day', async () => {
    const { key } = await made({ scopes: ['read'] })
    const today = new Date().toISOString().slice(0, 10)
    await asBearer(key, '/v1/recordings')
    await eventually(async () => (await listedKeys())[0]?.lastUsedOn).toBe(today)
    await env.DB.exec(
      "CREATE TRIGGER no_more BEFORE UPDATE ON keys BEGIN SELECT raise(FAIL, 'written again'); END",
    )
    const errors = vi.spyOn(console, 'error')
    for (let again = 0; again < 3; again++) await asBearer(key, '/v1/recordings')
    expect(errors).not.toHaveBeenCalled()
  })

  it.each<[string, object]>([
    ['no scope', { name: 'x', scopes: [] }],
    ['an unknown scope', { name: 'x', scopes: ['write'] }],
    ['no name', { name: '', scopes: ['read'] }],
    ['a field that is none', { name: 'x', scopes: ['read'], rooms: ['a'] }],
    ['an expiry in the past', { name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' }],
  ])('is not made with %s', async (_, wanted) => {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify(wanted)
    const response = await asAdmin('/v1/keys', { method: 'POST', headers, body })
    expect(response.status).toBe(400)
    expect(await listedKeys()).toEqual([])
  })

  it('that never was cannot be revoked', async () => {
    const response = await asAdmin('/v1/keys/unknown', { method: 'DELETE' })
    expect([response.status, await codeOf(response)]).toEqual([404, 'key-not-found'])
  })

  it('opens nothing while the catalogue is away, when ADMIN_TOKEN and LiveKit tokens still open', async () => {
    const key = await madeKey(['admin'])
    await env.DB.exec('ALTER TABLE keys RENAME TO away')
    await env.DB.exec('ALTER TABLE recordings RENAME TO recordings_away')
    const play = async (token: string): Promise<[number, string]> => {
      const headers = { authorization: `Bearer ${token}` }
      const response = await app.fetch(
        new Request('https://roomtape.test/v1/recordings/EG_none', { headers }),
        env,
      )
      return [response.status, await codeOf(response)]
    }
    expect(await play(key)).toEqual([503, 'catalogue-unavailable'])
    expect(await play(env.ADMIN_TOKEN)).toEqual([404, 'recording-not-found'])
    expect(await play(await liveKitToken({ roomRecord: true }))).toEqual([
      404,
      'recording-not-found',
    ])
  })
})
