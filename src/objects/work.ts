// The loop of one recording's object: ask what is next, do it, persist, ask again. It takes its memory, its outside worlds
// and its clock as arguments, so that the Worker and a simulation run the same code. A crash anywhere loses no more than
// the step that was under way, and every step may be done twice.
import { nextStep, observe } from '../recording/lifecycle.ts'
import type { Observation } from '../recording/observation.ts'
import type { Entry, RecordingState } from '../recording/state.ts'
import { perform } from './perform.ts'
import type { Outcome, Ports } from './outcome.ts'

/** What the object remembers. `commit` is all or nothing. */
export interface Memory {
  state(): RecordingState
  commit(state: RecordingState, entries: Entry[], observation?: Observation): void
}

/** Steps in one go, within the 50 subrequests that the smallest plan allows; the next go follows at once. */
const stepsPerGo = 12

/**
 * Works until nothing is due.
 * @returns when to come again, in ms; `null` when there is nothing left to do without new evidence
 */
export async function work(memory: Memory, ports: Ports): Promise<number | null> {
  for (let steps = 0; steps < stepsPerGo; steps += 1) {
    const step = nextStep(memory.state(), ports.clock.nowMs(), ports.settings)
    if (step.do === 'rest') return null
    if (step.do === 'wait') return step.untilMs
    remember(memory, await perform(step, memory.state(), ports), ports.clock.nowMs())
  }
  return ports.clock.nowMs()
}

/** Applies an outcome to what the state is by now: evidence may have arrived while the step was under way. */
function remember(memory: Memory, outcome: Outcome, atMs: number): void {
  const { observation, change } = outcome
  const informed = observation === undefined ? memory.state() : observe(memory.state(), observation)
  memory.commit(
    change(informed),
    outcome.entries.map((entry) => ({ ...entry, atMs })),
    observation,
  )
}
