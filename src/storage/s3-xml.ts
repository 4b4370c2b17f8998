// Reads the XML that S3 stores answer with. A 200 can carry an <Error> (copy and complete answer early and fail late), so
// every body is looked at. Stores differ in order, quoting and empty elements; nothing is assumed beyond the names.
import { XMLParser } from 'fast-xml-parser'

const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false, trimValues: true })

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
