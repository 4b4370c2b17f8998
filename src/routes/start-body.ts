// The body of a start: which fields there are, and which may go with which type. A field that LiveKit would pass over in
// silence is a fault here, named: a recording that is not what somebody asked for is noticed too late.
import { z } from '@hono/zod-openapi'
import { recordingKinds } from '../recording/observation.ts'
import type { RecordingKind } from '../recording/observation.ts'
import { audioCodecs, encodingPresets, fileTypes, videoCodecs } from '../recording/start.ts'
import type { StartOrder } from '../recording/start.ts'

const httpUrl = z.url({ protocol: /^https?$/ }).max(4096)
const trackId = z.string().min(1).max(256)
const pixels = z.number().int().min(16).max(8192)
const kilobits = z.number().int().min(1).max(500_000)

export const TitleSchema = z.string().min(1).max(1000)
const mostMetadataFields = 50
export const MetadataSchema = z
  .record(z.string().min(1).max(100), z.string().max(1000))
  .refine((fields) => Object.keys(fields).length <= mostMetadataFields, {
    message: `At most ${mostMetadataFields} fields`,
  })
  .openapi({ type: 'object', additionalProperties: { type: 'string' }, maxProperties: 50 })

const EncodingSchema = z.strictObject({
  width: pixels.optional(),
  height: pixels.optional(),
  depth: z.number().int().min(1).max(64).optional(),
  framerate: z.number().int().min(1).max(240).optional(),
  audioCodec: z.enum(audioCodecs).optional(),
  audioBitrate: kilobits.optional().openapi({ description: 'kbit/s' }),
  audioFrequency: z.number().int().min(8000).max(192_000).optional(),
  videoCodec: z.enum(videoCodecs).optional(),
  videoBitrate: kilobits.optional().openapi({ description: 'kbit/s' }),
  keyFrameInterval: z.number().min(0.1).max(600).optional().openapi({ description: 'Seconds' }),
})

const nameSchema = z
  .string()
  .min(1)
  .max(200)
  .openapi({ description: 'Made into a safe name; the extension follows from the type' })

const fields = z.strictObject({
  type: z.enum(recordingKinds),
  roomName: z.string().min(1).max(4096).optional(),
  url: httpUrl.optional().openapi({ description: 'web: the page' }),
  identity: z.string().min(1).max(1024).optional(),
  trackId: trackId.optional(),
  audioTrackId: trackId.optional(),
  videoTrackId: trackId.optional(),
  layout: z.string().min(1).max(256).optional(),
  audioOnly: z.boolean().optional(),
  videoOnly: z.boolean().optional(),
  customBaseUrl: httpUrl.optional(),
  preset: z.enum(encodingPresets).optional(),
  encoding: EncodingSchema.optional(),
  file: z
    .strictObject({ fileType: z.enum(fileTypes).optional(), name: nameSchema.optional() })
    .optional(),
  segments: z
    .strictObject({
      name: nameSchema.optional(),
      segmentDurationSeconds: z.number().int().min(1).max(600).optional(),
      live: z
        .boolean()
        .optional()
        .openapi({ description: 'A second playlist of the last segments' }),
    })
    .optional(),
  images: z
    .strictObject({
      intervalSeconds: z.number().int().min(1).max(86_400).optional(),
      width: pixels.optional(),
      height: pixels.optional(),
    })
    .optional(),
  streams: z
    .strictObject({
      urls: z
        .array(z.url({ protocol: /^(rtmps?|srt)$/ }).max(4096))
        .min(1)
        .max(20),
    })
    .optional(),
  title: TitleSchema.optional(),
  metadata: MetadataSchema.optional(),
  maxDurationMs: z
    .number()
    .int()
    .min(1000)
    .max(366 * 24 * 3_600_000)
    .optional()
    .openapi({ description: 'Stopped so long after its start' }),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
  exclusive: z
    .boolean()
    .optional()
    .openapi({ description: 'Only if no other recording of the room runs' }),
  disableManifest: z.boolean().optional(),
})

type Fields = z.infer<typeof fields>
type Field = keyof Fields

const sceneFields: Field[] = ['layout', 'audioOnly', 'videoOnly', 'customBaseUrl']
const encodedFields: Field[] = ['preset', 'encoding', 'segments', 'images', 'streams']
/** What every type may have. */
const commonFields: Field[] = [
  'type',
  'file',
  'title',
  'metadata',
  'maxDurationMs',
  'expiresAt',
  'disableManifest',
]

