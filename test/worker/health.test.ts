// What operators look at: alive, ready with each dependency really asked, the API document, and the answer to an address
// that is none. A red light must say in the other side's own words what is wrong.
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { app } from '../../src/app.ts'
import { askedOfLiveKit, breakStore, setLiveKit, storeRequests } from './outside.ts'
import { asAdmin, request } from './story.ts'

interface Ready {
  status: string
  checks: Record<'catalogue' | 'store' | 'livekit', { ok: boolean; fault: string | null }>
  bucketCors: Record<string, string[]>
}

async function ready(
  changes: Partial<Env> = {},
): Promise<{ status: number; body: Ready; text: string }> {
  const asked = new Request('https://roomtape.test/readyz')
  const response = await app.fetch(asked, { ...env, ...changes })
  expect(response.headers.get('cache-control')).toBe('no-store')
  const text = await response.text()
  return { status: response.status, body: JSON.parse(text) as Ready, text }
}

/** Red, and for this reason alone. */
async function redOnly(which: keyof Ready['checks'], changes: Partial<Env> = {}): Promise<string> {
  const { status, body, text } = await ready(changes)
  expect([status, body.status]).toEqual([503, 'not-ready'])
  const red = Object.entries(body.checks).filter(([, { ok }]) => !ok)
  expect(red.map(([name]) => name)).toEqual([which])
  for (const secret of [env.S3_SECRET_ACCESS_KEY, env.LIVEKIT_API_SECRET, env.ADMIN_TOKEN])
    expect(text).not.toContain(secret)
  return body.checks[which].fault ?? ''
}

describe('GET /readyz', () => {
  it('is green when catalogue, store and LiveKit answer, and has really asked them', async () => {
    await breakStore()
    await setLiveKit({})
    const { status, body } = await ready()
    const green = { ok: true, fault: null }
    expect(status).toBe(200)
    expect(body).toMatchObject({
      status: 'ready',
      checks: { catalogue: green, store: green, livekit: green },
    })
    // What the bucket needs for players by script: after a redirect they come from no origin.
    expect(body.bucketCors).toMatchObject({
      allowedOrigins: ['*'],
      allowedMethods: ['GET', 'HEAD'],
    })
    expect((await storeRequests()).map(({ method }) => method)).toEqual(['GET'])
    expect(await askedOfLiveKit()).toHaveLength(1)
  })

  it('is red with the store’s words when the bucket is another', async () => {
    expect(await redOnly('store', { S3_BUCKET: 'no-such-bucket' })).toContain('NoSuchBucket')
  })

  it('is red with the store’s words when the secret is wrong', async () => {
    const fault = await redOnly('store', { S3_SECRET_ACCESS_KEY: 'mistyped' })
    expect(fault).toContain('SignatureDoesNotMatch')
  })

  it('is red with the store’s words when the access key is wrong', async () => {
    const fault = await redOnly('store', { S3_ACCESS_KEY_ID: 'unknown-key' })
    expect(fault).toMatch(/InvalidAccessKeyId|Unauthorized|AccessDenied|SignatureDoesNotMatch/)
  })

  it('is red when access is denied, and says so', async () => {
    const body = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
    await breakStore({ answer: { status: 403, body } })
    expect(await redOnly('store')).toBe('The store answered AccessDenied: Access Denied')
  })

  it('is red when something that is no store answers at its address', async () => {
    await breakStore({ answer: { status: 200, body: '<html>Welcome to nginx!</html>' } })
    expect(await redOnly('store')).toContain('200')
  })

  it('is red when the store cannot be reached, and names it', async () => {
    await breakStore({ answer: 'unreachable' })
    await redOnly('store')
  })

  it('is red with LiveKit’s words when it refuses the key', async () => {
    const body = '{"code":"unauthenticated","msg":"invalid API key"}'
    await setLiveKit({ fault: { status: 401, body } })
    expect(await redOnly('livekit')).toContain('invalid API key')
  })

  it('is red when LiveKit is away', async () => {
    await setLiveKit({ fault: { status: 503, body: 'no healthy upstream' } })
    expect(await redOnly('livekit')).toContain('503')
  })

  it('is red when something that is no LiveKit answers at its address', async () => {
    await setLiveKit({ fault: { status: 200, body: '<html>parked</html>' } })
    await redOnly('livekit')
  })

  it('is red when the catalogue has no table, and says that it was not migrated', async () => {
    await env.DB.exec('ALTER TABLE recordings RENAME TO away')
    expect(await redOnly('catalogue')).toContain('no such table: recordings')
    await env.DB.exec('ALTER TABLE away RENAME TO recordings')
    expect((await ready()).status).toBe(200)
  })

  it('tells of everything that is wrong at once', async () => {
    await setLiveKit({ fault: { status: 503, body: '' } })
    await env.DB.exec('ALTER TABLE recordings RENAME TO away')
    const { body } = await ready({ S3_BUCKET: 'no-such-bucket' })
    expect(Object.values(body.checks).map(({ ok }) => ok)).toEqual([false, false, false])
    await env.DB.exec('ALTER TABLE away RENAME TO recordings')
  })
})

