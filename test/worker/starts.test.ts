// Starts, through the Worker's door. Written for the answers that never come, for two people who press the button at once,
// and for the request that is repeated because nobody knew: one wish is one egress, whatever gets lost.
import { runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { RecordingJson } from '../../src/routes/recording-json.ts'
import type { LiveKitCall } from '../outside/livekit.ts'
import { changeLiveKit, liveKitCalls, setLiveKit } from './outside.ts'
import {
  asAdmin,
  asBearer,
  codeOf,
  eventually,
  liveKitToken,
  read,
  timeline,
  timelineTypes,
  until,
  webhook,
} from './story.ts'

const room = { type: 'room_composite', roomName: 'standup' }

async function start(body: unknown, key?: string, token?: string): Promise<Response> {
  const init = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
  }
  return token === undefined
    ? asAdmin('/v1/recordings', init)
    : asBearer(token, '/v1/recordings', init)
}

async function started(body: unknown, key?: string): Promise<RecordingJson> {
  const response = await start(body, key)
  if (!response.ok) throw new Error(`start: ${response.status} ${await response.text()}`)
  return response.json<RecordingJson>()
}

async function starts(): Promise<LiveKitCall[]> {
  return liveKitCalls(/^Start/)
}

/** The egress that the only start made. */
async function onlyEgress(): Promise<{ egressId: string; call: LiveKitCall }> {
  const calls = await starts()
  const [call] = calls
  if (call?.egressId === undefined || calls.length > 1) throw new Error(`${calls.length} starts`)
  return { egressId: call.egressId, call }
}

/** The first webhook of an egress, with the echo of its request. */
function startedEvent(egressId: string, call: LiveKitCall): Record<string, unknown> {
  const outputs = call.body['fileOutputs'] as { filepath: string }[]
  return {
    event: 'egress_started',
    id: `EV_${egressId}`,
    egressInfo: {
      egressId,
      roomName: 'standup',
      updatedAt: `${Date.now()}000000`,
      roomComposite: { roomName: 'standup', fileOutputs: outputs },
      fileResults: [{ filename: outputs[0]?.filepath }],
    },
  }
}

/** A start whose answer gets lost on the way, although LiveKit does what it is asked. */
const lostAnswer = { method: 'StartRoomCompositeEgress', isDone: true, times: 1 }

