// Reads the XML that S3 stores answer with. A 200 can carry an <Error> (copy and complete answer early and fail late), so
// every body is looked at. Stores differ in order, quoting and empty elements; nothing is assumed beyond the names.
import { EntityDecoder } from '@nodable/entities'
import { XMLParser } from 'fast-xml-parser'

// The decoder reads `&#34;` as well, which stores written in Go write for every quote. A blank at the end of a key is part of
// it: without it, it would be another object's.
const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  entityDecoder: new EntityDecoder(),
})

export interface S3Fault {
  code: string
  message: string
}

/** The `<Error>` in a body; `null` when it has none, is empty or is no XML. */
export function readError(body: string): S3Fault | null {
  const error = element(parse(body), 'Error')
  if (error === null) return null
  return { code: text(error, 'Code') ?? 'Unknown', message: text(error, 'Message') ?? '' }
}

/** The text of `<parent><name>` in a body; `null` when it is not there. */
export function readText(body: string, parent: string, name: string): string | null {
  const found = wholeElement(body, parent)
  return found === null ? null : text(found, name)
}

/** True when the body is a complete answer of the named kind. A cut body is none. */
export function hasResult(body: string, name: string): boolean {
  return wholeElement(body, name) !== null
}

/**
 * The ETag in a complete answer to a copy, whatever the answer is called: the same thing has more than one name among
 * stores. Empty where it has none to give; `null` when the body is an error, was cut, or is about something else.
 */
export function readCopiedEtag(body: string): string | null {
  const document = parse(body)
  if (typeof document !== 'object' || document === null || 'Error' in document) return null
  const name = Object.keys(document).find((known) => !known.startsWith('?')) ?? ''
  const result = wholeElement(body, name)
  if (result === null) return null
  const isEmpty = 'ETag' in result || /^Copy(?:Object|Part)Result$/.test(name)
  return text(result, 'ETag') ?? (isEmpty ? '' : null)
}

/** The element that the body is; `null` where it is another, or was cut. */
function wholeElement(body: string, name: string): Record<string, unknown> | null {
  if (!isWhole(body, name)) return null
  const document = parse(body)
  const isThere = typeof document === 'object' && document !== null && name in document
  return isThere ? (element(document, name) ?? {}) : null
}

/** True when the body ends with the end of this element. The parser closes what was cut, with half a key in it. */
function isWhole(body: string, name: string): boolean {
  const end = body.trimEnd().slice(-1024)
  const [, closed, empty] =
    /<(?:\/(?:[\w.-]+:)?([\w.-]+)\s*|(?:[\w.-]+:)?([\w.-]+)(?:\s[^<>]*)?\/)>$/.exec(end) ?? []
  return (closed ?? empty) === name
}

function parse(body: string): unknown {
  try {
    return parser.parse(body)
  } catch {
    // Not XML: an HTML page of a proxy, or a cut body. The caller judges by the status.
    return null
  }
}

function element(document: unknown, name: string): Record<string, unknown> | null {
  if (typeof document !== 'object' || document === null) return null
  const found: unknown = (document as Record<string, unknown>)[name]
  return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null
}

function text(parent: Record<string, unknown>, name: string): string | null {
  const value = parent[name]
  const words = name === 'Key' || typeof value !== 'string' ? value : value.trim()
  return typeof words === 'string' && words !== '' ? words : null
}

export interface ListedObject {
  key: string
  etag: string
  sizeBytes: number
  lastModifiedMs: number
}

/**
 * A page of ListObjectsV2. Keys are encoded only where the store says that it did as it was asked; one that does not know
 * `encoding-type` gives them plain, and a percent sign in such a key is a percent sign. `nextToken` is the sign of another
 * page that all stores share (s3.md §3.13); one that only says `IsTruncated` is believed as well.
 */
export function readList(
  body: string,
): { objects: ListedObject[]; nextToken: string | null; isTruncated: boolean } | null {
  const result = wholeElement(body, 'ListBucketResult')
  if (result === null) return null
  const isEncoded = text(result, 'EncodingType') === 'url'
  const contents = [result['Contents'] ?? []].flat()
  const objects = contents.flatMap((entry: unknown): ListedObject[] => {
    const holder = element({ entry }, 'entry')
    const key = holder === null ? null : text(holder, 'Key')
    if (holder === null || key === null) return []
    return [
      {
        key: isEncoded ? decodeKey(key) : key,
        etag: text(holder, 'ETag') ?? '',
        sizeBytes: Number(text(holder, 'Size') ?? 0),
        lastModifiedMs: Date.parse(text(holder, 'LastModified') ?? '') || 0,
      },
    ]
  })
  const nextToken = text(result, 'NextContinuationToken')
  const isTruncated = nextToken !== null || text(result, 'IsTruncated') === 'true'
  return { objects, nextToken, isTruncated }
}

/** The first page of ListMultipartUploads; its keys as those of {@link readList}. */
export function readUploads(body: string): { key: string; uploadId: string }[] {
  const result = wholeElement(body, 'ListMultipartUploadsResult')
  const isEncoded = result !== null && text(result, 'EncodingType') === 'url'
  return [result?.['Upload'] ?? []].flat().flatMap((entry: unknown) => {
    const holder = element({ entry }, 'entry')
    const key = holder === null ? null : text(holder, 'Key')
    const uploadId = holder === null ? null : text(holder, 'UploadId')
    return key === null || uploadId === null
      ? []
      : [{ key: isEncoded ? decodeKey(key) : key, uploadId }]
  })
}

/** AWS writes a space as `+`, others as %20; all write a plus as %2B. */
function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    // The store did not encode after all.
    return encoded
  }
}
