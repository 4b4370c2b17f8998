// The way of a file from the temp to its final folder, where the bucket is not as LiveKit said or changes under our hands.
// Exists for files that are cut, empty, replaced or in the way of others: none of them may be lost or pass for good.
import { beforeEach, describe, expect, it } from 'vitest'
import { egressEvent, uploaded, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import type { StoreFault } from '../outside/store-proxy.ts'
import { put, putInParts, putOver, tenBytes, watchBucket } from './bucket-safety.ts'
import { passMs, passUntil, passUntilQuiet, recordedNow, ring, stopTime } from './clock.ts'
import {
  breakStore,
  download,
  headersOf,
  healStore,
  keysUnder,
  removeObject,
  storeRequests,
} from './outside.ts'
import { asAdmin, read, timelineTypes, webhooks } from './story.ts'
import { sweepNow } from './witness-stories.ts'

watchBucket()
beforeEach(stopTime)

const finalFolder = (story: Recorded): string => `recordings/${story.egressId}/`
const isReady = (recording: { status: string }): boolean => recording.status === 'ready'

/** The bytes that a viewer gets. */
async function played(story: Recorded, file = ''): Promise<string> {
  const query = file === '' ? '' : `?file=${encodeURIComponent(file)}`
  const redirect = await asAdmin(`/v1/recordings/${story.egressId}/play${query}`)
  expect(redirect.status).toBe(302)
  return (await fetch(redirect.headers.get('location') ?? '')).text()
}

/** Rings the alarm; `meanwhile` happens when, one after the other, such requests have come to the store and wait. */
async function whileWaiting(
  story: Recorded,
  moments: [Moment, ...Moment[]],
  meanwhile: () => Promise<void>,
): Promise<void> {
  const hold = async (moment: Moment): Promise<void> =>
    breakStore({ waits: 'before', times: 1, ...moment })
  await hold(moments[0])
  const rung = ring(story.egressId)
  for (const [index, { method, key }] of moments.entries()) {
    await expect
      .poll(async () => (await storeRequests()).map((seen) => `${seen.method} ${seen.key}`))
      .toContainEqual(expect.stringMatching(`^${method} ${key}`))
    const next = moments[index + 1]
    if (next !== undefined) await hold(next)
  }
  await meanwhile()
  await healStore()
  await rung
}

type Moment = StoreFault & { method: string; key: string }
type MomentOf = (story: Recorded) => Moment

const copying =
  (waits: 'before' | 'after'): MomentOf =>
  (story) => ({ method: 'PUT', key: finalFolder(story), waits })
const lookingAtTheCopy: MomentOf = (story) => ({ method: 'HEAD', key: finalFolder(story) })
const lookingOnceMore: MomentOf = (story) => ({ method: 'HEAD', key: story.filename })

/** The newest plays, the earlier one is kept and listed, and a person is told. */
async function bothRunsAreKept(story: Recorded, first: string, second: string): Promise<void> {
  const recording = await passUntil(
    story.egressId,
    ({ status, files }) => status === 'ready' && files.length === 2,
  )
  await passUntilQuiet(story.egressId)
  expect(recording.attention).toBe('duplicate-run')
  expect(await played(story)).toBe(second)
  const names = recording.files.map(({ name }) => name)
  expect(await Promise.all(names.map((name) => played(story, name)))).toEqual([first, second])
  expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
}

describe('one MP4', () => {
  it('costs the store so many requests from its end to a clean temp folder, and not one more', async () => {
    const story = recordedNow()
    await put(story.filename, tenBytes())
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    const final = `${finalFolder(story)}video.mp4`
    expect((await storeRequests()).map(({ method, key }) => `${method} ${key}`)).toEqual([
      `HEAD ${story.filename}`,
      // Only stores that cannot refuse to overwrite are asked first.
      `HEAD ${final}`,
      // The store of the tests does not put its name to a 404.
      `GET ${final}`,
      `PUT ${final}`,
      `HEAD ${final}`,
      `HEAD ${story.filename}`,
      `DELETE ${story.filename}`,
    ])
    expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
  })

  it('keeps content type and a name to save it by', async () => {
    const story = recordedNow()
    await put(story.filename, tenBytes())
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, isReady)
    const redirect = await asAdmin(`/v1/recordings/${story.egressId}/play`)
    const answer = await fetch(redirect.headers.get('location') ?? '')
    await answer.arrayBuffer()
    expect(answer.headers.get('content-type')).toBe('video/mp4')
    expect(answer.headers.get('content-disposition')).toMatch(
      /^inline; filename="standup .*\.mp4"$/,
    )
  })
})

