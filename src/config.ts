// The configuration: strings of the environment become typed values, once, and every fault is named at once. A Worker
// with a faulty configuration serves nothing but the list of its faults. It must never show a value, only names.

export interface StorageConfig {
  endpoint: URL
  publicEndpoint: URL
  region: string
  bucket: string
  urlStyle: 'path' | 'virtual'
  accessKeyId: string
  secretAccessKey: string
}

export interface Config {
  livekit: {
    url: URL
    apiKey: string
    apiSecret: string
    /** Every key pair whose webhooks and tokens are accepted: API key → secret. */
    keys: Map<string, string>
  }
  storage: StorageConfig
  tempPrefix: string
  finalPrefix: string
  publicUrl: string | null
  egressUpload: 'request' | 'temporary' | 'server'
  silentAfterMs: number
  graceMs: number
  maxSessionMs: number
  trashMs: number
  /** Above this a file is copied in parts of `partBytes`. */
  multipartAboveBytes: number
  partBytes: number
  /** Requests to the outside that one run may make: 50 is the smallest plan's limit. */
  subrequests: number
  playbackTtlSeconds: number
  /** Origins whose players may play links; `*` is every one. */
  corsOrigins: '*' | ReadonlySet<string>
  /** Origins whose pages may show the watch page in a frame. */
  embedOrigins: string[]
  /** `stream`: downloads pass through the Worker, for stores that do not let a link name them. */
  downloads: 'redirect' | 'stream'
  adminToken: string
  playbackSecret: string
}

/** One fault of the configuration: the variable's name and what is wrong with it, never its value. */
export interface ConfigFault {
  name: string
  fault: string
}

export class ConfigError extends Error {
  readonly faults: ConfigFault[]

