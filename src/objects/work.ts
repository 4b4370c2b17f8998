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

/** The platform cuts an alarm off after 15 minutes; the last step of a go may be a copy that takes ten. */
const longestGoMs = 3 * 60_000

/** Requests that any step of a file, a look-up or a write to the catalogue may need. */
const requestsPerStep = 5

/**
 * Works until nothing is due.
 * @returns when to come again, in ms; `null` when there is nothing left to do without new evidence
 */
export async function work(memory: Memory, ports: Ports): Promise<number | null> {
  const { subrequests } = ports.settings
  const untilMs = ports.clock.nowMs() + longestGoMs
  for (let spent = 0; ;) {
    const step = nextStep(memory.state(), ports.clock.nowMs(), ports.settings)
    if (step.do === 'rest') return null
    if (step.do === 'wait') return step.untilMs
    // A step of a folder, or of a removal, takes all that a go may spend; the next go follows at once.
    const cost = 'path' in step || step.do === 'erase' ? subrequests : requestsPerStep
    // What became of the last copy is still told to the catalogue.
    const isLate = ('name' in step || 'path' in step) && ports.clock.nowMs() >= untilMs
    if (spent > 0 && (isLate || spent + cost > subrequests)) return ports.clock.nowMs()
    const outcome = await perform(step, memory.state(), ports)
    if (outcome.isFree !== true) spent += cost
    remember(memory, outcome, ports.clock.nowMs())
  }
}

/** Applies an outcome to what the state is by now: evidence may have arrived while the step was under way. */
export function remember(memory: Memory, outcome: Outcome, atMs: number): void {
  const { observation, change } = outcome
  const informed = observation === undefined ? memory.state() : observe(memory.state(), observation)
  memory.commit(
    change(informed),
    outcome.entries.map((entry) => ({ ...entry, atMs })),
    observation,
  )
}
