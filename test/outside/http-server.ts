// An answerer of requests at an address of this machine, for a Worker that runs as a process of its own. It lives in the
// process of the test, so that it survives whatever is done to the Worker.
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'

/** Headers of the connection, not of the request. */
const ofTheConnection = new Set(['host', 'connection', 'content-length', 'transfer-encoding'])
const ofTheEncoding = new Set(['content-encoding', 'transfer-encoding'])

export interface HttpServer {
  origin: string
  close: () => void
}

/** @param answer what is thrown here cuts the connection */
export async function serve(answer: (request: Request) => Promise<Response>): Promise<HttpServer> {
  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing, answer).catch(() => incoming.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: (request: Request) => Promise<Response>,
): Promise<void> {
  const { method = 'GET', headers, url: path = '/' } = incoming
  const sent = Object.entries(headers).filter(([name]) => !ofTheConnection.has(name))
  const body = method === 'GET' || method === 'HEAD' ? null : new Uint8Array(await buffer(incoming))
  const answered = await answer(
    new Request(`http://${headers.host}${path}`, {
      method,
      headers: sent.map(([name, value]): [string, string] => [name, String(value)]),
      body,
    }),
  )
  const bytes = new Uint8Array(await answered.arrayBuffer())
  const shown = [...answered.headers].filter(([name]) => !ofTheEncoding.has(name))
  outgoing.writeHead(answered.status, Object.fromEntries(shown))
  outgoing.end(bytes)
}
