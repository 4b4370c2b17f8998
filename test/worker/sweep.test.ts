// The sweep: what no webhook told is found on LiveKit's list and in the temp folder, and told through the same door. It may
// run twice at once, stop half-way or come days late; it loses nothing, touches nothing that is still being written, and
// one object that nobody can read never keeps it from the others.
import { createScheduledController } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import worker from '../../src/index.ts'
import { sweep } from '../../src/reconcile/sweep.ts'
import type { SweepReport } from '../../src/catalog/sweeps.ts'
import { egressEvent, uploaded, wholeLife } from '../egress-events.ts'
import { playlistText, segmentNames, segmentsInfo } from '../egress-files.ts'
import {
  letPass,
  letTimeRun,
  passMs,
  passUntil,
  passUntilQuiet,
  recordedNow,
  ring,
  stopTime,
} from './clock.ts'
import { breakStore, download, emptyFolder, keysUnder, setLiveKit, upload } from './outside.ts'
import { asAdmin, listed as listOf, read, timeline, webhooks } from './story.ts'
import {
  known,
  listed,
  manifestKey,
  manifestText,
  post,
  sweepNow,
  uploadFinished,
} from './witness-stories.ts'

const hourMs = 3_600_000
const graceMs = Number(env.GRACE_SECONDS) * 1000

beforeEach(async () => {
  await emptyFolder('tmp/')
  stopTime()
})
afterEach(letTimeRun)

async function ready(egressId: string) {
  return passUntil(egressId, ({ status }) => status === 'ready')
}

async function orphans(): Promise<{ key: string; attention: string }[]> {
  const response = await asAdmin('/v1/orphans')
  return (await response.json<{ orphans: { key: string; attention: string }[] }>()).orphans
}

async function rowsIn(table: 'claims' | 'temp_objects' | 'sweep_reports'): Promise<number> {
  return (await env.DB.prepare(`SELECT count(*) FROM ${table}`).first<number>('count(*)')) ?? 0
}

/** A location as LiveKit writes it: nothing is encoded. */
function at(key: string): string {
  return `https://store.example/recordings/${key}`
}

/** The Worker's environment in an isolate that is killed after so many calls: none that follows reaches anything. */
function dyingAfter(calls: number): Env {
  let left = calls
  const dying = <T extends object>(world: T, names: string[]): T =>
    new Proxy(world, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...given: unknown[]) => {
          if (names.includes(String(name)) && (left -= 1) < 0) throw new Error('killed')
          return Reflect.apply(value, target, given) as unknown
        }
      },
    })
  return {
    ...env,
    DB: dying(env.DB, ['prepare', 'batch']),
    RECORDING: dying(env.RECORDING, ['getByName']),
    REGISTRY: dying(env.REGISTRY, ['getByName']),
  }
}

/** Sweeps until a run comes to the end of the folder. */
async function sweepAll(): Promise<SweepReport[]> {
  const reports: SweepReport[] = []
  for (let run = 0; run < 50; run += 1) {
    const report = await sweepNow()
    reports.push(report)
    if (report.cursor === null) return reports
  }
  throw new Error('the sweep does not come to an end')
}

