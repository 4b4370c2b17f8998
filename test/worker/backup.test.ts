// S12: LiveKit could not upload into the bucket and put the file into its own backup storage, for seven days. Exists for
// addresses that expire, bodies that are cut, and secrets: whoever has such an address has the recording.
import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { mebibyte } from '../../src/recording/state.ts'
import { egressEvent, uploaded, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { backupBytes } from '../outside/backup.ts'
import { watchBucket } from './bucket-safety.ts'
import { alarmAtMs, passUntil, passUntilQuiet, recordedNow, ring, stopTime } from './clock.ts'
import {
  finalFolder,
  playlistEnded,
  playlistStory,
  playlistText,
  putSegments,
  segmentNames,
  segmentsInfo,
  tempFolder,
} from './folder-stories.ts'
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
  rangesOfBackup,
  setBackup,
  storeRequests,
  upload,
} from './outside.ts'
import { asAdmin, listed, objectOf, read, timeline, timelineTypes, webhooks } from './story.ts'

watchBucket()
beforeEach(stopTime)
vi.setConfig({ testTimeout: 60_000 })

/** Three parts of 16 MiB, the last of them shorter. */
const sizeBytes = 33 * mebibyte + 5
const secret = 'aSecretSignatureThatNobodySees'
const isReady = ({ status }: { status: string }): boolean => status === 'ready'
const final = (story: Recorded): string => `${finalFolder(story)}video.mp4`

let logged: string[] = []
beforeEach(async () => {
  logged = []
  for (const level of ['log', 'error', 'warn', 'info', 'debug'] as const) {
    vi.spyOn(console, level).mockImplementation((...words: unknown[]) => {
      logged.push(words.map(String).join(' '))
    })
  }
  await setBackup({ files: {} })
})
afterEach(() => {
  vi.restoreAllMocks()
})

function addressOf(story: Recorded): string {
  return `http://backup.test/livekit-bucket/${story.egressId}?X-Amz-Expires=604800&X-Amz-Signature=${secret}`
}

/** The end of an egress whose upload went to the backup storage. */
async function ended(more: Partial<Recorded> = {}): Promise<Recorded> {
  const story = recordedNow({ sizeBytes, ...more })
  await setBackup({ files: { [`/livekit-bucket/${story.egressId}`]: sizeBytes } })
  await webhooks(
    egressEvent('egress_ended', 'EGRESS_COMPLETE', story, {
      backupStorageUsed: true,
      manifestLocation: `${addressOf(story)}&manifest`,
      fileResults: [{ ...uploaded(story), location: addressOf(story) }],
    }),
  )
  await healStore()
  return story
}

async function endsWell(story: Recorded): Promise<void> {
  await passUntil(story.egressId, isReady)
  await passUntilQuiet(story.egressId)
  expect(await read(story.egressId)).toMatchObject({
    status: 'ready',
    backup: true,
    attention: null,
    error: null,
    sizeBytes,
    files: [{ name: 'video.mp4', key: final(story), state: 'final' }],
  })
  expect(await digestAt(final(story))).toBe(await digestOf(backupBytes(0, sizeBytes - 1)))
  expect(await keysUnder(finalFolder(story))).toEqual([final(story)])
  expect(await openUploads(finalFolder(story))).toEqual([])
}

