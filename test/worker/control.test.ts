// Stop, layout, edits. Written for stops that meet an egress that has ended, that nobody knows, or that LiveKit only believes
// to run; for a LiveKit that is away; and for two people who edit at once.
import { afterEach, describe, expect, it } from 'vitest'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import { egressEvent, wholeLife } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import { letTimeRun, passMs, ring, ringUntil, stopTime } from './clock.ts'
import { changeLiveKit, liveKitCalls, setLiveKit, upload } from './outside.ts'
import {
  asAdmin,
  asBearer,
  codeOf,
  liveKitToken,
  read,
  recorded,
  rowOf,
  timeline,
  timelineTypes,
  until,
  wake,
  webhooks,
} from './story.ts'

async function post(path: string, body: unknown = {}): Promise<Response> {
  return asAdmin(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })
}

async function patch(egressId: string, body: unknown, match?: string): Promise<Response> {
  return asAdmin(`/v1/recordings/${egressId}`, {
    method: 'PATCH',
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(match === undefined ? {} : { 'if-match': match }),
    },
  })
}

/** An egress that runs, by the webhooks and for LiveKit. */
async function running(more: Partial<Recorded> = {}): Promise<Recorded> {
  const recording = recorded({ startedAtMs: Date.now() - 60_000, ...more })
  await setLiveKit({ egresses: { [recording.egressId]: infoOf(recording, 'EGRESS_ACTIVE') } })
  await webhooks(
    egressEvent('egress_started', 'EGRESS_STARTING', recording),
    egressEvent('egress_updated', 'EGRESS_ACTIVE', recording),
  )
  return recording
}

function infoOf({ egressId, roomName, startedAtMs }: Recorded, status: string): unknown {
  const nanos = `${startedAtMs + 2_000}000000`
  return { egress_id: egressId, room_name: roomName, status, updated_at: nanos }
}

afterEach(() => {
  letTimeRun()
})

describe('POST …/stop', () => {
  it('has LiveKit end the egress, and says that it is ending', async () => {
    const { egressId } = await running()
    const response = await post(`/v1/recordings/${egressId}/stop`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ status: 'ending', egressStatus: 'EGRESS_ENDING' })
    expect(await liveKitCalls(/^StopEgress/)).toMatchObject([{ body: { egressId } }])
    expect(await timelineTypes(egressId)).toEqual(
      expect.arrayContaining(['stop.asked', 'stop.sent']),
    )
  })

  it('stops once when it is asked for twice', async () => {
    const { egressId } = await running()
    await post(`/v1/recordings/${egressId}/stop`)
    expect((await post(`/v1/recordings/${egressId}/stop`)).status).toBe(200)
    expect(await liveKitCalls(/^StopEgress/)).toHaveLength(1)
  })

  it('A3: of one that has ended is 200 and asks LiveKit nothing', async () => {
    const recording = recorded()
    await webhooks(...wholeLife(recording))
    const response = await post(`/v1/recordings/${recording.egressId}/stop`)
    expect(response.status).toBe(200)
    expect(await liveKitCalls(/^StopEgress/)).toEqual([])
  })

  it('A3: of one that ended without a word of it is 200, and LiveKit’s word is asked for', async () => {
    const recording = await running()
    const { egressId } = recording
    await changeLiveKit({
      [egressId]: {
        ...Object(infoOf(recording, 'EGRESS_ABORTED')),
        ended_at: '1767225660000000000',
      },
    })
    expect((await post(`/v1/recordings/${egressId}/stop`)).status).toBe(200)
    await until(egressId, ({ status }) => status === 'aborted')
  })

  it('A3: of an unknown one is 404', async () => {
    for (const egressId of ['EG_nobodyknows', 'no%20id', '..']) {
      expect((await post(`/v1/recordings/${egressId}/stop`)).status).toBe(404)
    }
    const { egressId } = await running({ roomName: 'board' })
    const other = await liveKitToken({ roomRecord: true, room: 'standup' })
    const init = { method: 'POST' }
    expect((await asBearer(other, `/v1/recordings/${egressId}/stop`, init)).status).toBe(404)
  })

  it.each([
    [408, 'deadline_exceeded', 'request timed out'],
    [503, 'unavailable', 'no response from servers'],
    [500, 'internal', 'oops'],
  ])(
    'A3: of a zombie (LiveKit answers %d) is 202, and it is told again until it has ended',
    async (status, code, msg) => {
      stopTime()
      const { egressId } = await running()
      const method = 'StopEgress'
      await setLiveKit({
        egresses: { [egressId]: { egress_id: egressId, status: 'EGRESS_ACTIVE' } },
        faults: [{ method, answer: { status, code, msg }, times: 2 }],
      })
      const response = await post(`/v1/recordings/${egressId}/stop`)
      expect(response.status).toBe(202)
      expect((await response.json<RecordingJson>()).status).toBe('ending')
      await ringUntil(egressId, async () => (await liveKitCalls(/^StopEgress/)).length === 3)
      const detail = (await timeline(egressId)).find(({ type }) => type === 'stop.failed')?.detail
      expect(JSON.stringify(detail)).toContain(msg)
    },
  )

  it('A3: of an egress that LiveKit does not know any more is no error', async () => {
    const { egressId } = await running()
    await changeLiveKit({ [egressId]: null })
    const response = await post(`/v1/recordings/${egressId}/stop`)
    expect(response.status).toBe(200)
    expect((await response.json<RecordingJson>()).status).toBe('ending')
  })

  it('does not lose the wish when LiveKit is away', async () => {
    stopTime()
    const { egressId } = await running()
    await setLiveKit({
      nowMs: Date.now(),
      egresses: { [egressId]: { egress_id: egressId, status: 'EGRESS_ACTIVE' } },
      faults: [{ method: 'StopEgress', times: 5 }],
    })
    expect((await post(`/v1/recordings/${egressId}/stop`)).status).toBe(202)
    await ringUntil(egressId, async () => (await read(egressId)).egressStatus === 'EGRESS_ENDING')
  })
})

