// What one run of the sweep carries along: its worlds, its report, and how many requests it has made. The smallest plan
// allows 50 of them to an invocation; a run that would need more stops, and the next one goes on.
import type { SweepReport } from '../catalog/sweeps.ts'
import type { Config } from '../config.ts'
import { logInfo } from '../log.ts'
import type { Observation } from '../recording/observation.ts'
import type { S3 } from '../storage/s3.ts'

/**
 * Requests of one invocation. Those to the store are counted where they are sent: one look may need several. The others
 * are told with `spend`, before they are made, so that a failed one counts as well.
 */
export class Budget {
  readonly limit: number
  readonly #store: S3
  #told = 0

  constructor(limit: number, store: S3) {
    this.limit = limit
    this.#store = store
  }

  get spent(): number {
    return this.#told + this.#store.requests.sent
  }

  /** True while so many more requests may be made. */
  has(requests: number): boolean {
    return this.spent + requests <= this.limit
  }

  spend(requests = 1): void {
    this.#told += requests
  }
}

export interface Run {
  env: Env
  config: Config
  store: S3
  budget: Budget
  report: SweepReport
  /** Recordings that are counted in the report: several witnesses may speak of one. */
  counted: Set<string>
  nowMs: number
}

/** Tells a recording's object, by the same door as a webhook. */
export async function tell(
  { env, report, counted, budget }: Run,
  egressId: string,
  seen: Observation,
  isKnown: boolean,
): Promise<void> {
  budget.spend()
  const { isNew } = await env.RECORDING.getByName(egressId).observe(seen)
  if (!isNew) return
  if (!counted.has(egressId)) report[isKnown ? 'recovered' : 'adopted'] += 1
  counted.add(egressId)
  logInfo('sweep.told', { egressId, source: seen.source, type: seen.type, isKnown })
}
