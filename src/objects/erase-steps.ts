// The one way by which anything that LiveKit wrote is removed without a copy: a person wants the recording gone, or its time
// is over. Bounded steps, each safe to do again; the state only says where to go on. It is done when a look at everything
// finds nothing.
import { isSafeKey } from '../recording/keys.ts'
import { evidenceOfObjects, nextLookMs, scopesOf } from '../recording/erasure.ts'
import type { Scope, Times } from '../recording/erasure.ts'
import { isImageOf } from '../recording/folders.ts'
import { observation } from '../recording/observation.ts'
import type { ObjectFact } from '../recording/observation.ts'
import { readPlaylist } from '../recording/playlist.ts'
import type { Store } from '../recording/ports.ts'
import type { RecordingState, Removal, SourceObject } from '../recording/state.ts'
import { noPause, noRemoval, pauseAfter } from '../recording/state.ts'
import { latestWishMs } from '../recording/wishes.ts'
import { giveUpUpload, giveUpUploads, isSame } from '../storage/move.ts'
import { inGroups } from './groups.ts'
import { entry, faultOf, firstOf } from './outcome.ts'
import type { Outcome, Ports } from './outcome.ts'

/** A copy under way, or an upload that comes late, is seen within so many. */
const fewPasses = 4
/** Requests that a scope may need besides one for each object. */
const requestsBefore = 5

/** Removes as much as one go may. */
export async function erase(state: RecordingState, ports: Ports): Promise<Outcome> {
  const { store, settings, clock } = ports
  const evidence = evidenceOfObjects(state)
  const before = state.removal
  const scopes = scopesOf(state, settings)
  let now: Removal =
    before.of === evidence ? before : { ...noRemoval, of: evidence, total: before.total }
  let left = settings.subrequests - requestsBefore
  try {
    while (left > 0) {
      const scope = scopes[now.scope]
      if (scope === undefined) break
      const done = await eraseSome(store, scope, now, left)
      left -= done.requests
      now = {
        ...now,
        scope: now.scope + (done.next === null ? 1 : 0),
        files: done.next?.files ?? 0,
        afterKey: done.next?.afterKey ?? null,
        removed: now.removed + done.removed,
        total: now.total + done.removed,
        pause: noPause,
      }
    }
  } catch (error) {
    const fault = faultOf(error)
    const pause = pauseAfter(before.pause, fault, clock.nowMs(), clock.random())
    return {
      change: (known) => ({ ...known, removal: { ...now, pause } }),
      entries: firstOf(before.pause, 'removal.failed', fault),
    }
  }
  if (now.scope < scopes.length)
    return { change: (known) => ({ ...known, removal: now }), entries: [] }
  if (now.removed === 0 && now.passes > 0) {
    const { total } = now
    return {
      change: (known) => ({ ...known, removal: { ...noRemoval, total, doneFor: evidence } }),
      entries: before.doneFor === null ? [entry('recording.erased', { objects: total })] : [],
    }
  }
  const untilMs = clock.nowMs() + nextLookMs(state)
  const passes = now.passes + 1
  const again = { ...now, scope: 0, removed: 0, passes }
  if (passes <= fewPasses) {
    const pause = { ...noPause, untilMs }
    return { change: (known) => ({ ...known, removal: { ...again, pause } }), entries: [] }
  }
  // Pass after pass there was something to remove: the store keeps what it says that it removed.
  const message = `After ${passes} removals the store still had ${now.removed} objects.`
  const fault = { code: 'still-there', message }
  const attempts = passes - fewPasses
  const pause = pauseAfter({ ...noPause, attempts }, fault, untilMs, clock.random())
  return {
    change: (known) => ({ ...known, removal: { ...again, pause } }),
    entries: attempts === 1 ? [entry('removal.failed', fault)] : [],
  }
}

/** Its time is over: into the trash, like a recording that somebody deleted. */
export function expire(state: RecordingState, expiresAtMs: number, ports: Ports): Outcome {
  const nowMs = ports.clock.nowMs()
  const observedAtMs = Math.max(nowMs, latestWishMs(state.seen.wishes) + 1)
  return {
    observation: observation({
      id: `expired:${expiresAtMs}:${observedAtMs}`,
      source: 'api',
      type: 'recording.expired',
      observedAtMs,
      wishes: { removeAtMs: nowMs + ports.settings.trashMs },
    }),
    change: (known) => known,
    entries: [],
  }
}

interface Done {
  requests: number
  removed: number
  /** Where to go on in this scope; `null` when nothing is left of it. */
  next: { files: number; afterKey: string | null } | null
}

async function eraseSome(
  store: Store,
  scope: Scope,
  { files, afterKey }: Removal,
  limit: number,
): Promise<Done> {
  switch (scope.kind) {
    case 'upload':
      await giveUpUpload(store, scope.key, scope.uploadId)
      return { requests: 1, removed: 0, next: null }
    case 'open-uploads':
      return { requests: 1 + (await giveUpUploads(store, scope.key)), removed: 0, next: null }
    case 'object':
      return eraseObject(store, scope)
    case 'list':
      return eraseListed(store, scope, files, limit)
    case 'images':
    case 'folder': {
      const { prefix, kind } = scope
      const page = await store.list({ prefix, after: afterKey, limit: Math.max(1, limit - 1) })
      const own =
        kind === 'folder'
          ? page.objects
          : page.objects.filter(
              (object) => isImageOf(prefix, object.key) && isOfThen(object, scope),
            )
      await inGroups(own, async ({ key }) => store.remove(key, ''))
      const next = page.next === null ? null : { files: 0, afterKey: page.next }
      return { requests: 1 + own.length, removed: own.length, next }
    }
    default:
      return scope satisfies never
  }
}

async function eraseObject(store: Store, scope: Extract<Scope, { kind: 'object' }>): Promise<Done> {
  const { key } = scope
  const there = await store.head(key)
  if (there === null || !isOf(there, scope)) return { requests: 1, removed: 0, next: null }
  const isRefused = (await store.remove(key, there.etag)) === 'refused'
  if (!isRefused) return { requests: 2, removed: 1, next: null }
  // Another object lies there by now, or the store refuses every condition: what is still the same goes without one.
  const now = await store.head(key)
  if (now !== null && isSame(now, there)) await store.remove(key, '')
  return { requests: 4, removed: 1, next: null }
}

function isOf(there: SourceObject, scope: Times & { etag: string | null }): boolean {
  return (scope.etag === null || there.etag === scope.etag) && isOfThen(there, scope)
}

function isOfThen(object: ObjectFact, { notBeforeMs, notAfterMs }: Times): boolean {
  const { lastModifiedMs } = object
  return lastModifiedMs >= notBeforeMs && lastModifiedMs <= notAfterMs
}

/** The files that a playlist names; the playlist itself goes after them. */
async function eraseListed(
  store: Store,
  scope: Extract<Scope, { kind: 'list' }>,
  from: number,
  limit: number,
): Promise<Done> {
  const { key, folder } = scope
  const there = await store.head(key)
  if (there === null || !isOf(there, scope)) return { requests: 1, removed: 0, next: null }
  const text = await store.text(key)
  const { segments } = readPlaylist(text ?? '')
  const names = segments.slice(from, from + Math.max(1, limit - 2))
  const keys = names.map((name) => `${folder}${name}`).filter(isSafeKey)
  await inGroups(keys, async (segment) => store.remove(segment, ''))
  const files = from + names.length
  return {
    requests: 2 + keys.length,
    removed: keys.length,
    next: files < segments.length ? { files, afterKey: null } : null,
  }
}
