// The limit on refused requests. Whoever guesses credentials is told to wait; nobody else notices: not a good request from
// the same address, not LiveKit, and nobody at all when the counter is away.
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { addressKey } from '../../src/routes/refused.ts'
import { codeOf, liveKitToken, request } from './story.ts'

const limit = 100
let addresses = 0

afterEach(() => vi.restoreAllMocks())

/** An address that no other test has used. */
function newAddress(): string {
  addresses += 1
  return `192.0.2.${addresses}`
}

async function from(address: string, path: string, token: string | null): Promise<Response> {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` }
  return request(path, { headers: { 'cf-connecting-ip': address, ...authorization } })
}

async function exhaust(address: string): Promise<void> {
  for (let refusals = 0; refusals < limit; refusals++) {
    expect((await from(address, '/v1/recordings', 'a guess')).status).toBe(401)
  }
}

describe('refused requests', () => {
  it('are answered 429 with a time to wait when one address has too many of them', async () => {
    const address = newAddress()
    await exhaust(address)
    const response = await from(address, '/v1/recordings', 'a guess')
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('60')
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await codeOf(response)).toBe('too-many-refusals')
    const noGrant = await from(address, '/v1/recordings', await liveKitToken({ roomJoin: true }))
    expect(noGrant.status).toBe(429)
  })

  it('hold up neither good requests from the same address nor anybody at another one', async () => {
    const address = newAddress()
    await exhaust(address)
    expect((await from(address, '/v1/recordings', env.ADMIN_TOKEN)).status).toBe(200)
    expect((await from(newAddress(), '/v1/recordings', 'a guess')).status).toBe(401)
  })

  it('are not what good requests are counted as', async () => {
    const address = newAddress()
    for (let good = 0; good < limit + 20; good++) {
      expect((await from(address, '/v1/recordings', env.ADMIN_TOKEN)).status).toBe(200)
    }
    expect((await from(address, '/v1/recordings', 'a guess')).status).toBe(401)
  })

  it('never become 429 for a webhook: LiveKit would take it for delivered', async () => {
    const address = newAddress()
    for (let refusals = 0; refusals < limit + 20; refusals++) {
      const headers = { 'cf-connecting-ip': address, authorization: 'a guess' }
      const sent = await request('/webhooks/livekit', { method: 'POST', headers, body: '{}' })
      expect(sent.status).toBe(401)
    }
  })

  it.each<[string, unknown]>([
    ['is away', undefined],
    ['fails', { limit: async () => Promise.reject(new Error('no limit today')) }],
  ])('are answered as they are when the counter %s', async (_, REFUSALS) => {
    vi.spyOn(console, 'error').mockReturnValue()
    const headers = { 'cf-connecting-ip': newAddress(), authorization: 'Bearer guess' }
    const asked = new Request('https://roomtape.test/v1/recordings', { headers })
    const response = await app.fetch(asked, { ...env, REFUSALS })
    expect([response.status, await codeOf(response)]).toEqual([401, 'not-signed-in'])
  })

  it('of an IPv6 caller are counted for its whole network, however it is written', () => {
    expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(addressKey('2001:0DB8:0001:2::9')).toBe('2001:db8:1:2::/64')
    expect(addressKey('2001:db8::9')).toBe('2001:db8:0:0::/64')
    expect(addressKey('::1')).toBe('0:0:0:0::/64')
    expect(addressKey('::ffff:192.0.2.1')).toBe('192.0.2.1')
    expect(addressKey('192.0.2.1')).toBe('192.0.2.1')
  })
})