describe('POST /v1/recordings', () => {
  it('starts an egress below the temp folder and answers with its recording', async () => {
    const response = await start({ ...room, title: 'Retro', metadata: { team: 'x' } })
    expect(response.status).toBe(201)
    const recording = await response.json<RecordingJson>()
    const { egressId, call } = await onlyEgress()
    expect(recording).toMatchObject({
      egressId,
      roomName: 'standup',
      kind: 'room_composite',
      status: 'starting',
      title: 'Retro',
      metadata: { team: 'x' },
    })
    expect(response.headers.get('location')).toMatch(new RegExp(`/v1/recordings/${egressId}$`))
    const [output] = call.body['fileOutputs'] as { filepath: string }[]
    expect(output?.filepath).toMatch(/^tmp\/ST_[0-9a-f]{24}\/video\.mp4$/)
    expect(await read(egressId)).toEqual({ ...recording, updatedAt: expect.any(String) })
  })

  it('asks LiveKit to send the egress’s webhooks here, signed with our key, and marks every object', async () => {
    await started(room)
    const { call } = await onlyEgress()
    const startId = /ST_[0-9a-f]{24}/.exec(JSON.stringify(call.body['fileOutputs']))?.[0]
    expect(call.body['webhooks']).toEqual([
      {
        url: `https://roomtape.test/webhooks/livekit?start=${startId}`,
        signingKey: env.LIVEKIT_API_KEY,
      },
    ])
    expect(call.body['fileOutputs']).toMatchObject([
      { s3: { metadata: { 'roomtape-start': startId }, bucket: env.S3_BUCKET } },
    ])
  })

  it('keeps the S3 keys out of everything that can be read', async () => {
    const { egressId } = await started({
      ...room,
      streams: { urls: ['rtmps://live.example/app/key-of-the-stream'] },
      file: {},
    })
    const words = JSON.stringify([await read(egressId), await timeline(egressId)])
    expect(words).not.toContain(env.S3_SECRET_ACCESS_KEY)
    expect(words).not.toContain('key-of-the-stream')
  })

  it('moves what such an egress has recorded like any other', async () => {
    const { egressId } = await started({ ...room, title: 'Retro' })
    const { call } = await onlyEgress()
    await webhook(startedEvent(egressId, call))
    expect(await until(egressId, ({ files }) => files.length > 0)).toMatchObject({
      title: 'Retro',
      files: [{ name: 'video.mp4', state: 'expected' }],
    })
    // One start, whoever told of it.
    const types = await timelineTypes(egressId)
    expect(types.filter((type) => type === 'start.asked')).toHaveLength(1)
  })

  const faulty: [string, Record<string, unknown>, string[]][] = [
    ['nothing', {}, ['type']],
    ['a room without its name', { type: 'room_composite' }, ['roomName']],
    ['a web page without its address', { type: 'web' }, ['url']],
    ['a web page that is none', { type: 'web', url: 'ftp://page.example' }, ['url']],
    [
      'a room for a web page',
      { type: 'web', url: 'https://a.example', roomName: 'a' },
      ['roomName'],
    ],
    [
      'a layout for a participant',
      { type: 'participant', roomName: 'a', identity: 'b', layout: 'grid' },
      ['layout'],
    ],
    [
      'a track without its id and with segments',
      { type: 'track', roomName: 'a', segments: {} },
      ['trackId', 'segments'],
    ],
    [
      'a track that is to be encoded',
      { type: 'track', roomName: 'a', trackId: 'TR_a', preset: 'H264_720P_30' },
      ['preset'],
    ],
    ['a composite of no tracks', { type: 'track_composite', roomName: 'a' }, ['videoTrackId']],
    ['neither sound nor picture', { ...room, audioOnly: true, videoOnly: true }, ['videoOnly']],
    ['two encodings', { ...room, preset: 'H264_720P_30', encoding: { width: 640 } }, ['encoding']],
    ['an unknown preset', { ...room, preset: 'H265_8K' }, ['preset']],
    ['a picture in an audio file', { ...room, file: { fileType: 'MP3' } }, ['file']],
    [
      'a stream that is none',
      { ...room, streams: { urls: ['https://live.example'] } },
      ['streams.urls.0'],
    ],
    [
      'streams of two kinds',
      { ...room, streams: { urls: ['rtmp://a/b', 'srt://a:1'] } },
      ['streams.urls'],
    ],
    ['an end that has passed', { ...room, expiresAt: '2020-01-01T00:00:00Z' }, ['expiresAt']],
    ['a field that there is not', { ...room, layuot: 'grid' }, ['']],
    [
      'media of one participant and of a track',
      { type: 'media', roomName: 'a', identity: 'b', videoTrackId: 'TR_v' },
      ['identity'],
    ],
  ]
  it.each(faulty)('refuses %s and names each fault', async (_, body, names) => {
    const response = await start(body)
    expect(response.status).toBe(400)
    const { faults } = await response.json<{ faults: { name: string }[] }>()
    expect(faults.map(({ name }) => name)).toEqual(names)
    expect(await starts()).toEqual([])
  })

  it.each([
    [404, 'not_found', 'requested room does not exist', 404, 'livekit-not-found'],
    [503, 'unavailable', 'no response from servers', 503, 'livekit-unavailable'],
    [401, 'unauthenticated', 'permissions denied', 403, 'livekit-unauthenticated'],
    [400, 'invalid_argument', 'output is odd', 400, 'livekit-invalid-argument'],
    [429, 'resource_exhausted', 'too many', 429, 'livekit-resource-exhausted'],
    [418, 'teapot', 'no', 502, 'livekit-teapot'],
  ])('tells LiveKit’s %d %s in its own words', async (status, code, msg, ownStatus, ownCode) => {
    const method = 'StartRoomCompositeEgress'
    await setLiveKit({ faults: [{ method, answer: { status, code, msg }, times: 1 }] })
    const response = await start(room, 'a-key')
    expect(response.status).toBe(ownStatus)
    expect(await response.json()).toMatchObject({
      code: ownCode,
      detail: `LiveKit answered: ${msg}`,
      livekit: { status, code, message: msg },
    })
    // The key is free again: nothing was started under it.
    expect((await start(room, 'a-key')).status).toBe(201)
  })

  it('lets a token of a room start in that room only', async () => {
    const token = await liveKitToken({ roomRecord: true, room: 'standup' })
    expect((await start(room, undefined, token)).status).toBe(201)
    const others = [
      { ...room, roomName: 'board' },
      { type: 'web', url: 'https://a.example' },
    ]
    for (const other of others) {
      const response = await start(other, undefined, token)
      expect(response.status).toBe(403)
      expect(await codeOf(response)).toBe('other-room')
    }
    expect(await starts()).toHaveLength(1)
  })
})

