// A store that is down, lies or refuses. Exists for outages that last, answers that say the opposite of their status, and
// credentials that somebody mistyped: the recording waits, says why in the store's own words, and goes on by itself.
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { put, tenBytes, watchBucket } from './bucket-safety.ts'
import { alarmAtMs, passUntil, passUntilQuiet, recordedNow, ring, stopTime } from './clock.ts'
import { breakStore, download, healStore, keysUnder, storeRequests } from './outside.ts'
import {
  finalFolder,
  playlistEnded,
  playlistStory,
  playlistText,
  putSegments,
  segmentNames,
  tempFolder,
} from './folder-stories.ts'
import type { StoreFault } from '../outside/store-proxy.ts'
import { asAdmin, read, request, timelineTypes, webhooks } from './story.ts'

watchBucket()
beforeEach(stopTime)

const hourMs = 3_600_000
const outage = {
  status: 503,
  body: '<Error><Code>SlowDown</Code><Message>Later.</Message></Error>',
}

/** Rings the alarms of an hour, or until there are no more, and notes the pauses between the tries. */
async function anHour(egressId: string): Promise<number[]> {
  const endMs = Date.now() + hourMs
  const pausesMs: number[] = []
  for (;;) {
    const atMs = await alarmAtMs(egressId)
    if (atMs === null || atMs > endMs) return pausesMs
    if (atMs > Date.now()) pausesMs.push(atMs - Date.now())
    await ring(egressId)
  }
}

/** Each pause is shortened by up to a half at random, so it lies within these bounds. */
function expectGrowing(pausesMs: number[]): void {
  for (const [index, pauseMs] of pausesMs.entries()) {
    const longestMs = Math.min(1_000 * 2 ** index, 600_000)
    expect(pauseMs, `pause ${index + 1}`).toBeLessThanOrEqual(longestMs)
    expect(pauseMs, `pause ${index + 1}`).toBeGreaterThanOrEqual(longestMs / 2)
  }
}

async function becomesReady(story: Recorded, bytes: string): Promise<void> {
  await passUntil(story.egressId, ({ status }) => status === 'ready')
  await passUntilQuiet(story.egressId)
  expect(await read(story.egressId)).toMatchObject({
    status: 'ready',
    attention: null,
    error: null,
  })
  expect(await download(`recordings/${story.egressId}/video.mp4`)).toBe(bytes)
  expect(await keysUnder(`recordings/${story.egressId}/`)).toHaveLength(1)
  expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
}

/** The store says nothing to one such request, for so long; and what the recording says of it then. */
async function silence(
  story: Recorded,
  method: string,
  ms: number,
): Promise<RecordingJson['error']> {
  await breakStore({ method, times: 1, answer: 'silent' })
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: Date.now() })
  const rung = ring(story.egressId)
  await expect
    .poll(async () => (await storeRequests()).map((seen) => seen.method))
    .toContainEqual(method)
  await vi.advanceTimersByTimeAsync(ms)
  await rung
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  return (await read(story.egressId)).error
}