describe('S12: a file in LiveKit’s backup storage', () => {
  it('is pulled home in parts of bounded size and plays', async () => {
    const story = await ended()
    await endsWell(story)
    expect(await rangesOfBackup()).toEqual([
      'bytes=0-0',
      'bytes=0-16777215',
      'bytes=16777216-33554431',
      `bytes=33554432-${sizeBytes - 1}`,
    ])
    const headers = await headersOf(final(story))
    expect(headers.get('content-type')).toBe('video/mp4')
    expect(headers.get('content-disposition')).toMatch(/^inline; filename="standup .*\.mp4"$/)
    expect((await asAdmin(`/v1/recordings/${story.egressId}/play`)).status).toBe(302)
  })

  it('is resumed after an eviction between any two parts: no part is pulled twice', async () => {
    const story = await ended()
    const pulled: string[] = []
    for (
      let rings = 0;
      rings < 20 && !(await read(story.egressId).then(isReady, () => false));
      rings += 1
    ) {
      await setBackup({ answers: ['pass', { status: 503 }] })
      await ring(story.egressId)
      // The second of each go was answered with 503.
      pulled.push(...(await rangesOfBackup()).slice(0, 1))
      await evictDurableObject(objectOf(story.egressId))
    }
    expect(pulled).toEqual([
      'bytes=0-0',
      'bytes=0-16777215',
      'bytes=16777216-33554431',
      `bytes=33554432-${sizeBytes - 1}`,
    ])
    await endsWell(story)
  })

  it.each(['cut', 'unreachable', { status: 500 }, { status: 429 }] as const)(
    'answered wrongly (%j) is asked again, and no wrong byte is taken',
    async (answer) => {
      const story = await ended()
      await setBackup({ answers: ['pass', 'pass', answer, 'pass', answer] })
      await endsWell(story)
      const pulled = await rangesOfBackup()
      expect(pulled.filter((range) => range === 'bytes=16777216-33554431')).toHaveLength(2)
    },
  )

  it('in a storage that ignores ranges is pulled all the same: what was not asked for is passed over', async () => {
    const story = await ended()
    await setBackup({ answers: ['whole', 'whole', 'whole', 'whole'] })
    await endsWell(story)
    expect(await rangesOfBackup()).toHaveLength(4)
  })

  it('S9: whose final key is taken by somebody else gets another name', async () => {
    const story = recordedNow({ sizeBytes })
    await upload(final(story), 'somebody else’s')
    await setBackup({ files: { [`/livekit-bucket/${story.egressId}`]: sizeBytes } })
    await webhooks(
      egressEvent('egress_ended', 'EGRESS_COMPLETE', story, {
        backupStorageUsed: true,
        fileResults: [{ ...uploaded(story), location: addressOf(story) }],
      }),
    )
    const recording = await passUntil(story.egressId, isReady)
    expect(recording.files.map(({ name }) => name)).toEqual(['video-2.mp4'])
    expect(await download(final(story))).toBe('somebody else’s')
    expect(await digestAt(`${finalFolder(story)}video-2.mp4`)).toBe(
      await digestOf(backupBytes(0, sizeBytes - 1)),
    )
  })

  it('that lies in the bucket after all is copied from there', async () => {
    const story = recordedNow()
    await upload(story.filename, '0123456789')
    await webhooks(
      egressEvent('egress_ended', 'EGRESS_COMPLETE', story, {
        backupStorageUsed: true,
        fileResults: [{ ...uploaded(story), location: addressOf(story) }],
      }),
    )
    await passUntil(story.egressId, isReady)
    await passUntilQuiet(story.egressId)
    expect(await rangesOfBackup()).toEqual([])
    expect(await keysUnder(`tmp/${story.egressId}/`)).toEqual([])
  })

  it('is not pulled again when LiveKit ends the egress a second time', async () => {
    const story = await ended()
    await endsWell(story)
    await webhooks(
      egressEvent(
        'egress_ended',
        'EGRESS_FAILED',
        { ...story, endedAtMs: story.endedAtMs + 500 },
        {
          fileResults: [{ filename: story.filename }],
          error: 'signal: killed',
        },
      ),
    )
    await passUntilQuiet(story.egressId)
    expect(await keysUnder(finalFolder(story))).toEqual([final(story)])
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', attention: null })
  })

  it('whose upload the store has forgotten is pulled anew', async () => {
    const story = await ended()
    await setBackup({ answers: ['pass', 'pass', { status: 503 }] })
    await ring(story.egressId)
    const begun = (await storeRequests()).find(({ query }) => query.includes('uploadId='))
    const uploadId = new URLSearchParams(begun?.query).get('uploadId') ?? ''
    await abortUpload(final(story), uploadId)
    await endsWell(story)
    expect(await timelineTypes(story.egressId)).toContain('file.upload-lost')
  })

  it('survives the lost answer of the join', async () => {
    const story = await ended()
    await breakStore({ method: 'POST', skip: 1, times: 1, answer: 'lost' })
    await endsWell(story)
    expect(await rangesOfBackup()).toHaveLength(4)
  })
})

