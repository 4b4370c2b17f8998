// The sweep: walks the temp folder and LiveKit's list, and tells each recording's object what it has not heard, through the
// same door as a webhook. Exists for webhooks that were lost. It writes no recording and moves no file, so it may run
// twice, stop half-way or be days late; it goes on where it stopped, within the requests that one run may make.
import { savePosition, saveReport, takeLease } from '../catalog/sweeps.ts'
import type { SweepPosition, SweepReport } from '../catalog/sweeps.ts'
import type { Config } from '../config.ts'
import { logError, logInfo, messageOf } from '../log.ts'
import { S3 } from '../storage/s3.ts'
import { Budget } from './run.ts'
import type { Run } from './run.ts'
import { sweepFinal } from './sweep-final.ts'
import { sweepLiveKit } from './sweep-livekit.ts'
import { sweepPage } from './sweep-page.ts'

/** Longer than any run can take; a lease whose holder died is free after it. */
const leaseMs = 15 * 60_000
/** Kept for what a run needs at its end: position, report, and the oldest report's removal. */
const closingRequests = 3
const objectsPerPage = 1000
/** A listing, two queries, one object of it, two statements of notes, the position. */
const requestsPerPage = 9
/** A recording with work that nobody has heard of for so long may have lost its alarm. */
const asleepAfterMs = 30 * 60_000
const sleepersPerRun = 5

/** One run. @returns its report, or `null` when another one is under way */
export async function sweep(
  env: Env,
  config: Config,
  trigger: SweepReport['trigger'],
): Promise<SweepReport | null> {
  const nowMs = Date.now()
  const position = await takeLease(env.DB, nowMs, nowMs + leaseMs)
  if (position === null) return null
  const report = newReport(nowMs, trigger)
  const store = new S3(config.storage)
  const budget = new Budget(config.subrequests - closingRequests, store)
  budget.spend()
  const run: Run = { env, config, store, budget, report, counted: new Set(), nowMs }
  // Each part by itself: LiveKit's outage must not keep the bucket from being looked at.
  await attempt(report, 'registry', async () => wakeSleepers(run))
  // After a failure from the beginning of the list: the token of a page may have been what failed.
  const livekitPage = await attempt(report, 'livekit', async () =>
    sweepLiveKit(run, position.livekitPage),
  )
  const { afterKey, finalEgressId } = position
  const reached: SweepPosition = { livekitPage: livekitPage ?? null, afterKey, finalEgressId }
  await attempt(report, 'store', async () => sweepFolder(run, reached))
  await attempt(report, 'final', async () => {
    reached.finalEgressId = await sweepFinal(run, finalEgressId)
  })
  report.cursor = reached.afterKey
  report.finishedAt = new Date().toISOString()
  report.subrequests = budget.spent + closingRequests
  await savePosition(env.DB, reached, 0)
  await saveReport(env.DB, report)
  const { sweepId, seen, adopted, recovered, orphans, woken, missing } = report
  const errors = report.errors.length
  logInfo('sweep.finished', { sweepId, seen, adopted, recovered, orphans, woken, missing, errors })
  return report
}

function newReport(nowMs: number, trigger: SweepReport['trigger']): SweepReport {
  const startedAt = new Date(nowMs).toISOString()
  return {
    sweepId: `${startedAt}-${crypto.randomUUID().slice(0, 8)}`,
    startedAt,
    finishedAt: startedAt,
    trigger,
    seen: 0,
    adopted: 0,
    recovered: 0,
    orphans: 0,
    woken: 0,
    missing: 0,
    errors: [],
    cursor: null,
    subrequests: 0,
  }
}

async function attempt<T>(
  report: SweepReport,
  what: string,
  act: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    report.errors.push(`${what}: ${messageOf(error)}`)
    logError('sweep.failed', { what, error: messageOf(error) })
    return undefined
  }
}

async function wakeSleepers({ env, budget, report, nowMs }: Run): Promise<void> {
  budget.spend()
  const registry = env.REGISTRY.getByName('egresses')
  for (const egressId of await registry.takeSleepers(nowMs - asleepAfterMs, sleepersPerRun)) {
    budget.spend()
    await env.RECORDING.getByName(egressId).wake()
    report.woken += 1
  }
}

/** The temp folder from where the last run stopped. Moves `reached` on: to the last key dealt with, `null` at the end. */
async function sweepFolder(run: Run, reached: SweepPosition): Promise<void> {
  const { store, config, budget, env } = run
  while (budget.has(requestsPerPage)) {
    const { afterKey } = reached
    const prefix = config.tempPrefix
    const page = await store.list({ prefix, after: afterKey, limit: objectsPerPage })
    reached.afterKey = await sweepPage(run, page, afterKey)
    if (reached.afterKey === null || reached.afterKey !== page.next) return
    budget.spend()
    await savePosition(env.DB, reached, Date.now() + leaseMs)
  }
}