describe('maxDurationMs', () => {
  it('ends the egress by its own alarm, that long after its start', async () => {
    stopTime()
    await setLiveKit({ nowMs: Date.now() })
    const body = { type: 'room_composite', roomName: 'standup', maxDurationMs: 600_000 }
    const { egressId } = await (await post('/v1/recordings', body)).json<RecordingJson>()
    const startedAtMs = Date.parse((await read(egressId)).startedAt ?? '')
    await changeLiveKit({ [egressId]: { status: 'EGRESS_ACTIVE' } })
    while ((await liveKitCalls(/^StopEgress/)).length === 0) {
      expect(await ring(egressId)).toBe(true)
    }
    expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(600_000)
    expect(Date.now() - startedAtMs).toBeLessThan(630_000)
    const sent = (await timeline(egressId)).find(({ type }) => type === 'stop.sent')
    expect(sent?.detail).toMatchObject({ why: 'max-duration' })
    expect((await read(egressId)).status).toBe('ending')
  })

  it('is kept to after a while without LiveKit', async () => {
    stopTime()
    await setLiveKit({ nowMs: Date.now(), faults: [{ method: 'StopEgress', times: 3 }] })
    const body = { type: 'room_composite', roomName: 'standup', maxDurationMs: 60_000 }
    const { egressId } = await (await post('/v1/recordings', body)).json<RecordingJson>()
    await ringUntil(egressId, async () => (await liveKitCalls(/^StopEgress/)).length === 4)
    expect((await read(egressId)).egressStatus).toBe('EGRESS_ABORTED')
  })
})

describe('POST …/layout', () => {
  it('changes the layout of a recording that runs', async () => {
    const { egressId } = await running()
    const response = await post(`/v1/recordings/${egressId}/layout`, { layout: 'speaker' })
    expect(response.status).toBe(200)
    expect(await liveKitCalls(/^UpdateLayout/)).toMatchObject([
      { body: { egressId, layout: 'speaker' } },
    ])
  })

  it('says so when the recording does not run, whoever knows it', async () => {
    const ended = recorded()
    await webhooks(...wholeLife(ended))
    const late = await post(`/v1/recordings/${ended.egressId}/layout`, { layout: 'grid' })
    expect(late.status).toBe(409)
    expect(await codeOf(late)).toBe('not-running')
    expect(await liveKitCalls(/^UpdateLayout/)).toEqual([])
    const { egressId } = await running()
    await changeLiveKit({ [egressId]: null })
    const gone = await post(`/v1/recordings/${egressId}/layout`, { layout: 'grid' })
    expect(gone.status).toBe(409)
    expect(await gone.json()).toMatchObject({ livekit: { status: 404 } })
  })

  it('tells LiveKit’s refusal, and its silence', async () => {
    const { egressId } = await running()
    const egresses = { [egressId]: { egress_id: egressId } }
    const answer = { status: 400, code: 'invalid_argument', msg: 'no layout for this egress' }
    await setLiveKit({ egresses, faults: [{ method: 'UpdateLayout', answer }] })
    expect((await post(`/v1/recordings/${egressId}/layout`, { layout: 'x' })).status).toBe(400)
    await setLiveKit({ egresses, faults: [{ method: 'UpdateLayout' }] })
    expect((await post(`/v1/recordings/${egressId}/layout`, { layout: 'x' })).status).toBe(504)
  })
})

