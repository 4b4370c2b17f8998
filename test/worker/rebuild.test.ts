// D3: the catalogue is lost. One command, asked again until it is done, fills it from what each recording's object knows,
// and from the bucket where an object knows nothing any more. Nobody has to remember what was in it.
import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { rebuildStep } from '../../src/reconcile/rebuild.ts'
import type { RebuildPosition } from '../../src/reconcile/rebuild.ts'
import { egressEvent, uploaded, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { letTimeRun, passMs, passUntil, recordedNow, ring, stopTime } from './clock.ts'
import { breakStore, download, emptyFolder, setLiveKit, upload } from './outside.ts'
import { asAdmin, codeOf, listed, read, rowOf, timelineTypes, webhooks } from './story.ts'
import { known, listed as egressInfo, manifestText, post, sweepNow } from './witness-stories.ts'

const hourMs = 3_600_000

beforeEach(async () => {
  await emptyFolder('tmp/')
  await emptyFolder('recordings/')
  stopTime()
})
afterEach(letTimeRun)

interface Step {
  republished: number
  adopted: number
  errors: string[]
  nextCursor: string | null
}

/** Asks until there is no cursor. */
async function rebuild(): Promise<Step> {
  const sum: Step = { republished: 0, adopted: 0, errors: [], nextCursor: null }
  let cursor: string | null = null
  for (let step = 0; step < 20; step += 1) {
    const query: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`
    const response = await asAdmin(`/v1/rebuild${query}`, { method: 'POST' })
    expect(response.status).toBe(200)
    const { republished, adopted, errors, nextCursor } = await response.json<Step>()
    sum.republished += republished
    sum.adopted += adopted
    sum.errors.push(...errors)
    if (nextCursor === null) return sum
    cursor = nextCursor
  }
  throw new Error('the rebuild does not come to an end')
}

/** One recording of each kind of fate: ready, failed, running. */
async function fates(): Promise<Recorded[]> {
  const [ready, failed, running] = [recordedNow(), recordedNow(), recordedNow()]
  await upload(ready.filename, '0123456789')
  await webhooks(...wholeLife(ready))
  const { location: _, size: __, ...file } = uploaded(failed)
  await webhooks(egressEvent('egress_ended', 'EGRESS_ABORTED', failed, { fileResults: [file] }))
  await webhooks(...wholeLife(running).slice(0, 2))
  await passUntil(ready.egressId, ({ status }) => status === 'ready')
  for (const { egressId } of [ready, failed, running])
    for (let step = 0; step < 4; step += 1) await ring(egressId)
  return [ready, failed, running]
}

async function rows(table: 'recordings' | 'claims'): Promise<unknown[]> {
  const columns =
    table === 'claims'
      ? 'temp_key, egress_id'
      : 'egress_id, status, room_name, sort_at_ms, listed, recording'
  const { results } = await env.DB.prepare(`SELECT ${columns} FROM ${table} ORDER BY 1`).all()
  return results
}

async function loseRows(): Promise<void> {
  await env.DB.exec('DELETE FROM recordings; DELETE FROM claims; DELETE FROM temp_objects;')
}

async function loseDatabase(): Promise<void> {
  const drop = async (which: string): Promise<void> => {
    const { results } = await env.DB.prepare(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%' AND ${which}`,
    ).all<{ name: string }>()
    for (const { name } of results) await env.DB.exec(`DROP TABLE "${name}"`)
  }
  await drop("sql LIKE 'CREATE VIRTUAL%'")
  await drop("name NOT LIKE 'search_%' AND name <> 'links'")
  // What stood behind the virtual table is left, and not to be dropped until SQLite reads its schema anew: after a renaming.
  await env.DB.exec('ALTER TABLE links RENAME TO former_links')
  await drop('true')
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
}

