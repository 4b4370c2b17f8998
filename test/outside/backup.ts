// A pretend backup storage of LiveKit: presigned addresses that give ranges of a file, until they expire. It can fail, cut
// a body, ignore the range, or hand out another file, and counts what it was asked for.

export interface BackupOrder {
  /** Size of each file by its path; its bytes follow from their position. */
  files?: Record<string, number>
  /** What the next answers are instead, in this order; `pass` is a right one. */
  answers?: BackupAnswer[]
  /** Every address has expired. */
  expired?: boolean
}

export type BackupAnswer = 'pass' | 'cut' | 'whole' | 'unreachable' | { status: number }

let files: Record<string, number> = {}
let answers: BackupAnswer[] = []
let expired = false
let ranges: string[] = []

/** Sets what the storage has and does, or tells which ranges it was asked for. */
export function steerBackup(order: unknown): { ranges: string[] } {
  const known = { ranges }
  if (order !== null) {
    const { files: newFiles = files, answers: newAnswers = [], ...rest } = order as BackupOrder
    files = newFiles
    answers = [...newAnswers]
    expired = rest.expired ?? false
    ranges = []
  }
  return known
}

/** The bytes of a file of the backup. */
export function backupBytes(from: number, to: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(to - from + 1)
  for (let at = 0; at < bytes.length; at += 1) {
    const position = from + at
    bytes[at] = position * 31 + (position >> 8) * 7 + (position >> 16)
  }
  return bytes
}

export function answerBackup(request: Request): Response {
  const url = new URL(request.url)
  const range = request.headers.get('range') ?? ''
  ranges.push(range)
  const sizeBytes = files[url.pathname]
  if (expired || !url.searchParams.has('X-Amz-Signature'))
    return new Response('<Error><Code>ExpiredRequest</Code></Error>', { status: 403 })
  if (sizeBytes === undefined) return new Response('<Error/>', { status: 404 })
  const answer = answers.shift() ?? 'pass'
  if (answer === 'unreachable') throw new Error('the backup storage is unreachable')
  if (typeof answer === 'object') return new Response('<Error/>', { status: answer.status })
  if (answer === 'whole') {
    const headers = { 'content-length': String(sizeBytes) }
    return new Response(backupBytes(0, sizeBytes - 1), { headers })
  }
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? []
  const last = Math.min(Number(to), sizeBytes - 1)
  const bytes = backupBytes(Number(from), last)
  const headers = { 'content-range': `bytes ${from}-${last}/${sizeBytes}` }
  const body = answer === 'cut' ? bytes.slice(0, Math.floor(bytes.length / 2)) : bytes
  return new Response(body, { status: 206, headers })
}
