// The store of the tests: wrangler's own S3 endpoint over a local R2 bucket, in a process of its own. It really verifies
// signatures and answers with R2's errors. It ends with its parent, however that ends: its standard input closes then.
import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'

export const storeCredentials = {
  accessKeyId: 'test-key',
  secretAccessKey: 'test-secret-of-the-store',
}
export const storeBucket = 'recordings'

/** Starts a store and gives its S3 endpoint, without the bucket. Nothing has to be closed. */
export async function startStore(): Promise<string> {
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
