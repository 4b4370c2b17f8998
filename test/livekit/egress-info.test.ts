// EgressInfo into facts: each shape that LiveKit's sources show, and the ones seen in the wild that they do not promise.
// Written for the SDK's way of losing a message: an unknown status as STARTING, one odd number as no message at all.
import { describe, expect, it } from 'vitest'
import { factsOf } from '../../src/livekit/egress-info.ts'
import type { Json } from '../../src/livekit/json.ts'
import vectors from '../vectors/livekit-webhooks.json'

/** EgressInfo of the golden webhook whose name begins so. */
function golden(number: string): Json {
  const vector = vectors.vectors.find(({ name }) => name.startsWith(number))
  if (vector === undefined) throw new Error(`there is no golden webhook ${number}`)
  return (JSON.parse(vector.body) as { egressInfo: Json }).egressInfo
}

describe('the facts of an EgressInfo', () => {
  it('are all there for a complete recording', () => {
    expect(factsOf(golden('04'))).toEqual({
      status: 'EGRESS_COMPLETE',
      retryCount: 0,
      updatedAtUs: 1_767_225_665_123_456,
      kind: 'room_composite',
      roomId: 'RM_aBcDeFgHjKmN',
      roomName: 'team-standup',
      title: null,
      startId: null,
      startedAtMs: 1_767_225_603_123,
      endedAtMs: 1_767_225_663_123,
      terminalAtMs: 1_767_225_665_123,
      outputs: [
        {
          kind: 'video',
          path: 'tmp/rec_01/video.mp4',
          sizeBytes: 7_340_032,
          durationMs: 60_000,
          located: true,
        },
        {
          kind: 'manifest',
          path: 'tmp/rec_01/EG_2aB3cD4eF5gH.json',
          sizeBytes: null,
          durationMs: null,
          located: true,
        },
      ],
      base: 'https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com/recordings/',
      streams: false,
      error: null,
      errorCode: null,
      details: 'End reason: StopEgress API',
      backup: false,
      bucket: 'recordings',
    })
  })

  it('hold no promise of a file when LiveKit gave a name and times but no location', () => {
    const { status, outputs, error, errorCode } = factsOf(golden('06'))
    expect([status, error, errorCode]).toEqual(['EGRESS_ABORTED', 'Start signal not received', 412])
    expect(outputs).toMatchObject([{ path: 'tmp/rec_01/video.mp4', located: false }])
  })

  it('hold the playlists of a segmented egress beside its file', () => {
    expect(factsOf(golden('13')).outputs?.map(({ kind, path }) => [kind, path])).toEqual([
      ['video', 'tmp/rec_02/video.mp4'],
      ['playlist', 'tmp/rec_02/index.m3u8'],
      ['live_playlist', 'tmp/rec_02/live.m3u8'],
      ['image', 'tmp/rec_02/thumb'],
      ['manifest', 'tmp/rec_02/EG_3bC4dE5fG6hJ.json'],
    ])
  })

  it('hold no file while a track egress does not know its name yet', () => {
    expect(factsOf(golden('14'))).toMatchObject({ kind: 'track', outputs: null })
  })

  it('hold no room for a web egress', () => {
    expect(factsOf(golden('16'))).toMatchObject({ kind: 'web', roomId: null, roomName: null })
  })

  it('hold kind and bucket of a start in the second version of the API', () => {
    expect(factsOf(golden('17'))).toMatchObject({ kind: 'template', bucket: 'recordings' })
  })

  it('hold no duration when LiveKit sends a negative one', () => {
    expect(factsOf(golden('20'))).toMatchObject({
      endedAtMs: null,
      outputs: [{ sizeBytes: 61_941_096, durationMs: null, located: true }],
    })
  })

  it('take the legacy single file when the list of files is empty', () => {
    const { fileResults: _, ...info } = golden('04')
    expect(factsOf({ ...info, fileResults: [] }).outputs).toEqual(factsOf(golden('04')).outputs)
  })

  it.each([
    ['no status', {}, 'EGRESS_STARTING'],
    ['an empty status', { status: '' }, 'EGRESS_STARTING'],
    ['a status by its number', { status: 3 }, 'EGRESS_COMPLETE'],
    ['a status of tomorrow', { status: 'EGRESS_FLOATING' }, 'EGRESS_FLOATING'],
    ['a number of tomorrow', { status: 42 }, 'unknown:42'],
  ])('keep %s as LiveKit means it', (_, info, status) => {
    expect(factsOf({ egressId: 'EG_a', ...info }).status).toBe(status)
  })

  it('survive fields of the wrong kind, one by one', () => {
    const whole = golden('04')
    for (const name of Object.keys(whole)) {
      for (const wrong of [null, 7, 'x', [], {}, [null], [[]], true]) {
        const facts = factsOf({ ...whole, [name]: wrong })
        expect(facts.startedAtMs, `${name}: ${JSON.stringify(wrong)}`).not.toBeNaN()
        if (name !== 'status') expect(facts.status).toBe('EGRESS_COMPLETE')
      }
    }
  })

  it('know a stream from a file', () => {
    expect(factsOf({ egressId: 'EG_a', streamResults: [{ url: 'x' }] }).streams).toBe(true)
    expect(factsOf(golden('04')).streams).toBe(false)
  })

  it('carry no stream key and no signed address in what LiveKit says of an error', () => {
    const { error, details } = factsOf({
      egressId: 'EG_a',
      error: 'could not publish to rtmp://live.example/app/stream-key',
      details: 'https://store.example/a.mp4?X-Amz-Signature=abc',
    })
    expect(error).toBe('could not publish to rtmp://live.example/[removed]')
    expect(details).toBe('https://store.example/a.mp4?[removed]')
  })
})

describe('the echo of a start of ours', () => {
  const startId = 'ST_0123456789abcdef01234567-2'
  const filepath = `temp/${startId}/video.mp4`

  it.each([
    ['a file', { roomComposite: { fileOutputs: [{ filepath }] } }],
    ['the deprecated single file', { participant: { file: { filepath } } }],
    ['a track', { track: { file: { filepath: `temp/${startId}/track` } } }],
    ['a playlist', { web: { segmentOutputs: [{ playlistName: `temp/${startId}/hls/a.m3u8` }] } }],
    ['images', { web: { imageOutputs: [{ filenamePrefix: `temp/${startId}/images/image` }] } }],
    ['an output of v2', { egress: { template: {}, outputs: [{ file: { filepath } }] } }],
    [
      'the address of its webhook, when it streams only',
      {
        roomComposite: {
          webhooks: [{ url: `https://rec.example/webhooks/livekit?start=${startId}` }],
        },
      },
    ],
  ])('is known by %s', (_, request) => {
    expect(factsOf({ egressId: 'EG_a', ...request }).startId).toBe(startId)
  })

  it('is not mistaken for somebody else’s', () => {
    const others = [`temp/X${startId}0x/video.mp4`, 'temp/ST_0123/video.mp4', 'temp/video.mp4']
    for (const path of others) {
      const info = { roomComposite: { fileOutputs: [{ filepath: path }] } }
      expect(factsOf(info).startId).toBeNull()
    }
  })
})
