// Recordings from before us: they lie under some other folder of the bucket, with LiveKit's manifests or without. They are
// adopted where they are, play from there, and are adopted once. Nothing in the bucket is moved, written or deleted.
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { importStep } from '../../src/reconcile/import.ts'
import type { ImportPosition } from '../../src/reconcile/import.ts'
import { wholeLife } from '../egress-events.ts'
import { letTimeRun, passUntil, recordedNow, ring, stopTime } from './clock.ts'
import { breakStore, download, emptyFolder, keysUnder, storeRequests, upload } from './outside.ts'
import { asAdmin, codeOf, listed, read, webhooks } from './story.ts'
import { manifestKey, manifestText, post } from './witness-stories.ts'

beforeEach(async () => {
  for (const folder of ['tmp/', 'old/', 'recordings/']) await emptyFolder(folder)
  stopTime()
})
afterEach(letTimeRun)

interface Step {
  seen: number
  adopted: number
  errors: string[]
  nextCursor: string | null
}

/** Asks until there is no cursor. */
async function importAll(prefix: string): Promise<Omit<Step, 'nextCursor'>> {
  const sum = { seen: 0, adopted: 0, errors: [] as string[] }
  let cursor: string | undefined
  for (let step = 0; step < 20; step += 1) {
    const response = await post('/v1/imports', { prefix, cursor })
    expect(response.status).toBe(200)
    const { seen, adopted, errors, nextCursor } = await response.json<Step>()
    sum.seen += seen
    sum.adopted += adopted
    sum.errors.push(...errors)
    if (nextCursor === null) return sum
    cursor = nextCursor
  }
  throw new Error('the import does not come to an end')
}

/** The id of a recording that is known by its file alone. */
async function idOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key))
  const letters = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'))
  return `AD_${letters.join('').slice(0, 12)}`
}

async function played(egressId: string): Promise<string> {
  const response = await asAdmin(`/v1/recordings/${egressId}/play`)
  expect(response.status).toBe(302)
  return (await fetch(response.headers.get('location') ?? '')).text()
}

