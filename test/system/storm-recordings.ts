// The twenty recordings of the storm on real processes: what each egress uploaded, what LiveKit says of it, and which of the
// witnesses is certain to be heard. One of them always is, or nobody could know whose the file is; which one, and what
// becomes of the others, is drawn from the seed.
import { egressEvent, uploaded } from '../egress-events.ts'
import type { Recorded } from '../egress-events.ts'
import {
  manifestKey,
  manifestText,
  playlistText,
  segmentNames,
  segmentsInfo,
} from '../egress-files.ts'
import { backupBytes } from '../outside/backup.ts'
import { asTwirp } from '../outside/livekit.ts'
import type { Random } from '../storm/random.ts'

const mebibyte = 1024 * 1024
/** Copied in parts. */
const largeBytes = 11 * mebibyte
/** Pulled home in two parts. */
const backupSizeBytes = 17 * mebibyte
/** LiveKit's own delivery, and the look at its list after it, are left so much time. */
const endedAgoMs = 180_000

export type Witness = 'webhook' | 'livekit' | 'manifest' | 'object'

export interface Uploaded {
  key: string
  body: string | Uint8Array
  contentType: string
}

export interface StormRecording extends Recorded {
  shape: Shape
  certain: Witness
  /** In the order in which LiveKit sends them. */
  webhooks: Record<string, unknown>[]
  /** What LiveKit's list has of it; `null` when it forgot. */
  listed: Record<string, unknown> | null
  /** What has to be in its final folder in the end, and nothing of it in the temp folder. */
  media: Uploaded[]
  manifest: Uploaded | null
  /** Its file lies in LiveKit's backup storage, by this path. */
  backup: { path: string; sizeBytes: number } | null
  status: 'ready' | 'failed'
}

const deck = [
  ['complete', 5],
  ['audio', 1],
  ['limit-reached', 1],
  ['failed-with-file', 2],
  ['complete-then-failed', 1],
  ['large', 2],
  ['segments', 2],
  ['segments-and-live', 1],
  ['segments-and-file', 1],
  ['images-and-file', 1],
  ['backup', 2],
  ['failed', 1],
] as const
type Shape = (typeof deck)[number][0]

/** Which witnesses can know all of it. Nothing but LiveKit itself tells of live playlists, images and its backup storage. */
const witnesses: Record<Shape, [Witness, ...Witness[]]> = {
  complete: ['webhook', 'livekit', 'manifest', 'object'],
  audio: ['webhook', 'livekit', 'manifest', 'object'],
  'limit-reached': ['webhook', 'livekit', 'manifest', 'object'],
  'failed-with-file': ['webhook', 'livekit', 'manifest', 'object'],
  'complete-then-failed': ['webhook', 'livekit', 'manifest', 'object'],
  large: ['webhook', 'livekit', 'manifest', 'object'],
  segments: ['webhook', 'livekit', 'manifest', 'object'],
  'segments-and-live': ['webhook', 'livekit'],
  'segments-and-file': ['webhook', 'livekit', 'manifest'],
  'images-and-file': ['webhook', 'livekit'],
  backup: ['webhook', 'livekit'],
  failed: ['webhook', 'livekit'],
}

const names = [
  'video.mp4',
  'a b+c.mp4',
  '100%.mp4',
  'what#is?it.mp4',
  `it's "quoted".mp4`,
  '会议记录.mp4',
  '🎥.mp4',
] as const

/** @param backupOrigin where LiveKit's backup storage answers */
export function stormRecordings(random: Random, backupOrigin: string): StormRecording[] {
  const shapes = deck.flatMap(([shape, count]) => Array.from({ length: count }, () => shape))
  return shapes.map((shape, index) => stormRecording(random, shape, index, backupOrigin))
}

