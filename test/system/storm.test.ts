// The storm on real processes: twenty recordings, a store and a LiveKit that fail, webhooks lost, doubled and out of order,
// and SIGKILL for wrangler and workerd at moments that nobody chose. Then the world is healed, and everything must be as if
// nothing had happened. `STORM_SEED=N` runs a seed again: the same recordings, faults and moments, as far as processes can.
import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { steerBackup } from '../outside/backup.ts'
import { expectCarefulDeletes } from '../outside/careful-deletes.ts'
import type { HttpServer } from '../outside/http-server.ts'
import { startLiveKitServer } from '../outside/livekit-server.ts'
import { steerLiveKit } from '../outside/livekit.ts'
import { openUploads, steerStore, storeHistory } from '../outside/store-proxy.ts'
import { Random } from '../storm/random.ts'
import { askApi, sendWebhook, setStage } from './stage.ts'
import type { Stage } from './stage.ts'
import { finalBodies, stormRecordings } from './storm-recordings.ts'
import type { StormRecording } from './storm-recordings.ts'
import { calmLiveKit, deliveriesOf, liveKitOf, storeFaultsOf } from './storm-weather.ts'
import type { Delivery } from './storm-weather.ts'
import { startWorker } from './worker-process.ts'
import type { WorkerProcess } from './worker-process.ts'

const seed = Number(process.env['STORM_SEED'] ?? randomInt(2 ** 31))
const random = new Random(seed)
const kills = 4
/** It is killed after so many requests to the store at most, or when it has none to make for so long. */
const mostRequests = 50
const idleMs = 1_500
/** The last kill is noticed after half a minute; a busy machine takes its time. */
const healedWithinMs = 180_000

interface TimelineItem {
  source: string
  type: string
  detail: Record<string, unknown>
}

let livekit: HttpServer
let stage: Stage
let worker: WorkerProcess
let recordings: StormRecording[] = []
/** LiveKit tries these again. */
let undelivered: Delivery[] = []

async function deliver(delivery: Delivery): Promise<void> {
  const status = await sendWebhook(worker.url, delivery.event)
  if (status !== 200 && delivery.isCertain) undelivered.push(delivery)
}

/** One run of the sweep, as the cron makes it. */
async function sweep(): Promise<void> {
  await askApi(worker.url, 'sweeps', 'POST')
}

/** Until the Worker has made so many requests to the store, or makes none. */
async function untilBusy(requests: number): Promise<void> {
  const length = (): number => storeHistory(Number.MAX_SAFE_INTEGER).length
  const target = length() + requests
  let last = { length: -1, atMs: Date.now() }
  await vi.waitUntil(
    () => {
      if (length() !== last.length) last = { length: length(), atMs: Date.now() }
      return length() >= target || Date.now() - last.atMs > idleMs
    },
    { timeout: 60_000, interval: 5 },
  )
}

/** Weather, some webhooks, perhaps a sweep, and an end without a word. */
async function spell(deliveries: Delivery[]): Promise<void> {
  const isSweeping = random.chance(0.5)
  const faults = storeFaultsOf(random)
  // The lease of a sweep that is killed holds for a quarter of an hour, longer than this test: a sweep is let come to its end.
  steerStore({ faults: faults.filter((fault) => !isSweeping || fault.waits === undefined) })
  steerLiveKit(liveKitOf(random, recordings))
  const requests = random.between(1, mostRequests)
  const again = undelivered
  undelivered = []
  const sent = [...again, ...deliveries].map(deliver)
  if (isSweeping) await sweep()
  await untilBusy(requests)
  await worker.kill()
  await Promise.all(sent)
}

async function listed(): Promise<Map<string, RecordingJson>> {
  const { recordings: page } = await askApi<{ recordings: RecordingJson[] }>(
    worker.url,
    'recordings?limit=200',
  )
  return new Map(page.map((recording) => [recording.egressId, recording]))
}

/** What is still to be done, in words. */
async function unfinished(): Promise<string[]> {
  const known = await listed()
  const left: string[] = []
  for (const { egressId, shape, certain, status, media } of recordings) {
    const now = known.get(egressId)?.status ?? 'unknown'
    if (now !== status) left.push(`${egressId}, ${shape} known by its ${certain}, is ${now}`)
    const temp = await stage.bucket.keysUnder(`temp/${egressId}/`)
    const stays = temp.filter((key) => media.some((uploaded) => uploaded.key === key))
    if (stays.length > 0) left.push(`${egressId}, ${shape}, has left ${stays.join(', ')}`)
  }
  return left
}

