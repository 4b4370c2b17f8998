// A recording that has gone silent: its own alarm asks LiveKit, then looks into the bucket, and gives up last of all. No
// single answer ends anything, LiveKit's word for a zombie is not believed for ever, and evidence brings back what was lost.
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { egressEvent, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import {
  alarmAtMs,
  letPass,
  letTimeRun,
  passMs,
  passUntil,
  recordedNow,
  ring,
  stopTime,
} from './clock.ts'
import {
  askedOfLiveKit,
  download,
  emptyFolder,
  keysUnder,
  removeObject,
  setLiveKit,
  upload,
} from './outside.ts'
import { listed as inLists, read, timeline, timelineTypes, webhooks } from './story.ts'
import { known, listed, post, sweepNow, uploadFinished } from './witness-stories.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const silentMs = Number(env.SILENT_AFTER_SECONDS) * 1000
const graceMs = Number(env.GRACE_SECONDS) * 1000
const longestMs = Number(env.MAX_SESSION_SECONDS) * 1000

beforeEach(async () => {
  await emptyFolder('tmp/')
  stopTime()
})
afterEach(letTimeRun)

/** A recording of which LiveKit said that it runs, and nothing since. */
async function silent(more: Partial<Recorded> = {}): Promise<Recorded> {
  const story = recordedNow(more)
  await webhooks(...wholeLife(story).slice(0, 2))
  await ring(story.egressId)
  expect((await read(story.egressId)).status).toBe('active')
  return story
}

async function statusOf(egressId: string): Promise<string> {
  return (await read(egressId)).status
}

const emptyAnswer = { status: 200, body: '{"items":[],"next_page_token":null}' }

describe('W5: the end never comes, and LiveKit still knows it', () => {
  it('the object asks for exactly this egress when the silence has lasted, and no earlier', async () => {
    const story = await silent()
    const heardAtMs = Date.now()
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
    expect(await alarmAtMs(story.egressId)).toBe(heardAtMs + silentMs)
    await ring(story.egressId)
    expect(await askedOfLiveKit()).toEqual([story.egressId])
    expect(await alarmAtMs(story.egressId)).toBe(heardAtMs + 2 * silentMs)
  })

  it('and the recording is ready, recovered by LiveKit', async () => {
    const story = await silent()
    await upload(story.filename, '0123456789')
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_COMPLETE')) })
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({
      recoveredBy: 'livekit',
      egressStatus: 'EGRESS_COMPLETE',
      durationMs: 60_000,
      sizeBytes: 10,
      attention: null,
    })
    expect(await download(`recordings/${story.egressId}/video.mp4`)).toBe('0123456789')
    const told = (await timeline(story.egressId)).find(({ source }) => source === 'livekit')
    expect(told).toMatchObject({ type: 'list', detail: { status: 'EGRESS_COMPLETE' } })
  })

  it('and the webhook that comes after all changes nothing but who told of the end', async () => {
    const story = await silent()
    await upload(story.filename, '0123456789')
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_COMPLETE')) })
    const before = await passUntil(story.egressId, ({ status }) => status === 'ready')
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', story))
    await letPass(story.egressId, hourMs)
    const after = await read(story.egressId)
    expect({ ...after, updatedAt: '' }).toEqual({ ...before, updatedAt: '', recoveredBy: null })
  })
})

describe('W5: the end never comes, and LiveKit says for hours that it is still ending', () => {
  it('the recording is ending until LiveKit tells of its end, and then ready', async () => {
    const story = await silent()
    const ending = { updated_at: `${story.startedAtMs + 30_000}000000` }
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ENDING', ending)) })
    await passUntil(story.egressId, ({ status }) => status === 'ending')
    await upload(story.filename, '0123456789')
    await letPass(story.egressId, 6 * hourMs)
    expect(await statusOf(story.egressId)).toBe('ending')
    expect((await askedOfLiveKit()).length).toBeLessThan(8 * (hourMs / silentMs))
    const told = (await timeline(story.egressId)).filter(({ source }) => source === 'livekit')
    expect(told).toHaveLength(1)
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_COMPLETE')) })
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ recoveredBy: 'livekit', attention: null })
  })

  it('and when it never does, the file is enough after the longest session', async () => {
    const story = await silent()
    const ending = { updated_at: `${story.startedAtMs + 30_000}000000` }
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ENDING', ending)) })
    await upload(story.filename, '0123456789')
    await letPass(story.egressId, longestMs + graceMs + hourMs)
    expect(await read(story.egressId)).toMatchObject({
      status: 'ready',
      recoveredBy: 'object',
      egressStatus: 'EGRESS_ENDING',
      attention: null,
    })
  })

  it('LIMIT_REACHED and FAILED are told by the look-up as by a webhook', async () => {
    for (const status of ['EGRESS_LIMIT_REACHED', 'EGRESS_FAILED']) {
      const story = await silent()
      await upload(story.filename, '0123456789')
      await setLiveKit({ egresses: known(listed(story, status, { error: 'why' })) })
      const ready = await passUntil(story.egressId, (recording) => recording.status === 'ready')
      expect(ready).toMatchObject({
        recoveredBy: 'livekit',
        limitReached: status === 'EGRESS_LIMIT_REACHED',
        partial: status === 'EGRESS_FAILED',
      })
    }
  })
})

