// What really happened: the lives of a few egresses as LiveKit lives them (livekit.md §2.2), what each uploaded, and what
// LiveKit said of it. The same history is told in calm and in storm. Nothing here knows of webhooks that get lost.
import { factsOf } from '../../src/livekit/egress-info.ts'
import { directoryOf } from '../../src/recording/folders.ts'
import type { EgressFacts } from '../../src/recording/observation.ts'
import { tempPrefix } from './bucket.ts'
import type { Content } from './bucket.ts'
import { Random } from './random.ts'

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const mebibyte = 1024 * 1024

export const startMs = Date.UTC(2026, 0, 1)

/** One state of an egress: what LiveKit's list shows from then on, and the webhook of it. */
export interface Told {
  atMs: number
  event: 'egress_started' | 'egress_updated' | 'egress_ended'
  facts: EgressFacts
}

export interface Uploaded {
  atMs: number
  key: string
  /** LiveKit's name of it. */
  path: string
  role: 'media' | 'playlist' | 'live_playlist' | 'segment' | 'manifest'
  content: Content
  contentType: string
}

/** What became of an egress, in the order in which it happened. */
export interface Life {
  egressId: string
  shape: Shape
  told: Told[]
  uploads: Uploaded[]
  /** On every object that the egress wrote. */
  metadata: Record<string, string>
}

export interface History {
  lives: Life[]
  /** Nothing happens at LiveKit after this. */
  endMs: number
}

const shapes = [
  'complete',
  'complete',
  'complete',
  'limit-reached',
  'failed-with-file',
  'failed-without-file',
  'failed-file-not-told',
  'aborted',
  'complete-then-failed',
  'process-died',
  'second-run',
  'retried',
  'retried-with-two-files',
  'silent-with-file',
  'zombie',
  'empty-file',
  'other-size',
  'never-uploaded',
  'segments',
  'segments-and-file',
] as const
export type Shape = (typeof shapes)[number]

const names = [
  'video.mp4',
  'video.mp4',
  'a b+c.mp4',
  '100%.mp4',
  'what#is?it.mp4',
  `it's "quoted".mp4`,
  '会议记录.mp4',
  '🎥.mp4',
  // Decomposed: R2 would store it under the composed spelling.
  'cafe\u0301.mp4',
  'room.ogg',
] as const

/** The history of this seed. */
export function historyOf(seed: number): History {
  const random = new Random(seed)
  const count = random.pick([1, 1, 2, 3])
  const lives = Array.from({ length: count }, (_, index) => new Writer(random, seed, index).write())
  const ends = lives.flatMap((life) => [...life.told, ...life.uploads].map(({ atMs }) => atMs))
  return { lives, endMs: Math.max(...ends) }
}

type Json = Record<string, unknown>

interface Place {
  path: string
  key: string
}

class Writer {
  readonly #random: Random
  readonly #egressId: string
  readonly #shape: Shape
  readonly #folder: string
  readonly #prefixedByServer: boolean
  readonly #hasManifest: boolean
  readonly #isOneEnd: boolean
  readonly #startMs: number
  readonly #endMs: number
  readonly #told: Told[] = []
  readonly #uploads: Uploaded[] = []
  readonly #metadata: Record<string, string>
  #contents = 0

