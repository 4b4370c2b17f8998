// What the object of one egress keeps: the evidence, and the work that it leads to. Evidence (`seen`) is a join and may
// arrive in any order; work is changed by the object alone, one step at a time. Plain JSON, versioned by `version`.
import type { FileKind } from './observation.ts'
import { nothingSeen } from './seen.ts'
import type { Seen } from './seen.ts'

/** Trouble with one outside world: how often in a row, until when nothing is tried, and its own words. */
export interface Pause {
  attempts: number
  untilMs: number
  fault: Fault | null
}

/** What went wrong, in a stable code and in the words of whoever refused. */
export interface Fault {
  code: string
  message: string
}

export const noPause: Pause = { attempts: 0, untilMs: 0, fault: null }

/**
 * expected → in_temp → moving → final (verified), then the temp object is removed. `missing`: not found within the grace
 * period. `quarantined`: found, but not what LiveKit said. `absent`: never promised, looked for, not there.
 */
export type FileState =
  | 'expected'
  | 'in_temp'
  | 'moving'
  | 'final'
  | 'missing'
  | 'quarantined'
  | 'absent'

/** The object that LiveKit wrote, as found in the temp folder. */
export interface SourceObject {
  key: string
  etag: string
  sizeBytes: number
  lastModifiedMs: number
  contentType: string | null
  /** The `x-amz-meta-…` of the object, names in lower case without that prefix. */
  metadata: Record<string, string>
}

/** A multipart copy: what is done of it survives a crash, and the next part is the only one that is lost. */
export interface Upload {
  uploadId: string
  partBytes: number
  /** ETags of the parts that are done, in order. */
  etags: string[]
}

/** S3's limit: at most so many parts, all but the last of one size (s3.md §3.8). */
const mostParts = 10_000
export const mebibyte = 1024 * 1024

/** Parts as large as wanted, or larger where the file would have too many of them. */
export function partBytesOf(sizeBytes: number, wantedBytes: number): number {
  return Math.max(wantedBytes, Math.ceil(sizeBytes / mostParts / mebibyte) * mebibyte)
}

/** Stands for the ETag of a source that is no object of the bucket but a file in LiveKit's backup storage. */
export const backupEtag = 'backup'

/** True when a file is, or was, pulled out of LiveKit's backup storage. */
export function isBackup(file: FileWork): boolean {
  return file.source?.etag === backupEtag
}

export interface FileWork {
  /** Unique in the recording; the last part of the final key. */
  name: string
  kind: FileKind
  /** LiveKit's path of it. Two works with one path are two runs that wrote to the same place. */
  path: string
  /** The end of the run that it was looked for after; another end may mean another file at the same path. */
  terminalAtMs: number | null
  /** Its absence is no fault: a manifest, or a file that a failed egress never promised. */
  optional: boolean
  state: FileState
  source: SourceObject | null
  /** The multipart copy under way; `null` for a file that one request can copy. */
  upload: Upload | null
  /** An upload that was given up and has to be told so. */
  abandoned: { key: string; uploadId: string } | null
  /** The store accepted the copy, or may have; nothing is believed before the final object was looked at. */
  copyAsked: boolean
  final: { key: string; etag: string; sizeBytes: number } | null
  tempRemoved: boolean
  /** Another object lay at the temp key when this one was to be removed, or may have lain there: a second run. */
  overwritten: boolean
  /** Somebody could not load it: its final object is to be looked at. */
  isDoubted?: true
  /** What the first look disagreed about; a second look with the same result settles it. */
  doubt: string | null
  pause: Pause
}

/**
 * Many small files that belong together: the segments of a playlist, the images of an output. Too many for a work each, so
 * they are copied in bounded steps, looked at again, and removed in a second pass.
 */
export interface FolderWork {
  /** LiveKit's path: of the playlist, or the beginning of the images' names. */
  path: string
  /** Which of the playlists, or of the runs of images, that were written to this path: LiveKit can run one egress twice. */
  run: number
  /** Its folder in the recording's own: empty, or a folder of its own where names would meet those of another. */
  place: string
  /**
   * The version of the playlist that the names are taken from; another version is walked from its beginning. Of images: the
   * end of the run that they were looked for after.
   */
  version: string | null
  kind: 'segments' | 'images'
  /** `copied`: every file that is there lies in the final folder. `done`: the temp files are removed. */
  state: 'expected' | 'copying' | 'copied' | 'removing' | 'done'
  /** How far the present pass has come: files behind it, and the last key of a listing. */
  position: { files: number; afterKey: string | null }
  /** How many files there are, once known. */
  total: number | null
  doneBytes: number
  /** The playlist has its end mark. */
  isClosed: boolean
  /** Files that the playlist names and the bucket lacks: at most {@link mostMissingNames} by name. */
  missing: string[]
  missingCount: number
  /** First names of the images, for the list of files. */
  names: string[]
  pause: Pause
}