describe('a store that is down for an hour', () => {
  const outages: [string, StoreFault][] = [
    ['answers 503 to everything', { answer: outage }],
    ['answers 503 to copies', { method: 'PUT', answer: outage }],
    ['answers 503 to the look at the copy', { method: 'HEAD', key: 'recordings/', answer: outage }],
    ['answers 503 to deletes', { method: 'DELETE', answer: outage }],
    [
      'answers with the HTML page of a proxy',
      { answer: { status: 502, body: '<html>Bad gateway' } },
    ],
    ['cannot be reached', { answer: 'unreachable' }],
    ['says that we are too fast', { answer: { ...outage, status: 429 } }],
  ]
  it.each(outages)('S1: %s: retried with growing pauses, then moved', async (_, fault) => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await breakStore(fault)
    await webhooks(...wholeLife(story))
    const pausesMs = await anHour(story.egressId)
    expectGrowing(pausesMs)
    expect(pausesMs.length).toBeGreaterThan(10)
    await healStore()
    await becomesReady(story, bytes)
  })

  it.each<[string, StoreFault]>([
    ['makes each copy and loses the answer', { method: 'PUT', answer: 'lost' }],
    ['deletes and loses the answer', { method: 'DELETE', answer: 'lost' }],
  ])('S1: %s: the next look finds what was done', async (_, fault) => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await breakStore(fault)
    await webhooks(...wholeLife(story))
    await becomesReady(story, bytes)
    const { method } = fault
    expect((await storeRequests()).filter((seen) => seen.method === method)).toHaveLength(1)
  })

  it('S1: the first failure stands in the timeline, and a person is told once it lasts', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await breakStore({ answer: outage })
    await webhooks(...wholeLife(story))
    await anHour(story.egressId)
    expect(await read(story.egressId)).toMatchObject({
      status: 'processing',
      attention: 'store-outage',
      error: { code: 'store-outage', message: 'The store answered SlowDown: Later.' },
    })
    const types = await timelineTypes(story.egressId)
    expect(types.filter((type) => type === 'file.locate-failed')).toHaveLength(1)
    expect((await storeRequests()).length).toBeLessThan(60)
    await healStore()
    await becomesReady(story, bytes)
  })

  it('S1: a store that never answers is given up after a while, and asked again', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    expect(await silence(story, 'HEAD', 20_000)).toMatchObject({
      code: 'store-timeout',
      message: 'The store did not answer within 20 s.',
    })
    expect(await silence(story, 'PUT', 600_000)).toMatchObject({
      code: 'store-timeout',
      message: 'The store did not answer within 600 s.',
    })
    await healStore()
    await becomesReady(story, bytes)
  })
})

describe('a copy that is answered with 200 and has failed', () => {
  it.each([
    ['an <Error> body', '<Error><Code>InternalError</Code><Message>We failed.</Message></Error>'],
    [
      'blanks, then an <Error> body',
      '  \n <?xml version="1.0"?>\n<Error><Code>SlowDown</Code></Error>',
    ],
    ['an empty body', ''],
    ['half a sentence', '<?xml version="1.0"?><CopyObjectResult><ETag>"abc'],
    ['an HTML page', '<html><body>Welcome</body></html>'],
  ])('S3: with %s: is a failure and is tried again', async (_, body) => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await breakStore({ method: 'PUT', times: 3, answer: { status: 200, body } })
    await webhooks(...wholeLife(story))
    await ring(story.egressId)
    expect(await read(story.egressId)).toMatchObject({ status: 'processing' })
    expect(await timelineTypes(story.egressId)).toContain('file.copy-failed')
    await becomesReady(story, bytes)
    expect((await storeRequests()).filter(({ method }) => method === 'PUT')).toHaveLength(4)
  })

  it('S3: with a body that says it went well: the look at the copy finds nothing, it is tried again', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    const body = '<CopyObjectResult><ETag>"abc"</ETag></CopyObjectResult>'
    await breakStore({ method: 'PUT', times: 1, answer: { status: 200, body } })
    await webhooks(...wholeLife(story))
    await becomesReady(story, bytes)
    expect(await timelineTypes(story.egressId)).toContain('file.copy-absent')
  })
})