describe('W6: no webhook at all, and LiveKit still knows it', () => {
  it('a running egress is adopted', async () => {
    const story = recordedNow()
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
    expect(await sweepNow()).toMatchObject({ adopted: 1, recovered: 0, errors: [] })
    await ring(story.egressId)
    expect(await read(story.egressId)).toMatchObject({ status: 'active', roomName: 'standup' })
    expect(await sweepNow()).toMatchObject({ adopted: 0, recovered: 0 })
  })

  it('an ended one is adopted, and its file is moved', async () => {
    const story = recordedNow()
    await upload(story.filename, '0123456789')
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_COMPLETE')) })
    expect(await sweepNow()).toMatchObject({ adopted: 1, recovered: 0, orphans: 0 })
    expect(await ready(story.egressId)).toMatchObject({
      recoveredBy: 'livekit',
      roomName: 'standup',
      durationMs: 60_000,
    })
  })

  it('a list of many pages is read to its end, across runs', async () => {
    const stories = Array.from({ length: 25 }, () => recordedNow())
    const egresses = known(...stories.map((each) => listed(each, 'EGRESS_ACTIVE')))
    await setLiveKit({ egresses, pageSize: 4 })
    let adopted = 0
    for (let run = 0; run < 5; run += 1) {
      adopted += (await sweepNow()).adopted
      for (const { egressId } of stories) await ring(egressId)
    }
    expect(adopted).toBe(25)
    expect((await listOf('?status=active&limit=200')).toSorted()).toEqual(
      stories.map(({ egressId }) => egressId).toSorted(),
    )
  })

  it('a page token that LiveKit does not take any more costs one run', async () => {
    const story = recordedNow()
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')), pageSize: 1 })
    const position = JSON.stringify({ afterKey: null, livekitPage: 'from-last-week' })
    await env.DB.prepare('UPDATE sweep SET position = ?1').bind(position).run()
    const failed = await sweepNow()
    expect(failed.errors.join()).toContain('malformed page token')
    expect(await sweepNow()).toMatchObject({ adopted: 1, errors: [] })
  })

  it('another attempt of an egress that had failed is told while it runs', async () => {
    const story = recordedNow()
    const { location: _, size: __, ...file } = uploaded(story)
    await webhooks(egressEvent('egress_ended', 'EGRESS_FAILED', story, { fileResults: [file] }))
    for (let step = 0; step < 4; step += 1) await ring(story.egressId)
    expect(await listOf('?status=failed')).toEqual([story.egressId])
    const running = listed(story, 'EGRESS_ACTIVE', { retry_count: 1 })
    await setLiveKit({ egresses: known(running) })
    expect(await sweepNow()).toMatchObject({ recovered: 1, adopted: 0, errors: [] })
    await passUntil(story.egressId, ({ status }) => status === 'active')
    expect(await sweepNow()).toMatchObject({ recovered: 0, adopted: 0 })
  })

  it('another attempt of an egress that had failed is told', async () => {
    const story = recordedNow()
    const { location: _, size: __, ...file } = uploaded(story)
    await webhooks(egressEvent('egress_ended', 'EGRESS_FAILED', story, { fileResults: [file] }))
    for (let step = 0; step < 4; step += 1) await ring(story.egressId)
    expect(await listOf('?status=failed')).toEqual([story.egressId])
    await upload(story.filename, '0123456789')
    const later = { ...story, endedAtMs: story.endedAtMs + 500 }
    await setLiveKit({ egresses: known(listed(later, 'EGRESS_COMPLETE', { retry_count: 1 })) })
    expect(await sweepNow()).toMatchObject({ recovered: 1 })
    expect(await ready(story.egressId)).toMatchObject({ egressStatus: 'EGRESS_COMPLETE' })
  })

  it('a file that is listed with the same word and at the same time as before is told', async () => {
    const story = recordedNow({ filename: 'tmp/elsewhere/video.mp4' })
    const without = listed(story, 'EGRESS_FAILED', { file_results: [] })
    await setLiveKit({ egresses: known(without) })
    await sweepNow()
    await passUntil(story.egressId, ({ status }) => status === 'failed')
    await passUntilQuiet(story.egressId)
    await upload(story.filename, '0123456789')
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_FAILED')) })
    expect(await sweepNow()).toMatchObject({ recovered: 1, adopted: 0, errors: [] })
    expect(await ready(story.egressId)).toMatchObject({ partial: true, attention: null })
  })
})

