// Three kinds of tests. `unit`: pure code in Node. `worker`: the Worker in workerd, with real D1, objects and alarms, and
// every outgoing request passing through test/outside. `system`: the Worker as a child process that can be killed.
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers'
import { defineConfig } from 'vitest/config'
import { makeAssets } from './scripts/assets.ts'
import { chromiumPath } from './test/chromium.ts'
import { outsideWorld } from './test/outside/world.ts'
import { startStore, storeBucket, storeCredentials } from './test/outside/store.ts'

await makeAssets()
const storeEndpoint = await startStore()
/** Scripts that run wrangler itself: one at a time. */
const wranglerTests = ['test/scripts/deploy.test.ts', 'test/scripts/dev.test.ts']

/** Left out where there is no browser, and only there. */
const browserTests = {
  test: {
    name: 'browser',
    include: ['test/browser/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
}

export default defineConfig({
  test: {
    silent: 'passed-only',
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'test/readme.test.ts',
            'test/{recording,catalog,livekit,storage,playback,reconcile,scripts,storm}/**/*.test.ts',
          ],
          exclude: wranglerTests,
          // All projects run side by side.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            verbose: false,
            miniflare: {
              bindings: {
                TEST_MIGRATIONS: await readD1Migrations('migrations'),
                LIVEKIT_URL: 'http://livekit.test',
                LIVEKIT_API_KEY: 'APIgoldenvector',
                LIVEKIT_API_SECRET: 'golden-vector-secret-0123456789abcdef',
                LIVEKIT_EXTRA_KEYS: '{"APIsecond":"second-secret-0123456789abcdef"}',
                S3_ENDPOINT: storeEndpoint,
                S3_BUCKET: storeBucket,
                S3_ACCESS_KEY_ID: storeCredentials.accessKeyId,
                S3_SECRET_ACCESS_KEY: storeCredentials.secretAccessKey,
                TEMP_PREFIX: 'tmp/',
                // Small enough that a test can have files above it; S3's parts are 5 MiB at least.
                MULTIPART_ABOVE_BYTES: String(8 * 1024 ** 2),
                PART_BYTES: String(5 * 1024 ** 2),
                ADMIN_TOKEN: 'admin-token-of-the-tests',
                PLAYBACK_SECRET: 'playback-secret-of-the-tests',
              },
              outboundService: outsideWorld,
            },
          }),
        ],
        test: {
          name: 'worker',
          include: ['test/worker/**/*.test.ts'],
          setupFiles: ['test/worker/setup.ts'],
          maxWorkers: 1,
          isolate: false,
          testTimeout: 90_000,
          // All of them use one bucket, and empty it of what others left.
          hookTimeout: 60_000,
        },
      },
      ...(chromiumPath() === null ? [] : [browserTests]),
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts', ...wranglerTests],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
