// Before each test an empty, migrated catalogue and an outside world in order; after it no object and no alarm is left.
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { playerMemory } from '../../src/routes/player-memory.ts'
import { healLiveKit, healStore } from './outside.ts'

beforeEach(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
  await healStore()
  await healLiveKit()
})

afterEach(async () => {
  await reset()
  // What the isolate remembers is of recordings that are gone now.
  playerMemory(readConfig(env)).clear()
})