describe('POST /v1/imports', () => {
  it('with a manifest: one recording, with its room and its times', async () => {
    const story = recordedNow({ filename: 'old/2025/standup/video.mp4', roomName: 'daily' })
    await upload(story.filename, '0123456789')
    await upload(manifestKey(story), manifestText(story), 'application/json')
    expect(await importAll('old/')).toMatchObject({ adopted: 1, errors: [] })
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({
      roomName: 'daily',
      startedAt: new Date(story.startedAtMs).toISOString(),
      endedAt: new Date(story.endedAtMs).toISOString(),
      sizeBytes: 10,
      attention: null,
      recoveredBy: 'manifest',
    })
    expect(await played(story.egressId)).toBe('0123456789')
    expect(await listed()).toEqual([story.egressId])
  })

  it('without: one recording for each file that plays, and none for anything else', async () => {
    const files = ['old/a.mp4', 'old/b/c 100% d.webm', 'old/b/talk.ogg']
    for (const key of files) await upload(key, `bytes of ${key}`)
    await upload('old/notes.txt', 'notes')
    await upload('old/settings.json', '{}')
    expect(await importAll('old/')).toMatchObject({ adopted: 3, errors: [] })
    for (const key of files) {
      const egressId = await idOf(key)
      await passUntil(egressId, ({ status }) => status === 'ready')
      expect(await played(egressId)).toBe(`bytes of ${key}`)
    }
    expect(await listed()).toHaveLength(3)
  })

  it.each(['with', 'without'])(
    'a stream and its live playlist, %s a manifest, are one recording: a second one would share its segments',
    async (manifest) => {
      const list = (...names: string[]): string =>
        ['#EXTM3U', ...names.flatMap((name) => ['#EXTINF:4,', name]), '#EXT-X-ENDLIST'].join('\n')
      const story = recordedNow({ filename: 'old/stream/a.m3u8' })
      await upload('old/stream/a.m3u8', list('a_0.ts', 'a_1.ts', 'a_2.ts'))
      await upload('old/stream/a-live.m3u8', list('a_1.ts', 'a_2.ts'))
      await upload('old/stream/other.m3u8', list('other_0.ts'))
      if (manifest === 'with') {
        await upload(manifestKey(story), manifestText(story), 'application/json')
      }
      expect(await importAll('old/')).toMatchObject({ adopted: 2, errors: [] })
      const main = manifest === 'with' ? story.egressId : await idOf('old/stream/a.m3u8')
      const ids = [main, await idOf('old/stream/other.m3u8')]
      for (const id of [...ids, await idOf('old/stream/a-live.m3u8')])
        while (await ring(id)) continue
      expect((await listed()).toSorted()).toEqual(ids.toSorted())
    },
  )

  it('every file stays where it is, as it is', async () => {
    const story = recordedNow({ filename: 'old/a/video.mp4' })
    await upload(story.filename, '0123456789')
    await upload(manifestKey(story), manifestText(story), 'application/json')
    await upload('old/b/video.mp4', 'other bytes')
    const before = await keysUnder('old/')
    await breakStore()
    await importAll('old/')
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    const other = await idOf('old/b/video.mp4')
    await passUntil(other, ({ status }) => status === 'ready')
    for (const egressId of [story.egressId, other]) while (await ring(egressId)) continue
    expect(await keysUnder('old/')).toEqual(before)
    expect(await keysUnder('recordings/')).toEqual([])
    const methods = (await storeRequests()).map(({ method }) => method)
    expect(methods.filter((method) => method !== 'GET' && method !== 'HEAD')).toEqual([])
    expect(await download('old/b/video.mp4')).toBe('other bytes')
  })

  it('twice: nothing changes, and nothing is told a second time', async () => {
    const story = recordedNow({ filename: 'old/a/video.mp4' })
    await upload(story.filename, '0123456789')
    await upload(manifestKey(story), manifestText(story), 'application/json')
    await upload('old/b.mp4', '0123456789')
    await importAll('old/')
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    const other = await idOf('old/b.mp4')
    await passUntil(other, ({ status }) => status === 'ready')
    for (const egressId of [story.egressId, other]) while (await ring(egressId)) continue
    const before = [await read(story.egressId), await read(other)]
    expect(await importAll('old/')).toMatchObject({ adopted: 0, errors: [] })
    for (const egressId of [story.egressId, other]) while (await ring(egressId)) continue
    expect([await read(story.egressId), await read(other)]).toEqual(before)
    expect(await listed()).toHaveLength(2)
  })

  it('a folder that was moved since, or that the server put before the names, is found beside its manifest', async () => {
    const story = recordedNow({ filename: 'a/video.mp4' })
    await upload('old/server/a/video.mp4', '0123456789')
    await upload(`old/server/a/${story.egressId}.json`, manifestText(story), 'application/json')
    expect(await importAll('old/')).toMatchObject({ adopted: 1, errors: [] })
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(await played(story.egressId)).toBe('0123456789')
  })

  it('an empty file is not passed off as a recording that plays', async () => {
    await upload('old/empty.mp4', '')
    await importAll('old/')
    const egressId = await idOf('old/empty.mp4')
    const failed = await passUntil(egressId, ({ attention }) => attention !== null)
    expect(failed).toMatchObject({ status: 'failed', attention: 'empty-file' })
  })

  it('a manifest that nobody can read is told, and keeps nothing from being imported', async () => {
    await upload('old/a/EG_aaaaaaaaaaaa.json', 'no JSON', 'application/json')
    await upload('old/b.mp4', '0123456789')
    const report = await importAll('old/')
    expect(report.adopted).toBe(1)
    expect(report.errors.join()).toContain('old/a/EG_aaaaaaaaaaaa.json')
  })

  it('the folder where our own recordings end: they are not made recordings a second time', async () => {
    const story = recordedNow()
    await upload(story.filename, '0123456789')
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    while (await ring(story.egressId)) continue
    await upload('recordings/from before/video.mp4', 'older')
    expect(await importAll('recordings/')).toMatchObject({ adopted: 1, errors: [] })
    await passUntil(
      await idOf('recordings/from before/video.mp4'),
      ({ status }) => status === 'ready',
    )
    expect(await listed()).toHaveLength(2)
  })

  it('the folder where our own recordings end, of which the catalogue knows none: each file is one recording', async () => {
    const story = recordedNow()
    await upload(story.filename, '0123456789')
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    while (await ring(story.egressId)) continue
    const unknown = recordedNow()
    await upload(`recordings/${unknown.egressId}/video.mp4`, 'of a lost object')
    await env.DB.exec('DELETE FROM recordings; DELETE FROM claims;')
    await importAll('recordings/')
    for (const { egressId } of [story, unknown]) {
      const otherId = await idOf(`recordings/${egressId}/video.mp4`)
      while (await ring(otherId)) continue
    }
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`
      const response = await asAdmin(`/v1/rebuild${query}`, { method: 'POST' })
      cursor = (await response.json<Step>()).nextCursor
    } while (cursor !== null)
    await passUntil(unknown.egressId, ({ status }) => status === 'ready')
    expect((await listed()).toSorted()).toEqual([story.egressId, unknown.egressId].toSorted())
  })

  it.each(['tmp/', 'tmp/inside/', 't', '/tmp/'])(
    'the temp folder is refused: %s',
    async (prefix) => {
      const response = await post('/v1/imports', { prefix })
      expect([response.status, await codeOf(response)]).toEqual([400, 'bad-prefix'])
    },
  )

  it('in steps of few requests: none is left out, whatever the size of the folder', async () => {
    const stories = Array.from({ length: 9 }, (_, index) =>
      recordedNow({ filename: `old/${index}/video.mp4` }),
    )
    for (const story of stories) {
      await upload(story.filename, '0123456789')
      await upload(manifestKey(story), manifestText(story), 'application/json')
    }
    for (let index = 0; index < 30; index += 1) await upload(`old/x-${index}.mp4`, '0123456789')
    const config = { ...readConfig(env), subrequests: 20 }
    let next: ImportPosition | null = { pass: 'manifests', afterKey: null }
    let adopted = 0
    for (let steps = 0; next !== null && steps < 30; steps += 1) {
      const step = await importStep(env, config, 'old/', next)
      expect(step.adopted).toBeLessThan(20)
      expect(step.errors).toEqual([])
      adopted += step.adopted
      next = step.next
    }
    expect([adopted, next]).toEqual([39, null])
  })
})
