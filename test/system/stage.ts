// What a system test needs around the Worker: a store behind a proxy that outlives it, a folder for its state, and the
// settings of both. Made-up secrets only.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { signed } from '../egress-events.ts'
import { Bucket } from '../outside/bucket.ts'
import { startStore, storeBucket, storeCredentials } from '../outside/store.ts'
import { startStoreServer } from '../outside/store-server.ts'
import { migrate } from './worker-process.ts'
import type { WorkerOptions } from './worker-process.ts'

const secrets = {
  LIVEKIT_API_KEY: 'APIsystem',
  LIVEKIT_API_SECRET: 'system-secret-0123456789abcdef',
  ADMIN_TOKEN: 'admin-token-of-the-system-tests',
  PLAYBACK_SECRET: 'playback-secret-of-the-system-tests',
}

export interface Stage {
  /** Past the proxy. */
  bucket: Bucket
  options: WorkerOptions
  close(): Promise<void>
}

/** @param vars settings of the Worker besides those of the store and the secrets */
export async function setStage(vars: Record<string, string>): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'roomtape-system-'))
  const storeEndpoint = await startStore()
  const store = await startStoreServer(storeEndpoint)
  const bucket = new Bucket({ endpoint: storeEndpoint, bucket: storeBucket, ...storeCredentials })
  const noVarsFile = join(folder, 'no-vars')
  await writeFile(noVarsFile, '')
  const options = {
    stateFolder: join(folder, 'state'),
    noVarsFile,
    vars: {
      ...secrets,
      S3_ENDPOINT: store.endpoint,
      S3_BUCKET: storeBucket,
      S3_ACCESS_KEY_ID: storeCredentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: storeCredentials.secretAccessKey,
      ...vars,
    },
  }
  await migrate(options.stateFolder)
  return {
    bucket,
    options,
    close: async () => {
      store.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Sends an event as LiveKit does, once. @returns the answer's status; `null` when there was no answer */
export async function sendWebhook(workerUrl: string, event: unknown): Promise<number | null> {
  const { body, headers } = await signed(event, secrets.LIVEKIT_API_KEY, secrets.LIVEKIT_API_SECRET)
  try {
    const answer = await fetch(`${workerUrl}/webhooks/livekit`, { method: 'POST', body, headers })
    await answer.arrayBuffer()
    return answer.status
  } catch {
    // Nobody is there: that is what a kill looks like from LiveKit.
    return null
  }
}

/** An answer of the API to its administrator. */
export async function askApi<T>(workerUrl: string, path: string, method = 'GET'): Promise<T> {
  const headers = { authorization: `Bearer ${secrets.ADMIN_TOKEN}` }
  const answer = await fetch(`${workerUrl}/v1/${path}`, { method, headers })
  const body = await answer.text()
  expect(answer.status, `${method} ${path}: ${body}`).toBe(200)
  return JSON.parse(body) as T
}