describe('W7: the end is lost, LiveKit has forgotten, and a manifest lies in the temp folder', () => {
  it('the recording is ready, recovered by the manifest', async () => {
    const story = recordedNow()
    await webhooks(...wholeLife(story).slice(0, 2))
    await ring(story.egressId)
    await uploadFinished(story)
    expect(await sweepNow()).toMatchObject({ recovered: 1, adopted: 0, orphans: 0, errors: [] })
    expect(await ready(story.egressId)).toMatchObject({
      recoveredBy: 'manifest',
      sizeBytes: 10,
      attention: null,
      startedAt: new Date(story.startedAtMs).toISOString(),
      endedAt: new Date(story.endedAtMs).toISOString(),
    })
    const told = (await timeline(story.egressId)).find(({ source }) => source === 'manifest')
    // The nanoseconds as they stand in the file, no double in between.
    expect(JSON.stringify(told?.detail['raw'])).toContain(`"${story.endedAtMs}456789"`)
    passMs(hourMs)
    while (await ring(story.egressId)) continue
    expect(await keysUnder('tmp/')).toEqual([])
  })

  it('and LiveKit, when it can be asked again, tells what no manifest knows', async () => {
    const story = recordedNow()
    await uploadFinished(story)
    await setLiveKit({ fault: { status: 503, body: '{"code":"unavailable","msg":"away"}' } })
    await sweepNow()
    expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'manifest', partial: false })
    const failed = listed(story, 'EGRESS_FAILED', { error: 'room connection lost' })
    await setLiveKit({ egresses: known(failed) })
    expect(await sweepNow()).toMatchObject({ recovered: 1, adopted: 0, errors: [] })
    const told = await passUntil(story.egressId, ({ partial }) => partial)
    expect(told).toMatchObject({ status: 'ready', recoveredBy: 'livekit' })
    expect(await sweepNow()).toMatchObject({ recovered: 0 })
  })

  it('and a second attempt that the manifest alone tells of is not partial for the failure of the first one', async () => {
    const story = recordedNow()
    const { location: _, size: __, ...file } = uploaded(story)
    const failed = { error: 'page load error', fileResults: [file] }
    await webhooks(egressEvent('egress_ended', 'EGRESS_FAILED', story, failed))
    expect(
      (await passUntil(story.egressId, ({ status }) => status === 'failed')).error?.message,
    ).toBe('page load error')
    const filename = `tmp/${story.egressId}/video-1.mp4`
    await uploadFinished({ ...story, filename, endedAtMs: story.endedAtMs + 60_000 })
    await sweepNow()
    expect(await ready(story.egressId)).toMatchObject({ partial: false, error: null })
  })

  it.each(['video.mp4', 'track.ivf', 'track.h264', 'talk.aac'])(
    'a manifest of the old style, named after its file: %s',
    async (name) => {
      const story = recordedNow({ filename: `tmp/somewhere/${name}` })
      await upload(story.filename, '0123456789')
      const old = manifestText(story, { files: undefined })
      await upload(`${story.filename}.json`, old, 'application/json')
      expect(await sweepNow()).toMatchObject({ adopted: 1, errors: [] })
      expect(await ready(story.egressId)).toMatchObject({
        recoveredBy: 'manifest',
        roomName: 'standup',
        files: expect.arrayContaining([expect.objectContaining({ name, state: 'final' })]),
      })
      expect(await orphans()).toEqual([])
    },
  )

  it('a manifest of one image, which was written over and over and has no number', async () => {
    const { egressId, ...story } = recordedNow()
    const filename = `tmp/${egressId}/my_thumb.jpeg`
    await upload(filename, 'picture', 'image/jpeg')
    const images = [{ filename, timestamp: '2026-01-01T00:00:13.12Z', location: at(filename) }]
    const text = manifestText({ ...story, egressId }, { files: undefined, images })
    await upload(`tmp/${egressId}/${egressId}.json`, text, 'application/json')
    await sweepAll()
    expect(await ready(egressId)).toMatchObject({
      recoveredBy: 'manifest',
      files: expect.arrayContaining([expect.objectContaining({ name: 'my_thumb.jpeg' })]),
    })
  })

  it('a manifest that lists nothing: the playlist is the one that a webhook had named', async () => {
    const story = recordedNow({ filename: 'tmp/of its own/index.m3u8' })
    const segmentResults = [{ playlistName: story.filename }]
    const running = { fileResults: [], segmentResults }
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', story, running))
    await ring(story.egressId)
    const segments = segmentNames(2)
    for (const name of segments) await upload(`tmp/of its own/${name}`, name, 'video/mp2t')
    await upload(story.filename, playlistText(segments), 'application/x-mpegurl')
    const text = manifestText(story, { files: undefined })
    await upload(manifestKey(story), text, 'application/json')
    await sweepAll()
    expect(await ready(story.egressId)).toMatchObject({
      recoveredBy: 'manifest',
      attention: null,
      files: expect.arrayContaining([expect.objectContaining({ name: 'index.m3u8' })]),
    })
    await passUntilQuiet(story.egressId)
    expect(await keysUnder('tmp/')).toEqual([])
  })

  it('a manifest of an HLS egress whose names are full of signs brings its segments home', async () => {
    const story = recordedNow({ filename: 'tmp/all 100% of it?/index.m3u8' })
    const folder = 'tmp/all 100% of it?/'
    const segments = Array.from({ length: 8 }, (_, index) => `seg_${10_000 + index}.ts`)
    const list = ['#EXTM3U', ...segments.flatMap((name) => ['#EXTINF:4,', name]), '#EXT-X-ENDLIST']
    for (const name of segments) await upload(`${folder}${name}`, name, 'video/mp2t')
    await upload(story.filename, `${list.join('\n')}\n`, 'application/x-mpegurl')
    const playlists = [
      {
        location: at(story.filename),
        segments: segments.map((name) => ({
          filename: `${folder}${name}`,
          location: at(`${folder}${name}`),
        })),
      },
    ]
    const text = manifestText(story, { files: undefined, playlists })
    await upload(manifestKey(story), text, 'application/json')
    const reports = await sweepAll()
    expect(reports.flatMap(({ errors }) => errors)).toEqual([])
    expect(await ready(story.egressId)).toMatchObject({
      recoveredBy: 'manifest',
      attention: null,
      files: expect.arrayContaining([expect.objectContaining({ name: 'index.m3u8' })]),
    })
    for (const name of [segments[0], segments[7]]) {
      expect(await download(`recordings/${story.egressId}/${name}`)).toBe(name)
    }
  })

  it('a live playlist, which no manifest lists, follows when LiveKit names it after the move', async () => {
    const story = recordedNow({ filename: 'tmp/of its own/index.m3u8' })
    const folder = 'tmp/of its own/'
    const segments = segmentNames(3)
    const live = `${folder}live.m3u8`
    for (const name of segments) await upload(`${folder}${name}`, name, 'video/mp2t')
    await upload(story.filename, playlistText(segments), 'application/x-mpegurl')
    const liveText = playlistText(segments.slice(-2), false)
    await upload(live, liveText, 'application/x-mpegurl')
    const named = segments.map((name) => ({ filename: `${folder}${name}` }))
    const playlists = [{ location: at(story.filename), segments: named }]
    const text = manifestText(story, { files: undefined, playlists })
    await upload(manifestKey(story), text, 'application/json')
    await sweepAll()
    expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'manifest' })
    await passUntilQuiet(story.egressId)
    expect(await keysUnder(folder)).toEqual([live])
    const info = segmentsInfo(story, { livePlaylistName: live, livePlaylistLocation: at(live) })
    const outputs = { fileResults: [], segmentResults: [info] }
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', story, outputs))
    await passUntilQuiet(story.egressId)
    expect(await read(story.egressId)).toMatchObject({ status: 'ready', attention: null })
    expect(await keysUnder(folder)).toEqual([])
    expect(await download(`recordings/${story.egressId}/live.m3u8`)).toBe(liveText)
  })

  it('a manifest in a folder that the egress service leaves out of every name', async () => {
    const story = recordedNow({ filename: 'standup-1.mp4' })
    const key = `tmp/eu/${story.filename}`
    await upload(key, '0123456789')
    const files = [{ filename: story.filename, location: at(key) }]
    const manifest = `tmp/eu/${story.egressId}.json`
    await upload(manifest, manifestText(story, { files }), 'application/json')
    await sweepNow()
    expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'manifest', attention: null })
    passMs(hourMs)
    await sweepAll()
    await passUntilQuiet(story.egressId)
    expect(await keysUnder('tmp/')).toEqual([])
    expect(await orphans()).toEqual([])
  })

  it('a manifest that names another egress than its own name is nobody’s, and moves nothing', async () => {
    const [owner, other] = [recordedNow(), recordedNow()]
    await webhooks(...wholeLife(owner).slice(0, 2))
    await ring(owner.egressId)
    await upload(owner.filename, '0123456789')
    const text = manifestText({ ...owner, egressId: other.egressId })
    await upload(manifestKey(owner), text, 'application/json')
    expect(await sweepNow()).toMatchObject({ adopted: 0, errors: [] })
    expect((await asAdmin(`/v1/recordings/${other.egressId}`)).status).toBe(404)
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', owner))
    expect(await ready(owner.egressId)).toMatchObject({ recoveredBy: null, attention: null })
    expect(await download(manifestKey(owner))).not.toBeNull()
  })

  it('a manifest that is seen before its file: the file is waited for', async () => {
    const story = recordedNow()
    await webhooks(...wholeLife(story).slice(0, 2))
    await ring(story.egressId)
    await upload(manifestKey(story), manifestText(story), 'application/json')
    expect(await sweepNow()).toMatchObject({ recovered: 1, orphans: 0, errors: [] })
    for (let looks = 0; looks < 8; looks += 1) await ring(story.egressId)
    expect(await read(story.egressId)).toMatchObject({ status: 'processing' })
    await upload(story.filename, '0123456789')
    expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'manifest', attention: null })
  })

  it.each(['video.webm', 'audio.mp3', 'audio.ogg'])(
    'no manifest, no word of anybody, but %s in a folder named after the egress',
    async (name) => {
      const { egressId } = recordedNow()
      await upload(`tmp/${egressId}/${name}`, '0123456789')
      expect(await sweepNow()).toMatchObject({ adopted: 1, orphans: 0, errors: [] })
      expect(await ready(egressId)).toMatchObject({
        recoveredBy: 'object',
        files: [{ name, sizeBytes: 10 }],
      })
      expect(await download(`recordings/${egressId}/${name}`)).toBe('0123456789')
    },
  )

  it('a manifest that nobody can read is an orphan, and stops nothing', async () => {
    const story = recordedNow()
    await upload('tmp/EG_aaaaaaaaaaaa.json', '{"egress_id": "EG_aaa', 'application/json')
    await uploadFinished(story)
    expect(await sweepNow()).toMatchObject({ adopted: 1, orphans: 1, errors: [], cursor: null })
  })
})