describe('GET /healthz', () => {
  it('answers whatever else is wrong, and asks nobody', async () => {
    await breakStore({ answer: 'unreachable' })
    await setLiveKit({ fault: { status: 503, body: '' } })
    const response = await request('/healthz')
    expect([response.status, await response.json()]).toEqual([200, { status: 'alive' }])
    expect(await storeRequests()).toEqual([])
    expect(await askedOfLiveKit()).toEqual([])
  })
})

describe('GET /metrics', () => {
  it('is Prometheus text: each line a comment or a number, each number explained', async () => {
    const response = await asAdmin('/metrics')
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/)
    const lines = (await response.text()).trimEnd().split('\n')
    const names = new Set<string>()
    for (const line of lines) {
      const [, type] = /^# TYPE (\w+) (?:counter|gauge|histogram)$/.exec(line) ?? []
      if (type !== undefined) names.add(type)
      else if (!line.startsWith('# HELP ')) {
        const [, name] = /^(\w+)(?:\{[^}]*\})? -?\d+(?:\.\d+)?$/.exec(line) ?? []
        expect(names, line).toContain(name)
      }
    }
    expect(names.size).toBeGreaterThan(0)
  })
})

describe('GET /openapi.json', () => {
  interface Operation {
    summary?: string
    responses: Record<string, { content?: Record<string, unknown> }>
  }

  async function document() {
    const response = await request('/openapi.json')
    expect(response.status).toBe(200)
    return response.json<{
      openapi: string
      servers: { url: string }[]
      paths: Record<string, Record<string, Operation>>
      components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> }
    }>()
  }

  it('is OpenAPI 3.1, with our own address', async () => {
    const { openapi, servers, components } = await document()
    expect(openapi).toBe('3.1.0')
    expect(servers).toEqual([{ url: 'https://roomtape.test' }])
    expect(components.securitySchemes).toHaveProperty('bearer')
  })

  it('has every route of the Worker, but for the pages, which are for people', async () => {
    const { paths } = await document()
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const served = app.routes
      .filter(({ method, path }) => method !== 'ALL' && path !== '/openapi.json')
      .filter(
        ({ method, path }) =>
          method !== 'OPTIONS' && !/^\/(docs|watch\/:token|assets\/:name)$/.test(path),
      )
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`)
    expect(documented.toSorted()).toEqual([...new Set(served)].toSorted())
  })

  it('says of each route what it is for and how it refuses', async () => {
    const { paths } = await document()
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { summary, responses }] of Object.entries(methods)) {
        expect(summary, `${method} ${path}`).toBeTruthy()
        for (const [status, { content }] of Object.entries(responses)) {
          const isRefusal = Number(status) >= 400 && path !== '/readyz'
          if (isRefusal) expect(Object.keys(content ?? {})).toEqual(['application/problem+json'])
        }
      }
    }
  })

  it('refers to nothing that is not in it', async () => {
    const whole = await document()
    const references = JSON.stringify(whole).matchAll(/"#\/components\/schemas\/([^"]+)"/g)
    for (const [, name] of references) expect(Object.keys(whole.components.schemas)).toContain(name)
  })
})

describe('an address that is none', () => {
  it.each(['/nothing', '/v1/nothing', '/play', '/v2/recordings', '/%2e%2e%2fetc'])(
    'is a problem, in the one shape that all problems have: %s',
    async (path) => {
      const response = await request(path)
      expect(response.status).toBe(404)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(await response.json()).toMatchObject({
        type: 'about:blank',
        title: 'Not found',
        status: 404,
        code: 'no-such-route',
      })
    },
  )
})

describe('a fault that nobody foresaw', () => {
  it('shows a request id and nothing of itself', async () => {
    const broken = {
      prepare: () => {
        throw new Error('secret words of a bug')
      },
    } as unknown as D1Database
    const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` }
    const asked = new Request('https://roomtape.test/v1/recordings', { headers })
    const response = await app.fetch(asked, { ...env, DB: broken })
    const text = await response.text()
    expect(response.status).toBe(500)
    expect(JSON.parse(text)).toMatchObject({
      code: 'internal',
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
    })
    expect(text).not.toContain('secret words')
  })
})
