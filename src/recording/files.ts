// Which files a recording has to bring home, after whatever evidence, and where each of them is to be looked for. Pure. It
// must never give up a work: what was given up is only left alone until there is news of it.
import { directoryOf, isList, listPlace } from './folders.ts'
import { doubtedFile } from './gone.ts'
import { finalFolder, freeName, isKeyOf, isSafeKey, isSameKey, isUnder, tempKeys } from './keys.ts'
import type { ObjectFact, OutputFact } from './observation.ts'
import { factOf, nameFor, seenKeysOf } from './named.ts'
import { promisedBytes } from './promised.ts'
import { keysByLocation } from './places.ts'
import { outputsToMove } from './outputs.ts'
import { mayBeAnotherRun, sentAgain } from './runs.ts'
import { knownByWord } from './in-final-folder.ts'
import type { Fault, FileWork, Pause, RecordingState, Settings } from './state.ts'
import { isBackup, noPause } from './state.ts'

/** Words with which LiveKit promises a file, location or not. */
const promisingStatuses = new Set(['EGRESS_COMPLETE', 'EGRESS_LIMIT_REACHED'])
/** The file works of an ended egress, after new evidence: new outputs get one, doubts that the evidence settles are dropped. */
export function planFiles(state: RecordingState): FileWork[] {
  let files = state.files.map((file) => sentAgain(state, settleDoubt(state, file)))
  for (const fact of outputsToMove(state)) {
    files = knownByWord(state, files, fact)
    const name = nameFor(state, fact.path)
    const known = files.filter((file) => nameFor(state, file.path) === name)
    const latest = known.at(-1)
    if (latest === undefined)
      files = [...files, newWork(state, files, fact, isOptional(state, fact))]
    else if (isPromisedNow(state, fact, known)) {
      files = files.map((file) => (file === latest ? withPromise(state, file) : file))
    } else if (mayBeAnotherRun(state, latest)) {
      files = [...files, newWork(state, files, fact, true)]
    }
  }
  return files
}

/** The work after objects were seen in the bucket: what was given up is looked for again when it is among them. */
export function awakened(file: FileWork, objects: ObjectFact[]): FileWork {
  const isGivenUp = ['missing', 'absent', 'quarantined'].includes(file.state)
  const isAmong = objects.some(({ key }) => isKeyOf(key, file.path))
  const isKnown = objects.some(
    ({ key, etag }) =>
      file.source !== null && isSameKey(file.source.key, key) && file.source.etag === etag,
  )
  return isGivenUp && isAmong && !isKnown
    ? {
        ...file,
        state: 'expected',
        source: null,
        final: null,
        tempRemoved: false,
        doubt: null,
        pause: noPause,
      }
    : file
}

/** The work as if nothing had failed yet: a person wants it tried again now. */
export function revived(file: FileWork): FileWork {
  const isGivenUp = ['missing', 'absent', 'quarantined'].includes(file.state) && file.final === null
  return isGivenUp
    ? { ...file, state: 'expected', source: null, doubt: null, pause: noPause }
    : doubtedFile({ ...file, pause: { ...file.pause, untilMs: 0 } })
}

/** True for a file that is to stay where it lies. */
export function isInPlace(state: RecordingState, path: string): boolean {
  return state.seen.outputs?.value.some((fact) => fact.path === path && fact.inPlace) ?? false
}

/** True when the file is to be had from LiveKit's backup storage. What was pulled from there once is not pulled again. */
export function hasBackup(state: RecordingState, file: FileWork): boolean {
  if (factOf(state, file)?.backupUrl === undefined) return false
  const name = nameFor(state, file.path)
  return !state.files.some(
    (other) => other !== file && nameFor(state, other.path) === name && isBackup(other),
  )
}

function isOptional(state: RecordingState, fact: OutputFact): boolean {
  if (fact.kind === 'manifest') return true
  if (fact.located) return false
  const named = state.seen.outputs?.value.some((output) => output.path === fact.path) ?? false
  return !named || !promisingStatuses.has(state.seen.verdict?.value.status ?? '')
}

/** The promise is about the first work: a second one looks for a second run, and whoever finds it has it. */
function isPromisedNow(state: RecordingState, fact: OutputFact, works: FileWork[]): boolean {
  return works.length === 1 && works[0]?.optional === true && !isOptional(state, fact)
}