function stormRecording(
  random: Random,
  shape: Shape,
  index: number,
  backupOrigin: string,
): StormRecording {
  // Of its own in each run: the store of the tests outlives it.
  const egressId = `EG_${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`
  const certain = random.pick(witnesses[shape])
  const name = shape === 'audio' ? 'audio.ogg' : random.pick(names)
  const folder = `temp/${egressId}/`
  const hasPlaylist = shape.startsWith('segments')
  const media: Uploaded[] = []
  const hasFile = !['segments', 'segments-and-live', 'backup', 'failed'].includes(shape)
  const body = `the bytes of ${egressId}, ${index};`
  if (hasFile) {
    const bytes = shape === 'large' ? body.repeat(Math.ceil(largeBytes / body.length)) : body
    media.push({ key: `${folder}${name}`, body: bytes, contentType: 'video/mp4' })
  }
  const endedAtMs = Date.now() - endedAgoMs
  const recorded: Recorded = {
    egressId,
    roomName: 'standup',
    filename: `${folder}${name}`,
    sizeBytes: shape === 'backup' ? backupSizeBytes : (media[0]?.body.length ?? 0),
    startedAtMs: endedAtMs - 60_000,
    endedAtMs,
  }
  const list = { ...recorded, filename: `${folder}index.m3u8` }
  const segments = hasPlaylist ? segmentNames(random.between(1, 9)) : []
  for (const segment of segments) {
    const contentType = 'video/mp2t'
    media.push({ key: `${folder}${segment}`, body: `${body} ${segment}`, contentType })
  }
  const listType = 'application/x-mpegurl'
  if (hasPlaylist)
    media.push({ key: list.filename, body: playlistText(segments), contentType: listType })
  const live = shape === 'segments-and-live' ? `${folder}live.m3u8` : null
  if (live !== null)
    media.push({
      key: live,
      body: `${playlistText(segments.slice(-5))}#EXT-X-MEDIA-SEQUENCE:1\n`,
      contentType: listType,
    })
  const images = shape === 'images-and-file' ? ['thumb_00000.jpeg', 'thumb_00001.jpeg'] : []
  for (const image of images)
    media.push({ key: `${folder}${image}`, body: `${body} ${image}`, contentType: 'image/jpeg' })
  const path = `/backup/${egressId}`
  const results = {
    fileResults: hasFile ? [uploaded(recorded)] : [],
    ...(hasPlaylist
      ? {
          segmentResults: [
            segmentsInfo(
              list,
              live === null
                ? {}
                : { livePlaylistName: live, livePlaylistLocation: `https://store.example/${live}` },
            ),
          ],
        }
      : {}),
    ...(images.length > 0
      ? { imageResults: [{ filenamePrefix: `${folder}thumb`, imageCount: String(images.length) }] }
      : {}),
    ...(shape === 'backup'
      ? {
          backupStorageUsed: true,
          fileResults: [
            {
              ...uploaded(recorded),
              location: `${backupOrigin}${path}?X-Amz-Signature=of-the-storm`,
            },
          ],
        }
      : {}),
    ...(shape === 'failed' ? { fileResults: [], error: 'Start signal not received' } : {}),
  }
  const hasManifest =
    media.length > 0 && images.length === 0 && (certain === 'manifest' || random.chance(0.5))
  const begun = hasPlaylist
    ? {
        fileResults: hasFile ? [{ filename: recorded.filename }] : [],
        segmentResults: [{ playlistName: list.filename }],
      }
    : {}
  const webhooks = webhooksOf(shape, recorded, begun, results)
  // An egress without a file that LiveKit denies is none: that is what its test events look like.
  const forgets = certain !== 'livekit' && shape !== 'failed' && random.chance(0.5)
  return {
    ...recorded,
    shape,
    certain,
    webhooks,
    listed: forgets ? null : (asTwirp(webhooks.at(-1)?.['egressInfo']) as Record<string, unknown>),
    media,
    manifest: hasManifest
      ? {
          key: manifestKey(recorded),
          body: manifestText(recorded, {
            files: hasFile ? [{ filename: recorded.filename }] : [],
            playlists: hasPlaylist
              ? [
                  {
                    location: `https://store.example/recordings/${list.filename}`,
                    segments: segments.map((segment) => ({ filename: `${folder}${segment}` })),
                  },
                ]
              : [],
          }),
          contentType: 'application/json',
        }
      : null,
    backup: shape === 'backup' ? { path, sizeBytes: backupSizeBytes } : null,
    status: shape === 'failed' ? 'failed' : 'ready',
  }
}

const ends: Partial<Record<Shape, string>> = {
  'limit-reached': 'EGRESS_LIMIT_REACHED',
  'failed-with-file': 'EGRESS_FAILED',
  failed: 'EGRESS_FAILED',
}

function webhooksOf(
  shape: Shape,
  recorded: Recorded,
  begun: Record<string, unknown>,
  results: Record<string, unknown>,
): Record<string, unknown>[] {
  const life = [
    egressEvent('egress_started', 'EGRESS_STARTING', recorded, begun),
    egressEvent('egress_updated', 'EGRESS_ACTIVE', recorded, begun),
    egressEvent('egress_updated', 'EGRESS_ENDING', recorded, begun),
    egressEvent('egress_ended', ends[shape] ?? 'EGRESS_COMPLETE', recorded, results),
  ]
  if (shape !== 'complete-then-failed') return life
  // The service says FAILED over it, with nothing but what it knew in the beginning (livekit.md §2.2).
  const died = { ...recorded, endedAtMs: recorded.endedAtMs + 2_000 }
  const { filename } = recorded
  const words = { error: 'signal: killed', errorCode: 500, fileResults: [{ filename }] }
  return [...life, egressEvent('egress_ended', 'EGRESS_FAILED', died, words)]
}

/** The bytes of it that have to be in the final folder, as text. */
export function finalBodies({ media, backup }: StormRecording): string[] {
  const pulled = backup === null ? [] : [backupBytes(0, backup.sizeBytes - 1)]
  return [...media.map(({ body }) => body), ...pulled].map((body) =>
    Buffer.from(body).toString('latin1'),
  )
}