describe('an Idempotency-Key', () => {
  it('gives the same recording to whoever repeats the request', async () => {
    const first = await started(room, 'meeting-7')
    const again = await start({ roomName: 'standup', type: 'room_composite' }, 'meeting-7')
    expect(again.status).toBe(200)
    expect((await again.json<RecordingJson>()).egressId).toBe(first.egressId)
    expect(await starts()).toHaveLength(1)
  })

  it('makes one start of ten requests at the same moment', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, async () => start(room, 'burst')))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 9 }, () => 200),
      201,
    ])
    const ids = await Promise.all(answers.map(async (answer) => answer.json<RecordingJson>()))
    expect(new Set(ids.map(({ egressId }) => egressId)).size).toBe(1)
    expect(await starts()).toHaveLength(1)
  })

  it('is refused for another body', async () => {
    await started(room, 'meeting-7')
    const response = await start({ ...room, layout: 'speaker' }, 'meeting-7')
    expect(response.status).toBe(422)
    expect(await codeOf(response)).toBe('key-reused')
    expect(await starts()).toHaveLength(1)
  })

  it('of one room’s token names nothing of another’s', async () => {
    const keys = await Promise.all(
      ['standup', 'board'].map(async (name) => liveKitToken({ roomRecord: true, room: name })),
    )
    const ids = await Promise.all(
      ['standup', 'board'].map(async (roomName, index) =>
        (await start({ ...room, roomName }, 'key', keys[index])).json<RecordingJson>(),
      ),
    )
    expect(new Set(ids.map(({ egressId }) => egressId)).size).toBe(2)
  })
})

describe('A1: a start whose answer was lost', () => {
  it('A1: is neither a success nor a failure: the caller gets a key to repeat it with', async () => {
    await setLiveKit({ faults: [lostAnswer] })
    const response = await start({ ...room, title: 'Retro' })
    expect(response.status).toBe(504)
    expect(response.headers.get('retry-after')).toBe('5')
    const { code, idempotencyKey } = await response.json<{ code: string; idempotencyKey: string }>()
    expect(code).toBe('start-unknown')
    const again = await start({ ...room, title: 'Retro' }, idempotencyKey)
    expect(again.status).toBe(200)
    const { egressId } = await onlyEgress()
    expect(await again.json()).toMatchObject({ egressId, title: 'Retro' })
  })

  it('A1: is adopted by the first webhook, with all that was wished, and a repeat gets it', async () => {
    await setLiveKit({ faults: [lostAnswer] })
    const body = { ...room, title: 'Retro', metadata: { team: 'x' }, maxDurationMs: 60_000 }
    expect((await start(body, 'key')).status).toBe(504)
    const { egressId, call } = await onlyEgress()
    // LiveKit has forgotten it by the time when somebody asks: the webhook alone is enough.
    await changeLiveKit({ [egressId]: null })
    await webhook(startedEvent(egressId, call))
    expect(await until(egressId, ({ title }) => title !== null)).toMatchObject({
      title: 'Retro',
      metadata: { team: 'x' },
    })
    const again = await start(body, 'key')
    expect(again.status).toBe(200)
    expect(await again.json()).toMatchObject({ egressId })
    expect(await starts()).toHaveLength(1)
  })

  it('A1: is found in LiveKit’s list by the start’s own alarm, with no webhook and no repeat', async () => {
    await setLiveKit({ faults: [lostAnswer] })
    expect((await start({ ...room, title: 'Retro' }, 'key')).status).toBe(504)
    const { egressId, call } = await onlyEgress()
    const startId = /ST_[0-9a-f]{24}/.exec(JSON.stringify(call.body))?.[0] ?? ''
    expect(await runDurableObjectAlarm(env.START.getByName(startId))).toBe(true)
    expect(await read(egressId)).toMatchObject({ egressId, title: 'Retro', status: 'starting' })
  })

  it('A1: belongs to its start also when the webhook comes before the answer', async () => {
    await setLiveKit({ isHeld: true })
    const answer = start({ ...room, title: 'Retro' }, 'key')
    await eventually(async () => (await starts()).length).toBe(1)
    const [call] = await starts()
    if (call === undefined) throw new Error('no start')
    await webhook(startedEvent('EG_early', call))
    expect(await until('EG_early', ({ title }) => title !== null)).toMatchObject({ title: 'Retro' })
    await changeLiveKit({})
    await answer
  })

  it('A1: is not started again by a repeat while nobody knows', async () => {
    const unanswered = { method: 'StartRoomCompositeEgress', times: 1 }
    await setLiveKit({ faults: [unanswered] })
    expect((await start(room, 'key')).status).toBe(504)
    for (let repeats = 0; repeats < 3; repeats += 1) {
      expect((await start(room, 'key')).status).toBe(504)
    }
    expect(await starts()).toHaveLength(1)
  })
})

