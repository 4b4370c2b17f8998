// A bucket in memory that can be any kind of store: with or without conditions and guards, with ETags that are hashes, ETags
// that change with a copy, or none. It fails a test at once when a DELETE would remove bytes that lie nowhere else.
import type { CopyOutcome, CopyRequest, Store } from '../../src/recording/ports.ts'
import type { SourceObject } from '../../src/recording/state.ts'

export interface StoreKind {
  /** Refuses to overwrite a final object, as R2 and AWS can be told. */
  guardsDestination: boolean
  /** Refuses to copy or delete another object than the one that was found. */
  keepsConditions: boolean
  /** `hash`: of the bytes, equal in a copy. `parts`: of an upload in parts, another in a copy. */
  etags: 'hash' | 'parts' | 'none'
}

export const storeKinds: StoreKind[] = [true, false].flatMap((guardsDestination) =>
  [true, false].flatMap((keepsConditions) =>
    (['hash', 'parts', 'none'] as const).map((etags) => ({
      guardsDestination,
      keepsConditions,
      etags,
    })),
  ),
)

interface StoredObject extends SourceObject {
  bytes: string
}

/** What happens around one request: before the store acts, or before its answer arrives. */
export type Around = (request: string, act: () => void) => void

export class MemoryStore implements Store {
  readonly guardsDestination: boolean
  /** The requests that came, in order. */
  readonly requests: string[] = []
  around: Around = (_, act) => act()
  /** Answers 412 to every condition of a DELETE, whether it holds or not. */
  refusesDeletes = false
  readonly #kind: StoreKind
  readonly #objects = new Map<string, StoredObject>()
  #nowMs = Date.UTC(2026, 0, 1)

  constructor(kind: StoreKind) {
    this.#kind = kind
    this.guardsDestination = kind.guardsDestination
  }

  /** LiveKit uploads. */
  put(key: string, bytes: string): void {
    this.#store(key, bytes, this.#etag(bytes, 'uploaded'), {}, 'video/mp4')
  }

  /** Where it cannot, an object that is written between our last look and our DELETE is lost: nobody can help that. */
  get deletesConditionally(): boolean {
    return this.#kind.keepsConditions && this.#kind.etags !== 'none'
  }

  bytesAt(key: string): string | null {
    return this.#objects.get(key)?.bytes ?? null
  }

  keysUnder(prefix: string): string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).toSorted()
  }

  /** The keys in the final folder that hold these bytes. */
  finalKeysOf(bytes: string): string[] {
    return this.keysUnder('recordings/').filter((key) => this.bytesAt(key) === bytes)
  }

  async head(key: string): Promise<SourceObject | null> {
    return this.#answer(`HEAD ${key}`, () => {
      const { bytes: _, ...found } = this.#objects.get(key) ?? { bytes: null }
      return 'key' in found ? found : null
    })
  }

  async copy({ source, finalKey, metadata, contentType, replaces }: CopyRequest) {
    return this.#answer(`COPY ${finalKey}`, (): CopyOutcome => {
      const temp = this.#objects.get(source.key)
      if (temp === undefined) return 'source-gone'
      if (this.#kind.keepsConditions && temp.etag !== source.etag) return 'refused'
      if (this.guardsDestination && !replaces && this.#objects.has(finalKey)) return 'refused'
      this.#store(finalKey, temp.bytes, this.#etag(temp.bytes, 'copied'), metadata, contentType)
      return 'copied'
    })
  }

  async remove(key: string, etag: string): Promise<'removed' | 'refused'> {
    return this.#answer(`DELETE ${key}`, () => {
      if (this.refusesDeletes && etag !== '') return 'refused'
      const bytes = this.bytesAt(key)
      if (this.deletesConditionally && etag !== '' && this.#objects.get(key)?.etag !== etag)
        return 'refused'

      if (!key.startsWith('temp/')) throw new Error(`${key} was deleted outside the temp folder`)
      if (bytes !== null && this.finalKeysOf(bytes).length === 0)
        throw new Error(`${key} was deleted, and its bytes lie nowhere else`)
      this.#objects.delete(key)
      return 'removed'
    })
  }

  list = notPlanned
  text = notPlanned
  openUploads = notPlanned
  beginUpload = notPlanned
  copyPart = notPlanned
  uploadPart = notPlanned
  completeUpload = notPlanned
  abortUpload = notPlanned

  #answer<T>(request: string, act: () => T): T {
    this.requests.push(request)
    let answer: { value: T } | undefined
    this.around(request, () => {
      answer = { value: act() }
    })
    if (answer === undefined) throw new Error(`${request} was not answered`)
    return answer.value
  }

  #etag(bytes: string, origin: 'uploaded' | 'copied'): string {
    if (this.#kind.etags === 'none') return ''
    return this.#kind.etags === 'hash' ? `hash of ${bytes}` : `${origin} ${bytes}`
  }

  /** Stores tell the time of an object in whole seconds; every write is a second later here. */
  #store(
    key: string,
    bytes: string,
    etag: string,
    metadata: Record<string, string>,
    contentType: string,
  ): void {
    this.#nowMs += 1_000
    const lastModifiedMs = this.#nowMs
    const sizeBytes = bytes.length
    this.#objects.set(key, { key, bytes, etag, sizeBytes, lastModifiedMs, contentType, metadata })
  }
}

async function notPlanned(): Promise<never> {
  throw new Error('small files are moved without this')
}
