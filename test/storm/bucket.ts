// A bucket with the semantics of S3, as the stores of s3.md have them: conditions that hold or are ignored, multipart
// uploads, keys that are normalised or not, empty ETags, answers that lie. It judges each deletion at the moment when it is
// made, and bytes are names of contents: the same name is the same bytes.
import { directoryOf } from '../../src/recording/folders.ts'
import { isUnder } from '../../src/recording/keys.ts'
import type { CopyOutcome, CopyRequest, ListPage, Part, Store } from '../../src/recording/ports.ts'
import type { SourceObject } from '../../src/recording/state.ts'
import { Broken } from './world.ts'
import type { World } from './world.ts'

export interface StoreKind {
  /** Refuses to overwrite when asked to. */
  guardsDestination: boolean
  /** Takes no notice of `if-match`, neither on a copy nor on a deletion. */
  ignoresConditions: boolean
  /** Answers 412 to every condition of a deletion, whether it holds or not. */
  refusesDeletes: boolean
  /** Keys are NFC-normalised, as R2 has them. */
  normalisesKeys: boolean
  /** Gives no ETag at all. */
  hasNoEtags: boolean
  /** Lists give milliseconds, HEAD whole seconds. */
  listsMilliseconds: boolean
}

export interface StoredObject {
  key: string
  /** Name of the bytes. */
  content: string
  sizeBytes: number
  text: string | null
  etag: string
  lastModifiedMs: number
  contentType: string | null
  metadata: Record<string, string>
  /** Somebody looked at it since it was written. */
  isLookedAt: boolean
}

export interface Content {
  content: string
  sizeBytes: number
  text: string | null
  /** LiveKit uploads large files in parts, which shows in the ETag and is lost by a copy. */
  isMultipart: boolean
}

interface Upload {
  key: string
  request: CopyRequest
  parts: Map<number, { content: string; ofBytes: number; from: number; to: number; etag: string }>
}

export const tempPrefix = 'temp/'
export const finalPrefix = 'recordings/'

export class Bucket implements Store {
  readonly kind: StoreKind
  readonly objects = new Map<string, StoredObject>()
  /** Contents that LiveKit itself overwrote before anybody had copied them, or that a store deleted unasked. */
  readonly forgiven = new Set<string>()
  calls = 0
  readonly #world: World
  readonly #uploads = new Map<string, Upload>()
  readonly #isOver: (egressId: string) => boolean
  #uploadNumber = 0
  #sorted: string[] | null = null

  /** @param isOver true when a person wants everything of an egress gone by now */
  constructor(world: World, kind: StoreKind, isOver: (egressId: string) => boolean = () => false) {
    this.#world = world
    this.kind = kind
    this.#isOver = isOver
  }

  get guardsDestination(): boolean {
    return this.kind.guardsDestination
  }