/** The work of a file that LiveKit promises by now, looked for once more if it had been given up. */
function withPromise(state: RecordingState, file: FileWork): FileWork {
  // A file that was found before anybody told of an end may be of another run: its end stays unknown, and is looked into.
  if (file.source !== null) return { ...file, optional: false }
  const terminalAtMs = state.seen.terminalAtMs?.value ?? null
  const work = { ...file, optional: false, terminalAtMs }
  return file.state === 'absent' ? { ...work, state: 'expected', pause: noPause } : work
}

function newWork(
  state: RecordingState,
  files: FileWork[],
  fact: Pick<OutputFact, 'kind' | 'path'>,
  optional: boolean,
): FileWork {
  return {
    name: nameOf(files, fact),
    kind: fact.kind,
    path: fact.path,
    terminalAtMs: state.seen.terminalAtMs?.value ?? null,
    optional,
    state: 'expected',
    source: null,
    upload: null,
    abandoned: null,
    copyAsked: false,
    final: null,
    tempRemoved: false,
    overwritten: false,
    doubt: null,
    pause: noPause,
  }
}

function nameOf(files: FileWork[], { kind, path }: Pick<OutputFact, 'kind' | 'path'>): string {
  const taken = new Set(files.map((file) => file.name))
  return isList(kind) ? nameIn(listPlace(files, kind), path, taken) : freeName(path, taken)
}

/** The first name in a folder that is not taken yet. */
function nameIn(place: string, path: string, taken: ReadonlySet<string>): string {
  const beside = [...taken].filter((name) => directoryOf(name) === place)
  return `${place}${freeName(path, new Set(beside.map((name) => name.slice(place.length))))}`
}

function settleDoubt(state: RecordingState, file: FileWork): FileWork {
  const isMismatch = file.state === 'quarantined' && file.pause.fault?.code === 'size-mismatch'
  if (!isMismatch || file.source?.sizeBytes !== promisedBytes(state, file)) return file
  return { ...file, state: 'in_temp', doubt: null, pause: noPause }
}

/** The keys to look at for a file, likeliest first, or why none may be looked at. */
export function candidateKeys(
  state: RecordingState,
  path: string,
  settings: Settings,
): { keys: string[] } | { refused: Fault } {
  const { tempPrefix, finalPrefix } = settings
  if (isInPlace(state, path) && isSafeKey(path)) return { keys: [path] }
  const safe = tempKeys(path, tempPrefix)
  if (safe.length === 0) {
    return {
      refused: {
        code: 'unsafe-key',
        message: 'The path that LiveKit gave leads out of its folder.',
      },
    }
  }
  // A located file may lie outside the temp folder: it is copied from there and never deleted. The final folder is ours.
  const located = state.seen.outputs?.value.some((fact) => fact.path === path && fact.located)
  const keys = safe.filter(
    (key) => isUnder(tempPrefix, key) || (located === true && !isUnder(finalPrefix, key)),
  )
  // An egress service may have a prefix that we do not know of: what the bucket showed is looked at as well.
  const seen = seenKeysOf(state, path).filter((key) => isSafeKey(key) && isUnder(tempPrefix, key))
  const all = new Set([...keys, ...seen, ...keysByLocation(state.seen, path, tempPrefix)])
  if (all.size > 0) return { keys: [...all] }
  const message = `The file lies neither in the temp folder ${tempPrefix} nor beside the final one.`
  return { refused: { code: 'outside-folders', message } }
}

/** The work once more from the start, after a copy did not pass; what was asked of the final key is remembered. */
export function lookAgain(file: FileWork, finalKeyOf: string, pause: Pause): FileWork {
  const { uploadId } = file.upload ?? {}
  const abandoned = uploadId === undefined ? file.abandoned : { key: finalKeyOf, uploadId }
  return { ...file, state: 'expected', source: null, doubt: null, upload: null, abandoned, pause }
}

/** The work with another name in the recording's folder: its own is taken by something that is not ours. */
export function renamed(state: RecordingState, file: FileWork): FileWork {
  const taken = new Set(state.files.map((known) => known.name))
  return { ...file, name: nameIn(directoryOf(file.name), file.name, taken), copyAsked: false }
}

/** The final key of a file. */
export function finalKey(state: RecordingState, file: FileWork, settings: Settings): string {
  return `${finalFolder(settings.finalPrefix, state.egressId)}${file.name}`
}
