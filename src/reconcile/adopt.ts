// Makes recordings of files that no egress claims: orphans of the temp folder, which are moved like any other file, and
// files that lie where they are to stay. The id is made from the key, so that adopting twice is adopting once. It must
// never take a file away from the egress that it belongs to.
import { claimOrphan, readClaims } from '../catalog/temp-objects.ts'
import type { Config } from '../config.ts'
import { adoption } from '../recording/adoption.ts'
import type { ObjectFact } from '../recording/observation.ts'
import type { Recording } from '../recording/recording.ts'
import { S3 } from '../storage/s3.ts'
import { claimKeysOf } from './classify.ts'

export interface Orphaned {
  key: string
  roomName: string | null
  title: string | null
}

export type Adopted =
  | { kind: 'adopted'; recording: Recording }
  | { kind: 'not-found' }
  | { kind: 'claimed'; egressId: string }

/** Makes a recording of an object of the temp folder that nobody claims. */
export async function adoptOrphan(
  env: Env,
  config: Config,
  { key, roomName, title }: Orphaned,
): Promise<Adopted> {
  const egressId = await adoptedEgressId(key)
  const claims = await readClaims(env.DB, claimKeysOf(key))
  const claim = [...claims.values()].find((known) => known.egressId !== egressId)
  if (claim !== undefined) return { kind: 'claimed', egressId: claim.egressId }
  const recording = env.RECORDING.getByName(egressId)
  const object = await new S3(config.storage).head(key)
  if (object !== null) {
    await recording.observe(adoption(object, { roomName, title }, 'temp', Date.now()))
    await claimOrphan(env.DB, key, egressId)
  }
  // Gone, because it was adopted before and moved, or never there.
  const adopted = await recording.read()
  return adopted === null ? { kind: 'not-found' } : { kind: 'adopted', recording: adopted }
}

/** A file outside the temp folder becomes a recording and stays where it is. @returns whether it was news */
export async function adoptInPlace(env: Env, object: ObjectFact): Promise<boolean> {
  const egressId = await adoptedEgressId(object.key)
  const seen = adoption(object, { roomName: null, title: null }, 'in-place', Date.now())
  const { isNew } = await env.RECORDING.getByName(egressId).observe(seen)
  return isNew
}

/** `AD_` and twelve letters of the key's hash: LiveKit's ids begin with `EG_`. */
async function adoptedEgressId(key: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key))
  const letters = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'))
  return `AD_${letters.join('').slice(0, 12)}`
}
