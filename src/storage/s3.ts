// The S3 API of the user's store, as far as we need it. What is expected to happen is a value; outages and refusals are
// thrown as `Trouble` with the store's own words. A 200 is believed only together with its body.
import type { StorageConfig } from '../config.ts'
import { Trouble } from '../recording/ports.ts'
import type { CopyOutcome, CopyRequest, ListPage, Part, Store } from '../recording/ports.ts'
import type { SourceObject } from '../recording/state.ts'
import { listPage, listUploads } from './list.ts'
import { StoreRequests, bareEtag, encodeKey, trouble } from './requests.ts'
import { hasResult, readCopiedEtag, readError, readText } from './s3-xml.ts'

/** A server-side copy of gigabytes takes its time; it may end well although we stopped waiting, so a retry looks first. */
const copyTimeoutMs = 10 * 60_000

const lostParts = new Set(['NoSuchUpload', 'InvalidPart', 'InvalidPartOrder'])

export class S3 implements Store {
  readonly requests: StoreRequests
  readonly guardsDestination: boolean
  /** The bucket has shown an object or its list: from then on a 404 in the words of S3 is the key's, not the address's. */
  #hasBucket = false

  constructor(config: StorageConfig) {
    this.requests = new StoreRequests(config)
    this.guardsDestination = this.requests.isR2 || this.requests.isAws
  }

