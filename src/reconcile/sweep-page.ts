// One page of the temp folder: whose is each object, what of it is news, and to whom. One query for the claims of the whole
// page, one for what is known of it, one batch for what has to be remembered; objects are called only for news.
import { noteObjects, readClaims, readKnownObjects, readStatuses } from '../catalog/temp-objects.ts'
import type { Claim } from '../catalog/temp-objects.ts'
import { readManifest } from '../livekit/manifest.ts'
import { logInfo } from '../log.ts'
import { isEgressId } from '../recording/keys.ts'
import { observation } from '../recording/observation.ts'
import type { ObjectFact } from '../recording/observation.ts'
import type { ListPage } from '../recording/ports.ts'
import { claimKeysOf, classify } from './classify.ts'
import type { Finding } from './classify.ts'
import { tell } from './run.ts'
import type { Run } from './run.ts'

/** Requests that one object may need: to read it, to ask the catalogue, to tell. */
const requestsPerObject = 3
/** A webhook and the move that follows it get so long, or the grace period where that is shorter. */
const youngForMs = 120_000

/** Deals with a page. @returns `page.next` when all of it was dealt with, else the last key that was */
export async function sweepPage(
  run: Run,
  page: ListPage,
  afterKey: string,
): Promise<string | null> {
  const { env, budget, report, nowMs, config } = run
  const keys = page.objects.flatMap(({ key }) => claimKeysOf(key))
  const claims = await readClaims(env.DB, [...new Set(keys)])
  const known = await readKnownObjects(env.DB, afterKey, page.next)
  budget.spend(2)
  const knownByKey = new Map(known.map((object) => [object.key, object]))
  const young = Math.min(youngForMs, config.graceMs)
  const stayed: { object: ObjectFact; egressId: string | null }[] = []
  let lastKey = afterKey
  let isWhole = true
  for (const object of page.objects) {
    const finding = classify(object, claims, knownByKey.get(object.key), nowMs, young)
    if (finding.kind !== 'none') {
      isWhole = budget.has(requestsPerObject + 1)
      if (!isWhole) break
      stayed.push({ object, egressId: await dealWith(run, object, finding, claims) })
    }
    report.seen += 1
    lastKey = object.key
  }
  const listed = new Set(page.objects.map(({ key }) => key))
  const gone = known
    .map(({ key }) => key)
    .filter((key) => !listed.has(key) && (isWhole || key <= lastKey))
  await noteObjects(env.DB, stayed, gone, nowMs)
  if (stayed.length > 0 || gone.length > 0) budget.spend()
  return isWhole ? page.next : lastKey
}

/** @returns the egress that was told, `null` for an orphan */
async function dealWith(
  run: Run,
  object: ObjectFact,
  finding: Exclude<Finding, { kind: 'none' }>,
  claims: ReadonlyMap<string, Claim>,
): Promise<string | null> {
  switch (finding.kind) {
    case 'manifest':
      return (await tellManifest(run, object)) ?? tellOwner(run, object)
    case 'claimed': {
      const isKnown = [...claims.values()].some(
        (claim) => claim.egressId === finding.egressId && claim.status !== null,
      )
      return tellObject(run, object, finding.egressId, isKnown)
    }
    case 'unclaimed':
      return tellOwner(run, object)
    default:
      return finding satisfies never
  }
}

async function tellManifest(run: Run, object: ObjectFact): Promise<string | null> {
  const body = await run.store.text(object.key)
  const read = body === null ? null : readManifest(object.key, object.etag, body, run.nowMs)
  run.budget.spend()
  if (read === null) return null
  const known = await readStatuses(run.env.DB, [read.egressId])
  run.budget.spend()
  await tell(run, read.egressId, read.observation, known.has(read.egressId))
  return read.egressId
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
  run.budget.spend()
  const named = head?.metadata['egress-id']
  if (named !== undefined && isEgressId(named)) return tellObject(run, object, named, false)
  run.report.orphans += 1
  logInfo('orphan.found', { key: object.key, sizeBytes: object.sizeBytes })
  return null
}
