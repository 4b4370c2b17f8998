// Signs and sends requests to the user's store with aws4fetch, and reads its refusals. It must never address another
// object than the one named, never retry by itself (a copy is retried by who knows what it means), and never wait for
// ever: a store that is full does not answer at all (s3.md §2.5). Outages and refusals are thrown as `Trouble`.
import { AwsV4Signer } from 'aws4fetch'
import type { StorageConfig } from '../config.ts'
import { fetchWithin } from '../fetch-within.ts'
import { isSafeKey } from '../recording/keys.ts'
import { Trouble } from '../recording/ports.ts'
import { readError } from './s3-xml.ts'

const requestTimeoutMs = 20_000

/** Encodes a key for a path, segment by segment; what `encodeURIComponent` leaves alone S3 signs encoded (s3.md §3.1). */
export function encodeKey(key: string): string {
  return key
    .split('/')
    .map((segment) =>
      encodeURIComponent(segment).replace(
        /[!'()*]/g,
        (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
      ),
    )
    .join('/')
}

/** An ETag without quotes, which some stores leave out (s3.md §3.12). */
export function bareEtag(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '')
}

export interface StoreRequest {
  method: string
  /** The empty key is the bucket. */
  key: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: Uint8Array<ArrayBuffer> | string
  timeoutMs?: number
}

export class StoreRequests {
  readonly config: StorageConfig
  /** Requests made so far: an invocation may make only so many. */
  sent = 0
  /** Signing keys of the day, shared by all requests. */
  readonly #signingKeys = new Map<string, ArrayBuffer>()

  constructor(config: StorageConfig) {
    this.config = config
  }

  get isR2(): boolean {
    return this.config.endpoint.hostname.endsWith('.r2.cloudflarestorage.com')
  }

  get isAws(): boolean {
    return this.config.endpoint.hostname.endsWith('.amazonaws.com')
  }

  /** The origin that presigned URLs lead to. */
  get publicOrigin(): string {
    return this.#url('', this.config.publicEndpoint).origin
  }

  async send(request: StoreRequest): Promise<Response> {
    const { method, key, query = {}, headers = {}, body, timeoutMs = requestTimeoutMs } = request
    const url = this.#url(key)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const signed = await this.#signer(method, url, headers).sign()
    this.sent += 1
    try {
      const { headers: signedHeaders } = signed
      const init = { method, headers: signedHeaders, redirect: 'manual' as const }
      return await fetchWithin(signed.url, body === undefined ? init : { ...init, body }, timeoutMs)
    } catch (cause) {
      const isTimeout = cause instanceof DOMException && cause.name === 'TimeoutError'
      const message = isTimeout
        ? `The store did not answer within ${timeoutMs / 1000} s.`
        : `The store at ${url.host} cannot be reached.`
      throw new Trouble(isTimeout ? 'store-timeout' : 'store-unreachable', message, { cause })
    }
  }

  /**
   * A URL that lets anyone read one object until it expires. A presigned URL is good for one method only.
   * @param signedAtMs beginning of its life; the same second gives the same URL
   */
  async presign(
    method: 'GET' | 'HEAD',
    key: string,
    life: { signedAtMs: number; seconds: number },
    responseHeaders: Record<string, string> = {},
  ): Promise<string> {
    const url = this.#url(key, this.config.publicEndpoint)
    url.searchParams.set('X-Amz-Expires', String(life.seconds))
    for (const [name, value] of Object.entries(responseHeaders)) url.searchParams.set(name, value)
    const datetime = `${new Date(life.signedAtMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
    const signed = await this.#signer(method, url, {}, { datetime, signQuery: true }).sign()
    // A space written as `+` in a query is read as a plus by some stores.
    return signed.url.href.replaceAll('+', '%20')
  }

  #signer(
    method: string,
    url: URL,
    headers: Record<string, string>,
    options: { datetime?: string; signQuery?: boolean } = {},
  ): AwsV4Signer {
    const { accessKeyId, secretAccessKey, region } = this.config
    return new AwsV4Signer({
      method,
      url: url.href,
      headers,
      accessKeyId,
      secretAccessKey,
      region,
      service: 's3',
      cache: this.#signingKeys,
      ...options,
    })
  }

  /** The address of a key, or of the bucket for the empty key. Refuses what would become another address. */
  #url(key: string, endpoint: URL = this.config.endpoint): URL {
    if (key !== '' && !isSafeKey(key))
      throw new Error('a key that addresses another object was refused')
    const { bucket, urlStyle } = this.config
    const base = new URL(endpoint)
    const folder = base.pathname.replace(/\/+$/, '')
    if (urlStyle === 'virtual') base.hostname = `${bucket}.${base.hostname}`
    const inBucket = urlStyle === 'virtual' ? folder : `${folder}/${bucket}`
    base.pathname = key === '' ? `${inBucket}/` : `${inBucket}/${encodeKey(key)}`
    return base
  }
}

const codes: Record<string, string> = {
  AccessDenied: 'access-denied',
  Unauthorized: 'wrong-credentials',
  InvalidAccessKeyId: 'wrong-credentials',
  SignatureDoesNotMatch: 'wrong-credentials',
  NoSuchBucket: 'no-such-bucket',
  NotImplemented: 'not-implemented',
  RequestTimeTooSkewed: 'store-clock',
}

const codesOfStatus: Record<number, string> = {
  401: 'wrong-credentials',
  403: 'access-denied',
  501: 'not-implemented',
}

/** What the store refused, in its own words; the words of a HEAD or of an empty body are its status. */
export function trouble(status: number, body: string): Trouble {
  const fault = readError(body)
  const byStatus = codesOfStatus[status]
  // These pass by themselves.
  const isOutage = status >= 500 || status === 429 || status === 408
  const code =
    (fault && codes[fault.code]) ?? byStatus ?? (isOutage ? 'store-outage' : 'store-refused')
  const words = fault === null ? `status ${status}` : `${fault.code}: ${fault.message}`
  return new Trouble(code, `The store answered ${words}`)
}
