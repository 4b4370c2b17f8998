// LiveKit as the object and the sweep ask it: an ended egress is forgotten after 24 hours, a zombie never, and a fault of its
// Redis shows as an empty answer (livekit.md §5).
import type { EgressFacts } from '../../src/recording/observation.ts'
import type { LiveKit, StopAnswer } from '../../src/recording/ports.ts'
import { isTerminal } from '../../src/recording/seen.ts'
import type { History, Life, Told } from './history.ts'
import type { World } from './world.ts'

const remembersMs = 24 * 3_600_000

export class PretendLiveKit implements LiveKit {
  readonly #world: World
  readonly #history: History

  constructor(world: World, history: History) {
    this.#world = world
    this.#history = history
  }

  async egress(egressId: string): Promise<EgressFacts | null> {
    return this.#world.outside('livekit', `ListEgress ${egressId}`, () => {
      const life = this.#history.lives.find((known) => known.egressId === egressId)
      const told = life === undefined || this.#isBlip() ? null : this.#now(life)
      this.#world.tell(() => `LiveKit says of ${egressId}: ${told?.facts.status ?? 'unknown'}`)
      return told?.facts ?? null
    })
  }

  /** An egress that is told to end takes its time: as long as its history says. */
  async stop(egressId: string): Promise<StopAnswer> {
    return this.#world.outside('livekit', `StopEgress ${egressId}`, () => {
      const life = this.#history.lives.find((known) => known.egressId === egressId)
      const told = life === undefined ? null : this.#now(life)
      if (told === null) return { kind: 'gone' }
      return isTerminal(told.facts) ? { kind: 'ended' } : { kind: 'stopping', facts: told.facts }
    })
  }

  async list(): Promise<{ egressId: string; facts: EgressFacts }[]> {
    return this.#world.outside('livekit', 'ListEgress', () => {
      if (this.#isBlip()) return []
      return this.#history.lives.flatMap((life) => {
        const told = this.#now(life)
        return told === null ? [] : [{ egressId: life.egressId, facts: told.facts }]
      })
    })
  }

  /** The last thing that LiveKit knows of an egress now. */
  #now(life: Life): Told | null {
    const told = life.told.findLast(({ atMs }) => atMs <= this.#world.nowMs)
    if (told === undefined) return null
    const endedAtMs = told.facts.terminalAtMs
    return endedAtMs !== null && endedAtMs + remembersMs < this.#world.nowMs ? null : told
  }

  #isBlip(): boolean {
    return this.#world.random.chance(this.#world.weather.blip)
  }
}
