// The store of the tests: wrangler's own S3 endpoint over a local R2 bucket, in a workerd of its own. It really verifies
// signatures and answers with R2's errors.
import { createTestHarness } from 'wrangler'

export const storeCredentials = {
  accessKeyId: 'test-key',
  secretAccessKey: 'test-secret-of-the-store',
}
export const storeBucket = 'recordings'

export interface RunningStore {
  /** S3 endpoint, without the bucket. */
  endpoint: string
  close(): Promise<void>
}

export async function startStore(): Promise<RunningStore> {
  const harness = createTestHarness({
    root: `${import.meta.dirname}/store-worker`,
    workers: [{ configPath: './wrangler.toml' }],
  })
  const { url } = await harness.listen()
  return { endpoint: new URL('/cdn-cgi/local/r2/s3', url).href, close: () => harness.close() }
}
