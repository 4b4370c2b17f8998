// What holds in every story, whatever breaks: nothing is deleted outside the temp folder, nothing in it before its final
// copy was looked at, the bucket itself is never changed, and every byte that LiveKit put into the bucket is still
// there. Checked after each test of a file that calls `watchBucket`.
import { env } from 'cloudflare:workers'
import { AwsClient } from 'aws4fetch'
import { XMLParser } from 'fast-xml-parser'
import { afterEach, beforeEach, expect } from 'vitest'
import { testAgent } from '../outside/agent.ts'
import type { StoreRequest } from '../outside/store-proxy.ts'
import { letTimeRun } from './clock.ts'
import { download, healStore, storeHistory, upload, uploadInParts } from './outside.ts'

const client = new AwsClient({
  accessKeyId: env.S3_ACCESS_KEY_ID,
  secretAccessKey: env.S3_SECRET_ACCESS_KEY,
  service: 's3',
  region: 'auto',
  retries: 0,
})

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

/** The keys of a folder. */
export async function keysUnder(prefix: string): Promise<string[]> {
  const url = new URL(`${env.S3_ENDPOINT}/${env.S3_BUCKET}/`)
  url.search = `?list-type=2&encoding-type=url&prefix=${encodeURIComponent(prefix)}`
  const response = await client.fetch(url, { headers: { 'user-agent': testAgent } })
  const parser = new XMLParser({ isArray: (name) => name === 'Contents', parseTagValue: false })
  const list = parser.parse(await response.text()) as {
    ListBucketResult: { Contents?: { Key: string }[] }
  }
  return (list.ListBucketResult.Contents ?? []).map(({ Key }) => decodeURIComponent(Key))
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
    expectCarefulDeletes(requests)
    for (const { key, bytes } of uploads) await expectKept(key, bytes, requests)
  }, 60_000)
}

function expectCarefulDeletes(requests: StoreRequest[]): void {
  const lookedAt = new Set<string>()
  for (const { method, key, query, storeStatus, sameBytesAt } of requests) {
    if (method !== 'GET') expect(key, `${method} of the bucket itself`).not.toBe('')
    if (method === 'HEAD' && storeStatus === 200) lookedAt.add(key)
    // An upload that is given up is no object yet.
    if (method !== 'DELETE' || storeStatus === null || query.includes('uploadId=')) continue
    expect(key.replace(/^\/+/, ''), 'a deleted key').toMatch(/^tmp\//)
    // A kill can leave a second DELETE behind, which finds nothing.
    if (sameBytesAt === null) continue
    const copies = sameBytesAt.filter((copy) => copy.startsWith('recordings/'))
    expect(
      copies.some((copy) => lookedAt.has(copy)),
      `${key} was deleted; its bytes lie at ${copies.join() || 'no final key'}`,
    ).toBe(true)
  }
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
