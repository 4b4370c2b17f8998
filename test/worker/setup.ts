// Before each test an empty, migrated catalogue and an outside world in order; after it no object and no alarm is left.
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach } from 'vitest'
import { healLiveKit, healStore } from './outside.ts'

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
  await healStore()
  await healLiveKit()
})

afterEach(async () => {
  await reset()
})
