// What must hold after every storm, whatever happened. An exception is made only where nobody could have known better, and
// each is named here: LiveKit overwrote its own file before anybody copied it; a store without conditional deletion
// deleted what was put there after the last look; no witness ever told whose a file is (it stays, listed as an orphan);
// the file is not what LiveKit promised, or that of a second run of which nobody heard what LiveKit promised (it stays, and
// a person is told); a store that ignores conditions copied a second run when it was asked for the first; an HLS folder that
// nobody said a word of, neither LiveKit nor its manifest nor the metadata of its objects (it stays).
import { isDeepStrictEqual } from 'node:util'
import type { OutputFact } from '../../src/recording/observation.ts'
import { toRecording } from '../../src/recording/recording.ts'
import type { Recording } from '../../src/recording/recording.ts'
import type { Actor } from './actor.ts'
import { finalPrefix, tempPrefix, writerOf } from './bucket.ts'
import type { StoredObject } from './bucket.ts'
import type { Life, Shape, Uploaded } from './history.ts'
import type { Aftermath } from './simulation.ts'
import { Broken } from './world.ts'

/** What a recording amounts to in the end, as far as order and loss may not change it. */
export interface EndState {
  status: string
  partial: boolean
  limitReached: boolean
  /** Names of the bytes in its final folder. */
  finals: string[]
  attention: string | null
  /** LiveKit's decisive word: `<status>:<updatedAtUs>`. */
  verdict: string
}

/** Shapes of which LiveKit says more than there is. */
const brokenPromises = new Set<Shape>(['empty-file', 'other-size'])

/** Store calls that one recording may cost after the storm, its segments and three days of hourly looks included. */
const mostCallsPerRecording = 1_500

/**
 * @param calm what the same history came to in calm
 * @throws {Broken} the first invariant that does not hold
 */
export function check(storm: Aftermath, calm: Aftermath): void {
  const calmEnds = endStates(calm)
  const { history, actors, bucket } = storm
  for (const actor of actors.values()) {
    if (actor.alarmAtMs !== null) {
      throw new Broken('the work comes to rest', `${actor.egressId} still has an alarm`)
    }
    assertCatalogue(storm, actor)
    assertRegistry(storm, actor)
    assertTold(actor)
  }
  const calls = bucket.calls - storm.callsInStorm
  if (calls > mostCallsPerRecording * history.lives.length) {
    throw new Broken('the work comes to rest', `${calls} calls to the store`)
  }
  if (bucket.openKeys.length > 0) {
    throw new Broken('no upload is left open', bucket.openKeys.join(', '))
  }
  for (const egressId of actors.keys()) {
    if (!history.lives.some((life) => life.egressId === egressId)) {
      throw new Broken('exactly once', `${egressId} is a recording of nothing`)
    }
  }
  for (const life of history.lives) {
    if (storm.granted.isOver(life.egressId, Infinity)) assertGone(storm, life)
    else for (const upload of life.uploads) assertSafe(storm, life, upload)
    assertSameEnd(storm, calm, life, calmEnds.get(life.egressId))
  }
}

/** The end states of a run. */
export function endStates({ history, actors, bucket }: Aftermath): Map<string, EndState> {
  const ends = history.lives.flatMap((life): [string, EndState][] => {
    const actor = actors.get(life.egressId)
    const recording = actor === undefined ? null : toRecording(actor.state)
    if (actor === undefined || recording === null) return []
    const { status, partial, limitReached, attention } = recording
    const { verdict } = actor.state.seen
    const folder = `${finalPrefix}${life.egressId}/`
    const ofMedia = new Set(
      life.uploads.filter(({ role }) => role !== 'manifest').map(({ content }) => content.content),
    )
    const finals = [...bucket.objects.values()]
      .filter(({ key, content }) => key.startsWith(folder) && ofMedia.has(content))
      .map(({ content }) => content)
      .toSorted()
    const said = `${verdict?.value.status}:${verdict?.stamp[3]}`
    return [[life.egressId, { status, partial, limitReached, attention, finals, verdict: said }]]
  })
  return new Map(ends)
}

