// The bucket as LiveKit and a person see it: uploads, downloads, lists. It goes past whatever the tests do to the Worker's
// own requests.
import { AwsClient } from 'aws4fetch'
import { EntityDecoder } from '@nodable/entities'
import { XMLParser } from 'fast-xml-parser'
import { encodeKey } from '../../src/storage/requests.ts'
import { testAgent } from './agent.ts'

const parser = new XMLParser({
  isArray: (name) => name === 'Contents',
  parseTagValue: false,
  entityDecoder: new EntityDecoder(),
})

export interface BucketAddress {
  /** S3 endpoint, without the bucket. */
  endpoint: string
  bucket: string
  accessKeyId: string
  secretAccessKey: string
}

export class Bucket {
  readonly #address: string
  readonly #client: AwsClient

  constructor({ endpoint, bucket, ...credentials }: BucketAddress) {
    this.#address = `${endpoint}/${bucket}`
    this.#client = new AwsClient({ ...credentials, service: 's3', region: 'auto', retries: 0 })
  }

  /** @param metadata the object's `x-amz-meta-…` */
  async upload(
    key: string,
    body: string | Uint8Array,
    contentType = 'video/mp4',
    metadata: Record<string, string> = {},
  ): Promise<void> {
    const headers = new Headers({ 'content-type': contentType })
    for (const [name, value] of Object.entries(metadata)) headers.set(`x-amz-meta-${name}`, value)
    await (await this.#ask('PUT', encodeKey(key), { body, headers })).arrayBuffer()
  }

  /** The same as a multipart upload. */
  async uploadInParts(key: string, body: string): Promise<void> {
    const path = encodeKey(key)
    const headers = { 'content-type': 'video/mp4' }
    const begun = await (await this.#ask('POST', `${path}?uploads=`, { headers })).text()
    const uploadId = encodeURIComponent(/<UploadId>(.*)<\/UploadId>/.exec(begun)?.[1] ?? '')
    const part = await this.#ask('PUT', `${path}?partNumber=1&uploadId=${uploadId}`, { body })
    await part.arrayBuffer()
    const parts = `<Part><PartNumber>1</PartNumber><ETag>${part.headers.get('etag')}</ETag></Part>`
    const done = `<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`
    await (await this.#ask('POST', `${path}?uploadId=${uploadId}`, { body: done })).arrayBuffer()
  }

  /** The text of an object; `null` when there is none. */
  async download(key: string): Promise<string | null> {
    const response = await this.#ask('GET', encodeKey(key), {}, [404])
    const body = await response.text()
    return response.status === 404 ? null : body
  }

  /** The bytes of an object; `null` when there is none. */
  async bytesAt(key: string): Promise<ArrayBuffer | null> {
    const response = await this.#ask('GET', encodeKey(key), {}, [404])
    const bytes = await response.arrayBuffer()
    return response.status === 404 ? null : bytes
  }

  async headersOf(key: string): Promise<Headers> {
    return (await this.#ask('HEAD', encodeKey(key))).headers
  }

  /** Gives a multipart upload up. */
  async abortUpload(key: string, uploadId: string): Promise<void> {
    const path = `${encodeKey(key)}?uploadId=${encodeURIComponent(uploadId)}`
    await (await this.#ask('DELETE', path)).arrayBuffer()
  }

  async remove(key: string): Promise<void> {
    await (await this.#ask('DELETE', encodeKey(key))).arrayBuffer()
  }

  /** The keys of a folder, of all its pages. */
  async keysUnder(prefix: string): Promise<string[]> {
    const query = `?list-type=2&encoding-type=url&prefix=${encodeURIComponent(prefix)}`
    const keys: string[] = []
    for (;;) {
      const after = keys.at(-1)
      const from = after === undefined ? '' : `&start-after=${encodeURIComponent(after)}`
      const list = parser.parse(await (await this.#ask('GET', `${query}${from}`)).text()) as {
        ListBucketResult: {
          Contents?: { Key: string }[]
          EncodingType?: string
          NextContinuationToken?: string
        }
      }
      const {
        Contents: found = [],
        NextContinuationToken: next,
        EncodingType,
      } = list.ListBucketResult
      keys.push(
        ...found.map(({ Key }) =>
          EncodingType === 'url' ? decodeURIComponent(Key.replaceAll('+', ' ')) : Key,
        ),
      )
      if (next === undefined || found.length === 0) return keys
    }
  }

  async #ask(
    method: string,
    path: string,
    init: RequestInit = {},
    expected: number[] = [],
  ): Promise<Response> {
    const headers = { ...Object.fromEntries(new Headers(init.headers)), 'user-agent': testAgent }
    const response = await this.#client.fetch(`${this.#address}/${path}`, {
      ...init,
      method,
      headers,
    })
    if (response.ok || expected.includes(response.status)) return response
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  }
}
