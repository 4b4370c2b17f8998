// Temp → final in the user's own bucket: copy on the server side, look at the copy, only then delete. Written for crashes
// between and inside these steps, for stores that ignore conditions, and for a second run of LiveKit that overwrites the
// file meanwhile. Each function may be called again at any time and ends the same. It must never delete what was not
// copied and looked at, nor anything outside the temp folder.
import { create as contentDisposition } from 'content-disposition'
import { isUnder } from '../recording/keys.ts'
import { Trouble } from '../recording/ports.ts'
import type { CopyRequest, Store } from '../recording/ports.ts'
import type { Fault, Pause, SourceObject } from '../recording/state.ts'

/** Tell our copy from anybody else's object under the same key: whose it is, and of which object. */
const egressMark = 'roomtape-egress'
const sourceMark = 'roomtape-source'

const refusedCodes = new Set(['access-denied', 'store-refused', 'not-implemented'])

export interface Move {
  egressId: string
  source: SourceObject
  finalKey: string
  contentType: string
  downloadName: string
  /** An earlier copy to this key was asked for and did not pass: it may be replaced. */
  wasAsked: boolean
}

/**
 * The first of these keys that has an object. A store may refuse a spelling that it would never have stored, such as one
 * with a slash in front: that is told only where no other has the object.
 */
export async function locate(store: Store, keys: string[]): Promise<SourceObject | null> {
  let refusal: Trouble | null = null
  for (const key of keys) {
    try {
      const found = await store.head(key)
      if (found !== null) return found
    } catch (error) {
      if (!(error instanceof Trouble) || error.code !== 'store-refused') throw error
      refusal ??= error
    }
  }
  if (refusal !== null) throw refusal
  return null
}

/**
 * `copied`: our copy lies at the final key, not yet verified. `changed`: the temp object is no longer the one that was
 * found. `occupied`: something else lies at the final key; it is left alone.
 */
export async function copy(store: Store, move: Move): Promise<'copied' | 'changed' | 'occupied'> {
  const before = await destination(store, move)
  if (before !== 'free') return before
  if ((await store.copy(requestOf(move, move.wasAsked))) === 'copied') return 'copied'
  // Refused or gone: the answer to an earlier, successful try may have been lost.
  const there = await store.head(move.finalKey)
  if (there === null) return 'changed'
  // The store guards what is a bad copy of ours. The condition on the source still holds.
  if (isReplaceable(there, move)) {
    return (await store.copy(requestOf(move, true))) === 'copied' ? 'copied' : 'changed'
  }
  return isCopyOf(there, move.source) ? 'copied' : 'occupied'
}

/**
 * What lies at the final key. A store that refuses to overwrite is not asked: it will say so itself. The egress's object is
 * the only writer of this folder.
 */
async function destination(store: Store, move: Move): Promise<'free' | 'copied' | 'occupied'> {
  return store.guardsDestination ? 'free' : occupant(store, move)
}

/** The same where the store is not asked to guard anything: the parts of an upload are joined whatever lies there. */
export async function occupant(store: Store, move: Move): Promise<'free' | 'copied' | 'occupied'> {
  const there = await store.head(move.finalKey)
  if (there === null || isReplaceable(there, move)) return 'free'
  return isCopyOf(there, move.source) ? 'copied' : 'occupied'
}

/**
 * Looks at the final object. `verified` needs the size and either the ETag of the source or our mark: ETags of multipart
 * uploads change with a copy. A temp object that has changed meanwhile is a second run; the copy may then be all that is
 * left of the first, so it is given up only when its ETag shows that it is one of the second: made by a store that
 * ignored the condition of the copy (faults S14, W21).
 */
export async function verify(
  store: Store,
  move: Move,
): Promise<{ outcome: 'verified'; etag: string } | { outcome: 'absent' | 'different' }> {
  const there = await store.head(move.finalKey)
  if (there === null) return { outcome: 'absent' }
  const { etag, sizeBytes } = there
  if (sizeBytes !== move.source.sizeBytes) return { outcome: 'different' }
  if (etag === move.source.etag && etag !== '') return { outcome: 'verified', etag }
  if (!isCopyOf(there, move.source)) return { outcome: 'different' }
  const temp = await store.head(move.source.key)
  const isOfAnother =
    temp !== null && !isSame(temp, move.source) && temp.etag === etag && etag !== ''
  return isOfAnother ? { outcome: 'different' } : { outcome: 'verified', etag }
}

