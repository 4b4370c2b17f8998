// What goes wrong around the Worker in one spell of the storm on real processes, drawn from the seed: at the store, at
// LiveKit, and with its webhooks. Every fault ends with the spell; a request that waits goes on then.
import type { LiveKitOrder } from '../outside/livekit.ts'
import type { StoreFault } from '../outside/store-proxy.ts'
import type { Random } from '../storm/random.ts'
import type { StormRecording } from './storm-recordings.ts'

/** S3 errors that come with status 200, in the body of a copy. */
const errorWithin200 = '<Error><Code>InternalError</Code><Message>try again</Message></Error>'

const storeFaults: [StoreFault, ...StoreFault[]] = [
  { method: 'PUT', isCopy: true, answer: { status: 503 }, times: 3 },
  { method: 'PUT', isCopy: true, answer: 'lost', times: 2 },
  { method: 'PUT', isCopy: true, answer: { status: 200, body: errorWithin200 }, times: 2 },
  { method: 'PUT', isCopy: true, answer: 'without-conditions', times: 5 },
  { method: 'PUT', isCopy: true, waits: 'before', times: 1 },
  { method: 'PUT', isCopy: true, waits: 'after', times: 1 },
  { method: 'POST', answer: 'lost', times: 2 },
  { method: 'POST', answer: 'unreachable', times: 2 },
  { method: 'HEAD', answer: { status: 503 }, times: 4 },
  { method: 'HEAD', answer: { status: 403 }, times: 2 },
  { method: 'HEAD', answer: 'without-etag', times: 2 },
  { method: 'HEAD', waits: 'before', times: 1 },
  { method: 'DELETE', answer: 'lost', times: 2 },
  { method: 'DELETE', answer: { status: 503 }, times: 2 },
  { method: 'DELETE', waits: 'after', times: 1 },
  { method: 'GET', answer: { status: 503 }, times: 2 },
  { method: 'GET', answer: 'short-pages', times: 2 },
  { answer: 'unreachable', times: 4 },
]

export function storeFaultsOf(random: Random): StoreFault[] {
  return Array.from({ length: random.between(1, 4) }, () => {
    const { times = 1, ...fault } = random.pick(storeFaults)
    return { ...fault, times, skip: random.between(0, 6) }
  })
}

/** What LiveKit knows, or an outage of it, or an empty answer of a Redis that is gone. */
export function liveKitOf(random: Random, recordings: StormRecording[]): LiveKitOrder {
  if (random.chance(0.2)) return { egresses: {}, fault: { status: 503, body: 'no redis' } }
  if (random.chance(0.2)) return { egresses: {} }
  return calmLiveKit(recordings)
}

export function calmLiveKit(recordings: StormRecording[]): LiveKitOrder {
  return {
    egresses: Object.fromEntries(
      recordings.flatMap(({ egressId, listed }) => (listed === null ? [] : [[egressId, listed]])),
    ),
    pageSize: 7,
  }
}

export interface Delivery {
  event: Record<string, unknown>
  /** LiveKit tries again until it is taken. */
  isCertain: boolean
}

/** The webhooks in the order in which they come, some twice and some never. */
export function deliveriesOf(random: Random, recordings: StormRecording[]): Delivery[] {
  const inTime: { delivery: Delivery; at: number }[] = []
  for (const { webhooks, certain } of recordings) {
    const loss = random.pick([0.2, 0.6, 1])
    for (const [index, event] of webhooks.entries()) {
      const isCertain = certain === 'webhook' && event['event'] === 'egress_ended'
      if (!isCertain && random.chance(loss)) continue
      const delivery = { event, isCertain }
      inTime.push({ delivery, at: index + random.next() * (random.chance(0.3) ? 9 : 1) })
      if (random.chance(0.25)) inTime.push({ delivery, at: random.next() * 9 })
    }
  }
  return inTime.toSorted((a, b) => a.at - b.at).map(({ delivery }) => delivery)
}