function assertCatalogue({ database }: Aftermath, actor: Actor): void {
  const row = database.recording(actor.egressId)
  const recording = JSON.parse(JSON.stringify(toRecording(actor.state))) as Recording | null
  if (!isDeepStrictEqual(row, recording)) {
    throw new Broken(
      'the catalogue equals the object',
      `${JSON.stringify(row)} is not ${JSON.stringify(recording)}`,
    )
  }
}

/** It has every egress, for a catalogue that is lost, and wakes none of them for ever. */
function assertRegistry({ registry }: Aftermath, { egressId }: Actor): void {
  const entry = registry.entryOf(egressId)
  if (entry !== 'closed') {
    throw new Broken('the registry knows who is at rest', `${egressId} is ${entry}`)
  }
}

/** What the timeline says of the status leads from nothing to the end without a gap and without saying a thing twice. */
function assertTold({ egressId, changes, state }: Actor): void {
  const end = toRecording(state)?.status ?? null
  let last: unknown = null
  for (const { from, to } of changes) {
    if (from !== last || to === last) {
      throw new Broken(
        'the timeline tells each change once',
        `${egressId}: ${String(last)}, ${String(from)}, ${String(to)}`,
      )
    }
    last = to
  }
  if (last !== end) {
    throw new Broken(
      'the timeline tells each change once',
      `${egressId}: ${String(last)} is not ${end}`,
    )
  }
}

/** Somebody wanted it gone: of what anybody could know to be its own there is nothing left, and nothing brings it back. */
function assertGone(storm: Aftermath, life: Life): void {
  const { bucket, actors } = storm
  const actor = actors.get(life.egressId)
  const recording = actor === undefined ? null : toRecording(actor.state)
  if (recording?.status !== 'deleted') {
    throw new Broken('what was deleted is gone', `${life.egressId} is ${recording?.status}`)
  }
  const left = [...bucket.objects.values()].filter(
    ({ content }) => writerOf(content) === life.egressId,
  )
  for (const object of left) {
    const upload = life.uploads.find(({ content }) => content.content === object.content)
    const isUnknown =
      upload !== undefined &&
      object.key.startsWith(tempPrefix) &&
      !isKnowable(storm, life, upload, actor)
    if (!isUnknown) throw new Broken('what was deleted is gone', `${object.key} is still there`)
    assertKept(storm, upload, [object])
  }
}

/** Every file that reached the bucket is there, and it is final when anybody could know whose it is. */
function assertSafe(storm: Aftermath, life: Life, upload: Uploaded): void {
  const { bucket, actors, conditions } = storm
  const { content } = upload.content
  const places = [...bucket.objects.values()].filter((object) => object.content === content)
  if (places.length === 0) {
    if (bucket.forgiven.has(content)) return
    throw new Broken('nothing is lost', `${upload.key} with ${content}`)
  }
  if (upload.role === 'manifest') return
  const actor = actors.get(life.egressId)
  if (upload.role !== 'media' && !isListKnowable(storm, life, actor)) return
  // A manifest does not name the live playlist: nobody but LiveKit itself does.
  if (upload.role === 'live_playlist' && !isSaid(storm, life, upload, actor)) return
  if (!isKnowable(storm, life, upload, actor)) return assertKept(storm, upload, places)
  const recording = actor === undefined ? null : toRecording(actor.state)
  if (recording === null) {
    throw new Broken('every file is ready', `${upload.key} has no recording`)
  }
  if (isNotAsPromised(storm, life, upload, recording)) return
  if (recording.status !== 'ready') {
    throw new Broken(
      'every file is ready',
      `${life.egressId} with ${upload.key} is ${recording.status}`,
    )
  }
  // A store that copies a half and calls it done: nothing in a folder is replaced, so the segment stays in the temp folder.
  const isHalf = upload.role === 'segment' && isHalved(storm, content)
  if (isHalf && recording.attention === 'missing-segments') return
  const folder = `${finalPrefix}${life.egressId}/`
  const finals = places.filter(({ key }) => key.startsWith(folder))
  const temps = places.filter(({ key }) => !key.startsWith(finalPrefix))
  // Without ETags nobody can tell that the same was sent again.
  const isUntold = conditions.store.hasNoEtags && isSentTwice(life, content)
  // Then it may be taken for a second run of another size than LiveKit said: kept, and a person is told.
  if (isUntold && recording.attention === 'size-mismatch') return
  const most = isUntold || isCopiedForFirst(storm, life) ? 2 : 1
  if (finals.length === 0 || finals.length > most || temps.length !== 0) {
    const where = places.map(({ key }) => key).join(', ')
    throw new Broken('every file is final exactly once', `${content} lies at ${where}`)
  }
  if (upload.role === 'segment') return
  const [final] = finals
  const isShown = recording.files.some(
    (file) => file.state === 'final' && file.key?.normalize('NFC') === final?.key.normalize('NFC'),
  )
  if (!isShown) throw new Broken('every file is ready', `${final?.key} is in no list of files`)
}

