// Looks into the bucket for what an egress left whose end nobody told of. Exists for webhooks that are lost after LiveKit has
// forgotten. A live playlist is never taken for the list of all segments: most of them would stay behind.
import { candidateKeys } from '../recording/files.ts'
import { isImageOf } from '../recording/folders.ts'
import { isUnder } from '../recording/keys.ts'
import { evidenceOf, settle } from '../recording/lifecycle.ts'
import { noFacts, observation } from '../recording/observation.ts'
import type { ObjectFact, OutputFact } from '../recording/observation.ts'
import { isMediaName, unnamedLists } from '../recording/outputs.ts'
import { readPlaylist } from '../recording/playlist.ts'
import type { ListPage, Store } from '../recording/ports.ts'
import type { Conclusion, Pause, RecordingState } from '../recording/state.ts'
import { noPause, pauseAfter } from '../recording/state.ts'
import { locate } from '../storage/move.ts'
import { entry, faultOf, firstOf } from './outcome.ts'
import type { Outcome, Ports } from './outcome.ts'

/** An egress writes two at most; whatever else lies there is not read. */
const mostLists = 4
/** With the looks for a file, no more requests than a step may make. Three thousand images are hours of them. */
const mostListings = 3
const imagesPerListing = 1000

/** Looks for a file of an egress whose end nobody told of. A file appears in the bucket when it is complete. */
export async function probe(state: RecordingState, ports: Ports): Promise<Outcome> {
  const nowMs = ports.clock.nowMs()
  const before = state.probe.pause
  const evidence = evidenceOf(state, 'ended')
  try {
    const readLists = unnamedLists(state.seen)
    const lists = await listOutputs(readLists, ports.store)
    const media = Object.keys(state.seen.objects).filter(isMediaName)
    const whole = lists.filter(({ kind }) => kind === 'playlist').map(({ path }) => path)
    const images = imagePaths(state)
    const named = state.seen.paths.filter((path) => !images.includes(path))
    const paths = [...named, ...media, ...whole]
    const keys = [...new Set(paths)].flatMap((path) => {
      const candidates = candidateKeys(state, path, ports.settings)
      return 'keys' in candidates ? candidates.keys : []
    })
    const found = (await locate(ports.store, keys)) ?? (await newestImage(state, images, ports))
    const isOldAtMs = (found?.lastModifiedMs ?? 0) + ports.settings.graceMs
    if (found !== null && !isMediaName(found.key) && isOldAtMs > nowMs) {
      // A playlist is there from the first segment on, and so are images: while they are still written, nothing has ended.
      const fault = { code: 'still-written', message: `${found.key} is still written to.` }
      const pause: Pause = { attempts: before.attempts + 1, untilMs: isOldAtMs, fault }
      return {
        change: (now) => ({ ...now, probe: { pause, probedAtMs: null } }),
        entries: firstOf(before, 'file.still-written', fault),
      }
    }
    if (found !== null) {
      const { key, etag, sizeBytes, lastModifiedMs } = found
      const objects = [{ key, etag, sizeBytes, lastModifiedMs }]
      const id = ['object', key, etag, ...lists.map(({ path }) => path)].join(':')
      const egress = lists.length === 0 ? null : { ...noFacts, outputs: lists }
      const seen = observation({
        id,
        source: 'object',
        type: 'object',
        observedAtMs: nowMs,
        objects,
        egress,
      })
      return {
        observation: seen,
        change: (now) => {
          const probed = { pause: noPause, probedAtMs: nowMs, readLists }
          return concluded({ ...now, probe: probed }, 'ended', nowMs, evidence)
        },
        entries: [entry('file.discovered', { key, sizeBytes })],
      }
    }
    const attempts = before.attempts + 1
    const pause: Pause = {
      attempts,
      untilMs: nowMs + Math.min(60_000 * 2 ** attempts, 3_600_000),
      fault: null,
    }
    return {
      change: (now) => ({ ...now, probe: { pause, probedAtMs: nowMs, readLists } }),
      entries: before.attempts === 0 ? [entry('file.not-found', { keys: keys.length })] : [],
    }
  } catch (error) {
    const fault = faultOf(error)
    const pause = pauseAfter(before, fault, nowMs, ports.clock.random())
    return {
      change: (now) => ({ ...now, probe: { ...now.probe, pause } }),
      entries: firstOf(before, 'store.unavailable', fault),
    }
  }
}

/** Playlists that LiveKit did not name, as outputs: which is which, they say themselves. */
async function listOutputs(keys: string[], store: Store): Promise<OutputFact[]> {
  const whole: OutputFact[] = []
  const live: OutputFact[] = []
  for (const path of keys.slice(0, mostLists)) {
    const text = await store.text(path)
    if (text === null) continue
    const list = { path, sizeBytes: null, durationMs: null, located: false }
    if (readPlaylist(text).isOfAll) whole.push({ ...list, kind: 'playlist' })
    else live.push({ ...list, kind: 'live_playlist' })
  }
  // A live playlist by itself is no stream: the list of all segments is still to be seen.
  return whole.length === 0 ? [] : [...whole, ...live]
}

/** The beginnings of the names of images; none of them is a key. */
function imagePaths({ seen }: RecordingState): string[] {
  const facts = seen.outputs?.value ?? []
  return facts.filter(({ kind }) => kind === 'image').map(({ path }) => path)
}

/** The image that was written last, as far as a few pages of the list tell. */
async function newestImage(
  state: RecordingState,
  paths: string[],
  { store, settings }: Ports,
): Promise<ObjectFact | null> {
  const prefixes = paths.flatMap((path) => {
    const candidates = candidateKeys(state, path, settings)
    return 'keys' in candidates ? candidates.keys : []
  })
  const images: ObjectFact[] = []
  let listings = 0
  for (const prefix of prefixes.filter((key) => isUnder(settings.tempPrefix, key))) {
    let after: string | null = null
    while (listings < mostListings) {
      const page: ListPage = await store.list({ prefix, after, limit: imagesPerListing })
      listings += 1
      images.push(...page.objects.filter(({ key }) => isImageOf(prefix, key)))
      if (page.next === null) break
      after = page.next
    }
  }
  return images.toSorted((a, b) => b.lastModifiedMs - a.lastModifiedMs)[0] ?? null
}

/** Evidence that arrived while the step was under way refutes its conclusion at once. */
export function concluded(
  state: RecordingState,
  as: Conclusion['as'],
  atMs: number,
  evidence: string,
): RecordingState {
  return settle({ ...state, conclusion: { as, atMs, evidence } })
}
