// Deletion, from the trash to the last byte. Written for the delete that meets a move, for the webhook that comes after it,
// for what others keep in the same folder, and for a legal hold.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { egressEvent, uploaded, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import type { StoreFault } from '../outside/store-proxy.ts'
import {
  letTimeRun,
  passMs,
  passUntil,
  passUntilQuiet,
  recordedNow,
  ring,
  stopTime,
} from './clock.ts'
import {
  breakStore,
  changeLiveKit,
  download,
  emptyFolder,
  healStore,
  keysUnder,
  openUploads,
  setLiveKit,
  upload,
  uploadInParts,
} from './outside.ts'
import {
  asAdmin,
  asBearer,
  codeOf,
  inStorage,
  liveKitToken,
  read,
  rowOf,
  timelineTypes,
  wake,
  webhooks,
} from './story.ts'

const dayMs = 24 * 3_600_000

async function post(path: string, body: unknown = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return asAdmin(path, { method: 'POST', body: JSON.stringify(body), headers })
}

async function discard(egressId: string): Promise<Response> {
  return post(`/v1/recordings/${egressId}/stop`, { discard: true })
}

async function remove(egressId: string): Promise<Response> {
  return asAdmin(`/v1/recordings/${egressId}`, { method: 'DELETE' })
}

async function hold(egressId: string, legalHold: boolean): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const init = { method: 'PATCH', body: JSON.stringify({ legalHold }), headers }
  expect((await asAdmin(`/v1/recordings/${egressId}`, init)).status).toBe(200)
}

/** Everything that lies in the bucket under this egress's name. */
async function bytesOf(egressId: string): Promise<string[]> {
  return [
    ...(await keysUnder(`tmp/${egressId}/`)),
    ...(await keysUnder(`${egressId}/`)),
    ...(await keysUnder(`recordings/${egressId}/`)),
  ]
}

async function ready(more: Partial<Recorded> = {}): Promise<Recorded> {
  const recording = recordedNow(more)
  await upload(recording.filename, '0123456789')
  await webhooks(...wholeLife(recording))
  await passUntil(recording.egressId, ({ status }) => status === 'ready')
  await passUntilQuiet(recording.egressId)
  return recording
}

/** An HLS recording with images and a file, all of it in the temp folder. */
async function uploadedFolder(egressId: string, folder = `tmp/${egressId}`): Promise<unknown> {
  const segments = ['a_00000.ts', 'a_00001.ts']
  await upload(`${folder}/a.m3u8`, ['#EXTM3U', ...segments, '#EXT-X-ENDLIST'].join('\n'))
  for (const name of segments) await upload(`${folder}/${name}`, 'segment')
  for (const name of ['image_00000.jpeg', 'image_00001.jpeg']) {
    await upload(`${folder}/${name}`, 'image')
  }
  await upload(`${folder}/${egressId}.json`, '{}')
  const recording = recordedNow({ egressId, filename: `${folder}/video.mp4` })
  await upload(recording.filename, '0123456789')
  return egressEvent('egress_ended', 'EGRESS_COMPLETE', recording, {
    fileResults: [uploaded(recording)],
    segmentResults: [{ playlistName: `${folder}/a.m3u8`, playlistLocation: 'x' }],
    imageResults: [{ filenamePrefix: `${folder}/image`, imageCount: '2' }],
    manifestLocation: 'x',
  })
}

/** Rings until the removal is over: the second look comes minutes after the first. */
async function untilErased(egressId: string): Promise<void> {
  for (let rings = 0; rings < 50; rings += 1) {
    if ((await timelineTypes(egressId)).includes('recording.erased')) return
    if (!(await ring(egressId))) break
  }
  expect(await timelineTypes(egressId)).toContain('recording.erased')
}

beforeEach(() => {
  stopTime()
})

afterEach(async () => {
  letTimeRun()
  await emptyFolder('tmp/')
})