describe('PATCH /v1/recordings/{egressId}', () => {
  it('changes what is given, and a GET right after shows it', async () => {
    const { egressId } = await running()
    const fields = {
      title: 'Retro',
      metadata: { team: 'x' },
      expiresAt: '2099-01-01T00:00:00.000Z',
    }
    const response = await patch(egressId, fields)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject(fields)
    expect(await read(egressId)).toMatchObject(fields)
    await patch(egressId, { title: null, legalHold: true })
    expect(await read(egressId)).toMatchObject({ ...fields, title: null, legalHold: true })
  })

  it('reaches the catalogue', async () => {
    const { egressId } = await running()
    await patch(egressId, { title: 'Retro' })
    await wake(egressId)
    expect(await rowOf(egressId)).toMatchObject({ title: 'Retro' })
  })

  it('is refused when the recording is no longer the one that was read', async () => {
    const { egressId } = await running()
    const seen = await asAdmin(`/v1/recordings/${egressId}`)
    const etag = seen.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[^"]+"$/)
    const first = await patch(egressId, { title: 'Retro' }, etag)
    expect(first.status).toBe(200)
    const stale = await patch(egressId, { title: 'Planning' }, etag)
    expect(stale.status).toBe(412)
    expect(await codeOf(stale)).toBe('changed-meanwhile')
    const next = first.headers.get('etag') ?? ''
    expect((await patch(egressId, { title: 'Planning' }, `"other", ${next}`)).status).toBe(200)
    expect((await patch(egressId, { title: 'Any' }, '*')).status).toBe(200)
    expect((await read(egressId)).title).toBe('Any')
  })

  it('takes back a tag that was made weak where the answer was compressed', async () => {
    const { egressId } = await running()
    const etag = (await asAdmin(`/v1/recordings/${egressId}`)).headers.get('etag') ?? ''
    expect((await patch(egressId, { title: 'Retro' }, `W/${etag}`)).status).toBe(200)
    expect((await patch(egressId, { title: 'Planning' }, `W/${etag}`)).status).toBe(412)
  })

  it('lets one of two through who saw the same recording', async () => {
    const { egressId } = await running()
    const etag = (await asAdmin(`/v1/recordings/${egressId}`)).headers.get('etag') ?? ''
    const titles = ['one', 'two', 'three']
    const answers = await Promise.all(titles.map(async (title) => patch(egressId, { title }, etag)))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412, 412])
  })

  it('gives the last writer his way, also in one millisecond', async () => {
    stopTime()
    const { egressId } = await running()
    await patch(egressId, { title: 'zzz' })
    await patch(egressId, { title: 'aaa' })
    expect((await read(egressId)).title).toBe('aaa')
    passMs(-60_000)
    await patch(egressId, { title: 'bbb' })
    expect((await read(egressId)).title).toBe('bbb')
  })

  it.each([
    [{ title: '' }, 'title'],
    [{ metadata: { a: 5 } }, 'metadata.a'],
    [{ expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ legalHold: 'yes' }, 'legalHold'],
    [{ status: 'ready' }, ''],
  ])('refuses %j and names the field', async (body, name) => {
    const { egressId } = await running()
    const response = await patch(egressId, body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ faults: [{ name }] })
  })

  it('lets a LiveKit token change a title, and neither expiry nor legal hold', async () => {
    const { egressId } = await running()
    const token = await liveKitToken({ roomRecord: true, room: 'standup' })
    const edit = async (body: unknown): Promise<number> => {
      const headers = { 'content-type': 'application/json' }
      const init = { method: 'PATCH', body: JSON.stringify(body), headers }
      return (await asBearer(token, `/v1/recordings/${egressId}`, init)).status
    }
    expect(await edit({ title: 'Retro' })).toBe(200)
    expect(await edit({ legalHold: false })).toBe(403)
    expect(await edit({ expiresAt: null })).toBe(403)
  })

  it('survives the upload and the move', async () => {
    const recording = await running()
    await patch(recording.egressId, { title: 'Retro' })
    await upload(recording.filename, '0123456789')
    await webhooks(egressEvent('egress_ended', 'EGRESS_COMPLETE', recording))
    const ready = await until(recording.egressId, ({ status }) => status === 'ready')
    expect(ready.title).toBe('Retro')
  })
})
