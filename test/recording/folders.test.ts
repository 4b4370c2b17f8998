// Which folders a recording has and what is next for each. Exists for runs and outputs that use the same names, and for
// lists that must not be seen before what they list.
import { describe, expect, it } from 'vitest'
import {
  isForsaken,
  planFolders,
  revivedFolder,
  waitsForSegments,
} from '../../src/recording/folders.ts'
import { nextStep, observe, settle } from '../../src/recording/lifecycle.ts'
import type { OutputFact } from '../../src/recording/observation.ts'
import { newState } from '../../src/recording/state.ts'
import type { FileWork, RecordingState } from '../../src/recording/state.ts'
import { status } from '../../src/recording/status.ts'
import { output, settings, startMs, webhook } from './evidence.ts'

const folder = 'temp/EG_test/'
const playlist = output({ kind: 'playlist', path: `${folder}index.m3u8`, located: true })
const live = output({ kind: 'live_playlist', path: `${folder}live.m3u8`, located: true })
const nowMs = startMs + 100_000

function ended(outputs: OutputFact[], word = 'EGRESS_COMPLETE'): RecordingState {
  const facts = { outputs, terminalAtMs: startMs + 60_000 }
  const state = observe(newState('EG_test'), webhook(word, 60, facts))
  return { ...state, registry: { ...state.registry, entry: 'open' } }
}

function withFile(state: RecordingState, name: string, change: Partial<FileWork>): RecordingState {
  const files = state.files.map((file) => (file.name === name ? { ...file, ...change } : file))
  return { ...state, files }
}

const source = {
  key: playlist.path,
  etag: 'e1',
  sizeBytes: 100,
  lastModifiedMs: startMs,
  contentType: null,
  metadata: {},
}
const found = (state: RecordingState): RecordingState =>
  ['index.m3u8', 'live.m3u8'].reduce(
    (now, name) => withFile(now, name, { state: 'in_temp', source }),
    state,
  )

/** Works that are due, one after the other, as if none ever ended. */
function due(state: RecordingState): string {
  const step = nextStep(
    { ...state, catalogue: { ...state.catalogue, pause: later } },
    nowMs,
    settings,
  )
  return 'name' in step
    ? `${step.do} ${step.name}`
    : 'path' in step
      ? `${step.do} ${step.path}`
      : step.do
}
const later = { attempts: 1, untilMs: nowMs + 60_000, fault: null }

describe('a playlist', () => {
  it('is looked for first, then its segments are copied, then it, then the live one', () => {
    const state = ended([playlist, live])
    expect(due(state)).toBe('locate index.m3u8')
    const located = found(state)
    expect(due(located)).toBe(`copy-files ${playlist.path}`)
    const copied = {
      ...located,
      folders: located.folders.map((known) => ({
        ...known,
        state: 'copied' as const,
        version: `e1-100-${startMs}`,
      })),
    }
    expect(due(copied)).toBe('copy index.m3u8')
    const moved = withFile(copied, 'index.m3u8', { state: 'final', tempRemoved: true })
    expect(due(moved)).toBe('copy live.m3u8')
  })

  it('that has changed since its segments were copied waits for those that it names by now', () => {
    const located = found(ended([playlist]))
    const copied = {
      ...located,
      folders: located.folders.map((known) => ({
        ...known,
        state: 'copied' as const,
        version: 'older',
      })),
    }
    expect(due(copied)).toBe(`copy-files ${playlist.path}`)
    expect(status(copied)).toBe('processing')
  })

  it('that is larger than one copy may be waits for its segments as well', () => {
    const located = withFile(found(ended([playlist])), 'index.m3u8', {
      source: { ...source, sizeBytes: settings.multipartAboveBytes + 1 },
    })
    expect(due(located)).toBe(`copy-files ${playlist.path}`)
  })

  it('that is missing holds up nothing: the live one stays, and nobody waits for it', () => {
    const state = withFile(found(ended([playlist, live])), 'index.m3u8', { state: 'missing' })
    const liveWork = state.files.find(({ kind }) => kind === 'live_playlist')
    if (liveWork === undefined) throw new Error('there is no live playlist')
    expect(waitsForSegments(state, liveWork)).toBe(true)
    expect(isForsaken(state, liveWork)).toBe(true)
    expect(status(state)).toBe('failed')
  })

  it('of a second run gets a folder of its own, and so does its live one', () => {
    const done = { state: 'final' as const, tempRemoved: true, overwritten: true, source }
    const first = withFile(withFile(ended([playlist, live]), 'index.m3u8', done), 'live.m3u8', done)
    const second = settle(first)
    expect(second.files.map(({ name }) => name)).toEqual([
      'index.m3u8',
      'live.m3u8',
      'run-2/index.m3u8',
      'run-2/live.m3u8',
    ])
    expect(second.folders.map(({ run, place }) => [run, place])).toEqual([
      [0, ''],
      [1, 'run-2/'],
    ])
  })
})

describe('folders', () => {
  it('are planned once, however often', () => {
    const image = output({ kind: 'image', path: `${folder}thumb`, located: true })
    const state = ended([playlist, live, image])
    expect(state.folders.map(({ kind, path }) => [kind, path])).toEqual([
      ['segments', playlist.path],
      ['images', image.path],
    ])
    expect(planFolders(settle(settle(state)))).toEqual(state.folders)
  })

  it('of images whose names begin alike do not meet', () => {
    const images = ['a/thumb', 'b/thumb', 'b/cover'].map((name) =>
      output({ kind: 'image', path: `${folder}${name}`, located: true }),
    )
    expect(ended(images).folders.map(({ place }) => place)).toEqual(['', 'images-2/', ''])
  })

  it('that lack files are walked once more when a person asks, whole ones are not', () => {
    const [known] = ended([playlist]).folders
    if (known === undefined) throw new Error('there is no folder')
    const done = { ...known, state: 'done' as const, doneBytes: 5, pause: later }
    expect(revivedFolder(done)).toMatchObject({ state: 'done', pause: { attempts: 0 } })
    const lacking = { ...done, missing: ['a'], missingCount: 1 }
    expect(revivedFolder(lacking)).toMatchObject({ state: 'expected', missing: [], doneBytes: 0 })
  })
})

describe('names that LiveKit only guessed', () => {
  it('are looked for as what they are: a list is a list, and images and manifests are not looked for', () => {
    const guess = webhook('EGRESS_ACTIVE', 1, {
      outputs: [
        output({ kind: 'playlist', path: `${folder}guess.m3u8` }),
        output({ kind: 'image', path: `${folder}thumb` }),
      ],
    })
    const end = webhook('EGRESS_FAILED', 60, {
      outputs: [output({ kind: 'playlist', path: playlist.path })],
    })
    const state = [guess, end].reduce(observe, newState('EG_test'))
    expect(state.files.map(({ kind, path }) => [kind, path])).toEqual([
      ['playlist', playlist.path],
      ['playlist', `${folder}guess.m3u8`],
    ])
  })
})
