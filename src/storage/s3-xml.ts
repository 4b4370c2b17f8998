// Reads the XML that S3 stores answer with. A 200 can carry an <Error> (copy and complete answer early and fail late), so
// every body is looked at. Stores differ in order, quoting and empty elements; nothing is assumed beyond the names.
import { EntityDecoder } from '@nodable/entities'
import { XMLParser } from 'fast-xml-parser'

// The decoder reads `&#34;` as well, which stores written in Go write for every quote.
const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: true,
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
  const found = element(parse(body), parent)
  return found === null ? null : text(found, name)
}

/** True when the body is a complete answer of the named kind. A cut body is none. */
export function hasResult(body: string, name: string): boolean {
  const isClosed = body.trimEnd().endsWith(`</${name}>`) || body.trimEnd().endsWith('/>')
  const document = parse(body)
  return isClosed && typeof document === 'object' && document !== null && name in document
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
  return typeof value === 'string' && value !== '' ? value : null
}

export interface ListedObject {
  key: string
  etag: string
  sizeBytes: number
  lastModifiedMs: number
}

/**
 * A page of ListObjectsV2. Keys are encoded only where the store says that it did as it was asked; one that does not know
 * `encoding-type` gives them plain, and a percent sign in such a key is a percent sign. `nextToken` is the only sign of
 * another page that all stores share (s3.md §3.13).
 */
export function readList(
  body: string,
): { objects: ListedObject[]; nextToken: string | null } | null {
  const result = element(parse(body), 'ListBucketResult')
  if (result === null)
    return hasResult(body, 'ListBucketResult') ? { objects: [], nextToken: null } : null
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
  return { objects, nextToken: text(result, 'NextContinuationToken') }
}

/** The first page of ListMultipartUploads; its keys as those of {@link readList}. */
export function readUploads(body: string): { key: string; uploadId: string }[] {
  const result = element(parse(body), 'ListMultipartUploadsResult')
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
