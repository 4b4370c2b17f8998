// Reads LiveKit's backup storage by the presigned addresses that LiveKit hands out. It must never put an address into a
// message: whoever has it has the recording.
import { fetchWithin } from '../fetch-within.ts'
import { Trouble } from '../recording/ports.ts'
import type { Backup } from '../recording/ports.ts'

const requestTimeoutMs = 60_000

export const livekitBackup: Backup = {
  async read(url, from, to) {
    const response = await get(url, `bytes=${from}-${to}`)
    if (response.status === 403 || response.status === 404 || response.status === 410) {
      await response.body?.cancel()
      throw new Trouble(
        'backup-expired',
        'LiveKit’s backup storage does not give the file any more.',
      )
    }
    const bytes = new Uint8Array(await response.arrayBuffer())
    const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
    // A cut body would become a recording with a hole.
    if (response.status !== 206 || total === undefined || bytes.length !== to - from + 1) {
      throw new Trouble('backup-unsteady', `LiveKit’s backup storage answered ${response.status}.`)
    }
    return { bytes, totalBytes: Number(total) }
  },
}

async function get(url: string, range: string): Promise<Response> {
  try {
    return await fetchWithin(new URL(url), { headers: { range } }, requestTimeoutMs)
  } catch (cause) {
    throw new Trouble('backup-unreachable', 'LiveKit’s backup storage cannot be reached.', {
      cause,
    })
  }
}
