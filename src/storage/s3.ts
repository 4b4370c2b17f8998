// The S3 API of the user's store, as far as we need it, over aws4fetch. It must never touch another object than the one
// named, never retry by itself (a copy is retried by who knows what it means), and never wait for ever. It throws
// `Trouble` for outages and refusals, with the store's own words; what is expected to happen is a value.
import { AwsV4Signer } from 'aws4fetch'
import type { StorageConfig } from '../config.ts'
import { isSafeKey } from '../recording/keys.ts'
import { Trouble } from '../recording/ports.ts'
import type { CopyOutcome, CopyRequest, Store } from '../recording/ports.ts'
import type { SourceObject } from '../recording/state.ts'
import { hasResult, readError } from './s3-xml.ts'

const requestTimeoutMs = 20_000
/** A server-side copy of gigabytes takes its time; it may end well although we stopped waiting, so a retry looks first. */
const copyTimeoutMs = 10 * 60_000

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

export class S3 implements Store {
  readonly #config: StorageConfig
  /** Signing keys of the day, shared by all requests. */
  readonly #signingKeys = new Map<string, ArrayBuffer>()
  readonly guardsDestination: boolean

  constructor(config: StorageConfig) {
    this.#config = config
    const { hostname } = config.endpoint
    this.guardsDestination = isR2(hostname) || isAws(hostname)
  }

  async head(key: string): Promise<SourceObject | null> {
    const response = await this.#send('HEAD', key)
    await response.body?.cancel()
    if (response.status === 200) return sourceObject(key, response.headers)
    // A HEAD has no body; only a GET says whether the key or the bucket is missing, and why access was refused.
    const explained = await this.#send('GET', key, { range: 'bytes=0-0' })
    const body = explained.ok ? await drop(explained) : await explained.text()
    const fault = readError(body)
    const isMissing = response.status === 404 && explained.status === 404
    if (isMissing && fault?.code !== 'NoSuchBucket') return null
    if (explained.ok)
      throw new Trouble(
        'store-unsteady',
        `HEAD answered ${response.status}, GET ${explained.status}.`,
      )
    throw trouble(explained.status, body)
  }

  async copy(request: CopyRequest): Promise<CopyOutcome> {
    const { source, finalKey } = request
    const response = await this.#send('PUT', finalKey, this.#copyHeaders(request), copyTimeoutMs)
    const body = await response.text()
    const fault = readError(body)
    // Copy answers 200 before it has finished and may put its failure into the body (faults S3).
    if (response.ok && fault === null && hasResult(body, 'CopyObjectResult')) return 'copied'
    if (response.status === 412 || fault?.code === 'PreconditionFailed') return 'refused'
    if (
      fault?.code === 'NoSuchKey' ||
      (response.status === 404 && fault?.code !== 'NoSuchBucket')
    ) {
      return 'source-gone'
    }
    if (response.ok && fault === null) {
      throw new Trouble(
        'store-unsteady',
        `The copy of ${source.sizeBytes} bytes was answered with half a sentence.`,
      )
    }
    throw trouble(response.status, body)
  }

  async remove(key: string, etag: string): Promise<void> {
    const response = await this.#send('DELETE', key, etag === '' ? {} : { 'if-match': `"${etag}"` })
    const body = await response.text()
    if (response.ok || response.status === 404) return
    throw trouble(response.status, body)
  }