export const mostMissingNames = 100
export const mostImageNames = 100

/** What the object concluded from silence. It holds only as long as the evidence that it was drawn from. */
export interface Conclusion {
  as: 'lost' | 'ghost' | 'ended'
  atMs: number
  evidence: string
}

/** How far the removal of everything has come. */
export interface Removal {
  pause: Pause
  /** The evidence that it goes by; other evidence begins it anew. */
  of: string | null
  /** Place in the list of what is to be removed, and in the present part of it. */
  scope: number
  files: number
  afterKey: string | null
  /** Objects removed in this pass, and in all of them. */
  removed: number
  total: number
  /** Passes that are over; the last one has to find nothing. */
  passes: number
  /** The evidence for which nothing was left. */
  doneFor: string | null
}

export const noRemoval: Removal = {
  pause: noPause,
  of: null,
  scope: 0,
  files: 0,
  afterKey: null,
  removed: 0,
  total: 0,
  passes: 0,
  doneFor: null,
}

export interface RecordingState {
  version: 1
  egressId: string
  seen: Seen
  files: FileWork[]
  folders: FolderWork[]
  conclusion: Conclusion | null
  livekit: {
    pause: Pause
    askedAtMs: number | null
    /** Since when LiveKit has been saying that there is no such egress, and how often it said so. */
    goneSinceMs: number | null
    goneAnswers: number
    /** Somebody asked for a look now, whatever was heard last. */
    isWanted: boolean
  }
  /** The start of ours that LiveKit's echo names: asked for what was wished of it; `unknownId`: there never was such a one. */
  start: { pause: Pause; unknownId: string | null }
  /** When LiveKit last took our word to end the egress. */
  stop: { pause: Pause; sentAtMs: number | null }
  removal: Removal
  /** Looks into the bucket for a file whose end nobody told of. */
  probe: {
    pause: Pause
    probedAtMs: number | null
    /** Playlists that LiveKit never named and that were read: it is known which of them is the list of all segments. */
    readLists?: string[]
  }
  /** What the registry of all egresses has of this one: nothing that is known, that it has work to do, or none. */
  registry: { pause: Pause; entry: 'none' | 'open' | 'closed' }
  catalogue: {
    pause: Pause
    /** Temp keys that the catalogue knows to be this recording's. */
    claims: string[]
    /** Greatest revision ever sent; the catalogue refuses a smaller one. */
    revision: number
    /** The row as it stands in the catalogue, as JSON; `null` before the first. */
    published: string | null
    /** A write is under way, or failed and may be done all the same, even later: the row is written again. */
    isUnsure: boolean
  }
  /** Number of journal entries written. */
  sequence: number
}

export function newState(egressId: string): RecordingState {
  return {
    version: 1,
    egressId,
    seen: nothingSeen,
    files: [],
    folders: [],
    conclusion: null,
    livekit: {
      pause: noPause,
      askedAtMs: null,
      goneSinceMs: null,
      goneAnswers: 0,
      isWanted: false,
    },
    start: { pause: noPause, unknownId: null },
    stop: { pause: noPause, sentAtMs: null },
    removal: noRemoval,
    probe: { pause: noPause, probedAtMs: null },
    registry: { pause: noPause, entry: 'none' },
    catalogue: { pause: noPause, claims: [], revision: 0, published: null, isUnsure: false },
    sequence: 0,
  }
}

/** What the decisions depend on besides the state. */
export interface Settings {
  tempPrefix: string
  finalPrefix: string
  bucket: string
  /** Above this a file is copied in parts. */
  multipartAboveBytes: number
  partBytes: number
  /** Requests to the outside that one go may make. */
  subrequests: number
  silentAfterMs: number
  graceMs: number
  maxSessionMs: number
  /** How long a recording whose time is over can be restored. */
  trashMs: number
}

/** A line of the journal: an observation, a decision or a step. */
export interface Entry {
  atMs: number
  source: string
  type: string
  detail: Record<string, unknown>
}

/** A pause without end: only new evidence, or a person, brings the work back. */
export const neverMs = Number.MAX_SAFE_INTEGER

const firstPauseMs = 1_000
const longestPauseMs = 10 * 60_000

/**
 * The pause after one more failure: doubled each time up to ten minutes, and shortened by up to a half at random, so that
 * a thousand recordings that failed together do not come back together.
 * @param random between 0 and 1
 */
export function pauseAfter(pause: Pause, fault: Fault, nowMs: number, random: number): Pause {
  const attempts = pause.attempts + 1
  const longestMs = Math.min(firstPauseMs * 2 ** Math.min(attempts - 1, 20), longestPauseMs)
  return { attempts, untilMs: nowMs + Math.round(longestMs * (1 - random / 2)), fault }
}
