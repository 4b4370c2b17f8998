// The outside worlds as the step loop needs them. The Worker gives it the real ones, a simulation its fakes; the
// decisions are the same code. Every method may throw a `Trouble`: the world is out of order, try again later.
import type { EgressFacts } from './observation.ts'
import type { Recording } from './recording.ts'
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

export interface Store {
  /** True when the store itself refuses to overwrite an existing final object. */
  readonly guardsDestination: boolean
  head(key: string): Promise<SourceObject | null>
  copy(request: CopyRequest): Promise<CopyOutcome>
  /** Deletes the object, where the store can only if it still has this ETag. Done twice is done. */
  remove(key: string, etag: string): Promise<void>
}

export interface LiveKit {
  /** What LiveKit says of one egress; `null` when it says that there is no such egress. */
  egress(egressId: string): Promise<EgressFacts | null>
}

export interface Catalogue {
  /** Writes the row unless the catalogue has a greater revision of it. */
  put(recording: Recording, revision: number): Promise<void>
}

export interface Clock {
  nowMs(): number
  /** Between 0 and 1. */
  random(): number
}
