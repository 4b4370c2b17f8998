// A person's word that a file is a recording, although no egress claims it: an observation like any other.
import { noFacts, observation } from './observation.ts'
import type { ObjectFact, Observation } from './observation.ts'
import { playableKindOf } from './recording.ts'

/** The person's word that this file is a recording, and of what. */
export function adoption(
  { key, etag, sizeBytes, lastModifiedMs }: ObjectFact,
  about: { roomName: string | null; title: string | null },
  place: 'temp' | 'in-place',
  nowMs: number,
): Observation {
  const output = {
    kind: playableKindOf(key),
    path: key,
    sizeBytes,
    durationMs: null,
    located: true,
  }
  const outputs = [place === 'temp' ? output : { ...output, inPlace: true as const }]
  return observation({
    id: `adopted:${key}:${etag}`,
    source: 'api',
    type: 'adopted',
    observedAtMs: nowMs,
    egress: {
      ...noFacts,
      ...about,
      updatedAtUs: nowMs * 1000,
      startedAtMs: lastModifiedMs,
      terminalAtMs: lastModifiedMs,
      outputs,
    },
  })
}
