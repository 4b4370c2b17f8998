// Our calls to LiveKit's egress service: Twirp over HTTP, signed with the SDK's AccessToken. The SDK's own client is not
// used to list: it drops the token of the next page (livekit.md §5). A failed call says nothing about an egress.
import { AccessToken } from 'livekit-server-sdk'
import type { Config } from '../config.ts'
import { fetchWithin } from '../fetch-within.ts'
import type { EgressFacts } from '../recording/observation.ts'
import { Trouble } from '../recording/ports.ts'
import type { LiveKit } from '../recording/ports.ts'
import { factsOf } from './egress-info.ts'
import { child, children, isObject, text } from './json.ts'
import type { Json } from './json.ts'
import { scrubText } from './scrub.ts'

const requestTimeoutMs = 10_000
const tokenLife = '10m'

export interface EgressPage {
  egresses: { egressId: string; facts: EgressFacts }[]
  /** Token of the next page; `null` on the last one. */
  nextPageToken: string | null
}

export class LiveKitEgress implements LiveKit {
  readonly #config: Config['livekit']

  constructor(config: Config['livekit']) {
    this.#config = config
  }

  async egress(egressId: string): Promise<EgressFacts | null> {
    const answer = await this.#call('ListEgress', { egress_id: egressId })
    if (answer === 'not-found') return null
    const found = children(answer, 'items').find((item) => text(item, 'egressId') === egressId)
    return found === undefined ? null : factsOf(found)
  }

  /** One page of LiveKit's list. An empty page proves nothing: a Redis fault shows as one. */
  async list(query: { active?: boolean; pageToken: string | null }): Promise<EgressPage> {
    const answer = await this.#call('ListEgress', {
      ...(query.active === undefined ? {} : { active: query.active }),
      ...(query.pageToken === null ? {} : { page_token: { token: query.pageToken } }),
    })
    if (answer === 'not-found') return { egresses: [], nextPageToken: null }
    const next = child(answer, 'nextPageToken')
    return {
      egresses: children(answer, 'items').flatMap((item) => {
        const egressId = text(item, 'egressId')
        return egressId === null ? [] : [{ egressId, facts: factsOf(item) }]
      }),
      nextPageToken: next === null ? null : text(next, 'token'),
    }
  }

  async #call(method: string, request: Json): Promise<Json | 'not-found'> {
    const url = new URL(this.#config.url)
    url.protocol = url.protocol.replace(/^ws/, 'http')
    url.pathname = `/twirp/livekit.Egress/${method}`
    const response = await this.#send(url, await this.#token(), JSON.stringify(request))
    const body = parse(await response.text())
    if (response.ok && body !== null) return body
    const code = body === null ? null : text(body, 'code')
    if (response.status === 404 && code === 'not_found') return 'not-found'
    const words = (body === null ? null : text(body, 'msg')) ?? `status ${response.status}`
    throw new Trouble(`livekit-${code ?? response.status}`, `LiveKit answered: ${scrubText(words)}`)
  }

  async #send(url: URL, token: string, body: string): Promise<Response> {
    try {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      return await fetchWithin(url, { method: 'POST', headers, body }, requestTimeoutMs)
    } catch (cause) {
      throw new Trouble('livekit-unreachable', `LiveKit at ${url.host} cannot be reached.`, {
        cause,
      })
    }
  }

  async #token(): Promise<string> {
    const token = new AccessToken(this.#config.apiKey, this.#config.apiSecret, { ttl: tokenLife })
    token.addGrant({ roomRecord: true })
    return token.toJwt()
  }
}

function parse(body: string): Json | null {
  try {
    const json: unknown = JSON.parse(body)
    return isObject(json) ? json : null
  } catch {
    return null
  }
}