  /** Asks the store for the least that shows that address, bucket, credentials and clock are right. */
  async probe(): Promise<void> {
    const url = this.#url('')
    url.search = '?list-type=2&max-keys=1'
    const response = await this.#fetch('GET', url, {}, requestTimeoutMs)
    const body = await response.text()
    if (!response.ok || !hasResult(body, 'ListBucketResult')) throw trouble(response.status, body)
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
    const url = this.#url(key, this.#config.publicEndpoint)
    url.searchParams.set('X-Amz-Expires', String(life.seconds))
    for (const [name, value] of Object.entries(responseHeaders)) url.searchParams.set(name, value)
    const datetime = `${new Date(life.signedAtMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
    const signed = await this.#signer(method, url, {}, { datetime, signQuery: true }).sign()
    // A space written as `+` in a query is read as a plus by some stores.
    return signed.url.href.replaceAll('+', '%20')
  }

  #copyHeaders({ source, contentType, contentDisposition, metadata, replaces }: CopyRequest) {
    const { hostname } = this.#config.endpoint
    return {
      'x-amz-copy-source': `/${this.#config.bucket}/${encodeKey(source.key)}`,
      // A store that gives no ETag gets no condition; the look at the copy decides (faults S14).
      ...(source.etag === '' ? {} : { 'x-amz-copy-source-if-match': `"${source.etag}"` }),
      'x-amz-metadata-directive': 'REPLACE',
      'content-type': contentType,
      'content-disposition': contentDisposition,
      'cache-control': 'private, max-age=31536000, immutable',
      ...Object.fromEntries(
        Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]),
      ),
      ...(isR2(hostname) && !replaces ? { 'cf-copy-destination-if-none-match': '*' } : {}),
      ...(isAws(hostname) && !replaces ? { 'if-none-match': '*' } : {}),
    }
  }

  async #send(
    method: string,
    key: string,
    headers: Record<string, string> = {},
    timeoutMs = requestTimeoutMs,
  ): Promise<Response> {
    return this.#fetch(method, this.#url(key), headers, timeoutMs)
  }

  async #fetch(
    method: string,
    url: URL,
    headers: Record<string, string>,
    timeoutMs: number,
  ): Promise<Response> {
    const signed = await this.#signer(method, url, headers).sign()
    try {
      return await fetch(signed.url, {
        method,
        headers: signed.headers,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
    } catch (cause) {
      const isTimeout = cause instanceof DOMException && cause.name === 'TimeoutError'
      const message = isTimeout
        ? `The store did not answer within ${timeoutMs / 1000} s.`
        : `The store at ${url.host} cannot be reached.`
      throw new Trouble(isTimeout ? 'store-timeout' : 'store-unreachable', message, { cause })
    }
  }

  #signer(
    method: string,
    url: URL,
    headers: Record<string, string>,
    options: { datetime?: string; signQuery?: boolean } = {},
  ): AwsV4Signer {
    const { accessKeyId, secretAccessKey, region } = this.#config
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
  #url(key: string, endpoint: URL = this.#config.endpoint): URL {
    if (key !== '' && !isSafeKey(key))
      throw new Error('a key that addresses another object was refused')
    const { bucket, urlStyle } = this.#config
    const base = new URL(endpoint)
    const folder = base.pathname.replace(/\/+$/, '')
    if (urlStyle === 'virtual') base.hostname = `${bucket}.${base.hostname}`
    const inBucket = urlStyle === 'virtual' ? folder : `${folder}/${bucket}`
    base.pathname = key === '' ? `${inBucket}/` : `${inBucket}/${encodeKey(key)}`
    return base
  }
}

function isR2(hostname: string): boolean {
  return hostname.endsWith('.r2.cloudflarestorage.com')
}

function isAws(hostname: string): boolean {
  return hostname.endsWith('.amazonaws.com')
}

function sourceObject(key: string, headers: Headers): SourceObject {
  const metadata: Record<string, string> = {}
  for (const [name, value] of headers) {
    if (name.startsWith('x-amz-meta-')) metadata[name.slice('x-amz-meta-'.length)] = value
  }
  return {
    key,
    etag: bareEtag(headers.get('etag') ?? ''),
    sizeBytes: Number(headers.get('content-length') ?? 0),
    lastModifiedMs: Date.parse(headers.get('last-modified') ?? '') || 0,
    contentType: headers.get('content-type'),
    metadata,
  }
}

async function drop(response: Response): Promise<string> {
  await response.body?.cancel()
  return ''
}

const codes: Record<string, string> = {
  AccessDenied: 'access-denied',
  Unauthorized: 'wrong-credentials',
  InvalidAccessKeyId: 'wrong-credentials',
  SignatureDoesNotMatch: 'wrong-credentials',
  NoSuchBucket: 'no-such-bucket',
  RequestTimeTooSkewed: 'store-clock',
}

/** What the store refused, in its own words; the words of a HEAD or of an empty body are its status. */
function trouble(status: number, body: string): Trouble {
  const fault = readError(body)
  const byStatus =
    status === 401 ? 'wrong-credentials' : status === 403 ? 'access-denied' : undefined
  const code =
    (fault && codes[fault.code]) ?? byStatus ?? (status >= 500 ? 'store-outage' : 'store-refused')
  const words = fault === null ? `status ${status}` : `${fault.code}: ${fault.message}`
  return new Trouble(code, `The store answered ${words}`)
}
