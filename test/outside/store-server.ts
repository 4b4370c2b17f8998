// The faulty store at an address of its own, for a Worker that runs as a process of its own. It lives in the process of the
// test, so that it survives whatever is done to the Worker.
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { isSignedRightly, resigned } from './resign.ts'
import { passToStore } from './store-proxy.ts'

/** Headers of the connection, not of the request. */
const ofTheConnection = new Set(['host', 'connection', 'content-length', 'transfer-encoding'])

export interface StoreServer {
  /** S3 endpoint, without the bucket. */
  endpoint: string
  close(): void
}

/** @param storeEndpoint the real store behind it */
export async function startStoreServer(storeEndpoint: string): Promise<StoreServer> {
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing, new URL(storeEndpoint).origin).catch(() => incoming.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    endpoint: `http://127.0.0.1:${port}${new URL(storeEndpoint).pathname}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  storeOrigin: string,
): Promise<void> {
  const { method = 'GET', headers, url: path = '/' } = incoming
  const sent = Object.entries(headers).filter(([name]) => !ofTheConnection.has(name))
  const body = method === 'GET' || method === 'HEAD' ? null : await text(incoming)
  const request = new Request(`http://${headers.host}${path}`, {
    method,
    headers: sent.map(([name, value]) => [name, String(value)]),
    body,
  })
  const url = `${storeOrigin}${path}`
  // The signature covers the address, so what was signed for this server is signed anew for the store.
  const signed = (await isSignedRightly(request))
    ? await resigned(request, { url })
    : { url, headers: request.headers }
  const answered = await passToStore(
    new Request(signed.url, { method, headers: signed.headers, body }),
  )
  const bytes = new Uint8Array(await answered.arrayBuffer())
  const shown = [...answered.headers].filter(
    ([name]) => !['content-encoding', 'transfer-encoding'].includes(name),
  )
  outgoing.writeHead(answered.status, Object.fromEntries(shown))
  outgoing.end(bytes)
}
