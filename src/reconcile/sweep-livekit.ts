// LiveKit's list, running and ended, page by page: what the catalogue lacks is adopted, an end that it has not heard of is
// told. A list proves what is in it and nothing by what is not: an empty page may be a fault of LiveKit's own store.
import { readStatuses } from '../catalog/temp-objects.ts'
import { LiveKitEgress } from '../livekit/egress.ts'
import { observation } from '../recording/observation.ts'
import { isNews } from './classify.ts'
import { tell } from './run.ts'
import type { Run } from './run.ts'

/** @returns the page to go on with, `null` at the end of the list */
export async function sweepLiveKit(run: Run, fromPage: string | null): Promise<string | null> {
  const { env, config, budget, report, nowMs } = run
  const livekit = new LiveKitEgress(config.livekit)
  // Half of the run at most: the other half belongs to the bucket.
  const most = Math.floor(budget.limit / 2)
  const has = (requests: number): boolean => budget.spent + requests <= most
  let pageToken = fromPage
  while (has(2)) {
    const page = await livekit.list({ pageToken })
    const ids = page.egresses.map(({ egressId }) => egressId)
    const statuses = await readStatuses(env.DB, ids)
    budget.spend(2)
    for (const { egressId, facts } of page.egresses) {
      const status = statuses.get(egressId)
      if (!isNews(facts, status, nowMs)) continue
      if (!has(1)) return pageToken
      const id = `livekit:${facts.status}:${facts.updatedAtUs}`
      const said = {
        id,
        source: 'livekit',
        type: 'list',
        observedAtMs: nowMs,
        egress: facts,
      } as const
      await tell(run, egressId, observation(said), status !== undefined)
    }
    pageToken = page.nextPageToken
    if (pageToken === null) return null
  }
  report.errors.push('livekit: the list goes on in the next run')
  return pageToken
}
