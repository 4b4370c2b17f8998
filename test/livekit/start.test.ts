// A start order as LiveKit's request, for every type, as it goes over the wire. Exists for fields that get lost between two
// sets of names, for folders that a name could leave, and for S3 keys that live longer than the egress.
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Config } from '../../src/config.ts'
import { LiveKitControl } from '../../src/livekit/control.ts'
import type { Answer, StartPlace } from '../../src/livekit/control.ts'
import type { StartOrder } from '../../src/recording/start.ts'
import { config } from './config.ts'

const startId = 'ST_0123456789abcdef01234567'
const webhookUrl = `https://rec.example/webhooks/livekit?start=${startId}`
const place = { startId, webhookUrl }
const webhooks = [{ url: webhookUrl, signingKey: 'APIkey' }]
const folder = `temp/${startId}`

const s3 = {
  accessKey: 'access',
  secret: 'secret',
  region: 'auto',
  endpoint: 'https://store.example',
  bucket: 'recordings',
  forcePathStyle: true,
  metadata: { 'roomtape-start': startId },
}

interface Sent {
  url: string
  body: unknown
  authorization: string | null
}

/** LiveKit that answers so; what it was asked is kept. */
function liveKitAnswers(answer: () => Response): Sent[] {
  const sent: Sent[] = []
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const { url, headers } = request
    sent.push({ url, body: await request.json(), authorization: headers.get('authorization') })
    return answer()
  })
  return sent
}

const started = (): Response =>
  Response.json({ egress_id: 'EG_new', status: 'EGRESS_STARTING', updated_at: '1000000' })

async function start(
  order: StartOrder,
  at: StartPlace,
  settings: Config = config(),
): Promise<Answer> {
  return new LiveKitControl(settings.livekit).start(order, at, settings)
}