describe('W9: a file that nobody tells of', () => {
  it('with a manifest beside it, it is adopted with its room and its times', async () => {
    const story = recordedNow({ filename: 'tmp/somewhere/video.mp4' })
    await uploadFinished(story)
    await sweepNow()
    expect(await ready(story.egressId)).toMatchObject({
      roomName: 'standup',
      recoveredBy: 'manifest',
    })
    expect(await orphans()).toEqual([])
  })

  it('without, it is listed once the grace period is over, and kept', async () => {
    await upload('tmp/stray/video.mp4', '0123456789')
    expect(await sweepNow()).toMatchObject({ orphans: 1, adopted: 0, recovered: 0 })
    expect(await orphans()).toEqual([])
    passMs(graceMs)
    expect(await orphans()).toEqual([
      expect.objectContaining({
        key: 'tmp/stray/video.mp4',
        sizeBytes: 10,
        attention: 'orphan',
      }),
    ])
    for (let day = 0; day < 3; day += 1) {
      passMs(24 * hourMs)
      expect(await sweepNow()).toMatchObject({ orphans: 0 })
    }
    expect(await orphans()).toHaveLength(1)
    expect(await download('tmp/stray/video.mp4')).toBe('0123456789')
    expect(await listOf()).toEqual([])
  })

  it('adopted by a person, it becomes a recording of its own, once', async () => {
    await upload('tmp/stray/video.mp4', '0123456789')
    await sweepNow()
    const orphan = { key: 'tmp/stray/video.mp4', roomName: 'found', title: 'Found again' }
    const first = await post('/v1/orphans/adopt', orphan)
    expect(first.status).toBe(201)
    const { egressId } = await first.json<{ egressId: string }>()
    expect(await ready(egressId)).toMatchObject({ roomName: 'found', title: 'Found again' })
    expect(await download(`recordings/${egressId}/video.mp4`)).toBe('0123456789')
    const second = await post('/v1/orphans/adopt', orphan)
    expect([second.status, (await second.json<{ egressId: string }>()).egressId]).toEqual([
      201,
      egressId,
    ])
    passMs(graceMs)
    await sweepNow()
    expect(await orphans()).toEqual([])
    expect(await rowsIn('temp_objects')).toBe(0)
  })

  it('dismissed by a person, it is never reported again, and kept', async () => {
    await upload('tmp/stray/video.mp4', '0123456789')
    await sweepNow()
    passMs(graceMs)
    expect((await post('/v1/orphans/dismiss', { key: 'tmp/stray/video.mp4' })).status).toBe(204)
    expect(await orphans()).toEqual([])
    await sweepNow()
    expect(await orphans()).toEqual([])
    expect(await download('tmp/stray/video.mp4')).toBe('0123456789')
    expect((await post('/v1/orphans/dismiss', { key: 'tmp/none.mp4' })).status).toBe(404)
  })

  it('what an egress claims cannot be taken from it, and what is not there cannot be adopted', async () => {
    const story = recordedNow()
    await webhooks(...wholeLife(story).slice(0, 2))
    await ring(story.egressId)
    await upload(story.filename, '0123456789')
    expect((await post('/v1/orphans/adopt', { key: story.filename })).status).toBe(409)
    expect((await post('/v1/orphans/adopt', { key: 'tmp/none.mp4' })).status).toBe(404)
    const outside = ['recordings/x/video.mp4', 'tmp/../recordings/x.mp4', '/etc/passwd']
    for (const key of outside) {
      expect((await post('/v1/orphans/adopt', { key })).status, key).toBe(400)
    }
  })

  it('an orphan that an egress claims later is none any more', async () => {
    const story = recordedNow({ filename: 'tmp/stray/video.mp4', sizeBytes: 11 })
    await upload('tmp/stray/video.mp4', '0123456789')
    await sweepNow()
    // Claimed, and not moved: LiveKit speaks of another size.
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', story))
    await passUntil(story.egressId, ({ attention }) => attention === 'size-mismatch')
    passMs(graceMs)
    expect(await orphans()).toHaveLength(1)
    await sweepNow()
    expect(await orphans()).toEqual([])
    expect(await download('tmp/stray/video.mp4')).toBe('0123456789')
  })

  it('a file whose metadata names an egress is that egress’s', async () => {
    const story = recordedNow({ filename: 'tmp/elsewhere/video.mp4' })
    await upload(story.filename, '0123456789', 'video/mp4', { 'egress-id': story.egressId })
    expect(await sweepNow()).toMatchObject({ adopted: 1, orphans: 0 })
    expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'object', sizeBytes: 10 })
  })

  it('a file in a folder that is named after an egress is that egress’s', async () => {
    const story = recordedNow()
    await upload(story.filename, '0123456789')
    expect(await sweepNow()).toMatchObject({ adopted: 1, orphans: 0 })
    expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'object', sizeBytes: 10 })
  })
})