/** Empty, or of another size than LiveKit said: kept where it is, and a person is told. */
function isNotAsPromised(
  storm: Aftermath,
  life: Life,
  upload: Uploaded,
  { attention, files }: Recording,
): boolean {
  // The second run may be taken for a first one that is not as promised, when nobody ever heard what LiveKit says of it.
  const isOfRunUnheard = life.shape === 'second-run' && !isSizeSaid(storm, life, upload)
  if (!brokenPromises.has(life.shape) && !isOfRunUnheard) return false
  const name = upload.path.normalize('NFC').split('/').at(-1)
  const isQuarantined = files.some((file) => file.state === 'quarantined' && file.name === name)
  const isEmpty = upload.content.sizeBytes === 0
  return isQuarantined && (isEmpty ? attention === 'empty-file' : attention === 'size-mismatch')
}

/** Some witness told whose the file is: a message with its path, LiveKit's list, a manifest, its folder, its metadata. */
function isKnowable(
  storm: Aftermath,
  life: Life,
  upload: Uploaded,
  actor: Actor | undefined,
): boolean {
  if (isSaid(storm, life, upload, actor)) return true
  if (upload.role === 'segment' && isListKnowable(storm, life, actor)) return true
  const { egressId, metadata } = life
  if (metadata['egress-id'] === egressId || upload.key.includes(`/${egressId}/`)) return true
  return isInManifest(storm, life, upload)
}

/** A segment is known by its playlist, and so is whatever else lies in the folder. */
function isListKnowable(storm: Aftermath, life: Life, actor: Actor | undefined): boolean {
  const playlist = life.uploads.find(({ role }) => role === 'playlist')
  return playlist !== undefined && isKnowable(storm, life, playlist, actor)
}

/** LiveKit said the path, to the recording or to the sweep. */
function isSaid(
  storm: Aftermath,
  life: Life,
  { path }: Uploaded,
  actor: Actor | undefined,
): boolean {
  if (actor?.heardPaths.has(path)) return true
  return answeredOutputs(storm, life).some((output) => output.path === path)
}

/** LiveKit said the size of these very bytes. */
function isSizeSaid(storm: Aftermath, life: Life, { path, content }: Uploaded): boolean {
  const heard = storm.actors.get(life.egressId)?.heard ?? new Set<string>()
  const outputs = [...heardOutputs(life, heard), ...answeredOutputs(storm, life)]
  return outputs.some((output) => output.path === path && output.sizeBytes === content.sizeBytes)
}

function heardOutputs({ told }: Life, words: ReadonlySet<string>): OutputFact[] {
  return told.flatMap(({ facts }) =>
    words.has(`${facts.status}:${facts.updatedAtUs}`) ? (facts.outputs ?? []) : [],
  )
}