describe('A2: an exclusive start', () => {
  const exclusive = { ...room, exclusive: true }

  it('A2: of two at the same moment exactly one makes an egress, the other is told which', async () => {
    await setLiveKit({ isHeld: true })
    const both = Promise.all([start(exclusive), start(exclusive)])
    await eventually(async () => (await starts()).length).toBe(1)
    await changeLiveKit({})
    const answers = await both
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409])
    expect(await starts()).toHaveLength(1)
    const { egressId } = await onlyEgress()
    const third = await start(exclusive)
    expect(third.status).toBe(409)
    expect(await third.json()).toMatchObject({ code: 'room-busy', egressId })
  })

  it('A2: is refused while an egress runs that somebody else started', async () => {
    await setLiveKit({
      egresses: { EG_cli: { egress_id: 'EG_cli', room_name: 'standup', status: 'EGRESS_ACTIVE' } },
    })
    const response = await start(exclusive)
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({ egressId: 'EG_cli' })
    expect((await start({ ...exclusive, roomName: 'board' })).status).toBe(201)
  })

  it('A2: is let in when the one before has ended, and while it only uploads', async () => {
    const { egressId } = await started(exclusive)
    await changeLiveKit({ [egressId]: { status: 'EGRESS_ACTIVE' } })
    expect((await start(exclusive)).status).toBe(409)
    await asAdmin(`/v1/recordings/${egressId}/reconcile`, { method: 'POST' })
    await changeLiveKit({
      [egressId]: { status: 'EGRESS_ENDING', updated_at: '9000000000000000000' },
    })
    await asAdmin(`/v1/recordings/${egressId}/reconcile`, { method: 'POST' })
    expect((await start(exclusive)).status).toBe(201)
  })

  it('A2: is refused while nobody knows what became of another, and let in when it was refused', async () => {
    await setLiveKit({ faults: [{ method: 'StartRoomCompositeEgress', times: 1 }] })
    expect((await start(exclusive, 'first')).status).toBe(504)
    const second = await start(exclusive, 'second')
    expect(second.status).toBe(409)
    expect(await second.json()).toMatchObject({ code: 'room-busy', egressId: null })
    const answer = { status: 404, code: 'not_found', msg: 'requested room does not exist' }
    await setLiveKit({ faults: [{ method: 'StartRoomCompositeEgress', answer, times: 1 }] })
    const other = { ...exclusive, roomName: 'board' }
    expect((await start(other)).status).toBe(404)
    expect((await start(other)).status).toBe(201)
  })

  it('A2: is answered with 503 and starts nothing when LiveKit does not say what runs', async () => {
    const answer = { status: 500, code: 'internal', msg: 'redis' }
    await setLiveKit({ faults: [{ method: 'ListEgress', answer, times: 1 }] })
    const response = await start(exclusive, 'key')
    expect(response.status).toBe(503)
    expect(await starts()).toEqual([])
    expect((await start(exclusive, 'key')).status).toBe(201)
  })
})
