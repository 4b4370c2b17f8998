// The whole machine dies in the middle of moves: wrangler and workerd end with SIGKILL, while the store is busy with what
// it was asked. Started again on the same disk, nobody says a word to it, and each recording becomes ready by itself:
// what was answered with 200 is stored, and the alarm survives. One kill for all, so that it can wait for the real clock.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { expectCarefulDeletes } from '../outside/careful-deletes.ts'
import { steerStore, storeHistory } from '../outside/store-proxy.ts'
import type { StoreFault } from '../outside/store-proxy.ts'
import { askApi, sendWebhook, setStage } from './stage.ts'
import type { Stage } from './stage.ts'
import { startWorker } from './worker-process.ts'
import type { WorkerProcess } from './worker-process.ts'

/** The object comes again half a minute after it was cut off. */
const readyWithinMs = 60_000

let stage: Stage
let worker: WorkerProcess

const copying = story('copying')
const looking = story('looking')
const deleting = story('deleting')
const answered = story('answered')
const halfTold = story('halfTold')
const stories = [copying, looking, deleting, answered, halfTold]

function story(name: string): Recorded & { bytes: string } {
  const egressId = `EG_${name}`
  const endedAtMs = Date.now() - 1_000
  const bytes = `the recording that was killed: ${name}`
  return {
    egressId,
    roomName: 'standup',
    filename: `temp/${egressId}/video.mp4`,
    sizeBytes: bytes.length,
    startedAtMs: endedAtMs - 60_000,
    endedAtMs,
    bytes,
  }
}

async function webhook(event: unknown): Promise<void> {
  expect(await sendWebhook(worker.url, event)).toBe(200)
}

async function read(egressId: string): Promise<RecordingJson> {
  return askApi(worker.url, `recordings/${egressId}`)
}

async function becomesReady({ egressId, bytes }: Recorded & { bytes: string }): Promise<void> {
  const final = `recordings/${egressId}/video.mp4`
  await expect
    .poll(() => read(egressId), { timeout: readyWithinMs, interval: 200 })
    .toMatchObject({ status: 'ready', attention: null, files: [{ key: final, state: 'final' }] })
  await expect.poll(() => stage.bucket.keysUnder(`temp/${egressId}/`)).toEqual([])
  expect(await stage.bucket.keysUnder(`recordings/${egressId}/`)).toEqual([final])
  expect(await stage.bucket.download(final)).toBe(bytes)
}

/** The first such request of each kind waits at the store. */
const moments: (StoreFault & { method: string; key: string })[] = [
  { method: 'PUT', key: `recordings/${copying.egressId}/` },
  // The first look at a final key asks whether it is free.
  { method: 'HEAD', key: `recordings/${looking.egressId}/`, skip: 1 },
  { method: 'DELETE', key: `temp/${deleting.egressId}/` },
]

beforeAll(async () => {
  stage = await setStage({ LIVEKIT_URL: 'http://127.0.0.1:9' })
  worker = await startWorker(stage.options)

  for (const { filename, bytes } of stories) await stage.bucket.upload(filename, bytes)
  steerStore({ faults: moments.map((moment) => ({ ...moment, times: 1, waits: 'before' })) })
  for (const moved of [copying, looking, deleting])
    for (const event of wholeLife(moved)) await webhook(event)
  for (const { method, key, skip = 0 } of moments) {
    const arrived = (): number =>
      steerStore(null).requests.filter((seen) => seen.method === method && seen.key.includes(key))
        .length
    await vi.waitUntil(() => arrived() === skip + 1, { timeout: 20_000 })
  }
  for (const event of wholeLife(halfTold).slice(0, 2)) await webhook(event)
  for (const event of wholeLife(answered)) await webhook(event)
  await worker.kill()
  // What the store had been asked for it does now, and nobody hears its answers.
  steerStore({ faults: [] })
  worker = await startWorker(stage.options)
})

afterAll(async () => {
  await worker.kill()
  await stage.close()
})

describe('S2: the machine died', () => {
  it('right after the last webhook was answered with 200: it is not forgotten', async () => {
    await becomesReady(answered)
  })

  it('between two webhooks: the first ones count when the last one comes', async () => {
    expect(await read(halfTold.egressId)).toMatchObject({ status: 'active' })
    await webhook(wholeLife(halfTold).at(-1))
    await becomesReady(halfTold)
  })

  it('while the store was copying: the copy is found, and not made twice', async () => {
    await becomesReady(copying)
    const copies = storeHistory(0).requests.filter(
      ({ copySource, key }) => copySource !== null && key.includes(copying.egressId),
    )
    expect(copies).toHaveLength(1)
  })

  it('while it looked at the copy: it looks again', async () => {
    await becomesReady(looking)
  })

  it('while it deleted the temp file: the file is gone, and the recording is whole', async () => {
    await becomesReady(deleting)
  })

  it('and no temp file was deleted before its copy had been looked at', () => {
    const { requests } = storeHistory(0)
    expect(requests.filter(({ method }) => method === 'DELETE').length).toBeGreaterThanOrEqual(5)
    expectCarefulDeletes(requests, 'temp/')
  })
})
