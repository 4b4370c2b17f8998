// S7: a file too large for one copy is copied in parts. Exists for kills between parts, uploads that the store forgets, a
// source that changes meanwhile, answers that get lost, and parts that nobody joins and everybody pays for.
import { evictDurableObject } from 'cloudflare:test'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { mebibyte } from '../../src/recording/state.ts'
import { wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { backupBytes } from '../outside/backup.ts'
import type { StoreRequest } from '../outside/store-proxy.ts'
import { watchBucket } from './bucket-safety.ts'
import { passUntil, passUntilQuiet, recordedNow, ring, stopTime } from './clock.ts'
import { finalFolder, tempFolder } from './folder-stories.ts'
import {
  abortUpload,
  breakStore,
  digestAt,
  digestOf,
  download,
  headersOf,
  healStore,
  keysUnder,
  openUploads,
  removeObject,
  storeRequests,
  upload,
} from './outside.ts'
import { objectOf, read, timelineTypes, webhooks } from './story.ts'

watchBucket()
beforeEach(stopTime)
vi.setConfig({ testTimeout: 60_000 })

/** Three parts of 5 MiB, the last of them shorter. */
const sizeBytes = 12 * mebibyte + 17
const isReady = ({ status }: { status: string }): boolean => status === 'ready'
const final = (story: Recorded): string => `${finalFolder(story)}video.mp4`

/** A large file of which each run has other bytes. */
function large(run = 1, size = sizeBytes): Uint8Array<ArrayBuffer> {
  return backupBytes(run, run + size - 1)
}

async function ended(more: Partial<Recorded> = {}): Promise<Recorded> {
  const story = recordedNow({ sizeBytes, ...more })
  await upload(story.filename, large())
  await webhooks(...wholeLife(story))
  await healStore()
  return story
}

function partsOf(requests: StoreRequest[]): string[] {
  return requests
    .filter(({ method, copySource }) => method === 'PUT' && copySource !== null)
    .map(({ query }) => /partNumber=(\d+)/.exec(query)?.[1] ?? 'whole')
}

async function endsWell(story: Recorded, bytes = large()): Promise<void> {
  await passUntil(story.egressId, isReady)
  await passUntilQuiet(story.egressId)
  expect(await read(story.egressId)).toMatchObject({
    status: 'ready',
    attention: null,
    error: null,
    sizeBytes: bytes.length,
    files: [{ name: 'video.mp4', key: final(story), state: 'final' }],
  })
  expect(await digestAt(final(story))).toBe(await digestOf(bytes))
  expect(await keysUnder(finalFolder(story))).toEqual([final(story)])
  expect(await keysUnder(tempFolder(story))).toEqual([])
  expect(await openUploads(finalFolder(story))).toEqual([])
}

/** Rings until the store has been asked for so many parts. */
async function ringUntilParts(story: Recorded, count: number): Promise<void> {
  for (let rings = 0; rings < 20; rings += 1) {
    if (partsOf(await storeRequests()).length >= count) return
    await ring(story.egressId)
  }
  throw new Error('no such part was ever copied')
}

describe('S7: a large file', () => {
  it('is copied in parts, each once, and keeps its content type and a name to save it by', async () => {
    const story = await ended()
    await endsWell(story)
    expect(partsOf(await storeRequests())).toEqual(['1', '2', '3'])
    const ranges = (await storeRequests()).flatMap(
      ({ headers }) => headers['x-amz-copy-source-range'] ?? [],
    )
    expect(ranges).toEqual([
      'bytes=0-5242879',
      'bytes=5242880-10485759',
      `bytes=10485760-${sizeBytes - 1}`,
    ])
    const headers = await headersOf(final(story))
    expect(headers.get('content-type')).toBe('video/mp4')
    expect(headers.get('content-disposition')).toMatch(/^inline; filename="standup .*\.mp4"$/)
    expect(headers.get('cache-control')).toContain('immutable')
    expect(headers.get('x-amz-meta-roomtape-egress')).toBe(story.egressId)
  })

  it('an upload whose beginning was answered to nobody is given up before another begins', async () => {
    const story = await ended()
    await breakStore({ method: 'POST', answer: 'lost', times: 2 })
    await endsWell(story)
    const aborted = (await storeRequests()).filter(
      ({ method, query }) => method === 'DELETE' && query.includes('uploadId='),
    )
    expect(aborted).toHaveLength(2)
  })

  it.each([501, 403])(
    'is copied by a store that answers %i to a list of uploads as well',
    async (status) => {
      const story = await ended()
      // The first GET is the look whether anything lies at the final key.
      await breakStore({ method: 'GET', skip: 1, times: 1, answer: { status } })
      await endsWell(story)
    },
  )

  it('is resumed after each eviction with the parts that are done: none is copied twice', async () => {
    const story = await ended()
    const oneOfTwo = { method: 'PUT', isCopy: true, skip: 1, times: 1, answer: { status: 503 } }
    const copied: string[] = []
    const isMoved = async (): Promise<boolean> => read(story.egressId).then(isReady, () => false)
    for (let rings = 0; rings < 40 && !(await isMoved()); rings += 1) {
      // One part is copied, the next fails: so each go ends in the middle, and the object is put away.
      await breakStore(oneOfTwo)
      await ring(story.egressId)
      const asked = await storeRequests()
      copied.push(...partsOf(asked.filter(({ storeStatus }) => storeStatus === 200)))
      await evictDurableObject(objectOf(story.egressId))
    }
    await healStore()
    expect(copied).toEqual(['1', '2', '3'])
    await endsWell(story)
  })

  it('shows how far it is', async () => {
    const story = await ended()
    await breakStore({ method: 'PUT', isCopy: true, skip: 2, answer: { status: 503 } })
    const recording = await passUntil(
      story.egressId,
      ({ progress }) => progress !== null && progress.doneBytes > 0,
    )
    expect(recording.progress).toEqual({ doneBytes: 10 * mebibyte, totalBytes: sizeBytes })
    await healStore()
    await endsWell(story)
  })

  it('whose upload the store has forgotten in the middle is begun anew', async () => {
    const story = await ended()
    await breakStore({ method: 'PUT', isCopy: true, skip: 2, times: 1, answer: { status: 503 } })
    await ringUntilParts(story, 3)
    const begun = (await storeRequests()).find(({ query }) => query.includes('uploadId='))
    const uploadId = new URLSearchParams(begun?.query).get('uploadId') ?? ''
    await abortUpload(final(story), uploadId)
    await healStore()
    await endsWell(story)
    expect(await timelineTypes(story.egressId)).toContain('file.upload-lost')
    expect(partsOf(await storeRequests()).slice(-3)).toEqual(['1', '2', '3'])
  })

  it('survives the lost answer of the join: the parts are not copied again', async () => {
    const story = await ended()
    await breakStore({ method: 'POST', key: 'video.mp4', skip: 1, times: 1, answer: 'lost' })
    await passUntil(story.egressId, isReady)
    expect(partsOf(await storeRequests())).toEqual(['1', '2', '3'])
    await endsWell(story)
  })

  it('survives a lost answer of a part, and of the join after it', async () => {
    const story = await ended()
    await breakStore(
      { method: 'PUT', isCopy: true, skip: 1, times: 1, answer: 'lost' },
      { method: 'POST', skip: 1, times: 2, answer: 'lost' },
    )
    await endsWell(story)
  })

  it.each([
    [
      'the parts are none of its own',
      { status: 400, body: '<Error><Code>InvalidPart</Code></Error>' },
    ],
    ['it knows nothing of the upload', { status: 404 }],
  ])('S14: whose join is answered with the words that %s is begun anew', async (_, answer) => {
    const story = await ended()
    await breakStore({ method: 'POST', skip: 1, times: 1, answer })
    await endsWell(story)
    expect(await timelineTypes(story.egressId)).toContain('file.upload-lost')
  })

  it.each([
    [403, 'AccessDenied'],
    [400, 'InvalidRequest'],
    [409, 'OperationAborted'],
  ])(
    'S14: joined with the answer lost, and the join refused with %i %s from then on: the look at the copy decides',
    async (status, code) => {
      const story = await ended()
      const refused = {
        status,
        body: `<Error><Code>${code}</Code><Message>Gone.</Message></Error>`,
      }
      await breakStore(
        { method: 'POST', skip: 1, times: 1, answer: 'lost' },
        { method: 'POST', answer: refused },
      )
      await endsWell(story)
      expect(partsOf(await storeRequests())).toEqual(['1', '2', '3'])
    },
  )

  it.each([
    [403, 'AccessDenied', 5],
    [500, 'InternalError', 10],
  ])(
    'whose upload the store does not go on with, and answers with %i %s: it is given up after %i times, and another begins',
    async (status, code, times) => {
      const story = await ended()
      const refused = { status, body: `<Error><Code>${code}</Code></Error>` }
      await breakStore({ method: 'PUT', isCopy: true, skip: 2, times, answer: refused })
      await endsWell(story)
      const types = await timelineTypes(story.egressId)
      expect(types).toEqual(expect.arrayContaining(['file.upload-lost', 'file.upload-aborted']))
      expect(partsOf(await storeRequests()).slice(-3)).toEqual(['1', '2', '3'])
    },
  )

  it('that is another one before the parts are joined is looked at again, and the parts are given up', async () => {
    const story = await ended()
    await breakStore({ method: 'PUT', isCopy: true, skip: 2, times: 1, answer: { status: 503 } })
    await ringUntilParts(story, 3)
    await healStore()
    await upload(story.filename, large(2))
    await endsWell(story, large(2))
    expect(await timelineTypes(story.egressId)).toEqual(
      expect.arrayContaining(['file.changed', 'file.upload-aborted']),
    )
  })

  it.each([501, 403])(
    'whose parts the store does not give up, and answers with %i, does not wait for that',
    async (status) => {
      const story = await ended()
      await breakStore({ method: 'PUT', isCopy: true, skip: 1, times: 1, answer: { status: 503 } })
      await ringUntilParts(story, 2)
      await upload(story.filename, large(2))
      await breakStore({ method: 'DELETE', key: finalFolder(story), answer: { status } })
      await passUntil(story.egressId, isReady)
      expect(await digestAt(final(story))).toBe(await digestOf(large(2)))
      expect(await timelineTypes(story.egressId)).toContain('file.abort-failed')
    },
  )

  it('that is gone in the middle is looked for again, and the parts are given up', async () => {
    const story = await ended()
    await breakStore({ method: 'PUT', isCopy: true, skip: 1, times: 1, answer: { status: 503 } })
    await ringUntilParts(story, 2)
    await healStore()
    await removeObject(story.filename)
    for (let rings = 0; rings < 6; rings += 1) await ring(story.egressId)
    expect(await openUploads(finalFolder(story))).toEqual([])
    expect(await timelineTypes(story.egressId)).toEqual(
      expect.arrayContaining(['file.changed', 'file.upload-aborted']),
    )
    await upload(story.filename, large(3))
    await endsWell(story, large(3))
  })

  it('S9: whose final key is taken by somebody else gets another name, and nothing is overwritten', async () => {
    const story = recordedNow({ sizeBytes })
    await upload(final(story), 'somebody else’s')
    await upload(story.filename, large())
    await webhooks(...wholeLife(story))
    const recording = await passUntil(story.egressId, isReady)
    expect(recording.files.map(({ name }) => name)).toEqual(['video-2.mp4'])
    expect(await download(final(story))).toBe('somebody else’s')
    expect(await digestAt(`${finalFolder(story)}video-2.mp4`)).toBe(await digestOf(large()))
  })

  it.each([2, 3])('of exactly %i parts has no empty one behind them', async (parts) => {
    const bytes = large(1, parts * 5 * mebibyte)
    const story = recordedNow({ sizeBytes: bytes.length })
    await upload(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await healStore()
    await endsWell(story, bytes)
    expect(partsOf(await storeRequests())).toEqual(['1', '2', '3'].slice(0, parts))
  })

  it('one byte above the limit is copied in parts', async () => {
    const bytes = large(1, 8 * mebibyte + 1)
    const story = recordedNow({ sizeBytes: bytes.length })
    await upload(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await healStore()
    await endsWell(story, bytes)
    expect(partsOf(await storeRequests())).toEqual(['1', '2'])
  })

  it('just below the limit is copied in one request', async () => {
    const story = recordedNow({ sizeBytes: 8 * mebibyte })
    await upload(story.filename, large(1, 8 * mebibyte))
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, isReady)
    expect(partsOf(await storeRequests())).toEqual(['whole'])
  })
})