describe('D3: the catalogue is lost', () => {
  it.each([
    ['all its rows are gone', loseRows],
    ['the database is gone, and created again', loseDatabase],
  ])('%s: it is filled again with the same rows', async (_, lose) => {
    const stories = await fates()
    const before = [await rows('recordings'), await rows('claims')]
    expect(before[0]).toHaveLength(3)
    await lose()
    expect(await listed()).toEqual([])
    expect(await rebuild()).toMatchObject({ republished: 3, adopted: 0, errors: [] })
    expect([await rows('recordings'), await rows('claims')]).toEqual(before)
    expect((await listed()).toSorted()).toEqual(stories.map((item) => item.egressId).toSorted())
  })

  it('and again, when nothing is lost: nothing changes', async () => {
    await fates()
    const before = [await rows('recordings'), await rows('claims')]
    await rebuild()
    await rebuild()
    expect([await rows('recordings'), await rows('claims')]).toEqual(before)
  })

  it('by two at once, while webhooks arrive: it is filled again with the same rows', async () => {
    const stories = await fates()
    const before = await rows('recordings')
    await loseRows()
    const late = recordedNow()
    const lateOnes = webhooks(...wholeLife(late).slice(0, 2))
    await Promise.all([rebuild(), rebuild(), lateOnes])
    for (let step = 0; step < 4; step += 1) await ring(late.egressId)
    const ids = [...stories, late].map(({ egressId }) => egressId)
    expect((await listed()).toSorted()).toEqual(ids.toSorted())
    await env.DB.prepare('DELETE FROM recordings WHERE egress_id = ?1').bind(late.egressId).run()
    expect(await rows('recordings')).toEqual(before)
  })

  it('and a running recording goes on from there', async () => {
    const [, , running] = await fates()
    if (running === undefined) throw new Error('there is no running one')
    await loseRows()
    await rebuild()
    await upload(running.filename, '0123456789')
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', running))
    await passUntil(running.egressId, ({ status }) => status === 'ready')
    expect(await rowOf(running.egressId)).toMatchObject({ status: 'ready' })
  })

  it('and an orphan is found again by the next sweep', async () => {
    await upload('tmp/stray/video.mp4', 'stray')
    await sweepNow()
    await loseRows()
    await rebuild()
    expect(await sweepNow()).toMatchObject({ orphans: 1 })
  })

  it('many recordings: in steps of few requests, none is left out and none is done twice', async () => {
    const stories = Array.from({ length: 35 }, () => recordedNow())
    for (const story of stories) {
      await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', story))
      await ring(story.egressId)
    }
    await loseRows()
    const config = { ...readConfig(env), subrequests: 20 }
    const numbers: number[] = []
    let next: RebuildPosition | null = { part: 'objects', after: '' }
    while (next !== null) {
      const step = await rebuildStep(env, config, next)
      numbers.push(step.republished)
      next = step.next
    }
    expect(Math.max(...numbers)).toBeLessThan(20)
    expect(numbers.reduce((sum, number) => sum + number)).toBe(35)
    expect(await rows('recordings')).toHaveLength(35)
  })
})

/** Asks until there is no cursor. */
async function importAll(prefix: string): Promise<void> {
  let cursor: string | undefined
  do {
    const response: Response = await post('/v1/imports', { prefix, cursor })
    expect(response.status).toBe(200)
    cursor = (await response.json<{ nextCursor: string | null }>()).nextCursor ?? undefined
  } while (cursor !== undefined)
}

/** What is left of a recording when its object and its row are lost. */
async function onlyInBucket(): Promise<Recorded> {
  const story = recordedNow()
  await upload(`recordings/${story.egressId}/video.mp4`, '0123456789')
  return story
}

