// A faulty configuration: every fault is named at once, nothing else is served, no value is shown, and the Worker stays
// alive to tell it. Written for the deploy that forgot a secret and answers 500 to everything without a word.
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { ConfigError, readConfig } from '../../src/config.ts'
import type { ConfigFault } from '../../src/config.ts'
import { signed } from '../egress-events.ts'

/** This test's environment with other values; `undefined` takes a variable away. */
function environment(changes: Record<string, unknown>): Env {
  return Object.fromEntries(
    Object.entries({ ...env, ...changes }).filter(([, value]) => value !== undefined),
  ) as unknown as Env
}

function faultsOf(changes: Record<string, unknown>): ConfigFault[] {
  try {
    readConfig(environment(changes))
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

const required = [
  'LIVEKIT_URL',
  'LIVEKIT_API_KEY',
  'LIVEKIT_API_SECRET',
  'S3_ENDPOINT',
  'S3_BUCKET',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
  'ADMIN_TOKEN',
  'PLAYBACK_SECRET',
]

const wrong: [string, string[]][] = [
  ['LIVEKIT_URL', ['livekit.example', 'ftp://livekit.example', 'wss://']],
  ['LIVEKIT_EXTRA_KEYS', ['x', '[]', '"x"', '{"APIkey":""}', '{"APIkey":5}', 'null']],
  ['S3_ENDPOINT', ['store.example', 's3://store.example']],
  ['S3_PUBLIC_ENDPOINT', ['media.example']],
  ['S3_BUCKET', ['my/bucket', '..', 'a bucket', '-x', 'b?x']],
  ['S3_URL_STYLE', ['dns', 'PATH']],
  ['TEMP_PREFIX', ['../', './', 'a//b', 'a/../b', '/../']],
  ['FINAL_PREFIX', ['../', 'tmp/', 'tmp/done', 'tmp']],
  ['PUBLIC_URL', ['rec.example', 'javascript:alert(1)']],
  ['EGRESS_UPLOAD', ['maybe', 'temporary']],
  ['SILENT_AFTER_SECONDS', ['0', '-1', 'ten', 'Infinity']],
  ['GRACE_SECONDS', ['0', 'x']],
  ['MAX_SESSION_SECONDS', ['0', 'x']],
  ['TRASH_DAYS', ['-1', 'x']],
  ['MULTIPART_ABOVE_BYTES', ['-1', '5497558138881', 'x']],
  ['PART_BYTES', ['0', '5242879', 'x']],
  ['SUBREQUESTS', ['0', '10001', 'x']],
  ['PLAYBACK_TTL_SECONDS', ['0', '604800', 'x']],
]

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the configuration', () => {
  it('of these tests has no fault, nor has the one with nothing but what is required', () => {
    expect(faultsOf({})).toEqual([])
    const least = Object.fromEntries(
      Object.keys(env)
        .filter((name) => typeof Reflect.get(env, name) === 'string' && !required.includes(name))
        .map((name) => [name, undefined]),
    )
    expect(faultsOf(least)).toEqual([])
  })

  it.each(required)('needs %s, present and not empty', (name) => {
    for (const value of [undefined, '', '  ', 5]) {
      expect(faultsOf({ [name]: value })).toEqual([{ name, fault: 'is missing' }])
    }
  })

  it.each(wrong)('refuses what %s cannot be, and shows no value', (name, values) => {
    for (const value of values) {
      const faults = faultsOf({ [name]: value })
      expect(
        faults.map((fault) => fault.name),
        value,
      ).toEqual([name])
      if (value.length > 8) expect(JSON.stringify(faults)).not.toContain(value)
    }
  })

  it('is forgiving where nothing is lost: slashes, blanks, case of protocols', () => {
    const config = readConfig(
      environment({
        TEMP_PREFIX: '/in',
        FINAL_PREFIX: 'out//',
        PUBLIC_URL: 'https://rec.example/base//',
        S3_BUCKET: ' recordings ',
        LIVEKIT_URL: 'WSS://livekit.example',
      }),
    )
    expect(config).toMatchObject({
      tempPrefix: 'in/',
      finalPrefix: 'out/',
      publicUrl: 'https://rec.example/base',
      storage: { bucket: 'recordings' },
    })
    expect(config.livekit.url.href).toBe('wss://livekit.example/')
  })

  it('keeps folders apart whose names only begin alike', () => {
    expect(faultsOf({ TEMP_PREFIX: 'rec', FINAL_PREFIX: 'recordings' })).toEqual([])
    expect(faultsOf({ TEMP_PREFIX: 'a/b', FINAL_PREFIX: 'a' })).toHaveLength(1)
    expect(faultsOf({ TEMP_PREFIX: 'a', FINAL_PREFIX: 'a/' })).toHaveLength(1)
  })
})

