// The decisions that a planted bug may replace. The storm is worth something only if it finds them; `asBuilt` changes nothing.
import { evidenceOfObjects } from '../../src/recording/erasure.ts'
import { playlistOf, versionOf } from '../../src/recording/folders.ts'
import { merge, observe } from '../../src/recording/lifecycle.ts'
import type { Observation } from '../../src/recording/observation.ts'
import type { Registry } from '../../src/recording/ports.ts'
import { nothingSeen } from '../../src/recording/seen.ts'
import type { FileWork, FolderWork, RecordingState } from '../../src/recording/state.ts'

export interface Rules {
  /** What the object makes of an observation whose id is new. */
  observe: (state: RecordingState, observation: Observation) => RecordingState
  /** What it commits after a step. */
  revise: (state: RecordingState) => RecordingState
  /** A statement to the catalogue. */
  rewrite: (sql: string) => string
  /** The registry as the object reaches it. */
  registry: (registry: Registry) => Registry
}

export const asBuilt: Rules = {
  observe,
  revise: (state) => state,
  rewrite: (sql) => sql,
  registry: (registry) => registry,
}

/** A copy that the store accepted is believed at once, so that the temp file goes before anybody looked. */
export const deletesBeforeItVerifies: Rules = {
  ...asBuilt,
  revise: (state) => ({ ...state, files: state.files.map((file) => believed(state, file)) }),
}

function believed(state: RecordingState, file: FileWork): FileWork {
  if (file.state !== 'moving' || !file.copyAsked || file.source === null) return file
  const { etag, sizeBytes } = file.source
  const key = `recordings/${state.egressId}/${file.name}`
  return { ...file, state: 'final', final: { key, etag, sizeBytes } }
}

/** Webhooks with new ids are taken for new ends: each brings a file of its own. */
export const knowsDuplicatesByIdOnly: Rules = {
  ...asBuilt,
  observe: (state, observation) => {
    const after = observe(state, observation)
    const isEnd = observation.egress?.terminalAtMs !== null && observation.egress !== null
    const [first] = state.files
    if (!isEnd || first === undefined || first.optional) return after
    const again: FileWork = { ...first, name: `again-${after.files.length}-${first.name}` }
    const fresh = { state: 'expected', source: null, final: null, tempRemoved: false } as const
    return { ...after, files: [...after.files, { ...again, ...fresh, copyAsked: false }] }
  },
}

/** The last message to arrive replaces what was known. */
export const lastWriterWins: Rules = {
  ...asBuilt,
  observe: (state, observation) => {
    const said = merge(nothingSeen, observation)
    const heard = Object.entries(said).filter(
      ([name, value]) => value !== null && !Array.isArray(value) && name !== 'objects',
    )
    const seen = { ...merge(state.seen, observation), ...Object.fromEntries(heard) }
    return observe({ ...state, seen }, { ...observation, egress: null })
  },
}

/** What was deleted once is not looked for again, whatever comes of it later. */
export const removesOnlyOnce: Rules = {
  ...asBuilt,
  observe: (state, observation) => {
    const after = observe(state, observation)
    if (state.removal.doneFor === null) return after
    return { ...after, removal: { ...after.removal, doneFor: evidenceOfObjects(after) } }
  },
}

/** The catalogue takes every write, the late ones as well. */
export const guardsNoRevision: Rules = {
  ...asBuilt,
  rewrite: (sql) =>
    sql
      .replace('WHERE excluded.revision > recordings.revision', '')
      .replace('AND revision < ?2', ''),
}

/** The object believes that it told the registry, and the registry has never heard of it. */
export const neverTellsTheRegistry: Rules = {
  ...asBuilt,
  registry: () => ({ put: async () => {} }),
}

/** A playlist does not wait for its segments: they are walked when it is in its place. */
export const movesPlaylistsFirst: Rules = {
  ...asBuilt,
  revise: (state) => ({ ...state, folders: state.folders.map((folder) => put(state, folder)) }),
}

/** The folder passes for copied until its playlist is final, and is begun then. */
function put(state: RecordingState, folder: FolderWork): FolderWork {
  const playlist = playlistOf(state, folder)
  // Nobody has counted its files, so no pass has been made.
  if (playlist === undefined || folder.total !== null) return folder
  if (playlist.state === 'final') return { ...folder, state: 'expected' }
  return { ...folder, state: 'copied', version: versionOf(playlist) }
}

/** Whatever lies at the place of a file is taken for it. */
export const comparesNoSizes: Rules = {
  ...asBuilt,
  observe: (state, observation) => sizeless(observe(state, observation)),
  revise: sizeless,
}

function sizeless(state: RecordingState): RecordingState {
  const { outputs } = state.seen
  if (outputs === null) return state
  const value = outputs.value.map((output) => ({ ...output, sizeBytes: null }))
  return { ...state, seen: { ...state.seen, outputs: { ...outputs, value } } }
}