describe('a store that refuses us', () => {
  const denied = {
    status: 403,
    body: '<Error><Code>AccessDenied</Code><Message>Not your bucket.</Message></Error>',
  }
  it.each<[string, StoreFault, string, string]>([
    [
      'access is denied',
      { answer: denied },
      'access-denied',
      'The store answered AccessDenied: Not your bucket.',
    ],
    [
      'only copies are denied',
      { method: 'PUT', answer: denied },
      'access-denied',
      'The store answered AccessDenied: Not your bucket.',
    ],
    [
      'the bucket does not exist',
      { answer: 'wrong-bucket' },
      'no-such-bucket',
      'The store answered NoSuchBucket: The specified bucket does not exist.',
    ],
    [
      'the secret is mistyped',
      { answer: 'wrong-secret' },
      'wrong-credentials',
      'The store answered SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your secret access key and signing method.',
    ],
  ])(
    'S10: %s: a person is told at once in its own words, and once repaired it recovers by itself',
    async (_, fault, code, message) => {
      const story = recordedNow()
      const bytes = tenBytes()
      await put(story.filename, bytes)
      await breakStore(fault)
      await webhooks(...wholeLife(story))
      await ring(story.egressId)
      expect(await read(story.egressId)).toMatchObject({
        status: 'processing',
        attention: code,
        error: { code, message },
      })
      const refused = await asAdmin(`/v1/recordings/${story.egressId}/play`)
      expect(refused.status).toBe(409)
      expect(await refused.json()).toMatchObject({ reason: code, detail: message })
      await anHour(story.egressId)
      await healStore()
      await becomesReady(story, bytes)
    },
  )

  it.each([
    [404, '<!DOCTYPE html><html>Not found'],
    // As R2 answers when the endpoint names the bucket as well: each key, and the list too, is one that is not there.
    [404, '<Error><Code>NoSuchKey</Code><Message>No such key.</Message></Error>'],
    [301, '<Error><Code>PermanentRedirect</Code><Message>Use another endpoint.</Message></Error>'],
    [
      400,
      '<Error><Code>AuthorizationHeaderMalformed</Code><Message>Wrong region.</Message></Error>',
    ],
  ])(
    'S10: the address is that of something else, which answers %i: nothing is taken for missing, and it recovers',
    async (status, body) => {
      const story = recordedNow()
      const bytes = tenBytes()
      await put(story.filename, bytes)
      await breakStore({ answer: { status, body } })
      await webhooks(...wholeLife(story))
      for (let hours = 0; hours < 24; hours += 1) await anHour(story.egressId)
      expect(await read(story.egressId)).toMatchObject({
        status: 'processing',
        attention: 'store-refused',
        error: { code: 'store-refused', message: expect.stringMatching(/^The store answered /) },
      })
      expect((await request('/readyz')).status).toBe(503)
      await healStore()
      await becomesReady(story, bytes)
    },
  )

  it('S10: a wrong store makes /readyz red, in its own words, and green again once repaired', async () => {
    await breakStore({ answer: 'wrong-bucket' })
    const red = await request('/readyz')
    expect(red.status).toBe(503)
    expect(await red.text()).toContain('NoSuchBucket')
    await healStore()
    expect((await request('/readyz')).status).toBe(200)
  })

  it('S10: a delete that is denied leaves the recording ready and its temp file in place', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await breakStore({ method: 'DELETE', answer: denied })
    await webhooks(...wholeLife(story))
    await ring(story.egressId)
    expect(await read(story.egressId)).toMatchObject({
      status: 'ready',
      attention: 'access-denied',
      error: null,
    })
    expect(await download(story.filename)).toBe(bytes)
    await healStore()
    await passUntilQuiet(story.egressId)
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', attention: null })
    expect(await download(story.filename)).toBeNull()
  })
})

describe('a proxy that answers with its own 404 page for a moment', () => {
  const page = { status: 404, body: '404 page not found\n' }
  it.each([
    [4, 1],
    [5, 1],
    [4, 2],
    [5, 2],
    [6, 2],
  ])(
    'S10: after %i requests of a move, for %i: nothing is taken for missing or removed',
    async (skip, times) => {
      const story = recordedNow()
      const bytes = tenBytes()
      await put(story.filename, bytes)
      await breakStore({ skip, times, answer: page })
      await webhooks(...wholeLife(story))
      await becomesReady(story, bytes)
    },
  )

  it.each([
    [3, 8],
    [3, 12],
    [4, 12],
  ])(
    'S10: after %i requests of a folder, for %i: no segment is taken for missing',
    async (skip, times) => {
      const story = playlistStory()
      const names = segmentNames(20)
      await putSegments(tempFolder(story), names)
      await put(story.filename, playlistText(names))
      await breakStore({ skip, times, answer: page })
      await webhooks(playlistEnded(story))
      await passUntil(story.egressId, ({ status }) => status === 'ready')
      await passUntilQuiet(story.egressId)
      expect(await timelineTypes(story.egressId)).not.toContain('segment.missing')
      expect(await read(story.egressId)).toMatchObject({ status: 'ready', attention: null })
      expect(await keysUnder(tempFolder(story))).toEqual([])
      expect(await keysUnder(finalFolder(story))).toHaveLength(21)
    },
  )

  it('S10: to a DELETE: the temp file is not taken for removed, and goes', async () => {
    const { egressId } = recordedNow()
    const story = recordedNow({ egressId, filename: `tmp/shared-${egressId}.mp4` })
    await put(story.filename, tenBytes())
    await breakStore({ method: 'DELETE', times: 1, answer: page })
    await webhooks(...wholeLife(story))
    await passUntil(egressId, ({ status }) => status === 'ready')
    await passUntilQuiet(egressId)
    expect(await keysUnder(story.filename)).toEqual([])
  })
})
