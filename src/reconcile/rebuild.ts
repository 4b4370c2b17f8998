// Fills a lost catalogue again. The registry names every egress that there ever was, and each one's object writes its row
// anew; recordings whose object knows nothing any more are adopted from the final folder, where their files lie. Ends with
// a sweep from the beginning of the temp folder. Resumable: each step answers where the next one goes on.
import { savePosition } from '../catalog/sweeps.ts'
import { readStandings } from '../catalog/temp-objects.ts'
import type { Config } from '../config.ts'
import { messageOf } from '../log.ts'
import { finalFolder, isEgressId, manifestPath } from '../recording/keys.ts'
import { noFacts, observation } from '../recording/observation.ts'
import type { EgressFacts, ObjectFact } from '../recording/observation.ts'
import { isPlayableName } from '../recording/outputs.ts'
import type { ListPage } from '../recording/ports.ts'
import { playableKindOf } from '../recording/recording.ts'
import { S3 } from '../storage/s3.ts'
import { manifestAt } from './manifest-object.ts'

export interface RebuildPosition {
  part: 'objects' | 'bucket'
  after: string
}

export interface RebuildStep {
  /** Rows that their objects wrote again. */
  republished: number
  /** Recordings that were found by their files alone. */
  adopted: number
  errors: string[]
  /** `null` when the catalogue is whole. */
  next: RebuildPosition | null
}

/** To ask the object, to list its folder, to look for the manifest and read it, to tell the object. */
export const requestsPerFolder = 5
/** Of a folder's own listing: images and segments may be many, and a file may come after them. */
const mostPagesPerFolder = 20
/** The registry, or a listing, a query and the position of the sweep. */
const otherRequests = 5

/** One step of a rebuild, within the requests that one invocation may make. */
export async function rebuildStep(
  env: Env,
  config: Config,
  { part, after }: RebuildPosition,
): Promise<RebuildStep> {
  const step = part === 'objects' ? rebuildFromObjects : rebuildFromBucket
  return step(env, config, after)
}

async function rebuildFromObjects(env: Env, config: Config, after: string): Promise<RebuildStep> {
  // Each object's go makes requests of its own, in an invocation of its own.
  const limit = config.subrequests - otherRequests
  const egressIds = await env.REGISTRY.getByName('egresses').list(after, limit)
  const errors: string[] = []
  let republished = 0
  for (const egressId of egressIds) {
    try {
      if ((await env.RECORDING.getByName(egressId).republish()) !== null) republished += 1
    } catch (error) {
      // One object that is out of order must not keep the others out of the catalogue.
      errors.push(`${egressId}: ${messageOf(error)}`)
    }
  }
  const last = egressIds.at(-1)
  const next: RebuildPosition =
    egressIds.length === limit && last !== undefined
      ? { part: 'objects', after: last }
      : { part: 'bucket', after: '' }
  return { republished, adopted: 0, errors, next }
}

async function rebuildFromBucket(env: Env, config: Config, after: string): Promise<RebuildStep> {
  const store = new S3(config.storage)
  const { finalPrefix } = config
  const page = await store.list({ prefix: finalPrefix, after: after || null, limit: 1000 })
  const folders = Map.groupBy(page.objects, ({ key }) => egressIdOfFinalKey(key, finalPrefix) ?? '')
  folders.delete('')
  const known = await readStandings(env.DB, [...folders.keys()])
  const result: RebuildStep = { republished: 0, adopted: 0, errors: [], next: null }
  let calls = 0
  for (const [egressId, objects] of folders) {
    const media = objects.filter(({ key }) => isPlayableName(key))
    if (known.has(egressId) || media.length === 0) continue
    calls += requestsPerFolder
    if (calls > config.subrequests - otherRequests) {
      return {
        ...result,
        next: { part: 'bucket', after: keyBefore(page.objects, objects) ?? after },
      }
    }
    try {
      const outcome = await adoptFinalFolder(env, store, config, egressId)
      if (outcome !== 'known') result[outcome] += 1
    } catch (error) {
      result.errors.push(`${egressId}: ${messageOf(error)}`)
    }
  }
  if (page.next !== null) return { ...result, next: { part: 'bucket', after: page.next } }
  await savePosition(env.DB, { afterKey: null, livekitPage: null, finalEgressId: null }, 0)
  return result
}

/** A recording by its final folder: its object writes its row, or learns of its files where it knows nothing any more. */
export async function adoptFinalFolder(
  env: Env,
  store: S3,
  { finalPrefix }: Config,
  egressId: string,
): Promise<'republished' | 'adopted' | 'known'> {
  const recording = env.RECORDING.getByName(egressId)
  if ((await recording.republish()) !== null) return 'republished'
  const folder = finalFolder(finalPrefix, egressId)
  const media = await mediaIn(store, folder)
  const said = await manifestIn(store, folder, egressId)
  const found = foundInFinalFolder(egressId, media, said)
  return (await recording.observe(found)).isNew ? 'adopted' : 'known'
}

/** Everything in a final folder that plays; a page of a larger listing may end in the middle of it. */
async function mediaIn(store: S3, prefix: string): Promise<ObjectFact[]> {
  const media: ObjectFact[] = []
  let after: string | null = null
  for (let pages = 0; pages < mostPagesPerFolder; pages += 1) {
    const page: ListPage = await store.list({ prefix, after, limit: 1000 })
    media.push(...page.objects.filter(({ key }) => isPlayableName(key)))
    after = page.next
    if (after === null) break
  }
  return media
}

/** What LiveKit's manifest in a final folder says, where one was moved there with the files. */
async function manifestIn(
  store: S3,
  folder: string,
  egressId: string,
): Promise<EgressFacts | null> {
  const manifest = await store.head(manifestPath(folder, egressId))
  const read = manifest === null ? null : await manifestAt(store, manifest, Date.now())
  return read?.observation.egress ?? null
}

/** The last key of the page before these objects; `null` when they come first. */
function keyBefore(page: ObjectFact[], objects: ObjectFact[]): string | null {
  const index = page.findIndex((object) => object === objects[0])
  return page[index - 1]?.key ?? null
}

/** The recording in whose final folder a key lies; `null` for any other key. */
export function egressIdOfFinalKey(key: string, finalPrefix: string): string | null {
  if (!key.startsWith(finalPrefix)) return null
  const egressId = key.slice(finalPrefix.length).split('/')[0] ?? ''
  // LiveKit's ids, and ours of adopted files; a folder with any other name is not of our making.
  return /^(EG|AD)_/.test(egressId) &&
    isEgressId(egressId) &&
    key.startsWith(finalFolder(finalPrefix, egressId))
    ? egressId
    : null
}

function foundInFinalFolder(egressId: string, media: ObjectFact[], said: EgressFacts | null) {
  const times = media.map(({ lastModifiedMs }) => lastModifiedMs)
  const outputs = media.map(({ key, sizeBytes }) => ({
    kind: playableKindOf(key),
    path: key,
    sizeBytes,
    durationMs: null,
    located: true,
    inPlace: true as const,
  }))
  return observation({
    id: `final:${egressId}:${media.map(({ etag }) => etag).join(':')}`,
    source: 'object',
    type: 'adopted',
    observedAtMs: Date.now(),
    egress: {
      ...noFacts,
      kind: said?.kind ?? null,
      roomId: said?.roomId ?? null,
      roomName: said?.roomName ?? null,
      startedAtMs: said?.startedAtMs ?? Math.min(...times),
      terminalAtMs: said?.terminalAtMs ?? Math.max(...times),
      outputs,
    },
  })
}
