// LiveKit's list, running and ended, page by page: what the catalogue lacks is adopted, an end that it has not heard of is
// told. A list proves what is in it and nothing by what is not: an empty page may be a fault of LiveKit's own store.
import { readStandings } from '../catalog/temp-objects.ts'
import type { Standing } from '../catalog/temp-objects.ts'
import { LiveKitEgress } from '../livekit/egress.ts'
import { logError, messageOf } from '../log.ts'
import { isEgressId } from '../recording/keys.ts'
import { livekitSaid } from '../recording/observation.ts'
import type { EgressFacts } from '../recording/observation.ts'
import { isTerminal } from '../recording/seen.ts'
import type { Status } from '../recording/status.ts'
import { tell } from './run.ts'
import type { Run } from './run.ts'

/** Recordings that LiveKit's word of their end is news to. */
const waitingForAnEnd = new Set<Status>(['starting', 'active', 'ending'])
/** Recordings that LiveKit's word of a file is news to. */
const endedWithoutFile = new Set<Status>(['failed', 'aborted'])
/** LiveKit's words for what runs, and the recordings that each is news to: a later word may name the file anew. */
const furtherThan: Record<string, ReadonlySet<Status>> = {
  EGRESS_ACTIVE: new Set(['starting']),
  EGRESS_ENDING: new Set(['starting', 'active']),
}
/** An end that LiveKit is telling by webhook just now. */
const youngForMs = 60_000

/** @returns the page to go on with, `null` at the end of the list */
export async function sweepLiveKit(run: Run, fromPage: string | null): Promise<string | null> {
  const { env, config, budget, report, nowMs } = run
  const livekit = new LiveKitEgress(config.livekit)
  // Half of the run at most: the other half belongs to the bucket.
  const most = Math.floor(budget.limit / 2)
  const has = (requests: number): boolean => budget.spent + requests <= most
  let pageToken = fromPage
  while (has(3)) {
    budget.spend(2)
    const page = await livekit.list({ pageToken })
    const egresses = page.egresses.filter(({ egressId }) => isEgressId(egressId))
    const standings = await readStandings(
      env.DB,
      egresses.map(({ egressId }) => egressId),
    )
    for (const { egressId, facts } of egresses) {
      const standing = standings.get(egressId)
      if (!isNews(facts, standing, nowMs)) continue
      // The same page again in the next run: by then the catalogue knows those that were told.
      if (!has(1)) return pageToken
      try {
        await tell(run, egressId, livekitSaid('list', facts, nowMs), standing !== undefined)
      } catch (error) {
        // One object that is out of order must not keep the sweep from all the others.
        report.errors.push(`${egressId}: ${messageOf(error)}`)
        logError('sweep.not-told', { egressId, error: messageOf(error) })
      }
    }
    pageToken = page.nextPageToken
    if (pageToken === null) return null
  }
  return pageToken
}

/** True when the recording has to be told what LiveKit's list says of its egress. */
export function isNews(facts: EgressFacts, standing: Standing | undefined, nowMs: number): boolean {
  if ((facts.terminalAtMs ?? 0) > nowMs - youngForMs) return false
  // What was given up for lost and is in the list lives, or a zombie says what it has said before.
  if (standing === undefined || standing.status === 'lost') return true
  const { status, egressStatus, egressEndedAtMs, isOfTheBucket } = standing
  if (!isTerminal(facts)) return isFurther(facts, status)
  // A second run of what had ended: it may have written another file over the first one.
  if ((facts.terminalAtMs ?? 0) > (egressEndedAtMs ?? 0)) return true
  // What was deleted before LiveKit's end was heard may have a file whose name nobody knows: it is to go as well.
  if (status === 'deleted' && egressStatus !== facts.status) return true
  // The bucket tells of files, and not of a failure, a limit, a room, or a live playlist.
  if (isOfTheBucket) return true
  // Whatever the first attempt came to, a later one supersedes it.
  if (waitingForAnEnd.has(status) || facts.retryCount > 0) return true
  const hasFile = facts.outputs?.some((output) => output.located) ?? false
  return hasFile && endedWithoutFile.has(status)
}

function isFurther({ status: egressStatus, retryCount }: EgressFacts, status: Status): boolean {
  // Another attempt runs, whatever the one before it came to; which one the catalogue speaks of, it does not say.
  if (retryCount > 0) return true
  return furtherThan[egressStatus ?? '']?.has(status) ?? false
}
