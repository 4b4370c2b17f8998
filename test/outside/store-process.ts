// The process of the store: prints its S3 endpoint and runs until its standard input closes.
import { createTestHarness } from 'wrangler'

const harness = createTestHarness({
  root: `${import.meta.dirname}/store-worker`,
  workers: [{ configPath: './wrangler.toml' }],
})
const { url } = await harness.listen()
console.log(new URL('/cdn-cgi/local/r2/s3', url).href)
process.stdin.resume()
process.stdin.once('end', () => {
  void harness.close().finally(() => process.exit())
})
