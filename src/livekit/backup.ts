// Reads LiveKit's backup storage by the presigned addresses that LiveKit hands out. It must never put an address into a
// message: whoever has it has the recording. It never reads more than was asked for: a storage that ignores a range would
// send a whole recording into the memory of a Worker.
import { Trouble } from '../recording/ports.ts'
import type { Backup } from '../recording/ports.ts'

const requestTimeoutMs = 60_000

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
  if (response.status === 403 || response.status === 404 || response.status === 410) {
    await response.body?.cancel()
    const message = 'LiveKit’s backup storage does not give the file any more.'
    throw new Trouble('backup-expired', message)
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
  const isAsked = Number(range?.[1]) === from && Number(range?.[2]) === to
  if (response.status !== 206 || !isAsked) {
    await response.body?.cancel()
    const message = `LiveKit’s backup storage answered ${response.status} to a request for a range.`
    throw new Trouble('backup-unsteady', message)
  }
  const bytes = await whole(response)
  // A cut body would become a recording with a hole.
  if (bytes.length !== to - from + 1) {
    const message = `LiveKit’s backup storage gave ${bytes.length} of ${to - from + 1} bytes.`
    throw new Trouble('backup-unsteady', message)
  }
  return { bytes, totalBytes: Number(range?.[3]) }
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