  /** LiveKit puts an object. */
  put(key: string, content: Content, metadata: Record<string, string>, contentType: string): void {
    const before = this.objects.get(this.#name(key))
    if (before !== undefined && before.content !== content.content && !this.#isCopied(before)) {
      this.forgiven.add(before.content)
    }
    this.#world.tell(
      () => `LiveKit uploads ${key} (${content.content}, ${content.sizeBytes} bytes)`,
    )
    this.#write({
      key: this.#name(key),
      content: content.content,
      sizeBytes: content.sizeBytes,
      text: content.text,
      etag: this.#etag(content.isMultipart ? `${content.content}-2` : content.content),
      lastModifiedMs: this.#world.nowMs,
      contentType,
      metadata,
      isLookedAt: false,
    })
  }

  async head(key: string): Promise<SourceObject | null> {
    return this.#call(`HEAD ${key}`, () => {
      const found = this.objects.get(this.#name(key))
      if (found === undefined) return null
      found.isLookedAt = true
      const { etag, sizeBytes, contentType, metadata, lastModifiedMs } = found
      const wholeSecondMs = Math.floor(lastModifiedMs / 1000) * 1000
      return { key, etag, sizeBytes, lastModifiedMs: wholeSecondMs, contentType, metadata }
    })
  }

  async copy(request: CopyRequest): Promise<CopyOutcome> {
    const { source, finalKey, replaces } = request
    return this.#call(`COPY ${source.key} -> ${finalKey}`, (): CopyOutcome => {
      const from = this.objects.get(this.#name(source.key))
      if (from === undefined) return 'source-gone'
      const isOther = source.etag !== '' && from.etag !== source.etag
      if (isOther && !this.kind.ignoresConditions) return 'refused'
      const isTaken = this.objects.has(this.#name(finalKey))
      if (isTaken && !replaces && this.kind.guardsDestination) return 'refused'
      const { random, weather } = this.#world
      const isLie = random.chance(weather.lie)
      if (isLie) this.#world.tell(() => `the store lies about the copy ${finalKey}`)
      if (isLie && random.chance(0.5)) return 'copied'
      const content = isLie ? `half of ${from.content}` : from.content
      const sizeBytes = isLie ? Math.floor(from.sizeBytes / 2) : from.sizeBytes
      this.#writeFinal(request, content, sizeBytes, from.text, content)
      return 'copied'
    })
  }

  async remove(key: string, etag: string): Promise<'removed' | 'refused'> {
    return this.#call(`DELETE ${key}`, () => {
      if (etag !== '' && this.kind.refusesDeletes) return 'refused'
      const found = this.objects.get(this.#name(key))
      if (found === undefined) return 'removed'
      const isOther = etag !== '' && found.etag !== etag
      if (isOther && !this.kind.ignoresConditions) return 'refused'
      this.#judge(found, isOther || etag === '')
      this.objects.delete(found.key)
      this.#sorted = null
      return 'removed'
    })
  }

  async openUploads(finalKey: string): Promise<string[]> {
    return this.#call(`LIST UPLOADS ${finalKey}`, () =>
      [...this.#uploads].flatMap(([uploadId, { key }]) => (key === finalKey ? [uploadId] : [])),
    )
  }

  async list(query: { prefix: string; after: string | null; limit: number }): Promise<ListPage> {
    return this.#call(`LIST ${query.prefix}`, () => {
      this.#sorted ??= [...this.objects.keys()].toSorted()
      const { prefix, after, limit } = query
      const keys = this.#sorted.filter(
        (key) => key.startsWith(prefix) && (after === null || key > after),
      )
      const objects = keys.slice(0, limit).flatMap((key) => {
        const found = this.objects.get(key)
        if (found === undefined) return []
        const { etag, sizeBytes } = found
        const lastModifiedMs = this.kind.listsMilliseconds
          ? found.lastModifiedMs
          : Math.floor(found.lastModifiedMs / 1000) * 1000
        return [{ key, etag, sizeBytes, lastModifiedMs }]
      })
      return { objects, next: keys.length > limit ? (objects.at(-1)?.key ?? null) : null }
    })
  }

  async text(key: string): Promise<string | null> {
    return this.#call(`GET ${key}`, () => this.objects.get(this.#name(key))?.text ?? null)
  }

  async beginUpload(request: CopyRequest): Promise<string> {
    return this.#call(`BEGIN ${request.finalKey}`, () => {
      this.#uploadNumber += 1
      const uploadId = `upload-${this.#uploadNumber}`
      this.#uploads.set(uploadId, { key: request.finalKey, request, parts: new Map() })
      return uploadId
    })
  }

  async copyPart(part: Part, source: SourceObject): Promise<string | null> {
    const { finalKey, uploadId, number, from, to } = part
    return this.#call(`PART ${number} ${source.key} -> ${finalKey}`, () => {
      const upload = this.#uploads.get(uploadId)
      const found = this.objects.get(this.#name(source.key))
      if (upload === undefined || found === undefined) return null
      const etag = `${found.content}-part-${number}`
      upload.parts.set(number, {
        content: found.content,
        ofBytes: found.sizeBytes,
        from,
        to: Math.min(to, found.sizeBytes - 1),
        etag,
      })
      return etag
    })
  }

  async uploadPart(): Promise<string | null> {
    throw new Error('nothing in the storm is uploaded by us')
  }

  async completeUpload(finalKey: string, uploadId: string, etags: string[]): Promise<boolean> {
    return this.#call(`COMPLETE ${finalKey}`, () => {
      const upload = this.#uploads.get(uploadId)
      if (upload === undefined) return false
      const parts = etags.map((etag, index) => {
        const part = upload.parts.get(index + 1)
        return part?.etag === etag ? part : undefined
      })
      if (parts.includes(undefined)) return false
      const known = parts.filter((part) => part !== undefined)
      const sizeBytes = known.reduce((sum, part) => sum + part.to - part.from + 1, 0)
      const [first] = known
      const isWhole =
        first !== undefined &&
        first.ofBytes === sizeBytes &&
        known.every((part) => part.content === first.content)
      const content = isWhole
        ? first.content
        : known.map((part) => `${part.content}[${part.from}-${part.to}]`).join('+')
      this.#uploads.delete(uploadId)
      this.#writeFinal(upload.request, content, sizeBytes, null, `${content}-${etags.length}p`)
      return true
    })
  }

  async abortUpload(_finalKey: string, uploadId: string): Promise<void> {
    this.#call(`ABORT ${uploadId}`, () => {
      this.#uploads.delete(uploadId)
    })
  }

  /** Keys of the multipart uploads that nobody finished or gave up: they cost their owner money, and no list shows them. */
  get openKeys(): string[] {
    return [...this.#uploads.values()].map(({ key }) => key)
  }

  /** The store forgets an upload that was never finished. */
  forgetUploads(): void {
    this.#uploads.clear()
  }

  #call<T>(what: string, act: () => T): T {
    this.calls += 1
    return this.#world.outside('store', what, () => {
      const answer = act()
      this.#world.tell(() => `store: ${what} = ${JSON.stringify(answer) ?? 'done'}`)
      return answer
    })
  }

  #writeFinal(
    { source, finalKey, contentType, metadata }: CopyRequest,
    content: string,
    sizeBytes: number,
    text: string | null,
    etag: string,
  ): void {
    const key = this.#name(finalKey)
    if (!isUnder(finalPrefix, key)) {
      throw new Broken('nothing is written outside the final folder', key)
    }
    if (text !== null && source.key.endsWith('.m3u8')) this.#judgeList(source.key, finalKey, text)
    const before = this.objects.get(key)
    if (before !== undefined && before.content !== content && this.#isLastOf(before)) {
      throw new Broken('nothing is lost', `${key} with ${before.content} was overwritten`)
    }
    this.#write({
      key,
      content,
      sizeBytes,
      text,
      etag: this.#etag(etag),
      lastModifiedMs: this.#world.nowMs,
      contentType,
      metadata,
      isLookedAt: false,
    })
  }

  /** Whoever reads a list in the final folder looks for its files beside it. A file that never came is not waited for. */
  #judgeList(tempKey: string, finalKey: string, text: string): void {
    const has = (key: string): boolean => this.objects.has(this.#name(key))
    for (const name of text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
      const isLeft = has(`${directoryOf(tempKey)}${name}`)
      if (isLeft && !has(`${directoryOf(finalKey)}${name}`)) {
        throw new Broken('a playlist comes after its segments', `${finalKey} without ${name}`)
      }
    }
  }

  #judge(found: StoredObject, isUnconditional: boolean): void {
    const { key, content } = found
    const owner = writerOf(content)
    if (owner !== null && this.#isOver(owner)) return
    if (!isUnder(tempPrefix, key)) throw new Broken('nothing is deleted outside temp', key)
    const copies = this.#copiesOf(found)
    // Nobody could have known: the store deletes whatever lies there, and it was written after the last look.
    const isBlind = isUnconditional && this.#leavesNoCondition() && !found.isLookedAt
    if (copies.length === 0 && isBlind) {
      this.forgiven.add(content)
      return
    }
    const isVerified = copies.some((copy) => copy.isLookedAt && copy.sizeBytes === found.sizeBytes)
    if (!isVerified) {
      const why = copies.length === 0 ? 'has no copy' : 'has a copy that nobody looked at'
      throw new Broken('no temp object is removed before its copy was verified', `${key} ${why}`)
    }
  }

  /** A store with which no deletion can be made to depend on what lies there; with any other, it has to. */
  #leavesNoCondition(): boolean {
    const { ignoresConditions, hasNoEtags, refusesDeletes } = this.kind
    return ignoresConditions || hasNoEtags || refusesDeletes
  }

  /** These bytes are nowhere else, and they are a whole file. */
  #isLastOf({ key, content }: StoredObject): boolean {
    if (content.startsWith('half of ') || content.includes('+')) return false
    return ![...this.objects.values()].some(
      (other) => other.key !== key && other.content === content,
    )
  }

  #isCopied(object: StoredObject): boolean {
    return this.#copiesOf(object).length > 0
  }

  #copiesOf({ content }: StoredObject): StoredObject[] {
    return [...this.objects.values()].filter(
      (other) => other.content === content && isUnder(finalPrefix, other.key),
    )
  }

  #write(object: StoredObject): void {
    this.objects.set(object.key, object)
    this.#sorted = null
  }

  #etag(of: string): string {
    return this.kind.hasNoEtags ? '' : of
  }

  #name(key: string): string {
    return this.kind.normalisesKeys ? key.normalize('NFC') : key
  }
}

/** The egress that wrote these bytes, be they a half of a file, or parts of several. */
export function writerOf(content: string): string | null {
  return /EG_storm\d+n\d+/.exec(content)?.[0] ?? null
}