describe('a file that is not what LiveKit said', () => {
  it('S4: a file of another size is looked at twice, then kept for a person, and is not ready', async () => {
    const story = recordedNow({ sizeBytes: 4711 })
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    const recording = await passUntil(story.egressId, ({ attention }) => attention !== null)
    expect(recording).toMatchObject({
      attention: 'size-mismatch',
      status: 'failed',
      error: {
        code: 'size-mismatch',
        message: 'The file in the bucket has 10 bytes, LiveKit said 4711.',
      },
      files: [{ key: story.filename, state: 'quarantined', sizeBytes: 10 }],
    })
    expect((await storeRequests()).map(({ method }) => method)).toEqual(['HEAD', 'HEAD'])
    expect(await download(story.filename)).toBe(bytes)
    expect((await asAdmin(`/v1/recordings/${story.egressId}/play`)).status).toBe(409)
    expect(await played(story, 'video.mp4'), 'played on request').toBe(bytes)
    const types = await timelineTypes(story.egressId)
    expect(types.filter((type) => type === 'file.doubted')).toHaveLength(2)
  })

  it('S4: a file of another size that is whole at the second look is moved like any other', async () => {
    const story = recordedNow()
    await put(story.filename, 'half')
    await webhooks(...wholeLife(story))
    await ring(story.egressId)
    expect(await read(story.egressId)).toMatchObject({ status: 'processing', attention: null })
    const whole = tenBytes()
    await putOver(story.filename, whole)
    await passUntil(story.egressId, isReady)
    expect(await played(story)).toBe(whole)
  })

  it('S4: a mismatch is settled when LiveKit itself says the right size later', async () => {
    const story = recordedNow({ sizeBytes: 4711 })
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ attention }) => attention === 'size-mismatch')
    const corrected = { ...story, sizeBytes: 10 }
    await webhooks(
      egressEvent('egress_ended', 'EGRESS_COMPLETE', corrected, {
        updatedAt: `${story.endedAtMs + 5}000000`,
        fileResults: [uploaded(corrected)],
      }),
    )
    const ready = await passUntil(story.egressId, isReady)
    expect(ready.attention).toBeNull()
    expect(await played(story)).toBe(bytes)
  })

  it('S5: an empty file fails the recording, is kept, and a person is told', async () => {
    const story = recordedNow({ sizeBytes: 0 })
    await put(story.filename, '')
    await webhooks(...wholeLife(story))
    const recording = await passUntil(story.egressId, ({ attention }) => attention !== null)
    expect(recording).toMatchObject({
      attention: 'empty-file',
      status: 'failed',
      error: { code: 'empty-file', message: 'The file in the bucket is empty.' },
    })
    expect(await download(story.filename)).toBe('')
    const refused = await asAdmin(`/v1/recordings/${story.egressId}/play`)
    expect([refused.status, (await refused.json<{ reason: string }>()).reason]).toEqual([
      409,
      'empty-file',
    ])
  })
})