beforeAll(async () => {
  console.log(`STORM_SEED=${seed}`)
  livekit = await startLiveKitServer()
  stage = await setStage({
    LIVEKIT_URL: livekit.origin,
    // A day in the life of a recording passes in seconds.
    SILENT_AFTER_SECONDS: '5',
    GRACE_SECONDS: '5',
    MULTIPART_ABOVE_BYTES: String(6 * 1024 ** 2),
    PART_BYTES: String(5 * 1024 ** 2),
  })
  recordings = stormRecordings(random, livekit.origin)
  const backups = recordings.flatMap(({ backup }) => (backup === null ? [] : [backup]))
  steerBackup({
    files: Object.fromEntries(backups.map(({ path, sizeBytes }) => [path, sizeBytes])),
  })
  for (const { media, manifest } of recordings) {
    const uploads = manifest === null ? media : [...media, manifest]
    for (const { key, body, contentType } of uploads)
      await stage.bucket.upload(key, body, contentType)
  }
  const deliveries = deliveriesOf(random, recordings)
  const share = Math.ceil(deliveries.length / kills)
  for (let at = 0; at < deliveries.length; at += share) {
    worker = await startWorker(stage.options)
    await spell(deliveries.slice(at, at + share))
  }
  steerStore({ faults: [] })
  steerLiveKit(calmLiveKit(recordings))
  worker = await startWorker(stage.options)
  while (undelivered.length > 0) await deliver(undelivered.shift() as Delivery)
}, 300_000)

afterAll(async () => {
  await worker.kill()
  livekit.close()
  await stage.close()
})

describe(`a storm on real processes, STORM_SEED=${seed}`, () => {
  it(
    'leaves every recording ready, and no media in the temp folder',
    async () => {
      await expect
        .poll(
          async () => {
            await sweep()
            return unfinished()
          },
          { timeout: healedWithinMs, interval: 1_000 },
        )
        .toEqual([])
    },
    healedWithinMs + 30_000,
  )

  it('leaves the bytes of every file in the final folder, once', async () => {
    for (const recording of recordings) {
      const keys = await stage.bucket.keysUnder(`recordings/${recording.egressId}/`)
      const bodies = await Promise.all(
        keys.map(async (key) => {
          const bytes = await stage.bucket.bytesAt(key)
          return Buffer.from(bytes ?? '').toString('latin1')
        }),
      )
      for (const body of finalBodies(recording)) {
        const at = keys.filter((_, index) => bodies[index] === body)
        expect(at, `${recording.egressId}, ${recording.shape}: ${keys.join(', ')}`).toHaveLength(1)
      }
    }
  })

  it('leaves a catalogue that equals the objects, with nobody to look at anything', async () => {
    const known = await listed()
    expect([...known.keys()].toSorted()).toEqual(
      recordings.map(({ egressId }) => egressId).toSorted(),
    )
    for (const { egressId, shape } of recordings) {
      const { updatedAt: _, ...ofTheObject } = await askApi<RecordingJson>(
        worker.url,
        `recordings/${egressId}/reconcile`,
        'POST',
      )
      expect(ofTheObject.attention, `${egressId}, ${shape}`).toBeNull()
      await expect
        .poll(async () => (await listed()).get(egressId), { timeout: 30_000 })
        .toMatchObject(ofTheObject)
    }
  })

  it('tells in each timeline what happened, from the first witness to the end', async () => {
    for (const { egressId, shape, status } of recordings) {
      const { items } = await askApi<{ items: TimelineItem[] }>(
        worker.url,
        `recordings/${egressId}/timeline`,
      )
      expect(['webhook', 'livekit', 'manifest', 'object']).toContain(items[0]?.source)
      const changes = items.filter(({ type }) => type === 'status.changed')
      expect(changes.at(-1)?.detail['to'], `${egressId}, ${shape}`).toBe(status)
    }
  })

  it('leaves no upload open that it began', () => {
    expect(openUploads()).toEqual({})
  })

  it('deleted nothing before its copy, with the same bytes, had been looked at', () => {
    expectCarefulDeletes(storeHistory(0).requests, 'temp/')
  })
})