describe('W23, W21: the end of an earlier attempt, or run, is lost', () => {
  it.each([
    ['attempt', { retryCount: 1, status: 'EGRESS_FAILED' }],
    ['run', { retryCount: 0, status: 'EGRESS_COMPLETE' }],
  ])(
    'and its file is not too old, although the next %s began later',
    async (_, { retryCount, status }) => {
      const story = recordedNow()
      const startedAtMs = story.endedAtMs + hourMs
      const next = {
        ...story,
        filename: `tmp/${story.egressId}/video-1.mp4`,
        startedAtMs,
        endedAtMs: startedAtMs + 1_000,
      }
      const hasFile = status === 'EGRESS_COMPLETE'
      const { location: _location, size: _size, ...unsent } = uploaded(next)
      const fileResults = [hasFile ? uploaded(next) : unsent]
      await upload(story.filename, '0123456789')
      if (hasFile) await upload(next.filename, 'abcdefghij')
      await webhooks(
        ...wholeLife(story).slice(0, 2),
        egressEvent('egress_started', 'EGRESS_STARTING', next, { retryCount }),
        egressEvent('egress_ended', status, next, { retryCount, fileResults }),
      )
      for (let hours = 0; hours < 3; hours += 1) {
        await letPass(story.egressId, hourMs)
        await sweepNow()
      }
      await letPass(story.egressId, hourMs)
      expect((await read(story.egressId)).status).toBe('ready')
      expect(await keysUnder('tmp/')).toEqual([])
      expect(await download(`recordings/${story.egressId}/video.mp4`)).toBe('0123456789')
    },
  )
})

