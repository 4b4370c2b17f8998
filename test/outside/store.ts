// The store of the tests: wrangler's own S3 endpoint over a local R2 bucket, in a process of its own. It really verifies
// signatures and answers with R2's errors. It ends with its parent, however that ends: its standard input closes then.
// TEST_STORE names another S3 server instead, whose bucket is empty: http://key:secret@127.0.0.1:9000/bucket
import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'

const other = process.env['TEST_STORE'] === undefined ? null : new URL(process.env['TEST_STORE'])

export const storeCredentials = {
  accessKeyId: other?.username ?? 'test-key',
  secretAccessKey: other?.password ?? 'test-secret-of-the-store',
}
export const storeBucket = other?.pathname.split('/').at(-1) ?? 'recordings'

let address = { origin: '', bucketPath: '/' }

/** Starts a store and gives its S3 endpoint, without the bucket. Nothing has to be closed. */
export async function startStore(): Promise<string> {
  const endpoint =
    other === null
      ? await startOwnStore()
      : `${other.origin}${other.pathname.slice(0, -storeBucket.length - 1)}`
  const { origin, pathname } = new URL(endpoint)
  address = { origin, bucketPath: `${pathname.replace(/\/$/, '')}/${storeBucket}/` }
  return endpoint
}

/** Where the started store is: its origin, and the path of its bucket with the final slash. */
export function storeAddress(): { origin: string; bucketPath: string } {
  return address
}

async function startOwnStore(): Promise<string> {
  const child = spawn(process.execPath, [`${import.meta.dirname}/store-process.ts`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const endpoint = await firstLine(child.stdout)
  // Neither the child nor its pipes keep this process alive.
  child.unref()
  for (const pipe of [child.stdin, child.stdout]) if (pipe instanceof Socket) pipe.unref()
  return endpoint
}

async function firstLine(output: Readable): Promise<string> {
  for await (const chunk of output.iterator({ destroyOnReturn: false })) return String(chunk).trim()
  throw new Error('the store of the tests did not start')
}
