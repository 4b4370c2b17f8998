// What our own code costs beside what cannot be avoided, measured side by side in one run, as ratios: machines differ,
// ratios less so. `npm run bench`. The rounds of the two sides alternate, so that a machine that slows down slows both.
import { readFileSync } from 'node:fs'
import { WebhookReceiver } from 'livekit-server-sdk'
import { receiveWebhook } from '../src/livekit/webhook.ts'
import { observe, nextStep } from '../src/recording/lifecycle.ts'
import { newState } from '../src/recording/state.ts'
import type { Settings } from '../src/recording/state.ts'

interface Vectors {
  apiKey: string
  apiSecret: string
  vectors: { name: string; body: string; headers: { authorization: string } }[]
}

const file = `${import.meta.dirname}/../test/vectors/livekit-webhooks.json`
const { apiKey, apiSecret, vectors } = JSON.parse(readFileSync(file, 'utf8')) as Vectors
const nowMs = Date.now()
const livekit = {
  url: new URL('http://livekit.test'),
  apiKey,
  apiSecret,
  keys: new Map([[apiKey, apiSecret]]),
}
const encoded = vectors.map(({ body, headers }) => ({
  body,
  bytes: new TextEncoder().encode(body),
  token: headers.authorization,
}))
const settings: Settings = {
  tempPrefix: 'tmp/',
  finalPrefix: 'recordings/',
  bucket: 'recordings',
  multipartAboveBytes: 4 * 1024 ** 3,
  partBytes: 256 * 1024 ** 2,
  subrequests: 45,
  silentAfterMs: 600_000,
  graceMs: 3_600_000,
  maxSessionMs: 43_200_000,
  trashMs: 7 * 24 * 3_600_000,
}

/** Milliseconds of one round over all vectors. */
async function timed(round: () => Promise<void> | void): Promise<number> {
  const startedAt = performance.now()
  await round()
  return performance.now() - startedAt
}

/** Median of ours, median of the floor's, and the median of the ratios round by round. */
async function compare(
  name: string,
  ours: () => Promise<void> | void,
  floor: () => Promise<void> | void,
): Promise<void> {
  const rounds = 200
  const warmUp = 50
  const pairs: { oursMs: number; floorMs: number }[] = []
  for (let round = 0; round < rounds + warmUp; round += 1) {
    const pair = { oursMs: await timed(ours), floorMs: await timed(floor) }
    if (round >= warmUp) pairs.push(pair)
  }
  const each = (pick: (pair: (typeof pairs)[number]) => number): number =>
    median(pairs.map(pick)) / encoded.length
  const ratio = median(pairs.map(({ oursMs, floorMs }) => oursMs / floorMs))
  console.log(
    [
      name.padEnd(58),
      `${(each(({ oursMs }) => oursMs) * 1000).toFixed(0)} µs`.padStart(8),
      `${(each(({ floorMs }) => floorMs) * 1000).toFixed(0)} µs`.padStart(8),
      ratio.toFixed(2).padStart(7),
    ].join('  '),
  )
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

console.log(
  `${''.padEnd(58)}  ${'ours'.padStart(8)}  ${'floor'.padStart(8)}  ${'ratio'.padStart(7)}`,
)
await compare(
  'a webhook verified and read / WebhookReceiver.receive',
  async () => {
    for (const { bytes, token } of encoded) await receiveWebhook(bytes, token, livekit, nowMs)
  },
  async () => {
    for (const { body, token } of encoded) {
      await new WebhookReceiver(apiKey, apiSecret).receive(body, token)
    }
  },
)
const received = await Promise.all(
  encoded.map(async ({ bytes, token }) => receiveWebhook(bytes, token, livekit, nowMs)),
)
const observations = received.flatMap((it) => (it.kind === 'egress' ? [it.observation] : []))
await compare(
  'an observation merged and decided on / its JSON parsed',
  () => {
    let state = newState('EG_bench')
    for (const seen of observations) state = observe(state, seen)
    nextStep(state, nowMs, settings)
  },
  () => {
    for (const { body } of encoded) JSON.parse(body)
  },
)
