// Performs one step of a recording's life against the outside worlds and says what came of it. Exists for worlds that are
// down, slow or lying: their trouble becomes a pause in the state, never an exception. It must not touch the state while
// it waits: evidence may arrive meanwhile, so each outcome is a change to whatever the state is by then.
import { claimsOf } from '../recording/claims.ts'
import { evidenceOf, settle } from '../recording/lifecycle.ts'
import type { Step } from '../recording/step.ts'
import { livekitSaid } from '../recording/observation.ts'
import { rowOf } from '../recording/row.ts'
import type { Conclusion, RecordingState } from '../recording/state.ts'
import { noPause, pauseAfter } from '../recording/state.ts'
import { performOnFile } from './file-steps.ts'
import { performOnFolder } from './folder-steps.ts'
import { claimStart, stopEgress } from './control-steps.ts'
import { erase, expire } from './erase-steps.ts'
import { entry, faultOf, firstOf, nothing } from './outcome.ts'
import type { Outcome, Ports } from './outcome.ts'
import { concluded, probe } from './probe-steps.ts'

type Acting = Exclude<Step, { do: 'wait' | 'rest' }>

/** Performs a step. Throws only for bugs and crashes. */
export async function perform(step: Acting, state: RecordingState, ports: Ports): Promise<Outcome> {
  if ('name' in step) {
    const file = state.files.find((known) => known.name === step.name)
    return file === undefined ? nothing : performOnFile(step.do, { file, state, ports })
  }
  if ('path' in step) {
    const { path, run } = step
    const folder = state.folders.find((known) => known.path === path && known.run === run)
    return folder === undefined ? nothing : performOnFolder(step.do, { folder, state, ports })
  }
  switch (step.do) {
    case 'register':
      return register(state, step.isOpen, ports)
    case 'publish':
      return publish(state, ports)
    case 'claim-start':
      return claimStart(state, step.startId, ports)
    case 'stop':
      return stopEgress(state, ports)
    case 'erase':
      return erase(state, ports)
    case 'expire':
      return expire(state, step.expiresAtMs, ports)
    case 'look-up':
      return lookUp(state, ports)
    case 'probe':
      return probe(state, ports)
    case 'conclude':
      return conclude(state, step.as, ports)
    default:
      return step satisfies never
  }
}

async function register(state: RecordingState, isOpen: boolean, ports: Ports): Promise<Outcome> {
  const before = state.registry.pause
  // From before it is told until it has answered, a kill leaves unknown what the registry has.
  if (state.registry.entry !== 'none') {
    return {
      change: (now) => ({ ...now, registry: { ...now.registry, entry: 'none' } }),
      entries: [],
      isFree: true,
    }
  }
  try {
    await ports.registry.put(state.egressId, isOpen)
    const entryNow = isOpen ? ('open' as const) : ('closed' as const)
    return {
      change: (now) => ({ ...now, registry: { pause: noPause, entry: entryNow } }),
      entries: [],
    }
  } catch (error) {
    const fault = faultOf(error)
    const pause = pauseAfter(before, fault, ports.clock.nowMs(), ports.clock.random())
    return {
      change: (now) => ({ ...now, registry: { ...now.registry, pause } }),
      entries: firstOf(before, 'registry.unavailable', fault),
    }
  }
}

async function publish(state: RecordingState, ports: Ports): Promise<Outcome> {
  const row = rowOf(state)
  if (row === null) return nothing
  // From before it is written until that is remembered, a kill leaves unknown what stands in the catalogue; by then the
  // evidence may be back to what the last row that we know of says.
  if (!state.catalogue.isUnsure) {
    return {
      change: (now) => ({ ...now, catalogue: { ...now.catalogue, isUnsure: true } }),
      entries: [],
      isFree: true,
    }
  }
  const { recording, json: published } = row
  const nowMs = ports.clock.nowMs()
  // Greater than before, and greater than what an object whose storage was lost had reached.
  const revision = Math.max(state.catalogue.revision + 1, nowMs)
  const before = state.catalogue
  const claims = claimsOf(state, ports.settings.tempPrefix)
  const newClaims = claims.filter((claim) => !before.claims.includes(claim))
  try {
    await ports.catalogue.put(recording, revision, newClaims)
  } catch (error) {
    const fault = faultOf(error)
    const pause = pauseAfter(before.pause, fault, nowMs, ports.clock.random())
    return {
      change: (now) => ({
        ...now,
        catalogue: { ...now.catalogue, pause, revision, isUnsure: true },
      }),
      entries: firstOf(before.pause, 'catalogue.unavailable', fault),
    }
  }
  const was =
    before.published === null ? null : (JSON.parse(before.published) as { status: string }).status
  return {
    change: (now) => ({
      ...now,
      catalogue: { pause: noPause, claims, revision, published, isUnsure: false },
    }),
    entries:
      was === recording.status
        ? []
        : [
            entry('status.changed', {
              from: was,
              to: recording.status,
              error: recording.error?.message ?? null,
            }),
          ],
  }
}

async function lookUp(state: RecordingState, ports: Ports): Promise<Outcome> {
  const nowMs = ports.clock.nowMs()
  const { livekit } = state
  try {
    const facts = await ports.livekit.egress(state.egressId)
    if (facts === null) {
      const goneSinceMs = livekit.goneSinceMs ?? nowMs
      const goneAnswers = livekit.goneAnswers + 1
      return {
        change: (now) =>
          settle({
            ...now,
            livekit: {
              pause: noPause,
              askedAtMs: nowMs,
              goneSinceMs,
              goneAnswers,
              isWanted: false,
            },
          }),
        entries: goneAnswers > 2 ? [] : [entry('livekit.unknown', { answer: goneAnswers })],
      }
    }
    return {
      observation: livekitSaid('list', facts, nowMs),
      change: (now) =>
        settle({
          ...now,
          livekit: {
            pause: noPause,
            askedAtMs: nowMs,
            goneSinceMs: null,
            goneAnswers: 0,
            isWanted: false,
          },
        }),
      entries: [],
    }
  } catch (error) {
    const fault = faultOf(error)
    const pause = pauseAfter(livekit.pause, fault, nowMs, ports.clock.random())
    return {
      change: (now) => ({ ...now, livekit: { ...now.livekit, pause } }),
      entries: firstOf(livekit.pause, 'livekit.unavailable', fault),
    }
  }
}

function conclude(state: RecordingState, as: Conclusion['as'], ports: Ports): Outcome {
  const nowMs = ports.clock.nowMs()
  const evidence = evidenceOf(state, as)
  return {
    change: (now) => concluded(now, as, nowMs, evidence),
    entries: [entry('recording.concluded', { as })],
  }
}
