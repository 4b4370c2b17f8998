// What we ask LiveKit's egress service: Twirp over HTTP, signed with the SDK's AccessToken. The SDK's own client is not
// used to list: it drops the token of the next page (livekit.md §5). A failed call says nothing about an egress. Orders
// are in control.ts.
import { AccessToken } from 'livekit-server-sdk'
import type { Config } from '../config.ts'
import { fetchWithin } from '../fetch-within.ts'
import type { EgressFacts } from '../recording/observation.ts'
import { Trouble } from '../recording/ports.ts'
import type { LiveKit, StopAnswer } from '../recording/ports.ts'
import { LiveKitControl } from './control.ts'
import { factsOf } from './egress-info.ts'
import { child, children, parseObject, text } from './json.ts'
import type { Json } from './json.ts'
import { scrubText } from './scrub.ts'

const requestTimeoutMs = 10_000
const tokenLife = '10m'

export interface ListedEgress {
  egressId: string
  facts: EgressFacts
}

interface ListQuery {
  roomName?: string
  active?: boolean
  pageToken: string | null
}

/** A list that has not ended by then is not read to its end. */
const mostPages = 20

export interface EgressPage {
  egresses: ListedEgress[]
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
  async list(query: ListQuery): Promise<EgressPage> {
    const answer = await this.#call('ListEgress', {
      ...(query.roomName === undefined ? {} : { room_name: query.roomName }),
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

  /** The first egress that is as it should be, of a room or of all of them; `null` when the list has none. */
  async find(
    roomName: string | null,
    isWanted: (facts: EgressFacts) => boolean,
  ): Promise<ListedEgress | null> {
    const listed = await this.#all(roomName === null ? {} : { roomName })
    return listed.find(({ facts }) => isWanted(facts)) ?? null
  }

  /** The egresses of a room that LiveKit calls running. */
  async running(roomName: string): Promise<ListedEgress[]> {
    return this.#all({ roomName, active: true })
  }

  /** @throws Trouble when it was not stopped: LiveKit is silent, out of order, or does not find its own egress service */
  async stop(egressId: string): Promise<StopAnswer> {
    const answer = await new LiveKitControl(this.#config).stop(egressId)
    switch (answer.kind) {
      case 'done':
        return { kind: 'stopping', facts: answer.facts }
      case 'unknown':
        throw new Trouble('livekit-silent', answer.why)
      case 'refused': {
        const { status, code, message } = answer.refusal
        // 412: it has ended already (livekit.md §5). 404: LiveKit does not know it, any more or at all.
        if (status === 412) return { kind: 'ended' }
        if (status === 404) return { kind: 'gone' }
        throw new Trouble(`livekit-${code}`, `LiveKit answered: ${message}`)
      }
      default:
        return answer satisfies never
    }
  }

  async #all(query: Omit<ListQuery, 'pageToken'>): Promise<ListedEgress[]> {
    const egresses: ListedEgress[] = []
    let pageToken: string | null = null
    for (let pages = 0; pages < mostPages; pages += 1) {
      const page: EgressPage = await this.list({ ...query, pageToken })
      egresses.push(...page.egresses)
      pageToken = page.nextPageToken
      if (pageToken === null) break
    }
    return egresses
  }

  async #call(method: string, request: Json): Promise<Json | 'not-found'> {
    const url = new URL(this.#config.url)
    url.protocol = url.protocol.replace(/^ws/, 'http')
    url.pathname = `/twirp/livekit.Egress/${method}`
    const response = await this.#send(url, await this.#token(), JSON.stringify(request))
    const body = parseObject(await response.text())
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
