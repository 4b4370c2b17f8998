// What a deployment is made of, without deploying: which settings are secrets, what is refused, where the Worker answers.
import { describe, expect, it } from 'vitest'
import {
  accountFor,
  addressOf,
  deploymentConfig,
  faultsOf,
  faultsOfVars,
  hasDatabase,
  isLocalHost,
  r2Of,
  settingsOf,
  targetsIn,
} from '../../scripts/deployment.ts'
import { namesIn, readTemplate } from '../../scripts/vars-file.ts'
import { readWranglerConfig } from '../../scripts/wrangler-config.ts'

const config = readWranglerConfig()
const knownNames = namesIn(await readTemplate())
const r2Account = '0123456789abcdef0123456789abcdef'
const good = {
  ADMIN_TOKEN: 'a-long-admin-token-for-tests',
  PLAYBACK_SECRET: 'a-long-playback-secret-for-tests',
  LIVEKIT_API_KEY: 'APIproduction',
  LIVEKIT_API_SECRET: 'the-secret-of-production',
  S3_ACCESS_KEY_ID: 'access-key-of-production',
  S3_SECRET_ACCESS_KEY: 'secret-key-of-production',
  LIVEKIT_URL: 'wss://demo.livekit.cloud',
  S3_ENDPOINT: `https://${r2Account}.r2.cloudflarestorage.com`,
}

function faults(more: Record<string, string>): string[] {
  const settings = settingsOf(config, { ...good, ...more })
  return faultsOf(config, settings, knownNames).map(({ name, fault }) => `${name} ${fault}`)
}

describe('settings of a deployment', () => {
  it('are without fault when filled in', () => {
    expect(faults({})).toEqual([])
  })

  it('keep every secret out of the vars, optional ones too', () => {
    const extra = '{"APIold":"its secret"}'
    const { vars, secrets } = settingsOf(config, { ...good, LIVEKIT_EXTRA_KEYS: extra })
    for (const name of [...config.secrets.required, 'LIVEKIT_EXTRA_KEYS']) {
      expect(Object.keys(vars)).not.toContain(name)
      expect(Object.keys(secrets)).toContain(name)
    }
    expect(vars['LIVEKIT_URL']).toBe(good.LIVEKIT_URL)
    expect(JSON.stringify(deploymentConfig(config, { vars, secrets }))).not.toContain('its secret')
  })

  it('keep an optional secret out of the vars even where wrangler.toml has a line for it', () => {
    const named = { ...config, vars: { ...config.vars, LIVEKIT_EXTRA_KEYS: '' } }
    expect(settingsOf(named, good).vars).not.toHaveProperty('LIVEKIT_EXTRA_KEYS')
    expect(settingsOf(named, good).secrets).not.toHaveProperty('LIVEKIT_EXTRA_KEYS')
    const set = settingsOf(named, { ...good, LIVEKIT_EXTRA_KEYS: '{}' })
    expect(set.secrets['LIVEKIT_EXTRA_KEYS']).toBe('{}')
  })

  it('are refused all at once, by name and without the value', () => {
    const found = faults({
      LIVEKIT_URL: 'ws://127.0.0.1:7880',
      S3_ENDPOINT: 'http://localhost:9000',
      ADMIN_TOKEN: 'tooshort',
      LIVEKIT_API_SECRET: 'secret',
      S3_ACCESS_KEY_ID: '',
      GRACE_SECONDS: 'soon',
      LIVEKIT_API_KEYY: 'misspelt',
    })
    const names = found.map((fault) => fault.split(' ')[0])
    expect(new Set(names)).toEqual(
      new Set([
        'LIVEKIT_URL',
        'S3_ENDPOINT',
        'ADMIN_TOKEN',
        'LIVEKIT_API_SECRET',
        'S3_ACCESS_KEY_ID',
        'GRACE_SECONDS',
        'LIVEKIT_API_KEYY',
      ]),
    )
    expect(found.join(' ')).not.toMatch(/127\.0\.0\.1|tooshort|misspelt/)
  })

  it('of wrangler.toml as it is in the repository are refused for a deployment', () => {
    const names = faultsOfVars(config).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['LIVEKIT_URL', 'S3_ENDPOINT']))
  })

  it.each([
    'localhost',
    '127.0.0.1',
    '10.1.2.3',
    '172.20.0.1',
    '192.168.1.5',
    '[::1]',
    'nas.local',
  ])('know %s as a host that Cloudflare cannot reach', (host) => {
    expect(isLocalHost(host)).toBe(true)
  })

  it.each([
    'demo.livekit.cloud',
    '172.32.0.1',
    '[2001:db8::1]',
    '10.example',
    'fd.example',
    'localhost.example',
  ])('know %s as a host on the open net', (host) => {
    expect(isLocalHost(host)).toBe(false)
  })
})