describe('S12: what LiveKit stored there in many files', () => {
  const isTold = ({ attention }: { attention: string | null }): boolean => attention === 'backup'

  it('a playlist is not silently missing: a person is told at once and why, and what he brings is moved', async () => {
    const story = playlistStory()
    await webhooks(
      playlistEnded(story, {
        backupStorageUsed: true,
        segmentResults: [segmentsInfo(story, { playlistLocation: addressOf(story) })],
      }),
    )
    await passUntil(story.egressId, isTold)
    const failed = await passUntil(story.egressId, ({ status }) => status === 'failed')
    expect(failed).toMatchObject({ attention: 'backup', backup: true, error: { code: 'backup' } })
    expect(failed.error?.message).toContain('backup storage, for seven days')
    expect(JSON.stringify([failed, await timeline(story.egressId), logged])).not.toContain(secret)
    const names = segmentNames(3)
    await putSegments(tempFolder(story), names)
    await upload(story.filename, playlistText(names))
    await asAdmin(`/v1/recordings/${story.egressId}/reconcile`, { method: 'POST' })
    const ready = await passUntil(story.egressId, isReady)
    expect(ready).toMatchObject({ attention: null, error: null })
    expect(await keysUnder(finalFolder(story))).toHaveLength(4)
  })

  it('images beside a video: the video is pulled and plays, and a person is told of the images', async () => {
    const story = recordedNow({ sizeBytes: 1_000 })
    await setBackup({ files: { [`/livekit-bucket/${story.egressId}`]: 1_000 } })
    await webhooks(
      egressEvent('egress_ended', 'EGRESS_COMPLETE', story, {
        backupStorageUsed: true,
        fileResults: [{ ...uploaded(story), location: addressOf(story) }],
        imageResults: [{ filenamePrefix: `${tempFolder(story)}thumb`, imageCount: '2' }],
      }),
    )
    await passUntil(story.egressId, isTold)
    await passUntilQuiet(story.egressId)
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', attention: 'backup' })
    await upload(`${tempFolder(story)}thumb_00000.jpeg`, 'image', 'image/jpeg')
    await asAdmin(`/v1/recordings/${story.egressId}/reconcile`, { method: 'POST' })
    await passUntilQuiet(story.egressId)
    expect(await download(`${finalFolder(story)}thumb_00000.jpeg`)).toBe('image')
    expect((await read(story.egressId)).attention).toBeNull()
  })

  it('images alone: failed, and why', async () => {
    const story = recordedNow()
    await webhooks(
      egressEvent('egress_ended', 'EGRESS_COMPLETE', story, {
        backupStorageUsed: true,
        fileResults: [],
        imageResults: [{ filenamePrefix: `${tempFolder(story)}thumb`, imageCount: '2' }],
      }),
    )
    const failed = await passUntil(story.egressId, isTold)
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'backup' } })
  })
})

describe('S12: an address that has expired', () => {
  it('in the middle: a person is told at once, the parts are given up, and nothing is tried for ever', async () => {
    const story = await ended()
    await setBackup({ answers: ['pass', 'pass', { status: 503 }] })
    await ring(story.egressId)
    await setBackup({ expired: true })
    const told = await passUntil(story.egressId, ({ attention }) => attention !== null)
    expect(told).toMatchObject({
      attention: 'backup-expired',
      error: { message: 'LiveKit’s backup storage does not give the file any more.' },
    })
    const failed = await passUntil(story.egressId, ({ status }) => status === 'failed')
    expect(failed.error?.code).toBe('backup-expired')
    expect(await openUploads(finalFolder(story))).toEqual([])
    let rings = 0
    while ((await alarmAtMs(story.egressId)) !== null && rings < 200) {
      rings += 1
      await ring(story.egressId)
    }
    expect(rings, 'further tries').toBeLessThan(100)
    const refused = await asAdmin(`/v1/recordings/${story.egressId}/play`)
    expect(refused.status).toBe(409)
    expect(await refused.json()).toMatchObject({ reason: 'backup-expired' })
  })

  it('is made good by a person who puts the file into the temp folder', async () => {
    const story = await ended()
    await setBackup({ expired: true })
    await passUntil(story.egressId, ({ status }) => status === 'failed')
    await upload(story.filename, backupBytes(0, sizeBytes - 1))
    await asAdmin(`/v1/recordings/${story.egressId}/reconcile`, { method: 'POST' })
    await endsWell(story)
  })
})

describe('S12: an address that a storage calls wrong instead of expired', () => {
  it.each([400, 401, 410])('%i: a person is told at once', async (status) => {
    const story = await ended()
    await setBackup({ answers: Array.from({ length: 20 }, () => ({ status })) })
    const told = await passUntil(story.egressId, ({ attention }) => attention !== null)
    expect(told.attention).toBe('backup-expired')
    await setBackup({ answers: [] })
    await endsWell(story)
  })
})

describe('S12: the address', () => {
  it('stands in no log, no timeline, no answer and no row, whatever becomes of it', async () => {
    const story = await ended()
    await setBackup({
      answers: ['cut', 'unreachable', { status: 500 }, 'pass', 'pass', 'unreachable'],
    })
    await endsWell(story)
    await webhooks(...wholeLife({ ...story, egressId: `${story.egressId}b` }))
    await setBackup({ expired: true })
    const answers = [
      JSON.stringify(await read(story.egressId)),
      JSON.stringify(await timeline(story.egressId)),
      JSON.stringify(await listed()),
      await (await asAdmin(`/v1/recordings/${story.egressId}/play`)).text(),
      JSON.stringify((await env.DB.prepare('SELECT * FROM recordings').all()).results),
    ]
    expect(logged.length, 'lines of the log').toBeGreaterThan(0)
    for (const words of [...answers, ...logged]) {
      expect(words).not.toContain(secret)
      expect(words).not.toContain('X-Amz-Signature=')
    }
  })
})
