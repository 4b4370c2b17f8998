// Reads a request's body with a limit on its size and on the time it takes. Exists for bodies that never end: neither
// memory nor an isolate is held for them, and nothing of them is kept.
import type { Context } from 'hono'
import { problem } from '../problem.ts'

const longestApiBodyBytes = 256 * 1024
const longestApiReadMs = 10_000

/** Reads the body of a request to the API, so that whoever validates it later finds all of it. @throws 413, 408 */
export async function limitBody(context: Context): Promise<void> {
  const { raw } = context.req
  if (raw.body === null) return
  const body = await readBody(raw, longestApiBodyBytes, longestApiReadMs)
  if (body === 'too-large') throw problem(413, 'too-large', 'A body has at most 256 KiB.')
  if (body === 'too-slow') throw problem(408, 'too-slow', 'The body did not arrive in time.')
  context.req.raw = new Request(raw, { method: raw.method, body })
}

/** The exact bytes, or what was wrong with them. */
export async function readBody(
  request: Request,
  longestBytes: number,
  longestMs: number,
): Promise<Uint8Array<ArrayBuffer> | 'too-large' | 'too-slow'> {
  if (Number(request.headers.get('content-length') ?? 0) > longestBytes) {
    await request.body?.cancel()
    return 'too-large'
  }
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
  const late = lateAfter(longestMs)
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  try {
    for (;;) {
      const next = await Promise.race([reader.read(), late.promise])
      if (next === 'late') return await abandon(reader, 'too-slow')
      if (next.done) return concatenate(chunks, sizeBytes)
      sizeBytes += next.value.length
      if (sizeBytes > longestBytes) return await abandon(reader, 'too-large')
      chunks.push(next.value)
    }
  } finally {
    late.cancel()
  }
}

async function abandon<T>(reader: ReadableStreamDefaultReader, why: T): Promise<T> {
  // The sender may be gone already; there is nothing left to do for the body either way.
  await reader.cancel().catch(() => undefined)
  return why
}

function lateAfter(ms: number): { promise: Promise<'late'>; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  const promise = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms)
  })
  return { promise, cancel: () => clearTimeout(timer) }
}

function concatenate(chunks: Uint8Array[], sizeBytes: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(sizeBytes)
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.length
  }
  return body
}