/** A store said so often in a row that an object is not what its own HEAD says it is: it does not understand `if-match`. */
const mostRefusals = 3
const conditionRefused = 'condition-refused'

/**
 * Deletes the temp object of a verified copy. `changed`: it is another object by now, which stays.
 * `kept`: it lies outside the temp folder, where nothing is ours to delete. A store that cannot read the condition, and
 * refuses it each time, is asked without: then the look just before has to do, as with a store that has no conditions.
 * @param refusals how often in a row the store has refused by now
 */
export async function removeTemp(
  store: Store,
  source: SourceObject,
  tempPrefix: string,
  refusals = 0,
): Promise<'removed' | 'changed' | 'kept'> {
  if (!isUnder(tempPrefix, source.key)) return 'kept'
  const temp = await store.head(source.key)
  if (temp === null) return 'removed'
  if (!isSame(temp, source)) return 'changed'
  const etag = refusals < mostRefusals ? source.etag : ''
  if ((await store.remove(source.key, etag)) === 'removed') return 'removed'
  // Another file was put there after the look, or the store contradicts itself: the next look tells.
  const message = `The store refuses to delete ${source.key} as what it says that it is.`
  throw new Trouble(conditionRefused, message)
}

/**
 * Begins an upload to the final key. What is open there already was begun by a try whose answer was lost, or that died
 * before it could note it: nobody can tell what it was to become, so it is given up. Its parts would cost money for ever.
 */
export async function begunUpload(store: Store, move: Move): Promise<string> {
  await giveUpUploads(store, move.finalKey)
  return store.beginUpload(requestOf(move, true))
}

/** Aborts every upload to a key. @returns how many there were */
export async function giveUpUploads(store: Store, key: string): Promise<number> {
  const uploadIds = await store.openUploads(key)
  for (const uploadId of uploadIds) await giveUpUpload(store, key, uploadId)
  return uploadIds.length
}

/**
 * Aborts an upload. Keys that may not abort, a store that cannot: its own rule ends the upload (R2: after seven days), and
 * nobody waits for it.
 * @returns why it was refused, `null` when it was not
 */
export async function giveUpUpload(
  store: Store,
  key: string,
  uploadId: string,
): Promise<Fault | null> {
  try {
    await store.abortUpload(key, uploadId)
    return null
  } catch (error) {
    if (error instanceof Trouble && refusedCodes.has(error.code)) return error
    throw error
  }
}

/** How often in a row the store has refused to delete what it says is there. */
export function refusalsIn({ fault, attempts }: Pause): number {
  return fault?.code === conditionRefused ? attempts : 0
}

/** True when the object at a final key is a copy that we made for this egress, of whatever. */
export function wasCopiedFor(there: SourceObject, egressId: string): boolean {
  return there.metadata[egressMark] === egressId && there.sizeBytes > 0
}

/** True when the object at a final key is a copy that we made of exactly this source. */
export function isCopyOf(there: SourceObject, source: SourceObject): boolean {
  return there.sizeBytes === source.sizeBytes && there.metadata[sourceMark] === mark(source)
}

/** True when two looks saw one and the same object. */
export function isSame(a: SourceObject, b: SourceObject): boolean {
  return a.etag === b.etag && a.sizeBytes === b.sizeBytes && a.lastModifiedMs === b.lastModifiedMs
}

function mark(source: SourceObject): string {
  return `${source.etag}-${source.lastModifiedMs}`
}

/** A copy of ours that did not pass: of an earlier try that is remembered, or of this very source and yet not the same. */
function isReplaceable(there: SourceObject, move: Move): boolean {
  const isOurs = there.metadata[egressMark] === move.egressId
  const isOfThis = there.metadata[sourceMark] === mark(move.source)
  return isOurs && (move.wasAsked || isOfThis) && !isCopyOf(there, move.source)
}

/** The request that makes our copy, with its marks. */
export function requestOf(move: Move, replaces: boolean): CopyRequest {
  const { source, egressId, finalKey, contentType, downloadName } = move
  return {
    source,
    finalKey,
    contentType,
    contentDisposition: contentDisposition(downloadName, { type: 'inline' }),
    metadata: { ...source.metadata, [egressMark]: egressId, [sourceMark]: mark(source) },
    replaces,
  }
}
