// One page of the temp folder: whose is each object, what of it is news, and to whom. One query for the claims of the whole
// page, one for what is known of it, one batch for what has to be remembered; objects are called only for news.
import {
  noteObjects,
  readClaims,
  readKnownObjects,
  readStandings,
} from '../catalog/temp-objects.ts'
import { logError, logInfo, messageOf } from '../log.ts'
import { isEgressId } from '../recording/keys.ts'
import { observation } from '../recording/observation.ts'
import type { ObjectFact } from '../recording/observation.ts'
import type { ListPage } from '../recording/ports.ts'
import { claimKeysOf, classify } from './classify.ts'
import type { Finding } from './classify.ts'
import { manifestAt } from './manifest-object.ts'
import { tell } from './run.ts'
import type { Run } from './run.ts'

/** Requests that one object may need: to read it, to look at its metadata in up to three requests, to ask, to tell. */
const requestsPerObject = 6
/** Statements of what is noted at the end of a page. */
const requestsOfNotes = 2
/** A webhook and the move that follows it get so long, or the grace period where that is shorter. */
const youngForMs = 120_000
/** So many objects of one page that cannot be dealt with are an outage, not an odd object. */
const mostFailures = 3

/** Deals with a page. @returns `page.next` when all of it was dealt with, else the last key that was */
export async function sweepPage(
  run: Run,
  page: ListPage,
  afterKey: string | null,
): Promise<string | null> {
  const { env, budget, report, nowMs, config } = run
  const keys = page.objects.flatMap(({ key }) => claimKeysOf(key))
  budget.spend(2)
  const claims = await readClaims(env.DB, [...new Set(keys)])
  const known = await readKnownObjects(env.DB, afterKey ?? '', page.next)
  const knownByKey = new Map(known.map((object) => [object.key, object]))
  const young = Math.min(youngForMs, config.graceMs)
  const stayed: { object: ObjectFact; egressId: string | null }[] = []
  let reached = afterKey
  let failures = 0
  let isWhole = true
  for (const object of page.objects) {
    const finding = classify(object, claims, knownByKey.get(object.key), nowMs, young)
    if (finding.kind !== 'none') {
      isWhole = budget.has(requestsPerObject + requestsOfNotes) && failures < mostFailures
      if (!isWhole) break
      try {
        stayed.push({ object, egressId: await dealWith(run, object, finding) })
      } catch (error) {
        // Not noted, so that the next round tries it again; the objects behind it are not kept waiting.
        failures += 1
        report.errors.push(`${object.key}: ${messageOf(error)}`)
        logError('sweep.object-failed', { key: object.key, error: messageOf(error) })
      }
    }
    report.seen += 1
    reached = object.key
  }
  const listed = new Set(page.objects.map(({ key }) => key))
  const gone = known.map(({ key }) => key).filter((key) => !listed.has(key))
  budget.spend(Math.min(stayed.length, 1) + Math.min(gone.length, 1))
  await noteObjects(env.DB, stayed, gone, nowMs)
  return isWhole ? page.next : reached
}

/** @returns the egress that was told, `null` for an orphan */
async function dealWith(
  run: Run,
  object: ObjectFact,
  finding: Exclude<Finding, { kind: 'none' }>,
): Promise<string | null> {
  switch (finding.kind) {
    case 'manifest':
      return (await tellManifest(run, object)) ?? tellOwner(run, object)
    case 'claimed': {
      const { egressId, status } = finding
      const isKnown = status !== null || (await isInCatalogue(run, egressId))
      return tellObject(run, object, egressId, isKnown)
    }
    case 'unclaimed':
      return tellOwner(run, object)
    default:
      return finding satisfies never
  }
}

async function tellManifest(run: Run, object: ObjectFact): Promise<string | null> {
  const read = await manifestAt(run.store, object, run.nowMs)
  if (read === null) return null
  await tell(run, read.egressId, read.observation, await isInCatalogue(run, read.egressId))
  return read.egressId
}

async function isInCatalogue({ env, budget }: Run, egressId: string): Promise<boolean> {
  budget.spend()
  return (await readStandings(env.DB, [egressId])).has(egressId)
}

async function tellObject(
  run: Run,
  object: ObjectFact,
  egressId: string,
  isKnown: boolean,
): Promise<string> {
  const { key, etag, lastModifiedMs } = object
  const id = `object:${key}:${etag}:${lastModifiedMs}`
  const objects = [object]
  const seen = { id, source: 'object', type: 'object', observedAtMs: run.nowMs, objects } as const
  await tell(run, egressId, observation({ ...seen, objects }), isKnown)
  return egressId
}

/** The last witness of whose an object is: what its metadata says. Otherwise nobody claims it. */
async function tellOwner(run: Run, object: ObjectFact): Promise<string | null> {
  const head = await run.store.head(object.key)
  const named = head?.metadata['egress-id']
  if (named !== undefined && isEgressId(named)) {
    return tellObject(run, object, named, await isInCatalogue(run, named))
  }
  run.report.orphans += 1
  logInfo('orphan.found', { key: object.key, sizeBytes: object.sizeBytes })
  return null
}
