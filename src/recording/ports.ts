// The outside worlds as the step loop needs them. The Worker gives it the real ones, a simulation its fakes; the
// decisions are the same code. Every method may throw a `Trouble`: the world is out of order, try again later.
import type { EgressFacts, ObjectFact } from './observation.ts'
import type { Recording } from './recording.ts'
import type { Started } from './start.ts'
import type { Fault, SourceObject } from './state.ts'

/** An outage, or a refusal by an outside world, in its own words. Anything else that is thrown is a bug. */
export class Trouble extends Error implements Fault {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Trouble'
    this.code = code
  }
}

export interface CopyRequest {
  source: SourceObject
  finalKey: string
  contentType: string
  contentDisposition: string
  metadata: Record<string, string>
  /** The final object, if there is one, is a copy of ours that did not pass: it may be replaced. */
  replaces: boolean
}

/** `refused`: a condition of the copy did not hold, at the source or at the destination. */
export type CopyOutcome = 'copied' | 'refused' | 'source-gone'

/** A part of a multipart upload: a range of bytes, both ends included. */
export interface Part {
  finalKey: string
  uploadId: string
  number: number
  from: number
  to: number
}

export interface ListPage {
  objects: ObjectFact[]
  /** Where the next page begins; `null` on the last one. */
  next: string | null
}

export interface Store {
  /** True when the store itself refuses to overwrite an existing final object. */
  readonly guardsDestination: boolean
  head(key: string): Promise<SourceObject | null>
  copy(request: CopyRequest): Promise<CopyOutcome>
  /**
   * Deletes the object, where the store can only if it still has this ETag; the empty one is no condition. Done twice is
   * done. `refused`: the store says that the condition does not hold.
   */
  remove(key: string, etag: string): Promise<'removed' | 'refused'>
  /** Ids of the multipart uploads to exactly this key that are open, as far as the store tells; a few at most. */
  openUploads(finalKey: string): Promise<string[]>
  list(query: { prefix: string; after: string | null; limit: number }): Promise<ListPage>
  /** The text of a small object; `null` when there is none. */
  text(key: string): Promise<string | null>
  /** Begins a multipart upload and gives its id. The source in the request is not touched. */
  beginUpload(request: CopyRequest): Promise<string>
  /** ETag of the part; `null` when the store knows no such upload. */
  copyPart(part: Part, source: SourceObject): Promise<string | null>
  uploadPart(part: Part, bytes: Uint8Array<ArrayBuffer>): Promise<string | null>
  /** False when the store knows no such upload: given up, or completed by a try whose answer was lost. */
  completeUpload(finalKey: string, uploadId: string, etags: string[]): Promise<boolean>
  /** Gives an upload up; done twice is done. */
  abortUpload(finalKey: string, uploadId: string): Promise<void>
}

/** LiveKit's backup storage. */
export interface Backup {
  /** Bytes of a file, both ends included, and how large the whole is. */
  read(
    url: string,
    from: number,
    to: number,
  ): Promise<{ bytes: Uint8Array<ArrayBuffer>; totalBytes: number }>
}

export interface LiveKit {
  /** What LiveKit says of one egress; `null` when it says that there is no such egress. */
  egress(egressId: string): Promise<EgressFacts | null>
  /** Asks LiveKit to end an egress; asking twice is asking once. */
  stop(egressId: string): Promise<StopAnswer>
}

/** `gone`: LiveKit says that it does not know it. */
export type StopAnswer = { kind: 'stopping'; facts: EgressFacts } | { kind: 'ended' | 'gone' }

/** Knows what was wished of each start of ours. */
export interface Starts {
  /** Says that this egress came of that start. `null` when there never was such a start. */
  claim(startId: string, egressId: string): Promise<Started | null>
}

export interface Catalogue {
  /**
   * Writes the row unless the catalogue has a greater revision of it.
   * @param claims temp keys and folders that are now known to be this recording's
   */
  put(recording: Recording, revision: number, claims: string[]): Promise<void>
}

/** Knows every egress that there ever was, so that a lost catalogue can be filled again and no sleeper is forgotten. */
export interface Registry {
  put(egressId: string, isOpen: boolean): Promise<void>
}

export interface Clock {
  nowMs(): number
  /** Between 0 and 1. */
  random(): number
}