describe('a temp file that changes under our hands', () => {
  it('S6: a file replaced between the look and the copy is not copied, but looked at again', async () => {
    const story = recordedNow()
    await put(story.filename, tenBytes())
    await webhooks(...wholeLife(story))
    const newer = tenBytes()
    await whileWaiting(story, [{ method: 'PUT', key: finalFolder(story) }], async () =>
      putOver(story.filename, newer),
    )
    const ready = await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(ready.files.map(({ name }) => name)).toEqual(['video.mp4'])
    expect(await played(story)).toBe(newer)
    expect(await timelineTypes(story.egressId)).toContain('file.changed')
    expect(await keysUnder(finalFolder(story))).toEqual([`${finalFolder(story)}video.mp4`])
  })

  describe.each([
    ['in one piece', put],
    // Such an object and its copy have different ETags, so that the copy cannot be told by its ETag.
    ['in parts', putInParts],
  ])('uploaded %s', (_, putRun) => {
    it.each([
      ['during the copy', [copying('after')]],
      ['between the copy and the look at it', [copying('before'), lookingAtTheCopy]],
      ['between the copy and the delete', [copying('before'), lookingAtTheCopy, lookingOnceMore]],
    ] as [string, [MomentOf, ...MomentOf[]]][])(
      'W21: a second run that overwrites the file %s plays, and the first is kept',
      async (__, moments) => {
        const story = recordedNow()
        const [first, second] = [tenBytes(), tenBytes()]
        await putRun(story.filename, first)
        await webhooks(...wholeLife(story))
        const [moment, ...later] = moments
        await whileWaiting(story, [moment(story), ...later.map((next) => next(story))], async () =>
          putRun(story.filename, second),
        )
        await bothRunsAreKept(story, first, second)
      },
    )
  })

  describe.each([14, 6])('W21: a second run of %i bytes instead of ten', (sizeBytes) => {
    const secondRun = (): string => crypto.randomUUID().slice(0, sizeBytes)

    it.each([
      ['during the copy', [copying('after')]],
      ['between the copy and the look at it', [copying('before'), lookingAtTheCopy]],
      ['between the copy and the delete', [copying('before'), lookingAtTheCopy, lookingOnceMore]],
    ] as [string, [MomentOf, ...MomentOf[]]][])(
      'that overwrites the file %s plays, and the first is kept, whether its end is told or not',
      async (_, moments) => {
        for (const isTold of [false, true]) {
          const story = recordedNow()
          const [first, second] = [tenBytes(), secondRun()]
          await put(story.filename, first)
          await webhooks(...wholeLife(story))
          const [moment, ...later] = moments
          const held = [moment(story), ...later.map((next) => next(story))] as [Moment]
          await whileWaiting(story, held, async () => {
            await put(story.filename, second)
            const again = { ...story, sizeBytes, endedAtMs: story.endedAtMs + 60_000 }
            if (isTold) await webhooks(...wholeLife(again))
          })
          await bothRunsAreKept(story, first, second)
          expect(await read(story.egressId)).toMatchObject({ attention: 'duplicate-run' })
        }
      },
    )

    it('that comes after the move, file first and end never: the sweep finds it', async () => {
      const story = recordedNow()
      const [first, second] = [tenBytes(), secondRun()]
      await put(story.filename, first)
      await webhooks(...wholeLife(story))
      await passUntil(story.egressId, isReady)
      await passUntilQuiet(story.egressId)
      await put(story.filename, second)
      expect(await sweepNow()).toMatchObject({ errors: [] })
      await bothRunsAreKept(story, first, second)
    })

    it('that comes before the first was looked at: the word of its end is the one that counts', async () => {
      const story = recordedNow()
      const second = secondRun()
      await put(story.filename, second)
      await webhooks(...wholeLife(story))
      await ring(story.egressId)
      const again = { ...story, sizeBytes, endedAtMs: story.endedAtMs + 60_000 }
      await webhooks(...wholeLife(again))
      const recording = await passUntil(story.egressId, isReady)
      await passUntilQuiet(story.egressId)
      expect(recording).toMatchObject({ attention: null, files: [{ sizeBytes }] })
      expect(await played(story)).toBe(second)
    })
  })

  it('W21: the same bytes once more are the same file, whoever wrote them', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    passMs(120_000)
    await put(story.filename, bytes)
    await webhooks(...wholeLife({ ...story, endedAtMs: story.endedAtMs + 120_000 }))
    await passUntilQuiet(story.egressId)
    const recording = await read(story.egressId)
    expect(recording.status).toBe('ready')
    for (const { name } of recording.files) expect(await played(story, name)).toBe(bytes)
    expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
  })

  it('W21: a second run whose file and end come after the move plays, and the first is kept', async () => {
    const story = recordedNow()
    const first = tenBytes()
    await put(story.filename, first)
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    passMs(120_000)
    const second = tenBytes()
    await put(story.filename, second)
    const again = { ...story, endedAtMs: story.endedAtMs + 120_000 }
    await webhooks(...wholeLife(again))
    await bothRunsAreKept(story, first, second)
  })
})

