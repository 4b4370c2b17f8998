// What worker tests do to the outside world and see of it.
import { env } from 'cloudflare:workers'
import { AwsClient } from 'aws4fetch'
import { testAgent } from '../outside/agent.ts'
import type { LiveKitOrder } from '../outside/livekit.ts'
import type { StoreFault, StoreRequest } from '../outside/store-proxy.ts'
import { encodeKey } from '../../src/storage/requests.ts'

const store = new AwsClient({
  accessKeyId: env.S3_ACCESS_KEY_ID,
  secretAccessKey: env.S3_SECRET_ACCESS_KEY,
  service: 's3',
  region: 'auto',
  retries: 0,
})

/** The store does this wrong from now on; the list of its requests begins anew. */
export async function breakStore(...faults: StoreFault[]): Promise<void> {
  await steer('store', { faults })
}

export async function healStore(): Promise<void> {
  await breakStore()
}

/** The requests that reached the store since it was last broken or healed. */
export async function storeRequests(): Promise<StoreRequest[]> {
  const response = await fetch('http://control.test/store')
  return (await response.json<{ requests: StoreRequest[] }>()).requests
}

/** Every request since the beginning, from one index on, whatever was broken or healed in between. */
export async function storeHistory(
  from: number,
): Promise<{ requests: StoreRequest[]; length: number }> {
  return (await fetch(`http://control.test/store/history?from=${from}`)).json()
}

/** What LiveKit knows, or how it fails, from now on. */
export async function setLiveKit(order: LiveKitOrder): Promise<void> {
  await steer('livekit', order)
}

export async function healLiveKit(): Promise<void> {
  await setLiveKit({})
}

/** The ids that LiveKit was asked for since it was last set. */
export async function askedOfLiveKit(): Promise<string[]> {
  const response = await fetch('http://control.test/livekit')
  return (await response.json<{ asked: string[] }>()).asked
}

/** Uploads as LiveKit does; `metadata` as `x-amz-meta-…`. */
export async function upload(
  key: string,
  body: string | Uint8Array,
  contentType = 'video/mp4',
  metadata: Record<string, string> = {},
): Promise<void> {
  const marks = Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])
  const headers = {
    'content-type': contentType,
    'user-agent': testAgent,
    ...(Object.fromEntries(marks) as Record<string, string>),
  }
  const response = await store.fetch(address(key), { method: 'PUT', body, headers })
  if (!response.ok) throw new Error(`upload of ${key}: ${response.status} ${await response.text()}`)
  await response.arrayBuffer()
}

/** The same as a multipart upload. */
export async function uploadInParts(key: string, body: string): Promise<void> {
  const ask = async (method: string, query: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { 'content-type': 'video/mp4', 'user-agent': testAgent }
    const response = await store.fetch(`${address(key)}?${query}`, { method, headers, ...init })
    if (!response.ok) throw new Error(`upload of ${key}: ${await response.text()}`)
    return response
  }
  const begun = await (await ask('POST', 'uploads=')).text()
  const uploadId = encodeURIComponent(/<UploadId>(.*)<\/UploadId>/.exec(begun)?.[1] ?? '')
  const part = await ask('PUT', `partNumber=1&uploadId=${uploadId}`, { body })
  await part.arrayBuffer()
  const etag = part.headers.get('etag') ?? ''
  const done = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`
  await (await ask('POST', `uploadId=${uploadId}`, { body: done })).arrayBuffer()
}

/** The text of an object; `null` when there is none. */
export async function download(key: string): Promise<string | null> {
  const response = await store.fetch(address(key), { headers: { 'user-agent': testAgent } })
  const body = await response.text()
  return response.status === 404 ? null : body
}

export async function removeObject(key: string): Promise<void> {
  const headers = { 'user-agent': testAgent }
  await (await store.fetch(address(key), { method: 'DELETE', headers })).arrayBuffer()
}

/** Every key of a folder. */
export async function keysUnder(prefix: string): Promise<string[]> {
  const keys: string[] = []
  for (;;) {
    const query = new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url', prefix })
    const after = keys.at(-1)
    if (after !== undefined) query.set('start-after', after)
    const headers = { 'user-agent': testAgent }
    const response = await store.fetch(`${address('')}?${query.toString()}`, { headers })
    const body = await response.text()
    if (!response.ok) throw new Error(`list: ${response.status} ${body}`)
    const found = [...body.matchAll(/<Key>(.*?)<\/Key>/gs)].map(([, key = '']) =>
      decodeURIComponent(key.replaceAll('+', ' ')),
    )
    keys.push(...found)
    if (found.length === 0 || !body.includes('<NextContinuationToken>')) return keys
  }
}

/** Takes everything out of a folder; the store of the tests keeps its objects from one test to the next. */
export async function emptyFolder(prefix: string): Promise<void> {
  const keys = await keysUnder(prefix)
  for (let index = 0; index < keys.length; index += 6) {
    await Promise.all(keys.slice(index, index + 6).map(removeObject))
  }
}

function address(key: string): string {
  return `${env.S3_ENDPOINT}/${env.S3_BUCKET}/${encodeKey(key)}`
}

async function steer(world: string, order: unknown): Promise<void> {
  const response = await fetch(`http://control.test/${world}`, {
    method: 'POST',
    body: JSON.stringify(order),
  })
  if (!response.ok) throw new Error(`control: ${response.status} ${await response.text()}`)
  await response.arrayBuffer()
}
