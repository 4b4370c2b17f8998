// Plays LiveKit for one recording: uploads what an egress uploads, sends the signed webhooks that it sends, and answers
// ListEgress over Twirp. What it sends and answers is made by the same code as in the tests.
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { Config } from '../../src/config.ts'
import { StoreRequests } from '../../src/storage/requests.ts'
import { signed, wholeLife } from '../../test/egress-events.ts'
import type { Recorded } from '../../test/egress-events.ts'
import { answerLiveKit, asTwirp, steerLiveKit } from '../../test/outside/livekit.ts'
import type { Webhook } from './plan.ts'

export class PretendLiveKit {
  readonly #config: Config
  readonly #store: StoreRequests
  readonly #recorded: Recorded
  readonly #events: Record<string, unknown>[]
  #server: Server | null = null

  constructor(config: Config, recorded: Recorded) {
    this.#config = config
    this.#store = new StoreRequests(config.storage)
    this.#recorded = recorded
    this.#events = wholeLife(recorded)
    const last = this.#events.at(-1)?.['egressInfo'] as Record<string, unknown>
    last['manifestLocation'] = `https://store.example/recordings/${this.#manifestKey}`
  }

  /** Answers calls on this port; 0 takes any free one. */
  async listen(port: number, onAsked: (egressId: string) => void): Promise<number> {
    const server = createServer((request, response) => {
      void answer(request, response, onAsked)
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : port
  }

  close(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }

  /** From now on ListEgress tells of the egress what this webhook tells; `null`: it never heard of it. */
  knows(webhook: Webhook | null): void {
    const { egressId } = this.#recorded
    const info = webhook === null ? null : this.#events[webhook]?.['egressInfo']
    steerLiveKit({ egresses: info === null ? {} : { [egressId]: asTwirp(info) } })
  }

  /** Sends one of its webhooks; the same one has the same id each time. */
  async send(webhook: Webhook, address: string): Promise<number> {
    const { apiKey, apiSecret } = this.#config.livekit
    const { body, headers } = await signed(this.#events[webhook], apiKey, apiSecret)
    const response = await fetch(address, { method: 'POST', body, headers })
    await response.arrayBuffer()
    return response.status
  }

  /** Uploads the file, then the manifest, which LiveKit writes last. */
  async upload(file: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#put(this.#recorded.filename, file, 'video/mp4')
    await this.#put(this.#manifestKey, this.#manifest(), 'application/json')
  }

  /** True while the object is in the bucket. */
  async hasObject(key: string): Promise<boolean> {
    return (await this.#store.send({ method: 'HEAD', key })).ok
  }

  get #manifestKey(): string {
    const { egressId, filename } = this.#recorded
    return `${filename.slice(0, filename.lastIndexOf('/') + 1)}${egressId}.json`
  }

  /** One line, with nanoseconds as numbers that no double can hold. */
  #manifest(): string {
    const { egressId, roomName, filename, startedAtMs, endedAtMs } = this.#recorded
    const files = [{ filename, location: `https://store.example/recordings/${filename}` }]
    return (
      `{"egress_id":${JSON.stringify(egressId)},"room_id":"RM_test","room_name":${JSON.stringify(roomName)},` +
      `"started_at":${startedAtMs}000000,"ended_at":${endedAtMs}000000,"files":${JSON.stringify(files)}}\n`
    )
  }

  async #put(key: string, body: string | Uint8Array<ArrayBuffer>, type: string): Promise<void> {
    const headers = { 'content-type': type }
    const response = await this.#store.send({ method: 'PUT', key, headers, body })
    const words = await response.text()
    if (!response.ok) throw new Error(`The store answered ${response.status}: ${words}`)
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  onAsked: (egressId: string) => void,
): Promise<void> {
  const body = await buffer(request)
  const headers = { authorization: request.headers.authorization ?? '' }
  const asked = JSON.parse(body.toString()) as { egress_id?: string }
  if (asked.egress_id !== undefined) onAsked(asked.egress_id)
  const url = new URL(request.url ?? '/', 'http://livekit')
  const answered = await answerLiveKit(new Request(url, { method: 'POST', headers, body }))
  response.writeHead(answered.status, Object.fromEntries(answered.headers))
  response.end(await answered.text())
}
