// One recording's object as the platform runs it (src/objects/recording-object.ts, which needs workerd): a memory that outlives
// its process, an alarm, the same `observe`, `work` and `nextStep`. A crash loses what was not committed and nothing else.
import type { Ports } from '../../src/objects/outcome.ts'
import { work } from '../../src/objects/work.ts'
import type { Memory } from '../../src/objects/work.ts'
import { nextStep } from '../../src/recording/lifecycle.ts'
import type { Observation } from '../../src/recording/observation.ts'
import { newState } from '../../src/recording/state.ts'
import type { Entry, RecordingState } from '../../src/recording/state.ts'
import type { Rules } from './rules.ts'
import { Broken, Crash } from './world.ts'
import type { World } from './world.ts'

const afterCutMs = 120_000
const afterBugMs = 30_000
/** No recording of these histories needs nearly as many commits; more of them is work that never comes to rest. */
const mostCommits = 4_000

export class Actor {
  readonly egressId: string
  alarmAtMs: number | null = null
  commits = 0
  /** What was observed, for the invariants: `<status>:<updatedAtUs>` of everything that LiveKit said. */
  readonly heard = new Set<string>()
  readonly heardPaths = new Set<string>()
  /** The changes of status as the timeline tells them. */
  readonly changes: Entry['detail'][] = []
  readonly #world: World
  readonly #ports: Ports
  readonly #rules: Rules
  readonly #ids = new Set<string>()
  #state: RecordingState
  #life = 0

  constructor(egressId: string, world: World, ports: Ports, rules: Rules) {
    this.egressId = egressId
    this.#world = world
    this.#ports = ports
    this.#rules = rules
    this.#state = newState(egressId)
  }

  get state(): RecordingState {
    return this.#state
  }

  get isKnown(): boolean {
    return this.#state.seen.firstHeardAtMs !== null
  }

  observe(observation: Observation): boolean {
    if (this.#ids.has(observation.id)) return false
    this.#world.tell(() => `${this.egressId} is told ${observation.source} ${observation.id}`)
    this.#commit(this.#rules.observe(this.#state, observation), [], observation)
    this.#arm()
    return true
  }

  wake(): void {
    if (this.isKnown) this.#arm()
  }

  /** The alarm: works until nothing is due, or dies. */
  async go(): Promise<void> {
    this.#life += 1
    const life = this.#life
    this.alarmAtMs = this.#world.nowMs + afterCutMs
    try {
      this.alarmAtMs = await work(this.#memory(life), this.#ports)
    } catch (error) {
      if (error instanceof Broken) throw error
      if (!(error instanceof Crash)) {
        this.#world.tell(() => `${this.egressId} BUG ${String(error)}`)
        throw new Broken('no step throws', String(error))
      }
      this.#crash()
    }
  }

  /** What a dead process still wanted to commit is gone with it. */
  #memory(life: number): Memory {
    const assertAlive = (): void => {
      if (life !== this.#life) throw new Crash()
    }
    return {
      state: () => {
        assertAlive()
        return this.#state
      },
      commit: (state, entries, observation) => {
        assertAlive()
        this.#commit(this.#rules.revise(state), entries, observation)
      },
    }
  }

  #commit(state: RecordingState, entries: Entry[], observation?: Observation): void {
    this.commits += 1
    if (this.commits > mostCommits) {
      throw new Broken('the work comes to rest', `${this.egressId} after ${mostCommits} commits`)
    }
    const isNew = observation !== undefined && !this.#ids.has(observation.id)
    if (observation !== undefined) {
      this.#ids.add(observation.id)
      const { egress } = observation
      if (egress !== null) this.heard.add(`${egress.status}:${egress.updatedAtUs}`)
      for (const output of egress?.outputs ?? []) this.heardPaths.add(output.path)
    }
    const sequence = state.sequence + entries.length + (isNew ? 1 : 0)
    this.#state = { ...state, sequence }
    for (const { type, detail } of entries) {
      if (type === 'status.changed') this.changes.push(detail)
      this.#world.tell(() => `${this.egressId} ${type} ${JSON.stringify(detail)}`)
    }
  }

  #crash(): void {
    this.#life += 1
    // Whatever was not plain JSON does not come back.
    this.#state = JSON.parse(JSON.stringify(this.#state)) as RecordingState
    const { random, weather, nowMs } = this.#world
    const isLost = this.#state.registry.entry === 'open' && random.chance(weather.lostAlarm)
    if (isLost) this.#world.tell(() => `${this.egressId} loses its alarm`)
    this.alarmAtMs = isLost
      ? null
      : Math.max(nowMs + afterBugMs, Math.min(this.alarmAtMs ?? nowMs, nowMs + afterCutMs))
  }

  #arm(): void {
    const { nowMs } = this.#world
    const step = nextStep(this.#state, nowMs, this.#ports.settings)
    this.alarmAtMs = step.do === 'rest' ? null : step.do === 'wait' ? step.untilMs : nowMs
  }
}
