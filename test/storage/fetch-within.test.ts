// A time limit that covers the whole answer and leaves nothing behind. Exists for stores that are full and do not answer,
// or stop in the middle; and for the object that a forgotten timer would keep in memory.
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { fetchWithin } from '../../src/fetch-within.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(listener: RequestListener): Promise<URL> {
  server = createServer(listener)
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`)
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
}

describe('an answer', () => {
  it('comes with its status, its headers and its body', async () => {
    const url = await serve((_, answer) => {
      answer.writeHead(206, { etag: '"e"' }).end('bytes')
    })
    const response = await fetchWithin(url, {}, 5_000)
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([
      206,
      '"e"',
      'bytes',
    ])
  })

  it.each([204, 304, 404])('may have no body: %i', async (status) => {
    const url = await serve((_, answer) => {
      answer.writeHead(status).end()
    })
    const response = await fetchWithin(url, {}, 5_000)
    expect([response.status, await response.text()]).toEqual([status, ''])
  })

  it('to a HEAD keeps the length of what it speaks of, however long', async () => {
    const url = await serve((_, answer) => {
      answer.writeHead(200, { 'content-length': '5000000000' }).end()
    })
    const response = await fetchWithin(url, { method: 'HEAD' }, 5_000)
    expect(response.headers.get('content-length')).toBe('5000000000')
  })

  it('longer than any that we ask for comes without its body, which is not read', async () => {
    let wasCut = false
    const url = await serve((_, answer) => {
      answer.once('close', () => (wasCut = !answer.writableFinished))
      answer.writeHead(200, { 'content-length': String(64 * 1024 * 1024) })
      answer.write(new Uint8Array(1024))
    })
    const response = await fetchWithin(url, {}, 5_000)
    expect([response.status, await response.text()]).toEqual([200, ''])
    await expect.poll(() => wasCut).toBe(true)
  })
})

describe('an answer that does not come in time', () => {
  const inTime = { name: 'TimeoutError' }

  it('at all is given up', async () => {
    const url = await serve(() => {})
    await expect(fetchWithin(url, {}, 50)).rejects.toMatchObject(inTime)
  })

  it('to its end is given up, though it had begun', async () => {
    const url = await serve((_, answer) => {
      answer.writeHead(200, { 'content-length': '10' }).write('half')
    })
    await expect(fetchWithin(url, {}, 200)).rejects.toMatchObject(inTime)
  })
})

describe('the timer of the limit', () => {
  it('is gone with the answer, and with a failure', async () => {
    const before = timers()
    const url = await serve((_, answer) => answer.end('bytes'))
    await fetchWithin(url, { headers: { connection: 'close' } }, 600_000)
    await expect(fetchWithin(new URL('http://127.0.0.1:9/'), {}, 600_000)).rejects.toThrow('fetch')
    await expect.poll(timers).toBeLessThanOrEqual(before)
  })
})