describe('W12: a track of a start of ours whose process was killed', () => {
  it('is found in the folder of the start, although LiveKit never said how it called the file', async () => {
    const startId = `ST_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`
    const story = recordedNow({ filename: '' })
    const track = { roomName: 'standup', trackId: 'TR_1' }
    const more = {
      roomComposite: undefined,
      track: { ...track, file: { filepath: `tmp/${startId}/track` } },
      fileResults: [{}],
    }
    await webhooks(egressEvent('egress_started', 'EGRESS_STARTING', story, more))
    await letPass(story.egressId, 60_000)
    await upload(`tmp/${startId}/track.ogg`, '0123456789', 'audio/ogg')
    await webhooks(
      egressEvent('egress_ended', 'EGRESS_FAILED', story, { ...more, error: 'killed' }),
    )
    for (let hours = 0; hours < 2; hours += 1) {
      await letPass(story.egressId, 3_600_000)
      await sweepNow()
    }
    expect(await ready(story.egressId)).toMatchObject({ partial: true, sizeBytes: 10 })
  })
})

describe('an egress that LiveKit, asked while it ran, did not know', () => {
  it('comes back to the lists when its finished playlist lies in the bucket', async () => {
    const story = recordedNow()
    const folder = `tmp/${story.egressId}/`
    const segmentResults = [{ playlistName: `${folder}index.m3u8` }]
    const more = { fileResults: [], segmentResults }
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', story, more))
    for (let rings = 0; rings < 50 && (await ring(story.egressId)); rings += 1);
    expect(await listOf()).toEqual([])
    const names = segmentNames(2)
    for (const name of names) await upload(`${folder}${name}`, name)
    await upload(`${folder}index.m3u8`, playlistText(names))
    expect(await sweepNow()).toMatchObject({ recovered: 1, orphans: 0 })
    expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'object', attention: null })
    expect(await listOf()).toEqual([story.egressId])
  })
})

