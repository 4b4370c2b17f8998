// Adopts recordings that lie in the bucket from before us, under any folder but the temp one, and leaves them where they
// are. Manifests first, in a pass of their own, because they say which files belong to one egress and to which room; then
// the media that no manifest named. Resumable: each step answers where the next one goes on.
import { noteClaims, readClaims, readStandings } from '../catalog/temp-objects.ts'
import type { Config } from '../config.ts'
import { isManifestName } from '../livekit/manifest.ts'
import { messageOf } from '../log.ts'
import { isListName, isPlayableName } from '../recording/outputs.ts'
import { directoryOf } from '../recording/folders.ts'
import { isUnder } from '../recording/keys.ts'
import { readPlaylist } from '../recording/playlist.ts'
import type { ObjectFact, Observation, OutputFact } from '../recording/observation.ts'
import { S3 } from '../storage/s3.ts'
import { adoptInPlace } from './adopt.ts'
import { manifestAt } from './manifest-object.ts'
import { adoptFinalFolder, egressIdOfFinalKey, requestsPerFolder } from './rebuild.ts'
import { Budget } from './run.ts'

export interface ImportPosition {
  pass: 'manifests' | 'media'
  afterKey: string | null
}

export interface ImportStep {
  /** Objects that were looked at in this step. */
  seen: number
  adopted: number
  /** Manifests that could not be read, and other faults, in words. */
  errors: string[]
  /** `null` when everything under the prefix was dealt with. */
  next: ImportPosition | null
}

const objectsPerPage = 1000
/** To ask whose folder it is, to read a manifest, to note what it claims, to tell its recording, to note the manifest. */
const requestsPerObject = 6
/** Lists in one folder that are held against each other. */
const mostListsBeside = 3

/** One step of an import, within the requests that one invocation may make. */
export async function importStep(
  env: Env,
  config: Config,
  prefix: string,
  { pass, afterKey }: ImportPosition,
): Promise<ImportStep> {
  const store = new S3(config.storage)
  const budget = new Budget(config.subrequests, store)
  const step: ImportStep = { seen: 0, adopted: 0, errors: [], next: null }
  const page = await store.list({ prefix, after: afterKey, limit: objectsPerPage })
  const isWanted = pass === 'manifests' ? isManifestName : isPlayableName
  const wanted = page.objects.filter(({ key }) => isWanted(key))
  budget.spend(2)
  const isTaken = await readTaken(env, config, wanted)
  const finalFolders = finalFoldersOf(wanted, config)
  const lists = wanted.map(({ key }) => key).filter(isListName)
  const run: Import = { env, config, store, budget, prefix, finalFolders, lists, isTaken }
  let reached = afterKey
  for (const object of wanted) {
    if (!isTaken(object.key)) {
      if (!budget.has(requestsPerObject)) return { ...step, next: { pass, afterKey: reached } }
      step.seen += 1
      try {
        const adopt = pass === 'manifests' ? adoptManifest : adoptMedia
        if (await adopt(run, object)) step.adopted += 1
      } catch (error) {
        step.errors.push(`${object.key}: ${messageOf(error)}`)
      }
    }
    reached = object.key
  }
  if (page.next !== null) return { ...step, next: { pass, afterKey: page.next } }
  return { ...step, next: pass === 'manifests' ? { pass: 'media', afterKey: null } : null }
}

/** True for keys that are some recording's already: claimed by one, or moved by us into its final folder. */
async function readTaken(
  env: Env,
  { finalPrefix }: Config,
  objects: ObjectFact[],
): Promise<(key: string) => boolean> {
  const claims = await readClaims(
    env.DB,
    objects.map(({ key }) => key),
  )
  const ids = objects.map(({ key }) => egressIdOfFinalKey(key, finalPrefix))
  const known = await readStandings(
    env.DB,
    [...new Set(ids)].filter((id) => id !== null),
  )
  return (key) => claims.has(key) || known.has(egressIdOfFinalKey(key, finalPrefix) ?? '')
}