describe('the objects are gone as well, and only the bucket is left', () => {
  it('a recording is found by its file, and plays', async () => {
    const story = await onlyInBucket()
    expect(await rebuild()).toMatchObject({ adopted: 1, errors: [] })
    const found = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(found).toMatchObject({
      sizeBytes: 10,
      files: [{ name: 'video.mp4', key: `recordings/${story.egressId}/video.mp4`, state: 'final' }],
    })
    const types = await timelineTypes(story.egressId)
    expect(types).toContain('file.found')
    expect(types).not.toContain('file.doubted')
    const played = await asAdmin(`/v1/recordings/${story.egressId}/play`)
    expect(played.status).toBe(302)
    expect(await (await fetch(played.headers.get('location') ?? '')).text()).toBe('0123456789')
    expect(await rebuild()).toMatchObject({ adopted: 0 })
  })

  it('LiveKit’s word of a file that was found in its place changes nothing of it', async () => {
    const story = await onlyInBucket()
    await rebuild()
    const found = await passUntil(story.egressId, ({ status }) => status === 'ready')
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', story))
    expect((await read(story.egressId)).status).toBe('ready')
    for (const endMs = Date.now() + 3 * hourMs; Date.now() < endMs;)
      if (!(await ring(story.egressId))) break
    expect(await read(story.egressId)).toMatchObject({
      status: 'ready',
      attention: null,
      roomName: story.roomName,
      durationMs: story.endedAtMs - story.startedAtMs,
      files: [{ name: 'video.mp4', key: found.files[0]?.key, state: 'final' }],
    })
    expect(await timelineTypes(story.egressId)).not.toContain('file.missing')
  })

  it('and what was sent to the temp folder once more is removed there, another run is kept', async () => {
    for (const body of ['0123456789', 'another run']) {
      const story = await onlyInBucket()
      await rebuild()
      await passUntil(story.egressId, ({ status }) => status === 'ready')
      await upload(story.filename, body)
      await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', story))
      while (await ring(story.egressId)) continue
      const names = (await read(story.egressId)).files.map((file) => file.name)
      const isSame = body === '0123456789'
      expect(names).toEqual(isSame ? ['video.mp4'] : ['video.mp4', 'video-2.mp4'])
      expect(await download(story.filename)).toBeNull()
      expect(await download(`recordings/${story.egressId}/video.mp4`)).toBe('0123456789')
    }
  })

  it.each(['a rebuild', 'an import'])(
    'the manifest that was moved with the file still tells %s of the room and the times',
    async (way) => {
      const story = await onlyInBucket()
      const folder = `recordings/${story.egressId}/`
      await upload(`${folder}${story.egressId}.json`, manifestText(story), 'application/json')
      if (way === 'a rebuild') await rebuild()
      else await importAll('recordings/')
      const found = await passUntil(story.egressId, ({ status }) => status === 'ready')
      expect(found).toMatchObject({
        roomName: story.roomName,
        startedAt: new Date(story.startedAtMs).toISOString(),
        endedAt: new Date(story.endedAtMs).toISOString(),
      })
      expect(found.files).toContainEqual(
        expect.objectContaining({ key: `${folder}video.mp4`, state: 'final' }),
      )
    },
  )

  it('a stream is found by its playlist, and its segments stay where they are', async () => {
    const { egressId } = recordedNow()
    const list = '#EXTM3U\n#EXTINF:4,\nseg_00000.ts\n#EXT-X-ENDLIST\n'
    await upload(`recordings/${egressId}/index.m3u8`, list, 'application/x-mpegurl')
    await upload(`recordings/${egressId}/seg_00000.ts`, 'segment', 'video/mp2t')
    expect(await rebuild()).toMatchObject({ adopted: 1, errors: [] })
    await passUntil(egressId, ({ status }) => status === 'ready')
    const segment = await asAdmin(`/v1/recordings/${egressId}/play?file=seg_00000.ts`)
    expect(segment.status).toBe(302)
    expect(await (await fetch(segment.headers.get('location') ?? '')).text()).toBe('segment')
  })

  it('a folder that one page of the listing does not hold is found whole', async () => {
    const { egressId } = recordedNow()
    const images = Array.from({ length: 120 }, (_, index) => `image_${10_000 + index}.jpeg`)
    const names = ['audio.ogg', ...images, 'video.mp4']
    for (let at = 0; at < names.length; at += 20) {
      const some = names.slice(at, at + 20)
      await Promise.all(some.map(async (name) => upload(`recordings/${egressId}/${name}`, name)))
    }
    await breakStore({ method: 'GET', answer: 'short-pages' })
    expect(await rebuild()).toMatchObject({ adopted: 1, errors: [] })
    const { files } = await passUntil(egressId, ({ status }) => status === 'ready')
    expect(files.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual([
      'audio.ogg final',
      'video.mp4 final',
    ])
  })

  it('many of them: in steps of few requests, all are found', async () => {
    const stories = []
    for (let index = 0; index < 24; index += 1) stories.push(await onlyInBucket())
    const config = { ...readConfig(env), subrequests: 20 }
    let adopted = 0
    let next: RebuildPosition | null = { part: 'objects', after: '' }
    for (let steps = 0; next !== null && steps < 30; steps += 1) {
      const step = await rebuildStep(env, config, next)
      expect(step.adopted + step.republished).toBeLessThan(20)
      adopted += step.adopted
      next = step.next
      for (const { egressId } of stories) await ring(egressId)
    }
    expect([adopted, next]).toEqual([24, null])
    expect(await rows('recordings')).toHaveLength(24)
  })

  it('files in the final folder that are nobody’s recording are left alone', async () => {
    await upload('recordings/read me.txt', 'hello')
    await upload('recordings/some folder/video.mp4', 'hello')
    expect(await rebuild()).toMatchObject({ adopted: 0, errors: [] })
  })
})

describe('what was asked for wrongly', () => {
  it('a cursor that was never answered is refused', async () => {
    const response = await asAdmin('/v1/rebuild?cursor=abc', { method: 'POST' })
    expect([response.status, await codeOf(response)]).toEqual([400, 'bad-cursor'])
  })
})

async function reconcile(egressId: string): Promise<void> {
  expect((await post(`/v1/recordings/${egressId}/reconcile`, {})).status).toBe(200)
}

describe('POST /v1/recordings/{egressId}/reconcile', () => {
  it('finds a file that was uploaded after it had been given up', async () => {
    const story = recordedNow()
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ attention }) => attention === 'missing')
    passMs(96 * hourMs)
    while (await ring(story.egressId)) continue
    await upload(story.filename, '0123456789')
    await reconcile(story.egressId)
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ attention: null, error: null })
  })

  it('looks again at a file whose size had been wrong', async () => {
    const story = recordedNow()
    await upload(story.filename, '01234')
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ attention }) => attention === 'size-mismatch')
    await reconcile(story.egressId)
    const still = await passUntil(story.egressId, ({ attention }) => attention === 'size-mismatch')
    expect(still.status).not.toBe('ready')
    await upload(story.filename, '0123456789')
    await reconcile(story.egressId)
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ attention: null, sizeBytes: 10 })
  })

  it('brings back a recording that was given up for lost', async () => {
    const story = recordedNow()
    await webhooks(...wholeLife(story).slice(0, 2))
    await setLiveKit({ egresses: known(egressInfo(story, 'EGRESS_ACTIVE')) })
    await passUntil(story.egressId, ({ status }) => status === 'lost')
    await upload(story.filename, '0123456789')
    await reconcile(story.egressId)
    const ready = await passUntil(story.egressId, ({ status }) => status === 'ready')
    expect(ready).toMatchObject({ recoveredBy: 'object' })
  })

  it('changes nothing of a recording that is whole', async () => {
    const story = recordedNow()
    await upload(story.filename, '0123456789')
    await webhooks(...wholeLife(story))
    await passUntil(story.egressId, ({ status }) => status === 'ready')
    while (await ring(story.egressId)) continue
    const before = await read(story.egressId)
    await reconcile(story.egressId)
    expect({ ...(await read(story.egressId)), updatedAt: before.updatedAt }).toEqual(before)
  })
})