describe('what is not the sweep’s business', () => {
  it('the files of a running egress are not touched, not told and not noted', async () => {
    const story = recordedNow()
    const folder = `tmp/${story.egressId}/`
    const segmentResults = [{ playlistName: `${folder}index.m3u8`, segmentCount: '2' }]
    const more = { fileResults: [], segmentResults }
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', story, more))
    await ring(story.egressId)
    for (const name of ['seg_00000.ts', 'seg_00001.ts', 'index.m3u8'])
      await upload(`${folder}${name}`, name)
    const before = await timeline(story.egressId)
    expect(await sweepNow()).toMatchObject({ seen: 3, recovered: 0, adopted: 0, orphans: 0 })
    expect(await rowsIn('temp_objects')).toBe(0)
    expect(await timeline(story.egressId)).toEqual(before)
    expect(await keysUnder(folder)).toHaveLength(3)
  })

  it('young files are left to their webhooks', async () => {
    passMs(-hourMs)
    await upload('tmp/young/video.mp4', '0123456789')
    expect(await sweepNow()).toMatchObject({ seen: 1, orphans: 0 })
    expect(await rowsIn('temp_objects')).toBe(0)
  })

  it('a healthy folder costs no rows, however often it is swept', async () => {
    const stories = [recordedNow(), recordedNow(), recordedNow()]
    for (const story of stories) {
      await webhooks(...wholeLife(story).slice(0, 2))
      await ring(story.egressId)
      await upload(`tmp/${story.egressId}/part_00001.ts`, 'part')
      await setLiveKit({ egresses: known(...stories.map((each) => listed(each, 'EGRESS_ACTIVE'))) })
    }
    const claims = await rowsIn('claims')
    for (let run = 0; run < 3; run += 1) await sweepNow()
    expect([await rowsIn('claims'), await rowsIn('temp_objects')]).toEqual([claims, 0])
  })
})

describe('C1: the cron', () => {
  it('is what sweeps', async () => {
    const story = recordedNow()
    await uploadFinished(story)
    const controller = createScheduledController({ cron: '*/5 * * * *' })
    await worker.scheduled(controller, env)
    expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'manifest' })
    const { sweeps } = await (await asAdmin('/v1/sweeps')).json<{ sweeps: SweepReport[] }>()
    expect(sweeps).toMatchObject([{ trigger: 'cron', adopted: 1 }])
  })

  it('twice at once: one of them works, and the result is that of one', async () => {
    const story = recordedNow()
    await uploadFinished(story)
    await upload('tmp/stray/video.mp4', '0123456789')
    const config = readConfig(env)
    const reports = await Promise.all([sweep(env, config, 'cron'), sweep(env, config, 'cron')])
    expect(reports.filter((report) => report !== null)).toMatchObject([{ adopted: 1, orphans: 1 }])
    expect((await asAdmin('/v1/sweeps', { method: 'POST' })).status).toBe(200)
    await ready(story.egressId)
    const told = (await timeline(story.egressId)).filter(({ source }) => source === 'manifest')
    expect(told).toHaveLength(1)
  })

  it('many times at once, again and again: the result is that of one', async () => {
    const stories = [recordedNow(), recordedNow(), recordedNow()]
    const config = readConfig(env)
    for (const story of stories) {
      await uploadFinished(story)
      await Promise.all(
        (['cron', 'api', 'cron', 'cron', 'api'] as const).map((trigger) =>
          sweep(env, config, trigger),
        ),
      )
    }
    for (const { egressId } of stories) {
      await ready(egressId)
      const told = (await timeline(egressId)).filter(({ source }) => source === 'manifest')
      expect(told).toHaveLength(1)
    }
  })

  it.each(["tmp/it's 100% + a/\u{1F600}é.mp4", 'tmp/a&b<c>"d".mp4', 'tmp/𝒳/\u007f.mp4'])(
    'goes on behind a key of odd signs that is not there any more: %j',
    async (key) => {
      const story = recordedNow({ filename: 'tmp/\u{1F601}/video.mp4' })
      await uploadFinished(story)
      const position = JSON.stringify({ afterKey: key, livekitPage: null, finalEgressId: null })
      await env.DB.prepare('UPDATE sweep SET position = ?1').bind(position).run()
      const reports = await sweepAll()
      expect(reports.flatMap(({ errors }) => errors)).toEqual([])
      await sweepAll()
      expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'manifest' })
    },
  )

  it('while another sweep is under way, a call is told so', async () => {
    await env.DB.prepare('UPDATE sweep SET lease_until_ms = ?1')
      .bind(Date.now() + 60_000)
      .run()
    const response = await asAdmin('/v1/sweeps', { method: 'POST' })
    expect(response.status).toBe(409)
    passMs(61_000)
    expect(await sweepNow()).toMatchObject({ errors: [] })
  })

  it('killed in the middle of its work: the next one ends the same, with no double effects', async () => {
    const stories = [recordedNow(), recordedNow()]
    for (const story of stories) await uploadFinished(story)
    await upload('tmp/zz/stray.mp4', '0123456789')
    // All was told, and the process died before any of it was noted.
    await env.DB.exec('ALTER TABLE temp_objects RENAME TO temp_objects_away')
    const broken = await sweepNow()
    expect(broken.errors.join()).toContain('temp_objects')
    await env.DB.exec('ALTER TABLE temp_objects_away RENAME TO temp_objects')
    await sweepNow()
    for (const { egressId } of stories) {
      expect(await ready(egressId)).toMatchObject({ recoveredBy: 'manifest' })
      const told = (await timeline(egressId)).filter(({ source }) => source === 'manifest')
      expect(told).toHaveLength(1)
    }
    passMs(graceMs)
    expect(await orphans()).toHaveLength(1)
  })

  it('killed before any one of its calls: the next one, when the lease is over, ends the same', async () => {
    let isWhole = false
    for (let calls = 0; calls < 40 && !isWhole; calls += 1) {
      const [finished, running] = [recordedNow(), recordedNow()]
      await uploadFinished(finished)
      await upload(`tmp/stray/${calls}.mp4`, '0123456789')
      await setLiveKit({ egresses: known(listed(running, 'EGRESS_ACTIVE')) })
      const killed = dyingAfter(calls)
      isWhole = await sweep(killed, readConfig(env), 'cron').then(
        (report) => report?.errors.length === 0,
        () => false,
      )
      passMs(16 * 60_000)
      await sweepAll()
      expect(await ready(finished.egressId)).toMatchObject({ recoveredBy: 'manifest' })
      await passUntil(running.egressId, ({ status }) => status === 'active')
      for (const [egressId, source] of [
        [finished.egressId, 'manifest'],
        [running.egressId, 'livekit'],
      ] as const) {
        const told = (await timeline(egressId)).filter((item) => item.source === source)
        expect(told, `${source}, killed after ${calls} calls`).toHaveLength(1)
      }
      expect(await rowsIn('temp_objects')).toBeGreaterThanOrEqual(calls + 1)
      expect(await download(`tmp/stray/${calls}.mp4`)).toBe('0123456789')
    }
    expect(isWhole, 'at last a run lived to its end').toBe(true)
    passMs(graceMs)
    expect((await orphans()).map(({ key }) => key)).toContain('tmp/stray/0.mp4')
  })

  it('days late: everything is found all the same', async () => {
    const story = recordedNow()
    await uploadFinished(story)
    passMs(5 * 24 * hourMs)
    await sweepNow()
    expect(await ready(story.egressId)).toMatchObject({ recoveredBy: 'manifest', attention: null })
  })
})

