// The process dies. Exists for evictions, deploys and kills at every point of a move: before and after each request to the
// store, and before the catalogue hears of it. Whatever was cut off, the end is the same: one final object, the same
// bytes, a clean temp folder, a row that says so, and an alarm that comes by itself.
import { abortAllDurableObjects, evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import type { RecordingState } from '../../src/recording/state.ts'
import { wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import type { StoreFault } from '../outside/store-proxy.ts'
import { put, putInParts, tenBytes, watchBucket } from './bucket-safety.ts'
import { alarmAtMs, passUntil, passUntilQuiet, recordedNow, ring, stopTime } from './clock.ts'
import { breakStore, download, healStore, keysUnder, storeRequests } from './outside.ts'
import { inStorage, objectOf, read, webhooks } from './story.ts'

watchBucket()
beforeEach(stopTime)

/** The requests of a move, in their order. */
const requests = [
  'the look at the temp file',
  'the look whether the final key is free',
  'the copy',
  'the look at the copy',
  'the last look at the temp file',
  'the delete',
]

/** The object's process dies while the store is busy with a request; the store goes on as if nothing had happened. */
async function crashAt(story: Recorded, moment: StoreFault): Promise<void> {
  const before = (await storeRequests()).length
  await breakStore({ times: 1, ...moment })
  const cut = ring(story.egressId).then(
    () => 'done',
    () => 'cut',
  )
  const arrived = (moment.skip ?? 0) + 1
  await expect.poll(async () => (await storeRequests()).length).toBe(arrived)
  await abortAllDurableObjects()
  await healStore()
  expect(await cut, `after ${before} requests`).toBe('cut')
}

async function endsTheSame(story: Recorded, bytes: string): Promise<void> {
  await passUntil(story.egressId, ({ status }) => status === 'ready')
  await passUntilQuiet(story.egressId)
  const final = `recordings/${story.egressId}/video.mp4`
  expect(await read(story.egressId)).toMatchObject({
    status: 'ready',
    attention: null,
    error: null,
    sizeBytes: 10,
    files: [{ name: 'video.mp4', key: final, state: 'final' }],
  })
  expect(await keysUnder(`recordings/${story.egressId}/`)).toEqual([final])
  expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
  expect(await download(final)).toBe(bytes)
}

describe.each([
  ['a file in one piece', put],
  ['a file that was uploaded in parts', putInParts],
])('S2: %s', (_, putFile) => {
  describe.each(requests.map((name, index) => ({ name, skip: index })))(
    'killed',
    ({ name, skip }) => {
      it.each(['before', 'after'] as const)(`%s ${name} was done: ends the same`, async (waits) => {
        const story = recordedNow()
        const bytes = tenBytes()
        await putFile(story.filename, bytes)
        await webhooks(...wholeLife(story))
        await crashAt(story, { skip, waits })
        const alarmMs = await alarmAtMs(story.egressId)
        expect((alarmMs ?? Infinity) - Date.now(), 'ms until it comes again').toBeLessThanOrEqual(
          30_000,
        )
        await endsTheSame(story, bytes)
      })
    },
  )
})

describe('S2: killed again and again', () => {
  it('at the copy, ten times, each copy made and none noted: ends the same', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await crashAt(story, { skip: 2, waits: 'after' })
    // From now on the copy is there: what dies is the look that would find it.
    for (let kill = 0; kill < 9; kill += 1) await crashAt(story, { waits: 'after' })
    await endsTheSame(story, bytes)
  })

  it('evicted after every alarm, while every request fails once: ends the same', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    const answer = { status: 503 }
    await breakStore(
      ...['tmp/', 'recordings/'].flatMap((key): StoreFault[] =>
        ['HEAD', 'PUT', 'DELETE'].map((method) => ({ method, key, times: 1, answer })),
      ),
      { method: 'HEAD', key: 'tmp/', skip: 1, times: 1, answer },
    )
    let evictions = 0
    while ((await alarmAtMs(story.egressId)) !== null) {
      await ring(story.egressId)
      await evictDurableObject(objectOf(story.egressId))
      evictions += 1
      if ((await read(story.egressId)).status === 'ready' && evictions > 5) break
    }
    expect(evictions).toBeGreaterThanOrEqual(5)
    await endsTheSame(story, bytes)
  })

  it('evicted between every two webhooks: nothing that was answered with 200 is forgotten', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    for (const event of wholeLife(story)) {
      await webhooks(event)
      await evictDurableObject(objectOf(story.egressId))
    }
    await endsTheSame(story, bytes)
  })
})

describe('an object that has done its work', () => {
  it('holds no timer and no request, so that the platform can put it away at once', async () => {
    const story = recordedNow()
    await put(story.filename, tenBytes())
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    await passUntilQuiet(story.egressId)
    // Waits for whatever is still under way: a copy's time limit would be ten minutes.
    await evictDurableObject(objectOf(story.egressId))
  }, 8_000)
})

describe('S2: killed before the catalogue heard of it', () => {
  it('the row is written when the object wakes, and says what is true', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await env.DB.exec('ALTER TABLE recordings RENAME TO recordings_away')
    await ring(story.egressId)
    await ring(story.egressId)
    await evictDurableObject(objectOf(story.egressId))
    const done = await inStorage(story.egressId, (storage) => stateIn(storage).files)
    expect(done).toMatchObject([{ state: 'final', tempRemoved: true }])
    await env.DB.exec('ALTER TABLE recordings_away RENAME TO recordings')
    await endsTheSame(story, bytes)
  })
})

function stateIn(storage: DurableObjectStorage): RecordingState {
  const { json } = storage.sql.exec<{ json: string }>('SELECT json FROM state').one()
  return JSON.parse(json) as RecordingState
}