describe('W14: LiveKit says for a moment that it knows nothing', () => {
  const blips: [string, { status: number; body: string }][] = [
    ['an empty list', emptyAnswer],
    ['not found', { status: 404, body: '{"code":"not_found","msg":"egress does not exist"}' }],
    ['an error', { status: 500, body: 'Redis is out of order' }],
    ['not found, without saying what', { status: 404, body: 'no such page' }],
  ]

  it.each(blips)('once, with %s: the recording goes on', async (_, fault) => {
    const story = await silent()
    await setLiveKit({ fault })
    while ((await askedOfLiveKit()).length === 0) await ring(story.egressId)
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
    await letPass(story.egressId, 5 * hourMs)
    expect(await statusOf(story.egressId)).toBe('active')
    await upload(story.filename, '0123456789')
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', story))
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ recoveredBy: null, attention: null })
  })

  it('for minutes, twice in a row: it is asked once more before anything is given up', async () => {
    const story = await silent()
    await setLiveKit({ fault: emptyAnswer })
    while ((await askedOfLiveKit()).length < 2) await ring(story.egressId)
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
    await letPass(story.egressId, 5 * hourMs)
    expect(await statusOf(story.egressId)).toBe('active')
    expect(await timelineTypes(story.egressId)).not.toContain('recording.concluded')
  })

  it('for good, and there is no file: lost, but not before the grace period is over', async () => {
    const story = await silent()
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
    while ((await askedOfLiveKit()).length < 1) await ring(story.egressId)
    await setLiveKit({})
    while ((await askedOfLiveKit()).length < 2) await ring(story.egressId)
    const goneAtMs = Date.now()
    await letPass(story.egressId, graceMs - 2 * minuteMs)
    expect(await statusOf(story.egressId)).toBe('active')
    const recording = await passUntil(story.egressId, ({ status }) => status === 'lost')
    expect(Date.now() - goneAtMs).toBeGreaterThanOrEqual(graceMs - minuteMs)
    expect(recording.error?.code).toBe('lost')
    expect((await askedOfLiveKit()).length).toBeGreaterThan(2)
    await letPass(story.egressId, 24 * hourMs)
    expect(await statusOf(story.egressId)).toBe('lost')
  })
})

describe('LiveKit knows nothing of an egress from the first question on', () => {
  it('one that was heard to begin and to go on is lost, and a person sees it in the lists', async () => {
    const story = await silent()
    await setLiveKit({ egresses: {} })
    await letPass(story.egressId, longestMs)
    expect(await read(story.egressId)).toMatchObject({ status: 'lost', error: { code: 'lost' } })
    expect(await inLists()).toContain(story.egressId)
  })

  it('one that was heard to begin only is taken for a test event, until its file turns up', async () => {
    const story = recordedNow()
    await webhooks(...wholeLife(story).slice(0, 1))
    await setLiveKit({ egresses: {} })
    await letPass(story.egressId, longestMs)
    expect(await inLists()).not.toContain(story.egressId)
    await upload(story.filename, '0123456789')
    await sweepNow()
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(await inLists()).toContain(story.egressId)
  })
})