  constructor(random: Random, seed: number, index: number) {
    this.#random = random
    this.#egressId = `EG_storm${seed % 1_000_000}n${index}`
    this.#shape = random.pick(shapes)
    this.#folder = random.pick([
      `${this.#egressId}/`,
      `rec-${index}/`,
      'shared/',
      `deep/er/${index}//`,
    ])
    this.#prefixedByServer = random.chance(0.3)
    this.#hasManifest = random.chance(0.6)
    this.#isOneEnd = seed % 2 === 0
    this.#metadata = random.chance(0.2) ? { 'egress-id': this.#egressId } : {}
    this.#startMs = startMs + random.between(0, 6 * hourMs)
    this.#endMs = this.#startMs + random.between(minuteMs, 3 * hourMs)
  }

  write(): Life {
    this.#live()
    return {
      egressId: this.#egressId,
      shape: this.#shape,
      told: this.#told,
      uploads: this.#uploads,
      metadata: this.#metadata,
    }
  }

  #live(): void {
    const shape = this.#shape
    if (shape === 'segments') this.#segments(null)
    else if (shape === 'segments-and-file') this.#segments(this.#place(this.#random.pick(names)))
    else if (shape === 'retried' || shape === 'retried-with-two-files') this.#retried()
    else this.#singleFile(this.#place(this.#random.pick(names)))
  }

  #singleFile(place: Place): void {
    const random = this.#random
    const shape = this.#shape
    const guess = random.chance(0.15) ? this.#place('guess-1.mp4') : place
    this.#begin(guess, place)
    const uploadedMs = this.#endMs + random.between(secondMs, 5 * minuteMs)
    const toldMs = uploadedMs + 3 * secondMs
    const content = this.#content(shape === 'empty-file' ? 0 : this.#fileBytes())
    const said = shape === 'other-size' ? content.sizeBytes + 1 : content.sizeBytes
    const file = this.#fileResult(place, said || 1)
    const died = {
      fileResults: [{ filename: guess.path }],
      error: 'signal: killed',
      errorCode: 500,
    }
    const untold = (of: Place): Json => ({
      fileResults: [{ ...this.#fileResult(of, 0), location: '' }],
    })
    if (shape === 'zombie') return
    if (shape === 'aborted') {
      this.#end(toldMs, 'EGRESS_ABORTED', { ...untold(guess), error: 'stopped', errorCode: 412 })
    } else if (shape === 'failed-without-file') {
      this.#end(toldMs, 'EGRESS_FAILED', { ...untold(place), error: 'no upload', errorCode: 400 })
    } else if (shape === 'process-died') {
      this.#end(toldMs, 'EGRESS_FAILED', died)
    } else if (shape === 'never-uploaded') {
      this.#end(toldMs, 'EGRESS_COMPLETE', { fileResults: [file] })
    } else {
      this.#upload(uploadedMs, place, 'media', content)
      // The answer to the upload was lost: the same once more, which may come in when the first has long been moved.
      if (shape !== 'second-run' && random.chance(0.05)) {
        const againMs =
          uploadedMs + random.pick([secondMs, 10 * secondMs, 10 * minuteMs, 5 * hourMs])
        this.#upload(againMs, place, 'media', content)
      }
      this.#endWithFile(uploadedMs, place, file, died)
    }
  }

  #endWithFile(uploadedMs: number, place: Place, file: Json, died: Json): void {
    const random = this.#random
    const shape = this.#shape
    const toldMs = uploadedMs + 3 * secondMs
    if (shape === 'silent-with-file') return
    if (shape === 'failed-file-not-told') {
      this.#end(toldMs, 'EGRESS_FAILED', { ...died, fileResults: [{ filename: place.path }] })
      return
    }
    const whole = {
      fileResults: [file],
      ...this.#manifest(uploadedMs + secondMs, [place], []),
    }
    if (shape === 'failed-with-file') {
      this.#end(toldMs, 'EGRESS_FAILED', { ...whole, error: 'room lost', errorCode: 503 })
    } else if (shape === 'limit-reached') {
      this.#end(toldMs, 'EGRESS_LIMIT_REACHED', { ...whole, error: 'limit', errorCode: 413 })
    } else this.#end(toldMs, 'EGRESS_COMPLETE', whole)
    if (shape === 'complete-then-failed') {
      this.#end(uploadedMs + random.between(4, 60) * secondMs, 'EGRESS_FAILED', died)
    }
    if (shape === 'second-run') this.#secondRun(place, uploadedMs)
  }

  /** The same egress once more, over the same file. */
  #secondRun(place: Place, firstMs: number): void {
    const random = this.#random
    const uploadedMs =
      firstMs + random.pick([10 * secondMs, 40 * secondMs, 10 * minuteMs, 2 * hourMs, 30 * hourMs])
    const content = this.#content(this.#fileBytes())
    this.#upload(uploadedMs, place, 'media', content)
    this.#end(uploadedMs + 3 * secondMs, 'EGRESS_COMPLETE', {
      fileResults: [this.#fileResult(place, content.sizeBytes)],
      ...this.#manifest(uploadedMs + secondMs, [place], []),
    })
  }

  /** LiveKit Cloud tries an egress again that failed (faults W23). */
  #retried(): void {
    const random = this.#random
    const first = this.#place('video.mp4')
    this.#begin(first, first)
    const failedMs = this.#endMs
    if (this.#shape === 'retried-with-two-files') {
      const content = this.#content(this.#fileBytes())
      this.#upload(failedMs - 2 * secondMs, first, 'media', content)
      this.#end(failedMs, 'EGRESS_FAILED', {
        fileResults: [this.#fileResult(first, content.sizeBytes)],
        error: 'room connection failed',
        errorCode: 503,
      })
    } else {
      this.#end(failedMs, 'EGRESS_FAILED', {
        fileResults: [{ filename: first.path }],
        error: 'page load',
        errorCode: 500,
      })
    }
    const second = this.#place('video-1.mp4')
    const retry = { retryCount: 1, fileResults: [{ filename: second.path }] }
    this.#tell(failedMs + 5 * secondMs, 'egress_updated', 'EGRESS_ACTIVE', retry)
    const uploadedMs = failedMs + random.between(minuteMs, 2 * hourMs)
    const content = this.#content(this.#fileBytes())
    this.#upload(uploadedMs, second, 'media', content)
    this.#end(uploadedMs + 3 * secondMs, 'EGRESS_COMPLETE', {
      retryCount: 1,
      fileResults: [this.#fileResult(second, content.sizeBytes)],
      ...this.#manifest(uploadedMs + secondMs, [second], []),
    })
  }

  #segments(file: Place | null): void {
    const random = this.#random
    const folder = `${this.#egressId}-hls/`
    const playlist = this.#place('index.m3u8', folder)
    const live = random.chance(0.4) ? this.#place('live.m3u8', folder) : null
    const files = file === null ? {} : { fileResults: [{ filename: file.path }] }
    const segmentResult: Json = {
      playlistName: playlist.path,
      ...(live === null ? {} : { livePlaylistName: live.path }),
    }
    this.#tell(this.#startMs, 'egress_started', 'EGRESS_STARTING', {
      ...files,
      segmentResults: [segmentResult],
    })
    this.#tell(this.#startMs + 2 * secondMs, 'egress_updated', 'EGRESS_ACTIVE', {
      ...files,
      segmentResults: [segmentResult],
    })
    const count = random.between(1, 14)
    const missing = random.chance(0.3) ? random.between(0, count - 1) : -1
    const segments = Array.from({ length: count }, (_, index) =>
      this.#place(`seg_${String(index).padStart(5, '0')}.ts`, folder),
    )
    const lengthMs = this.#endMs - this.#startMs
    for (const [index, segment] of segments.entries()) {
      if (index === missing) continue
      const atMs = this.#startMs + Math.floor((lengthMs * (index + 1)) / count)
      this.#upload(atMs, segment, 'segment', this.#content(random.between(1, 5000)))
    }
    const uploadedMs = this.#endMs + random.between(secondMs, minuteMs)
    const text = [
      '#EXTM3U',
      '#EXT-X-VERSION:4',
      '#EXT-X-PLAYLIST-TYPE:EVENT',
      ...segments.flatMap(({ key }) => ['#EXTINF:4,', key.slice(key.lastIndexOf('/') + 1)]),
      '#EXT-X-ENDLIST',
    ].join('\n')
    this.#upload(uploadedMs, playlist, 'playlist', { ...this.#content(text.length), text })
    if (live !== null) {
      // The last segments of all, and no word of its kind; of a short recording it may be the longer one.
      const last = text.replace(
        'PLAYLIST-TYPE:EVENT',
        `MEDIA-SEQUENCE:${random.between(0, 10 ** 9)}`,
      )
      this.#upload(uploadedMs, live, 'live_playlist', { ...this.#content(last.length), text: last })
    }
    const content = this.#content(this.#fileBytes())
    if (file !== null) this.#upload(uploadedMs, file, 'media', content)
    this.#end(uploadedMs + 3 * secondMs, 'EGRESS_COMPLETE', {
      ...(file === null ? {} : { fileResults: [this.#fileResult(file, content.sizeBytes)] }),
      segmentResults: [
        {
          ...segmentResult,
          playlistLocation: `https://store/${playlist.key}`,
          ...(live === null ? {} : { livePlaylistLocation: `https://store/${live.key}` }),
          segmentCount: String(count),
          size: '5000',
          duration: nanos(lengthMs),
        },
      ],
      ...this.#manifest(uploadedMs + secondMs, file === null ? [] : [file], [[playlist, segments]]),
    })
  }

  #begin(guess: Place, place: Place): void {
    const random = this.#random
    this.#tell(this.#startMs, 'egress_started', 'EGRESS_STARTING', {
      fileResults: [{ filename: guess.path }],
    })
    if (this.#shape === 'aborted') return
    const named = { fileResults: [{ filename: place.path, startedAt: nanos(this.#startMs) }] }
    // ACTIVE and ENDING may never be sent (livekit.md §0.4).
    if (random.chance(0.9)) {
      this.#tell(this.#startMs + 2 * secondMs, 'egress_updated', 'EGRESS_ACTIVE', named)
    }
    if (this.#shape !== 'limit-reached' && this.#shape !== 'zombie' && random.chance(0.8)) {
      this.#tell(this.#endMs, 'egress_updated', 'EGRESS_ENDING', named)
    }
  }

  #end(atMs: number, status: string, more: Json): void {
    this.#tell(atMs, 'egress_ended', status, { endedAt: nanos(atMs), ...more })
  }

  #tell(atMs: number, event: Told['event'], status: string, more: Json): void {
    const info = {
      egressId: this.#egressId,
      roomId: 'RM_storm',
      roomName: 'standup',
      ...(status === 'EGRESS_STARTING' ? {} : { status }),
      startedAt: nanos(this.#startMs),
      updatedAt: nanos(atMs),
      roomComposite: { roomName: 'standup', fileOutputs: [{ fileType: 'MP4' }] },
      ...more,
    }
    this.#told.push({ atMs, event, facts: factsOf(info) })
  }

  #manifest(atMs: number, files: Place[], playlists: [Place, Place[]][]): Json {
    if (!this.#hasManifest) return {}
    const of = files[0] ?? playlists[0]?.[0]
    if (of === undefined) return {}
    const text = `${JSON.stringify({
      egress_id: this.#egressId,
      room_name: 'standup',
      started_at: this.#startMs,
      ended_at: atMs,
      files: files.map(({ path, key }) => ({ filename: path, location: `https://store/${key}` })),
      playlists: playlists.map(([playlist, segments]) => ({
        location: `https://store/${playlist.key}`,
        segments: segments.map(({ path }) => ({ filename: path })),
      })),
    }).replaceAll(/(_at":\d+)/g, (ms) => `${ms}000000`)}\n`
    const name = `${this.#egressId}.json`
    const place = { path: directoryOf(of.path) + name, key: directoryOf(of.key) + name }
    this.#upload(atMs, place, 'manifest', { ...this.#content(text.length), text })
    const manifestLocation = `https://store/${place.key}`
    // One end stands in both, or that of the message is later: servers differ.
    return this.#isOneEnd ? { manifestLocation, endedAt: nanos(atMs) } : { manifestLocation }
  }

  #fileResult({ path, key }: Place, sizeBytes: number): Json {
    return {
      filename: path,
      startedAt: nanos(this.#startMs),
      endedAt: nanos(this.#endMs),
      duration: nanos(this.#endMs - this.#startMs),
      ...(sizeBytes > 0 ? { size: String(sizeBytes) } : {}),
      location: `https://store/${key}`,
    }
  }

  #upload(atMs: number, { path, key }: Place, role: Uploaded['role'], content: Content): void {
    const contentType = { manifest: 'application/json', segment: 'video/mp2t' }[role as string]
    this.#uploads.push({ atMs, key, path, role, content, contentType: contentType ?? 'video/mp4' })
  }

  #place(name: string, folder = this.#folder): Place {
    const own = `${folder}${folder === 'shared/' ? `${this.#egressId}-` : ''}${name}`
    const key = `${tempPrefix}${own}`.replaceAll(/\/+/g, '/')
    return { path: this.#prefixedByServer ? own : `${tempPrefix}${own}`, key }
  }

  #content(sizeBytes: number): Content {
    this.#contents += 1
    const content = `${this.#egressId}-c${this.#contents}`
    return { content, sizeBytes, text: null, isMultipart: sizeBytes > mebibyte }
  }

  /** Few different sizes, so that two runs are of one size at times. */
  #fileBytes(): number {
    return this.#random.pick([1000, 1000, 50_000, 1.5 * mebibyte, 2.5 * mebibyte, 4 * mebibyte])
  }
}

function nanos(ms: number): string {
  return `${ms}000000`
}
