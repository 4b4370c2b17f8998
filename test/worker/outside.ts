// What worker tests do to the outside world and see of it.
import { env } from 'cloudflare:workers'
import { Bucket } from '../outside/bucket.ts'
import type { BackupOrder } from '../outside/backup.ts'
import type { LiveKitCall, LiveKitOrder, LiveKitState } from '../outside/livekit.ts'
import type { StoreFault, StoreRequest } from '../outside/store-proxy.ts'

const bucket = new Bucket({
  endpoint: env.S3_ENDPOINT,
  bucket: env.S3_BUCKET,
  accessKeyId: env.S3_ACCESS_KEY_ID,
  secretAccessKey: env.S3_SECRET_ACCESS_KEY,
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
  return (await liveKitState()).asked
}

/** The calls of a method that reached LiveKit since it was last set. */
export async function liveKitCalls(method: RegExp): Promise<LiveKitCall[]> {
  return (await liveKitState()).calls.filter((call) => method.test(call.method))
}

async function liveKitState(): Promise<LiveKitState> {
  return (await fetch('http://control.test/livekit')).json()
}

/** LiveKit says something else of these egresses from now on, or has forgotten them, and goes on with what it holds. */
export async function changeLiveKit(changes: Record<string, unknown> = {}): Promise<void> {
  await steer('livekit/changes', changes)
}

/** Uploads as LiveKit does. */
export async function upload(
  key: string,
  body: string | Uint8Array,
  contentType?: string,
  metadata?: Record<string, string>,
): Promise<void> {
  await bucket.upload(key, body, contentType, metadata)
}

/** The same as a multipart upload. */
export async function uploadInParts(key: string, body: string): Promise<void> {
  await bucket.uploadInParts(key, body)
}

/** The text of an object; `null` when there is none. */
export async function download(key: string): Promise<string | null> {
  return bucket.download(key)
}

export async function removeObject(key: string): Promise<void> {
  await bucket.remove(key)
}

/** The keys of a folder. */
export async function keysUnder(prefix: string): Promise<string[]> {
  return bucket.keysUnder(prefix)
}

/** Takes everything out of a folder; the store of the tests keeps its objects from one test to the next. */
export async function emptyFolder(prefix: string): Promise<void> {
  const keys = await keysUnder(prefix)
  for (let index = 0; index < keys.length; index += 6) {
    await Promise.all(keys.slice(index, index + 6).map(removeObject))
  }
}

/** What tells the bytes of a large object from any other; `null` when there is none. */
export async function digestAt(key: string): Promise<string | null> {
  const bytes = await bucket.bytesAt(key)
  return bytes === null ? null : digestOf(bytes)
}

export async function digestOf(bytes: ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return `${bytes.byteLength}:${btoa(String.fromCharCode(...digest))}`
}

/** Headers of an object. */
export async function headersOf(key: string): Promise<Headers> {
  return bucket.headersOf(key)
}

/** Somebody else gives an upload up. */
export async function abortUpload(key: string, uploadId: string): Promise<void> {
  await bucket.abortUpload(key, uploadId)
}

/** The multipart uploads to a folder that were neither joined nor given up. */
export async function openUploads(prefix: string): Promise<string[]> {
  const response = await fetch('http://control.test/store/uploads')
  const keys = Object.values(await response.json<Record<string, string>>())
  return keys.filter((key) => key.startsWith(prefix))
}

/** What LiveKit's backup storage has and does from now on. */
export async function setBackup(order: BackupOrder): Promise<void> {
  await steer('backup', order)
}

/** The ranges that the backup storage was asked for since it was last set. */
export async function rangesOfBackup(): Promise<string[]> {
  const response = await fetch('http://control.test/backup')
  return (await response.json<{ ranges: string[] }>()).ranges
}

async function steer(world: string, order: unknown): Promise<void> {
  const response = await fetch(`http://control.test/${world}`, {
    method: 'POST',
    body: JSON.stringify(order),
  })
  if (!response.ok) throw new Error(`control: ${response.status} ${await response.text()}`)
  await response.arrayBuffer()
}
