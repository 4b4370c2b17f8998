// The steps that concern the egress itself: what was wished at its start is asked for, and LiveKit is told to end it. Both
// are done again until they are answered; whatever LiveKit answers to a stop, only its own word that the egress has ended
// ends the recording.
import { stopWantedAtMs } from '../recording/lifecycle.ts'
import { livekitSaid } from '../recording/observation.ts'
import { startObservation } from '../recording/start.ts'
import type { RecordingState } from '../recording/state.ts'
import { noPause, pauseAfter } from '../recording/state.ts'
import { entry, faultOf, firstOf } from './outcome.ts'
import type { Outcome, Ports } from './outcome.ts'

/** Asks the start that the egress came of for what was wished. */
export async function claimStart(
  state: RecordingState,
  startId: string,
  ports: Ports,
): Promise<Outcome> {
  const before = state.start.pause
  try {
    const started = await ports.starts.claim(startId, state.egressId)
    if (started === null) {
      return {
        change: (now) => ({ ...now, start: { pause: noPause, unknownId: startId } }),
        entries: [entry('start.unknown', { startId })],
      }
    }
    return {
      observation: startObservation(startId, started),
      change: (now) => ({ ...now, start: { ...now.start, pause: noPause } }),
      entries: [],
    }
  } catch (error) {
    const fault = faultOf(error)
    const pause = pauseAfter(before, fault, ports.clock.nowMs(), ports.clock.random())
    return {
      change: (now) => ({ ...now, start: { ...now.start, pause } }),
      entries: firstOf(before, 'start.unavailable', fault),
    }
  }
}

/** Tells LiveKit to end the egress. */
export async function stopEgress(state: RecordingState, ports: Ports): Promise<Outcome> {
  const before = state.stop.pause
  const nowMs = ports.clock.nowMs()
  const isAsked = state.seen.wishes.stop?.atMs === stopWantedAtMs(state)
  try {
    const answer = await ports.livekit.stop(state.egressId)
    const stop = { pause: noPause, sentAtMs: nowMs }
    if (answer.kind === 'stopping') {
      return {
        observation: livekitSaid('stop', answer.facts, nowMs),
        change: (now) => ({ ...now, stop }),
        entries: [entry('stop.sent', { why: isAsked ? 'asked' : 'max-duration' })],
      }
    }
    // Ended or forgotten: LiveKit is asked what became of it.
    return {
      change: (now) => ({ ...now, stop, livekit: { ...now.livekit, isWanted: true } }),
      entries: [entry('stop.needless', { answer: answer.kind })],
    }
  } catch (error) {
    const fault = faultOf(error)
    const pause = pauseAfter(before, fault, ports.clock.nowMs(), ports.clock.random())
    return {
      change: (now) => ({ ...now, stop: { ...now.stop, pause } }),
      entries: firstOf(before, 'stop.failed', fault),
    }
  }
}
