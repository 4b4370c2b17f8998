// The sweep in the storm: the real walk over the temp folder (src/reconcile/sweep-page.ts) and the real question what of
// LiveKit's list is news, on the storm's bucket, database and LiveKit. Like the real one it may die anywhere and goes on
// where it stopped.
import { readStandings } from '../../src/catalog/temp-objects.ts'
import type { Config } from '../../src/config.ts'
import { Budget, tell } from '../../src/reconcile/run.ts'
import type { Run } from '../../src/reconcile/run.ts'
import { isNews } from '../../src/reconcile/sweep-livekit.ts'
import { sweepPage } from '../../src/reconcile/sweep-page.ts'
import { livekitSaid } from '../../src/recording/observation.ts'
import type { Observation } from '../../src/recording/observation.ts'
import type { Registry } from '../../src/recording/ports.ts'
import type { Settings } from '../../src/recording/state.ts'
import type { S3 } from '../../src/storage/s3.ts'
import { tempPrefix } from './bucket.ts'
import type { Bucket } from './bucket.ts'
import type { StormDatabase } from './database.ts'
import type { PretendLiveKit } from './livekit.ts'
import { Broken, Crash } from './world.ts'
import type { World } from './world.ts'

const asleepAfterMs = 30 * 60_000

/** Knows which recordings have work left, as src/objects/registry-object.ts does. */
export class PretendRegistry implements Registry {
  readonly #world: World
  readonly #entries = new Map<string, { isOpen: boolean; changedAtMs: number }>()

  constructor(world: World) {
    this.#world = world
  }

  async put(egressId: string, isOpen: boolean): Promise<void> {
    this.#world.outside('registry', `put ${egressId}`, () => {
      this.#entries.set(egressId, { isOpen, changedAtMs: this.#world.nowMs })
    })
  }

  /** What it has of an egress. */
  entryOf(egressId: string): 'none' | 'open' | 'closed' {
    const entry = this.#entries.get(egressId)
    if (entry === undefined) return 'none'
    return entry.isOpen ? 'open' : 'closed'
  }

  takeSleepers(beforeMs: number): string[] {
    return this.#world.outside('registry', 'take sleepers', () =>
      [...this.#entries]
        .filter(([, entry]) => entry.isOpen && entry.changedAtMs < beforeMs)
        .map(([egressId, entry]) => {
          entry.changedAtMs = this.#world.nowMs
          return egressId
        }),
    )
  }
}

/** What the sweep reaches. */
export interface SweepWorld {
  world: World
  bucket: Bucket
  database: StormDatabase
  livekit: PretendLiveKit
  registry: PretendRegistry
  settings: Settings
  objectsPerPage: number
  /** The door of an egress's object. */
  observe: (egressId: string, seen: Observation) => boolean
  wake: (egressId: string) => void
  /** LiveKit said this, and the sweep had the chance to tell it. */
  answered: (egressId: string, status: string, updatedAtUs: number) => void
}

export class Sweep {
  readonly #reach: SweepWorld
  #afterKey: string | null = null

  constructor(reach: SweepWorld) {
    this.#reach = reach
  }

  /** The round has come to the end of the folder. */
  get isAtEnd(): boolean {
    return this.#afterKey === null
  }

  /** One run, in the budget of the smallest plan. */
  async run(): Promise<void> {
    const { world, database, bucket, settings } = this.#reach
    world.tell(() => 'a sweep begins')
    const env = {
      DB: database.asD1,
      RECORDING: {
        getByName: (egressId: string) => ({
          observe: async (seen: Observation) => {
            world.outside('object', `observe ${egressId}`, () => undefined)
            return { isNew: this.#reach.observe(egressId, seen) }
          },
        }),
      },
    } as unknown as Env
    const before = bucket.calls
    const counter = {
      requests: {
        get sent(): number {
          return bucket.calls - before
        },
      },
    }
    const report = { seen: 0, adopted: 0, recovered: 0, orphans: 0, woken: 0, errors: [] }
    const run: Run = {
      env,
      config: { ...settings } as unknown as Config,
      store: bucket as unknown as S3,
      budget: new Budget(settings.subrequests, counter as unknown as S3),
      report: report as unknown as Run['report'],
      counted: new Set(),
      nowMs: world.nowMs,
    }
    try {
      await attempt(async () => this.#wakeSleepers(run))
      await attempt(async () => this.#livekit(run))
      await attempt(async () => this.#folder(run))
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      world.tell(() => 'the sweep dies')
    }
  }

  async #wakeSleepers({ nowMs }: Run): Promise<void> {
    for (const egressId of this.#reach.registry.takeSleepers(nowMs - asleepAfterMs)) {
      this.#reach.wake(egressId)
    }
  }

  async #livekit(run: Run): Promise<void> {
    const egresses = await this.#reach.livekit.list()
    const ids = egresses.map(({ egressId }) => egressId)
    const standings = await readStandings(run.env.DB, ids)
    for (const { egressId, facts } of egresses) {
      const standing = standings.get(egressId)
      const { terminalAtMs, updatedAtUs } = facts
      const isYoung = terminalAtMs !== null && terminalAtMs > run.nowMs - 120_000
      if (isNews(facts, standing, run.nowMs)) {
        await tell(run, egressId, livekitSaid('list', facts, run.nowMs), standing !== undefined)
      }
      if (!isYoung) this.#reach.answered(egressId, facts.status ?? '', updatedAtUs ?? 0)
    }
  }

  async #folder(run: Run): Promise<void> {
    while (run.budget.has(5)) {
      const page = await this.#reach.bucket.list({
        prefix: tempPrefix,
        after: this.#afterKey,
        limit: this.#reach.objectsPerPage,
      })
      const reached = await sweepPage(run, page, this.#afterKey ?? '')
      this.#afterKey = reached
      if (reached !== page.next || reached === null) return
    }
  }
}

/** Each part by itself, as in src/reconcile/sweep.ts; a crash and a broken invariant are no part's own. */
async function attempt(act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (error instanceof Crash || error instanceof Broken) throw error
  }
}
