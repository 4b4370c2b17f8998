// Orders to LiveKit's egress service: start, stop, change the layout. Each is sent once: the SDK's own retries are off, for
// a start that is repeated is a second egress. A call that ended without LiveKit's word is `unknown`, never a failure: the
// egress may well be running (livekit.md §5). Nothing here may show what the requests carry.
import { EgressClient, ServerError } from 'livekit-server-sdk'
import type { EgressInfo } from 'livekit-server-sdk'
import type { Config } from '../config.ts'
import type { EgressFacts } from '../recording/observation.ts'
import type { Refusal, StartOrder } from '../recording/start.ts'
import { factsOf } from './egress-info.ts'
import { isObject } from './json.ts'
import { scrubText } from './scrub.ts'
import { sendStart } from './start.ts'
import { uploadFor } from './upload.ts'

/**
 * A LiveKit without a free egress service says so after 20 to 25 seconds (seen with 1.13.5). It may try for more than a
 * minute; nobody waits that long, and what became of the egress is found out afterwards.
 */
const startTimeoutSeconds = 40
const timeoutSeconds = 10

export type Answer =
  | { kind: 'done'; egressId: string; facts: EgressFacts }
  | { kind: 'refused'; refusal: Refusal }
  /** Nobody knows whether it was done. */
  | { kind: 'unknown'; why: string }

export interface StartPlace {
  startId: string
  /** Our own webhook address; `null` when LiveKit could not reach it. */
  webhookUrl: string | null
}

export class LiveKitControl {
  readonly #config: Config['livekit']

  constructor(config: Config['livekit']) {
    this.#config = config
  }

  /** @param config for where the files are to go */
  async start(
    order: StartOrder,
    { startId, webhookUrl }: StartPlace,
    config: Config,
  ): Promise<Answer> {
    const upload = await uploadFor(config, startId, order.maxDurationMs)
    // Always with the name of a key: a LiveKit without one of its own would stop sending webhooks at all (livekit.md §1.5).
    const signingKey = this.#config.apiKey
    const webhook = webhookUrl === null ? null : { url: webhookUrl, signingKey }
    const { tempPrefix } = config
    return this.#ask(startTimeoutSeconds, async (client) =>
      sendStart(client, order, { startId, tempPrefix, upload, webhook }),
    )
  }

  async stop(egressId: string): Promise<Answer> {
    return this.#ask(timeoutSeconds, async (client) => client.stopEgress(egressId))
  }

  async updateLayout(egressId: string, layout: string): Promise<Answer> {
    return this.#ask(timeoutSeconds, async (client) => client.updateLayout(egressId, layout))
  }

  async #ask(
    requestTimeout: number,
    call: (client: EgressClient) => Promise<EgressInfo>,
  ): Promise<Answer> {
    const { url, apiKey, apiSecret } = this.#config
    const client = new EgressClient(url.origin, apiKey, apiSecret, {
      requestTimeout,
      failover: false,
    })
    try {
      const info = await call(client)
      return answered(info)
    } catch (error) {
      return refusedOrUnknown(error)
    }
  }
}

function answered(info: EgressInfo): Answer {
  const json = info.toJson()
  if (info.egressId === '' || !isObject(json)) {
    return { kind: 'unknown', why: 'LiveKit answered without an egress id.' }
  }
  return { kind: 'done', egressId: info.egressId, facts: factsOf(json) }
}

function refusedOrUnknown(error: unknown): Answer {
  if (error instanceof ServerError) {
    const { status, code = String(status) } = error
    const message = scrubText(error.message)
    if (isRefusal(status, message)) return { kind: 'refused', refusal: { status, code, message } }
    return { kind: 'unknown', why: `LiveKit answered ${status} ${code}: ${message}` }
  }
  const name = error instanceof Error ? error.name : 'unknown error'
  return {
    kind: 'unknown',
    why: name === 'TimeoutError' ? 'LiveKit did not answer in time.' : 'LiveKit cannot be reached.',
  }
}

/** 408 is LiveKit's own time-out, and a 5xx may come from anything in between; that no egress service took it is a no. */
function isRefusal(status: number, message: string): boolean {
  if (status === 408) return false
  return status < 500 || (status === 503 && /no response from servers/i.test(message))
}
