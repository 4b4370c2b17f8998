// What holds in every story, whatever breaks: nothing is deleted outside the temp folder, nothing in it before its final
// copy was looked at, the bucket itself is never changed, and every byte that LiveKit put into the bucket is still
// there. Checked after each test of a file that calls `watchBucket`.
import { afterEach, beforeEach, expect } from 'vitest'
import { expectCarefulDeletes } from '../outside/careful-deletes.ts'
import type { StoreRequest } from '../outside/store-proxy.ts'
import { letTimeRun } from './clock.ts'
import { download, healStore, storeHistory, upload, uploadInParts } from './outside.ts'

let from = 0
let uploads: { key: string; bytes: string }[] = []

/** Uploads bytes that must never be lost. */
export async function put(key: string, bytes: string): Promise<void> {
  await upload(key, bytes)
  uploads.push({ key, bytes })
}

/** The same in parts, as LiveKit uploads what is large: the ETag is no hash of the bytes then, and a copy has another. */
export async function putInParts(key: string, bytes: string): Promise<void> {
  await uploadInParts(key, bytes)
  uploads.push({ key, bytes })
}

/** LiveKit overwrites its own file before we ever copied it: the earlier bytes are nobody's loss but its own. */
export async function putOver(key: string, bytes: string): Promise<void> {
  uploads = uploads.filter((known) => known.key !== key)
  await put(key, bytes)
}

/** Ten bytes that no other test has. */
export function tenBytes(): string {
  return crypto.randomUUID().slice(-10)
}

/** Checks after each test of this file that nothing was lost, and starts the clock again. */
export function watchBucket(): void {
  beforeEach(async () => {
    from = (await storeHistory(Number.MAX_SAFE_INTEGER)).length
    uploads = []
  })
  afterEach(async () => {
    letTimeRun()
    await healStore()
    const { requests } = await storeHistory(from)
    expectCarefulDeletes(requests, 'tmp/')
    for (const { key, bytes } of uploads) await expectKept(key, bytes, requests)
  }, 60_000)
}

/** Kept where LiveKit put it, or at a key that it was copied to. */
async function expectKept(key: string, bytes: string, requests: StoreRequest[]): Promise<void> {
  const copies = requests.flatMap((seen) => {
    const isOfIt =
      seen.copySource !== null && decodeURIComponent(seen.copySource).endsWith(`/${key}`)
    return isOfIt ? [seen.key] : []
  })
  for (const place of [key, ...copies]) if ((await download(place)) === bytes) return
  expect.fail(`${bytes}, which was put at ${key}, is nowhere any more`)
}