describe('discard', () => {
  it('stops an egress that runs, and throws away what it wrote when it has ended', async () => {
    const recording = recordedNow()
    const { egressId } = recording
    await setLiveKit({ egresses: { [egressId]: { egress_id: egressId, status: 'EGRESS_ACTIVE' } } })
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', recording))
    const response = await discard(egressId)
    expect(response.status).toBe(200)
    expect((await response.json<RecordingJson>()).status).toBe('ending')
    await upload(recording.filename, '0123456789')
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', recording))
    expect((await read(egressId)).status).toBe('deleted')
    await untilErased(egressId)
    expect(await bytesOf(egressId)).toEqual([])
    expect(await rowOf(egressId)).toMatchObject({ status: 'deleted', files: [], sizeBytes: null })
  })

  it('removes every object of a recording that has ended: segments, images, manifests, the file', async () => {
    const { egressId } = recordedNow()
    await webhooks(await uploadedFolder(egressId))
    await passUntil(egressId, ({ status }) => status === 'ready')
    expect((await keysUnder(`recordings/${egressId}/`)).length).toBeGreaterThanOrEqual(6)
    expect((await discard(egressId)).status).toBe(200)
    await untilErased(egressId)
    expect(await bytesOf(egressId)).toEqual([])
    await passUntilQuiet(egressId)
    expect(await read(egressId)).toMatchObject({
      status: 'deleted',
      files: [],
      sizeBytes: null,
      removeAt: null,
      attention: null,
    })
  })

  it('leaves to others what they keep in the same folder', async () => {
    const { egressId } = recordedNow()
    const folder = 'tmp/shared'
    const others = [`${folder}/other.mp4`, `${folder}/b_00000.ts`, `${folder}/EG_other.json`]
    for (const key of others) await upload(key, 'of somebody else')
    const event = await uploadedFolder(egressId, folder)
    await breakStore({ isCopy: true, answer: { status: 503 } })
    await webhooks(event)
    await wake(egressId)
    await discard(egressId)
    await healStore()
    await untilErased(egressId)
    expect((await keysUnder(`${folder}/`)).toSorted()).toEqual(others.toSorted())
  })

  it('is for callers who may delete', async () => {
    const { egressId } = await ready()
    const token = await liveKitToken({ roomRecord: true, room: 'standup' })
    const init = {
      method: 'POST',
      body: '{"discard":true}',
      headers: { 'content-type': 'application/json' },
    }
    const refused = await asBearer(token, `/v1/recordings/${egressId}/stop`, init)
    expect(refused.status).toBe(403)
    expect((await read(egressId)).status).toBe('ready')
  })
})

describe('R1: a deletion', () => {
  it('R1: in a store that takes no condition for fulfilled ends all the same', async () => {
    const recording = recordedNow({ filename: 'tmp/shared/video.mp4' })
    const { egressId } = recording
    await upload(recording.filename, '0123456789')
    await breakStore(
      { isCopy: true, answer: { status: 503 } },
      { method: 'DELETE', answer: 'refuses-conditions' },
    )
    await webhooks(...wholeLife(recording))
    await wake(egressId)
    await discard(egressId)
    await untilErased(egressId)
    expect(await download(recording.filename)).toBeNull()
  })

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'R1: while the file is being moved leaves nothing, after %d requests of the move',
    async (skip) => {
      const recording = recordedNow()
      const { egressId } = recording
      await upload(recording.filename, '0123456789')
      // The last of them is done, and its answer lost: the store may have a copy that nobody knows of.
      await breakStore(
        { skip, times: 1, answer: 'lost' },
        { skip: skip + 1, answer: { status: 503 } },
      )
      await webhooks(...wholeLife(recording))
      await wake(egressId)
      await discard(egressId)
      await healStore()
      await untilErased(egressId)
      expect(await bytesOf(egressId)).toEqual([])
      expect((await read(egressId)).status).toBe('deleted')
    },
  )

  it.each<[string, StoreFault]>([
    ['that was under way', { isCopy: true, skip: 1, answer: { status: 503 } }],
    ['whose beginning was answered to nobody', { method: 'POST', answer: 'lost' }],
  ])('R1: gives up a copy in parts %s', async (_, fault) => {
    const recording = recordedNow({ sizeBytes: 11 * 1024 ** 2 })
    const { egressId } = recording
    await uploadInParts(recording.filename, 'x'.repeat(recording.sizeBytes))
    await webhooks(...wholeLife(recording))
    await breakStore(fault)
    await wake(egressId)
    expect(await openUploads(`recordings/${egressId}/`)).toHaveLength(1)
    await healStore()
    await discard(egressId)
    await untilErased(egressId)
    expect(await bytesOf(egressId)).toEqual([])
    expect(await openUploads(`recordings/${egressId}/`)).toEqual([])
  })

  it('R1: twice is once', async () => {
    const { egressId } = await ready()
    expect((await remove(egressId)).status).toBe(202)
    const first = await read(egressId)
    passMs(dayMs)
    expect((await remove(egressId)).status).toBe(202)
    expect((await read(egressId)).removeAt).toBe(first.removeAt)
    await discard(egressId)
    await discard(egressId)
    await untilErased(egressId)
    expect((await discard(egressId)).status).toBe(200)
    const types = await timelineTypes(egressId)
    expect(types.filter((type) => type === 'recording.erased')).toHaveLength(1)
    expect(types.filter((type) => type === 'discard.asked')).toHaveLength(1)
  })

  it('R1: is not undone by a webhook that comes after it, nor by a file that does', async () => {
    const recording = await ready()
    const { egressId } = recording
    await discard(egressId)
    await untilErased(egressId)
    await upload(recording.filename, 'once more')
    await webhooks(
      egressEvent('egress_updated', 'EGRESS_ACTIVE', recording, { retryCount: 1 }),
      egressEvent('egress_ended', 'EGRESS_COMPLETE', {
        ...recording,
        endedAtMs: recording.endedAtMs + 60_000,
      }),
    )
    expect((await read(egressId)).status).toBe('deleted')
    await passUntilQuiet(egressId)
    expect(await bytesOf(egressId)).toEqual([])
    expect(await read(egressId)).toMatchObject({ status: 'deleted', files: [] })
  })

  it('R1: keeps the tombstone and its timeline', async () => {
    const { egressId } = await ready()
    await discard(egressId)
    await untilErased(egressId)
    expect(await timelineTypes(egressId)).toEqual(
      expect.arrayContaining(['egress_ended', 'discard.asked', 'recording.erased']),
    )
    const played = await asAdmin(`/v1/recordings/${egressId}/play`)
    expect(played.status).toBe(409)
    expect(await played.json()).toMatchObject({ reason: 'deleted' })
  })

  it('R1: is finished after a store that was away, and after a lost state', async () => {
    const { egressId } = await ready()
    await breakStore({ method: 'DELETE', answer: { status: 503 } })
    await discard(egressId)
    await ring(egressId)
    await inStorage(egressId, (storage) => storage.sql.exec('DELETE FROM state'))
    await healStore()
    await untilErased(egressId)
    expect(await bytesOf(egressId)).toEqual([])
  })
})