  constructor(faults: ConfigFault[]) {
    super(faults.map(({ name, fault }) => `${name} ${fault}`).join('; '))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** The variables as they come; anything may be missing whatever the generated types promise. */
export type RawEnv = Partial<Record<string, unknown>>

const read = new WeakMap<object, Config | ConfigError>()
const longestPresignSeconds = 7 * 24 * 3600

/**
 * The configuration of this environment, read once per isolate.
 * @throws {ConfigError} with every fault
 */
export function readConfig(env: object): Config {
  let result = read.get(env)
  if (result === undefined) {
    result = parseConfig({ ...env })
    read.set(env, result)
  }
  if (result instanceof ConfigError) throw result
  return result
}

function parseConfig(env: RawEnv): Config | ConfigError {
  const faults: ConfigFault[] = []
  const fail = (name: string, fault: string): void => void faults.push({ name, fault })
  const text = (name: string): string => {
    const value = env[name]
    return typeof value === 'string' ? value.trim() : ''
  }
  const required = (name: string): string => {
    if (text(name) === '') fail(name, 'is missing')
    return text(name)
  }
  const url = (name: string, protocols: string[], value = required(name)): URL => {
    if (value !== '' && (!URL.canParse(value) || !protocols.includes(new URL(value).protocol))) {
      fail(name, `is not a ${protocols.map((protocol) => `${protocol}//`).join(' or ')} address`)
    } else if (value !== '') return new URL(value)
    return new URL('http://invalid.invalid')
  }
  const number = (
    name: string,
    fallback: number,
    least: number,
    most = 366 * 24 * 3600,
  ): number => {
    const value = text(name)
    if (value === '') return fallback
    const parsed = Number(value)
    if (Number.isFinite(parsed) && parsed >= least && parsed <= most) return parsed
    fail(name, `is not a number between ${least} and ${most}`)
    return fallback
  }
  const oneOf = <T extends string>(name: string, choices: readonly [T, ...T[]]): T => {
    const value = text(name)
    const choice = value === '' ? choices[0] : choices.find((known) => known === value)
    if (choice === undefined) fail(name, `is none of ${choices.join(', ')}`)
    return choice ?? choices[0]
  }
  const prefix = (name: string, fallback: string): string => {
    const value = (text(name) || fallback).replace(/^\/+/, '').replace(/\/*$/, '/')
    const isSafe = value !== '/' && !/(^|\/)\.{1,2}(\/|$)|\/\//.test(value)
    if (!isSafe) fail(name, 'is not the name of a folder')
    return value
  }

  const apiKey = required('LIVEKIT_API_KEY')
  const apiSecret = required('LIVEKIT_API_SECRET')
  const tempPrefix = prefix('TEMP_PREFIX', 'temp/')
  const finalPrefix = prefix('FINAL_PREFIX', 'recordings/')
  if (tempPrefix.startsWith(finalPrefix) || finalPrefix.startsWith(tempPrefix)) {
    fail('FINAL_PREFIX', 'and TEMP_PREFIX lie in one another')
  }
  const origins = (name: string): string[] => {
    const values = text(name)
      .split(/[\s,]+/)
      .filter((value) => value !== '')
    for (const value of values) {
      if (!URL.canParse(value) || new URL(value).origin !== value) {
        fail(name, 'is not a list of origins such as https://app.example')
        break
      }
    }
    return values
  }

  const downloads = oneOf('DOWNLOADS', ['redirect', 'stream'])
  if (downloads === 'stream' && env['BUCKET'] === undefined) {
    fail('DOWNLOADS', 'is `stream`, and no R2 bucket is bound as BUCKET')
  }
  const corsOrigins = text('CORS_ORIGINS') || '*'
  const endpoint = url('S3_ENDPOINT', ['http:', 'https:'])
  const publicEndpoint = text('S3_PUBLIC_ENDPOINT')
  const publicUrl = text('PUBLIC_URL').replace(/\/+$/, '')
  const egressUpload = oneOf('EGRESS_UPLOAD', ['request', 'temporary', 'server'])
  if (egressUpload === 'temporary' && r2AccountOf(endpoint) === null) {
    fail('EGRESS_UPLOAD', 'asks for keys that only R2 has, and S3_ENDPOINT is not one of R2')
  }
  const config: Config = {
    livekit: {
      url: url('LIVEKIT_URL', ['ws:', 'wss:', 'http:', 'https:']),
      apiKey,
      apiSecret,
      keys: new Map([...extraKeys(text('LIVEKIT_EXTRA_KEYS'), fail), [apiKey, apiSecret]]),
    },
    storage: {
      endpoint,
      publicEndpoint:
        publicEndpoint === ''
          ? endpoint
          : url('S3_PUBLIC_ENDPOINT', ['http:', 'https:'], publicEndpoint),
      region: text('S3_REGION') || 'auto',
      bucket: bucket(required('S3_BUCKET'), fail),
      urlStyle: oneOf('S3_URL_STYLE', ['path', 'virtual']),
      accessKeyId: required('S3_ACCESS_KEY_ID'),
      secretAccessKey: required('S3_SECRET_ACCESS_KEY'),
    },
    tempPrefix,
    finalPrefix,
    publicUrl:
      publicUrl === '' ? null : url('PUBLIC_URL', ['http:', 'https:'], publicUrl) && publicUrl,
    egressUpload,
    silentAfterMs: number('SILENT_AFTER_SECONDS', 600, 1) * 1000,
    graceMs: number('GRACE_SECONDS', 3600, 1) * 1000,
    maxSessionMs: number('MAX_SESSION_SECONDS', 43_200, 1) * 1000,
    trashMs: number('TRASH_DAYS', 7, 0, 3660) * 24 * 3_600_000,
    // Some stores copy any size in one request, and none in parts (s3.md §3.8).
    multipartAboveBytes: number('MULTIPART_ABOVE_BYTES', 4 * 1024 ** 3, 0, 5 * 1024 ** 4),
    partBytes: number('PART_BYTES', 256 * 1024 ** 2, 5 * 1024 ** 2, 4 * 1024 ** 3),
    subrequests: number('SUBREQUESTS', 45, 20, 10_000),
    playbackTtlSeconds: number('PLAYBACK_TTL_SECONDS', 3600, 1, longestPresignSeconds - 3600),
    corsOrigins: corsOrigins === '*' ? '*' : new Set(origins('CORS_ORIGINS')),
    embedOrigins: origins('EMBED_ORIGINS'),
    downloads,
    adminToken: required('ADMIN_TOKEN'),
    playbackSecret: required('PLAYBACK_SECRET'),
  }
  return faults.length === 0 ? config : new ConfigError(faults)
}

/** The account that an endpoint of R2 belongs to, whatever its jurisdiction; `null` for another store. */
export function r2AccountOf(endpoint: URL): string | null {
  return (
    /^([0-9a-f]{32})\.(?:[a-z-]+\.)?r2\.cloudflarestorage\.com$/.exec(endpoint.hostname)?.[1] ??
    null
  )
}

type Fail = (name: string, fault: string) => void

function bucket(name: string, fail: Fail): string {
  if (name !== '' && !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    fail('S3_BUCKET', 'is not a bucket name')
  return name
}

function extraKeys(json: string, fail: Fail): [string, string][] {
  if (json === '') return []
  try {
    const parsed: unknown = JSON.parse(json)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      const pairs = Object.entries(parsed)
      if (
        pairs.every(
          (pair): pair is [string, string] => typeof pair[1] === 'string' && pair[1] !== '',
        )
      ) {
        return pairs
      }
    }
  } catch {
    // Told below, with every other way of not being such an object.
  }
  fail('LIVEKIT_EXTRA_KEYS', 'is not a JSON object of API keys and their secrets')
  return []
}
