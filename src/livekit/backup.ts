// Reads LiveKit's backup storage by the presigned addresses that LiveKit hands out. It must never put an address into a
// message: whoever has it has the recording. It never holds more than was asked for: a storage that ignores a range sends a
// whole recording, of which all but the range is passed over.
import { Trouble } from '../recording/ports.ts'
import type { Backup } from '../recording/ports.ts'

const requestTimeoutMs = 60_000
/** Storages differ in what they say of an address that has expired. */
const notGiven = new Set([400, 401, 403, 404, 410])

export const livekitBackup: Backup = {
  async read(url, from, to) {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), requestTimeoutMs)
    try {
      const headers = { range: `bytes=${from}-${to}` }
      return await readRange(await get(url, { headers, signal: late.signal }), from, to)
    } finally {
      // A timer that runs on keeps the object in memory.
      clearTimeout(timer)
    }
  },
}

async function readRange(response: Response, from: number, to: number) {
  if (notGiven.has(response.status)) {
    await response.body?.cancel()
    const message = 'LiveKit’s backup storage does not give the file any more.'
    throw new Trouble('backup-expired', message)
  }
  if (response.status === 200) return readWhole(response, from, to)
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
  const isAsked = Number(range?.[1]) === from && Number(range?.[2]) === to
  if (response.status !== 206 || !isAsked) {
    await response.body?.cancel()
    const message = `LiveKit’s backup storage answered ${response.status} to a request for a range.`
    throw new Trouble('backup-unsteady', message)
  }
  const bytes = await whole(response)
  // A cut body would become a recording with a hole.
  if (bytes.length !== to - from + 1) throw cut(bytes.length, from, to)
  return { bytes, totalBytes: Number(range?.[3]) }
}

/** The range out of an answer that is the whole file. */
async function readWhole(response: Response, from: number, to: number) {
  const length = response.headers.get('content-length')
  const reader = response.body?.getReader()
  if (length === null || response.headers.has('content-encoding') || reader === undefined) {
    await reader?.cancel()
    const message = 'LiveKit’s backup storage answered without a range and without a length.'
    throw new Trouble('backup-unsteady', message)
  }
  const bytes = new Uint8Array(to - from + 1)
  let position = 0
  let filled = 0
  try {
    while (filled < bytes.length) {
      const { done, value } = await reader.read()
      if (done) break
      const wanted = value.subarray(Math.max(0, from - position), Math.max(0, to + 1 - position))
      bytes.set(wanted, filled)
      filled += wanted.length
      position += value.length
    }
    await reader.cancel()
  } catch (cause) {
    throw unreachable(cause)
  }
  if (filled !== bytes.length) throw cut(filled, from, to)
  return { bytes, totalBytes: Number(length) }
}

function cut(received: number, from: number, to: number): Trouble {
  const message = `LiveKit’s backup storage gave ${received} of ${to - from + 1} bytes.`
  return new Trouble('backup-unsteady', message)
}

async function get(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    throw unreachable(cause)
  }
}

async function whole(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await response.arrayBuffer())
  } catch (cause) {
    throw unreachable(cause)
  }
}

function unreachable(cause: unknown): Trouble {
  const message = 'LiveKit’s backup storage cannot be reached.'
  return new Trouble('backup-unreachable', message, { cause })
}