interface Import {
  env: Env
  config: Config
  store: S3
  budget: Budget
  prefix: string
  finalFolders: FinalFolders
  /** Playlists of this page. */
  lists: string[]
  isTaken: (key: string) => boolean
}

/** The wanted files of each final folder, by each of its keys. */
type FinalFolders = Map<string, { egressId: string; objects: ObjectFact[] }>

function finalFoldersOf(objects: ObjectFact[], { finalPrefix }: Config): FinalFolders {
  const byId = Map.groupBy(objects, ({ key }) => egressIdOfFinalKey(key, finalPrefix))
  byId.delete(null)
  return new Map(
    [...byId].flatMap(([id, own]) =>
      own.map(({ key }) => [key, { egressId: id ?? '', objects: own }]),
    ),
  )
}

/** What lies in the final folder of a recording is that recording's; a second one would share its files. */
async function adoptMedia(run: Import, object: ObjectFact): Promise<boolean> {
  const { env, config, store, budget, finalFolders } = run
  const folder = finalFolders.get(object.key)
  budget.spend(requestsPerFolder)
  if (folder === undefined) {
    return !(await isPartOfAnother(run, object.key)) && adoptInPlace(env, object)
  }
  // With its first file come all of them.
  if (folder.objects[0] !== object) return false
  return (await adoptFinalFolder(env, store, config, folder.egressId)) === 'adopted'
}

/**
 * True for a list of nothing but what another one beside it lists as well: the live playlist of a stream. As a recording of
 * its own it would share segments with the other, and take them along when somebody deletes it.
 */
async function isPartOfAnother({ store, lists, isTaken }: Import, key: string): Promise<boolean> {
  if (!lists.includes(key)) return false
  const beside = lists.filter((other) => other !== key && directoryOf(other) === directoryOf(key))
  if (beside.length === 0) return false
  const namesOf = async (list: string): Promise<Set<string>> =>
    new Set(readPlaylist((await store.text(list)) ?? '').segments)
  const names = await namesOf(key)
  for (const other of beside.slice(0, mostListsBeside)) {
    const all = await namesOf(other)
    const isFirst = all.size > names.size || isTaken(other) || other < key
    if (isFirst && all.size > 0 && [...names].every((name) => all.has(name))) return true
  }
  return false
}

/** What a manifest outside the temp folder names stays where it is. */
async function adoptManifest(
  { env, store, budget, prefix, finalFolders }: Import,
  object: ObjectFact,
): Promise<boolean> {
  const { key } = object
  const folder = finalFolders.get(key)
  budget.spend()
  if (folder !== undefined) {
    const known = await env.RECORDING.getByName(folder.egressId).republish()
    if (known !== null) return false
  }
  const read = await manifestAt(store, object, Date.now())
  if (read === null) throw new Error('This is no manifest.')
  const { egressId, observation } = read
  const outputs = (observation.egress?.outputs ?? []).map((output) => inPlace(output, key, prefix))
  budget.spend(3)
  const paths = outputs.map(({ path }) => path).filter((path) => path !== key)
  await noteClaims(env.DB, egressId, paths)
  const egress = observation.egress === null ? null : { ...observation.egress, outputs }
  const seen: Observation = { ...observation, egress }
  const { isNew } = await env.RECORDING.getByName(egressId).observe(seen)
  // Last: the next import passes over what is claimed.
  await noteClaims(env.DB, egressId, [key])
  return isNew
}

/**
 * The output under the key that it has in the bucket. A manifest lies beside its files (livekit.md §3), also when the server
 * put a folder of its own before them or somebody has moved all of it since.
 */
function inPlace(output: OutputFact, manifestKey: string, prefix: string): OutputFact {
  const path = isUnder(prefix, output.path)
    ? output.path.replace(/^\/+/, '')
    : `${directoryOf(manifestKey)}${output.path.slice(output.path.lastIndexOf('/') + 1)}`
  return { ...output, path, inPlace: true }
}