describe('an upload that LiveKit sends once more after its file was moved', () => {
  it.each([
    ['is removed again, and the file stays one', false],
    ['is moved once more when somebody has deleted the first copy', true],
  ])('%s', async (_, isCopyDeleted) => {
    const story = recordedNow()
    const bytes = tenBytes()
    const finalKey = `${finalFolder(story)}video.mp4`
    await put(story.filename, bytes)
    const firstAt = (await headersOf(story.filename)).get('last-modified')
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    // Stores tell whole seconds; the store's clock is the real one.
    await expect
      .poll(async () => {
        await put(story.filename, bytes)
        return (await headersOf(story.filename)).get('last-modified')
      })
      .not.toBe(firstAt)
    if (isCopyDeleted) await removeObject(finalKey)
    await sweepNow()
    await passUntilQuiet(story.egressId)
    expect(await keysUnder('tmp/')).not.toContain(story.filename)
    expect(await keysUnder(finalFolder(story))).toEqual([finalKey])
    expect(await download(finalKey)).toBe(bytes)
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', attention: null })
    expect(await timelineTypes(story.egressId)).toContain('temp.removed')
  })
})

describe('a final key that is taken', () => {
  it('S9: by another content: both are kept, the recording gets a name of its own', async () => {
    const story = recordedNow()
    const [ours, theirs] = [tenBytes(), tenBytes()]
    await put(`${finalFolder(story)}video.mp4`, theirs)
    await put(story.filename, ours)
    await webhooks(...wholeLife(story))
    const ready = await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(ready.files.map(({ name }) => name)).toEqual(['video-2.mp4'])
    expect(await played(story)).toBe(ours)
    expect(await download(`${finalFolder(story)}video.mp4`)).toBe(theirs)
    expect(await timelineTypes(story.egressId)).toContain('file.final-key-taken')
  })

  it('S9: by the same bytes of somebody else: neither is overwritten', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(`${finalFolder(story)}video.mp4`, bytes)
    await put(story.filename, bytes)
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(await keysUnder(finalFolder(story))).toEqual([
      `${finalFolder(story)}video-2.mp4`,
      `${finalFolder(story)}video.mp4`,
    ])
  })
})

describe('a store that ignores what it is told', () => {
  it('S14: a copy of the wrong object, made because the condition was ignored, is made again', async () => {
    const story = recordedNow()
    await put(story.filename, tenBytes())
    await webhooks(...wholeLife(story))
    const newer = tenBytes()
    const ignoring: Moment = {
      method: 'PUT',
      key: finalFolder(story),
      waits: 'before',
      answer: 'without-conditions',
    }
    await whileWaiting(story, [ignoring], async () => putOver(story.filename, newer))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(await played(story)).toBe(newer)
    expect(await timelineTypes(story.egressId)).toContain('file.copy-different')
    expect(await keysUnder(finalFolder(story))).toEqual([`${finalFolder(story)}video.mp4`])
  })

  it('S14: a store without ETags ends the same, with the size and the mark of the copy', async () => {
    const story = recordedNow()
    const bytes = tenBytes()
    await put(story.filename, bytes)
    await breakStore({ answer: 'without-etag' })
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(await played(story)).toBe(bytes)
    expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
    const copy = (await storeRequests()).find(({ copySource }) => copySource !== null)
    expect(copy?.headers).not.toHaveProperty('x-amz-copy-source-if-match')
  })

  it.each([
    [501, 'NotImplemented'],
    [400, 'InvalidArgument'],
  ])(
    'S14: a store that knows no condition on a delete, and says so with %i %s, is asked without one, and cleaned up',
    async (status, code) => {
      const story = recordedNow()
      const bytes = tenBytes()
      await put(story.filename, bytes)
      const body = `<Error><Code>${code}</Code><Message>If-Match</Message></Error>`
      await breakStore({ method: 'DELETE', times: 1, answer: { status, body } })
      await webhooks(...wholeLife(story))
      const ready = await passUntil(story.egressId, isReady)
      await passUntilQuiet(story.egressId)
      expect(ready.attention).toBeNull()
      expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
      const deletes = (await storeRequests()).filter(({ method }) => method === 'DELETE')
      expect(deletes.map(({ headers }) => 'if-match' in headers)).toEqual([true, false])
    },
  )
})