  async head(key: string): Promise<SourceObject | null> {
    const response = await this.requests.send({ method: 'HEAD', key })
    await response.body?.cancel()
    if (response.status === 200) {
      this.#hasBucket = true
      const sizeBytes = plainLength(response.headers) ?? (await this.#sizeBytes(key))
      return sourceObject(key, response.headers, sizeBytes)
    }
    // A HEAD has no body. Some stores put their name to each answer, which the page of a proxy has not; of the others only a
    // GET says whether the key or the bucket is missing. It says as well why access was refused.
    if (response.status === 404 && this.#hasBucket && response.headers.has('x-amz-request-id'))
      return null
    const explained = await this.requests.send({
      method: 'GET',
      key,
      headers: { range: 'bytes=0-0' },
    })
    const body = explained.ok ? await drop(explained) : await explained.text()
    if (response.status === 404 && (await this.#isMissing(key, explained.status, body))) return null
    if (explained.ok)
      throw new Trouble(
        'store-unsteady',
        `HEAD answered ${response.status}, GET ${explained.status}.`,
      )
    throw trouble(explained.status, body)
  }

  /**
   * True when the answer says that there is no such object. Other words than those of S3, and the first of all, are believed
   * only together with the list: a proxy has 404 pages of its own, and to a wrong address any key is one that is not there.
   */
  async #isMissing(key: string, status: number, body: string): Promise<boolean> {
    const fault = readError(body)
    if (status !== 404 || fault?.code === 'NoSuchBucket') return false
    if (this.#hasBucket && fault !== null) return true
    const { objects } = await this.list({ prefix: key, after: null, limit: 1 })
    this.#hasBucket = true
    if (objects.some((object) => object.key === key))
      throw new Trouble('store-unsteady', `The store answered 404 for ${key}, and lists it.`)
    return true
  }

  /** The size where HEAD does not tell it: what stands before a store compresses JSON and drops the length. */
  async #sizeBytes(key: string): Promise<number> {
    const headers = { range: 'bytes=0-0' }
    const response = await this.requests.send({ method: 'GET', key, headers })
    if (!response.ok && response.status !== 416)
      throw trouble(response.status, await response.text())
    await drop(response)
    const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
    if (total !== undefined) return Number(total)
    const whole = response.status === 416 ? 0 : plainLength(response.headers)
    if (whole === null)
      throw new Trouble('store-unsteady', 'The store does not tell how long the object is.')
    return whole
  }

  async copy(request: CopyRequest): Promise<CopyOutcome> {
    const { source, finalKey } = request
    const ask = async (condition: string): Promise<Response> =>
      this.requests.send({
        method: 'PUT',
        key: finalKey,
        headers: this.#copyHeaders(request, condition),
        timeoutMs: copyTimeoutMs,
      })
    let response = await ask(source.etag)
    // A store that has no such condition may say so instead of passing it over; the look at the copy decides.
    if (mayMeanCondition(response) && source.etag !== '') response = await ask('')
    const body = await response.text()
    const fault = readError(body)
    // Copy answers 200 before it has finished and may put its failure into the body (faults S3).
    if (response.ok && readCopiedEtag(body) !== null) return 'copied'
    if (response.status === 412 || fault?.code === 'PreconditionFailed') return 'refused'
    if (fault?.code === 'NoSuchKey' || (await this.#isMissing(source.key, response.status, body)))
      return 'source-gone'
    if (response.ok && fault === null) {
      throw new Trouble(
        'store-unsteady',
        `The copy of ${source.sizeBytes} bytes was answered with half a sentence.`,
      )
    }
    throw trouble(response.status, body)
  }

  async remove(key: string, etag: string): Promise<'removed' | 'refused'> {
    const headers: Record<string, string> = etag === '' ? {} : { 'if-match': `"${etag}"` }
    let response = await this.requests.send({ method: 'DELETE', key, headers })
    // A store that has no such condition may say so instead of passing it over; the look just before has to do.
    if (mayMeanCondition(response) && etag !== '')
      response = await this.requests.send({ method: 'DELETE', key })
    const body = await response.text()
    if (response.ok || (await this.#isMissing(key, response.status, body))) return 'removed'
    if (response.status === 412) return 'refused'
    throw trouble(response.status, body)
  }

  async list(query: { prefix: string; after: string | null; limit: number }): Promise<ListPage> {
    return listPage(this.requests, query)
  }

  async text(key: string): Promise<string | null> {
    const response = await this.requests.send({ method: 'GET', key })
    const body = await response.text()
    if (response.ok) return body
    if (await this.#isMissing(key, response.status, body)) return null
    throw trouble(response.status, body)
  }

  async beginUpload(request: CopyRequest): Promise<string> {
    const headers = this.#objectHeaders(request)
    const query = { uploads: '' }
    const response = await this.requests.send({
      method: 'POST',
      key: request.finalKey,
      query,
      headers,
    })
    const body = await response.text()
    const uploadId = readText(body, 'InitiateMultipartUploadResult', 'UploadId')
    if (!response.ok || uploadId === null) throw trouble(response.status, body)
    return uploadId
  }

  async openUploads(finalKey: string): Promise<string[]> {
    return listUploads(this.requests, finalKey)
  }

  async copyPart(part: Part, source: SourceObject): Promise<string | null> {
    // No condition: R2 answers 501 to one here (s3.md §3.9); the source is looked at before the parts are joined.
    return this.#part(part, {
      'x-amz-copy-source': `/${this.requests.config.bucket}/${encodeKey(source.key)}`,
      'x-amz-copy-source-range': `bytes=${part.from}-${part.to}`,
    })
  }

  async uploadPart(part: Part, bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
    return this.#part(part, { 'content-type': 'application/octet-stream' }, bytes)
  }

  async completeUpload(finalKey: string, uploadId: string, etags: string[]): Promise<boolean> {
    const parts = etags.map(
      (etag, index) =>
        `<Part><PartNumber>${index + 1}</PartNumber><ETag>&quot;${etag}&quot;</ETag></Part>`,
    )
    const response = await this.requests.send({
      method: 'POST',
      key: finalKey,
      query: { uploadId },
      headers: { 'content-type': 'application/xml' },
      body: `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`,
      timeoutMs: copyTimeoutMs,
    })
    const body = await response.text()
    const fault = readError(body)
    if (response.ok && fault === null && hasResult(body, 'CompleteMultipartUploadResult'))
      return true
    // A store that says no more than 404 does not know the upload; parts that it does not accept it never will.
    const isUnknown = fault === null ? body.trim() === '' : fault.code !== 'NoSuchBucket'
    if ((response.status === 404 && isUnknown) || lostParts.has(fault?.code ?? '')) return false
    throw trouble(response.status, body)
  }

  async abortUpload(finalKey: string, uploadId: string): Promise<void> {
    const response = await this.requests.send({
      method: 'DELETE',
      key: finalKey,
      query: { uploadId },
    })
    const body = await response.text()
    if (response.ok || response.status === 404) return
    throw trouble(response.status, body)
  }

  /** Asks the store for the least that shows that address, bucket, credentials and clock are right. */
  async probe(): Promise<void> {
    await this.list({ prefix: '', after: null, limit: 1 })
  }

  /** ETag of the part; `null` when the store knows no such upload. */
  async #part(
    { finalKey, uploadId, number }: Part,
    headers: Record<string, string>,
    bytes?: Uint8Array<ArrayBuffer>,
  ): Promise<string | null> {
    const response = await this.requests.send({
      method: 'PUT',
      key: finalKey,
      query: { partNumber: String(number), uploadId },
      headers,
      timeoutMs: copyTimeoutMs,
      ...(bytes === undefined ? {} : { body: bytes }),
    })
    const body = await response.text()
    const fault = readError(body)
    const isUnknown = response.status === 404 && body.trim() === ''
    if (fault?.code === 'NoSuchUpload' || isUnknown) return null
    const etag = bytes === undefined ? readCopiedEtag(body) : response.headers.get('etag')
    if (!response.ok || fault !== null || etag === null) throw trouble(response.status, body)
    return bareEtag(etag)
  }

  #copyHeaders(request: CopyRequest, condition: string): Record<string, string> {
    const { source, replaces } = request
    return {
      ...this.#objectHeaders(request),
      'x-amz-copy-source': `/${this.requests.config.bucket}/${encodeKey(source.key)}`,
      // A store that gives no ETag gets no condition; the look at the copy decides (faults S14).
      ...(condition === '' ? {} : { 'x-amz-copy-source-if-match': `"${condition}"` }),
      'x-amz-metadata-directive': 'REPLACE',
      ...(this.requests.isR2 && !replaces ? { 'cf-copy-destination-if-none-match': '*' } : {}),
      ...(this.requests.isAws && !replaces ? { 'if-none-match': '*' } : {}),
    }
  }

  #objectHeaders({ contentType, contentDisposition, metadata }: CopyRequest) {
    return {
      'content-type': contentType,
      'content-disposition': contentDisposition,
      'cache-control': 'private, max-age=31536000, immutable',
      ...Object.fromEntries(
        Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]),
      ),
    }
  }
}

/** True where a store may have refused a header that it does not know, and not what was asked for. */
function mayMeanCondition({ status }: Response): boolean {
  return status === 400 || status === 405 || status === 501
}

/** The length of the object itself; `null` when it is not told, or is that of a compressed answer. */
function plainLength(headers: Headers): number | null {
  const length = headers.get('content-length')
  return length === null || headers.has('content-encoding') ? null : Number(length)
}

function sourceObject(key: string, headers: Headers, sizeBytes: number): SourceObject {
  const metadata: Record<string, string> = {}
  for (const [name, value] of headers) {
    if (name.startsWith('x-amz-meta-')) metadata[name.slice('x-amz-meta-'.length)] = value
  }
  return {
    key,
    etag: bareEtag(headers.get('etag') ?? ''),
    sizeBytes,
    lastModifiedMs: Date.parse(headers.get('last-modified') ?? '') || 0,
    contentType: headers.get('content-type'),
    metadata,
  }
}

async function drop(response: Response): Promise<string> {
  await response.body?.cancel()
  return ''
}