describe('the store of a deployment', () => {
  it('in R2 is the bucket that LiveKit uploads into, in the jurisdiction of its endpoint', () => {
    const endpoint = `https://${r2Account}.eu.r2.cloudflarestorage.com`
    const settings = settingsOf(config, { ...good, S3_ENDPOINT: endpoint, S3_BUCKET: 'meetings' })
    expect(deploymentConfig(config, settings).r2_buckets).toEqual([
      { binding: 'BUCKET', bucket_name: 'meetings', jurisdiction: 'eu' },
    ])
  })

  it('elsewhere makes no bucket in the Cloudflare account', () => {
    const endpoint = 'https://s3.eu-central-1.amazonaws.com'
    const settings = settingsOf(config, { ...good, S3_ENDPOINT: endpoint })
    expect(deploymentConfig(config, settings).r2_buckets).toEqual([])
  })

  it('is not taken for R2 because its name begins alike', () => {
    expect(r2Of(`https://${r2Account}.r2.cloudflarestorage.com.example.org`)).toBeNull()
  })

  it('decides the account when there are several', () => {
    const accounts = [{ id: 'another' }, { id: r2Account }]
    expect(accountFor(accounts, good.S3_ENDPOINT)).toBe(r2Account)
    expect(accountFor(accounts, 'https://s3.example.org')).toBeNull()
    expect(accountFor([{ id: 'only' }], 'https://s3.example.org')).toBe('only')
  })
})

describe('the address of a deployment', () => {
  it('is an own domain before workers.dev, and PUBLIC_URL before both', () => {
    const targets = [
      'roomtape.example.workers.dev',
      'recordings.example.org (custom domain)',
      'schedule: */5 * * * *',
    ]
    expect(addressOf(targets, '')).toBe('https://recordings.example.org')
    expect(addressOf(targets.slice(0, 1), '')).toBe('https://roomtape.example.workers.dev')
    expect(addressOf(targets, 'https://tape.example.org/')).toBe('https://tape.example.org')
    expect(addressOf(['schedule: */5 * * * *'], '')).toBeNull()
  })

  it('is read from the line of the deployment, whatever else wrangler wrote', () => {
    const lines = [
      '{"type":"wrangler-session","version":1}',
      '{"type":"deploy","targets":["roomtape.example.workers.dev"]}',
      '',
    ]
    expect(targetsIn(lines.join('\n'))).toEqual(['roomtape.example.workers.dev'])
    expect(targetsIn(lines[0] ?? '')).toBeNull()
  })
})

describe('the catalogue of a deployment', () => {
  it('is found by its id where wrangler.toml has one, else by its name', () => {
    const list = [{ name: 'roomtape', uuid: 'one' }]
    expect(hasDatabase(list, { database_name: 'roomtape' })).toBe(true)
    expect(hasDatabase(list, { database_name: 'other' })).toBe(false)
    expect(hasDatabase(list, { database_name: 'roomtape', database_id: 'two' })).toBe(false)
  })
})