describe('W8: nobody tells of the end, LiveKit has forgotten, and the file is there', () => {
  it('ready, recovered by the object itself', async () => {
    const story = await silent()
    await upload(story.filename, '0123456789')
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ recoveredBy: 'object', sizeBytes: 10, attention: null })
    expect(await download(`recordings/${story.egressId}/video.mp4`)).toBe('0123456789')
    expect(await timelineTypes(story.egressId)).toContain('file.discovered')
  })

  it.each(['video.webm', 'audio.mp3', 'audio.ogg', 'video.mp4'])(
    'ready by %s alone, also when it was to be called otherwise',
    async (name) => {
      const story = await silent()
      const key = `tmp/${story.egressId}/${name}`
      await upload(key, '0123456789')
      await sweepNow()
      const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
      expect(ready).toMatchObject({ recoveredBy: 'object', sizeBytes: 10, attention: null })
      expect(ready.files.map((file) => file.name)).toEqual([name])
    },
  )

  it('but the list of a live stream, which is there from the beginning, is no end', async () => {
    // Twenty minutes ahead of the store: what it has was written within the grace period.
    passMs(-40 * minuteMs)
    const story = recordedNow({ filename: '' })
    const folder = `tmp/${story.egressId}/`
    const segmentResults = [{ playlistName: `${folder}index.m3u8` }]
    const more = { fileResults: [], segmentResults }
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', story, more))
    await upload(`${folder}seg_00000.ts`, 'segment', 'video/mp2t')
    const list = '#EXTM3U\n#EXTINF:4,\nseg_00000.ts\n'
    await upload(`${folder}index.m3u8`, list, 'application/x-mpegurl')
    await letPass(story.egressId, 35 * minuteMs)
    expect((await askedOfLiveKit()).length).toBeGreaterThanOrEqual(2)
    expect(await timelineTypes(story.egressId)).toContain('file.still-written')
    expect(await statusOf(story.egressId)).toBe('active')
    expect(await download(`${folder}seg_00000.ts`)).toBe('segment')

    // Nothing has been written for an hour: that was all of it.
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ recoveredBy: 'object', attention: 'open-playlist' })
    expect(await download(`recordings/${story.egressId}/seg_00000.ts`)).toBe('segment')
  })
})

describe('W8: nobody tells of the end of an egress that wrote images alone', () => {
  async function imagesOf(story: Recorded): Promise<string[]> {
    const prefix = `tmp/${story.egressId}/image`
    const more = { fileResults: [], imageResults: [{ filenamePrefix: prefix }] }
    await webhooks(
      egressEvent('egress_started', 'EGRESS_STARTING', story, more),
      egressEvent('egress_updated', 'EGRESS_ACTIVE', story, more),
    )
    const keys = [1, 2, 3].map((number) => `${prefix}_0000${number}.jpeg`)
    for (const key of keys) await upload(key, `bytes of ${key}`, 'image/jpeg')
    return keys
  }

  it('they are a recording, as a file is', async () => {
    const story = recordedNow({ filename: '' })
    const keys = await imagesOf(story)
    await setLiveKit({ egresses: {} })
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ recoveredBy: 'object', error: null, attention: null })
    await letPass(story.egressId, hourMs)
    expect(await keysUnder('tmp/')).toEqual([])
    for (const key of keys)
      expect(await download(key.replace('tmp/', 'recordings/'))).toBe(`bytes of ${key}`)
  })

  it('but not while new ones are still written', async () => {
    // Twenty minutes ahead of the store: what it has was written within the grace period.
    passMs(-40 * minuteMs)
    const story = recordedNow({ filename: '' })
    const [key = ''] = await imagesOf(story)
    await letPass(story.egressId, 35 * minuteMs)
    expect(await timelineTypes(story.egressId)).toContain('file.still-written')
    expect(await statusOf(story.egressId)).toBe('active')
    expect(await download(key)).toBe(`bytes of ${key}`)
    await passUntil(story.egressId, ({ status }) => status === 'ready')
  })

  it('and there is none of its own: lost', async () => {
    const story = recordedNow({ filename: '' })
    const keys = await imagesOf(story)
    for (const key of keys) await removeObject(key)
    await upload(`tmp/${story.egressId}/images-of-others_00001.jpeg`, 'other', 'image/jpeg')
    await setLiveKit({ egresses: {} })
    await passUntil(story.egressId, ({ status }) => status === 'lost')
  })
})

