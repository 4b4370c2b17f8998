// What an isolate remembers for its players, and for how long. Everything in it can be had again from a token, the
// catalogue or the store; it exists so that a player who asks for its hundredth segment costs no signature check, no
// query and no signing. What takes a link back (revoked, deleted) is therefore late by `rememberedMs` at most.
import type { Config } from '../config.ts'
import { SegmentSigner } from '../playback/live.ts'
import { Memory } from '../playback/memory.ts'
import type { PlaybackClaims } from '../playback/token.ts'
import type { Recording } from '../recording/recording.ts'
import { S3 } from '../storage/s3.ts'

/** Ready recordings, with what is known of the link. */
export const rememberedMs = 10_000
/** A verified token stays verified; when it ends is looked at each time. */
export const tokenRememberedMs = 300_000
/** A live playlist changes with every segment; a thousand viewers are not a thousand reads. */
export const liveRememberedMs = 1_000

export interface Opened {
  recording: Recording
  maxPlays: number | null
  /** When the link itself ends is in the token. */
  isRevoked: boolean
}

export interface PlaylistText {
  text: string
  etag: string
}

export class PlayerMemory {
  readonly tokens = new Memory<PlaybackClaims>(1_000)
  readonly opened = new Memory<Opened>(500)
  /** Presigned URLs, by all that they were made of. */
  readonly urls = new Memory<string>(2_000)
  /** A playlist of twelve hours has some hundred kilobytes. */
  readonly playlists = new Memory<PlaylistText>(40)
  /** Recordings whose final files were looked at a moment ago. */
  readonly looked = new Memory<true>(500)
  readonly store: S3
  readonly segments: SegmentSigner

  constructor(config: Config) {
    this.store = new S3(config.storage)
    this.segments = new SegmentSigner(config.playbackSecret)
  }

  clear(): void {
    for (const memory of [this.tokens, this.opened, this.urls, this.playlists, this.looked])
      memory.clear()
  }
}

const memories = new WeakMap<Config, PlayerMemory>()

/** The memory that belongs to a configuration: with other secrets nothing remembered is true. */
export function playerMemory(config: Config): PlayerMemory {
  let memory = memories.get(config)
  if (memory === undefined) {
    memory = new PlayerMemory(config)
    memories.set(config, memory)
  }
  return memory
}

/** What an opened link is remembered by. */
export function openedKey(egressId: string, linkId: string | null): string {
  return linkId === null ? egressId : `${egressId} ${linkId}`
}