describe('the trash', () => {
  it('keeps the bytes for TRASH_DAYS, plays nothing, and then lets them go', async () => {
    const { egressId } = await ready()
    const response = await remove(egressId)
    expect(response.status).toBe(202)
    const { status, removeAt } = await response.json<RecordingJson>()
    expect(status).toBe('deleted')
    expect(Date.parse(removeAt ?? '') - Date.now()).toBe(7 * dayMs)
    await wake(egressId)
    expect((await asAdmin(`/v1/recordings/${egressId}/play`)).status).toBe(409)
    expect(await download(`recordings/${egressId}/video.mp4`)).toBe('0123456789')
    await untilErased(egressId)
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(removeAt ?? ''))
    expect(await bytesOf(egressId)).toEqual([])
  })

  it('gives a recording back, as it was', async () => {
    const { egressId } = await ready()
    const before = await read(egressId)
    await remove(egressId)
    const response = await post(`/v1/recordings/${egressId}/restore`)
    expect(response.status).toBe(200)
    const { updatedAt: _, ...same } = before
    expect(await response.json()).toMatchObject(same)
    passMs(30 * dayMs)
    await passUntilQuiet(egressId)
    expect((await read(egressId)).status).toBe('ready')
    expect((await post(`/v1/recordings/${egressId}/restore`)).status).toBe(200)
  })

  it('gives nothing back once the bytes go', async () => {
    const { egressId } = await ready()
    await discard(egressId)
    await wake(egressId)
    const response = await post(`/v1/recordings/${egressId}/restore`)
    expect(response.status).toBe(409)
    expect(await codeOf(response)).toBe('gone')
  })

  it('does not take a recording that still runs', async () => {
    const recording = recordedNow()
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', recording))
    const response = await remove(recording.egressId)
    expect(response.status).toBe(409)
    expect(await codeOf(response)).toBe('still-running')
  })

  it('takes a recording whose time is over', async () => {
    const { egressId } = await ready()
    const expiresAt = new Date(Date.now() + dayMs).toISOString()
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'PATCH', body: JSON.stringify({ expiresAt }), headers }
    await asAdmin(`/v1/recordings/${egressId}`, init)
    await passUntil(egressId, ({ status }) => status === 'deleted')
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt))
    expect(await download(`recordings/${egressId}/video.mp4`)).toBe('0123456789')
    await post(`/v1/recordings/${egressId}/restore`)
    expect(await read(egressId)).toMatchObject({ status: 'ready', expiresAt: null })
  })
})

describe('R2: a legal hold', () => {
  it('R2: refuses a deletion, and keeps what has passed its time', async () => {
    const { egressId } = await ready()
    await hold(egressId, true)
    const refusals = [await remove(egressId), await discard(egressId)]
    for (const refused of refusals) {
      expect(refused.status).toBe(409)
      expect(await codeOf(refused)).toBe('legal-hold')
    }
    const headers = { 'content-type': 'application/json' }
    const expiresAt = new Date(Date.now() + 1000).toISOString()
    const init = { method: 'PATCH', body: JSON.stringify({ expiresAt }), headers }
    await asAdmin(`/v1/recordings/${egressId}`, init)
    passMs(400 * dayMs)
    await passUntilQuiet(egressId)
    expect((await read(egressId)).status).toBe('ready')
    expect(await download(`recordings/${egressId}/video.mp4`)).toBe('0123456789')
    await hold(egressId, false)
    await passUntil(egressId, ({ status }) => status === 'deleted')
  })

  it('does not hold up a stop', async () => {
    const recording = recordedNow()
    const { egressId } = recording
    await setLiveKit({ egresses: { [egressId]: { egress_id: egressId, status: 'EGRESS_ACTIVE' } } })
    await webhooks(egressEvent('egress_updated', 'EGRESS_ACTIVE', recording))
    await hold(egressId, true)
    expect((await post(`/v1/recordings/${egressId}/stop`)).status).toBe(200)
    await changeLiveKit({})
  })
})