async function sentFor(
  order: StartOrder,
  changes = {},
): Promise<{ method: string; body: unknown }> {
  const sent = liveKitAnswers(started)
  const answer = await start(order, place, config(changes))
  expect(answer).toMatchObject({ kind: 'done', egressId: 'EG_new' })
  const [request] = sent
  if (request === undefined || sent.length > 1) throw new Error('not one request')
  expect(request.url).toMatch(/^https:\/\/livekit\.example\/twirp\/livekit\.Egress\//)
  return { method: request.url.replace(/.*\//, ''), body: request.body }
}

async function answerTo(response: () => Response): Promise<Answer> {
  liveKitAnswers(response)
  return start({ type: 'room_composite', roomName: 'a' }, place)
}

afterEach(() => {
  vi.restoreAllMocks()
})

const mp4 = { fileType: 'MP4', filepath: `${folder}/video.mp4`, s3 }

const requests: [string, StartOrder, string, unknown][] = [
  [
    'a room with nothing else asked for: one MP4',
    { type: 'room_composite', roomName: '../../etc' },
    'StartRoomCompositeEgress',
    { roomName: '../../etc', fileOutputs: [mp4], webhooks },
  ],
  [
    'a room with a layout, a template of its own and a preset',
    {
      type: 'room_composite',
      roomName: 'standup',
      layout: 'speaker-dark',
      customBaseUrl: 'https://template.example',
      preset: 'PORTRAIT_H264_1080P_30',
      videoOnly: true,
      disableManifest: true,
    },
    'StartRoomCompositeEgress',
    {
      roomName: 'standup',
      layout: 'speaker-dark',
      customBaseUrl: 'https://template.example',
      videoOnly: true,
      preset: 'PORTRAIT_H264_1080P_30',
      fileOutputs: [{ ...mp4, disableManifest: true }],
      webhooks,
    },
  ],
  [
    'a room as file, segments, images and streams together',
    {
      type: 'room_composite',
      roomName: 'standup',
      audioOnly: true,
      file: { fileType: 'OGG', name: 'Monday {room_name}.ogg' },
      segments: { name: 'team.v2', segmentDurationSeconds: 6, live: true },
      images: { intervalSeconds: 5, width: 320, height: 180 },
      streams: { urls: ['rtmps://live.example/key', 'rtmp://other.example/key'] },
    },
    'StartRoomCompositeEgress',
    {
      roomName: 'standup',
      audioOnly: true,
      fileOutputs: [{ fileType: 'OGG', filepath: `${folder}/Monday -room_name-.ogg`, s3 }],
      segmentOutputs: [
        {
          filenamePrefix: `${folder}/hls/team_v2`,
          playlistName: `${folder}/hls/team_v2.m3u8`,
          livePlaylistName: `${folder}/hls/team_v2-live.m3u8`,
          segmentDuration: 6,
          s3,
        },
      ],
      imageOutputs: [
        {
          captureInterval: 5,
          width: 320,
          height: 180,
          filenamePrefix: `${folder}/images/image`,
          s3,
        },
      ],
      streamOutputs: [
        { protocol: 'RTMP', urls: ['rtmps://live.example/key', 'rtmp://other.example/key'] },
      ],
      webhooks,
    },
  ],
  [
    'segments alone: no file',
    { type: 'room_composite', roomName: 'a', segments: {} },
    'StartRoomCompositeEgress',
    {
      roomName: 'a',
      segmentOutputs: [
        {
          filenamePrefix: `${folder}/hls/index`,
          playlistName: `${folder}/hls/index.m3u8`,
          s3,
        },
      ],
      webhooks,
    },
  ],
  [
    'a web page with advanced encoding',
    {
      type: 'web',
      url: 'https://page.example/stage',
      encoding: {
        width: 1280,
        height: 720,
        framerate: 30,
        audioCodec: 'OPUS',
        audioBitrate: 96,
        videoCodec: 'H264_HIGH',
        videoBitrate: 3000,
        keyFrameInterval: 2.5,
      },
    },
    'StartWebEgress',
    {
      url: 'https://page.example/stage',
      advanced: {
        width: 1280,
        height: 720,
        framerate: 30,
        audioCodec: 'OPUS',
        audioBitrate: 96,
        videoCodec: 'H264_HIGH',
        videoBitrate: 3000,
        keyFrameInterval: 2.5,
      },
      fileOutputs: [mp4],
      webhooks,
    },
  ],
  [
    'a participant',
    { type: 'participant', roomName: 'a', identity: 'Ada', file: { name: 'Ada.mp3' } },
    'StartParticipantEgress',
    {
      roomName: 'a',
      identity: 'Ada',
      fileOutputs: [{ fileType: 'MP3', filepath: `${folder}/Ada.mp3`, s3 }],
      webhooks,
    },
  ],
  [
    'two tracks joined',
    { type: 'track_composite', roomName: 'a', audioTrackId: 'TR_a', videoTrackId: 'TR_v' },
    'StartTrackCompositeEgress',
    { roomName: 'a', audioTrackId: 'TR_a', videoTrackId: 'TR_v', fileOutputs: [mp4], webhooks },
  ],
  [
    'a track as it is, under a name without extension: LiveKit knows the codec',
    { type: 'track', roomName: 'a', trackId: 'TR_v', file: { name: 'camera.mp4' } },
    'StartTrackEgress',
    { roomName: 'a', trackId: 'TR_v', file: { filepath: `${folder}/camera`, s3 }, webhooks },
  ],
  [
    'a template, the second generation',
    {
      type: 'template',
      roomName: 'a',
      layout: 'grid',
      preset: 'H264_1080P_60',
      file: {},
      images: {},
    },
    'StartEgress',
    {
      roomName: 'a',
      template: { layout: 'grid' },
      preset: 'H264_1080P_60',
      outputs: [
        { file: { fileType: 'MP4', filepath: `${folder}/video.mp4` } },
        { images: { filenamePrefix: `${folder}/images/image` } },
      ],
      storage: { s3 },
      webhooks,
    },
  ],
  [
    'media: one participant',
    { type: 'media', roomName: 'a', identity: 'Ada' },
    'StartEgress',
    {
      roomName: 'a',
      media: {
        participantVideo: { identity: 'Ada' },
        audio: { routes: [{ participantIdentity: 'Ada' }] },
      },
      outputs: [{ file: { fileType: 'MP4', filepath: `${folder}/video.mp4` } }],
      storage: { s3 },
      webhooks,
    },
  ],
  [
    'media: the video of a track with the audio of another',
    { type: 'media', roomName: 'a', videoTrackId: 'TR_v', audioTrackId: 'TR_a' },
    'StartEgress',
    {
      roomName: 'a',
      media: { videoTrackId: 'TR_v', audio: { routes: [{ trackId: 'TR_a' }] } },
      outputs: [{ file: { fileType: 'MP4', filepath: `${folder}/video.mp4` } }],
      storage: { s3 },
      webhooks,
    },
  ],
  [
    'media: the audio of all, without video',
    { type: 'media', roomName: 'a', audioOnly: true },
    'StartEgress',
    {
      roomName: 'a',
      media: { audio: { captureAll: true } },
      outputs: [{ file: { fileType: 'MP4', filepath: `${folder}/video.mp4` } }],
      storage: { s3 },
      webhooks,
    },
  ],
]

describe('a start order', () => {
  it.each(requests)('asks for %s', async (_, order, method, body) => {
    expect(await sentFor(order)).toEqual({ method, body })
  })

  it('names no webhook where LiveKit could not reach us', async () => {
    const sent = liveKitAnswers(started)
    const order = { type: 'room_composite', roomName: 'a' } as const
    await start(order, { startId, webhookUrl: null })
    expect(sent[0]?.body).not.toHaveProperty('webhooks')
  })

  it('gives no keys where the egress service has its own', async () => {
    const order = { type: 'room_composite', roomName: 'a' } as const
    const { body } = await sentFor(order, { egressUpload: 'server' })
    expect(body).toMatchObject({ fileOutputs: [{ filepath: `${folder}/video.mp4` }] })
    expect(JSON.stringify(body)).not.toContain('secret')
  })

  it('carries a token for recording, and for nothing else', async () => {
    const sent = liveKitAnswers(started)
    await new LiveKitControl(config().livekit).stop('EG_new')
    const [, claims = ''] = (sent[0]?.authorization ?? '').split('.')
    expect(JSON.parse(atob(claims))).toMatchObject({ video: { roomRecord: true } })
    expect(sent[0]).toMatchObject({
      url: 'https://livekit.example/twirp/livekit.Egress/StopEgress',
      body: { egressId: 'EG_new' },
    })
  })
})

describe('what LiveKit answers to a start', () => {
  const twirp = (status: number, code: string, msg: string) => (): Response =>
    Response.json({ code, msg }, { status, headers: { 'content-type': 'application/json' } })

  it.each([
    [404, 'not_found', 'requested room does not exist'],
    [503, 'unavailable', 'no response from servers'],
    [401, 'unauthenticated', 'permissions denied'],
    [400, 'invalid_argument', 'request has missing or invalid field: output'],
    [429, 'resource_exhausted', 'concurrency limit'],
  ])('%d %s "%s" is a refusal', async (status, code, message) => {
    expect(await answerTo(twirp(status, code, message))).toEqual({
      kind: 'refused',
      refusal: { status, code, message },
    })
  })

  it.each([
    [408, 'deadline_exceeded', 'request timed out'],
    [500, 'internal', 'oops'],
    [502, 'bad_gateway', 'bad gateway'],
    [503, 'unavailable', 'upstream connect error'],
  ])('%d %s "%s" leaves it unknown', async (status, code, message) => {
    expect(await answerTo(twirp(status, code, message))).toMatchObject({ kind: 'unknown' })
  })

  it('no answer at all leaves it unknown, and is not asked again', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('gone'))
    const cloud = config({ livekitUrl: 'wss://project.livekit.cloud' })
    const answer = await start({ type: 'web', url: 'https://a' }, place, cloud)
    expect(answer).toEqual({ kind: 'unknown', why: 'LiveKit cannot be reached.' })
    expect(fetched).toHaveBeenCalledTimes(1)
  })

  it('no answer in time leaves it unknown', async () => {
    const late = new DOMException('signal timed out', 'TimeoutError')
    vi.spyOn(globalThis, 'fetch').mockRejectedValue(late)
    expect(await start({ type: 'web', url: 'https://a' }, place)).toEqual({
      kind: 'unknown',
      why: 'LiveKit did not answer in time.',
    })
  })

  it('an answer that cannot be read leaves it unknown', async () => {
    expect(await answerTo(() => new Response('<html>'))).toMatchObject({ kind: 'unknown' })
    expect(await answerTo(() => Response.json({}))).toMatchObject({ kind: 'unknown' })
  })
})