/** What a type needs, and what it may have besides the common fields. */
const fieldsOf: Record<RecordingKind, { needs: Field[]; may: Field[] }> = {
  room_composite: { needs: ['roomName'], may: [...sceneFields, ...encodedFields, 'exclusive'] },
  web: { needs: ['url'], may: ['audioOnly', 'videoOnly', ...encodedFields] },
  participant: { needs: ['roomName', 'identity'], may: [...encodedFields, 'exclusive'] },
  track_composite: {
    needs: ['roomName'],
    may: ['audioTrackId', 'videoTrackId', ...encodedFields, 'exclusive'],
  },
  track: { needs: ['roomName', 'trackId'], may: ['exclusive'] },
  template: { needs: ['roomName'], may: [...sceneFields, ...encodedFields, 'exclusive'] },
  media: {
    needs: ['roomName'],
    may: [
      'identity',
      'audioTrackId',
      'videoTrackId',
      'audioOnly',
      'videoOnly',
      ...encodedFields,
      'exclusive',
    ],
  },
}

type Fault = [path: (string | number)[], message: string]

function faultsOf(body: Fields): Fault[] {
  const { needs, may } = fieldsOf[body.type]
  const faults: Fault[] = needs
    .filter((name) => body[name] === undefined)
    .map((name) => [[name], `${body.type} needs it`])
  const allowed = new Set([...commonFields, ...needs, ...may])
  const given = (Object.keys(body) as Field[]).filter((name) => body[name] !== undefined)
  for (const name of given) {
    if (!allowed.has(name)) faults.push([[name], `does not go with ${body.type}`])
  }
  return [...faults, ...combinations(body)]
}

function combinations(body: Fields): Fault[] {
  const { type, audioOnly, videoOnly, preset, encoding, file, streams, expiresAt } = body
  const faults: Fault[] = []
  if (audioOnly === true && videoOnly === true) {
    faults.push([['videoOnly'], 'audioOnly and videoOnly leave nothing to record'])
  }
  if (preset !== undefined && encoding !== undefined) {
    faults.push([['encoding'], 'is for those who choose no preset'])
  }
  if (type === 'track' && file?.fileType !== undefined) {
    faults.push([['file', 'fileType'], 'a track is recorded as it is'])
  }
  const mayBeAudio = fieldsOf[type].may.includes('audioOnly')
  if (mayBeAudio && audioOnly !== true && isAudio(file)) {
    faults.push([['file'], 'an audio file is for audioOnly'])
  }
  const protocols = new Set(streams?.urls.map((url) => (/^srt:/i.test(url) ? 'srt' : 'rtmp')))
  if (protocols.size > 1) faults.push([['streams', 'urls'], 'RTMP and SRT do not go together'])
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) {
    faults.push([['expiresAt'], 'has passed'])
  }
  return [...faults, ...sources(body)]
}

function isAudio(file: Fields['file']): boolean {
  const name = file?.name?.toLowerCase() ?? ''
  const { fileType } = file ?? {}
  if (fileType !== undefined) return fileType !== 'MP4'
  return name.endsWith('.ogg') || name.endsWith('.mp3')
}

/** Which tracks and participants can be recorded together. */
function sources(body: Fields): Fault[] {
  const { type, identity, audioTrackId, videoTrackId, audioOnly, videoOnly } = body
  const hasTrack = audioTrackId !== undefined || videoTrackId !== undefined
  if (type === 'track_composite' && !hasTrack) {
    return [[['videoTrackId'], 'track_composite needs a video or an audio track']]
  }
  if (type !== 'media') return []
  const faults: Fault[] = []
  if (identity !== undefined && videoTrackId !== undefined) {
    faults.push([['identity'], 'the video is of one track or of one participant, not of both'])
  }
  if (audioOnly === true && videoTrackId !== undefined) {
    faults.push([['videoTrackId'], 'does not go with audioOnly'])
  }
  if (videoOnly === true && audioTrackId !== undefined) {
    faults.push([['audioTrackId'], 'does not go with videoOnly'])
  }
  if (videoOnly === true && identity === undefined && videoTrackId === undefined) {
    faults.push([['videoTrackId'], 'videoOnly needs the track or the participant'])
  }
  return faults
}

/** `path` and message of each fault go into one problem. */
export const StartBodySchema = fields
  .superRefine((body, context) => {
    for (const [path, message] of faultsOf(body)) {
      context.addIssue({ code: 'custom', path, message })
    }
  })
  .openapi('StartRequest', {
    example: { type: 'room_composite', roomName: 'standup', layout: 'speaker', exclusive: true },
  })

/** The order that a valid body is. */
export function orderOf({ expiresAt, ...same }: Fields): StartOrder {
  return { ...same, expiresAtMs: expiresAt === undefined ? undefined : Date.parse(expiresAt) }
}
