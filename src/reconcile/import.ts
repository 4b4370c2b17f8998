// Adopts recordings that lie in the bucket from before us, under any folder but the temp one, and leaves them where they
// are. Manifests first, in a pass of their own, because they say which files belong to one egress and to which room; then
// the media that no manifest named. Resumable: each step answers where the next one goes on.
import { readClaims, noteClaims } from '../catalog/temp-objects.ts'
import type { Config } from '../config.ts'
import { isManifestName, readManifest } from '../livekit/manifest.ts'
import { isMediaName } from '../recording/files.ts'
import type { Observation, OutputFact } from '../recording/observation.ts'
import { S3 } from '../storage/s3.ts'
import { adoptInPlace } from './adopt.ts'
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

/** One step of an import, within the requests that one invocation may make. */
export async function importStep(
  env: Env,
  config: Config,
  prefix: string,
  position: ImportPosition,
): Promise<ImportStep> {
  const store = new S3(config.storage)
  const budget = new Budget(config.subrequests)
  const step: ImportStep = { seen: 0, adopted: 0, errors: [], next: null }
  const { pass, afterKey } = position
  const page = await store.list({ prefix, after: afterKey, limit: objectsPerPage })
  budget.spend()
  const wanted = page.objects.filter(({ key }) =>
    pass === 'manifests' ? isManifestName(key) : isMediaName(key),
  )
  const claims =
    pass === 'media'
      ? await readClaims(
          env.DB,
          wanted.map(({ key }) => key),
        )
      : new Map<string, unknown>()
  budget.spend()
  for (const object of wanted) {
    if (!budget.has(3)) {
      // The last object that was dealt with is the one before this.
      return { ...step, next: { pass, afterKey: before(page.objects, object.key) ?? afterKey } }
    }
    step.seen += 1
    if (pass === 'media' && !claims.has(object.key)) {
      budget.spend()
      if (await adoptInPlace(env, object)) step.adopted += 1
    } else if (pass === 'manifests') {
      budget.spend(3)
      const body = await store.text(object.key)
      const read = body === null ? null : readManifest(object.key, object.etag, body, Date.now())
      if (read === null) step.errors.push(`${object.key} is no manifest.`)
      else if (await adoptManifest(env, read.egressId, read.observation, prefix)) step.adopted += 1
    }
  }
  if (page.next !== null) return { ...step, next: { pass, afterKey: page.next } }
  return { ...step, next: pass === 'manifests' ? { pass: 'media', afterKey: null } : null }
}

/** What a manifest outside the temp folder names stays where it is. */
async function adoptManifest(
  env: Env,
  egressId: string,
  seen: Observation,
  prefix: string,
): Promise<boolean> {
  const outputs = (seen.egress?.outputs ?? []).map((output): OutputFact =>
    output.path.startsWith(prefix) ? { ...output, inPlace: true } : output,
  )
  const paths = outputs.filter((output) => output.inPlace).map((output) => output.path)
  await noteClaims(env.DB, egressId, paths)
  const egress = seen.egress === null ? null : { ...seen.egress, outputs }
  const { isNew } = await env.RECORDING.getByName(egressId).observe({ ...seen, egress })
  return isNew
}

function before(objects: { key: string }[], key: string): string | null {
  const index = objects.findIndex((object) => object.key === key)
  return objects[index - 1]?.key ?? null
}
