// Arbitrary and typical evidence about one egress, for tests of the pure core.
import * as fc from 'fast-check'
import { noFacts, observation } from '../../src/recording/observation.ts'
import type { EgressFacts, Observation, OutputFact } from '../../src/recording/observation.ts'
import type { Settings } from '../../src/recording/state.ts'
import type { Wishes } from '../../src/recording/wishes.ts'

export const settings: Settings = {
  tempPrefix: 'temp/',
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

export const startMs = Date.UTC(2026, 0, 1)
export const path = 'temp/EG_test/video.mp4'

export function output(more: Partial<OutputFact> = {}): OutputFact {
  return { kind: 'video', path, sizeBytes: null, durationMs: null, located: false, ...more }
}

/** What a webhook says, so many seconds after the start. */
export function webhook(
  status: string,
  second: number,
  more: Partial<EgressFacts> = {},
): Observation {
  return observation({
    id: `EV_${status}_${second}_${JSON.stringify(more)}`,
    source: 'webhook',
    type: 'egress_updated',
    observedAtMs: startMs + second * 1000,
    egress: {
      ...noFacts,
      status,
      updatedAtUs: (startMs + second * 1000) * 1000,
      startedAtMs: startMs,
      roomName: 'standup',
      kind: 'room_composite',
      outputs: [output()],
      ...more,
    },
  })
}

/** What somebody wants, so many seconds after the start. */
export function wish(id: string, second: number, wishes: Partial<Wishes>): Observation {
  const observedAtMs = startMs + second * 1000
  return observation({ id, source: 'api', type: 'recording.edited', observedAtMs, wishes })
}

export const uploadedFile = output({ sizeBytes: 1000, durationMs: 60_000, located: true })

/** A whole life, as LiveKit tells it when nothing is lost. */
export const life: Observation[] = [
  webhook('EGRESS_STARTING', 0),
  webhook('EGRESS_ACTIVE', 1),
  webhook('EGRESS_ENDING', 60),
  webhook('EGRESS_COMPLETE', 62, {
    outputs: [uploadedFile],
    endedAtMs: startMs + 61_000,
    terminalAtMs: startMs + 62_000,
  }),
]

const anyStatus = fc.constantFrom(
  'EGRESS_STARTING',
  'EGRESS_ACTIVE',
  'EGRESS_ENDING',
  'EGRESS_COMPLETE',
  'EGRESS_FAILED',
  'EGRESS_ABORTED',
  'EGRESS_LIMIT_REACHED',
  'EGRESS_PAUSED',
  null,
)
const anyMs = fc.integer({ min: startMs, max: startMs + 5 })
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null })

const anyOutput: fc.Arbitrary<OutputFact> = fc.record({
  kind: fc.constantFrom('video', 'audio', 'manifest'),
  path: fc.constantFrom('temp/a.mp4', 'temp/b.mp4', 'c.ogg'),
  sizeBytes: maybe(fc.integer({ min: 1, max: 3 })),
  durationMs: maybe(fc.integer({ min: 1, max: 3 })),
  located: fc.boolean(),
})

const anyFacts: fc.Arbitrary<EgressFacts> = fc.record({
  status: anyStatus,
  retryCount: fc.integer({ min: 0, max: 1 }),
  updatedAtUs: maybe(fc.integer({ min: 1, max: 3 })),
  kind: maybe(fc.constantFrom('web', 'track')),
  roomId: maybe(fc.constantFrom('RM_a', 'RM_b')),
  roomName: maybe(fc.constantFrom('a', 'b')),
  title: maybe(fc.constantFrom('t', 'u')),
  startedAtMs: maybe(anyMs),
  endedAtMs: maybe(anyMs),
  terminalAtMs: maybe(anyMs),
  outputs: maybe(fc.array(anyOutput, { maxLength: 2 })),
  base: maybe(fc.constantFrom('https://s.example/b/', 'https://s.example/b/temp/eu/')),
  streams: fc.boolean(),
  error: maybe(fc.constantFrom('x', 'y')),
  errorCode: maybe(fc.constantFrom(400, 412)),
  details: maybe(fc.constant('d')),
  backup: fc.boolean(),
  bucket: maybe(fc.constantFrom('one', 'two')),
  startId: maybe(fc.constantFrom('ST_a', 'ST_b')),
})

const anyWishes: fc.Arbitrary<Partial<Wishes>> = fc.record(
  {
    title: maybe(fc.constantFrom('t', 'u')),
    metadata: fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('v', 'w'), { maxKeys: 2 }),
    expiresAtMs: maybe(anyMs),
    legalHold: fc.boolean(),
    maxDurationMs: maybe(fc.integer({ min: 1, max: 2 })),
    stop: fc.constant(true as const),
    removeAtMs: maybe(anyMs),
    startId: fc.constantFrom('ST_a', 'ST_b'),
  },
  { requiredKeys: [] },
)

/** Anything that a witness may say, with many collisions: ties are where an order would show. */
export const anyObservation: fc.Arbitrary<Observation> = fc.record({
  id: fc.oneof(fc.uuid(), fc.constantFrom('edit-1', 'edit-2')),
  source: fc.constantFrom('webhook', 'livekit', 'manifest', 'object', 'api'),
  type: fc.constant('any'),
  observedAtMs: anyMs,
  egress: maybe(anyFacts),
  objects: fc.array(
    fc.record({
      key: fc.constantFrom('temp/a.mp4', 'temp/b.mp4'),
      etag: fc.constantFrom('e1', 'e2'),
      sizeBytes: fc.integer({ min: 0, max: 2 }),
      lastModifiedMs: anyMs,
    }),
    { maxLength: 2 },
  ),
  wishes: anyWishes,
})