describe('trouble on one side', () => {
  it('LiveKit cannot be asked: the bucket is swept all the same, and the report says so', async () => {
    const story = recordedNow()
    await uploadFinished(story)
    await setLiveKit({ fault: { status: 503, body: '{"code":"unavailable","msg":"away"}' } })
    const report = await sweepNow()
    expect(report).toMatchObject({ adopted: 1 })
    expect(report.errors.join()).toContain('away')
  })

  it('the store is down: LiveKit’s list is swept all the same, and the folder later', async () => {
    const story = recordedNow()
    const other = recordedNow()
    await uploadFinished(other)
    await setLiveKit({ egresses: known(listed(story, 'EGRESS_ACTIVE')) })
    await breakStore({ method: 'GET', answer: { status: 503 } })
    const report = await sweepNow()
    expect(report).toMatchObject({ adopted: 1, seen: 0 })
    expect(report.errors.join()).toContain('store')
    await breakStore()
    expect(await sweepNow()).toMatchObject({ adopted: 1, errors: [] })
  })

  it('one object that cannot be read does not keep the others waiting, and is tried again', async () => {
    const [bad, good] = [recordedNow(), recordedNow()]
    await upload(`tmp/a/${bad.egressId}.json`, manifestText(bad), 'application/json')
    await uploadFinished({ ...good, filename: 'tmp/b/video.mp4' })
    await breakStore({ method: 'GET', key: bad.egressId, answer: { status: 403 } })
    const report = await sweepNow()
    expect(report).toMatchObject({ adopted: 1, cursor: null })
    expect(report.errors).toHaveLength(1)
    await breakStore()
    expect(await sweepNow()).toMatchObject({ adopted: 1, errors: [] })
  })
})

describe('GET /v1/sweeps', () => {
  it('shows the last fifty reports, newest first', async () => {
    for (let run = 0; run < 53; run += 1) {
      passMs(1_000)
      await sweepNow()
    }
    const { sweeps } = await (await asAdmin('/v1/sweeps')).json<{ sweeps: SweepReport[] }>()
    expect(sweeps).toHaveLength(50)
    const times = sweeps.map(({ startedAt }) => startedAt)
    expect(times).toEqual(times.toSorted().toReversed())
    expect(await rowsIn('sweep_reports')).toBe(50)
    expect(Date.parse(times[0] ?? '')).toBe(Date.now())
  })
})
