// Sends requests over plain sockets, each connection one after another, and counts answers. Written by hand because a full
// HTTP client costs more than the servers that are measured. An answer with another status than expected ends the run: a
// server that refuses is quick.
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface Load {
  port: number
  /** Whole requests, sent in turn. */
  requests: readonly Buffer[]
  status: number
  connections: number
  forMs: number
}

/** How many requests were answered, and in how much time. */
export async function load(given: Load): Promise<{ answered: number; ms: number }> {
  const startedAt = performance.now()
  const endsAt = startedAt + given.forMs
  let next = 0
  const take = (): Buffer | null => {
    if (performance.now() >= endsAt) return null
    const bytes = given.requests[next % given.requests.length]
    next += 1
    return bytes ?? null
  }
  const counts = await Promise.all(
    Array.from({ length: given.connections }, async () => oneConnection(given, take)),
  )
  const answered = counts.reduce((sum, count) => sum + count, 0)
  return { answered, ms: performance.now() - startedAt }
}

async function oneConnection({ port, status }: Load, take: () => Buffer | null): Promise<number> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  let answered = 0
  let received = ''
  try {
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        const bytes = take()
        if (bytes === null) resolve()
        else socket.write(bytes)
      }
      socket.setEncoding('latin1')
      socket.on('connect', go)
      socket.on('error', reject)
      socket.on('close', () => reject(new Error(`port ${port} closed the connection`)))
      socket.on('data', (text: string) => {
        received += text
        const answer = wholeAnswer(received)
        if (answer === null) return
        received = ''
        if (answer === status) {
          answered += 1
          go()
        } else reject(new Error(`port ${port} answered ${answer} and not ${status}: ${text}`))
      })
    })
  } finally {
    end(socket)
  }
  return answered
}

/** Status of a complete answer; `null` while more is to come. */
function wholeAnswer(text: string): number | null {
  const bodyAt = text.indexOf('\r\n\r\n') + 4
  if (bodyAt < 4) return null
  const head = text.slice(0, bodyAt)
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  const isWhole =
    length === undefined
      ? !/^transfer-encoding: chunked/im.test(head) || text.endsWith('0\r\n\r\n')
      : text.length >= bodyAt + Number(length)
  return isWhole ? Number(text.slice(9, 12)) : null
}

function end(socket: Socket): void {
  socket.removeAllListeners('close')
  socket.destroy()
}

/** The bytes of a request. */
export function request(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Buffer {
  const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  const length = method === 'GET' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body}`)
}