describe('a Worker with a faulty configuration', () => {
  const secret = 'secret-that-nobody-may-see'
  const faulty = environment({
    LIVEKIT_URL: `${secret}.example`,
    LIVEKIT_API_SECRET: undefined,
    LIVEKIT_EXTRA_KEYS: `{"APIkey": "${secret}"`,
    S3_ENDPOINT: `s3://${secret}`,
    S3_BUCKET: `${secret}/bucket`,
    ADMIN_TOKEN: '',
    GRACE_SECONDS: secret,
  })
  const names = [
    'ADMIN_TOKEN',
    'GRACE_SECONDS',
    'LIVEKIT_API_SECRET',
    'LIVEKIT_EXTRA_KEYS',
    'LIVEKIT_URL',
    'S3_BUCKET',
    'S3_ENDPOINT',
  ]

  it('is alive', async () => {
    const response = await app.fetch(new Request('https://roomtape.test/healthz'), faulty)
    expect([response.status, await response.json()]).toEqual([200, { status: 'alive' }])
  })

  it('answers 503 on every other route, names every fault at once, and shows no value', async () => {
    const logs = ['log', 'error', 'warn'] as const
    const spies = logs.map((level) => vi.spyOn(console, level).mockImplementation(() => {}))
    const routes = app.routes.filter(
      ({ method, path }) => method !== 'ALL' && path !== '/healthz' && !path.includes('*'),
    )
    expect(routes.length).toBeGreaterThan(10)
    for (const { method, path } of routes) {
      const response = await app.fetch(
        new Request(`https://roomtape.test${path}`, { method }),
        faulty,
      )
      expect(response.status, `${method} ${path}`).toBe(503)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      const text = await response.text()
      const problem = JSON.parse(text) as { code: string; detail: string; faults: ConfigFault[] }
      expect(problem.code).toBe('configuration')
      expect(problem.faults.map(({ name }) => name).toSorted()).toEqual(names)
      for (const name of names) expect(problem.detail).toContain(name)
      expect(text).not.toContain(secret)
      for (const value of [env.S3_SECRET_ACCESS_KEY, env.PLAYBACK_SECRET, env.LIVEKIT_API_KEY])
        expect(text).not.toContain(value)
    }
    expect(JSON.stringify(spies.map((spy) => spy.mock.calls))).not.toContain(secret)
  })

  it('answers 503 to a webhook, so that LiveKit sends it again', async () => {
    const event = { event: 'egress_ended', egressInfo: { egressId: 'EG_config' } }
    const { body, headers } = await signed(event, env.LIVEKIT_API_KEY, env.LIVEKIT_API_SECRET)
    const sent = new Request('https://roomtape.test/webhooks/livekit', {
      method: 'POST',
      body,
      headers,
    })
    const response = await app.fetch(sent, faulty)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, null])
  })

  it('serves again once it is repaired', async () => {
    const path = 'https://roomtape.test/openapi.json'
    expect((await app.fetch(new Request(path), faulty)).status).toBe(503)
    expect((await app.fetch(new Request(path), environment({}))).status).toBe(200)
  })
})