async function lost(): Promise<Recorded> {
  const story = await silent()
  await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
  await letPass(story.egressId, longestMs + graceMs + hourMs)
  expect(await statusOf(story.egressId)).toBe('lost')
  return story
}

describe('W15: LiveKit says for ever that it is active', () => {
  it('lost only after the longest session and the grace period', async () => {
    const story = await silent()
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
    await letPass(story.egressId, longestMs)
    expect(await statusOf(story.egressId)).toBe('active')
    await letPass(story.egressId, graceMs + hourMs)
    expect(await statusOf(story.egressId)).toBe('lost')
    expect(await timelineTypes(story.egressId)).toContain('recording.concluded')
  })

  it('not while LiveKit’s own clock of it moves', async () => {
    const story = await silent()
    for (let hours = 0; hours < 30; hours += 5) {
      const moved = { updated_at: `${Date.now()}000000` }
      await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE', moved)) })
      await letPass(story.egressId, 5 * hourMs)
    }
    expect(await statusOf(story.egressId)).toBe('active')
  })

  it.each([
    [408, 'deadline_exceeded'],
    [503, 'unavailable'],
  ])('lost also when a stop is answered with %i for ever', async (status, code) => {
    const story = await silent()
    const answer = { status, code, msg: 'no response' }
    await setLiveKit({
      egresses: known(listed(story, 'EGRESS_ACTIVE')),
      faults: [{ method: 'StopEgress', answer }],
    })
    const path = `/v1/recordings/${story.egressId}/stop`
    expect((await post(path, {})).status).toBeLessThan(500)
    await letPass(story.egressId, longestMs)
    expect(await statusOf(story.egressId)).toBe('ending')
    await letPass(story.egressId, graceMs + hourMs)
    expect(await statusOf(story.egressId)).toBe('lost')
    expect(await alarmAtMs(story.egressId)).toBeNull()
  })

  it('and its file, when it lies in the bucket all the time, is enough in the end', async () => {
    const story = await silent()
    await upload(story.filename, '0123456789')
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
    await letPass(story.egressId, longestMs)
    expect(await statusOf(story.egressId)).toBe('active')
    await letPass(story.egressId, graceMs + hourMs)
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', recoveredBy: 'object' })
    await sweepNow()
    await letPass(story.egressId, 24 * hourMs)
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', attention: null })
  })

  it('and its file is enough after the grace period, once the sweep has seen it', async () => {
    const story = await silent()
    await upload(story.filename, '0123456789')
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
    await sweepNow()
    expect(await statusOf(story.egressId)).toBe('active')
    await letPass(story.egressId, graceMs + hourMs)
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', recoveredBy: 'object' })
  })

  it('but not a file that is older than LiveKit’s last sign of life: another run writes a new one', async () => {
    const story = await silent()
    await upload(story.filename, '0123456789')
    await sweepNow()
    const alive = { updated_at: `${Date.now() + 60_000}000000` }
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE', alive)) })
    await letPass(story.egressId, graceMs + 3 * hourMs)
    expect(await statusOf(story.egressId)).toBe('active')
  })

  it('and comes back when its end is told after all', async () => {
    const story = await lost()
    await upload(story.filename, '0123456789')
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', story))
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ error: null, attention: null, recoveredBy: null })
  })

  it('and comes back when LiveKit’s list has its end', async () => {
    const story = await lost()
    await upload(story.filename, '0123456789')
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_COMPLETE')) })
    expect(await sweepNow()).toMatchObject({ recovered: 1, errors: [] })
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ error: null, recoveredBy: 'livekit' })
  })

  it('and comes back when its manifest turns up in the bucket', async () => {
    const story = await lost()
    await uploadFinished(story)
    expect(await sweepNow()).toMatchObject({ recovered: 1, orphans: 0, errors: [] })
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ error: null, recoveredBy: 'manifest' })
  })

  it('and comes back when its file turns up in the bucket', async () => {
    const story = await lost()
    await upload(story.filename, '0123456789')
    expect(await sweepNow()).toMatchObject({ recovered: 1, orphans: 0, errors: [] })
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ error: null, recoveredBy: 'object' })
  })
})
