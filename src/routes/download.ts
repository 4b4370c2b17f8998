// A download that passes through the Worker, from the bucket's binding: for stores that do not let a link say how a file
// is to be saved (R2). Off by default, and never for playing. Ranges and If-Range make a download that was cut off go on.
import type { Context } from 'hono'
import { problem } from '../problem.ts'
import { contentTypeOf } from '../recording/recording.ts'
import type { AppEnv } from './context.ts'

export async function streamDownload(
  context: Context<AppEnv>,
  key: string,
  disposition: string,
  told?: Record<string, string>,
): Promise<Response> {
  const bucket = context.env.BUCKET
  const object = await bucket.head(key)
  if (object === null) {
    throw problem(409, 'not-playable', 'The file is not in its folder any more.', {
      reason: 'missing',
    })
  }
  const headers = {
    ...told,
    'content-disposition': disposition,
    'content-type': object.httpMetadata?.contentType ?? contentTypeOf(key),
    etag: object.httpEtag,
    'last-modified': object.uploaded.toUTCString(),
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'referrer-policy': 'no-referrer',
  }
  if (context.req.header('if-none-match') === object.httpEtag) {
    return new Response(null, { status: 304, headers })
  }
  const range = rangeOf(context, object)
  if (range === 'unsatisfiable') {
    context.header('content-range', `bytes */${object.size}`)
    throw problem(416, 'no-such-range', `The file has ${object.size} bytes.`)
  }
  const length = range === null ? object.size : range.to - range.from + 1
  const shown = {
    ...headers,
    'content-length': String(length),
    ...(range === null
      ? {}
      : { 'content-range': `bytes ${range.from}-${range.to}/${object.size}` }),
  }
  const status = range === null ? 200 : 206
  if (context.req.method === 'HEAD') return new Response(null, { status, headers: shown })
  const body = await bucket.get(key, {
    onlyIf: { etagMatches: object.etag },
    ...(range === null ? {} : { range: { offset: range.from, length } }),
  })
  if (body === null || !('body' in body)) {
    throw problem(503, 'store-unsteady', 'The file changed just now. Try again.')
  }
  return new Response(body.body, { status, headers: shown })
}

interface ByteRange {
  from: number
  to: number
}

/** The one range that is asked for; `null` for the whole: no range, several, or one of another version of the file. */
function rangeOf(
  context: Context<AppEnv>,
  { size, httpEtag, uploaded }: R2Object,
): ByteRange | 'unsatisfiable' | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(context.req.header('range') ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return null
  const condition = context.req.header('if-range')
  const isSame = condition === httpEtag || condition === uploaded.toUTCString()
  if (condition !== undefined && !isSame) return null
  const from = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const to = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  return from < size && from <= to ? { from, to } : 'unsatisfiable'
}