function answeredOutputs({ answered }: Aftermath, { egressId, told }: Life): OutputFact[] {
  return told.flatMap(({ facts }) =>
    answered.has(`${egressId} ${facts.status}:${facts.updatedAtUs}`) ? (facts.outputs ?? []) : [],
  )
}

/** A manifest lies in the bucket that names the file, by its path or, a playlist, by its location. */
function isInManifest({ bucket }: Aftermath, { uploads }: Life, { key, path }: Uploaded): boolean {
  const names = [path, `https://store/${key}`].map((name) => JSON.stringify(name))
  return uploads.some(
    (manifest) =>
      manifest.role === 'manifest' &&
      isIn(bucket.objects, manifest) &&
      names.some((name) => manifest.content.text?.includes(name)),
  )
}

/** A store that ignores conditions copied the second run when it was asked for the first, which was overwritten by then. */
function isCopiedForFirst({ bucket, conditions }: Aftermath, { shape, uploads }: Life): boolean {
  const first = uploads.find(({ role }) => role === 'media')?.content.content ?? ''
  const isOverwritten = shape === 'second-run' && bucket.forgiven.has(first)
  return isOverwritten && conditions.store.ignoresConditions
}

function isSentTwice({ uploads }: Life, content: string): boolean {
  return uploads.filter((upload) => upload.content.content === content).length > 1
}

function isHalved({ bucket }: Aftermath, content: string): boolean {
  return [...bucket.objects.values()].some((object) => object.content === `half of ${content}`)
}

function isIn(objects: ReadonlyMap<string, StoredObject>, { content }: Uploaded): boolean {
  return [...objects.values()].some((object) => object.content === content.content)
}

/** Nobody can know whose it is: it lies where it was, and the sweep lists it. */
function assertKept({ database }: Aftermath, upload: Uploaded, places: StoredObject[]): void {
  const [place] = places
  const isListed = place !== undefined && database.orphans().includes(place.key)
  if (places.length !== 1 || !place?.key.startsWith(tempPrefix) || !isListed) {
    const where = places.map(({ key }) => key).join(', ')
    throw new Broken('what nobody claims is kept and listed', `${upload.key}: ${where}`)
  }
}

/** Order, duplicates, loss and crashes made no difference, where LiveKit's decisive word was heard at all. */
function assertSameEnd(
  storm: Aftermath,
  calm: Aftermath,
  life: Life,
  calmEnd: EndState | undefined,
): void {
  const actor = storm.actors.get(life.egressId)
  const end = endStates(storm).get(life.egressId)
  if (actor === undefined || end === undefined || calmEnd === undefined) return
  if (!actor.heard.has(calmEnd.verdict)) return
  // LiveKit itself said twice that there never was such an egress, and no file came: it is in no list.
  if (actor.state.conclusion?.as === 'ghost' && life.uploads.length === 0) return
  const unknown = life.uploads.filter((upload) => !isKnowable(storm, life, upload, actor))
  const halved = life.uploads.filter(({ content }) => isHalved(storm, content.content))
  const forgiven = new Set([
    ...storm.bucket.forgiven,
    ...calm.bucket.forgiven,
    ...[...unknown, ...halved].map(({ content }) => content.content),
  ])
  const stripped = ({ finals, ...same }: EndState): EndState => ({
    ...same,
    attention: null,
    finals: [...new Set(finals)].filter((content) => !forgiven.has(content)),
  })
  // Moved before LiveKit's word of its size was heard: it plays, and a person is told all the same.
  if (life.shape === 'other-size' && end.attention === 'size-mismatch') return
  if (!isDeepStrictEqual(stripped(end), stripped(calmEnd))) {
    throw new Broken(
      'the end is that of the same history in order',
      `${life.egressId} (${life.shape}): ${JSON.stringify(end)} is not ${JSON.stringify(calmEnd)}`,
    )
  }
}
